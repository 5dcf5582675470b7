"""Security Association payload: proposals, transforms, attributes (RFC 7296 section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
from conformance.wire.values import Value

_PROPOSAL = Struct("!BBHBBBB")
_SUBSTRUCTURE = Struct("!BBH")
_TRANSFORM = Struct("!BBHBBH")
_TRANSFORM_CONTENT = Struct("!BBH")
_ATTRIBUTE = Struct("!HH")
_AF = 0x8000
_MORE_PROPOSALS = 2
_MORE_TRANSFORMS = 3
_CACHED_SIZE = 32

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
        return cls(_TYPE_OF_ID[id.__class__] if type is None else type, id, attributes)

    @property
    def key_length(self) -> int | None:
        """Key length in bits from the first Key Length attribute, None without one."""
        for attribute in self.attributes:
            if attribute.type == AttributeType.KEY_LENGTH and isinstance(attribute.value, int):
                return attribute.value
        return None

    def encode(self, last: int) -> bytes:
        """The transform's bytes; `last` is the true Last Substruc."""
        attributes = b"".join([attribute.encode() for attribute in self.attributes]) if self.attributes else b""
        return (
            _TRANSFORM.pack(
                last if self.last is None else self.last,
                self.reserved1,
                8 + len(attributes) if self.length is None else self.length,
                self.type,
                self.reserved2,
                self.id,
            )
            + attributes
        )


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
        parts = [transform.encode(_MORE_TRANSFORMS) for transform in self.transforms[:-1]]
        parts += [transform.encode(0) for transform in self.transforms[-1:]]
        content = self.spi + b"".join(parts)
        return (
            _PROPOSAL.pack(
                last if self.last is None else self.last,
                self.reserved,
                8 + len(content) if self.length is None else self.length,
                self.number,
                self.protocol,
                len(self.spi) if self.spi_size is None else self.spi_size,
                len(self.transforms) if self.transform_count is None else self.transform_count,
            )
            + content
        )


@dataclass(frozen=True, slots=True, repr=False)
class SA(Payload):
    """Security Association payload (RFC 7296 section 3.3)."""

    payload_type: ClassVar[PayloadType] = PayloadType.SA

    proposals: tuple[Proposal, ...]

    def encode_body(self) -> bytes:
        """Proposals."""
        parts = [proposal.encode(_MORE_PROPOSALS) for proposal in self.proposals[:-1]]
        parts += [proposal.encode(0) for proposal in self.proposals[-1:]]
        return b"".join(parts)

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        proposals: list[Proposal] = []
        size = len(body)
        start = 0
        while start < size:
            end = _end_of_substructure(body, start, _MORE_PROPOSALS, 8, f"proposal[{len(proposals)}]")
            try:
                proposals.append(_parse_proposal(body[start:end]))
            except WireError as error:
                raise error.within(f"proposal[{len(proposals)}]", start) from None
            start = end
        return cls(tuple(proposals))


def _end_of_substructure(data: bytes, start: int, more: int, least: int, name: str) -> int:
    """Where the proposal or transform at `start` ends, having checked its Last Substruc and its length."""
    left = len(data) - start
    if left < least:
        raise WireError(start, name, f"{left} bytes left, expected at least {least}")
    last: int
    length: int
    last, _, length = _SUBSTRUCTURE.unpack_from(data, start)
    if length < least:
        raise WireError(start + 2, f"{name}.length", f"{length}, expected at least {least}")
    if length > left:
        raise WireError(start + 2, f"{name}.length", f"{length}, expected at most the {left} bytes left")
    if last != (expected := 0 if length == left else more):
        raise WireError(start, f"{name}.last", f"{last}, expected {expected}")
    return start + length


def _parse_proposal(data: bytes) -> Proposal:
    """The proposal that is exactly `data`."""
    _, reserved, _, number, protocol, spi_size, count = _PROPOSAL.unpack_from(data)
    start = 8 + spi_size
    size = len(data)
    if start > size:
        raise WireError(6, "spi_size", f"{spi_size}, expected at most the {size - 8} bytes left")
    spi = data[8:start]
    transforms: list[Transform] = []
    while start < size:
        end = _end_of_substructure(data, start, _MORE_TRANSFORMS, 8, f"transform[{len(transforms)}]")
        try:
            transforms.append(_parse_transform(data[start:end]))
        except WireError as error:
            raise error.within(f"transform[{len(transforms)}]", start) from None
        start = end
    if len(transforms) != count:
        raise WireError(7, "transform_count", f"{count}, expected {len(transforms)}, the transforms there are")
    return Proposal(number, PROTOCOLS[protocol], tuple(transforms), spi, reserved=reserved)


def _parse_transform(data: bytes) -> Transform:
    """The transform that is exactly `data`."""
    transform = _cached_content(data[4:]) if len(data) <= _CACHED_SIZE else _parse_content(data[4:])
    return replace(transform, reserved1=data[1]) if data[1] else transform


def _parse_content(data: bytes) -> Transform:
    """The transform whose bytes after Transform Length are `data`."""
    kind, reserved2, number = _TRANSFORM_CONTENT.unpack_from(data)
    ids = _IDS.get(kind)
    attributes = _parse_attributes(data) if len(data) > 4 else ()
    return Transform(_TYPES[kind], number if ids is None else ids[number], attributes, reserved2=reserved2)


_cached_content = lru_cache(maxsize=2048)(_parse_content)
"""Transforms are values and few are ever met, so equal bytes give the same object."""


def _parse_attributes(data: bytes) -> tuple[Attribute, ...]:
    """The attributes from byte 4 of a transform's content on; errors count from the start of the transform."""
    attributes: list[Attribute] = []
    start, size = 4, len(data)
    while start < size:
        name = f"attribute[{len(attributes)}]"
        if size - start < 4:
            raise WireError(start + 4, name, f"{size - start} bytes left, expected at least 4")
        kind, value = _ATTRIBUTE.unpack_from(data, start)
        start += 4
        if kind & _AF:
            attributes.append(Attribute(_ATTRIBUTE_TYPES[kind & ~_AF], value))
            continue
        if value > size - start:
            raise WireError(start + 2, f"{name}.length", f"{value}, expected at most the {size - start} bytes left")
        attributes.append(Attribute(_ATTRIBUTE_TYPES[kind], data[start : start + value]))
        start += value
    return tuple(attributes)
