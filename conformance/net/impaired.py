"""A path that loses, doubles, reorders and delays datagrams, as its seed says: the same each time."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from conformance.net.link import Datagram, IpPacket, Link, LinkError, PacketLink

Item = Datagram | IpPacket

HOLD = 0.02
"""Seconds that a reordered datagram is held back, so that what is sent in one burst with it comes first."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What a path does to datagrams: probabilities from 0 to 1, times in seconds.

    ``in_a_row`` is how many datagrams of one direction may be lost one after the other, None: any number. ``jitter`` is
    the most that comes on top of ``delay``.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    in_a_row: int | None = None


@dataclass(slots=True)
class _Direction:
    """One way of the path with decisions of its own: those for datagram n depend on the seed and on n alone."""

    name: str
    random: Random
    seen: int = 0
    lost: int = 0
    lost_in_a_row: int = 0
    waiting: list[tuple[float, int, Item]] = field(default_factory=list)


class ImpairedLink:
    """Any link with an impaired path behind it, in both directions.

    ``seed`` decides everything. ``note`` is told each decision in words. ``lost``, ``doubled`` and ``late`` count them.
    What is delayed on its way out leaves while somebody waits in `receive`; on a virtual clock that costs no time.
    """

    def __init__(
        self,
        link: Link,
        seed: int | str | bytes,
        impairment: Impairment,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """An impaired path; closing it closes ``link``."""
        self.link, self.impairment, self.note = link, impairment, note
        text = seed.hex() if isinstance(seed, bytes) else str(seed)
        self._out = _Direction("to the device", Random(f"{text}/out"))
        self._in = _Direction("from the device", Random(f"{text}/in"))
        self._order = count()
        self.doubled = self.late = 0

    @property
    def lost(self) -> tuple[int, int]:
        """How many datagrams were lost on their way to the device, and from it."""
        return self._out.lost, self._in.lost

    def now(self) -> float:
        """The time of the link."""
        return self.link.now()

    def send(self, datagram: Datagram) -> None:
        """Give a datagram to the path. Raises `LinkError`."""
        self._decide(self._out, datagram)
        self._leave()

    def receive(self, until: float) -> Item | None:
        """The next datagram that has made its way; None if none has at ``until``."""
        while True:
            self._leave()
            now = self.now()
            if self._in.waiting and self._in.waiting[0][0] <= now:
                return heapq.heappop(self._in.waiting)[2]
            due = [way.waiting[0][0] for way in (self._in, self._out) if way.waiting]
            found = self.link.receive(min([until, *due]))
            if found is not None:
                self._decide(self._in, found)
            elif self.now() >= until and not any(time <= until for time in due):
                return None

    def close(self) -> None:
        """Close the link; what is still on its way is lost."""
        self._out.waiting.clear()
        self._in.waiting.clear()
        self.link.close()

    def _decide(self, way: _Direction, item: Item) -> None:
        """Lose it, or put one or two copies on their way."""
        path = self.impairment
        way.seen += 1
        # Always the same number of draws, so that no decision depends on those before it.
        loss, double, reorder, *jitter = (way.random.random() for _ in range(5))
        if loss < path.loss and (path.in_a_row is None or way.lost_in_a_row < path.in_a_row):
            way.lost_in_a_row += 1
            way.lost += 1
            self._tell(way, item, "is lost")
            return
        way.lost_in_a_row = 0
        copies = 1
        if double < path.duplicate:
            copies = 2
            self.doubled += 1
            self._tell(way, item, "is doubled")
        for number in range(copies):
            held = 0.0
            # Of two copies the second one is late: a duplicate that follows at once would never be out of order.
            if reorder < path.reorder and number == copies - 1:
                held = HOLD
                self.late += 1
                self._tell(way, item, "is overtaken by those behind it")
            due = self.now() + path.delay + path.jitter * jitter[number] + held
            heapq.heappush(way.waiting, (due, next(self._order), item))

    def _tell(self, way: _Direction, item: Item, fate: str) -> None:
        size = len(item.payload if isinstance(item, Datagram) else item.data)
        self.note(f"the path: datagram {way.seen} {way.name} ({size} octets) {fate}")

    def _leave(self) -> None:
        """Send what is due."""
        while self._out.waiting and self._out.waiting[0][0] <= self.now():
            item = heapq.heappop(self._out.waiting)[2]
            if isinstance(item, Datagram):
                self.link.send(item)
            elif isinstance(self.link, PacketLink):
                self.link.send_packet(item)


class ImpairedPacketLink(ImpairedLink):
    """The same for a link that carries whole IP packets, too."""

    def send_packet(self, packet: IpPacket) -> None:
        """Give a packet to the path. Raises `LinkError`."""
        if not isinstance(self.link, PacketLink):
            raise LinkError("this link carries UDP only")
        self._decide(self._out, packet)
        self._leave()
