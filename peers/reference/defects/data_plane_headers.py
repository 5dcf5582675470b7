"""Defects of the data plane: headers inside and outside, checksums, fragments of protected packets."""

from conformance.ike.core.child import ChildSa
from conformance.ipsec.errors import MalformedPacket, TooBig
from conformance.ipsec.flow import Flow
from conformance.ipsec.ip import (
    AH,
    ICMP,
    TCP,
    UDP,
    IpHeader,
    parse,
    transport_checksum,
    with_checksum,
    with_traffic_class,
)
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import InboundSa, OutboundSa, OuterHeader
from conformance.net.packets import udp_datagram
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect


@defect("data-ecn", "data-ecn-congested")
class WritesNoEcn(DeviceHost):
    """Writes Not-ECT into every outer header."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "outer": OuterHeader(ecn=False)}


@defect("data-ecn-congested")
class HidesCongestion(DeviceHost):
    """Writes ECT(0) into the outer header of an inner packet with CE, as RFC 3168 did."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        made = super().protected(sa, packet, now, bend)
        field = parse(made).traffic_class
        return with_traffic_class(made, field & 0xFC | 2) if field & 3 == 3 else made


@defect("data-dscp")
class CopiesThePrecedenceOnly(DeviceHost):
    """Leaves out of the outer header what DSCP has more than the three bits of precedence before it."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        made = super().protected(sa, packet, now, bend)
        return with_traffic_class(made, parse(made).traffic_class & 0xE3)


@defect("data-dscp-inside")
class TakesTheOuterField(DeviceHost):
    """Writes the DS field of the outer header, and Not-ECT, into the inner packet."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        return None if found is None else with_traffic_class(found, parse(packet).traffic_class & 0xFC)


@defect("data-ecn-mark")
class IgnoresCongestion(DeviceHost):
    """Leaves an inner packet as it is when a router has marked the outer header with CE."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        return super().unprotected(with_traffic_class(packet, parse(packet).traffic_class & 0xFC), now)


@defect("data-inner-kept")
class NumbersAnew(DeviceHost):
    """Gives each inner IPv4 packet another Identification."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        if found is None or found[0] >> 4 != 4:
            return found
        size = (found[0] & 15) * 4
        return with_checksum(found[:4] + b"\xab\xcd" + found[6:size]) + found[size:]


@defect("data-inner-kept")
class KeepsErrorsBack(DeviceHost):
    """Sends no ICMP error through an SA."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        found = parse(packet)
        if found.protocol == ICMP and packet[found.payload_at] in (3, 11, 12):
            raise MalformedPacket("an error message")
        return super().protected(sa, packet, now, bend)


@defect("data-policies")
class AnswersInTheClear(DeviceHost):
    """Answers in the clear what came in the clear, whatever policy says."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        if parse(packet).protocol in (ICMP, TCP):
            return self.inner.answer(packet, now)
        return super().receive(packet, now)


@defect("data-fragments-outside", "data-fragments-outside-ipv6")
class WantsOrder(DeviceHost):
    """Puts fragments together only if they come in order."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        found = parse(packet)
        wanted = getattr(self, "wanted_offset", 0)
        if found.fragment and found.fragment_offset not in (0, wanted):
            return []
        self.wanted_offset = found.fragment_offset + found.length - found.payload_at
        return super().receive(packet, now)


@defect("data-fragments-late")
class KeepsForFragments(DeviceHost):
    """Keeps a deleted SA for packets whose first fragments came before."""

    def withdraw(self, one: Carried) -> None:
        self.sad.remove(one.outbound)
        self.sad.add(one.outbound)


@defect("data-ah-reserved")
class WantsReservedZero(DeviceHost):
    """Drops AH whose field Reserved is not zero."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        outer = parse(packet)
        if outer.protocol == AH and packet[outer.payload_at + 2 : outer.payload_at + 4] != b"\0\0":
            raise MalformedPacket("Reserved")
        return super().unprotected(packet, now)


def summed(packet: bytes) -> bytes:
    """A TCP packet with the checksum that it should have."""
    found = parse(packet)
    segment = packet[found.payload_at : found.length]
    bare = segment[:16] + b"\0\0" + segment[18:]
    value = transport_checksum(found.source, found.destination, TCP, bare)
    return packet[: found.payload_at] + bare[:16] + value.to_bytes(2, "big") + bare[18:]


@defect("data-inner-checksum")
class MendsEverySegment(DeviceHost):
    """Takes TCP segments with whatever checksum, in tunnel mode as well."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        return summed(found) if found is not None and parse(found).protocol == TCP else found


class Anywhere(InboundSa):
    """Takes any inner source."""

    def selects(self, flow: Flow) -> bool:
        return True


class Everywhere(OutboundSa):
    """Leads to any inner destination."""

    def selects(self, flow: Flow) -> bool:
        return True


@defect("data-udp-source", "data-policies")
class TrustsInnerAddresses(DeviceHost):
    """Takes whatever inner address a peer sends from, and answers there."""

    inbound_class = Anywhere
    outbound_class = Everywhere


@defect("data-udp-checksum")
class WantsNoChecksum(DeviceHost):
    """Takes ESP in UDP only with the checksum zero."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        outer = parse(packet)
        if outer.protocol == UDP and packet[outer.payload_at + 6 : outer.payload_at + 8] != b"\0\0":
            raise MalformedPacket("a checksum")
        return super().unprotected(packet, now)


@defect("nat-transport-checksum")
class BelievesChecksums(DeviceHost):
    """Checks TCP and UDP in transport mode by the addresses that a NAT has put there."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        outer = udp_datagram(packet)
        if found is not None and outer is not None and parse(found).protocol in (TCP, UDP):
            raise MalformedPacket("a checksum for other addresses")
        return found


@defect("data-counters-differ")
class CountsForBoth(DeviceHost):
    """Takes a packet whose number is far from its own count for a wrong one."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        outer = parse(packet)
        number = int.from_bytes(packet[outer.payload_at + 4 : outer.payload_at + 8], "big")
        if number > 100:
            raise MalformedPacket("a gap")
        return super().unprotected(packet, now)


@defect("data-path-mtu-tcp", "data-path-mtu-tcp-ipv6")
class KeepsMtusToItself(DeviceHost):
    """Drops what is too large for its SA, and tells nobody."""

    def report_too_big(self, packet: bytes, mtu: int, now: float) -> list[bytes]:
        return []


@defect("data-path-mtu-tcp-ipv6")
class CutsIpv6Outside(DeviceHost):
    """Sends IPv6 packets that are too large for their SA in fragments of ESP, and tells nobody."""

    def _pieces(self, sa: OutboundSa, packet: bytes, sent: IpHeader, limit: int | None) -> list[bytes]:
        try:
            return super()._pieces(sa, packet, sent, limit)
        except TooBig:
            if sent.version == 6:
                return [packet]
            raise
