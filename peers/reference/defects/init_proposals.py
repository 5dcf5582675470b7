"""Defects of the choice among proposals (RFC 7296, sections 2.7 and 3.3)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.crypto.keywords import keyword
from conformance.crypto.suite import proposal
from conformance.ike.core.proposals import choose, groups, of_type, parsed
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    SA,
    AttributeType,
    Encr,
    Integ,
    KeMethod,
    Message,
    Payload,
    Prf,
    Proposal,
    Transform,
    TransformType,
)
from peers.algorithms import computable
from peers.reference.defects.registry import defect

_KNOWN_TYPES = (TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE)


class _Rewrites(IkeSa):
    """Reads the offer as something else before it chooses."""

    def rewritten(self, one: Proposal) -> Proposal | None:
        raise NotImplementedError

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        found = [one for each in proposals if (one := self.rewritten(each)) is not None]
        return super().choose_ike(found, group)


class _AlsoAccepts(IkeSa):
    """Accepts more than what is configured."""

    def accepts(self, one: Proposal) -> Sequence[Proposal]:
        raise NotImplementedError

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        for one in proposals:
            found = choose([one], self.accepts(one), group)
            if found is not None:
                return found[1]
        return super().choose_ike(proposals, group)


@defect("init-no-proposal")
class AcceptsUnconfiguredSuite(_AlsoAccepts):
    """Takes any algorithm that it knows, whatever is configured."""

    def accepts(self, one: Proposal) -> Sequence[Proposal]:
        return [replace(one, transforms=tuple(each for each in one.transforms if computable(each)))]


@defect("init-weak-algorithms")
class AcceptsWeakAlgorithms(_AlsoAccepts):
    """Takes MD5 and the groups 1 and 22, as if it were 1998."""

    def accepts(self, one: Proposal) -> Sequence[Proposal]:
        group = keyword(Transform.of(groups(parsed(self.connection.proposals))[0]))
        return [proposal(f"des-aes128-md5-sha256-prfmd5-prfsha256-{group}-modp768-modp1024s160")]


@defect("init-weak-groups")
class AcceptsWeakGroups(_AlsoAccepts):
    """Takes the groups 2, 5, 23 and 24 from everybody."""

    def accepts(self, one: Proposal) -> Sequence[Proposal]:
        return [proposal("aes128-sha256-modp1024-modp1536-modp2048s224-modp2048s256")]


_OLD_MACS = (Integ.DES_MAC, Integ.KPDK_MD5)


@defect("init-weak-macs")
class AcceptsOldMacs(_Rewrites):
    """Takes AUTH_DES_MAC and AUTH_KPDK_MD5, or at least says so."""

    was: Transform | None = None

    def rewritten(self, one: Proposal) -> Proposal:
        self.was = next((each for each in of_type(one, TransformType.INTEG) if each.id in _OLD_MACS), None)
        usual = self.connection.proposals
        return replace(one, transforms=parsed(usual)[0].transforms) if self.was is not None else one

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        payloads = super().init_response(chosen, public)
        if self.was is None:
            return payloads
        kept = [one for one in chosen.transforms if one.type != TransformType.INTEG]
        return [SA((replace(chosen, transforms=(*kept, self.was)),)), *payloads[1:]]


@defect("init-encr-null")
class AcceptsNullEncryption(_AlsoAccepts):
    """Takes ENCR_NULL for an IKE SA."""

    def accepts(self, one: Proposal) -> Sequence[Proposal]:
        ours = (each for mine in parsed(self.connection.proposals) for each in mine.transforms)
        return [replace(one, transforms=(Transform.of(Encr.NULL), *ours))]


@defect("init-implicit-iv")
class AcceptsImplicitIv(_AlsoAccepts):
    """Takes the ciphers with an implicit IV, which are for ESP, for an IKE SA."""

    def accepts(self, one: Proposal) -> Sequence[Proposal]:
        usual = parsed(self.connection.proposals)[0].transforms
        others = tuple(each for each in usual if each.type != TransformType.ENCR)
        return [replace(one, transforms=(Transform.of(Encr.AES_GCM_16_IIV, 256), *others))]


@defect("init-integ-none")
class AcceptsNoIntegrity(_AlsoAccepts):
    """Takes AES-CBC without integrity protection."""

    def accepts(self, one: Proposal) -> Sequence[Proposal]:
        usual = parsed(self.connection.proposals)[0].transforms
        others = tuple(each for each in usual if each.type != TransformType.INTEG)
        return [replace(one, transforms=(*others, Transform.of(Integ.NONE)))]

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        return [SA((chosen,)), *super().init_response(chosen, public)[1:]]


@defect("init-integ-none")
class AssumesIntegrity(_Rewrites):
    """Takes HMAC-SHA-256 where no integrity algorithm is offered."""

    def rewritten(self, one: Proposal) -> Proposal:
        if of_type(one, TransformType.INTEG):
            return one
        return replace(one, transforms=(*one.transforms, Transform.of(Integ.HMAC_SHA2_256_128)))


@defect("init-missing-transform-type")
class AssumesPrf(_Rewrites):
    """Takes HMAC-SHA-256 where no PRF is offered."""

    def rewritten(self, one: Proposal) -> Proposal:
        if of_type(one, TransformType.PRF):
            return one
        return replace(one, transforms=(*one.transforms, Transform.of(Prf.HMAC_SHA2_256)))


@defect("init-key-length-odd")
class IgnoresKeyLength(_Rewrites):
    """Takes the configured length whatever a cipher comes with."""

    def rewritten(self, one: Proposal) -> Proposal:
        ours = {
            each.id: each for mine in parsed(self.connection.proposals) for each in of_type(mine, TransformType.ENCR)
        }
        known = (ours.get(each.id, each) if each.type == TransformType.ENCR else each for each in one.transforms)
        return replace(one, transforms=tuple(known))


@defect("init-key-length-missing")
class AssumesKeyLength(_Rewrites):
    """Takes the configured length where a cipher comes without Key Length."""

    def rewritten(self, one: Proposal) -> Proposal:
        ours = (each for mine in parsed(self.connection.proposals) for each in of_type(mine, TransformType.ENCR))
        full = {replace(each, attributes=()): each for each in ours}
        return replace(one, transforms=tuple(full.get(each, each) for each in one.transforms))


@defect("init-unknown-transform-type", "init-unknown-transform-type-only")
class IgnoresUnknownTransformType(_Rewrites):
    """Passes over transforms of unknown types."""

    def rewritten(self, one: Proposal) -> Proposal:
        return replace(one, transforms=tuple(each for each in one.transforms if each.type in _KNOWN_TYPES))


@defect("init-unknown-transform-type", "init-second-proposal", "init-key-length-missing")
class FirstProposalOnly(_Rewrites):
    """Looks at proposal 1 only."""

    def rewritten(self, one: Proposal) -> Proposal | None:
        return one if one.number == 1 else None


@defect("init-unknown-transform-id")
class RejectsProposalWithUnknownId(_Rewrites):
    """Drops a proposal in which there is a cipher that it does not know."""

    def rewritten(self, one: Proposal) -> Proposal | None:
        return None if any(each.id == 999 for each in of_type(one, TransformType.ENCR)) else one


@defect("init-unknown-attribute")
class RejectsProposalWithUnknownAttribute(_Rewrites):
    """Drops a proposal in which there is an attribute that it does not know."""

    def rewritten(self, one: Proposal) -> Proposal | None:
        found = {attribute.type for each in one.transforms for attribute in each.attributes}
        return one if found <= {AttributeType.KEY_LENGTH} else None


@defect("init-unknown-attribute")
class DropsUnknownAttribute(_Rewrites):
    """Reads a transform as if the attribute that it does not know were not there."""

    def rewritten(self, one: Proposal) -> Proposal:
        return replace(one, transforms=tuple(_plain(each) for each in one.transforms))


@defect("init-unknown-attribute")
class ReturnsUnknownAttribute(IkeSa):
    """Accepts a transform with an attribute that it does not know, and returns it as it came."""

    seen: tuple[Transform, ...] = ()

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        self.seen = proposals[0].transforms
        read = [replace(one, transforms=tuple(_plain(each) for each in one.transforms)) for one in proposals]
        return super().choose_ike(read, group)

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        came = {_plain(each): each for each in reversed(self.seen)}
        returned = tuple(came.get(each, each) for each in chosen.transforms)
        return [SA((replace(chosen, transforms=returned),)), *super().init_response(chosen, public)[1:]]


def _plain(one: Transform) -> Transform:
    """A transform with its Key Length only."""
    return replace(one, attributes=tuple(each for each in one.attributes if each.type == AttributeType.KEY_LENGTH))


@defect("init-second-proposal")
class WrongProposalNumber(IkeSa):
    """Numbers the accepted proposal 1."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        return replace(super().choose_ike(proposals, group), number=1)


@defect("init-one-of-each", "init-key-length")
class ReturnsWholeProposal(IkeSa):
    """Sends the accepted proposal back as it came, with all transforms."""

    seen: tuple[Proposal, ...] = ()

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        self.seen = tuple(proposals)
        return super().choose_ike(proposals, group)

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        whole = next(one for one in self.seen if one.number == chosen.number)
        return [SA((whole,)), *super().init_response(chosen, public)[1:]]


@defect("init-key-length")
class DropsKeyLength(IkeSa):
    """Answers AES without its Key Length."""

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        bare = tuple(replace(each, attributes=()) for each in chosen.transforms)
        return [SA((replace(chosen, transforms=bare),)), *super().init_response(chosen, public)[1:]]


# --- as initiator -----------------------------------------------------------------------------------------------------


@defect("init-unacceptable-sar", "init-sar-changed-key-length", "init-sar-other-prf", "init-sar-other-integ")
class TrustsResponderChoice(IkeSa):
    """Does not compare SAr1 with its offer."""

    def is_our_offer(self, chosen: Sequence[Proposal]) -> bool:
        return True


@defect("init-sar-other-integ")
class AnyIntegrity(IkeSa):
    """Compares SAr1 with its offer but for the integrity algorithm."""

    def is_our_offer(self, chosen: Sequence[Proposal]) -> bool:
        integ = {one for each in self.offered for one in of_type(each, TransformType.INTEG)}
        found = [tuple(one for one in each.transforms if one.type != TransformType.INTEG) for each in chosen]
        return any(
            super(AnyIntegrity, self).is_our_offer(
                [replace(each, transforms=(*kept, one)) for each, kept in zip(chosen, found, strict=True)]
            )
            for one in integ
        )


@defect("init-sar-two-transforms")
class TakesFirstTransform(IkeSa):
    """Takes the first transform of each type out of SAr1 and does not look at the others."""

    def accept_init_response(self, message: Message) -> None:
        firsts: dict[int, Transform] = {}
        sa = message.first(SA)
        if sa is not None and sa.proposals:
            for each in sa.proposals[0].transforms:
                firsts.setdefault(int(each.type), each)
            single = SA((replace(sa.proposals[0], transforms=tuple(firsts.values())),))
            kept = tuple(one for one in message.payloads if not isinstance(one, SA))
            message = replace(message, payloads=(single, *kept))
        super().accept_init_response(message)
