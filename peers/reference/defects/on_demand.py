"""Defects of a device that opens a Child SA for a packet (RFC 7296, section 2.9)."""

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.packets import Bend
from conformance.net.link import IpPacket
from conformance.wire import TrafficSelector
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


@defect("auth-ts-packet")
class ForgetsThePacket(IkeSa):
    """Asks for what it is configured for, whatever packet has come."""

    def packet_selectors(self) -> tuple[TrafficSelector, ...]:
        return ()


@defect("child-rekey-without-packet")
class RemembersThePacket(IkeSa):
    """Asks for the packet of once in a rekey as well."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        offer, first = super().make_offer(config, with_ke=with_ke, rekeys=rekeys), self.packet_selectors()
        if rekeys is not None:
            offer.local_ts, offer.remote_ts = (*first[:1], *offer.local_ts), (*first[1:], *offer.remote_ts)
        return offer


@defect("auth-single-pair")
class AsksForAllAgain(IkeSa):
    """Asks for the same once more where one pair of addresses is wanted."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        self.single = False
        return super().make_offer(config, with_ke=with_ke, rekeys=rekeys)


@defect("data-on-demand")
class SendsItMeanwhile(DeviceHost):
    """Lets a packet pass in the clear for which the Child SA is still being made."""

    def send(self, packet: bytes, now: float, *, bend: Bend | None = None) -> list[bytes]:
        found = super().send(packet, now, bend=bend)
        if not found:
            self.outbox.append(IpPacket(packet))
        return found
