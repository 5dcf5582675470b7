"""Defects of two IKE SAs with one peer, opened by both sides at the same time."""

from collections.abc import Iterable

from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect

_TWO = (
    "auth-both-open",
    "auth-both-open-responder",
    "auth-both-open-interleaved",
    "auth-both-open-interleaved-responder",
    "auth-both-open-contact",
)


@defect(*_TWO)
class ClosedWithAllChildren(IkeSa):
    """Takes the Child SAs of its other IKE SAs along when one is deleted."""

    def close(self, reason: str) -> None:
        super().close(reason)
        for other in self.neighbours:
            for child in list(other.children):
                other.drop_child(child)


@defect(*_TWO)
class ForgetsTheOther(Endpoint):
    """Forgets all its IKE SAs with a peer when one of them is deleted."""

    def forget(self, sa: IkeSa) -> None:
        super().forget(sa)
        for other in self.established():
            other.close("another one was deleted")


@defect(*_TWO)
class SendsOnTheDeleted(DeviceHost):
    """Goes on sending on the newest or oldest Child SA that it had, be it deleted or not."""

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        known = list(sas)
        super().follow(known, now)
        self.sad.outbound.sort(key=lambda one: any(one is each.outbound for each in self.carried.values()))

    def withdraw(self, one: Carried) -> None:
        self.sad.remove(one.inbound)


@defect(*_TWO, "auth-both-open-contact-both")
class NeverSettles(Endpoint):
    """Keeps one IKE SA with a peer, and opens another one whenever one is gone."""

    def initial_contact(self, sa: IkeSa) -> None:
        for other in self.established():
            if other is not sa and not other.closing:
                other.start_delete()
                self.collect(other)

    def forget(self, sa: IkeSa) -> None:
        super().forget(sa)
        if not any(one.state == State.HALF_OPEN for one in self.sas.values()):
            self.initiate()


@defect("auth-both-open-contact-both", *_TWO)
class DeletesBoth(Endpoint):
    """Deletes both as redundant: each because of the other one."""

    def initial_contact(self, sa: IkeSa) -> None:
        found = self.established()
        for one in found if len(found) > 1 else []:
            one.start_delete()
            self.collect(one)
