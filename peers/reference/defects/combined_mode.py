"""Defects about the transforms INTEG and ESN that a proposal has or lacks."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    SA,
    Esn,
    ExchangeType,
    Integ,
    KeMethod,
    Message,
    NotifyType,
    Payload,
    Proposal,
    Transform,
    TransformType,
)
from peers.algorithms import combined
from peers.reference.defects.registry import defect

INTEG, ESN = TransformType.INTEG, TransformType.ESN
_PLAIN, _EXTENDED = Transform.of(Esn.NO), Transform.of(Esn.YES)


def _names_none(one: Proposal) -> bool:
    return any(each.type == INTEG and each.id == Integ.NONE for each in one.transforms)


def _is_combined(one: Proposal) -> bool:
    return any(each.type == TransformType.ENCR and combined(each) for each in one.transforms)


@defect("init-aead-integ-none", "ike-rekey-aead-integ-none")
class KnowsNoIntegNone(IkeSa):
    """Finds no match for an IKE SA where INTEG NONE stands beside an AEAD."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        return super().choose_ike([one for one in proposals if not _names_none(one)], group)

    def process(self, message: Message) -> Sequence[Payload] | None:
        found = message.first(SA)
        rekey = message.exchange == ExchangeType.CREATE_CHILD_SA and found is not None
        if rekey and found is not None and len(found.proposals[0].spi) == 8 and _names_none(found.proposals[0]):
            return [Refusal(NotifyType.NO_PROPOSAL_CHOSEN, "INTEG NONE").notify()]
        return super().process(message)


@defect("auth-aead-integ-none", "child-aead-integ-none")
class KnowsNoIntegNoneInEsp(IkeSa):
    """Finds no match for a Child SA where INTEG NONE stands beside an AEAD."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        return super().choose_child(config, [one for one in proposals if not _names_none(one)], message)


@defect("init-aead-integ-real")
class TakesIntegrityBesideAead(IkeSa):
    """Takes an AEAD and an integrity algorithm beside it, and says so."""

    real: Transform | None = None

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        first = proposals[0]
        integ = [each for each in first.transforms if each.type == INTEG and each.id != Integ.NONE]
        if not integ or not _is_combined(first):
            return super().choose_ike(proposals, group)
        self.real = integ[0]
        usual = tuple(each for each in first.transforms if each.type != INTEG)
        return super().choose_ike([replace(first, transforms=usual)], group)

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        answer = super().init_response(chosen, public)
        if self.real is None:
            return answer
        return [SA((replace(chosen, transforms=(*chosen.transforms, self.real)),)), *answer[1:]]


@defect("auth-esn-missing", "auth-esn-missing-ah", "child-esn-missing")
class AssumesNoEsn(IkeSa):
    """Takes a proposal without ESN for one with sequence numbers of 32 bits."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        whole = [
            one
            if any(each.type == ESN for each in one.transforms)
            else replace(one, transforms=(*one.transforms, _PLAIN))
            for one in proposals
        ]
        return super().choose_child(config, whole, message)


@defect("auth-esn-both", "child-esn-both")
class ChoosesBothEsn(IkeSa):
    """Returns both kinds of sequence numbers where both were offered."""

    def child_answer(self, chosen: Proposal, spi: bytes, offered: SA) -> Proposal:
        answer = super().child_answer(chosen, spi, offered)
        if all(any(one in each.transforms for each in offered.proposals) for one in (_PLAIN, _EXTENDED)):
            others = tuple(one for one in answer.transforms if one.type != ESN)
            return replace(answer, transforms=(*others, _PLAIN, _EXTENDED))
        return answer


@defect("auth-responder-esn-two", "child-response-esn-two")
class TakesFirstEsn(IkeSa):
    """Takes the first kind of sequence numbers where the responder names both."""

    def take_child(self, offer: ChildOffer, message: Message) -> None:
        def single(one: Payload) -> Payload:
            if not isinstance(one, SA):
                return one
            found = [each for each in one.proposals[0].transforms if each.type == ESN][1:]
            kept = tuple(each for each in one.proposals[0].transforms if each not in found)
            return SA((replace(one.proposals[0], transforms=kept),))

        super().take_child(offer, replace(message, payloads=tuple(map(single, message.payloads))))


@defect("auth-request-types", "child-request-types")
class OffersWithoutEsn(IkeSa):
    """Leaves ESN out of what it offers, and takes any choice for it."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        made = super().make_offer(config, with_ke=with_ke, rekeys=rekeys)
        made.proposals = tuple(
            replace(one, transforms=tuple(each for each in one.transforms if each.type != ESN))
            for one in made.proposals
        )
        return made


@defect("auth-request-types", "child-request-types")
class NamesIntegNone(IkeSa):
    """Names INTEG NONE beside each AEAD that it offers for a Child SA."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        made = super().make_offer(config, with_ke=with_ke, rekeys=rekeys)
        made.proposals = tuple(
            replace(one, transforms=(*one.transforms, Transform.of(Integ.NONE))) if _is_combined(one) else one
            for one in made.proposals
        )
        return made


@defect("init-aead-offer")
class OffersIntegrityBesideAead(IkeSa):
    """Offers HMAC-SHA-256 beside each AEAD for the IKE SA."""

    def init_request(self) -> Sequence[Payload]:
        real = Transform.of(Integ.HMAC_SHA2_256_128)
        self.offered = tuple(
            replace(one, transforms=(*one.transforms, real)) if _is_combined(one) else one for one in self.offered
        )
        return super().init_request()
