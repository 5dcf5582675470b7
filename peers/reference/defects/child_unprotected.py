"""Defects of Child SAs that protect nothing: offers without integrity or cipher are taken, or such a choice is."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.proposals import child_proposals
from conformance.ike.ikesa import IkeSa
from conformance.wire import SA, Encr, Integ, Message, Payload, Proposal, ProtocolID, Transform, TransformType
from peers.reference.defects.registry import defect


def _has_integrity(one: Proposal) -> bool:
    return any(each.type == TransformType.INTEG and each.id != Integ.NONE for each in one.transforms)


def _ciphers(one: Proposal) -> set[int]:
    return {each.id for each in one.transforms if each.type == TransformType.ENCR}


class _TakesTheFirst(IkeSa):
    """Says that it takes the first offered proposal that lacks protection in some way, and makes its usual SA."""

    def lacks(self, one: Proposal) -> bool:
        raise NotImplementedError

    taken: Proposal | None = None

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        self.taken = next((one for one in proposals if self.lacks(one)), None)
        if self.taken is None:
            return super().choose_child(config, proposals, message)
        usual = child_proposals(config.proposals, self.taken.spi, with_ke=False)[0]
        return replace(usual, number=self.taken.number)

    def child_answer(self, chosen: Proposal, spi: bytes, offered: SA) -> Proposal:
        answer = super().child_answer(chosen, spi, offered)
        if self.taken is None:
            return answer
        return replace(answer, transforms=self.taken.transforms)


_OLD = (Encr.DES, Encr.TRIPLE_DES)


@defect("auth-esp-weak")
class TakesWeakCiphers(_TakesTheFirst):
    """Makes ESP SAs with DES, 3DES or HMAC-MD5 for whoever asks."""

    def lacks(self, one: Proposal) -> bool:
        weak = any(each.type == TransformType.INTEG and each.id == Integ.HMAC_MD5_96 for each in one.transforms)
        return bool(_ciphers(one) & {*_OLD}) or weak


@defect("auth-esp-weak-offered")
class OffersWeakCiphers(IkeSa):
    """Offers DES beside what it was told to use."""

    def offer_payloads(self, offer: ChildOffer) -> list[Payload]:
        def more(one: Payload) -> Payload:
            if not isinstance(one, SA):
                return one
            first = one.proposals[0]
            weak = replace(first, transforms=(*first.transforms, Transform.of(Encr.DES)))
            return replace(one, proposals=(weak, *one.proposals[1:]))

        return [more(one) for one in super().offer_payloads(offer)]


@defect("auth-esp-null-alone", "child-esp-null-alone")
class TakesNullAlone(_TakesTheFirst):
    """Makes ESP SAs with the cipher NULL and no integrity for whoever asks."""

    def lacks(self, one: Proposal) -> bool:
        return _ciphers(one) == {Encr.NULL} and not _has_integrity(one)


@defect("auth-esp-without-integrity", "child-esp-without-integrity")
class TakesCipherAlone(_TakesTheFirst):
    """Makes ESP SAs that encrypt by AES-CBC or AES-CTR without integrity."""

    def lacks(self, one: Proposal) -> bool:
        return bool(_ciphers(one) & {Encr.AES_CBC, Encr.AES_CTR}) and not _has_integrity(one)


@defect("auth-ah-without-integrity", "child-ah-without-integrity")
class TakesAhAlone(_TakesTheFirst):
    """Makes AH SAs without an integrity algorithm."""

    def lacks(self, one: Proposal) -> bool:
        return one.protocol == ProtocolID.AH and not _has_integrity(one)


@defect("auth-responder-null-alone", "auth-responder-without-integrity", "child-response-null-alone")
class TakesChoiceWithoutProtection(IkeSa):
    """Goes on with its own suite when the responder has chosen one that protects nothing."""

    def take_child(self, offer: ChildOffer, message: Message) -> None:
        def mended(one: Payload) -> Payload:
            if not isinstance(one, SA):
                return one
            chosen = one.proposals[0]
            ours = next(each for each in offer.proposals if each.protocol == chosen.protocol)
            return SA((replace(ours, spi=chosen.spi),))

        super().take_child(offer, replace(message, payloads=tuple(map(mended, message.payloads))))
