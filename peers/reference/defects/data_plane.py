"""Defects of the data plane: sequence numbers and the replay window, padding, sizes."""

from conformance.ipsec.errors import BadPadding, Replayed, TooOld
from conformance.ipsec.sad import InboundSa, OutboundSa
from peers.reference.defects.registry import defect

# --- replay ---------------------------------------------------------------------------------------------------------


@defect("data-replay", "data-replay-new-contents", "data-ah-replay")
class AcceptsReplays(InboundSa):
    """Accepts a sequence number more than once."""

    def check_sequence(self, sequence: int) -> None:
        try:
            super().check_sequence(sequence)
        except Replayed:
            return


@defect("data-replay")
class ForgetsHalfOfItsWindow(InboundSa):
    """Remembers the last 32 sequence numbers of its window only, as one with too narrow a bitmap does."""

    def check_sequence(self, sequence: int) -> None:
        try:
            super().check_sequence(sequence)
        except Replayed:
            if self.window is None or sequence > self.window.top - 32:
                raise


@defect("data-too-old", "data-sequence-zero", "data-ah-replay")
class AcceptsOldPackets(InboundSa):
    """Accepts what is left of its window."""

    def check_sequence(self, sequence: int) -> None:
        try:
            super().check_sequence(sequence)
        except TooOld:
            return


@defect("data-window", "data-window-default")
class AcceptsInOrderOnly(InboundSa):
    """Has no window: only a number higher than all before is accepted."""

    def check_sequence(self, sequence: int) -> None:
        if self.window is not None and sequence <= self.window.top:
            raise TooOld(f"sequence number {sequence}")


@defect("data-window-forged", "data-window-forged-duplicate")
class MovesWindowUnverified(InboundSa):
    """Notes a sequence number before the ICV is checked."""

    def check_sequence(self, sequence: int) -> None:
        super().check_sequence(sequence)
        if self.window is not None:
            self.window.accept(sequence)

    def accept_sequence(self, sequence: int) -> None:
        return


@defect("data-gap")
class RefusesGaps(InboundSa):
    """Takes a number far to the right of its window for a wrong one."""

    def check_sequence(self, sequence: int) -> None:
        super().check_sequence(sequence)
        if self.window is not None and sequence > self.window.top + 2**20:
            raise TooOld(f"sequence number {sequence} is too far ahead")


@defect("data-esn", "data-esn-cbc")
class ForgetsSubspaces(InboundSa):
    """Never increments the high half of an extended sequence number."""

    def sequence_of(self, low: int) -> int:
        return low


@defect("data-esn")
class LeavesSubspacesBehind(InboundSa):
    """Takes the high half of the last extended sequence number for that of all that follow, or the next one."""

    def sequence_of(self, low: int) -> int:
        found = super().sequence_of(low)
        top = (self.window or self._subspace).top
        return found if found >> 32 >= top >> 32 else found + (1 << 32)


@defect("data-esn-high")
class GuessesSubspaces(InboundSa):
    """Tries the next high half of an extended sequence number whenever an ICV is wrong."""

    resync_after = 1


# --- padding and sizes ----------------------------------------------------------------------------------------------


@defect("data-padding-contents")
class IgnoresPadding(InboundSa):
    """Does not look at the octets of padding."""

    def padding_is_right(self, padding: bytes) -> bool:
        return True


@defect("data-pad-length")
class IgnoresPadLength(InboundSa):
    """Takes a Pad Length that points in front of the payload for none."""

    def payload_end(self, size: int, pad_length: int) -> int:
        try:
            return super().payload_end(size, pad_length)
        except BadPadding:
            return size - 2

    def padding_is_right(self, padding: bytes) -> bool:
        return not padding or super().padding_is_right(padding)


@defect("data-padding-long")
class RefusesLongPadding(InboundSa):
    """Takes padding beyond the cipher's block for wrong."""

    def padding_is_right(self, padding: bytes) -> bool:
        return len(padding) < self.alignment and super().padding_is_right(padding)


# --- sequence numbers of its own ------------------------------------------------------------------------------------


@defect("data-sequence", "data-ah")
class CountsFromZero(OutboundSa):
    """The first packet has the sequence number zero."""

    def next_sequence(self) -> int:
        return super().next_sequence() - 1


@defect("data-sequence", "data-ah")
class SkipsNumbers(OutboundSa):
    """Leaves out every second sequence number."""

    def next_sequence(self) -> int:
        super().next_sequence()
        return super().next_sequence()
