"""Defects of exchanges that collide, of Child SAs and of IKE SAs."""

from collections.abc import Sequence
from typing import Self

from conformance.ike.core.child import ChildSa, ChildState
from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import Delete, Message, Notify, NotifyType, Payload, ProtocolID
from peers.reference.defects.registry import defect


@defect("child-rekey-collision", "child-rekey-collision-lost")
class RefusesCollidingRekey(IkeSa):
    """Refuses the peer's rekey of a Child SA that it is rekeying itself."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        child = super().rekeyed_child(notify)
        if child is not None and child.state == ChildState.REKEYING:
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "it is being rekeyed")
        return child


@defect("child-rekey-collision", "child-rekey-collision-lost", "child-rekey-collision-octets")
class KeepsLowestNonce(IkeSa):
    """Takes the Child SA with the highest nonce for the redundant one."""

    def rekey_lost(self, own: ChildSa, rival: ChildSa) -> bool:
        return not super().rekey_lost(own, rival)


@defect("child-rekey-collision-lost")
class NeverLosesCollision(IkeSa):
    """Takes its own new Child SA always for the one that survives."""

    def rekey_lost(self, own: ChildSa, rival: ChildSa) -> bool:
        return False


@defect("child-rekey-collision-lost")
class ComparesInitiatorNonces(IkeSa):
    """Compares the nonces of the two requests only."""

    def rekey_lost(self, own: ChildSa, rival: ChildSa) -> bool:
        return own.nonces[0] < rival.nonces[0]


@defect("child-rekey-collision-octets")
class ComparesNonceNumbers(IkeSa):
    """Compares nonces as large integers."""

    def rekey_lost(self, own: ChildSa, rival: ChildSa) -> bool:
        ours, theirs = (min(int.from_bytes(each, "big") for each in one.nonces) for one in (own, rival))
        return ours < theirs


@defect("child-delete-while-rekeying")
class RefusesDeleteInRekey(IkeSa):
    """Refuses the deletion of a Child SA that it is rekeying."""

    def on_child_deleted(self, child: ChildSa) -> bytes:
        if child.state == ChildState.REKEYING:
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "it is being rekeyed")
        return super().on_child_deleted(child)


@defect("child-rekey-while-closing")
class RekeysClosingChild(IkeSa):
    """Rekeys a Child SA that it is closing."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        return next((one for one in self.children if notify and one.spi_out == notify.spi), None)


@defect("child-rekey-while-closing")
class ClosingChildIsUnknown(IkeSa):
    """Takes a Child SA that it is closing for one that it does not have."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        try:
            return super().rekeyed_child(notify)
        except Refusal as refusal:
            raise Refusal(NotifyType.CHILD_SA_NOT_FOUND, refusal.why) from None


@defect("child-delete-crossed")
class DeletesTwice(IkeSa):
    """Names a Child SA that it is deleting itself in its response once more."""

    def on_child_deleted(self, child: ChildSa) -> bytes:
        super().on_child_deleted(child)
        return child.spi_in


@defect("ike-rekey-while-child", "ike-rekey-while-closing", "ike-rekey-old-rekeyed", "ike-rekey-while-closing-lost")
class RekeysIkeAnyTime(IkeSa):
    """Rekeys the IKE SA whatever else is under way."""

    def check_rekey_allowed(self) -> None:
        return


@defect("child-while-ike-rekey")
class MakesChildDuringRekey(IkeSa):
    """Makes a Child SA on an IKE SA that it is rekeying."""

    def ike_rekey_pending(self) -> bool:
        return False


@defect("child-delete-while-ike-rekey")
class RefusesChildDeleteDuringRekey(IkeSa):
    """Refuses the deletion of a Child SA while it rekeys the IKE SA."""

    def on_child_deleted(self, child: ChildSa) -> bytes:
        if self.ike_rekey_pending():
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "the IKE SA is being rekeyed")
        return super().on_child_deleted(child)


@defect("ike-delete-while-rekey")
class RefusesIkeDeleteDuringRekey(IkeSa):
    """Refuses the deletion of an IKE SA that it is rekeying."""

    def on_deleted(self) -> Sequence[Payload]:
        if self.heir is not None:
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "it is being rekeyed")
        return super().on_deleted()


@defect("ike-delete-crossed", "ike-delete-while-rekey", "ike-rekey-old-numbering")
class AnswersIkeDeleteWithDelete(IkeSa):
    """Answers the deletion of the IKE SA with a Delete payload instead of an empty response."""

    def on_deleted(self) -> Sequence[Payload]:
        super().on_deleted()
        return [Delete(ProtocolID.IKE)]


@defect("ike-delete-crossed")
class WaitsForOwnDelete(IkeSa):
    """Does not answer the deletion of an IKE SA that it is deleting itself."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        found = super().process(message)
        return None if self.closing and message.first(Delete) is not None else found


@defect("ike-rekey-collision", "ike-rekey-collision-lost")
class KeepsLowestIke(IkeSa):
    """Takes the new IKE SA with the highest nonce for the redundant one."""

    def ike_rekey_lost(self, own: Self, rival: Self) -> bool:
        return not super().ike_rekey_lost(own, rival)


@defect("ike-rekey-collision-lost")
class ComparesInitiatorNoncesOfIke(IkeSa):
    """Compares the nonces of the two requests for a new IKE SA only."""

    def ike_rekey_lost(self, own: Self, rival: Self) -> bool:
        return own.nonce_i < rival.nonce_i


@defect("ike-rekey-collision", "ike-rekey-collision-lost")
class RefusesCollidingIkeRekey(IkeSa):
    """Refuses the peer's rekey of the IKE SA while its own is under way."""

    def check_rekey_allowed(self) -> None:
        super().check_rekey_allowed()
        if self.heir is not None:
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "it is being rekeyed")
