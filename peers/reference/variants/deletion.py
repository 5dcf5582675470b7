"""When a device deletes an SA: what was replaced goes some time, and anybody may end an IKE SA with a Delete."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar, Self

from conformance.ike.core.child import ChildSa, ChildState
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.sending import State, Timer
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.wire import Delete, Message, Notify, NotifyType, Payload, ProtocolID
from peers.reference.variants.own_requests import Talkative
from peers.reference.variants.registry import variant


@variant("RFC 7296, 2.8: enough time should elapse before the old SA becomes unusable; 2.8.1 names no time")
class LazyDelete(IkeSa):
    """Deletes what it has replaced 5 s later."""

    patience: ClassVar[float] = 5.0
    replaced: tuple[tuple[float, ChildSa | None], ...] = ()

    def later(self, child: ChildSa | None) -> None:
        """Delete a Child SA, or this IKE SA, when its time has come."""
        self.replaced = (*self.replaced, (self.now + self.patience, child))

    def start_child_delete(self, child: ChildSa) -> None:
        if child.replaced_by is None:
            super().start_child_delete(child)
        else:
            self.later(child)

    def start_delete(self) -> None:
        if self.state == State.REKEYED:
            self.later(None)
        else:
            super().start_delete()

    def expire_child(self, child: ChildSa) -> None:
        if child.replaced_by is None:
            super().expire_child(child)
        else:
            super().start_child_delete(child)  # its time is over: that is no moment to wait any longer

    def timers(self) -> Iterator[Timer]:
        for due, child in self.replaced:
            yield due, partial(self.delete_now, due, child)
        yield from super().timers()

    def delete_now(self, due: float, child: ChildSa | None) -> None:
        """Its time has come, if it is still there."""
        self.replaced = tuple(one for one in self.replaced if one != (due, child))
        if child is None:
            super().start_delete()
        elif child in self.children:
            super().start_child_delete(child)


@variant("RFC 7296, 1.4.1: either end may delete an IKE SA; how many a peer may have is local policy (2.4)")
class OnePerIdentity(Endpoint):
    """Keeps one IKE SA per identity: an older one is deleted, with a Delete payload."""

    def initial_contact(self, sa: IkeSa) -> None:
        super().initial_contact(sa)
        for other in self.established():
            if other is not sa and not other.closing and _name(other) == _name(sa):
                other.start_delete()
                self.collect(other)


def _name(sa: IkeSa) -> bytes | None:
    return sa.peer_identity.data if sa.peer_identity is not None else None


@variant(
    "RFC 7296, 2.8: the new IKE SA is used for its Child SAs; nobody says that it is used while there is the old one"
)
class WaitsForTheOldToGo(Talkative):
    """Rekeys no Child SA while there is an IKE SA that its own has replaced."""

    elder: IkeSa | None = None
    wished: ChildSa | None = None

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        new.elder = self

    def start_child_rekey(self, child: ChildSa) -> None:
        if self.elder is None or self.elder.state == State.CLOSED:
            super().start_child_rekey(child)
        else:
            self.wished, self.speak_at = child, self.now + 0.1

    def speak(self) -> None:
        if self.wished in self.children:
            self.start_child_rekey(self.wished)


@variant("RFC 7296, 2.21.2: an IKE SA without its first Child SA is not deleted automatically, but may be by policy")
class DeletesChildless(Talkative):
    """Deletes an IKE SA, with a Delete payload, when its first Child SA could not be made."""

    def first_child_refused(self, proof: list[Payload], refusal: Refusal) -> Sequence[Payload]:
        self.speak_at = self.now
        return super().first_child_refused(proof, refusal)

    def speak(self) -> None:
        self.start_delete()

    def child_failed(self, error: Notify | None) -> None:
        super().child_failed(error)
        if not self.children:
            self.start_delete()


@variant("RFC 7296, 1.4.1: either end may delete an IKE SA at any time, such as one that protects nothing any more")
class DeletesEmpty(Talkative):
    """Deletes an IKE SA, with a Delete payload, when its last Child SA is gone, whatever else it was to do there."""

    served: bool = False

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        super().respond(request, payloads)
        if self.is_empty():
            self.speak_at = self.now

    def next_request(self) -> None:
        if self.is_empty():
            self.queue.clear()
            self.speak_once()
        super().next_request()

    def is_empty(self) -> bool:
        """Whether it had Child SAs, and is neither closed nor about to be, nor about to have another one."""
        self.served = self.served or bool(self.children)
        up = self.state == State.ESTABLISHED and not self.closing and not self.connection.reopens
        return up and self.served and not self.children and self.offer is None

    def speak(self) -> None:
        if self.is_empty():
            self.start_delete()


@variant("RFC 7296, 2.8 and 2.21: an IKE SA whose rekeys fail has to be closed, and after any error that is policy")
class DeletesWhenRefused(IkeSa):
    """Deletes an IKE SA, with a Delete payload, on which a rekey of its own was refused."""

    def rekey_refused(self, error: NotifyType) -> None:
        super().rekey_refused(error)
        self.give_it_up()

    def rekey_failed(self, child: ChildSa, error: Notify | None) -> None:
        super().rekey_failed(child, error)
        self.give_it_up()

    def give_it_up(self) -> None:
        """Delete it, unless that is under way or needless."""
        if self.state == State.ESTABLISHED and not self.closing:
            self.start_delete()


@variant("RFC 7296, 2.21.3: where the peers have not the same state, it is good to delete the IKE SA and start over")
class DeletesAfterNonsense(IkeSa):
    """Deletes an IKE SA, with a Delete payload, on which a response made no sense."""

    def on_violation(self, problem: Violation | Refusal) -> None:
        super().on_violation(problem)
        if self.state == State.ESTABLISHED and not self.closing:
            self.start_delete()


@variant("RFC 7296, 1.4.1: deleting an IKE SA closes any remaining Child SAs; nobody says that there have to be any")
class DeletesChildrenFirst(IkeSa):
    """Deletes the Child SAs of an IKE SA, each with a request of its own, before that."""

    def start_delete(self) -> None:
        for child in list(self.children) if self.state == State.ESTABLISHED else ():
            if child.state != ChildState.DELETING:
                self.start_child_delete(child)
        super().start_delete()


@variant("RFC 7296, 3.11: one INFORMATIONAL exchange may have several Delete payloads, each for another protocol")
class DeletesAllAtOnce(IkeSa):
    """Names the Child SAs of an IKE SA in the request that deletes it."""

    def delete_request(self) -> Sequence[Payload]:
        spis: dict[ProtocolID, list[bytes]] = {}
        for child in self.children:
            spis.setdefault(child.protocol, []).append(child.spi_in)
        named = [Delete(protocol, tuple(found)) for protocol, found in spis.items()]
        return [*named, *super().delete_request()]
