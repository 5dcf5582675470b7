"""Routes by CFG_SET and CFG_ACK once the IKE SA is up, as FlexVPN exchanges them (RFC 7296, section 3.15.1).

Where the connection says so they are asked for and told in IKE_AUTH already, by CFG_REQUEST and CFG_REPLY.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Self

from conformance.ike.core.sending import State, Timer
from conformance.ike.core.spine import Spine
from conformance.ike.core.subnets import SUBNETS, network_of, subnet
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType, Message, Payload

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

    # --- in IKE_AUTH ----------------------------------------------------------------------------------------------

    def first_child_request(self, name: str) -> list[Payload]:
        """Ask for networks of either family; the request stands before the SA payload (RFC 7296, section 2.19)."""
        asked = [CP(CfgType.REQUEST, tuple(map(CfgAttr, SUBNETS.values())))] if self.connection.routes_in_auth else []
        return [*asked, *super().first_child_request(name)]

    def take_child_response(self, message: Message) -> None:
        """Take what is told; nothing need be (RFC 7296, section 3.15.1)."""
        told = [one for one in message.all(CP) if one.cfg_type == CfgType.REPLY]
        if self.connection.routes_in_auth and self.connection.remote_routes and told:
            self.routes = self.routes_of(told)
        super().take_child_response(message)

    def first_child_response(self, message: Message) -> list[Payload]:
        """Tell whoever asks, who needs no CFG_SET then."""
        asked = {each.type for one in message.all(CP) if one.cfg_type == CfgType.REQUEST for each in one.attributes}
        told = tuple(one for one in self.own_routes() if one.type in asked) if self.connection.routes_in_auth else ()
        self.routes_told = self.routes_told or bool(told)
        reply = [CP(CfgType.REPLY, told)] if told else []
        return [*reply, *super().first_child_response(message)]

    # --- the peer's -----------------------------------------------------------------------------------------------

    def routes_of(self, told: Iterable[CP]) -> tuple[Route, ...]:
        """The routes of such payloads that we take."""
        found = [self.route(each) for one in told for each in one.attributes]
        return tuple(one for one in found if one is not None)

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
