"""The IKE message: header and payloads (RFC 7296 section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from conformance.wire.payloads import Notify, Payload
from conformance.wire.registry import ExchangeType, NotifyType
from conformance.wire.values import Value, quickly_made

FLAG_INITIATOR = 0x08
"""I: sent by the original initiator of the IKE SA."""
FLAG_VERSION = 0x10
"""V: the sender can speak a higher major version."""
FLAG_RESPONSE = 0x20
"""R: answers the request with the same message ID."""

P = TypeVar("P", bound=Payload)


class Header(NamedTuple):
    """The 28 bytes every IKE message starts with, as they stand on the wire.

    Attributes:
        spi_i: IKE SA Initiator's SPI, 8 bytes.
        spi_r: IKE SA Responder's SPI, 8 bytes, zero before it is known.
        next_payload: type of the first payload.
        version: major version in the high, minor version in the low four bits.
        exchange: exchange type.
        flags: FLAG_INITIATOR, FLAG_VERSION, FLAG_RESPONSE and five reserved bits.
        message_id: message ID, 32 bits.
        length: length of the whole message in bytes as the sender claims it.
    """

    spi_i: bytes
    spi_r: bytes
    next_payload: int
    version: int
    exchange: ExchangeType
    flags: int
    message_id: int
    length: int

    @property
    def is_response(self) -> bool:
        """Whether the R flag is set."""
        return bool(self.flags & FLAG_RESPONSE)

    @property
    def from_initiator(self) -> bool:
        """Whether the I flag is set: the sender is the original initiator of the IKE SA."""
        return bool(self.flags & FLAG_INITIATOR)


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class Message(Value):
    """An IKE message.

    Attributes:
        spi_i: IKE SA Initiator's SPI, 8 bytes.
        spi_r: IKE SA Responder's SPI, 8 bytes.
        exchange: exchange type.
        flags: all eight flag bits.
        message_id: message ID, 32 bits.
        payloads: the payloads in order, SK or SKF last.
        version: major version in the high, minor version in the low four bits.
        length: a lie: Length in the header.
        next_payload: a lie: Next Payload in the header.
        trailing: bytes after the last payload that belong to none; a strict decoder rejects them.
    """

    spi_i: bytes
    spi_r: bytes
    exchange: ExchangeType
    flags: int
    message_id: int
    payloads: tuple[Payload, ...] = ()
    version: int = 0x20
    length: int | None = field(default=None, kw_only=True)
    next_payload: int | None = field(default=None, kw_only=True)
    trailing: bytes = field(default=b"", kw_only=True)

    @property
    def is_response(self) -> bool:
        """Whether the R flag is set."""
        return bool(self.flags & FLAG_RESPONSE)

    @property
    def from_initiator(self) -> bool:
        """Whether the I flag is set: the sender is the original initiator of the IKE SA."""
        return bool(self.flags & FLAG_INITIATOR)

    def first(self, cls: type[P]) -> P | None:
        """The first payload of a class, None without one."""
        for payload in self.payloads:
            if isinstance(payload, cls):
                return payload
        return None

    def all(self, cls: type[P]) -> tuple[P, ...]:
        """Every payload of a class, in order."""
        return tuple([payload for payload in self.payloads if isinstance(payload, cls)])

    def notify(self, type: NotifyType) -> Notify | None:  # noqa: A002
        """The first Notify of a type, None without one."""
        for payload in self.payloads:
            if isinstance(payload, Notify) and payload.type == type:
                return payload
        return None

    def notifies(self) -> tuple[Notify, ...]:
        """Every Notify, in order."""
        return self.all(Notify)
