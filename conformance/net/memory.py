"""A link to a device in the same process, with a clock of its own: waiting costs no time and is the same each run."""

import heapq
from itertools import count
from typing import Protocol

from conformance.ipsec.errors import IpsecError
from conformance.ipsec.fragments import Reassembler, fragment
from conformance.ipsec.ip import parse
from conformance.net.link import Datagram, IpPacket, LinkError
from conformance.net.packets import udp_datagram


class Engine(Protocol):
    """Something without I/O that takes datagrams, packets and the time and gives them: a device."""

    def receive(self, datagram: Datagram, now: float) -> None:
        """Take a datagram."""

    def receive_packet(self, packet: bytes, now: float) -> None:
        """Take an IP packet that carries no UDP, or a fragment of any packet."""

    def drain(self) -> list[Datagram | IpPacket]:
        """The datagrams and packets to send, in order."""

    def next_timer(self) -> float | None:
        """When `tick` has something to do."""

    def tick(self, now: float) -> None:
        """See the time."""


class MemoryLink:
    """Connects a scripted peer with an `Engine`. The clock stands still except while `receive` waits.

    ``start`` is UNIX time in seconds, ``latency`` the time of a datagram on its way, in seconds, ``mtu`` the largest IP
    packet in octets that the link carries beside datagrams: larger ones go in fragments.
    """

    def __init__(self, engine: Engine, start: float, latency: float = 0.0005, mtu: int = 1500) -> None:
        """A link whose clock begins at ``start``."""
        self.engine, self.clock, self.latency, self.mtu = engine, start, latency, mtu
        self._arriving: list[tuple[float, int, Datagram | IpPacket]] = []
        self._order = count()
        self._reassembler = Reassembler()
        self._pieces: list[int] = []
        self._identification = 0

    def now(self) -> float:
        """The time of this link's clock."""
        return self.clock

    def send(self, datagram: Datagram) -> None:
        """Give a datagram to the engine."""
        self._collect()
        self.clock += self.latency
        self.engine.receive(datagram, self.clock)
        self._collect()

    def send_packet(self, packet: IpPacket) -> None:
        """Give an IP packet to the engine, in fragments where it is too large."""
        self._collect()
        self.clock += self.latency
        self._identification = self._identification + 1 & 0xFFFF
        try:
            parts = fragment(packet.data, self.mtu, self._identification, forced=True)
        except IpsecError as error:
            raise LinkError(f"cannot send a packet of {len(packet.data)} octets: {error}") from None
        for part in parts:
            self.engine.receive_packet(part, self.clock)
        self._collect()

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram or packet from the engine; None if none comes before ``until``, which is then the time."""
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
        for sent in self.engine.drain():
            found = self._whole(sent) if isinstance(sent, IpPacket) else sent
            if found is not None:
                heapq.heappush(self._arriving, (self.clock + self.latency, next(self._order), found))

    def _whole(self, packet: IpPacket) -> Datagram | IpPacket | None:
        """A packet put together again, None while parts are missing."""
        head = parse(packet.data)
        if not head.fragment:
            return packet
        self._pieces.append(head.length)
        whole = self._reassembler.add(packet.data, self.clock)
        if whole is None:
            return None
        pieces, self._pieces = tuple(self._pieces), []
        return udp_datagram(whole) or IpPacket(whole, pieces)
