"""Several hosts of ours on one link, each with an address of its own: each sees only what is for it."""

from collections import deque
from collections.abc import Mapping
from ipaddress import ip_address

from conformance.ipsec.ip import parse
from conformance.net.link import Datagram, IpPacket, Link, LinkError, PacketLink


class Shared:
    """A link that has all of the addresses. What comes for another one is for nobody."""

    def __init__(self, link: Link, *addresses: str) -> None:
        self.link = link
        self.hosts: Mapping[str, SharedHost] = {one: SharedHost(self) for one in addresses}

    def pump(self, until: float) -> bool:
        """Wait for one packet and put it to its host's; False if none has come at ``until``."""
        found = self.link.receive(until)
        if found is not None:
            host = self.hosts.get(destination(found))
            if host is not None:
                host.arrived.append(found)
        return found is not None


class SharedHost:
    """The link of one host."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.arrived: deque[Datagram | IpPacket] = deque()

    def now(self) -> float:
        """The time of the link."""
        return self.shared.link.now()

    def send(self, datagram: Datagram) -> None:
        """Send a datagram. Raises `LinkError`."""
        self.shared.link.send(datagram)

    def send_packet(self, packet: IpPacket) -> None:
        """Send an IP packet as it is. Raises `LinkError`."""
        if not isinstance(self.shared.link, PacketLink):
            raise LinkError("the link carries UDP only")
        self.shared.link.send_packet(packet)

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next packet for this host; None if none has come at ``until``."""
        while not self.arrived:
            if not self.shared.pump(until) and self.now() >= until:
                break
        return self.arrived.popleft() if self.arrived else None

    def close(self) -> None:
        """The link belongs to whoever shares it."""


def destination(found: Datagram | IpPacket) -> str:
    """The address that something is for."""
    if isinstance(found, Datagram):
        return found.destination.host
    return str(ip_address(parse(found.data).destination))
