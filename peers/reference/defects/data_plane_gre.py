"""Defects of the data plane: GRE tunnels whose fields are not looked at, or not written right."""

from dataclasses import replace

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Mode
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.gre import IPV4, IPV6, GrePacket
from conformance.ipsec.ip import IpHeader
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.data_plane_packets import RefusesMixedVersions
from peers.reference.defects.registry import defect
from peers.reference.tunnels import End, TunnelHost


class _BlindToChecksums(TunnelHost):
    def is_intact(self, found: GrePacket) -> bool:
        return True


@defect("data-gre-checksum", "data-gre-ipv6-fields")
class TakesWrongGreChecksums(DeviceHost):
    """Does not look at the checksum of GRE."""

    tunnels_class = _BlindToChecksums


class _SumsPayloadOnly(TunnelHost):
    def header(self, end: End, packet: bytes, kind: int) -> GrePacket:
        return replace(super().header(end, packet, kind), spoiled=end.tunnel.checksum)


@defect("data-gre-checksum", "data-gre-ipv6-fields")
class WritesWrongGreChecksums(DeviceHost):
    """Writes a wrong checksum into GRE."""

    tunnels_class = _SumsPayloadOnly


class _Narrow(TunnelHost):
    def takes(self, end: End, found: GrePacket) -> bool:
        return super().takes(end, found) and len(found.payload) < 1280


@defect("data-gre-ipv6-least")
class TunnelsAreNoLinks(DeviceHost):
    """Has tunnels of GRE that carry less than a link of IPv6 must."""

    tunnels_class = _Narrow


class _OneFlow(TunnelHost):
    def end(self, received: IpHeader, found: GrePacket) -> End | None:
        ways = received.destination, received.source
        return next((one for one in self.ends if one.ends == ways), None)


@defect("data-gre-key", "data-gre-two-keys")
class IgnoresGreKeys(DeviceHost):
    """Takes packets with any key for the first tunnel between their addresses."""

    tunnels_class = _OneFlow


class _Keyless(TunnelHost):
    def header(self, end: End, packet: bytes, kind: int) -> GrePacket:
        return replace(super().header(end, packet, kind), key=self.ends[0].tunnel.key and self.ends[0].tunnel.key + 1)


@defect("data-gre-key", "data-gre-two-keys", "data-gre-ipv6")
class WritesOtherGreKeys(DeviceHost):
    """Sends with a key of its own."""

    tunnels_class = _Keyless


class _TakesLate(TunnelHost):
    def takes(self, end: End, found: GrePacket) -> bool:
        return super().takes(end, replace(found, sequence=None))


@defect("data-gre-sequence")
class IgnoresGreSequence(DeviceHost):
    """Takes packets in whatever order they come."""

    tunnels_class = _TakesLate


class _CountsNothing(TunnelHost):
    def header(self, end: End, packet: bytes, kind: int) -> GrePacket:
        found = super().header(end, packet, kind)
        return replace(found, sequence=None if found.sequence is None else 0)


@defect("data-gre-sequence")
class NumbersAllGreAlike(DeviceHost):
    """Sends every packet as the first one."""

    tunnels_class = _CountsNothing


class _CountsByTwo(TunnelHost):
    def header(self, end: End, packet: bytes, kind: int) -> GrePacket:
        found = super().header(end, packet, kind)
        return replace(found, sequence=None if found.sequence is None else 2 * found.sequence)


@defect("data-gre-sequence")
class CountsGreByTwo(DeviceHost):
    """Leaves out every other number."""

    tunnels_class = _CountsByTwo


class _Strict(TunnelHost):
    def fits(self, found: GrePacket) -> bool:
        return not found.flags


@defect("data-gre-reserved")
class MindsReservedGreBits(DeviceHost):
    """Drops packets of GRE in which reserved bits are set."""

    tunnels_class = _Strict


class _Lax(TunnelHost):
    def fits(self, found: GrePacket) -> bool:
        return True


@defect("data-gre-routing")
class IgnoresGreBits(DeviceHost):
    """Takes any packet of GRE, whatever its first bits say of it."""

    tunnels_class = _Lax


class _Guesses(TunnelHost):
    def takes(self, end: End, found: GrePacket) -> bool:
        looks = {4: IPV4, 6: IPV6}.get(found.payload[0] >> 4 if found.payload else 0, 0)
        return super().takes(end, replace(found, protocol=looks))


@defect("data-gre-protocol-types")
class GuessesWhatGreCarries(DeviceHost):
    """Goes by the first octet of what GRE carries, not by the protocol type."""

    tunnels_class = _Guesses


class _OneFamily(TunnelHost):
    def takes(self, end: End, found: GrePacket) -> bool:
        return found.protocol == IPV4 and super().takes(end, found)


@defect("data-gre-both-families")
class CarriesOneFamilyInGre(DeviceHost):
    """Takes only IPv4 out of GRE."""

    tunnels_class = _OneFamily


class _Deaf(TunnelHost):
    def hello(self, packet: bytes) -> bytes | None:
        return None


@defect("data-gre-multicast")
class DropsMulticastInGre(DeviceHost):
    """Takes nothing out of GRE that is for a group."""

    tunnels_class = _Deaf


# --- modes, families, several tunnels ---------------------------------------------------------------------------------


@defect("data-gre-tunnel-mode")
class SavesAHeaderAroundGre(DeviceHost):
    """Uses transport mode for GRE whatever was agreed."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        return super().bring(replace(child, mode=Mode.TRANSPORT), sa, udp, now)


@defect("data-gre-ipv6-in-ipv4", "data-gre-ipv4-in-ipv6")
class RefusesGreOfTheOtherFamily(RefusesMixedVersions):
    """Carries GRE only between addresses of the family of IPsec."""


@defect("data-gre-initiator", "auth-example-branch-initiator")
class TunnelsGreAsInitiator(DeviceHost):
    """Uses tunnel mode for a Child SA that it asked for itself, whatever was agreed."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        mode = Mode.TUNNEL if child.initiator else child.mode
        return super().bring(replace(child, mode=mode), sa, udp, now)


@defect("auth-example-branch")
class RekeysInTunnelMode(DeviceHost):
    """Uses tunnel mode for the Child SA that takes the place of another one, whatever was agreed."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        mode = Mode.TUNNEL if any(one is not child for one in sa.children) else child.mode
        return super().bring(replace(child, mode=mode), sa, udp, now)


@defect("data-gre-beside-plain")
class RemembersTheMode(DeviceHost):
    """Uses the mode of the first Child SA that it has had for all later ones."""

    mode: Mode | None = None

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        self.mode = self.mode or child.mode
        return super().bring(replace(child, mode=self.mode), sa, udp, now)


class _OneTunnel(TunnelHost):
    def routed(self, packet: bytes) -> bytes:
        return self.into(self.ends[0], packet)


@defect("nat-two-peers-gre")
class HasOneGreTunnel(DeviceHost):
    """Sends everything into the first tunnel."""

    tunnels_class = _OneTunnel
