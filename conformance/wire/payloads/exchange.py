"""Key exchange and identity payloads: KE, IDi, IDr, CERT, CERTREQ, AUTH (RFC 7296 sections 3.4 to 3.8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from conformance.wire.errors import WireError
from conformance.wire.payloads.base import Payload
from conformance.wire.registry import AuthMethod, CertEncoding, IdType, KeMethod, Lookup, PayloadType
from conformance.wire.values import quickly_made

_KE = Struct("!HH")
_TYPED = Struct("!I")
_METHODS = Lookup(KeMethod)
_ID_TYPES = Lookup(IdType)
_ENCODINGS = Lookup(CertEncoding)
_AUTH_METHODS = Lookup(AuthMethod)
_U24 = 0xFFFFFF


def _split_typed(body: bytes, name: str) -> tuple[int, int, bytes]:
    """A byte, 24 reserved bits and data: the form that ID and AUTH share."""
    if len(body) < 4:
        raise WireError(0, name, f"{len(body)} bytes left, expected at least 4")
    word: int = _TYPED.unpack_from(body)[0]
    return word >> 24, word & _U24, body[4:]


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class KE(Payload):
    """Key Exchange payload (RFC 7296 section 3.4).

    Attributes:
        method: key exchange method.
        data: public value, ciphertext or encapsulation key.
        reserved2: the 16 reserved bits after the method.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.KE

    method: KeMethod
    data: bytes
    reserved2: int = field(default=0, kw_only=True)

    def encode_body(self) -> bytes:
        """Key Exchange Method, RESERVED, Key Exchange Data."""
        return _KE.pack(self.method, self.reserved2) + self.data

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        if len(body) < 4:
            raise WireError(0, "method", f"{len(body)} bytes left, expected at least 4")
        method, reserved2 = _KE.unpack_from(body)
        return cls.make(_METHODS[method], body[4:], reserved2=reserved2)


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class Identification(Payload):
    """What IDi, IDr and IDg share (RFC 7296 section 3.5).

    Attributes:
        id_type: how to read the data.
        data: the identity.
        reserved2: the 24 reserved bits after the type.
    """

    id_type: IdType
    data: bytes
    reserved2: int = field(default=0, kw_only=True)

    def encode_body(self) -> bytes:
        """ID Type, RESERVED, Identification Data."""
        return _TYPED.pack(self.id_type << 24 | self.reserved2) + self.data

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        id_type, reserved2, data = _split_typed(body, "id_type")
        return cls.make(_ID_TYPES[id_type], data, reserved2=reserved2)


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class IDi(Identification):
    """Identification payload of the initiator."""

    payload_type: ClassVar[PayloadType] = PayloadType.IDI


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class IDr(Identification):
    """Identification payload of the responder."""

    payload_type: ClassVar[PayloadType] = PayloadType.IDR


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class IDg(Identification):
    """Group Identification payload of G-IKEv2 (RFC 9838)."""

    payload_type: ClassVar[PayloadType] = PayloadType.IDG


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class _Encoded(Payload):
    """What CERT and CERTREQ share: a certificate encoding and data."""

    encoding: CertEncoding
    data: bytes

    def encode_body(self) -> bytes:
        """Encoding, data."""
        return self.encoding.to_bytes(1, "big") + self.data

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        if not body:
            raise WireError(0, "encoding", "0 bytes left, expected at least 1")
        return cls.make(_ENCODINGS[body[0]], body[1:])


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class CERT(_Encoded):
    """Certificate payload (RFC 7296 section 3.6).

    Attributes:
        encoding: what the data is.
        data: one certificate, list or reference.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.CERT


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class CERTREQ(_Encoded):
    """Certificate Request payload (RFC 7296 section 3.7).

    Attributes:
        encoding: the encoding that is wanted.
        data: for X.509, SHA-1 hashes of the public keys of trusted authorities, 20 bytes each.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.CERTREQ


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class AUTH(Payload):
    """Authentication payload (RFC 7296 section 3.8).

    Attributes:
        method: authentication method.
        data: signature or message integrity code.
        reserved2: the 24 reserved bits after the method.
    """

    payload_type: ClassVar[PayloadType] = PayloadType.AUTH

    method: AuthMethod
    data: bytes
    reserved2: int = field(default=0, kw_only=True)

    def encode_body(self) -> bytes:
        """Auth Method, RESERVED, Authentication Data."""
        return _TYPED.pack(self.method << 24 | self.reserved2) + self.data

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        method, reserved2, data = _split_typed(body, "method")
        return cls.make(_AUTH_METHODS[method], data, reserved2=reserved2)
