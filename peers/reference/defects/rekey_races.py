"""Defects of rekeys that race with other exchanges."""

from conformance.ike.core.child import ChildOffer, ChildSa, ChildState
from conformance.ike.ikesa import IkeSa
from conformance.wire import Message
from peers.reference.defects.registry import defect


@defect(
    "child-rekey-collision-temporary-failure",
    "child-rekey-collision-ts-unacceptable",
    "child-rekey-collision-no-proposal",
)
class RefusedRekeyUndoesTheOther(IkeSa):
    """Where its own rekey is refused it drops what came of the peer's rekey of the same Child SA, too."""

    def on_child_response(self, offer: ChildOffer, message: Message) -> None:
        rival = offer.rival
        super().on_child_response(offer, message)
        if rival is not None and self.refusal_in(message) is not None:
            self.drop_child(rival)


@defect("child-rekey-overtaken", "child-rekey-overtaken-late")
class DeletionUndoesTheRekey(IkeSa):
    """Throws away what its rekey has brought once the old Child SA is closed by the peer, and says nothing."""

    def on_child_response(self, offer: ChildOffer, message: Message) -> None:
        super().on_child_response(offer, message)
        if offer.rekeys is not None and offer.rekeys.state == ChildState.DELETED:
            for child in [one for one in self.children if one.spi_in == offer.spi]:
                self.drop_child(child)


@defect("child-rekey-closed-at-once")
class TakesTheNewWithTheOld(IkeSa):
    """Drops the successor of a Child SA along with it, whoever deletes that."""

    def drop_child(self, child: ChildSa) -> None:
        super().drop_child(child)
        if child.replaced_by is not None:
            super().drop_child(child.replaced_by)
