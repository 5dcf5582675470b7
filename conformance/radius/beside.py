"""RADIUS servers on the link of another conversation: whoever waits for IKE there serves the gateway's requests, too.

So one clock rules both, and on a virtual one silence costs nothing. The client of dynamic authorization has a port of
its own on the same link.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count, takewhile

from conformance.net.link import Address, Datagram, IpPacket, Link, OpeningLink, PacketLink
from conformance.radius.server import RadiusServer

MOST_KEPT = 4096
"""Of what comes no more than that is kept."""

MOST_SERVED = 20_000
"""What comes after so many is a flood: nobody serves it, and whoever reads the link gets it, and counts."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came to one of the servers, and when."""

    at: float
    datagram: Datagram


class BesideLink:
    """A link without what is RADIUS on it.

    Attributes:
        servers: by the addresses of their ports.
        own: the addresses of the client of dynamic authorization.
        came: what came to the servers, repetitions included, the newest of it.
        told: what came to ``own``.
        note: is told what goes and comes, in words.
    """

    def __init__(
        self,
        link: Link,
        servers: Mapping[Address, RadiusServer],
        own: Address,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Opens the ports of the servers. Raises LinkError."""
        self.link, self.servers, self.note = link, dict(servers), note
        self.port, self.own = own.port, {own}
        self.came: deque[Came] = deque(maxlen=MOST_KEPT)
        self.told: deque[Datagram] = deque(maxlen=MOST_KEPT)
        self._due: list[tuple[float, int, Datagram]] = []
        self._order = count()
        self._served = 0
        if isinstance(link, OpeningLink):
            for one in (*self.servers, own):
                link.open(one)

    def now(self) -> float:
        """The time of the link."""
        return self.link.now()

    def hear(self, address: Address) -> None:
        """The client of dynamic authorization hears what comes to this address, too. Raises LinkError."""
        if isinstance(self.link, OpeningLink) and address not in self.own:
            self.link.open(address)
        self.own.add(address)

    def send(self, datagram: Datagram) -> None:
        """Send a datagram, after all that is due. Raises LinkError."""
        self._leave()
        self.link.send(datagram)

    def send_later(self, datagram: Datagram, delay: float) -> None:
        """Send a datagram so many seconds later, if somebody waits on the link then."""
        heapq.heappush(self._due, (self.now() + delay, next(self._order), datagram))

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram or packet that is not RADIUS."""
        while True:
            self._leave()
            found = self.link.receive(min([until, *(at for at, _, _ in self._due[:1])]))
            if isinstance(found, Datagram) and self._takes(found):
                found = None
            elif found is not None:
                return found
            if self.now() >= until:
                self._leave()
                return None

    def close(self) -> None:
        """Close the link."""
        self.link.close()

    def _takes(self, found: Datagram) -> bool:
        server = self.servers.get(found.destination)
        if (server is None and found.destination not in self.own) or self._served >= MOST_SERVED:
            return False
        self._served += 1
        if server is None:
            self.told.append(found)
            return True
        self.came.append(Came(self.now(), found))
        last = server.events[-1] if server.events else None
        for answer in server.receive(found.payload, found.source, self.now()):
            port = Address(found.destination.host, self.port + 1) if answer.elsewhere else found.destination
            self.send_later(Datagram(port, found.source, answer.octets), answer.delay)
        new = list(takewhile(lambda event: event is not last, reversed(server.events)))
        for event in reversed(new):
            self.note(f"RADIUS {event.way}: {'; '.join(event.words)}")
        return True

    def _leave(self) -> None:
        while self._due and self._due[0][0] <= self.now():
            self.link.send(heapq.heappop(self._due)[2])


class BesidePacketLink(BesideLink):
    """The same for a link that carries whole packets."""

    def send_packet(self, packet: IpPacket) -> None:
        """Send a packet."""
        assert isinstance(self.link, PacketLink)
        self.link.send_packet(packet)


def beside(link: Link, servers: Mapping[Address, RadiusServer], own: Address) -> BesideLink:
    """Such a link in place of another one."""
    return (BesidePacketLink if isinstance(link, PacketLink) else BesideLink)(link, servers, own)
