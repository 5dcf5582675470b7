"""Defects of exchanges that cross: the end of an IKE SA and its Child SAs, rekeys that are asked for another group."""

from collections.abc import Sequence
from typing import Self

from conformance.crypto.ke import KeyExchange
from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from conformance.wire import Delete, KeMethod, Message, NotifyType, Payload, Proposal
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect


@defect("ike-delete-while-child-rekey", "ike-delete-while-child-new", "ike-delete-while-child-delete")
class RefusesIkeDeleteWhileBusy(IkeSa):
    """Refuses the deletion of an IKE SA while one of its Child SAs is made, rekeyed or deleted."""

    def on_deleted(self) -> Sequence[Payload]:
        if self.children_pending():
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "a Child SA is under way")
        return super().on_deleted()


@defect("ike-delete-while-child-rekey", "ike-delete-while-child-new", "ike-delete-while-child-delete")
class KeepsBusyIke(IkeSa):
    """Consents to the deletion of an IKE SA whose Child SAs are under way, and keeps it."""

    def on_deleted(self) -> Sequence[Payload]:
        return () if self.children_pending() else super().on_deleted()


@defect(
    *("ike-delete-while-child-rekey", "ike-delete-while-child-new", "ike-delete-while-child-delete"),
    *("child-delete-while-closing", "child-rekey-while-ike-closing", "info-dpd-dead", "info-malformed"),
)
class ForgetsNothing(DeviceHost):
    """Goes on taking packets on Child SAs whose IKE SA is gone."""

    def withdraw(self, one: Carried) -> None:
        pass


@defect("ike-rekey-while-child-new")
class RekeysWhileChildIsMade(IkeSa):
    """Rekeys the IKE SA on which it has just asked for a Child SA."""

    def children_pending(self) -> bool:
        return self.offer is not None and self.offer.rekeys is not None


@defect("child-delete-while-closing")
class ClosingIsNoState(IkeSa):
    """Refuses whatever comes about the Child SAs of an IKE SA that it is deleting."""

    def on_child_deleted(self, child: ChildSa) -> bytes:
        if self.is_closing():
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "the IKE SA is being deleted")
        return super().on_child_deleted(child)


@defect("child-rekey-while-ike-closing")
class LivesOnWithANewChild(IkeSa):
    """Takes a rekey of a Child SA for a reason to keep the IKE SA that it is deleting."""

    revived: bool = False

    def handle_child(self, message: Message) -> Sequence[Payload]:
        self.revived = self.is_closing()
        return super().handle_child(message)

    def on_delete_response(self, message: Message) -> None:
        if not self.revived:
            super().on_delete_response(message)


@defect("child-rekey-collision-group")
class ForgetsTheRival(IkeSa):
    """Forgets that the peer has rekeyed the Child SA as well once it is asked for another group."""

    def request_child(self, offer: ChildOffer, group: KeMethod | None = None) -> None:
        super().request_child(offer, group)
        if group is not None:
            offer.rival = None
            offer.rekeys = next((one for one in self.children if one.replaced_by is None), offer.rekeys)


@defect("child-rekey-collision-group-late")
class LosesTheHeirToo(IkeSa):
    """Drops all Child SAs of a policy when it is told that one of them was not found."""

    def lost_child(self, child: ChildSa) -> None:
        for one in [each for each in self.children if each.config == child.config]:
            self.drop_child(one)


@defect("child-rekey-collision-wrong-delete")
class AnswersBesideTheTunnel(DeviceHost):
    """Gives up the policy with the Child SA that it takes for the only one: answers leave in the clear then."""

    given_up: bool = False

    def withdraw(self, one: Carried) -> None:
        super().withdraw(one)
        self.given_up |= one.child.replaced_by is None

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        return packet if self.given_up else super().protected(sa, packet, now, bend)


@defect("child-rekey-collision-wrong-delete")
class ClosesItsOwnChoice(IkeSa):
    """Closes nothing but the Child SA that it has found redundant, whatever the peer deletes."""

    def named(self, delete: Delete) -> list[ChildSa]:
        found = super().named(delete)
        return [one for one in self.children if one not in found][:1] or found


@defect("ike-rekey-collision-group")
class SecondTryLoses(IkeSa):
    """Takes an IKE SA that it got at the second try for the redundant one, whatever the nonces are."""

    tries: int = 0

    def rekey_request(self, new: Self, proposals: tuple[Proposal, ...], exchange: KeyExchange) -> Sequence[Payload]:
        self.tries += 1
        return super().rekey_request(new, proposals, exchange)

    def ike_rekey_lost(self, own: Self, rival: Self) -> bool:
        return self.tries > 1 or super().ike_rekey_lost(own, rival)
