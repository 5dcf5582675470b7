"""Defects of the data plane: options and extension headers in front of AH and ESP, fragments of IPv6."""

from conformance.crypto import Random
from conformance.ike.core.connection import Connection
from conformance.ipsec.errors import MalformedPacket, WrongIcv
from conformance.ipsec.fragments import Reassembler
from conformance.ipsec.ip import AH, DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING, parse
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


def in_front(packet: bytes) -> bytes:
    """IPv4 options, or IPv6 extension headers, of a packet."""
    return packet[20 if packet[0] >> 4 == 4 else 40 : parse(packet).payload_at]


@defect("data-ah-options", "data-ah-ipv6-options", "data-ah-ipv6-routing")
class CoversNoOptions(DeviceHost):
    """Takes AH behind options and extension headers whatever its ICV says."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        try:
            return super().unprotected(packet, now)
        except WrongIcv:
            at = parse(packet).payload_at
            if not in_front(packet):
                raise
            return packet[at + packet[at + 1] * 4 + 8 :]


@defect("data-ah-options-mutable")
class WantsEmptyRoutes(DeviceHost):
    """Takes AH only where no router has filled in or changed an IPv4 option."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        options = in_front(packet) if packet[0] >> 4 == 4 else b""
        if options[:3] in (b"\x07\x07\x08", b"\x44\x08\x09"):
            raise WrongIcv("an option was changed")
        return super().unprotected(packet, now)


@defect("data-ah-ipv6-options-mutable")
class CoversWhatMayChange(DeviceHost):
    """Takes AH only where no router has changed an IPv6 option."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        if packet[0] >> 4 == 6 and packet[6] in (HOP_BY_HOP, DESTINATION) and packet[44:48] == b"\xde\xad\xbe\xef":
            raise WrongIcv("an option was changed")
        return super().unprotected(packet, now)


@defect("data-ah-ipv6-mutable")
class CoversTheFlowLabel(DeviceHost):
    """Takes AH between IPv6 addresses only with the flow label that everybody uses."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        if packet[0] >> 4 == 6 and int.from_bytes(packet[:4], "big") & 0xFFFFF:
            raise WrongIcv("another flow label")
        return super().unprotected(packet, now)


@defect("data-ah-ipv6", "data-ah-ipv6-transport")
class FlipsIcvOfIpv6(DeviceHost):
    """Computes another ICV of AH between IPv6 addresses."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        made = super().protected(sa, packet, now, bend)
        outer = parse(made)
        if outer.version != 6 or outer.protocol != AH:
            return made
        at = outer.payload_at + 12
        return made[:at] + bytes((made[at] ^ 1,)) + made[at + 1 :]


@defect("data-ah-ipv6-fragment-header")
class KeepsTheFragmentHeader(DeviceHost):
    """Takes AH for forged behind the fragment header of an only fragment."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        if packet[0] >> 4 == 6 and packet[6] == FRAGMENT and parse(packet).protocol == AH:
            raise WrongIcv("a fragment header")
        return super().unprotected(packet, now)


@defect("data-ipv6-routing")
class HeedsNoSegments(DeviceHost):
    """Takes ESP behind a Routing header whether segments are left or not."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        if packet[0] >> 4 == 6 and packet[6] == ROUTING:
            packet = packet[:43] + b"\0" + packet[44:]
        return super().unprotected(packet, now)


@defect("data-ipv6-routing")
class WantsNoRoutes(DeviceHost):
    """Drops whatever has a Routing header."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        if packet[0] >> 4 == 6 and packet[6] == ROUTING:
            raise MalformedPacket("a Routing header")
        return super().unprotected(packet, now)


class CutsOverlaps(Reassembler):
    """Cuts from an IPv6 fragment what an earlier one has brought."""

    def add(self, packet: bytes, now: float) -> bytes | None:
        found = parse(packet)
        old = next((one for one in self._waiting.values() if one.parts), None)
        if found.version != 6 or not found.fragment or old is None:
            return super().add(packet, now)
        known = sum(map(len, old.parts.values())) - found.fragment_offset
        if found.fragment_offset and known > 0:
            at = found.payload_at
            word = (found.fragment_offset + known) | found.more_fragments
            packet = packet[: at - 6] + word.to_bytes(2, "big") + packet[at - 4 : at] + packet[at + known :]
            packet = packet[:4] + (len(packet) - 40).to_bytes(2, "big") + packet[6:]
        return super().add(packet, now)


@defect("data-fragments-overlap-ipv6")
class PutsOverlapsTogether(DeviceHost):
    """Puts IPv6 fragments together that overlap."""

    def __init__(self, connection: Connection, random: Random) -> None:
        super().__init__(connection, random)
        self._reassembler = CutsOverlaps()


@defect("data-fragments-options-ipv6")
class FragmentHeaderFirst(DeviceHost):
    """Looks for the fragment header of IPv6 right behind the IPv6 header, and nowhere else."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        found = parse(packet)
        if found.version == 6 and found.fragment and packet[6] != FRAGMENT:
            return []
        return super().receive(packet, now)


@defect("data-fragments-odd-ipv6")
class KeepsOddFragments(DeviceHost):
    """Takes an IPv6 fragment of an odd length for a part of its packet, which then never fits together."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        found = parse(packet)
        kept: set[int] = self.__dict__.setdefault("kept", set())
        if found.version == 6 and found.more_fragments and (found.length - found.payload_at) % 8:
            kept.add(found.identification)
        if found.fragment and found.identification in kept:
            return []
        return super().receive(packet, now)
