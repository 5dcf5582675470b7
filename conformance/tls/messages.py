"""Handshake messages and records of TLS as values, defined by their fields (RFC 5246, RFC 8446): what can be bent.

The engines do not use them. They are for evidence and for deviations: a message of an engine is read, bent in one
field, and sent. A vector is a length and its items, so that either can lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from conformance.eap.layout import U8, U16, Body, Items, Length, Octets, Raw, Rest
from conformance.eap.sweep import Variation
from conformance.tls.engine import TlsBend, TlsVersion
from conformance.wire.errors import WireError

HandshakeLength = Annotated[int | None, Length(3, plus=-4)]
OfWholeExtension = Annotated[int | None, Length(2, plus=-4)]
Random = Annotated[bytes, Octets(32)]


def _sized(data: bytes, offset: int, fixed: int, size: int) -> int:
    """Where a structure ends that has ``fixed`` octets, and after them a length of ``size`` octets and its content."""
    at = offset + fixed
    left = len(data) - at
    if left < size:
        raise WireError(offset, "", f"{left} bytes left, expected {size}")
    end = at + size + int.from_bytes(data[at : at + size], "big")
    if end > len(data):
        raise WireError(at, "length", f"{end - at - size}, expected at most {left - size}")
    return end


def _pairs(form: type[Body]) -> Callable[[bytes, int], tuple[Body, int]]:
    """Reads structures of two octets; one that is cut short is an error."""

    def read(data: bytes, offset: int) -> tuple[Body, int]:
        return form.decode(data[offset : offset + 2]), offset + 2

    return read


@dataclass(frozen=True, slots=True, repr=False)
class Number16(Body):
    """A number in a list: cipher suite, version, group, signature scheme."""

    value: U16 = 0


read_numbers = _pairs(Number16)
Numbers = Annotated[tuple[Body, ...], Items(read_numbers)]


# --- extensions -------------------------------------------------------------------------------------------------------

SUPPORTED_GROUPS, SIGNATURE_ALGORITHMS, SUPPORTED_VERSIONS, KEY_SHARE = 10, 13, 43, 51


@dataclass(frozen=True, slots=True, repr=False)
class Extension(Body):
    """An extension of any kind."""

    type: U16 = 0
    length: Annotated[int | None, Length(2, of="data")] = None
    data: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class NumbersExtension(Body):
    """supported_groups or signature_algorithms: a list with a length of two octets."""

    type: U16 = SUPPORTED_GROUPS
    length: OfWholeExtension = None
    list_length: Annotated[int | None, Length(2, of="numbers")] = None
    numbers: Numbers = (Number16(),)


@dataclass(frozen=True, slots=True, repr=False)
class VersionsExtension(Body):
    """supported_versions of a client."""

    type: U16 = SUPPORTED_VERSIONS
    length: OfWholeExtension = None
    list_length: Annotated[int | None, Length(1, of="versions")] = None
    versions: Numbers = (Number16(TlsVersion.TLS_1_3),)


@dataclass(frozen=True, slots=True, repr=False)
class Share(Body):
    """A public value for a group."""

    group: U16 = 29
    key_length: Annotated[int | None, Length(2, of="key")] = None
    key: Rest = bytes(32)


def read_share(data: bytes, offset: int) -> tuple[Body, int]:
    """The share that starts at an offset."""
    end = _sized(data, offset, 2, 2)
    return Share.decode(data[offset:end]), end


@dataclass(frozen=True, slots=True, repr=False)
class SharesExtension(Body):
    """key_share of a client."""

    type: U16 = KEY_SHARE
    length: OfWholeExtension = None
    list_length: Annotated[int | None, Length(2, of="shares")] = None
    shares: Annotated[tuple[Body, ...], Items(read_share)] = (Share(),)


@dataclass(frozen=True, slots=True, repr=False)
class ShareExtension(Body):
    """key_share of a server."""

    type: U16 = KEY_SHARE
    length: OfWholeExtension = None
    group: U16 = 29
    key_length: Annotated[int | None, Length(2, of="key")] = None
    key: Rest = bytes(32)


_OF_BOTH: dict[int, type[Body]] = {SUPPORTED_GROUPS: NumbersExtension, SIGNATURE_ALGORITHMS: NumbersExtension}
_OF_CLIENT = _OF_BOTH | {SUPPORTED_VERSIONS: VersionsExtension, KEY_SHARE: SharesExtension}
_OF_SERVER = _OF_BOTH | {KEY_SHARE: ShareExtension}


def _extensions(forms: dict[int, type[Body]]) -> Callable[[bytes, int], tuple[Body, int]]:
    """Reads extensions; one that breaks its own form is one of any kind."""

    def read(data: bytes, offset: int) -> tuple[Body, int]:
        end = _sized(data, offset, 2, 2)
        form = forms.get(int.from_bytes(data[offset : offset + 2], "big"), Extension)
        try:
            return form.decode(data[offset:end]), end
        except WireError:
            return Extension.decode(data[offset:end]), end

    return read


ClientExtensions = Annotated[tuple[Body, ...], Items(_extensions(_OF_CLIENT))]
ServerExtensions = Annotated[tuple[Body, ...], Items(_extensions(_OF_SERVER))]
ExtensionsLength = Annotated[int | None, Length(2, of="extensions")]


# --- messages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class ClientHello(Body):
    """ClientHello."""

    type: U8 = 1
    length: HandshakeLength = None
    version: U16 = TlsVersion.TLS_1_2
    random: Random = bytes(32)
    session_length: Annotated[int | None, Length(1, of="session")] = None
    session: Rest = b""
    suites_length: Annotated[int | None, Length(2, of="suites")] = None
    suites: Numbers = (Number16(0x1301),)
    compressions_length: Annotated[int | None, Length(1, of="compressions")] = None
    compressions: Rest = b"\0"
    extensions_length: ExtensionsLength = None
    extensions: ClientExtensions = ()


@dataclass(frozen=True, slots=True, repr=False)
class ServerHello(Body):
    """ServerHello, HelloRetryRequest."""

    type: U8 = 2
    length: HandshakeLength = None
    version: U16 = TlsVersion.TLS_1_2
    random: Random = bytes(32)
    session_length: Annotated[int | None, Length(1, of="session")] = None
    session: Rest = b""
    suite: U16 = 0x1301
    compression: U8 = 0
    extensions_length: ExtensionsLength = None
    extensions: ServerExtensions = ()


@dataclass(frozen=True, slots=True, repr=False)
class EncryptedExtensions(Body):
    """EncryptedExtensions."""

    type: U8 = 8
    length: HandshakeLength = None
    extensions_length: ExtensionsLength = None
    extensions: ServerExtensions = ()


@dataclass(frozen=True, slots=True, repr=False)
class CertificateEntry(Body):
    """A certificate in TLS 1.2."""

    length: Annotated[int | None, Length(3, of="certificate")] = None
    certificate: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class CertificateEntry13(Body):
    """A certificate in TLS 1.3, with its extensions."""

    length: Annotated[int | None, Length(3, of="certificate")] = None
    certificate: Rest = b""
    extensions_length: ExtensionsLength = None
    extensions: ServerExtensions = ()


def read_certificate(data: bytes, offset: int) -> tuple[Body, int]:
    """The certificate of TLS 1.2 that starts at an offset."""
    end = _sized(data, offset, 0, 3)
    return CertificateEntry.decode(data[offset:end]), end


def read_certificate_13(data: bytes, offset: int) -> tuple[Body, int]:
    """The certificate of TLS 1.3 that starts at an offset."""
    end = _sized(data, _sized(data, offset, 0, 3), 0, 2)
    return CertificateEntry13.decode(data[offset:end]), end


@dataclass(frozen=True, slots=True, repr=False)
class Certificate(Body):
    """Certificate in TLS 1.2."""

    type: U8 = 11
    length: HandshakeLength = None
    list_length: Annotated[int | None, Length(3, of="certificates")] = None
    certificates: Annotated[tuple[Body, ...], Items(read_certificate)] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Certificate13(Body):
    """Certificate in TLS 1.3."""

    type: U8 = 11
    length: HandshakeLength = None
    context_length: Annotated[int | None, Length(1, of="context")] = None
    context: Rest = b""
    list_length: Annotated[int | None, Length(3, of="certificates")] = None
    certificates: Annotated[tuple[Body, ...], Items(read_certificate_13)] = ()


@dataclass(frozen=True, slots=True, repr=False)
class ServerKeyExchange(Body):
    """ServerKeyExchange with a named curve and a signature (RFC 8422)."""

    type: U8 = 12
    length: HandshakeLength = None
    curve_type: U8 = 3
    curve: U16 = 29
    point_length: Annotated[int | None, Length(1, of="point")] = None
    point: Rest = b""
    algorithm: U16 = 0x0403
    signature_length: Annotated[int | None, Length(2, of="signature")] = None
    signature: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class CertificateRequest(Body):
    """CertificateRequest in TLS 1.2."""

    type: U8 = 13
    length: HandshakeLength = None
    types_length: Annotated[int | None, Length(1, of="types")] = None
    types: Rest = b"\x40"
    algorithms_length: Annotated[int | None, Length(2, of="algorithms")] = None
    algorithms: Numbers = (Number16(0x0403),)
    authorities_length: Annotated[int | None, Length(2, of="authorities")] = None
    authorities: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class CertificateRequest13(Body):
    """CertificateRequest in TLS 1.3."""

    type: U8 = 13
    length: HandshakeLength = None
    context_length: Annotated[int | None, Length(1, of="context")] = None
    context: Rest = b""
    extensions_length: ExtensionsLength = None
    extensions: ServerExtensions = ()


@dataclass(frozen=True, slots=True, repr=False)
class ServerHelloDone(Body):
    """ServerHelloDone."""

    type: U8 = 14
    length: HandshakeLength = None


@dataclass(frozen=True, slots=True, repr=False)
class CertificateVerify(Body):
    """CertificateVerify."""

    type: U8 = 15
    length: HandshakeLength = None
    algorithm: U16 = 0x0403
    signature_length: Annotated[int | None, Length(2, of="signature")] = None
    signature: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class ClientKeyExchange(Body):
    """ClientKeyExchange with a point (RFC 8422)."""

    type: U8 = 16
    length: HandshakeLength = None
    point_length: Annotated[int | None, Length(1, of="point")] = None
    point: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class Finished(Body):
    """Finished."""

    type: U8 = 20
    length: HandshakeLength = None
    verify_data: Rest = bytes(12)


@dataclass(frozen=True, slots=True, repr=False)
class Record(Body):
    """A record (RFC 8446, section 5.1)."""

    type: U8 = 22
    version: U16 = TlsVersion.TLS_1_2
    length: Annotated[int | None, Length(2, of="fragment")] = None
    fragment: Rest = b""


_COMMON: tuple[type[Body], ...] = (ClientHello, ServerHello, CertificateVerify, Finished)
FORMS: dict[TlsVersion, tuple[type[Body], ...]] = {
    TlsVersion.TLS_1_2: (
        *_COMMON,
        Certificate,
        ServerKeyExchange,
        CertificateRequest,
        ServerHelloDone,
        ClientKeyExchange,
    ),
    TlsVersion.TLS_1_3: (*_COMMON, EncryptedExtensions, Certificate13, CertificateRequest13),
}
"""The messages of a version that have a form here."""


def read_message(octets: bytes, version: TlsVersion) -> Body:
    """A handshake message with its header; `Raw` where it has no form here, or breaks it."""
    for form in FORMS[version]:
        if octets[:1] == form().encode()[:1]:
            try:
                return form.decode(octets)
            except WireError:
                break
    return Raw(octets)


# --- bends ------------------------------------------------------------------------------------------------------------


def bend_message(of: type[Body], version: TlsVersion, one: Variation) -> TlsBend:
    """Each message of a class, with one thing wrong."""

    def message(octets: bytes) -> bytes:
        body = read_message(octets, version)
        return one.change(body).encode() if isinstance(body, of) else octets

    return TlsBend(f"{of.__name__}: {one.text}", message=message)


def bend_record(number: int, one: Variation) -> TlsBend:
    """One record of each flight, counted from 0, with one thing wrong; flights that are shorter stay as they are."""

    def records(found: list[bytes]) -> list[bytes]:
        if number < len(found):
            found[number] = one.change(Record.decode(found[number])).encode()
        return found

    return TlsBend(f"record {number}: {one.text}", records=records)
