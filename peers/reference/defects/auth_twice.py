"""Defects of several authentications (RFC 4739)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.connection import Party
from conformance.ike.core.receiving import Answer
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, ExchangeType, IDi, IDr, Message, Notify, NotifyType, Payload
from peers.reference.defects.registry import defect

_FOLLOWS = NotifyType.ANOTHER_AUTH_FOLLOWS


@defect("auth-twice")
class ChildSaWithFirstProof(IkeSa):
    """Sends the Child SA with its answer to the first proof."""

    def take_proof(self, message: Message) -> Sequence[Payload]:
        return [*super().take_proof(message), *self.first_child_response(message)]


@defect("auth-twice-first-only")
class ContentWithFirstProof(IkeSa):
    """Asks for no further proof where none is announced."""

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        alone = not self.proved and message.first(AUTH) is not None and message.notify(_FOLLOWS) is None
        return None if alone else super().answer_round(message)


@defect("auth-twice-nothing-follows")
class ContentWithNothingFurther(IkeSa):
    """Takes a second round without an identity for the end."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if not self.another_follows or message.first(IDi) is not None:
            super().check_peer(identity, message)

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        return None if self.another_follows and message.first(IDi) is None else super().answer_round(message)

    def takes_identity(self) -> bool:
        return super().takes_identity() and not self.another_follows


@defect("auth-twice-second-again")
class TakesTheSameTwice(IkeSa):
    """Takes the first proof for the second one, too."""

    again: bool = False

    def peer_party(self) -> Party:
        return self.parties()[0] if self.again and not self.initiator else super().peer_party()

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        self.again = self.another_follows and message.first(AUTH) is not None
        return super().answer_round(message)


@defect("auth-twice-second-other")
class NamesFirstIdentityOnly(IkeSa):
    """Compares only the first of two identities with what was agreed on."""

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        return self.proved > 0 or super().identity_matches(expected, identity)


@defect("auth-twice-child-early")
class ChildSaBetweenProofs(IkeSa):
    """Makes Child SAs after the first of two proofs."""

    def answers(self) -> dict[tuple[State, ExchangeType], Answer]:
        found = super().answers()
        if self.another_follows and self.state == State.HALF_OPEN:
            found[State.HALF_OPEN, ExchangeType.CREATE_CHILD_SA] = self.handle_create_child_sa
        return found


@defect("auth-twice-initiator")
class FollowsUnannounced(IkeSa):
    """Does not say that another proof follows."""

    def own_proof(self) -> list[Payload]:
        return [one for one in super().own_proof() if not (isinstance(one, Notify) and one.type == _FOLLOWS)]


@defect("auth-twice-unsupported")
class FollowsInAnyCase(IkeSa):
    """Proves more than one thing to a responder that knows nothing of it."""

    def more(self) -> bool:
        return self.proved + 1 < len(self.parties())


@defect("auth-twice-responder-wrong")
class ChecksResponderAtTheEnd(IkeSa):
    """Proves the second thing before it has looked at the responder's proof."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if not self.initiator or not self.another_follows:
            super().check_peer(identity, message)


@defect("auth-twice", "auth-twice-initiator")
class SaysMoreOfFurtherProofs(IkeSa):
    """Has its name in the notify that says that it can prove several things."""

    def init_notifies(self) -> list[Notify]:
        return [self.with_name(one) for one in super().init_notifies()]

    def auth_notifies(self) -> list[Notify]:
        return [self.with_name(one) for one in super().auth_notifies()]

    def with_name(self, notify: Notify) -> Notify:
        """The notify, if it is that one with a name."""
        several = isinstance(notify, Notify) and notify.type == NotifyType.MULTIPLE_AUTH_SUPPORTED
        return replace(notify, data=b"ikespec") if several else notify


@defect("auth-twice-initiator")
class NumbersFurtherProofs(IkeSa):
    """Says in ANOTHER_AUTH_FOLLOWS how many there will be."""

    def own_proof(self) -> list[Payload]:
        return [
            replace(one, data=b"\1") if isinstance(one, Notify) and one.type == _FOLLOWS else one
            for one in super().own_proof()
        ]
