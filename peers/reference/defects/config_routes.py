"""Defects of those who exchange routes by CFG_SET."""

from ipaddress import ip_network

from conformance.ike.extensions.route_exchange import Route
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.flow import Flow
from conformance.ipsec.sad import OutboundSa
from conformance.wire import CP, CfgAttr, CfgAttribute, Message
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect

_SUBNET = CfgAttribute.INTERNAL_IP4_SUBNET


@defect("cp-routes")
class TakesNoRoutes(IkeSa):
    """Acknowledges nothing, though it is to take routes."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        return []


@defect("cp-routes-traffic", "cp-routes-changed", "cp-routes-malformed")
class AcknowledgesOnly(DeviceHost):
    """Acknowledges routes and does not use them."""

    def routed(self, sa: OutboundSa, flow: Flow) -> bool:
        return not self.takes_routes


@defect("cp-routes-changed")
class KeepsFirstRoutes(IkeSa):
    """Uses the first routes that it is told, and none later."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        before = self.routes
        found = super().configuration_accepted(pushed)
        self.routes = self.routes if before is None else before
        return found


@defect("cp-routes-own-end", "cp-routes-default")
class RoutesTunnelIntoItself(IkeSa):
    """Takes a route to the end of the tunnel, and says nothing outside of it any more."""

    def is_own_end(self, route: Route) -> bool:
        if super().is_own_end(route):
            self.close("the tunnel goes into itself")
        return False


@defect("cp-routes-malformed")
class AllRoutesOrNone(IkeSa):
    """Takes no route at all where one of them is malformed."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        good = all(self.route(one) is not None for one in pushed.attributes)
        return super().configuration_accepted(pushed) if good else []


@defect("cp-routes-told")
class TellsWithHostBits(IkeSa):
    """Announces the address of a host with the mask of its network."""

    def own_routes(self) -> tuple[CfgAttr, ...]:
        networks = [ip_network(one) for one in self.connection.local_routes]
        return tuple(CfgAttr(_SUBNET, one[1].packed + one.netmask.packed) for one in networks)


@defect("cp-routes-told", "cp-routes-ignored", "cp-routes-replied", "cp-routes-acknowledged-more")
class TellsNoRoutes(IkeSa):
    """Announces nothing."""

    def announce_routes(self) -> None:
        self.routes_told = True


@defect("cp-routes-ignored", "cp-routes-replied", "cp-routes-acknowledged-more")
class InsistsOnAcknowledgement(IkeSa):
    """Ends the IKE SA whose peer does not acknowledge exactly what it was told, without a word."""

    def on_ack(self, message: Message) -> None:
        super().on_ack(message)
        if self.acknowledged != tuple(one.type for one in self.own_routes()) or any(
            each.value for one in message.all(CP) for each in one.attributes
        ):
            self.close("routes were not acknowledged")
