"""IKE SAs that are set up without a Child SA (RFC 6023)."""

from conformance.ike.core.spine import Spine
from conformance.wire import Notify, NotifyType, ProtocolID


class Childless(Spine):
    """Announcing and taking IKE_AUTH exchanges without a Child SA."""

    def init_notifies(self) -> list[Notify]:
        """The responder announces that it takes them; the notify has Protocol ID 1 (RFC 6023, sections 3 and 4)."""
        ours = not self.initiator and self.connection.childless
        mine = [Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED, protocol=ProtocolID.IKE)] if ours else []
        return [*super().init_notifies(), *mine]

    def allows_childless(self) -> bool:
        """Who has announced them must take them (RFC 6023, section 3)."""
        return self.connection.childless
