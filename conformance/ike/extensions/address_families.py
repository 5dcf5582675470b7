"""Which address families a responder assigns inner addresses of (RFC 8983)."""

from ipaddress import ip_network

from conformance.ike.core.spine import Spine
from conformance.wire import CP, CfgAttribute, CfgType, Notify, NotifyType

_ADDRESSES = (CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_IP6_ADDRESS)
_ALLOWED = {4: NotifyType.IP4_ALLOWED, 6: NotifyType.IP6_ALLOWED}


class AddressFamilies(Spine):
    """Saying so to whoever asks for an address. As initiator we ask for both families at once if we want both."""

    def auth_notifies(self) -> list[Notify]:
        """One notify without data for each family that we have, whatever of it was assigned (section 5)."""
        found = super().auth_notifies()
        if self.initiator or self.opening is None or not self.asks_for_address():
            return found
        return [*found, *self.families_allowed()]

    def asks_for_address(self) -> bool:
        """Whether the first request of IKE_AUTH asks for an inner address."""
        assert self.opening is not None
        requests = [one for one in self.opening.all(CP) if one.cfg_type == CfgType.REQUEST]
        return any(each.type in _ADDRESSES for one in requests for each in one.attributes)

    def families_allowed(self) -> list[Notify]:
        """The families of our pools."""
        return [Notify(_ALLOWED[ip_network(pool).version]) for pool in self.connection.local_pools]
