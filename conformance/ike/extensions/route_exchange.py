"""Routes by CFG_SET and CFG_ACK once the IKE SA is up, as FlexVPN exchanges them (RFC 7296, section 3.15.1)."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Self

from conformance.ike.core.sending import State, Timer
from conformance.ike.core.spine import Spine
from conformance.ike.core.subnets import network_of, subnet
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType, Message

Route = IPv4Network | IPv6Network


class RouteExchange(Spine):
    """Announcing our routes, and taking those of the peer.

    ``routes`` are what the peer has announced last, None: nothing yet. Each CFG_SET replaces the one before it.
    ``acknowledged`` are the attributes of the CFG_ACK to ours, None: it has not come.
    """

    routes: tuple[Route, ...] | None = None
    routes_told: bool = False
    acknowledged: tuple[CfgAttribute, ...] | None = None

    def pass_on(self, new: Self) -> None:
        """Routes belong to the peer, not to one IKE SA."""
        super().pass_on(new)
        new.routes, new.routes_told, new.acknowledged = self.routes, self.routes_told, self.acknowledged

    # --- ours -----------------------------------------------------------------------------------------------------

    def timers(self) -> Iterator[Timer]:
        """Announce what we have as soon as we can."""
        if self.connection.local_routes and not self.routes_told and self.state == State.ESTABLISHED and self.is_idle():
            yield self.now, self.announce_routes
        yield from super().timers()

    def announce_routes(self) -> None:
        """Send a CFG_SET with all of them."""
        self.routes_told = True
        self.open_exchange(
            ExchangeType.INFORMATIONAL, lambda sa: [CP(CfgType.SET, sa.own_routes())], lambda sa, one: sa.on_ack(one)
        )

    def own_routes(self) -> tuple[CfgAttr, ...]:
        """Our routes as attributes."""
        return tuple(subnet(one) for one in self.connection.local_routes)

    def on_ack(self, message: Message) -> None:
        """The peer takes what it names; it may as well take nothing (RFC 7296, section 3.15.1)."""
        found = [one for one in message.all(CP) if one.cfg_type == CfgType.ACK]
        self.acknowledged = tuple(each.type for one in found for each in one.attributes)

    # --- the peer's -----------------------------------------------------------------------------------------------

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        """Each kind of attribute that has a route which we take, once."""
        accepted = super().configuration_accepted(pushed)
        if not self.connection.remote_routes:
            return accepted
        taken = [(one.type, route) for one in pushed.attributes if (route := self.route(one)) is not None]
        self.routes = tuple(route for _, route in taken)
        return [*accepted, *map(CfgAttr, dict.fromkeys(kind for kind, _ in taken))]

    def route(self, attribute: CfgAttr) -> Route | None:
        """The route of an attribute, None: it is none, or one that we do not take."""
        found = network_of(attribute)
        return None if found is None or self.is_own_end(found) else found

    def is_own_end(self, route: Route) -> bool:
        """Whether the tunnel itself would be sent through the tunnel."""
        ends = [ip_address(one.host) for one in (self.local, self.remote)]
        return any(end.version == route.version and end in route for end in ends)
