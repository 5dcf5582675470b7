"""Notify and Delete payloads (RFC 7296 sections 3.10 and 3.11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from conformance.wire.errors import WireError
from conformance.wire.payloads.base import Payload
from conformance.wire.payloads.sa import PROTOCOLS
from conformance.wire.registry import Lookup, NotifyType, PayloadType, ProtocolID
from conformance.wire.values import quickly_made

_HEADER = Struct("!BBH")
_TYPES = Lookup(NotifyType)


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class Notify(Payload):
    """Notify payload (RFC 7296 section 3.10).

    Attributes:
        type: Notify Message Type.
        data: Notification Data.
        protocol: what the SPI belongs to, NONE without one.
        spi: the SPI of the existing SA that is meant.
        spi_size: a lie: SPI Size.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.NOTIFY

    type: NotifyType
    data: bytes = b""
    protocol: ProtocolID = ProtocolID.NONE
    spi: bytes = b""
    spi_size: int | None = field(default=None, kw_only=True)

    def encode_body(self) -> bytes:
        """Protocol ID, SPI Size, Notify Message Type, SPI, Notification Data."""
        spi = self.spi
        return (
            _HEADER.pack(self.protocol, len(spi) if self.spi_size is None else self.spi_size, self.type)
            + spi
            + self.data
        )

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        if len(body) < 4:
            raise WireError(0, "protocol", f"{len(body)} bytes left, expected at least 4")
        protocol, spi_size, kind = _HEADER.unpack_from(body)
        if not spi_size:
            return cls.make(_TYPES[kind], body[4:], PROTOCOLS[protocol])
        if spi_size > len(body) - 4:
            raise WireError(1, "spi_size", f"{spi_size}, expected at most the {len(body) - 4} bytes left")
        return cls.make(_TYPES[kind], body[4 + spi_size :], PROTOCOLS[protocol], body[4 : 4 + spi_size])


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class Delete(Payload):
    """Delete payload (RFC 7296 section 3.11).

    Attributes:
        protocol: what is deleted.
        spis: the SPIs of AH or ESP SAs the sender would receive on; none when the IKE SA itself goes.
        spi_size: a lie: SPI Size, in truth the size of the SPIs or, without any, 4 for AH and ESP and 0 for others.
        count: a lie: Num of SPIs.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.DELETE

    protocol: ProtocolID
    spis: tuple[bytes, ...] = ()
    spi_size: int | None = field(default=None, kw_only=True)
    count: int | None = field(default=None, kw_only=True)

    def encode_body(self) -> bytes:
        """Protocol ID, SPI Size, Num of SPIs, SPIs."""
        true_size = len(self.spis[0]) if self.spis else _usual_spi_size(self.protocol)
        size = true_size if self.spi_size is None else self.spi_size
        count = len(self.spis) if self.count is None else self.count
        return _HEADER.pack(self.protocol, size, count) + b"".join(self.spis)

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        if len(body) < 4:
            raise WireError(0, "protocol", f"{len(body)} bytes left, expected at least 4")
        protocol, size, count = _HEADER.unpack_from(body)
        left = len(body) - 4
        if size * count != left:
            raise WireError(2, "count", f"{count} SPIs of {size} bytes, expected {left} bytes of SPIs")
        if left:
            spis = tuple([body[start : start + size] for start in range(4, len(body), size)])
            return cls.make(PROTOCOLS[protocol], spis)
        # Nothing there: a size or a number that says otherwise contradicts no length, so it is kept.
        return cls.make(
            PROTOCOLS[protocol],
            spi_size=None if size == _usual_spi_size(protocol) else size,
            count=count or None,
        )


def _usual_spi_size(protocol: int) -> int:
    return 4 if protocol in (ProtocolID.AH, ProtocolID.ESP) else 0
