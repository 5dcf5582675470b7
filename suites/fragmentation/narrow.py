"""A path that carries small datagrams of the device only, and what was lost on it."""

from dataclasses import dataclass

from conformance.net.link import Datagram, IpPacket, Link, LinkError, PacketLink, unwrap
from conformance.script.peer import Peer
from conformance.wire import SKF, WireError, decode_message


@dataclass(frozen=True, slots=True)
class Lost:
    """A fragment that was too large: when, its IP datagram in octets, its number and the total that it names."""

    time: float
    size: int
    number: int
    total: int
    datagram: Datagram


class NarrowPath:
    """A link on which IP datagrams from the device of more than ``limit`` octets are lost; None: none is."""

    def __init__(self, link: Link, port: int) -> None:
        """A path that is wide so far; on ``port`` IKE has a non-ESP marker."""
        self.link, self.port = link, port
        self.limit: int | None = None
        self.lost: list[Lost] = []

    def now(self) -> float:
        """The time of the link."""
        return self.link.now()

    def send(self, datagram: Datagram) -> None:
        """Send a datagram, of whatever size. Raises `LinkError`."""
        self.link.send(datagram)

    def send_packet(self, packet: IpPacket) -> None:
        """Send an IP packet. Raises `LinkError`."""
        if not isinstance(self.link, PacketLink):
            raise LinkError("this link carries UDP only")
        self.link.send_packet(packet)

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """What is small enough, None if nothing is at ``until``."""
        while True:
            found = self.link.receive(until)
            if not isinstance(found, Datagram) or self.limit is None or octets(found) <= self.limit:
                return found
            self._lose(found)

    def close(self) -> None:
        """Close the link."""
        self.link.close()

    def totals(self) -> list[int]:
        """The totals of the sets of fragments that were lost, in order, each once as long as it does not change."""
        found: list[int] = []
        for one in self.lost:
            if not found or found[-1] != one.total:
                found.append(one.total)
        return found

    def times(self, total: int) -> list[float]:
        """When a set of so many fragments was sent: the times of its first fragment that was lost."""
        found = [one for one in self.lost if one.total == total]
        return [one.time for one in found if one.number == found[0].number]

    def _lose(self, datagram: Datagram) -> None:
        try:
            _, data = unwrap(datagram.payload, encapsulated=datagram.destination.port == self.port)
            message = decode_message(data, lenient=True)
        except WireError:
            return
        for one in message.payloads:
            if isinstance(one, SKF):
                self.lost.append(Lost(self.now(), octets(datagram), one.number, one.total, datagram))


def octets(datagram: Datagram) -> int:
    """The size of its IP datagram."""
    return (48 if ":" in datagram.source.host else 28) + len(datagram.payload)


def on_narrow_path(peer: Peer) -> NarrowPath:
    """From now on there is a path whose width the purpose decides."""
    path = NarrowPath(peer.link, peer.connection.local_ports[1])
    peer.link = path
    return path
