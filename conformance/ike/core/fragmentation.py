"""IKE fragmentation: cutting plaintext into SKF payloads and putting received ones together (RFC 7383)."""

from dataclasses import dataclass, field

from conformance.ike.core.protection import Fragment
from conformance.wire import SKF

MAX_FRAGMENTS = 1024
"""More fragments than this in one message are not collected: a bound on memory, far above any real message."""

MAX_SIZE = 65_536
"""Octets of decrypted fragments that may wait for the rest of their message (RFC 7383, section 5)."""


def split(plaintext: bytes, room: int) -> list[tuple[Fragment, bytes]]:
    """Cut ``plaintext`` into pieces of at most ``room`` octets, numbered from 1 (RFC 7383, section 2.5)."""
    pieces = [plaintext[at : at + room] for at in range(0, len(plaintext), room)] or [b""]
    return [(Fragment(number, len(pieces)), piece) for number, piece in enumerate(pieces, 1)]


@dataclass(slots=True)
class Reassembly:
    """The fragments of one message that have come so far, since ``started``. Each was authenticated before."""

    started: float = 0.0
    total: int = 0
    inner: int = 0
    pieces: dict[int, bytes] = field(default_factory=dict)

    def accepts(self, payload: SKF) -> bool:
        """Sanity checks of RFC 7383, section 2.6: the numbers make sense, and it is no smaller set than ours."""
        return 0 < payload.number <= payload.total <= MAX_FRAGMENTS and payload.total >= self.total

    def add(self, payload: SKF, plaintext: bytes) -> bool:
        """Keep one piece; True when the message is complete.

        A larger total than before means that the peer cut the message into smaller pieces (path MTU discovery): what
        came so far is thrown away. A doubled fragment is passed over.
        """
        if payload.total > self.total:
            self.total, self.pieces, self.inner = payload.total, {}, 0
        if payload.number not in self.pieces:
            self.pieces[payload.number] = plaintext
            if payload.number == 1:
                self.inner = payload.inner
        return len(self.pieces) == self.total

    def overflows(self, plaintext: bytes) -> bool:
        """True if one more piece exceeds what a message may take (RFC 7383, section 5)."""
        return sum(map(len, self.pieces.values())) + len(plaintext) > MAX_SIZE

    def plaintext(self) -> bytes:
        """The whole plaintext, pieces in order."""
        return b"".join(self.pieces[number] for number in sorted(self.pieces))
