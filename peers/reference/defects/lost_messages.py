"""Defects of exchanges that cross since a message got lost."""

from collections.abc import Sequence
from typing import Self

from conformance.ike.core.child import ChildSa
from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import Pending
from conformance.ike.ikesa import IkeSa
from conformance.wire import Delete, ExchangeType, Message, NotifyType, Payload, ProtocolID
from peers.reference.defects.registry import defect


@defect("child-delete-lost")
class PutOffMeansBusy(IkeSa):
    """Takes a Child SA whose rekey was put off for one that is being rekeyed, and refuses to delete it."""

    def on_child_deleted(self, child: ChildSa) -> bytes:
        if child.rekey_again > self.now:
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "its rekey was put off")
        return super().on_child_deleted(child)


@defect("child-delete-lost")
class TriesAgainOnWhatIsClosed(IkeSa):
    """Asks at once to rekey a Child SA again whose rekey was refused, though that is closed meanwhile."""

    def drop_child(self, child: ChildSa) -> None:
        super().drop_child(child)
        if child.rekey_again > self.now:
            self.start_child_rekey(child)


@defect("child-rekey-lost-closed")
class DeletesWhatIsGone(IkeSa):
    """Deletes the Child SA of which the peer knows nothing."""

    def lost_child(self, child: ChildSa) -> None:
        self.open_exchange(
            ExchangeType.INFORMATIONAL, lambda sa: [Delete(child.protocol, (child.spi_in,))], self.ignore
        )


@defect("ike-rekey-crossed-response-lost")
class MovesToTheRivalAtOnce(IkeSa):
    """Moves the Child SAs to the IKE SA that the peer's rekey has made before it knows all nonces."""

    def adopt(self, new: Self) -> None:
        super().adopt(new)
        if self.heir is not None:
            new.children, self.children = self.children, []


@defect("ike-rekey-crossed-unnoticed")
class DeletionEndsBoth(IkeSa):
    """Where the old IKE SA is deleted amid its own rekey it does not go on with the peer's."""

    def on_deleted(self) -> Sequence[Payload]:
        self.rival = None
        return super().on_deleted()


@defect("ike-rekey-crossed-request-late", "ike-rekey-crossed-group-late")
class RefusedIkeRekeyUndoesTheOther(IkeSa):
    """Where its own rekey of the IKE SA is refused it drops what came of the peer's, too."""

    def rekey_refused(self, error: NotifyType) -> None:
        self.rival = None
        super().rekey_refused(error)


@defect("ike-delete-lost-while-rekey")
class PutOffKeepsIke(IkeSa):
    """Keeps an IKE SA whose rekey was put off, though it consents to the deletion."""

    def on_deleted(self) -> Sequence[Payload]:
        return () if self.rekey_again > self.now else super().on_deleted()


@defect("ike-rekey-while-closing-lost", "ike-liveness-while-closing")
class SaysGoodbyeOnce(IkeSa):
    """Does not repeat the Delete for the IKE SA."""

    def retransmit(self, pending: Pending) -> None:
        if not any(one.protocol == ProtocolID.IKE for one in pending.message.all(Delete)):
            super().retransmit(pending)


@defect("ike-liveness-while-closing")
class DeafWhenClosing(IkeSa):
    """Answers nothing any more on an IKE SA that it is deleting."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        return None if self.closing else super().process(message)


@defect("ike-delete-while-liveness")
class WaitsToBeAnswered(IkeSa):
    """Answers no Delete before its liveness check is answered."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        asking = self.pending is not None and not self.pending.message.payloads
        return None if asking and message.first(Delete) else super().process(message)
