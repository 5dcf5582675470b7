"""Defects of those who take the networks of a CFG_SET, and not all of them as they are meant."""

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

from conformance.ike.extensions.route_exchange import Route
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.flow import Flow, flow_of
from conformance.ipsec.ip import parse
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from conformance.wire import CP, CfgAttr, CfgAttribute
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


@defect("cp-routes-families", "cp-routes-families-ipv6")
class AcknowledgesIpv6Only(DeviceHost):
    """Acknowledges networks of IPv6, and has no routes of that family."""

    def routed(self, sa: OutboundSa, flow: Flow) -> bool:
        return len(flow.destination) == 4 and super().routed(sa, flow)


@defect("cp-routes-families", "cp-routes-other-family")
class OneFamilyOrNoRoutes(IkeSa):
    """Acknowledges networks of two families, and uses none of them."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        found = super().configuration_accepted(pushed)
        if len({one.type for one in pushed.attributes}) > 1:
            self.routes = ()
        return found


@defect("cp-routes-host-bits")
class HostBitsAreTheHost(IkeSa):
    """Takes a network with host bits for this host alone, and acknowledges it."""

    def route(self, attribute: CfgAttr) -> Route | None:
        found, value = super().route(attribute), attribute.value
        if found is not None or attribute.type != CfgAttribute.INTERNAL_IP4_SUBNET or len(value) != 8:
            return found
        return IPv4Network(IPv4Address(value[:4]))


@defect("cp-routes-interfaces", "cp-routes-interfaces-initiator")
class TellsNoInterface(IkeSa):
    """Announces the networks that it has, and keeps the address of its tunnel interface to itself."""

    def own_routes(self) -> tuple[CfgAttr, ...]:
        return tuple(one for one in super().own_routes() if one.value[4:] != b"\xff" * 4)


@defect("cp-routes-own-end-traffic", "cp-routes-own-end-traffic-initiator", "cp-routes-asks-own-end")
class ProtectsItsOwnEsp(DeviceHost):
    """Takes its own ESP packets for traffic of the network, and sends them through the Child SA once more."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        once = super().protected(sa, packet, now, bend)
        again = self.takes_routes and sa.selects(flow_of(once, parse(once)))
        return super().protected(sa, once, now, None) if again else once


@defect("cp-routes-own-address")
class GivesUpAnnouncedAddress(IkeSa):
    """Forgets that it has assigned an address which its client announces."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        found = super().configuration_accepted(pushed)
        self.inner = tuple(one for one in self.inner if not self.announces(ip_network(ip_address(one))))
        return found

    def announces(self, host: Route) -> bool:
        """Whether this host alone was announced, which is no route any more then."""
        told = host in (self.routes or ())
        self.routes = tuple(one for one in self.routes or () if one != host)
        return told
