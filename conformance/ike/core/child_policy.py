"""How many Child SAs an IKE SA has, and which of them come back (RFC 7296, sections 1.3 and 1.4.1)."""

from collections.abc import Iterator, Sequence

from conformance.ike.core.child import ChildSa
from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import State, Timer
from conformance.ike.core.spine import Spine
from conformance.wire import Message, NotifyType, Payload


class ChildPolicy(Spine):
    """The part of an IKE SA that knows how many Child SAs its side wants. ``missed`` are those to be made again."""

    missed: tuple[str, ...] = ()

    # --- no more than so many ---------------------------------------------------------------------------------------

    def has_room(self, message: Message) -> bool:
        """Whether there is room for the Child SA that a request asks for: one in the place of another needs none."""
        limit = self.connection.child_sa_limit
        if limit is None or message.notify(NotifyType.REKEY_SA) is not None:
            return True
        return sum(child.replaced_by is None for child in self.children) < limit

    def first_child_response(self, message: Message) -> list[Payload]:
        """The payloads that make the first Child SA, where there shall be one at all. Raises Refusal."""
        self.check_room(message)
        return super().first_child_response(message)

    def handle_child(self, message: Message) -> Sequence[Payload]:
        """Answer a request for a Child SA that is not one too many. Raises Refusal."""
        self.check_room(message)
        return super().handle_child(message)

    def check_room(self, message: Message) -> None:
        """Raise Refusal for one too many."""
        if not self.has_room(message):
            raise Refusal(NotifyType.NO_ADDITIONAL_SAS, f"no more than {self.connection.child_sa_limit} Child SAs")

    # --- and no less ------------------------------------------------------------------------------------------------

    def on_child_deleted(self, child: ChildSa) -> bytes:
        """The peer deletes a Child SA: where it shall always be there, we ask for it once more."""
        if self.connection.reopens and self.client and child.replaced_by is None:
            self.missed = (*self.missed, child.config.name)
        return super().on_child_deleted(child)

    def timers(self) -> Iterator[Timer]:
        """Ask for what is missed, once the deletion is answered."""
        if self.missed and self.state == State.ESTABLISHED and self.is_idle():
            yield self.now, self.start_missed
        yield from super().timers()

    def start_missed(self) -> None:
        """Ask for the first one that is missed."""
        name, *others = self.missed
        self.missed = tuple(others)
        self.start_child(name)
