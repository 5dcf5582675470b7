"""Defects of CREATE_CHILD_SA: further Child SAs that the peer asks for."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.crypto.ke import key_exchange, respond
from conformance.crypto.suite import ChildSuite, IkeSuite
from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal
from conformance.ike.core.proposals import child_proposals, choose
from conformance.ike.core.selectors import covered
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    KE,
    SA,
    ExchangeType,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    TrafficSelector,
    TSi,
    TSr,
    UnknownPayload,
)
from peers.reference.defects.registry import defect

ANYTHING = TrafficSelector.net("0.0.0.0/0")


def is_child_exchange(message: Message) -> bool:
    """True for CREATE_CHILD_SA."""
    return message.exchange == ExchangeType.CREATE_CHILD_SA


@defect("child-new", "child-rekey", "ike-rekey")
class CountsChildResponses(IkeSa):
    """Numbers its responses in CREATE_CHILD_SA by itself instead of as the request."""

    def response_id(self, request: Message) -> int:
        return self.next_id if is_child_exchange(request) else super().response_id(request)


@defect("child-new", "child-rekey", "child-rekey-pfs")
class ForgetsChildNonce(IkeSa):
    """Makes a nonce and does not tell the peer."""

    def handle_child(self, message: Message) -> Sequence[Payload]:
        return [one for one in super().handle_child(message) if not isinstance(one, Nonce)]


@defect("child-new", "child-rekey")
class ReusesChildSpi(IkeSa):
    """Takes the SPI of the first Child SA for all of them."""

    def choose_child_spi(self) -> bytes:
        return self.children[0].spi_in if self.children else super().choose_child_spi()


@defect("child-second-proposal")
class NumbersEspChoiceOne(IkeSa):
    """Gives its choice the number 1."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        return replace(super().choose_child(config, proposals, message), number=1)


@defect("child-second-proposal")
class ReturnsWholeEspProposal(IkeSa):
    """Answers with the proposal as it was offered, all its transforms included."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        made = super().make_child(message, old, nonces)
        offer = message.first(SA)
        assert offer is not None
        chosen = next(one for one in made if isinstance(one, SA)).proposals[0]
        whole = next(one for one in offer.proposals if one.number == chosen.number)
        return [SA((replace(whole, spi=chosen.spi),)) if isinstance(one, SA) else one for one in made]


@defect("child-pfs", "child-rekey-pfs", "auth-example-curves", "auth-example-curves-initiator")
class ForgetsKer(IkeSa):
    """Chooses a suite with a group and leaves out KEr."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        return [one for one in super().make_child(message, old, nonces) if not isinstance(one, KE)]


@defect("child-pfs-wrong-group")
class TakesAnyChildGroup(IkeSa):
    """Goes on with the group of KEi though its choice is another one."""

    def child_key_exchange(self, suite: ChildSuite, message: Message) -> tuple[bytes, bytes]:
        ke = message.first(KE)
        return super().child_key_exchange(suite, message) if ke is None else respond(ke.method, ke.data, self.random)


@defect("child-pfs-wrong-group", "ike-rekey-wrong-group")
class NamesRefusedGroup(IkeSa):
    """INVALID_KE_PAYLOAD names the group that the peer has sent, not the one that it should send."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        found, ke = super().process(message), message.first(KE)
        data = int(ke.method).to_bytes(2, "big") if ke else b""
        wrong = Notify(NotifyType.INVALID_KE_PAYLOAD, data)
        named = NotifyType.INVALID_KE_PAYLOAD
        return [wrong if isinstance(one, Notify) and one.type == named else one for one in found or ()]


@defect("child-no-proposal", "child-rekey-refused")
class TakesAnyEspSuite(IkeSa):
    """Takes every algorithm that it supports, whatever is configured."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        found = choose(proposals, proposals)
        assert found is not None
        return found[1]


@defect(
    "child-no-proposal",
    "child-ts-unacceptable",
    "child-critical",
    "child-rekey-unknown",
    "child-rekey-refused",
    "ike-rekey-no-proposal",
)
class RefusalEndsIke(IkeSa):
    """Every refused CREATE_CHILD_SA request ends the IKE SA."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        found = super().process(message)
        if is_child_exchange(message) and any(isinstance(one, Notify) and one.type < 16384 for one in found or ()):
            self.close_after_response = "a request was refused"
        return found


@defect("child-ts-unacceptable", "child-ts-narrow", "child-rekey-wider", "child-rekey-refused")
class TakesForeignSelectors(IkeSa):
    """Returns the selectors as they were offered, whatever the policy says."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return tuple(one for one in offered.selectors if isinstance(one, TrafficSelector))


@defect("child-ts-narrow", "child-rekey-wider")
class RefusesToNarrow(IkeSa):
    """Refuses selectors that are wider than the policy."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return super().narrowed(offered, policy) if covered(offered.selectors, policy) else ()


@defect("child-critical")
class SkipsCriticalInChild(IkeSa):
    """Skips unknown critical payloads of CREATE_CHILD_SA as if they were not critical."""

    def check_critical(self, message: Message) -> None:
        if not is_child_exchange(message):
            super().check_critical(message)


@defect("child-without-nonce")
class MissingNonceIsEmpty(IkeSa):
    """Takes an absent nonce as an empty one."""

    def nonce_of(self, message: Message) -> bytes:
        return super().nonce_of(message) if message.first(Nonce) else b""


@defect("child-without-sa")
class MissingOfferIsItsOwn(IkeSa):
    """Takes an absent SA payload for one that offers what it is configured for."""

    def handle(self, message: Message) -> Sequence[Payload]:
        if is_child_exchange(message) and message.first(SA) is None:
            offer = child_proposals(self.connection.children[0].proposals, self.choose_child_spi(), with_ke=False)
            message = replace(message, payloads=(SA(offer), *message.payloads))
        return super().handle(message)


@defect("child-unknown-payload", "child-response-unknown-payload")
class KnowsAllPayloads(IkeSa):
    """Takes a payload of an unknown type in CREATE_CHILD_SA for a mistake, whether it is critical or not."""

    def check_critical(self, message: Message) -> None:
        strange = any(isinstance(one, UnknownPayload) for one in message.payloads)
        if strange and is_child_exchange(message):
            raise Refusal(NotifyType.INVALID_SYNTAX, "an unknown payload")
        super().check_critical(message)


@defect("child-without-ts")
class MissingSelectorsMeanAny(IkeSa):
    """Takes absent traffic selectors as all traffic."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        added = [kind((ANYTHING,)) for kind in (TSi, TSr) if message.first(kind) is None]
        return super().make_child(replace(message, payloads=(*message.payloads, *added)), old, nonces)


@defect("child-invalid-public-value")
class TakesAnyPublicValue(IkeSa):
    """Goes on with a public value that is none."""

    def child_key_exchange(self, suite: ChildSuite, message: Message) -> tuple[bytes, bytes]:
        try:
            return super().child_key_exchange(suite, message)
        except Refusal as refusal:
            if refusal.kind != NotifyType.INVALID_SYNTAX:
                raise
            return self.random(64), bytes(32)


@defect("ike-rekey-public-value")
class TakesAnyRekeyValue(IkeSa):
    """Goes on with a public value that is none when the IKE SA is rekeyed."""

    def rekey_secrets(self, suite: IkeSuite, ke: KE) -> tuple[bytes, bytes]:
        try:
            return super().rekey_secrets(suite, ke)
        except Refusal as refusal:
            size = len(key_exchange(suite.ke, self.random).public)
            if refusal.kind != NotifyType.INVALID_SYNTAX or len(ke.data) != size:
                raise
            return self.random(size), bytes(32)


@defect("child-invalid-public-value")
class InvalidValueIsNoProposal(IkeSa):
    """Answers NO_PROPOSAL_CHOSEN to an invalid public value, and goes on."""

    def child_key_exchange(self, suite: ChildSuite, message: Message) -> tuple[bytes, bytes]:
        try:
            return super().child_key_exchange(suite, message)
        except Refusal as refusal:
            raise Refusal(NotifyType.NO_PROPOSAL_CHOSEN, refusal.why) from None


@defect("child-transport")
class KeepsTransportModeQuiet(IkeSa):
    """Uses transport mode and does not say so."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        return [one for one in super().make_child(message, old, nonces) if not isinstance(one, Notify)]


@defect("child-transport-unasked")
class EchoesTransportMode(IkeSa):
    """Agrees to transport mode and uses tunnel mode."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        made = super().make_child(message, old, nonces)
        asked = message.notify(NotifyType.USE_TRANSPORT_MODE)
        return [asked, *made] if asked else made


@defect("child-parallel")
class DeletesDuplicateSelectors(IkeSa):
    """Deletes a Child SA as soon as another one has the same selectors."""

    def handle_child(self, message: Message) -> Sequence[Payload]:
        older = list(self.children)
        made = super().handle_child(message)
        for child in older:
            self.start_child_delete(child)
        return made


@defect("child-parallel")
class ForgetsDuplicateSelectors(IkeSa):
    """Forgets a Child SA silently as soon as another one has the same selectors."""

    def handle_child(self, message: Message) -> Sequence[Payload]:
        older = list(self.children)
        made = super().handle_child(message)
        for child in older:
            self.drop_child(child)
        return made


@defect("child-nonce-lengths")
class RefusesLongNonces(IkeSa):
    """Takes nonces of up to 64 octets."""

    def nonce_of(self, message: Message) -> bytes:
        found = super().nonce_of(message)
        if len(found) > 64:
            raise Refusal(NotifyType.INVALID_SYNTAX, "a long nonce", fatal=True)
        return found


@defect("child-nonce-lengths")
class RefusesShortNonces(IkeSa):
    """Takes nonces from 32 octets on."""

    def nonce_of(self, message: Message) -> bytes:
        found = super().nonce_of(message)
        if len(found) < 32:
            raise Refusal(NotifyType.INVALID_SYNTAX, "a short nonce", fatal=True)
        return found
