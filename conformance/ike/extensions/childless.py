"""IKE SAs that are set up without a Child SA (RFC 6023)."""

from conformance.ike.core.spine import Spine
from conformance.wire import Message, Notify, NotifyType, ProtocolID


class Childless(Spine):
    """Announcing and taking IKE_AUTH exchanges without a Child SA, and asking for them.

    ``takes_childless``: the responder has announced that it takes them. ``first_child`` is the name of the Child SA
    that IKE_AUTH asks for.
    """

    first_child: str | None
    takes_childless: bool = False

    def init_notifies(self) -> list[Notify]:
        """The responder announces that it takes them; the notify has Protocol ID 1 (RFC 6023, sections 3 and 4)."""
        ours = not self.initiator and self.connection.childless
        mine = [Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED, protocol=ProtocolID.IKE)] if ours else []
        return [*super().init_notifies(), *mine]

    def init_announced(self, message: Message) -> None:
        """Whether the responder takes them (section 3)."""
        super().init_announced(message)
        self.takes_childless = message.notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED) is not None

    def after_init(self) -> None:
        """Where it does not, we ask for a Child SA after all, or there is no IKE SA (section 3)."""
        if self.first_child is None and not self.takes_childless:
            self.first_child = next((one.name for one in self.connection.children), None)
        if self.first_child is None and not self.takes_childless:
            self.failed("the responder takes no IKE SA without Child SA")
        else:
            super().after_init()

    def allows_childless(self) -> bool:
        """Who has announced them must take them (RFC 6023, section 3)."""
        return self.connection.childless
