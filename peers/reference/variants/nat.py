"""What a device does about NATs: which addresses it has, and what it does not do through them."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig, Mode
from conformance.ike.core.nat import nat_hash
from conformance.ike.core.selectors import selectors
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address
from conformance.wire import Message, Notify, NotifyType, Payload, TrafficSelector
from peers.reference.variants.registry import variant

_NETWORKS = {4: "203.0.113.9", 6: "2001:db8:9::9"}
"""Another address of the device, of each version of IP."""
_NO_TRANSPORT = "RFC 7296, 1.3.1: a responder may decline transport mode; RFC 3948, A: an initiator need not ask for it"


@variant("RFC 7296, 2.23: a message may hold several NAT_DETECTION_SOURCE_IP", about=("nat", "ike_sa_init"))
class SeveralNetworks(IkeSa):
    """Has another network by which it might send, and begins its NAT detection with that address."""

    def nat_notifies(self) -> list[Notify]:
        source, _ = self.nat_addresses()
        other = Address(_NETWORKS[6 if ":" in source.host else 4], source.port)
        digest = nat_hash(self.spi_i, self.spi_r, other)
        return [Notify(NotifyType.NAT_DETECTION_SOURCE_IP, digest), *super().nat_notifies()]


def _without_transport(payloads: Sequence[Payload]) -> list[Payload]:
    return [one for one in payloads if not isinstance(one, Notify) or one.type != NotifyType.USE_TRANSPORT_MODE]


@variant(_NO_TRANSPORT, about=("nat", "data_plane"))
class NoTransportThroughNats(IkeSa):
    """Has transport mode only where there is no NAT, and no policy for tunnel mode between the same hosts."""

    def is_through_nat(self) -> bool:
        """Whether there is a NAT at either end."""
        return self.local_nat or self.remote_nat

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        if self.is_through_nat():
            message = replace(message, payloads=tuple(_without_transport(message.payloads)))
        return super().make_child(message, old, nonces)

    def offer_payloads(self, offer: ChildOffer) -> list[Payload]:
        found = super().offer_payloads(offer)
        return _without_transport(found) if self.is_through_nat() else found


@variant(_NO_TRANSPORT, about=("nat", "data_plane"))
class TunnelsThroughNats(NoTransportThroughNats):
    """Has transport mode only where there is no NAT, and tunnel mode for any address instead."""

    def own_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        return self._any(config) or super().own_selectors(config)

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        return self._any(config) or super().peer_selectors(config)

    def _any(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        wide = config.mode == Mode.TRANSPORT and self.is_through_nat()
        return selectors(("0.0.0.0/0", "::/0")) if wide else ()
