"""Security Association payload: proposals, transforms, attributes (RFC 7296 section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import ClassVar, Self

from conformance.wire.errors import WireError
from conformance.wire.payloads.base import Payload
from conformance.wire.registry import (
    TRANSFORM_IDS,
    AttributeType,
    Encr,
    Esn,
    GroupControllerAuth,
    Integ,
    KeMethod,
    KeyWrap,
    Lookup,
    OpenEnum,
    PayloadType,
    Prf,
    ProtocolID,
    TransformType,
)
from conformance.wire.values import Value, quickly_made

_PROPOSAL = Struct("!BBHBBBB")
_SUBSTRUCTURE = Struct("!BxH")
_TRANSFORM = Struct("!BBHBBH")
_ATTRIBUTE = Struct("!HH")
_AF = 0x8000
_MORE_PROPOSALS = 2
_MORE_TRANSFORMS = 3
_SMALLEST = 8
_CACHED_SIZE = 512
_CACHED_LISTS = 512

PROTOCOLS = Lookup(ProtocolID)
_TYPES = Lookup(TransformType)
_ATTRIBUTE_TYPES = Lookup(AttributeType)
_IDS: dict[int, Lookup[OpenEnum]] = {int(kind): Lookup(ids) for kind, ids in TRANSFORM_IDS.items()}
_TYPE_OF_ID: dict[type[OpenEnum], TransformType] = {
    Encr: TransformType.ENCR,
    Prf: TransformType.PRF,
    Integ: TransformType.INTEG,
    KeMethod: TransformType.KE,
    Esn: TransformType.ESN,
    KeyWrap: TransformType.KWA,
    GroupControllerAuth: TransformType.GCAUTH,
}


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class Attribute(Value):
    """Transform attribute (RFC 7296 section 3.3.5).

    Attributes:
        type: attribute type, 15 bits.
        value: a number of 16 bits is written in the short form (AF=1), bytes in the long form with a length (AF=0).
        length: a lie: the Attribute Length of the long form.
    """

    type: int
    value: int | bytes
    length: int | None = field(default=None, kw_only=True)

    def encode(self) -> bytes:
        """The attribute's bytes."""
        value = self.value
        if isinstance(value, int):
            return _ATTRIBUTE.pack(self.type | _AF, value)
        return _ATTRIBUTE.pack(self.type, len(value) if self.length is None else self.length) + value


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class Transform(Value):
    """Transform substructure (RFC 7296 section 3.3.2).

    Attributes:
        type: transform type.
        id: transform identifier, from the enumeration that belongs to the type.
        attributes: transform attributes, usually none or the key length.
        reserved1: the byte after Last Substruc.
        reserved2: the byte after Transform Type.
        last: a lie: Last Substruc, in truth 0 for the last transform of a proposal and 3 for the others.
        length: a lie: Transform Length.
    """

    type: TransformType
    id: int
    attributes: tuple[Attribute, ...] = ()
    reserved1: int = field(default=0, kw_only=True)
    reserved2: int = field(default=0, kw_only=True)
    last: int | None = field(default=None, kw_only=True)
    length: int | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, id: OpenEnum, key_length: int | None = None, *, type: TransformType | None = None) -> Self:  # noqa: A002
        """A transform whose type follows from the class of its identifier.

        Args:
            id: such as ``Encr.AES_CBC`` or ``KeMethod.CURVE25519``.
            key_length: Key Length attribute in bits; None for no attribute.
            type: needed where the class does not tell, as for the additional key exchanges of RFC 9370.

        Raises:
            KeyError: the class belongs to no transform type.
        """
        attributes = () if key_length is None else (Attribute(AttributeType.KEY_LENGTH, key_length),)
        return cls.make(_TYPE_OF_ID[id.__class__] if type is None else type, id, attributes)

    @property
    def key_length(self) -> int | None:
        """Key length in bits from the first Key Length attribute, None without one."""
        for attribute in self.attributes:
            if attribute.type == AttributeType.KEY_LENGTH and isinstance(attribute.value, int):
                return attribute.value
        return None

    def encode(self, last: int) -> bytes:
        """The transform's bytes; `last` is the true Last Substruc."""
        length = self.length
        if self.last is not None:
            last = self.last
        if not self.attributes:
            length = 8 if length is None else length
            return _TRANSFORM.pack(last, self.reserved1, length, self.type, self.reserved2, self.id)
        content = b"".join([attribute.encode() for attribute in self.attributes])
        length = 8 + len(content) if length is None else length
        return _TRANSFORM.pack(last, self.reserved1, length, self.type, self.reserved2, self.id) + content


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class Proposal(Value):
    """Proposal substructure (RFC 7296 section 3.3.1).

    Attributes:
        number: Proposal Num. That proposals count up from 1 is for the protocol to check.
        protocol: what the SA is for.
        transforms: the transforms offered or chosen.
        spi: the sender's SPI, empty for an initial IKE SA.
        reserved: the byte after Last Substruc.
        last: a lie: Last Substruc, in truth 0 for the last proposal and 2 for the others.
        length: a lie: Proposal Length.
        spi_size: a lie: SPI Size.
        transform_count: a lie: Num Transforms.
    """

    number: int
    protocol: ProtocolID
    transforms: tuple[Transform, ...]
    spi: bytes = b""
    reserved: int = field(default=0, kw_only=True)
    last: int | None = field(default=None, kw_only=True)
    length: int | None = field(default=None, kw_only=True)
    spi_size: int | None = field(default=None, kw_only=True)
    transform_count: int | None = field(default=None, kw_only=True)

    def encode(self, last: int) -> bytes:
        """The proposal's bytes; `last` is the true Last Substruc."""
        spi, transforms = self.spi, self.transforms
        content = spi + _encode_transforms(transforms)
        length = 8 + len(content) if self.length is None else self.length
        spi_size = len(spi) if self.spi_size is None else self.spi_size
        count = len(transforms) if self.transform_count is None else self.transform_count
        if self.last is not None:
            last = self.last
        return _PROPOSAL.pack(last, self.reserved, length, self.number, self.protocol, spi_size, count) + content


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class SA(Payload):
    """Security Association payload (RFC 7296 section 3.3)."""

    payload_type: ClassVar[PayloadType] = PayloadType.SA

    proposals: tuple[Proposal, ...]

    def encode_body(self) -> bytes:
        """Proposals."""
        proposals = self.proposals
        if len(proposals) == 1:
            return proposals[0].encode(0)
        parts = [proposal.encode(_MORE_PROPOSALS) for proposal in proposals[:-1]]
        parts += [proposal.encode(0) for proposal in proposals[-1:]]
        return b"".join(parts)

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        proposals: list[Proposal] = []
        start, size = 0, len(body)
        while start < size:
            end = _end_of_substructure(body, start, _MORE_PROPOSALS, "proposal", len(proposals))
            try:
                proposals.append(_parse_proposal(body[start:end]))
            except WireError as error:
                raise error.within(f"proposal[{len(proposals)}]", start) from None
            start = end
        return cls.make(tuple(proposals))


def _end_of_substructure(data: bytes, start: int, more: int, kind: str, index: int) -> int:
    """Where the proposal or transform at `start` ends, having checked its Last Substruc and its length."""
    left = len(data) - start
    if left < _SMALLEST:
        raise WireError(start, f"{kind}[{index}]", f"{left} bytes left, expected at least {_SMALLEST}")
    last: int
    length: int
    last, length = _SUBSTRUCTURE.unpack_from(data, start)
    if _SMALLEST <= length <= left and last == (0 if length == left else more):
        return start + length
    if length < _SMALLEST:
        raise WireError(start + 2, f"{kind}[{index}].length", f"{length}, expected at least {_SMALLEST}")
    if length > left:
        raise WireError(start + 2, f"{kind}[{index}].length", f"{length}, expected at most the {left} bytes left")
    raise WireError(start, f"{kind}[{index}].last", f"{last}, expected {0 if length == left else more}")


def _parse_proposal(data: bytes) -> Proposal:
    """The proposal that is exactly `data`."""
    _, reserved, _, number, protocol, spi_size, count = _PROPOSAL.unpack_from(data)
    start = 8 + spi_size
    if start > len(data):
        raise WireError(6, "spi_size", f"{spi_size}, expected at most the {len(data) - 8} bytes left")
    content = data[start:]
    try:
        transforms = (_cached_transforms if len(content) <= _CACHED_SIZE else _parse_transforms)(content)
    except WireError as error:
        raise WireError(error.offset + start, error.field, error.problem) from None
    if len(transforms) != count:
        raise WireError(7, "transform_count", f"{count}, expected {len(transforms)}, the transforms there are")
    return Proposal.make(number, PROTOCOLS[protocol], transforms, data[8:start], reserved=reserved)


def _encode_transforms(transforms: tuple[Transform, ...]) -> bytes:
    """The bytes of all transforms of a proposal, remembered by the identity of the tuple.

    An entry holds its tuple, so the identity can't be given to another object while the entry lives.
    """
    known = _encoded_transforms.get(id(transforms))
    if known is not None:
        return known[1]
    parts = [transform.encode(_MORE_TRANSFORMS) for transform in transforms[:-1]]
    parts += [transform.encode(0) for transform in transforms[-1:]]
    data = b"".join(parts)
    if len(data) <= _CACHED_SIZE and type(transforms) is tuple:
        if len(_encoded_transforms) >= _CACHED_LISTS:
            _encoded_transforms.clear()
        _encoded_transforms[id(transforms)] = (transforms, data)
    return data


_encoded_transforms: dict[int, tuple[tuple[Transform, ...], bytes]] = {}


def _parse_transforms(data: bytes) -> tuple[Transform, ...]:
    """The transforms that are exactly `data`."""
    transforms: list[Transform] = []
    start, size = 0, len(data)
    while start < size:
        end = _end_of_substructure(data, start, _MORE_TRANSFORMS, "transform", len(transforms))
        _, reserved1, _, kind, reserved2, number = _TRANSFORM.unpack_from(data, start)
        try:
            attributes = _parse_attributes(data[start + 8 : end]) if end - start > 8 else ()
        except WireError as error:
            raise error.within(f"transform[{len(transforms)}]", start + 8) from None
        ids = _IDS.get(kind)
        transforms.append(
            Transform.make(
                _TYPES[kind],
                number if ids is None else ids[number],
                attributes,
                reserved1=reserved1,
                reserved2=reserved2,
            )
        )
        start = end
    return tuple(transforms)


_cached_transforms = lru_cache(maxsize=_CACHED_LISTS)(_parse_transforms)
"""Transforms are values and peers repeat themselves, so equal bytes give the same objects."""


def _parse_attributes(data: bytes) -> tuple[Attribute, ...]:
    """The attributes that are exactly `data`."""
    attributes: list[Attribute] = []
    start, size = 0, len(data)
    while start < size:
        name = f"attribute[{len(attributes)}]"
        if size - start < 4:
            raise WireError(start, name, f"{size - start} bytes left, expected at least 4")
        kind, value = _ATTRIBUTE.unpack_from(data, start)
        start += 4
        if kind & _AF:
            attributes.append(Attribute(_ATTRIBUTE_TYPES[kind & ~_AF], value))
            continue
        if value > size - start:
            raise WireError(start - 2, f"{name}.length", f"{value}, expected at most the {size - start} bytes left")
        attributes.append(Attribute(_ATTRIBUTE_TYPES[kind], data[start : start + value]))
        start += value
    return tuple(attributes)
