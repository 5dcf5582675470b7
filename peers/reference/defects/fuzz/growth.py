"""Something is kept for ever, or not let go."""

from conformance.ike.core.fragmentation import Reassembly
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import SKF, Header, Message, UnknownPayload
from peers.reference.defects.fuzz.registry import fuzz_defect


@fuzz_defect("growth")
class KeepsStrays(Endpoint):
    """Whatever belongs to no IKE SA is remembered, in a list that nobody empties."""

    strays: list[bytes]

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        """Keep the datagram."""
        self.__dict__.setdefault("strays", []).append(bytes(datagram.payload) * 4)
        super().unknown_spi(header, datagram)


@fuzz_defect("growth")
class KeepsDropped(IkeSa):
    """What an IKE SA ignores is kept with it."""

    ignored: list[bytes]

    def drop(self, reason: str) -> None:
        """Keep the message."""
        self.__dict__.setdefault("ignored", []).append(self.last_raw * 4)
        super().drop(reason)


class _Endless(Reassembly):
    def accepts(self, payload: SKF) -> bool:
        return payload.number > 0

    def overflows(self, plaintext: bytes) -> bool:
        return False


@fuzz_defect("growth")
class EndlessReassembly(IkeSa):
    """Fragments are kept whatever their numbers say, under each message ID, and never given up."""

    reassembly_class = _Endless
    lost: list[bytes]

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        """Keep those outside the window, too."""
        if payload.number > payload.total or message.message_id != self.expected_id:
            self.__dict__.setdefault("lost", []).append(plaintext * 4)
        return super().collect(message, payload, plaintext)


@fuzz_defect("left-behind")
class KeptAfterFailure(IkeSa):
    """An IKE SA whose IKE_AUTH is refused with AUTHENTICATION_FAILED is not deleted."""

    def close(self, reason: str) -> None:
        """Stay."""
        if self.state.value == "half-open" and self.close_after_response is not None:
            self.close_after_response = None
            return
        super().close(reason)


@fuzz_defect("hang")
class NeverUnlocked(Endpoint):
    """A critical payload that it does not know in IKE_SA_INIT leaves the lock of new IKE SAs taken."""

    locked: bool = False

    def accept_init(self, message: Message, header: Header, raw: bytes, datagram: Datagram) -> None:
        """Take the lock, and give it back unless that is forgotten."""
        if self.locked:
            return
        if any(isinstance(one, UnknownPayload) for one in message.payloads):
            self.locked = True
        super().accept_init(message, header, raw, datagram)
