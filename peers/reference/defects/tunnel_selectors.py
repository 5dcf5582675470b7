"""Defects in how traffic selectors of tunnels within IPsec are matched with a policy."""

from dataclasses import replace

from conformance.ike.ikesa import IkeSa
from conformance.wire import Message, TrafficSelector, TSi, TSr, VendorID
from peers.reference.defects.registry import defect


@defect("auth-ts-other-tunnel", "auth-ts-gre-unasked")
class TakesAnySelectors(IkeSa):
    """Takes the selectors that the initiator wants, whatever its policy."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return tuple(one for one in offered.selectors if isinstance(one, TrafficSelector))


@defect("auth-ts-other-tunnel")
class TakesAnyTunnel(IkeSa):
    """Takes one tunnel between two hosts for another one: it looks at addresses only."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return super().narrowed(offered, tuple(replace(one, protocol=0) for one in policy))


@defect("auth-transport-network")
class TransportsForNetworks(IkeSa):
    """Takes networks around its policy for that in transport mode."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        inside = super().narrowed(offered, policy)
        return inside and tuple(one for one in offered.selectors if isinstance(one, TrafficSelector))


@defect("auth-ts-ipip", "auth-ts-ipv6-in-ipv4")
class KnowsNoTunnelsInIp(IkeSa):
    """Has policies for TCP, UDP, ICMP and GRE only."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return tuple(one for one in super().narrowed(offered, policy) if one.protocol not in (4, 41))


@defect("auth-ts-gre-vendor")
class ObeysAForeignVendorId(IkeSa):
    """Makes a Child SA for GRE of any other where a client says by Vendor ID that it would like that."""

    gre_mode = False

    def on_request(self, message: Message) -> None:
        self.gre_mode = self.gre_mode or any(one.data.startswith(b"CISCO-GRE") for one in message.all(VendorID))
        super().on_request(message)

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        found = super().narrowed(offered, policy)
        return tuple(replace(one, protocol=47) for one in found) if self.gre_mode else found
