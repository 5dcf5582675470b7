"""Negotiation of security associations (RFC 7296, sections 2.7 and 3.3)."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from conformance.crypto.prf import prf, prfs
from conformance.crypto.suite import proposal
from conformance.wire import Integ, KeMethod, Prf, Proposal, ProtocolID, Transform, TransformType

_NONE_IDS = {TransformType.INTEG: Integ.NONE, TransformType.KE: KeMethod.NONE}


@lru_cache(maxsize=256)
def parsed(texts: tuple[str, ...], protocol: ProtocolID = ProtocolID.IKE, spi: bytes = b"") -> tuple[Proposal, ...]:
    """Proposals from their keywords, numbered from 1."""
    return tuple(proposal(text, number, protocol, spi) for number, text in enumerate(texts, 1))


def protocol_of(text: str) -> ProtocolID:
    """ESP or AH, as the keywords of a Child SA proposal mean it: AH has no cipher."""
    kinds = {transform.type for transform in proposal(text, 1, ProtocolID.ESP).transforms}
    return ProtocolID.ESP if TransformType.ENCR in kinds else ProtocolID.AH


@lru_cache(maxsize=256)
def child_proposals(texts: tuple[str, ...], spi: bytes, *, with_ke: bool) -> tuple[Proposal, ...]:
    """Proposals of a Child SA. Those of IKE_AUTH carry no key exchange method (RFC 7296, section 1.2)."""
    made = (proposal(text, number, protocol_of(text), spi) for number, text in enumerate(texts, 1))
    return tuple(one if with_ke else without(one, TransformType.KE) for one in made)


def without(one: Proposal, kind: TransformType) -> Proposal:
    """The proposal without its transforms of one type."""
    kept = tuple(transform for transform in one.transforms if transform.type != kind)
    return Proposal(one.number, one.protocol, kept, one.spi)


def half_keys(offered: Iterable[Proposal]) -> set[int]:
    """Half the key of each PRF in these proposals, in octets: a nonce has as many at least (RFC 7296, 2.10).

    How long the keys of a PRF are that we do not know, such as one for private use, nobody can say.
    """
    found = {Prf(each.id) for one in offered for each in of_type(one, TransformType.PRF)}
    return {prf(one).key_size // 2 for one in found & prfs()}


def of_type(one: Proposal, kind: TransformType) -> tuple[Transform, ...]:
    """The transforms of one type, in the order of preference, without what came in reserved fields (section 2.5)."""
    return _of_type(one.transforms, kind)


def _of_type(transforms: tuple[Transform, ...], kind: TransformType) -> tuple[Transform, ...]:
    return tuple(
        Transform(one.type, one.id, one.attributes) if one.reserved1 or one.reserved2 else one
        for one in transforms
        if one.type == kind
    )


def groups(proposals: Iterable[Proposal]) -> list[KeMethod]:
    """The key exchange methods of some proposals, in the order of preference, no doubles, NONE left out."""
    found = [KeMethod(t.id) for one in proposals for t in of_type(one, TransformType.KE) if t.id != KeMethod.NONE]
    return list(dict.fromkeys(found))


def _types(one: Proposal) -> Iterator[TransformType]:
    return iter(dict.fromkeys(transform.type for transform in one.transforms))


def _is_none(transform: Transform) -> bool:
    return _NONE_IDS.get(transform.type) == transform.id


LONGER_KEYS = (192, 256)
"""Bits of the keys that a cipher may have in place of the shorter ones that somebody has configured."""


def is_longer(offered: Transform, mine: Transform) -> bool:
    """True for the same cipher with a larger key than ``mine`` has, and nothing else changed (section 3.3.5)."""
    if offered.id != mine.id or len(offered.attributes) != 1 or len(mine.attributes) != 1:
        return False
    given, least = offered.key_length, mine.key_length
    return given in LONGER_KEYS and least is not None and given > least


def _match(
    offered: Proposal, ours: Proposal, preferred: KeMethod | None, at_least: bool
) -> tuple[Transform, ...] | None:  # fmt: skip
    """One transform of each type that both have, or None if a type has nothing in common."""
    chosen: list[Transform] = []
    for kind in _types(offered):
        theirs = of_type(offered, kind)
        allowed = set(of_type(ours, kind))
        longer = at_least and kind == TransformType.ENCR
        common = [one for one in theirs if one in allowed or (longer and any(is_longer(one, mine) for mine in allowed))]
        if kind == TransformType.KE and preferred is not None:
            common.sort(key=lambda transform: transform.id != preferred)
        if common:
            chosen.append(common[0])
        elif any(_is_none(transform) for transform in theirs) and all(_is_none(one) for one in allowed):
            continue
        else:
            return None
    missing = set(_types(ours)) - set(_types(offered))
    if any(not any(_is_none(one) for one in of_type(ours, kind)) for kind in missing):
        return None
    return tuple(chosen)


def choose(
    offered: Iterable[Proposal], ours: Iterable[Proposal], preferred: KeMethod | None = None, *, at_least: bool = False
) -> tuple[Proposal, Proposal] | None:
    """Choose the first offered proposal that one of ours accepts: ``(offered one, chosen)``, None if there is none.

    ``chosen`` has the number and the SPI of the offered one and a single transform of each type. Among several key
    exchange methods ``preferred``, the one of the KE payload, wins: it saves a round trip (RFC 7296, section 1.2).
    ``at_least``: a larger key than ours will do as well (section 3.3.5).
    """
    own = tuple(ours)
    for theirs in offered:
        for mine in own:
            if theirs.protocol != mine.protocol:
                continue
            transforms = _match(theirs, mine, preferred, at_least)
            if transforms is not None:
                return theirs, Proposal(theirs.number, theirs.protocol, transforms, theirs.spi)
    return None


def is_choice_of(chosen: Proposal, offered: Iterable[Proposal]) -> bool:
    """True if ``chosen`` is one of the offered proposals with exactly one of its transforms for each type.

    A type may be left out where NONE was offered for it (RFC 7296, section 3.3).
    """
    for theirs in offered:
        if theirs.number != chosen.number or theirs.protocol != chosen.protocol:
            continue
        return _is_choice(chosen.transforms, theirs.transforms)
    return False


@lru_cache(maxsize=512)
def _is_choice(chosen: tuple[Transform, ...], offered: tuple[Transform, ...]) -> bool:
    for kind in {one.type for one in (*chosen, *offered)}:
        ours, theirs = _of_type(chosen, kind), _of_type(offered, kind)
        left_out = not ours and any(_is_none(one) for one in theirs)
        if not left_out and (len(ours) != 1 or ours[0] not in theirs):
            return False
    return True
