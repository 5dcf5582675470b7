"""Defects of a device that goes on using an IKE SA which is being replaced (RFC 7296, sections 1.3.2 and 2.3)."""

from typing import Self

from conformance.ike.core.child import ChildSa
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from peers.reference.defects.registry import defect
from peers.reference.variants.features import WindowOfFive


@defect("ike-rekey-old-quiet")
class RekeysOnTheOldOne(IkeSa):
    """Rekeys a Child SA under the IKE SA that has made it, though that has been replaced."""

    old: Self | None = None

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        new.old = self

    def start_child_rekey(self, child: ChildSa) -> None:
        if self.old is not None and self.old.state == State.REKEYED:
            self.old.start_child_rekey(child)
        else:
            super().start_child_rekey(child)


@defect("ike-rekey-old-quiet-device")
class EmptiesItsQueue(IkeSa):
    """Begins what waits for its turn on the old IKE SA once the new one is there."""

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        if new.queue:
            self.open_exchange(*new.queue.popleft())


@defect("mid-rekey-window")
class KeepsItsWindow(WindowOfFive):
    """Holds its window open on the IKE SA that replaces another one, without saying so there."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.announced = self.announced
