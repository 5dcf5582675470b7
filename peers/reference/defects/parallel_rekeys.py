"""Defects that show when a Child SA is rekeyed twice before it is deleted."""

from collections.abc import Sequence

from conformance.ike.core.child import ChildSa
from conformance.ike.ikesa import IkeSa
from conformance.wire import Message, Payload
from peers.reference.defects.registry import defect


@defect("child-rekey-parallel-new-first", "child-rekey-parallel-old-first", "child-rekey-parallel-backwards")
class DeletesTheSiblings(IkeSa):
    """Takes all Child SAs that a rekey connects with the one that is deleted along with it."""

    def on_child_deleted(self, child: ChildSa) -> bytes:
        found = super().on_child_deleted(child)
        for other in [one for one in self.children if one.config.name == child.config.name]:
            self.drop_child(other)
        return found


@defect("child-rekey-parallel-new-first")
class CrashesOnDeletedReplacement(IkeSa):
    """Dies when a replacement is deleted before what it replaced."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        before = list(self.children)
        answer = super().handle_informational(message)
        gone = [one for one in before if one not in self.children]
        if len(before) > len(gone) and before[0] not in gone and gone:
            self.close("crashed")
        return answer


@defect("child-rekey-parallel-at-once")
class AnswersForOneChild(IkeSa):
    """Deletes all that a Delete payload names and names one half of them in its response."""

    named_once: bool = False

    def on_child_deleted(self, child: ChildSa) -> bytes:
        spi = super().on_child_deleted(child)
        first, self.named_once = not self.named_once, True
        return spi if first else b""
