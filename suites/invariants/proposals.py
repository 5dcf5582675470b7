"""SA and KE payloads of the device: offers, choices, groups (RFC 7296, sections 2.7, 3.3 and 3.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from conformance.ike.core.proposals import groups, is_choice_of
from conformance.script.words import in_words
from conformance.wire import (
    KE,
    SA,
    AttributeType,
    Encr,
    ExchangeType,
    KeMethod,
    Message,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
    TSi,
)
from suites.invariants.broken import Findings

_SIZED = frozenset(
    one
    for one in Encr
    if one.name.startswith(("AES_", "CAMELLIA_")) and one not in (Encr.AES_CCM_8_IIV, Encr.AES_GCM_16_IIV)
)
"""Ciphers whose Key Length must be said."""

_FIXED = (Encr.DES, Encr.TRIPLE_DES, Encr.IDEA, Encr.NULL, Encr.CHACHA20_POLY1305)
"""Ciphers with one key length."""

_TYPES = {
    ProtocolID.IKE: ((TransformType.ENCR, TransformType.PRF, TransformType.KE), "RFC7296-3.3.3-1"),
    ProtocolID.ESP: ((TransformType.ENCR, TransformType.ESN), "RFC7296-3.3.3-2"),
    ProtocolID.AH: ((TransformType.INTEG, TransformType.ESN), "RFC7296-3.3.3-3"),
}
"""Transform types that a proposal must have."""

_PRIMES = {
    KeMethod.MODP_768: 96,
    KeMethod.MODP_1024: 128,
    KeMethod.MODP_1536: 192,
    KeMethod.MODP_2048: 256,
    KeMethod.MODP_3072: 384,
    KeMethod.MODP_4096: 512,
    KeMethod.MODP_6144: 768,
    KeMethod.MODP_8192: 1024,
}
"""Octets of the primes."""


def sent(message: Message, found: Findings) -> None:
    """An SA payload as the device sends it, offer or choice, and the KE payload beside it."""
    sa, ke = message.first(SA), message.first(KE)
    if sa is not None:
        if not message.is_response:
            _numbers(sa, found)
        for one in sa.proposals:
            _protocol(one, message, found)
            _spi(one, message, found)
            _transforms(one, message, found)
    if ke is not None and (size := _PRIMES.get(ke.method)) is not None:
        expected, got = f"{size} octets of {ke.method.name}", f"{len(ke.data)} octets"
        found.must("ke", "RFC7296-3.4-1", len(ke.data) == size, expected, got)


def _numbers(sa: SA, found: Findings) -> None:
    numbers = [one.number for one in sa.proposals]
    got = ", ".join(map(str, numbers))
    if numbers:
        found.must("numbers", "RFC7296-3.3-6", numbers[0] == 1, "a first proposal with the number 1", got)
    in_order = all(later == one + 1 for one, later in pairwise(numbers))
    found.must("numbers", "RFC7296-3.3-5", in_order, "proposals whose numbers grow by one", got)


def _protocol(one: Proposal, message: Message, found: Findings) -> None:
    if message.exchange == ExchangeType.IKE_SA_INIT:
        wanted: tuple[ProtocolID, ...] = (ProtocolID.IKE,)
    elif message.exchange == ExchangeType.CREATE_CHILD_SA and message.first(TSi) is None:
        wanted = (ProtocolID.IKE,)
    else:
        wanted = (ProtocolID.AH, ProtocolID.ESP)
    expected = "a proposal for " + " or ".join(each.name for each in wanted)
    found.must("protocol", "RFC7296-3.3.1-7", one.protocol in wanted, expected, f"protocol {one.protocol}")


def _spi(one: Proposal, message: Message, found: Findings) -> None:
    if message.exchange == ExchangeType.IKE_SA_INIT:
        found.must("proposal-spi", "RFC7296-3.3.1-8", not one.spi, "a proposal without an SPI", one.spi.hex())
        return
    size = 8 if one.protocol == ProtocolID.IKE else 4
    expected, got = f"an SPI of {size} octets", one.spi.hex() or "none"
    found.must("proposal-spi", "RFC7296-3.3.1-9", len(one.spi) == size, expected, got)
    found.must("proposal-spi", "RFC7296-3.3.1-11", any(one.spi) or not one.spi, "an SPI that is not zero", got)


def _transforms(one: Proposal, message: Message, found: Findings) -> None:
    kinds = {each.type for each in one.transforms}
    wanted, rule = _TYPES.get(one.protocol, ((), ""))
    for kind in wanted:
        expected = f"a transform of type {kind.name} for {one.protocol.name}"
        found.must("types", rule, kind in kinds, expected, in_words(one))
    # A responder may choose NONE (section 3.3.6), and in IKE_AUTH it should not be there, but may (section 1.2).
    if not message.is_response and message.exchange != ExchangeType.IKE_AUTH:
        ids = [each.id for each in one.transforms if each.type == TransformType.KE]
        expected = "no group at all, or NONE as an alternative"
        found.must("types", "RFC7296-3.3.2-5", not ids or any(ids), expected, "NONE alone")
    for each in one.transforms:
        _attributes(each, found)


def _attributes(one: Transform, found: Findings) -> None:
    values = [each.value for each in one.attributes if each.type == AttributeType.KEY_LENGTH]
    kinds = [each.type for each in one.attributes]
    twice, got = len(set(kinds)) < len(kinds), _shown(one, values)
    several = len(set(values)) > 1
    found.must("attributes", "RFC7296-3.3-13", not several, "one key length in a transform", got)
    found.must("attributes", "RFC7296-3.3-12", several or not twice, "no attribute twice", got)
    whole = all(isinstance(value, int) for value in values)
    found.must("attributes", "RFC7296-3.3.5-2", whole, "the Key Length attribute in its short form", got)
    if one.type == TransformType.ENCR and one.id in _SIZED:
        found.must("attributes", "RFC7296-3.3.5-6", values, "a Key Length attribute", got)
    elif one.type != TransformType.ENCR or one.id in _FIXED:
        found.must("attributes", "RFC7296-3.3.5-5", not values, "no Key Length attribute", got)


def _shown(one: Transform, lengths: Sequence[int | bytes]) -> str:
    """The transform with each Key Length that it says."""
    words = in_words(replace(one, attributes=()))
    return f"{words}, key length {' and '.join(map(in_words, lengths))}" if lengths else f"{words}, no key length"


def group(message: Message, again: bool, found: Findings) -> None:
    """The group of the KE payload in a request; ``again``: the device was told to take another one."""
    sa, ke = message.first(SA), message.first(KE)
    if sa is None or ke is None or not sa.proposals:
        return
    offered = groups(sa.proposals)
    got = f"{ke.method.name}, and offers {', '.join(one.name for one in offered) or 'none'}"
    found.must("ke", "RFC7296-3.4-4", offered, "no KE payload where no group is offered", got)
    if offered:
        found.must("ke", "RFC7296-3.4-2", ke.method in offered, "a public value of a group that is offered", got)
    first = groups(sa.proposals[:1])
    # Later it is that of a group that the responder is expected to accept, such as the one in use (section 1.3).
    if first and not again and message.exchange == ExchangeType.IKE_SA_INIT:
        found.must("ke-first", "RFC7296-3.4-3", ke.method == first[0], "a public value of the first group", got)


def choice(message: Message, offers: Iterable[Message], found: Findings) -> None:
    """What was chosen is one of the offers, with one transform of each type."""
    chosen = message.first(SA)
    offered = [sa for one in offers if (sa := one.first(SA)) is not None]
    if chosen is None or not offered:
        return
    count = len(chosen.proposals)
    found.must("choice", "RFC7296-2.7-5", count == 1, "one proposal", f"{count} of them")
    if count == 1:
        one = chosen.proposals[0]
        right = any(is_choice_of(one, offer.proposals) for offer in offered)
        expected = "one of our proposals, with one transform of each type"
        found.must("choice", "RFC7296-2.7-5", right, expected, in_words(one))
