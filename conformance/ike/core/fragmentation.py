"""IKE fragmentation: cutting plaintext into SKF payloads and putting received ones together (RFC 7383)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

from conformance.ike.core import protection
from conformance.ike.core.protection import Fragment
from conformance.ike.core.sending import Timer
from conformance.ike.core.spine import Spine
from conformance.net.link import NON_ESP_MARKER
from conformance.wire import SKF, Message, Notify, NotifyType

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


@dataclass(slots=True)
class Path:
    """What is known of the path; an IKE SA shares it with its successor.

    ``threshold`` is the largest IP datagram in octets (RFC 7383, section 2.5.1).
    """

    threshold: int


class Fragmentation(Spine):
    """Fragmenting what we send and collecting what comes, where both ends have announced that they can."""

    reassembly_class: ClassVar[type[Reassembly]] = Reassembly
    tries_per_probe: ClassVar[int] = 2
    fragmenting: bool = False
    pmtu: Path
    reassembly: dict[tuple[bool, int], Reassembly]

    def prepare(self) -> None:
        """No fragments have come yet."""
        super().prepare()
        self.reassembly = {}
        self.pmtu = Path(self.connection.fragment_size)

    def init_notifies(self) -> list[Notify]:
        """IKEV2_FRAGMENTATION_SUPPORTED (RFC 7383, section 2.3)."""
        mine = [Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)] if self.can_fragment() else []
        return [*super().init_notifies(), *mine]

    def init_announced(self, message: Message) -> None:
        """Fragment only if both ends can (RFC 7383, section 2.3)."""
        super().init_announced(message)
        theirs = message.notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)
        self.fragmenting = self.can_fragment() and theirs is not None

    def can_fragment(self) -> bool:
        """True unless fragmentation is switched off."""
        return self.connection.fragment_size > 0

    def pass_on(self, new: Self) -> None:
        """What was negotiated stays."""
        super().pass_on(new)
        new.fragmenting = self.fragmenting
        new.pmtu = self.pmtu

    # --- out ------------------------------------------------------------------------------------------------------

    def parts(self, plaintext: bytes) -> Sequence[tuple[Fragment | None, bytes]]:
        """Cut what does not fit into one datagram."""
        room = self.fragment_room()
        if self.must_fragment(len(plaintext), room):
            return split(plaintext, room)
        return super().parts(plaintext)

    def must_fragment(self, size: int, room: int) -> bool:
        """Fragment what does not fit into one datagram, if both sides said they can (RFC 7383, section 2.4)."""
        return self.fragmenting and room > 0 and size > room

    def fragment_room(self) -> int:
        """Octets of plaintext that fit into one fragment, 0: never fragment (RFC 7383, section 2.5.1)."""
        assert self.keys is not None
        if not self.pmtu.threshold:
            return 0
        marker = len(NON_ESP_MARKER) if self.encapsulated(self.local, self.remote) else 0
        ip_udp = (40 if ":" in self.local.host else 20) + 8 + marker
        return self.pmtu.threshold - ip_udp - protection.overhead(self.keys.suite.cipher, fragment=True)

    # --- the path MTU ---------------------------------------------------------------------------------------------

    def try_again(self) -> None:
        """Where fragments of this size do not arrive, smaller ones are tried (RFC 7383, section 2.5.2)."""
        pending = self.pending
        if pending is None or pending.tries < self.tries_per_probe or not self.probe(self.pmtu.threshold - 1):
            super().try_again()

    def probe(self, limit: int) -> bool:
        """Cut the request that waits into more fragments, for a threshold of at most ``limit``; False: none is left.

        The timers of the new probe start from the beginning.
        """
        pending = self.pending
        if pending is None or not self.fragmenting:
            return False
        before = self.pmtu.threshold
        for size in sorted((one for one in self.connection.fragment_probes if one <= limit), reverse=True):
            self.pmtu.threshold = size
            smaller = self.encode(pending.message)
            if len(smaller) > len(pending.datagrams):
                pending.datagrams, pending.tries = smaller, 0
                pending.deadline = self.probe_deadline()
                self.retransmit(pending)
                return True
        self.pmtu.threshold = before
        return False

    def probe_deadline(self) -> float:
        """When a new probe is repeated first."""
        return self.now + self.connection.retransmit_timeout

    def told_path_mtu(self, mtu: int) -> None:
        """A router says that what we have sent is too big: a smaller probe comes at once (RFC 7383, section 2.5.2)."""
        if mtu < self.pmtu.threshold:
            self.probe(mtu)

    # --- in -------------------------------------------------------------------------------------------------------

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        """Put a fragment to the others of its message; the whole once it is complete (RFC 7383, section 2.6).

        Of a request that was answered already, only fragment 1 asks for the response again (section 2.6.1).
        """
        if not self.fragmenting:
            return super().collect(message, payload, plaintext)
        response, number = message.is_response, message.message_id
        if not response and number == self.expected_id - 1 and self.last_response is not None:
            if self.asks_again(payload):
                self.retransmit_response()
            return None
        if number != (self.pending.message.message_id if response and self.pending else self.expected_id):
            self.drop(f"a fragment of message {number}, outside the window")
            return None
        # Our window is one: what there is of other messages is never completed any more (RFC 7296, section 2.3).
        for old in [one for one in self.reassembly if one[0] == response and one[1] != number]:
            del self.reassembly[old]
        parts = self.reassembly.setdefault((response, number), self.reassembly_class(self.now))
        if self.is_stale(parts):
            parts = self.reassembly[(response, number)] = self.reassembly_class(self.now)
        if not parts.accepts(payload):
            self.drop(f"fragment {payload.number} of {payload.total} makes no sense")
            return None
        if parts.overflows(plaintext):
            self.reassembly.clear()
            self.close(f"too many fragments of message {number}")
            return None
        if not parts.add(payload, plaintext):
            return None
        del self.reassembly[(response, number)]
        return parts.inner, parts.plaintext()

    def asks_again(self, payload: SKF) -> bool:
        """Of an answered request only fragment 1 asks for the response again (RFC 7383, section 2.6.1)."""
        return payload.number == 1

    def is_stale(self, parts: Reassembly) -> bool:
        """Whether a message that is not whole has waited too long."""
        return self.now > self.waits_until(parts)

    def waits_until(self, parts: Reassembly) -> float:
        """Fragments wait as long as we would for a response (RFC 7383, section 2.6)."""
        return parts.started + self.connection.patience()

    # --- time -----------------------------------------------------------------------------------------------------

    def timers(self) -> Iterator[Timer]:
        """Fragments whose message does not become whole are forgotten (RFC 7383, section 2.6)."""
        yield from super().timers()
        for key, parts in list(self.reassembly.items()):
            yield self.waits_until(parts), lambda key=key: self.reassembly.pop(key, None)  # type: ignore[misc]
