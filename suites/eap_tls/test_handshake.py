"""The messages of the handshake: wrong, left out, doubled, out of place, and alerts among them, in both roles."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from conformance.eap.layout import Body
from conformance.tls import TlsVersion
from conformance.tls.messages import (
    Certificate,
    Certificate13,
    CertificateRequest,
    CertificateRequest13,
    CertificateVerify,
    ClientHello,
    ClientKeyExchange,
    EncryptedExtensions,
    Extension,
    Finished,
    ServerHello,
    ServerHelloDone,
    ServerKeyExchange,
)
from suites.eap_tls.deviation import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Deviation,
    alert,
    beside,
    instead_of,
    last_word,
    message,
    records,
)
from suites.eap_tls.making import Due, Row, purposes

TIER = "full"

V12, V13 = TlsVersion.TLS_1_2, TlsVersion.TLS_1_3
LIKE_13, VERIFIED, FINISHED = "RFC9190-2.1-3", "RFC5216-2.1.1-6", "RFC5216-2.1.3-3"
HANDSHAKE_FAILURE, BAD_CERTIFICATE, CLOSE_NOTIFY = 40, 42, 0


# --- changes ----------------------------------------------------------------------------------------------------------


def nothing(body: Body) -> bytes:
    """The message left out."""
    return b""


def last_bit(name: str) -> Callable[[Any], Body]:
    """The last bit of a field turned."""

    def change(body: Any) -> Body:
        value = getattr(body, name)
        return replace(body, **{name: value[:-1] + bytes((value[-1] ^ 1,))})  # type: ignore[no-any-return]

    return change


def with_field(name: str, value: Any) -> Callable[[Any], Body]:
    """A field with another value."""
    return lambda body: replace(body, **{name: value})


def extended(number: int, data: bytes) -> Callable[[Any], Body]:
    """An extension more, and none of that type beside it."""

    def change(hello: Any) -> Body:
        kept = tuple(one for one in hello.extensions if getattr(one, "type", None) != number)
        return replace(hello, extensions=(*kept, Extension(number, data=data)))  # type: ignore[no-any-return]

    return change


def of_type(kind: int, change: Callable[[bytes], Sequence[bytes]]) -> Callable[[list[bytes]], Sequence[bytes]]:
    """Each record of one content type, replaced by none, one or several."""
    return lambda found: [
        other for one in found for other in (change(one) if one[0] == kind else [one])
    ]  # fmt: skip


def ccs(change: Callable[[bytes], Sequence[bytes]], text: str, version: TlsVersion) -> Deviation:
    """ChangeCipherSpec otherwise."""
    return records(text, of_type(CHANGE_CIPHER_SPEC, change), version)


Line = tuple[str, str, str, Deviation, Due]
"""The last part of the id, title, requirement, deviation, what is due."""


def rows(prefix: str, lines: Sequence[Line]) -> list[Row]:
    """The purposes of a table."""
    return [Row(f"{prefix}-{name}", title, (requirement,), made, due) for name, title, requirement, made, due in lines]


# --- in both roles ----------------------------------------------------------------------------------------------------


def finished(version: TlsVersion, requirement: str) -> list[Line]:
    """Finished, wrong in itself."""
    return [
        ("finished-wrong", f"A Finished message of {version} with a wrong bit is refused.", requirement,
         message("Finished with a wrong bit", Finished, version, last_bit("verify_data")), "refused"),
        ("finished-empty", f"A Finished message of {version} without octets is refused.", requirement,
         message("an empty Finished", Finished, version, with_field("verify_data", b"")), "refused"),
        ("finished-none", f"Without a Finished message of {version} nobody is let in.", requirement,
         message("no Finished", Finished, version, nothing), "refused"),
        ("finished-twice", f"A Finished message of {version} that comes twice confuses nobody.", requirement,
         beside("Finished twice", Finished, version, HANDSHAKE), "either"),
    ]  # fmt: skip


def proof(version: TlsVersion, form: type[Body], requirement: str) -> list[Line]:
    """The signature that proves that the key belongs to the certificate."""
    name = "verify" if form is CertificateVerify else "exchange"
    return [
        (f"{name}-wrong", f"A {form.__name__} of {version} whose signature has a wrong bit is refused.", requirement,
         message("a wrong signature", form, version, last_bit("signature")), "refused"),
        (f"{name}-empty", f"A {form.__name__} of {version} without signature is refused.", requirement,
         message("an empty signature", form, version, with_field("signature", b"")), "refused"),
        (f"{name}-algorithm", f"A {form.__name__} of {version} that names another algorithm is refused.", requirement,
         message("another algorithm", form, version, with_field("algorithm", 0x0807)), "refused"),
        (f"{name}-none", f"Without {form.__name__} of {version} nobody is let in.", requirement,
         message(f"no {form.__name__}", form, version, nothing), "refused"),
    ]  # fmt: skip


def without(version: TlsVersion, requirement: str, forms: Sequence[type[Body]]) -> list[Line]:
    """Messages that have to be there."""
    names = {one: one.__name__.removesuffix("13") for one in forms}
    return [
        (f"no-{''.join('-' + c.lower() if c.isupper() else c for c in names[one]).strip('-')}",
         f"A handshake of {version} without {names[one]} is refused.", requirement,
         message(f"no {names[one]}", one, version, nothing), "refused")
        for one in forms
    ]  # fmt: skip


# --- the device as server ---------------------------------------------------------------------------------------------

HELLO = bytes.fromhex("010000290303") + bytes(32) + bytes.fromhex("000002002f0100")
"""A ClientHello that is as short as it can be."""
UNKNOWN_SESSION = b"nobody knows this session ID..."
KEY_UPDATE = bytes.fromhex("1800000101")

CLIENT_12: list[Line] = [
    *finished(V12, VERIFIED),
    *proof(V12, CertificateVerify, VERIFIED),
    *without(V12, VERIFIED, (Certificate, ClientKeyExchange)),
    ("ccs-none", "Without ChangeCipherSpec nobody is let in.", VERIFIED,
     ccs(lambda one: [], "no ChangeCipherSpec", V12), "refused"),
    ("ccs-early", "ChangeCipherSpec before there is a key is refused: everybody would know the keys.", VERIFIED,
     beside("an early ChangeCipherSpec", Certificate, V12, (CHANGE_CIPHER_SPEC, b"\1")), "refused"),
    ("ccs-twice", "ChangeCipherSpec that comes twice confuses nobody.", VERIFIED,
     ccs(lambda one: [one, one], "ChangeCipherSpec twice", V12), "either"),
    ("ccs-wrong", "ChangeCipherSpec with another content confuses nobody.", VERIFIED,
     ccs(lambda one: [one[:-1] + b"\2"], "ChangeCipherSpec 2", V12), "either"),
    ("data-early", "Application data within the handshake is refused.", VERIFIED,
     beside("early application data", ClientKeyExchange, V12, (APPLICATION_DATA, b"hello")), "refused"),
    ("hello-twice", "A second ClientHello within the handshake is refused.", VERIFIED,
     beside("ClientHello twice", ClientHello, V12, HANDSHAKE), "refused"),
    ("session-unknown", "The ID of a session that the device never had begins a new one.", "RFC5216-2.1.1-3",
     message("an unknown session ID", ClientHello, V12, with_field("session", UNKNOWN_SESSION)), "accepted"),
    ("ticket-unknown", "A ticket that the device never gave begins a new session.", "RFC5216-2.1.1-3",
     message("an unknown ticket", ClientHello, V12, extended(35, bytes(96))), "either"),
    ("last-data", "Application data in place of the empty response at the end confuses nobody.", "RFC5216-2.1.3-6",
     last_word("application data at the end", V12, APPLICATION_DATA, b"hello"), "either"),
    ("last-hello", "A client that renegotiates in place of the empty response confuses nobody.", "RFC5216-2.1.3-6",
     last_word("a ClientHello at the end", V12, HANDSHAKE, HELLO), "either"),
    ("last-alert", "An alert in place of the empty response at the end leads to a Failure.", "RFC5216-2.1.3-4",
     last_word("an alert at the end", V12, ALERT, bytes((2, BAD_CERTIFICATE))), "refused"),
]  # fmt: skip
CLIENT_13: list[Line] = [
    *finished(V13, VERIFIED),
    *proof(V13, CertificateVerify, VERIFIED),
    *without(V13, VERIFIED, (Certificate13,)),
    ("ccs-wrong", "ChangeCipherSpec with another content than 1 is refused in TLS 1.3.", LIKE_13,
     beside("ChangeCipherSpec 2", ClientHello, V13, (CHANGE_CIPHER_SPEC, b"\2")), "either"),
    ("data-early", "Application data within the handshake of TLS 1.3 is refused.", "RFC9190-2.1.1-4",
     beside("early application data", Certificate13, V13, (APPLICATION_DATA, b"hello")), "refused"),
    ("hello-twice", "A second ClientHello that nobody has asked for is refused.", LIKE_13,
     beside("ClientHello twice", ClientHello, V13, HANDSHAKE), "refused"),
    ("early-data", "A client that announces early data is answered without.", "RFC9190-2.1-1",
     message("early_data", ClientHello, V13, extended(42, b"")), "either"),
    ("post-handshake", "A client that offers to be authenticated later is so in the handshake.", "RFC9190-2.1-2",
     message("post_handshake_auth", ClientHello, V13, extended(49, b"")), "accepted"),
    ("last-data", "Application data in place of the empty response at the end confuses nobody.", "RFC9190-2.1.1-4",
     last_word("application data at the end", V13, APPLICATION_DATA, b"\0"), "either"),
    ("last-key-update", "KeyUpdate in place of the empty response at the end confuses nobody.", "RFC9190-2.1.1-5",
     last_word("KeyUpdate at the end", V13, HANDSHAKE, KEY_UPDATE), "either"),
    ("last-alert", "An alert in place of the empty response at the end leads to a Failure.", "RFC9190-2.5-4",
     last_word("an alert at the end", V13, ALERT, bytes((2, BAD_CERTIFICATE))), "refused"),
]  # fmt: skip
ALERTS: list[Line] = [
    ("alert-first", "An alert in place of the ClientHello leads to a Failure.", "RFC5216-2.1.3-4",
     instead_of(1, "an alert at once", alert(HANDSHAKE_FAILURE)), "refused"),
    ("alert-amid", "An alert in place of our certificate leads to a Failure.", "RFC5216-2.1.3-4",
     instead_of(2, "an alert amid", alert(BAD_CERTIFICATE)), "refused"),
    ("alert-closing", "A client that closes TLS in place of its certificate is not let in.", "RFC5216-2.1.3-4",
     instead_of(2, "close_notify amid", alert(CLOSE_NOTIFY, 1)), "refused"),
    ("nothing-first", "An empty response in place of the ClientHello lets nobody in.", VERIFIED,
     instead_of(1, "nothing in place of ClientHello", b""), "refused"),
    ("nothing-amid", "An empty response in place of our certificate lets nobody in.", VERIFIED,
     instead_of(2, "nothing in place of the certificate", b""), "refused"),
]  # fmt: skip

purposes(__name__, "responder", [
    *rows("eap-tls-12", CLIENT_12), *rows("eap-tls-13", CLIENT_13), *rows("eap-tls", ALERTS),
])  # fmt: skip


# --- the device as client ---------------------------------------------------------------------------------------------

HELLO_REQUEST = bytes.fromhex("00000000")
SERVER_12: list[Line] = [
    *finished(V12, FINISHED),
    *proof(V12, ServerKeyExchange, FINISHED),
    *without(V12, FINISHED, (Certificate, ServerHello)),
    ("no-server-hello-done", "Without ServerHelloDone the handshake does not go on, and nobody is believed.", FINISHED,
     message("no ServerHelloDone", ServerHelloDone, V12, nothing), "either"),
    ("no-certificate-request", "A server that asks for no certificate is refused, or authenticates nobody.", FINISHED,
     message("no CertificateRequest", CertificateRequest, V12, nothing), "either"),
    ("suite-null", "A cipher suite that protects nothing, and that nobody offers, is refused.", FINISHED,
     message("TLS_NULL_WITH_NULL_NULL", ServerHello, V12, with_field("suite", 0)), "refused"),
    ("suite-foreign", "A cipher suite that nobody offers is refused.", FINISHED,
     message("suite 0xfefe", ServerHello, V12, with_field("suite", 0xFEFE)), "refused"),
    ("compression", "Compression that nobody offers is refused, or ignored.", FINISHED,
     message("compression 1", ServerHello, V12, with_field("compression", 1)), "either"),
    ("extension-foreign", "An extension that nobody has asked for confuses nobody.", FINISHED,
     message("extension 0xfefe", ServerHello, V12, extended(0xFEFE, b"hello")), "either"),
    ("ccs-none", "Without ChangeCipherSpec nobody is believed.", FINISHED,
     ccs(lambda one: [], "no ChangeCipherSpec", V12), "refused"),
    ("ccs-early", "ChangeCipherSpec before there is a key is refused.", FINISHED,
     beside("an early ChangeCipherSpec", ServerHello, V12, (CHANGE_CIPHER_SPEC, b"\1")), "refused"),
    ("data-early", "Application data within the handshake is refused.", FINISHED,
     beside("early application data", ServerHello, V12, (APPLICATION_DATA, b"hello")), "refused"),
    ("hello-request", "A server that asks to renegotiate within the handshake confuses nobody.", FINISHED,
     beside("HelloRequest amid", ServerHelloDone, V12, (HANDSHAKE, HELLO_REQUEST)), "either"),
    ("renegotiation", "A server that asks to renegotiate after the handshake confuses nobody.", FINISHED,
     beside("HelloRequest at the end", Finished, V12, (HANDSHAKE, HELLO_REQUEST)), "either"),
    ("alert-amid", "After an alert of the server nobody is believed.", "RFC9190-2.5-4",
     beside("an alert amid", ServerHelloDone, V12, (ALERT, bytes((2, HANDSHAKE_FAILURE)))), "refused"),
]  # fmt: skip
SERVER_13: list[Line] = [
    *finished(V13, LIKE_13),
    *proof(V13, CertificateVerify, LIKE_13),
    *without(V13, LIKE_13, (Certificate13, EncryptedExtensions)),
    ("no-certificate-request", "A server that asks for no certificate is refused, or authenticates nobody.", LIKE_13,
     message("no CertificateRequest", CertificateRequest13, V13, nothing), "either"),
    ("suite-foreign", "A cipher suite that nobody offers is refused.", LIKE_13,
     message("suite 0xfefe", ServerHello, V13, with_field("suite", 0xFEFE)), "refused"),
    ("extension-foreign", "An extension that nobody has asked for confuses nobody.", LIKE_13,
     message("extension 0xfefe", ServerHello, V13, extended(0xFEFE, b"hello")), "either"),
    ("early-data", "A server that takes early data that nobody has offered is refused, or ignored.", "RFC9190-2.1-1",
     message("early_data", EncryptedExtensions, V13, extended(42, b"")), "either"),
    ("data-early", "Application data within the handshake of TLS 1.3 is refused.", LIKE_13,
     beside("early application data", EncryptedExtensions, V13, (APPLICATION_DATA, b"\0")), "refused"),
    ("alert-amid", "After an alert of the server nobody is believed.", "RFC9190-2.5-4",
     beside("an alert amid", EncryptedExtensions, V13, (ALERT, bytes((2, HANDSHAKE_FAILURE)))), "refused"),
]  # fmt: skip

purposes(__name__, "initiator", [*rows("eap-tls-peer-12", SERVER_12), *rows("eap-tls-peer-13", SERVER_13)])
