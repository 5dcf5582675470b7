"""What a device does about NATs: which addresses it has, and what it does not do through them."""


from conformance.ike.core.nat import nat_hash
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address
from conformance.wire import Notify, NotifyType
from peers.reference.variants.registry import variant

_NETWORKS = {4: "203.0.113.9", 6: "2001:db8:9::9"}
"""Another address of the device, of each version of IP."""


@variant("RFC 7296, 2.23: a message may hold several NAT_DETECTION_SOURCE_IP", about=("nat", "ike_sa_init"))
class SeveralNetworks(IkeSa):
    """Has another network by which it might send, and begins its NAT detection with that address."""

    def nat_notifies(self) -> list[Notify]:
        source, _ = self.nat_addresses()
        other = Address(_NETWORKS[6 if ":" in source.host else 4], source.port)
        digest = nat_hash(self.spi_i, self.spi_r, other)
        return [Notify(NotifyType.NAT_DETECTION_SOURCE_IP, digest), *super().nat_notifies()]
