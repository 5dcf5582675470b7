"""How fast a device is, and what it does meanwhile: nothing in RFC 7296 says how soon a message is answered."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar, Self

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.sending import Timer
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import ExchangeType, Message, Payload, PayloadType
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant


class Delaying(ReferenceEngine):
    """Takes each IKE message some time after it came. ESP is another part of the machine, and goes on at once."""

    takes: ClassVar[float] = 0.1

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.waiting: list[tuple[float, int, Datagram | bytes]] = []
        self.order = count()

    def ready(self, now: float) -> float:
        """When a message that comes now will have been taken."""
        return now + self.takes

    def later(self, now: float, found: Datagram | bytes) -> None:
        """Keep a datagram or a packet until it is ready."""
        self.now = now
        heapq.heappush(self.waiting, (self.ready(now), next(self.order), found))

    def take(self, found: Datagram | bytes, now: float) -> None:
        """Its time has come."""
        if isinstance(found, Datagram):
            super().receive(found, now)
        else:
            super().receive_packet(found, now)

    def receive(self, datagram: Datagram, now: float) -> None:
        if self.host is None or self.host.is_esp(datagram):
            self.take(datagram, now)
        else:
            self.later(now, datagram)

    def clear(self) -> None:
        super().clear()
        self.waiting.clear()

    def next_timer(self) -> float | None:
        timers = [super().next_timer(), self.waiting[0][0] if self.waiting else None]
        return min((timer for timer in timers if timer is not None), default=None)

    def tick(self, now: float) -> None:
        while self.waiting and self.waiting[0][0] <= now:
            self.take(heapq.heappop(self.waiting)[2], now)
        super().tick(now)


@variant("RFC 7296, 2.1 and 2.4: an initiator repeats its requests; no answer is late before the initiator gives up")
class Slow(Delaying):
    """Needs 100 ms for each message."""


@variant("RFC 7296, 2.1 and 2.4: an initiator repeats its requests; no answer is late before the initiator gives up")
class ALittleSlow(Delaying):
    """Needs 20 ms for each message."""

    takes = 0.02


@variant(
    "RFC 7296, 2.1 and 2.4: an initiator repeats its requests; no answer is late before the initiator gives up",
    pixit={"response_timeout": 6.0},
)
class VerySlow(Delaying):
    """Needs a second for each message."""

    takes = 1.0


@variant("RFC 7296, 2.1: a request that gets no answer in time is repeated, so a queue is no error")
class SingleThread(Delaying):
    """Takes one message after the other and needs 30 ms for each, whatever it is."""

    takes = 0.03
    free_at: float = 0.0

    def ready(self, now: float) -> float:
        self.free_at = max(self.free_at, now) + self.takes
        return self.free_at


@variant(
    "RFC 7383, 2.6: fragments come in any order; 2.6.1: fragment 1 of what was answered asks for the response again",
    about=("fragmentation",),
)
class FirstFragmentLast(Delaying):
    """Takes datagrams in several threads, of which the one with fragment 1 of a message is the last, by 10 ms."""

    takes = 0.01

    def later(self, now: float, found: Datagram | bytes) -> None:
        if isinstance(found, Datagram) and is_first_fragment(found.payload):
            super().later(now, found)
        else:
            self.take(found, now)


def is_first_fragment(raw: bytes) -> bool:
    """Whether an IKE message, with or without the marker that goes before it on port 4500, is fragment 1."""
    raw = raw.removeprefix(NON_ESP_MARKER)
    return raw[16:17] == bytes((PayloadType.SKF,)) and raw[32:34] == b"\0\1"


@dataclass(frozen=True, slots=True)
class Verifying:
    """A message whose proof is being verified, and where it came from."""

    until: float
    message: Message = field(repr=False)
    path: tuple[Address, Address]


class Helper(IkeSa):
    """Gives messages of these exchange types to a helper, and drops what comes for the IKE SA until that is done."""

    takes: ClassVar[float] = 0.02
    hard: ClassVar[frozenset[ExchangeType]] = frozenset({ExchangeType.IKE_AUTH})
    verifying: Verifying | None = None

    def deliver(self, message: Message) -> None:
        if self.verifying is not None:
            self.drop("busy")
        elif message.exchange in self.hard and message.from_initiator != self.initiator:
            self.verifying = Verifying(self.now + self.takes, message, self.reply_path)
        else:
            super().deliver(message)

    def timers(self) -> Iterator[Timer]:
        if self.verifying is not None:
            yield self.verifying.until, self.verified
        yield from super().timers()

    def verified(self) -> None:
        """The helper is done: go on with the message."""
        done, self.verifying = self.verifying, None
        assert done is not None
        self.reply_path = done.path
        super().deliver(done.message)


_UNRELIABLE = "RFC 7296, 2.1: IKE is a reliable protocol over unreliable datagrams; what is dropped comes again"


@variant(_UNRELIABLE)
class SlowAuthentication(Helper):
    """Verifies IKE_AUTH in a helper for 20 ms, and drops what comes for that IKE SA meanwhile."""


@variant(_UNRELIABLE)
class SlowVerification(Helper):
    """Verifies IKE_AUTH and CREATE_CHILD_SA in a helper for 20 ms, and drops what comes for that IKE SA meanwhile."""

    hard = frozenset({ExchangeType.IKE_AUTH, ExchangeType.CREATE_CHILD_SA})


@variant(_UNRELIABLE)
class RepeatsMeanwhile(SlowVerification):
    """As before, but what it has answered already is answered again at once, as where one thread takes what comes."""

    def deliver(self, message: Message) -> None:
        repeated = message.message_id == self.expected_id - 1 and self.last_response is not None
        if self.verifying is not None and repeated and not message.is_response:
            self.retransmit_response()
        else:
            super().deliver(message)


@variant(_UNRELIABLE)
class DeadAfterRekey(IkeSa):
    """Is dead for a second after each rekey: what comes for that IKE SA, or for the one that replaced it, is lost."""

    dead_until: float = 0.0

    def receive(self, raw: bytes, source: Address, destination: Address, now: float) -> None:
        if now >= self.dead_until:
            super().receive(raw, source, destination, now)
        else:
            self.drop("dead for the moment")

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        self.dead_until = new.dead_until = self.now + 1

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        found = super().make_child(message, old, nonces)
        if old is not None:
            self.dead_until = self.now + 1
        return found

    def take_child(self, offer: ChildOffer, message: Message) -> None:
        super().take_child(offer, message)
        if offer.rekeys is not None:
            self.dead_until = self.now + 1
