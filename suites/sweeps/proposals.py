"""What a proposal has numbers of: protocols, transform types, algorithms, attributes; and traffic selectors.

Each number is offered alone, which must be refused, and beside what the device takes, which must be chosen then. Many
bad ones stand beside one good one: the answer itself says which one was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from conformance.crypto.suite import proposal
from conformance.ike.core.proposals import protocol_of
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    SA,
    TRANSFORM_IDS,
    Attribute,
    AttributeType,
    Encr,
    Message,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
    TSi,
    TSr,
    TsType,
    UnknownSelector,
)
from peers.capabilities import Capability
from suites.dut import Dut
from suites.sweeps.cases import Case, Due, Sweep, every

IKE, ESP = ProtocolID.IKE, ProtocolID.ESP
LENGTHS = ((), (Attribute(AttributeType.KEY_LENGTH, 128),), (Attribute(AttributeType.KEY_LENGTH, 256),))
CIPHER_LENGTHS = (128, 192, 256)


def _bad_first(bad: Callable[[Proposal], Sequence[Proposal]], due: Due, text: str) -> Bend:
    """Offer bad proposals made of each of ours, and behind them ours, unless they must be refused alone."""

    def other(sa: SA) -> SA:
        ours = sa.proposals
        found = [*bad(ours[0]), *(ours if due is Due.IGNORED else ())]
        return replace(sa, proposals=tuple(replace(one, number=at) for at, one in enumerate(found, 1)))

    return bend.replace(SA, other, text)


def chosen(answer: Message) -> Proposal | None:
    """The proposal that an answer chooses."""
    sa = answer.first(SA)
    return sa.proposals[0] if sa is not None and sa.proposals else None


def _both(number: int, text: str, item: object, *, judged: bool = True) -> Iterator[Case]:
    """An item alone and beside a good one."""
    if not judged:
        yield Case(number, f"{text}, alone", Due.OPEN, item)
        return
    yield Case(number, f"{text}, beside ours", Due.IGNORED, item)
    yield Case(number, f"{text}, alone", Due.REFUSED, item)


# --- protocols and transform types ------------------------------------------------------------------------------------


def _protocols(dut: Dut, number: int) -> Iterable[Case]:
    """Those of another known protocol lack what is usual there, as an SPI; nothing says what follows good ones."""
    protocol = ProtocolID(number)
    due = Due.OPEN if protocol.known and number else Due.REFUSED
    yield Case(number, f"a proposal of protocol {number}", due, protocol)


def _of_protocols(due: Due, items: Sequence[ProtocolID]) -> Bend:
    text = f"proposals of protocols {', '.join(str(int(one)) for one in items)}"
    return _bad_first(lambda good: [replace(good, protocol=one) for one in items], due, text)


PROTOCOLS = Sweep(
    "protocols", every(ProtocolID, 8), _protocols, _of_protocols,
    ("RFC7296-3.3.4-5",), together=8, alternatives=True,
)  # fmt: skip


def _transform_types(dut: Dut, number: int) -> Iterable[Case]:
    kind = TransformType(number)
    for identifier in (0, 1, 0xFFFF):
        item = Transform(kind, identifier)
        yield from _both(number, f"transform type {number}, ID {identifier}", item, judged=not kind.known)


def _with_transforms(due: Due, items: Sequence[Transform]) -> Bend:
    text = f"proposals with transform types {', '.join(str(int(one.type)) for one in items)}"
    return _bad_first(lambda good: [replace(good, transforms=(*good.transforms, one)) for one in items], due, text)


def _transform_taken(answer: Message, items: Sequence[Transform]) -> bool:
    found = chosen(answer)
    return found is not None and any(one in items for one in found.transforms)


TRANSFORM_TYPES = Sweep(
    "transform-types", every(TransformType, 8), _transform_types, _with_transforms,
    ("RFC7296-3.3.6-7",), together=8, alternatives=True, taken=_transform_taken,
)  # fmt: skip


# --- algorithms -------------------------------------------------------------------------------------------------------


def _in_place(kind: TransformType, due: Due, items: Sequence[Transform]) -> Bend:
    """Offer these transforms in place of all of their type, or in front of them."""

    def other(sa: SA) -> SA:
        return replace(sa, proposals=tuple(map(changed, sa.proposals)))

    def changed(good: Proposal) -> Proposal:
        ours = good.transforms if due is Due.IGNORED else tuple(one for one in good.transforms if one.type != kind)
        return replace(good, transforms=(*items, *ours))

    words = ", ".join(str(int(one.id)) for one in items)
    return bend.replace(SA, other, f"{kind.name} transforms {words}{' before ours' if due is Due.IGNORED else ' only'}")


def ours(dut: Dut, protocol: ProtocolID, kind: TransformType) -> set[int]:
    """The IDs of one type that the device is configured with. Raises NotApplicable where there is none."""
    connection = dut.peer.connection
    texts = connection.proposals if protocol == IKE else connection.children[0].proposals
    kept = (text for text in texts if protocol == IKE or protocol_of(text) == protocol)
    found = {int(one.id) for text in kept for one in proposal(text, 1, protocol).transforms if one.type == kind}
    if not found:
        raise NotApplicable(f"the device takes no {kind.name} for {protocol.name}")
    return found


@dataclass(frozen=True, slots=True)
class Algorithms:
    """The IDs of one transform type for one protocol: those that no registry has, and those that were assigned.

    Of an assigned one that the device is not configured with a device that takes any configuration must refuse it.
    """

    protocol: ProtocolID
    kind: TransformType

    def __call__(self, dut: Dut, number: int) -> Iterable[Case]:
        """A number with and without the length of a key."""
        registry = TRANSFORM_IDS[self.kind]
        if number in ours(dut, self.protocol, self.kind) or self._harmless(number):
            return
        judged = not registry(number).known or Capability.CONFIGURABLE in dut.device.capabilities
        for attributes in LENGTHS if self.kind == TransformType.ENCR else LENGTHS[:1]:
            length = f" of {attributes[0].value!r} bits" if attributes else ""
            item = Transform(self.kind, registry(number), attributes)
            yield from _both(number, f"{self.kind.name} {registry(number)}{length}", item, judged=judged)

    def _harmless(self, number: int) -> bool:
        """What means that nothing of this type is wanted, and the sequence numbers that everybody has."""
        if self.kind == TransformType.ESN:
            return number < 2
        return number == 0 and self.kind != TransformType.ENCR


def algorithms(protocol: ProtocolID, kind: TransformType) -> Sweep:
    """The sweep over the algorithms of one type."""
    return Sweep(
        kind.name.lower(), every(TRANSFORM_IDS[kind], 16), Algorithms(protocol, kind), partial(_in_place, kind),
        ("RFC7296-3.3.6-10", "RFC7296-3.3.4-5", "RFC7296-3.3.6-10"), together=12, alternatives=True,
        taken=_transform_taken,
    )  # fmt: skip


# --- attributes -------------------------------------------------------------------------------------------------------


def _cipher(dut: Dut, protocol: ProtocolID) -> Transform:
    connection = dut.peer.connection
    text = (connection.proposals if protocol == IKE else connection.children[0].proposals)[0]
    return next(one for one in proposal(text, 1, protocol).transforms if isinstance(one.id, Encr))


def attribute_types(protocol: ProtocolID) -> Sweep:
    """The sweep over the types of transform attributes, in both forms, beside those that our cipher has."""

    def cases(dut: Dut, number: int) -> Iterator[Case]:
        kind, good = AttributeType(number), _cipher(dut, protocol)
        if kind == AttributeType.KEY_LENGTH:
            return
        for value, text in ((128, "two octets"), (b"", "nothing"), (bytes(4), "four octets")):
            item = replace(good, attributes=(*good.attributes, Attribute(kind, value)))
            yield from _both(number, f"attribute {number} with {text}", item, judged=not kind.known and value != b"")

    return Sweep(
        "attributes", every(AttributeType, 15), cases, partial(_in_place, TransformType.ENCR),
        ("RFC7296-3.3.6-10",), together=12, alternatives=True, taken=_transform_taken,
    )  # fmt: skip


def key_lengths(protocol: ProtocolID) -> Sweep:
    """The sweep over lengths of keys that no cipher has."""

    def cases(dut: Dut, number: int) -> Iterator[Case]:
        good = _cipher(dut, protocol)
        if not good.attributes:
            raise NotApplicable("the device takes no cipher that has several lengths of keys")
        if number not in CIPHER_LENGTHS:
            item = replace(good, attributes=(Attribute(AttributeType.KEY_LENGTH, number),))
            yield from _both(number, f"a key of {number} bits", item)

    sizes = {size + step for size in (0, 64, *CIPHER_LENGTHS, 512, 32768, 65535) for step in (-8, -1, 0, 1, 8)}
    return Sweep(
        "key-lengths", tuple(sorted(one for one in sizes if 0 <= one < 65536)), cases,
        partial(_in_place, TransformType.ENCR), ("RFC7296-3.3.6-10",), together=12, alternatives=True,
        taken=_transform_taken,
    )  # fmt: skip


# --- traffic selectors ------------------------------------------------------------------------------------------------


def _selector_types(dut: Dut, number: int) -> Iterable[Case]:
    kind = TsType(number)
    for body, text in ((b"", "nothing"), (bytes(12), "12 octets"), (bytes(36), "36 octets")):
        item = UnknownSelector(number, body)
        judged = not kind.known and len(body) >= 4  # a shorter one has no room for what all selectors begin with
        yield from _both(number, f"selector type {number} with {text}", item, judged=judged)


def _selectors(due: Due, items: Sequence[UnknownSelector]) -> Bend:
    def other(one: TSi | TSr) -> TSi | TSr:
        return replace(one, selectors=(*items, *(one.selectors if due is Due.IGNORED else ())))

    words = ", ".join(str(int(one.type)) for one in items)
    return bend.replace(TSi, other, f"TSi of types {words}") | bend.replace(TSr, other, f"TSr of types {words}")


def _selector_taken(answer: Message, items: Sequence[UnknownSelector]) -> bool:
    types = {int(one.type) for one in items}
    found = [one for kind in (TSi, TSr) for payload in answer.all(kind) for one in payload.selectors]
    return any(int(one.type) in types for one in found)


SELECTOR_TYPES = Sweep(
    "selector-types", every(TsType, 8), _selector_types, _selectors, ("RFC7296-2.9-4",), together=8,
    alternatives=True, taken=_selector_taken,
)  # fmt: skip
