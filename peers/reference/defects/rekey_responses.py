"""Defects of an initiator of CREATE_CHILD_SA that believes every response, and of its lifetimes."""

from dataclasses import replace
from typing import Any, Self

from conformance.crypto.ke import KeyExchange
from conformance.crypto.suite import ChildSuite
from conformance.ike.core.child import ChildOffer
from conformance.ike.core.events import InvalidPublicValue, Refusal, Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import SA, Message, Nonce, NotifyType, Proposal, TransformType
from peers.reference.defects.registry import defect


@defect("child-response-not-offered")
class TakesAnyChildChoice(IkeSa):
    """Does not compare the responder's choice with what it has offered."""

    def check_choice(self, offer: ChildOffer, sa: SA) -> None:
        return


@defect("child-response-without-nonce")
class MissingResponseNonceIsEmpty(IkeSa):
    """Makes keys with an empty nonce where the response has none."""

    def child_secrets(
        self, offer: ChildOffer, suite: ChildSuite, message: Message
    ) -> tuple[tuple[bytes, bytes], bytes]:
        if message.first(Nonce) is None:
            return (offer.nonce, b""), b""
        return super().child_secrets(offer, suite, message)


@defect("ike-rekey-response-incomplete")
class MakesUpANonce(IkeSa):
    """Goes on with a nonce of zeros where the response to its rekey of the IKE SA has none."""

    def on_rekey_response(self, new: Self, proposals: tuple[Proposal, ...], *others: Any) -> None:
        exchange, message, *tried = others
        if message.first(Nonce) is None:
            message = replace(message, payloads=(*message.payloads, Nonce(bytes(32))))
        super().on_rekey_response(new, proposals, exchange, message, *tried)


@defect("child-response-public-value", "ike-rekey-response-public-value")
class TakesAnyResponseValue(IkeSa):
    """Goes on with a public value in a response that is none."""

    def shared_secret(self, exchange: KeyExchange, public: bytes) -> bytes:
        try:
            return super().shared_secret(exchange, public)
        except InvalidPublicValue:
            return bytes(32)


@defect("child-response-public-value")
class KeepsIkeOfInvalidValue(IkeSa):
    """Only gives up the exchange when a public value in a response is invalid."""

    def on_violation(self, problem: Violation | Refusal) -> None:
        super().on_violation(Violation(str(problem)))


@defect("ike-rekey-response-two-prfs")
class TakesFirstTransforms(IkeSa):
    """Takes the first of several transforms of one type."""

    def check_rekey_choice(self, proposals: tuple[Proposal, ...], sa: SA) -> None:
        return

    def on_response(self, message: Message) -> None:
        sa = message.first(SA)
        if sa is not None and any(one.type == TransformType.PRF for one in sa.proposals[0].transforms):
            first = {one.type: one for one in reversed(sa.proposals[0].transforms)}
            chosen = SA((replace(sa.proposals[0], transforms=tuple(first.values())),))
            payloads = tuple(chosen if one is sa else one for one in message.payloads)
            message = replace(message, payloads=payloads)
        super().on_response(message)


@defect("ike-rekey-lifetime")
class IgnoresLifetime(IkeSa):
    """Uses an IKE SA for ever."""

    def rekey_due(self) -> float | None:
        return None


@defect("ike-rekey-lifetime-put-off")
class RekeysExpiredAtOnce(IkeSa):
    """Repeats a refused rekey at once where the lifetime is over."""

    def rekey_refused(self, error: NotifyType) -> None:
        super().rekey_refused(error)
        self.rekey_again = 0.0
