"""Payloads that are one field of bytes: Nonce, Vendor ID, the encrypted ones, and those of types without a class."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Self

from conformance.wire.errors import WireError
from conformance.wire.payloads.base import Payload
from conformance.wire.registry import Lookup, PayloadType
from conformance.wire.values import quickly_made

_FRAGMENT = Struct("!HH")
PAYLOAD_TYPES = Lookup(PayloadType, 256)


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class Nonce(Payload):
    """Nonce payload, Ni or Nr (RFC 7296 section 3.9). That 16 to 256 bytes are due is for the protocol to check."""

    payload_type: ClassVar[PayloadType] = PayloadType.NONCE

    data: bytes

    def encode_body(self) -> bytes:
        """Nonce Data."""
        return self.data

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        return cls.make(body)


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class VendorID(Payload):
    """Vendor ID payload (RFC 7296 section 3.12)."""

    payload_type: ClassVar[PayloadType] = PayloadType.VENDOR_ID

    data: bytes

    def encode_body(self) -> bytes:
        """Vendor ID."""
        return self.data

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        return cls.make(body)


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class SK(Payload):
    """Encrypted and Authenticated payload (RFC 7296 section 3.14); always the last of a message.

    Attributes:
        inner: type of the first payload inside, in the Next Payload field of this one.
        body: initialization vector, ciphertext and integrity checksum, still sealed.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.SK

    inner: PayloadType
    body: bytes

    def encode_body(self) -> bytes:
        """The sealed bytes."""
        return self.body

    @classmethod
    def parse_sealed(cls, inner: int, body: bytes) -> Self:
        """The payload whose Next Payload is `inner` and whose bytes after the generic header are `body`."""
        return cls.make(PAYLOAD_TYPES[inner], body)


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class SKF(Payload):
    """Encrypted and Authenticated Fragment payload (RFC 7383 section 2.5).

    Attributes:
        inner: type of the first payload inside in fragment number 1, NO_NEXT_PAYLOAD in the others.
        number: Fragment Number, from 1.
        total: Total Fragments.
        body: initialization vector, ciphertext and integrity checksum, still sealed.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.SKF

    inner: PayloadType
    number: int
    total: int
    body: bytes

    def encode_body(self) -> bytes:
        """Fragment Number, Total Fragments, the sealed bytes."""
        return _FRAGMENT.pack(self.number, self.total) + self.body

    @classmethod
    def parse_sealed(cls, inner: int, body: bytes) -> Self:
        """The payload whose Next Payload is `inner` and whose bytes after the generic header are `body`.

        Raises:
            WireError: fewer bytes than the two fragment counters take.
        """
        if len(body) < 4:
            raise WireError(0, "fragment_number", f"{len(body)} bytes left, expected 4")
        number, total = _FRAGMENT.unpack_from(body)
        return cls.make(PAYLOAD_TYPES[inner], number, total, body[4:])


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class UnknownPayload(Payload):
    """A payload of a type that has no class of its own, kept as it came.

    It is also the way to send any bytes under any type, known ones included, and what a lenient decoder makes of a
    known type whose body is malformed.

    Attributes:
        type: the payload type, 0 to 255.
        body: everything after the generic payload header.
    """

    type: int
    body: bytes

    @property
    def payload_type(self) -> PayloadType:  # type: ignore[override]  # a constant of the class everywhere else
        """The type as an enumeration value."""
        return PAYLOAD_TYPES[self.type]

    def encode_body(self) -> bytes:
        """The bytes as they are."""
        return self.body
