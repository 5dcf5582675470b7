"""Configuration payload (RFC 7296 section 3.15)."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from conformance.wire.errors import WireError
from conformance.wire.payloads.base import Payload
from conformance.wire.registry import CfgAttribute, CfgType, Lookup, PayloadType
from conformance.wire.values import Value, quickly_made

_HEADER = Struct("!I")
_ATTRIBUTE = Struct("!HH")
_TYPES = Lookup(CfgType)
_ATTRIBUTE_TYPES = Lookup(CfgAttribute)
_R = 0x8000
_U24 = 0xFFFFFF


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class CfgAttr(Value):
    """Configuration attribute (RFC 7296 section 3.15.1).

    Attributes:
        type: attribute type, 15 bits.
        value: the value, empty in many requests.
        reserved: the R bit, 0 or 1.
        length: a lie: Length.
    """

    type: CfgAttribute
    value: bytes = b""
    reserved: int = field(default=0, kw_only=True)
    length: int | None = field(default=None, kw_only=True)

    def encode(self) -> bytes:
        """The attribute's bytes."""
        length = len(self.value) if self.length is None else self.length
        return _ATTRIBUTE.pack(self.type | self.reserved << 15, length) + self.value


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class CP(Payload):
    """Configuration payload (RFC 7296 section 3.15).

    Attributes:
        cfg_type: request, reply, set or acknowledgement.
        attributes: what is asked for or given.
        reserved2: the 24 reserved bits after the type.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.CP

    cfg_type: CfgType
    attributes: tuple[CfgAttr, ...] = ()
    reserved2: int = field(default=0, kw_only=True)

    def encode_body(self) -> bytes:
        """CFG Type, RESERVED, Configuration Attributes."""
        header = _HEADER.pack(self.cfg_type << 24 | self.reserved2)
        return header + b"".join([attribute.encode() for attribute in self.attributes])

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        size = len(body)
        if size < 4:
            raise WireError(0, "cfg_type", f"{size} bytes left, expected at least 4")
        word: int = _HEADER.unpack_from(body)[0]
        attributes: list[CfgAttr] = []
        start = 4
        while start < size:
            name = f"attribute[{len(attributes)}]"
            if size - start < 4:
                raise WireError(start, name, f"{size - start} bytes left, expected at least 4")
            kind, length = _ATTRIBUTE.unpack_from(body, start)
            start += 4
            if length > size - start:
                raise WireError(
                    start - 2, f"{name}.length", f"{length}, expected at most the {size - start} bytes left"
                )
            value = body[start : start + length]
            attributes.append(CfgAttr(_ATTRIBUTE_TYPES[kind & ~_R], value, reserved=kind >> 15))
            start += length
        return cls.make(_TYPES[word >> 24], tuple(attributes), reserved2=word & _U24)
