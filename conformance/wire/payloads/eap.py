"""EAP payload and the EAP packet in it (RFC 7296 section 3.16, RFC 3748 section 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from conformance.wire.errors import WireError
from conformance.wire.payloads.base import Payload
from conformance.wire.registry import EapCode, EapType, Lookup, PayloadType
from conformance.wire.values import Value, quickly_made

_HEADER = Struct("!BBH")
_CODES = Lookup(EapCode)
_TYPES = Lookup(EapType)
_TYPELESS = frozenset({EapCode.SUCCESS, EapCode.FAILURE})


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class EapPacket(Value):
    """An EAP packet.

    Attributes:
        code: Request, Response, Success, Failure ...
        identifier: matches responses with requests.
        type: method; None in Success and Failure, and where the packet ends before it.
        data: Type-Data.
        length: a lie: Length.
    """

    code: EapCode
    identifier: int
    type: EapType | None = None
    data: bytes = b""
    length: int | None = field(default=None, kw_only=True)

    def encode(self) -> bytes:
        """The packet's bytes."""
        content = self.data if self.type is None else self.type.to_bytes(1, "big") + self.data
        return (
            _HEADER.pack(self.code, self.identifier, 4 + len(content) if self.length is None else self.length) + content
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The packet that is exactly `data`.

        Raises:
            WireError: a short header, or a Length that is not the number of bytes.
        """
        if len(data) < 4:
            raise WireError(0, "code", f"{len(data)} bytes left, expected at least 4")
        code, identifier, length = _HEADER.unpack_from(data)
        if length != len(data):
            raise WireError(2, "length", f"{length}, expected {len(data)}")
        if length == 4 or code in _TYPELESS:
            return cls.make(_CODES[code], identifier, None, data[4:])
        return cls.make(_CODES[code], identifier, _TYPES[data[4]], data[5:])


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class EAP(Payload):
    """Extensible Authentication payload (RFC 7296 section 3.16)."""

    payload_type: ClassVar[PayloadType] = PayloadType.EAP

    packet: EapPacket

    def encode_body(self) -> bytes:
        """EAP message."""
        return self.packet.encode()

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        try:
            return cls.make(EapPacket.decode(body))
        except WireError as error:
            raise error.within("packet", 0) from None
