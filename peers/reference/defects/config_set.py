"""Defects of those to whom networks are announced by CFG_SET, and who have not been told to take any."""

from dataclasses import replace
from ipaddress import ip_address

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.selectors import selectors
from conformance.ike.core.subnets import network_of
from conformance.ike.extensions.route_exchange import Route
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, TrafficSelector
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect


class _Hears(IkeSa):
    """Acts upon the networks of a CFG_SET."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        found = [network for one in pushed.attributes if (network := network_of(one)) is not None]
        self.announced_to_us(found)
        return super().configuration_accepted(pushed)

    def announced_to_us(self, networks: list[Route]) -> None:
        """What comes of them."""
        raise NotImplementedError


@defect("cp-set-subnets-initiator")
class LeavesWhoAnnounces(_Hears):
    """Has opened the IKE SA, and forgets it where the other side announces something."""

    def announced_to_us(self, networks: list[Route]) -> None:
        if self.initiator:
            self.close("networks of a gateway")


@defect("cp-set-rekey-child", "cp-set-new-child", "cp-set-rekeys-child")
class PolicyOfWhoAnnounces(_Hears):
    """Takes announced networks into its policy for the peer."""

    announced: tuple[TrafficSelector, ...] = ()

    def announced_to_us(self, networks: list[Route]) -> None:
        self.announced = selectors(tuple(map(str, networks)))
        for one in self.children:
            one.remote_ts += self.announced

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        return (*super().peer_selectors(config), *self.announced)


@defect(
    "cp-set-traffic", "cp-set-traffic-initiator", "cp-set-own-ends", "cp-set-own-ends-initiator", "cp-set-own-address"
)
class LosesChildToRoutes(_Hears):
    """Carries nothing more through its Child SAs where a network is announced with itself or their traffic in it."""

    def announced_to_us(self, networks: list[Route]) -> None:
        inside = (self.local.host, self.remote.host, *map(ip_address, self.inner))
        own = [ip_address(one) for one in inside]
        if any(one.version == network.version and one in network for one in own for network in networks):
            self.children.clear()


@defect("cp-set-outside", "cp-set-outside-initiator", "cp-routes-narrow")
class InstallsForAnyPeer(DeviceHost):
    """Installs Child SAs for whatever may be behind the peer one day."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        wide = replace(child, remote_ts=selectors(("0.0.0.0/0", "::/0")))
        return replace(super().bring(wide, sa, udp, now), child=child)
