"""Defects of those who keep the networks of a peer for too long or too short a time, or tell theirs in IKE_AUTH."""

from typing import Self

from conformance.ike.extensions.route_exchange import Route, RouteExchange
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, Payload
from peers.reference.defects.registry import defect

# --- how long ---------------------------------------------------------------------------------------------------------


@defect("cp-routes-rekeyed-twice")
class KeepsRoutesOverOneRekey(IkeSa):
    """Passes routes on to the IKE SA that replaces the first one, and not to the next."""

    rekeys: int = 0

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.rekeys = self.rekeys + 1
        new.routes = self.routes if new.rekeys < 2 else None


@defect("cp-routes-rekeys")
class LosesRoutesInItsRekeys(IkeSa):
    """Forgets the routes of the peer where it rekeys the IKE SA itself."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.routes = None if new.initiator else self.routes


class _Changes(IkeSa):
    """Does something else with what is announced when there are routes already."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        before = self.routes
        found = super().configuration_accepted(pushed)
        if before is not None:
            self.routes = self.changed(before, self.routes or ())
        return found

    def changed(self, before: tuple[Route, ...], told: tuple[Route, ...]) -> tuple[Route, ...]:
        """The routes now."""
        raise NotImplementedError


@defect("cp-routes-updated", "cp-routes-updated-initiator", "cp-routes-updated-part")
class NeverWithdrawsRoutes(_Changes):
    """Keeps every route that it was ever told."""

    def changed(self, before: tuple[Route, ...], told: tuple[Route, ...]) -> tuple[Route, ...]:
        return (*before, *told)


@defect("cp-routes-later", "cp-routes-updated", "cp-routes-updated-initiator")
class TakesOneRouteLater(_Changes):
    """Acknowledges all networks that are announced later, and uses the first of them."""

    def changed(self, before: tuple[Route, ...], told: tuple[Route, ...]) -> tuple[Route, ...]:
        return told[:1]


@defect("cp-routes-again", "cp-routes-updated", "cp-routes-updated-initiator", "cp-routes-updated-part")
class KnownRoutesAreWithdrawn(_Changes):
    """Withdraws what it knows already where it is announced again."""

    def changed(self, before: tuple[Route, ...], told: tuple[Route, ...]) -> tuple[Route, ...]:
        return tuple(one for one in told if not any(one.version == old.version and old.overlaps(one) for old in before))


# --- in IKE_AUTH ------------------------------------------------------------------------------------------------------


@defect("cp-routes-asked")
class TellsNoRoutesInAuth(IkeSa):
    """Says nothing of its networks to those who ask in IKE_AUTH."""

    def first_child_response(self, message: Message) -> list[Payload]:
        return super(RouteExchange, self).first_child_response(message)


@defect("cp-routes-asked-traffic")
class HasToldAndHearsNothing(IkeSa):
    """Acknowledges networks of those whom it has told of its own in IKE_AUTH, and uses none of them."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        found = super().configuration_accepted(pushed)
        if self.routes_told:
            self.routes = ()
        return found


@defect("cp-routes-unasked")
class TellsRoutesUnasked(IkeSa):
    """Sends a CFG_REPLY with its networks to whoever comes."""

    def first_child_response(self, message: Message) -> list[Payload]:
        asked = any(one.cfg_type == CfgType.REQUEST for one in message.all(CP))
        told = [] if asked or not self.own_routes() else [CP(CfgType.REPLY, self.own_routes())]
        return [*told, *super().first_child_response(message)]


@defect("cp-routes-asks", "cp-routes-asks-none")
class AsksForRoutesWithHalfAValue(IkeSa):
    """Asks for networks with an address and no mask."""

    def first_child_request(self, name: str) -> list[Payload]:
        wanted = CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP4_SUBNET, bytes(4)),))
        found = super().first_child_request(name)
        return [wanted if isinstance(one, CP) else one for one in found] if self.connection.routes_in_auth else found


@defect("cp-routes-asks-none")
class NeedsRoutesInAuth(IkeSa):
    """Ends the IKE SA where it is told of no networks, without a word."""

    def take_child_response(self, message: Message) -> None:
        if self.connection.routes_in_auth and message.first(CP) is None:
            self.close("no CFG_REPLY with networks")
        else:
            super().take_child_response(message)


@defect("cp-routes-asks-traffic", "cp-routes-asks-own-end")
class ForgetsRoutesOfReplies(IkeSa):
    """Asks for networks, and uses none that it is told in IKE_AUTH."""

    def routes_of(self, told: object) -> tuple[Route, ...]:
        return ()
