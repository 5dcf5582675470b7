"""The GRE tunnels of the reference device (RFC 2784, RFC 2890): a host that is also behind them."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from conformance.crypto import Random
from conformance.ike.core.connection import GreTunnel
from conformance.ipsec import icmp
from conformance.ipsec.gre import GRE, IPV4, IPV6, REFUSED, VERSION, GrePacket
from conformance.ipsec.inner import InnerHost
from conformance.ipsec.ip import ICMPV6, IpHeader, header, parse

_WRAP = 1 << 32
_ALL_NODES = ip_address("ff02::1").packed
_LINK = ip_network("fe80::/10")
LINK_LOCAL = ip_address("fe80::2").packed
"""What the host is called on each tunnel that carries IPv6."""


@dataclass(slots=True, eq=False)
class End:
    """Our end of a tunnel: the number of the next packet, and that of the last one which was taken."""

    tunnel: GreTunnel
    next: int = 0
    last: int = _WRAP - 1

    @property
    def ends(self) -> tuple[bytes, bytes]:
        """Our address and the other one's."""
        return ip_address(self.tunnel.local).packed, ip_address(self.tunnel.remote).packed

    def leads_to(self, address: bytes) -> bool:
        """Packets for this address go into the tunnel."""
        networks = map(ip_network, self.tunnel.remote_networks)
        return any(ip_address(address) in one for one in networks)

    def is_late(self, sequence: int) -> bool:
        """A packet with this number comes out of sequence (RFC 2890, section 2.2)."""
        return not 0 < (sequence - self.last) % _WRAP <= _WRAP // 2


class TunnelHost(InnerHost):
    """A host at the ends of tunnels: it answers in the one that leads to whoever asks, wherever he has asked."""

    def __init__(self, addresses: Iterable[str], random: Random, tunnels: Iterable[GreTunnel]) -> None:
        """A host with these addresses and ends."""
        super().__init__(addresses, random)
        self.ends = [End(one) for one in tunnels]

    def answer(self, packet: bytes, now: float) -> list[bytes]:
        """The packets that answer this one."""
        received = parse(packet)
        if received.protocol != GRE or received.fragment:
            return [self.routed(one) for one in super().answer(packet, now)]
        found = GrePacket.decode(packet[received.payload_at : received.length])
        end = self.end(received, found)
        if end is None or not self.takes(end, found):
            return []
        if found.sequence is not None:
            end.last = found.sequence
        hello = self.hello(found.payload)
        if hello is not None:
            return [self.into(end, hello)]
        return [self.routed(one) for one in super().answer(found.payload, now)]

    def end(self, received: IpHeader, found: GrePacket) -> End | None:
        """The tunnel that a packet came through: its addresses, and the key if there is one, tell it."""
        ways = (received.destination, received.source), found.key
        return next((one for one in self.ends if (one.ends, one.tunnel.key) == ways), None)

    def takes(self, end: End, found: GrePacket) -> bool:
        """Whether a packet is taken out of its GRE header."""
        if not self.fits(found) or not self.is_intact(found) or found.protocol not in (IPV4, IPV6):
            return False
        return not (end.tunnel.sequence and found.sequence is not None and end.is_late(found.sequence))

    def fits(self, found: GrePacket) -> bool:
        """The header is one of RFC 2784: no bits that say more than we know (section 2.3)."""
        return not found.flags & (REFUSED | VERSION)

    def is_intact(self, found: GrePacket) -> bool:
        """The checksum is right, if there is one."""
        return not found.spoiled

    def hello(self, packet: bytes) -> bytes | None:
        """The answer to a ping for all nodes of a link, from our address there (RFC 4443, section 4.2)."""
        received = parse(packet)
        body = packet[received.payload_at : received.length]
        if received.destination != _ALL_NODES or received.protocol != ICMPV6 or body[:1] != bytes((128,)):
            return None
        return icmp.message(LINK_LOCAL, received.source, icmp.ECHO_REPLY6, 0, body[4:])

    def routed(self, packet: bytes) -> bytes:
        """A packet of ours on its way: into the tunnel that leads there, or as it is."""
        target = parse(packet).destination
        end = next((one for one in self.ends if one.leads_to(target)), None)
        return packet if end is None else self.into(end, packet)

    def into(self, end: End, packet: bytes) -> bytes:
        """A packet in GRE."""
        kind = IPV4 if packet[0] >> 4 == 4 else IPV6
        return self.delivered(end, self.header(end, packet, kind).encode())

    def header(self, end: End, packet: bytes, kind: int) -> GrePacket:
        """The header of GRE, with the fields that the tunnel has."""
        sequence = None
        if end.tunnel.sequence:
            sequence, end.next = end.next, (end.next + 1) % _WRAP
        return GrePacket(packet, kind, end.tunnel.key, sequence, end.tunnel.checksum)

    def delivered(self, end: End, body: bytes) -> bytes:
        """The packet that delivers it to the other end."""
        self._identification = self._identification + 1 & 0xFFFF
        return header(*end.ends, GRE, len(body), identification=self._identification) + body
