"""Defects of what a user of a gateway reaches, and what reaches him (RFC 2865, 5.11 and 5.22; RFC 3162, 2.5)."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from conformance.ike.core.connection import ChildConfig
from conformance.radius.packet import Packet
from conformance.wire import TrafficSelector
from peers.reference.defects.registry import defect
from peers.reference.nas.gateway import Nas
from peers.reference.nas.reaching import ReachingSa
from peers.reference.nas.sa import GatewaySa


@defect(
    "aaa-framed-route", "aaa-framed-route-class", "aaa-framed-route-gateway", "aaa-framed-route-odd",
    "aaa-framed-route-other", "aaa-framed-route6",
)  # fmt: skip
class NoRoutes(GatewaySa):
    """Makes nothing of routes."""

    def granted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return ()


@defect("aaa-framed-route")
class FirstRouteOnly(GatewaySa):
    """Makes something of the first route only."""

    def granted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return super().granted_networks()[:1]


@defect("aaa-framed-route", "aaa-framed-route-class", "aaa-framed-route6")
class WideRoutes(GatewaySa):
    """Rounds prefixes down to 16 bits."""

    def written_prefix(self, text: str) -> IPv4Network | IPv6Network:
        found = super().written_prefix(text)
        return found.supernet(new_prefix=min(16, found.prefixlen))


@defect("aaa-framed-route-class")
class NoClasses(GatewaySa):
    """Takes a prefix without its length for one host."""

    def written_prefix(self, text: str) -> IPv4Network | IPv6Network:
        return super().written_prefix(text if "/" in text or ":" in text else f"{text}/32")


@defect("aaa-framed-route-gateway")
class AnyGateway(GatewaySa):
    """Does not look at the gateway of a route."""

    def granted_network(self, text: str) -> IPv4Network | IPv6Network | None:
        words = text.split()
        return super().granted_network(" ".join((words[0], "::" if ":" in words[0] else "0.0.0.0")) if words else text)


@defect("aaa-framed-route-odd")
class OddRoutesAreForAll(GatewaySa):
    """Takes a route that it cannot read for the default route."""

    def granted_network(self, text: str) -> IPv4Network | IPv6Network | None:
        return super().granted_network(text) or ip_network("0.0.0.0/0")


@defect("aaa-framed-route-other")
class RoutesStay(Nas):
    """Gives the routes of the session before to whom nobody has granted any."""

    def accepted(self, sa: GatewaySa, answer: Packet) -> None:
        super().accepted(sa, answer)
        kept: list[Packet] = self.__dict__.setdefault("_kept", [])
        if answer.all("Framed-Route"):
            kept.append(answer)
        elif kept:
            sa.grant = kept[-1]


@defect("aaa-filter")
class NoFilters(GatewaySa):
    """Makes nothing of filters."""

    def own_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        return super(ReachingSa, self).own_selectors(config)


@defect("aaa-filter-both")
class FirstFilterOnly(GatewaySa):
    """Heeds the first of several filters."""

    def all_of(self, *names: str) -> list[str]:
        return super().all_of(*names)[: 1 if "Filter-Id" in names else None]
