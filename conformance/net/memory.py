"""A link to a device in the same process, with a clock of its own: waiting costs no time and is the same each run."""

import heapq
from itertools import count
from typing import Protocol

from conformance.net.link import Datagram


class Engine(Protocol):
    """Something without I/O that takes datagrams and the time and gives datagrams: an IKE endpoint."""

    def receive(self, datagram: Datagram, now: float) -> None:
        """Take a datagram."""

    def drain(self) -> list[Datagram]:
        """The datagrams to send, in order."""

    def next_timer(self) -> float | None:
        """When `tick` has something to do."""

    def tick(self, now: float) -> None:
        """See the time."""


class MemoryLink:
    """Connects a scripted peer with an `Engine`. The clock stands still except while `receive` waits.

    ``start`` is UNIX time in seconds, ``latency`` the time of a datagram on its way, in seconds.
    """

    def __init__(self, engine: Engine, start: float, latency: float = 0.0005) -> None:
        """A link whose clock begins at ``start``."""
        self.engine, self.clock, self.latency = engine, start, latency
        self._arriving: list[tuple[float, int, Datagram]] = []
        self._order = count()

    def now(self) -> float:
        """The time of this link's clock."""
        return self.clock

    def send(self, datagram: Datagram) -> None:
        """Give a datagram to the engine."""
        self._collect()
        self.clock += self.latency
        self.engine.receive(datagram, self.clock)
        self._collect()

    def receive(self, until: float) -> Datagram | None:
        """The next datagram from the engine; None if none comes before ``until``, which is then the time."""
        while True:
            self._collect()
            timer = self.engine.next_timer()
            arrival = self._arriving[0][0] if self._arriving else None
            if arrival is not None and arrival <= until and (timer is None or arrival <= timer):
                self.clock = max(self.clock, arrival)
                return heapq.heappop(self._arriving)[2]
            if timer is None or timer > until:
                self.clock = max(self.clock, until)
                return None
            self.clock = max(self.clock, timer)
            self.engine.tick(self.clock)

    def close(self) -> None:
        """Nothing to close."""

    def _collect(self) -> None:
        for datagram in self.engine.drain():
            heapq.heappush(self._arriving, (self.clock + self.latency, next(self._order), datagram))
