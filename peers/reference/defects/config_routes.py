"""Defects of those who exchange routes by CFG_SET."""

from ipaddress import ip_address, ip_network
from typing import Self

from conformance.ike.extensions.route_exchange import Route
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.flow import Flow
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from conformance.wire import CP, CfgAttr, CfgAttribute, Message
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect

_SUBNET = CfgAttribute.INTERNAL_IP4_SUBNET


@defect("cp-routes", "cp-routes-initiator")
class TakesNoRoutes(IkeSa):
    """Acknowledges nothing, though it is to take routes."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        return []


@defect("cp-routes-traffic", "cp-routes-changed", "cp-routes-malformed", "cp-routes-rekeyed", "cp-routes-two")
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
    """Acknowledges its peer's routes where one of them is malformed, and uses none of them."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        found = super().configuration_accepted(pushed)
        if any(self.route(one) is None for one in pushed.attributes):
            self.routes = ()
        return found


@defect("cp-routes-told", "cp-routes-told-responder")
class TellsWithHostBits(IkeSa):
    """Announces the address of a host with the mask of its network."""

    def own_routes(self) -> tuple[CfgAttr, ...]:
        networks = [ip_network(one) for one in self.connection.local_routes]
        return tuple(CfgAttr(_SUBNET, one[1].packed + one.netmask.packed) for one in networks)


@defect(
    "cp-routes-told", "cp-routes-ignored", "cp-routes-replied", "cp-routes-acknowledged-more",
    "cp-routes-told-responder", "cp-routes-told-many",
)  # fmt: skip
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


@defect("cp-routes-many")
class EndsAtManyRoutes(IkeSa):
    """Ends the IKE SA where it is told of more than a hundred routes."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        if len(pushed.attributes) > 100:
            self.close("more routes than it can take")
        return super().configuration_accepted(pushed)


@defect("cp-routes-told-many")
class TellsFewRoutes(IkeSa):
    """Announces a hundred routes, and none of the others."""

    def own_routes(self) -> tuple[CfgAttr, ...]:
        return super().own_routes()[:100]


@defect("cp-routes-rekeyed")
class ForgetsRoutesInRekey(IkeSa):
    """Does not pass routes on to the IKE SA that replaces another."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.routes = None


@defect("cp-routes-two")
class RoutesBelongToTheFirst(IkeSa):
    """Acknowledges a route that another peer has announced before, and never uses it."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        found = super().configuration_accepted(pushed)
        known = (one for one in self.neighbours if isinstance(one, IkeSa) and one is not self)
        others = {each for one in known for each in one.routes or ()}
        self.routes = tuple(one for one in self.routes or () if one not in others)
        return found


@defect("cp-routes-withdrawn", "cp-routes-end")
class SendsClearWithoutRoute(DeviceHost):
    """Sends in the clear what no route leads into a tunnel."""

    def send(self, packet: bytes, now: float, *, bend: Bend | None = None) -> list[bytes]:
        return super().send(packet, now, bend=bend) or [packet]


@defect("cp-routes-other-client")
class RoutesPassSelectors(DeviceHost):
    """Sends where a peer has announced a network, whatever the selectors of its Child SA are."""

    def select(self, flow: Flow, now: float) -> OutboundSa:
        target = ip_address(flow.destination)
        for one in self.carried.values():
            if one.keeper is not None and any(target in route for route in one.keeper.routes or ()):
                return one.outbound
        return super().select(flow, now)


@defect("cp-routes-told-traffic")
class TellsWhatIsElsewhere(DeviceHost):
    """Has nothing in the networks that it announces."""

    inner_addresses = ("10.99.0.1",)


@defect("cp-traffic-announced", "cp-traffic-clients")
class SendsThroughTheNewest(DeviceHost):
    """Sends everything through the Child SA that it has installed last."""

    def select(self, flow: Flow, now: float) -> OutboundSa:
        found = super().select(flow, now)
        return self.sad.outbound[0] if self.sad.outbound else found
