"""What both sides of an EAP conversation do alike: read, count, bend and write packets, and know how it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from conformance.crypto import Random
from conformance.eap.bend import STRAIGHT, EapBend
from conformance.eap.errors import Discard, Failed, LimitExceeded
from conformance.eap.kind import Kind
from conformance.eap.layout import Body
from conformance.eap.method import Method
from conformance.wire import EapCode, EapPacket
from conformance.wire.errors import WireError


class Outcome(Enum):
    """How far a conversation is."""

    ONGOING = "ongoing"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too much.

    Attributes:
        octets: in one packet; its Length field allows 65535.
        packets: from the other side, in one conversation, retransmissions included.
        identities: requests for the identity, or responses with one.
        notifications: requests with one.
    """

    octets: int = 65535
    packets: int = 1000
    identities: int = 8
    notifications: int = 32


class Conversation:
    """Base of `EapPeer` and `EapServer`.

    Attributes:
        outcome: how far it is.
        why: after a failure, its reason.
        notes: what was discarded and why, the newest 64.
        method: the method that runs or ran.
        sent, received: the last packets; ``last`` is the bytes of the former.
        bends: what waits for its packet; the first that fits is used up.
        bent: the texts of the bends that were used.
        said: the bodies of the method that this side has sent, before they were bent and sealed; the newest 64.
        count: how many there were.
    """

    code: ClassVar[EapCode]

    def __init__(self, random: Random, limits: Limits) -> None:
        self.random = random
        self.limits = limits
        self.outcome = Outcome.ONGOING
        self.why = ""
        self.notes: deque[str] = deque(maxlen=64)
        self.packets = 0
        self.sent: EapPacket | None = None
        self.received: EapPacket | None = None
        self.last: bytes | None = None
        self.bends: list[EapBend] = []
        self.bent: list[str] = []
        self.said: deque[Body] = deque(maxlen=64)
        self.count = 0
        self.expanded = False

    @property
    def method(self) -> Method | None:
        """The method that was chosen."""
        raise NotImplementedError

    @property
    def msk(self) -> bytes | None:
        """Master Session Key, at least 64 octets, of a conversation that succeeded with a method that makes one."""
        return self.method.msk if self.method and self.outcome is Outcome.SUCCESS else None

    @property
    def emsk(self) -> bytes | None:
        """Extended Master Session Key, as `msk`."""
        return self.method.emsk if self.method and self.outcome is Outcome.SUCCESS else None

    # --- in -------------------------------------------------------------------------------------------------------

    def receive(self, packet: EapPacket | bytes) -> bytes | None:
        """Takes a packet, and gives what answers it: None for what is to be ignored, and where a peer has no answer.

        Never raises for what came: look at ``outcome``, ``why`` and ``notes``.
        """
        if self.outcome is not Outcome.ONGOING:
            self.notes.append(f"packet after {self.outcome.value}")
            return None
        try:
            return self.take(self.read(packet))
        except (Discard, WireError) as error:
            self.notes.append(str(error))
            return None
        except Failed as error:
            return self.give_up(str(error))

    def take(self, packet: EapPacket) -> bytes | None:
        """A packet of which only the header has been looked at.

        Raises:
            Discard: it is to be ignored.
            Failed: the conversation is over.
        """
        raise NotImplementedError

    def give_up(self, why: str) -> bytes | None:
        """The conversation has failed; what is still to be said."""
        self.fail(why)
        return None

    def read(self, packet: EapPacket | bytes) -> EapPacket:
        """The packet in some bytes; octets after its Length are padding of a lower layer (RFC 3748 section 4.1).

        Raises:
            Discard: it is cut short.
            LimitExceeded: too long, or too many.
        """
        self.packets += 1
        if self.packets > self.limits.packets:
            raise LimitExceeded(f"more than {self.limits.packets} packets")
        data = packet if isinstance(packet, bytes) else packet.encode()
        if len(data) > self.limits.octets:
            raise LimitExceeded(f"packet of {len(data)} octets, more than {self.limits.octets}")
        length = int.from_bytes(data[2:4], "big")
        try:
            return EapPacket.decode(data[:length] if 4 <= length <= len(data) else data)
        except WireError as error:
            raise Discard(f"malformed packet: {error}") from None

    def succeed(self) -> None:
        """The conversation is over."""
        self.outcome = Outcome.SUCCESS

    def fail(self, why: str) -> None:
        """The conversation is over."""
        self.outcome, self.why = Outcome.FAILURE, why

    # --- out ------------------------------------------------------------------------------------------------------

    def bend(self, bend: EapBend) -> None:
        """Bends the next packet, or the next one with a body of the class that the bend names."""
        self.bends.append(bend)

    @contextmanager
    def bending(self, bend: EapBend | None) -> Iterator[None]:
        """`bend` within a block; what was not used by its end is dropped."""
        if bend is not None:
            self.bends.append(bend)
        try:
            yield
        finally:
            if bend in self.bends:
                self.bends.remove(bend)

    def emit(self, kind: Kind, body: Body, identifier: int, method: Method | None = None) -> bytes:
        """The bytes of a Request or Response; all bends come into play here."""
        if method is not None:
            self.count += 1
            self.said.append(body)
        bend = self._next_bend(body, of_method=method is not None)

        def wrapped(one: Body) -> EapPacket:
            return kind.packet(self.code, identifier, one.encode(), expanded=self.expanded)

        body = bend.body(body)
        if method is not None:
            body = method.seal(body, lambda one: wrapped(one).encode())
        return self._finish(bend.packet(wrapped(bend.sealed(body))), bend)

    def emit_result(self, code: EapCode, identifier: int) -> bytes:
        """The bytes of a Success or Failure."""
        bend = self._next_bend(None)
        return self._finish(bend.packet(EapPacket(code, identifier)), bend)

    def _next_bend(self, body: Body | None, *, of_method: bool = False) -> EapBend:
        for bend in self.bends:
            due = bend.number is None or (of_method and bend.number == self.count)
            if due and (bend.of is None or (body is not None and isinstance(body, bend.of))):
                self.bends.remove(bend)
                self.bent.append(bend.text)
                return bend
        return STRAIGHT

    def _finish(self, packet: EapPacket, bend: EapBend) -> bytes:
        self.sent = packet
        self.last = bend.octets(packet.encode())
        return self.last
