"""How EAP carries TLS: flags, total length, fragments and their acknowledgements (RFC 5216 sections 2.1.5 and 3).

EAP-TTLS and PEAP have the same, with a version in the lowest bits of the flags.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.eap.errors import Failed, LimitExceeded
from conformance.eap.layout import U8, U32, Body, Rest
from conformance.wire.errors import WireError

LENGTH, MORE, START = 0x80, 0x40, 0x20
VERSION = 0x07


class Frame(Body):
    """Base of both forms, so that a bend can name them together."""

    __slots__ = ()

    flags: int
    data: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Piece(Frame):
    """A frame without the total length: Start, acknowledgement, a short message, a fragment after the first one."""

    flags: U8 = 0
    data: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class SizedPiece(Frame):
    """A frame with the length of the whole TLS message."""

    flags: U8 = LENGTH
    total: U32 = 0
    data: Rest = b""


FRAMES: tuple[type[Body], ...] = (Piece, SizedPiece)


def decode_frame(data: bytes) -> Piece | SizedPiece:
    """The frame that is exactly ``data``.

    Raises:
        WireError: it ends within the flags or the length.
    """
    if not data:
        raise WireError(0, "flags", "0 bytes left, expected 1")
    return SizedPiece.decode(data) if data[0] & LENGTH else Piece.decode(data)


@dataclass(frozen=True, slots=True)
class TlsLimits:
    """What is too much.

    Attributes:
        octets: in one TLS message, which is all that one side says before the other one speaks.
        fragments: of one TLS message.
    """

    octets: int = 65536
    fragments: int = 512


class Fragments:
    """TLS messages in frames, both directions.

    Args:
        size: most octets of TLS in one frame that is sent.
        limits: of what comes in.
        version: of the method, in the flags.
    """

    def __init__(self, size: int, limits: TlsLimits, version: int = 0) -> None:
        self.size = size
        self.limits = limits
        self.version = version
        self.outgoing = b""
        self.started = False
        self.incoming = bytearray()
        self.total: int | None = None
        self.count = 0

    # --- out ------------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether there is a rest that waits for an acknowledgement."""
        return bool(self.outgoing)

    def load(self, message: bytes) -> Frame:
        """The first frame of a message; an empty message is an acknowledgement."""
        self.outgoing, self.started = message, False
        return self.next()

    def next(self) -> Frame:
        """The next frame."""
        first, total = not self.started, len(self.outgoing)
        data, self.outgoing = self.outgoing[: self.size], self.outgoing[self.size :]
        self.started = True
        flags = self.version | (MORE if self.outgoing else 0)
        if self.tells_length(first):
            return SizedPiece(flags | LENGTH, total, data)
        return Piece(flags, data)

    def tells_length(self, first: bool) -> bool:
        """Whether a frame says how long the message is: only the first one of several has to."""
        return first and self.pending

    # --- in -------------------------------------------------------------------------------------------------------

    def take(self, frame: Piece | SizedPiece) -> bytes | None:
        """Adds a frame, and gives the message that it completes, or None where more is to come.

        Raises:
            LimitExceeded: the message is too long, or in too many fragments.
            Failed: the lengths disagree.
        """
        self.count += 1
        if self.count > self.limits.fragments:
            raise LimitExceeded(f"TLS message of more than {self.limits.fragments} fragments")
        if isinstance(frame, SizedPiece):
            self.take_total(frame.total)
        elif frame.flags & MORE and self.count == 1:
            self.miss_total()
        self.incoming += frame.data
        if len(self.incoming) > self.limits.octets:
            raise LimitExceeded(f"TLS message of more than {self.limits.octets} octets")
        if frame.flags & MORE:
            return None
        message, total = bytes(self.incoming), self.total
        self.forget()
        if total is not None and total != len(message):
            self.mismatch(total, len(message))
        return message

    def forget(self) -> None:
        """Begins a new message."""
        self.incoming.clear()
        self.total, self.count = None, 0

    def take_total(self, total: int) -> None:
        """A frame says how long the message is; the first one that does so counts, others have to repeat it."""
        if total > self.limits.octets:
            raise LimitExceeded(f"TLS message of {total} octets announced, more than {self.limits.octets}")
        if self.total not in (None, total):
            raise Failed(f"TLS message length {total} after {self.total}")
        self.total = total

    def miss_total(self) -> None:
        """The first of several fragments has no length, which it must have (RFC 5216 section 3.1)."""
        raise Failed("first fragment without TLS message length")

    def mismatch(self, total: int, length: int) -> None:
        """The message is not as long as it was said to be."""
        raise Failed(f"TLS message of {length} octets, {total} were announced")
