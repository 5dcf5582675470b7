"""Messages in words."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    EAP,
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    KE,
    SA,
    SK,
    SKF,
    AuthMethod,
    CertEncoding,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Delete,
    EapCode,
    EapPacket,
    EapType,
    Encr,
    Esn,
    ExchangeType,
    IDi,
    IDr,
    IdType,
    Integ,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    PayloadType,
    Prf,
    Proposal,
    ProtocolID,
    TrafficSelector,
    Transform,
    TransformType,
    TSi,
    TSr,
    UnknownPayload,
    UnknownSelector,
    VendorID,
    decode_message,
    describe,
    describe_message,
    encode_message,
    summary,
    summary_message,
)


def subject() -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FI"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
            x509.NameAttribute(NameOID.COMMON_NAME, "moon.example"),
        ]
    )


def certificate() -> bytes:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    builder = x509.CertificateBuilder(subject(), subject(), key.public_key(), 0xABCD)
    builder = builder.not_valid_before(datetime.datetime(2026, 1, 1)).not_valid_after(datetime.datetime(2027, 1, 1))
    return builder.sign(key, None).public_bytes(serialization.Encoding.DER)


def fields(payload: Payload) -> Any:
    return describe(payload)["fields"]


NOTIFICATIONS = [
    (NotifyType.INVALID_KE_PAYLOAD, "0013", {"method": "ECP_256 (19)"}),
    (NotifyType.INVALID_KE_PAYLOAD, "03ff", {"method": "1023"}),
    (NotifyType.INVALID_KE_PAYLOAD, "13", {"data": "13"}),
    (NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "c8", {"payload": "200"}),
    (NotifyType.INVALID_MESSAGE_ID, "0000000a", {"message_id": "10"}),
    (NotifyType.SET_WINDOW_SIZE, "00000005", {"window": "5"}),
    (NotifyType.IPCOMP_SUPPORTED, "123402", {"cpi": "0x1234", "transform": "DEFLATE"}),
    (NotifyType.NAT_DETECTION_SOURCE_IP, "aa" * 20, {"hash": "aa" * 20}),
    (NotifyType.COOKIE, "c0ffee", {"cookie": "c0ffee"}),
    (NotifyType.ADDITIONAL_IP4_ADDRESS, "0a000001", {"address": "10.0.0.1"}),
    (NotifyType.ADDITIONAL_IP6_ADDRESS, "20010db8" + "00" * 11 + "01", {"address": "2001:db8::1"}),
    (NotifyType.AUTH_LIFETIME, "00000e10", {"lifetime": "3600 s"}),
    (NotifyType.REDIRECT, "0104c0000201aabb", {"gateway": "192.0.2.1", "nonce": "aabb"}),
    (NotifyType.REDIRECTED_FROM, "03036d6f6f", {"gateway": "moo"}),
    (NotifyType.REDIRECT, "0104c000", {"data": "0104c000"}),
    (NotifyType.TICKET_LT_OPAQUE, "00000e10beef", {"lifetime": "3600 s", "ticket": "beef"}),
    (NotifyType.ROHC_SUPPORTED, "8001000f80020001", {"attributes": "MAX_CID=15, ROHC_PROFILE=1"}),
    (
        NotifyType.IKEV2_MESSAGE_ID_SYNC,
        "0102030400000005 00000006",
        {"nonce": "01020304", "expected_send_request": "5", "expected_receive_request": "6"},
    ),
    (NotifyType.SECURE_PASSWORD_METHODS, "00010003", {"methods": "PACE, SECURE_PSK"}),
    (NotifyType.SIGNATURE_HASH_ALGORITHMS, "0002000500ff", {"algorithms": "SHA2_256, IDENTITY, 255"}),
    (NotifyType.SIGNATURE_HASH_ALGORITHMS, "000200", {"data": "000200"}),
    (NotifyType.PUZZLE, "000510", {"prf": "HMAC_SHA2_256", "difficulty": "16"}),
    (NotifyType.PPK_IDENTITY, "027070", {"type": "FIXED", "id": "pp"}),
    (
        NotifyType.PPK_IDENTITY_KEY,
        "026b" + "11" * 8,
        {"type": "FIXED", "id": "k", "confirmation": "11" * 8},
    ),
    (NotifyType.USE_AGGFRAG, "03", {"flags": "congestion control, no fragmentation"}),
    (
        NotifyType.SUPPORTED_AUTH_METHODS,
        "0202 0301 02 0a0e00 300506032b6570",
        {"methods": "SHARED_KEY_MIC, RSA_SIGNATURE certreq 2, DIGITAL_SIGNATURE certreq 0 1.3.101.112"},
    ),
    (NotifyType.SUPPORTED_AUTH_METHODS, "0902", {"data": "0902"}),
    (NotifyType(40999), "0102", {"data": "0102"}),
]


@pytest.mark.parametrize(("kind", "data", "expected"), NOTIFICATIONS)
def test_notification_data(kind: NotifyType, data: str, expected: dict[str, str]) -> None:
    assert fields(Notify(kind, bytes.fromhex(data))) == {"type": str(kind), **expected}


def test_notify_of_an_sa() -> None:
    assert fields(Notify(NotifyType.REKEY_SA, protocol=ProtocolID.ESP, spi=b"\xde\xad\xbe\xef")) == {
        "type": "REKEY_SA",
        "protocol": "ESP",
        "spi": "deadbeef",
    }


ESP = Proposal(1, ProtocolID.ESP, (Transform.of(Encr.AES_GCM_16, 128), Transform.of(Esn.NO)), b"\xc0\xff\xee\x01")


def test_sa() -> None:
    assert describe(SA((ESP,))) == {
        "name": "SA",
        "fields": {"summary": "SA(ESP aes128gcm16 no-esn)"},
        "children": [
            {
                "name": "Proposal 1",
                "fields": {"protocol": "ESP", "spi": "c0ffee01"},
                "children": [
                    {"name": "ENCR", "fields": {"id": "AES_GCM_16", "key_length": "128"}, "children": []},
                    {"name": "ESN", "fields": {"id": "NO"}, "children": []},
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("transform", "word"),
    [
        (Transform.of(Encr.AES_CBC, 256), "aes256"),
        (Transform.of(Encr.AES_CTR, 128), "aes128ctr"),
        (Transform.of(Encr.AES_CCM_8, 128), "aes128ccm8"),
        (Transform.of(Encr.CHACHA20_POLY1305), "chacha20poly1305"),
        (Transform.of(Encr.TRIPLE_DES), "3des"),
        (Transform.of(Encr.NULL), "null"),
        (Transform.of(Encr(1000), 9), "encr1000"),
        (Transform.of(Prf.HMAC_SHA2_256), "prfsha256"),
        (Transform.of(Prf.HMAC_SHA1), "prfsha1"),
        (Transform.of(Prf.AES128_XCBC), "prfaes128xcbc"),
        (Transform.of(Integ.HMAC_SHA2_256_128), "sha256"),
        (Transform.of(Integ.HMAC_SHA1_96), "sha1"),
        (Transform.of(Integ.HMAC_SHA1_160), "sha1160"),
        (Transform.of(Integ.AES_XCBC_96), "aesxcbc"),
        (Transform.of(Integ.NONE), "no-integ"),
        (Transform.of(KeMethod.MODP_2048), "modp2048"),
        (Transform.of(KeMethod.ECP_256), "ecp256"),
        (Transform.of(KeMethod.CURVE25519), "x25519"),
        (Transform(TransformType.ADDKE1, KeMethod.ML_KEM_768), "ke1_mlkem768"),
        (Transform.of(Esn.YES), "esn"),
        (Transform(TransformType(99), 7), "99:7"),
    ],
)
def test_transforms_as_words(transform: Transform, word: str) -> None:
    assert summary(SA((Proposal(1, ProtocolID.IKE, (transform,)),))) == f"SA(IKE {word})"


def test_summaries() -> None:
    alternatives = Proposal(1, ProtocolID.IKE, (Transform.of(Encr.AES_CBC, 128), Transform.of(Encr.AES_CBC, 256)))
    assert summary(SA((alternatives, ESP))) == "SA(IKE aes128/aes256 | ESP aes128gcm16 no-esn)"
    assert summary(Notify(NotifyType.COOKIE)) == "N(COOKIE)"
    assert summary(Notify(NotifyType(40999))) == "N(40999)"
    assert summary(KE(KeMethod.CURVE25519, b"")) == "KE(CURVE25519)"
    assert summary(IDi(IdType.FQDN, b"moon.example")) == "IDi(moon.example)"
    assert summary(Delete(ProtocolID.ESP, (b"\1\2\3\4",))) == "D(ESP 01020304)"
    assert summary(Delete(ProtocolID.IKE)) == "D(IKE)"
    assert summary(TSi((TrafficSelector.net("10.0.0.0/8"), TrafficSelector.net("::/0")))) == "TSi(10.0.0.0/8, ::/0)"
    assert summary(CP(CfgType.REQUEST)) == "CP(REQUEST)"
    assert summary(EAP(EapPacket(EapCode.REQUEST, 1, EapType.MSCHAPV2))) == "EAP(REQUEST/MSCHAPV2)"
    assert summary(EAP(EapPacket(EapCode.SUCCESS, 1))) == "EAP(SUCCESS)"
    assert summary(SKF(PayloadType.IDI, 2, 3, b"")) == "SKF(2/3)"
    assert summary(SK(PayloadType.IDI, b"1234")) == "SK(4 bytes)"
    assert summary(Nonce(b"")) == "Nonce"
    assert summary(UnknownPayload(200, b"")) == "200"


def test_messages_in_the_notation_of_the_charts() -> None:
    payloads = (
        SA((ESP,)),
        KE(KeMethod.ECP_256, b""),
        Nonce(b""),
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, bytes(20)),
    )
    request = Message(b"\1" * 8, bytes(8), ExchangeType.IKE_SA_INIT, FLAG_INITIATOR, 0, payloads)
    response = Message(b"\1" * 8, b"\2" * 8, ExchangeType.IKE_SA_INIT, FLAG_RESPONSE, 0, payloads[:3])
    assert summary_message(request) == "IKE_SA_INIT request 0: SA, KE, Ni, N(NAT_DETECTION_SOURCE_IP)"
    assert summary_message(response) == "IKE_SA_INIT response 0: SA, KE, Nr"
    assert summary_message(Message(bytes(8), bytes(8), ExchangeType(250), 0, 7)) == "250 request 7: empty"
    tree = describe_message(request)
    assert tree["name"] == "IKE_SA_INIT"
    assert [child["name"] for child in tree["children"]] == ["SA", "KE", "Nonce", "N"]
    assert tree["fields"] == {
        "summary": summary_message(request),
        "spi_i": "01" * 8,
        "spi_r": "00" * 8,
        "version": "2.0",
        "flags": "initiator",
        "message_id": "0",
    }


def test_lies_and_reserved_bits_are_shown() -> None:
    assert fields(Nonce(b"a", critical=True, reserved=3, length=99)) == {
        "critical": "yes",
        "size": "1 bytes",
        "data": "61",
        "reserved": "0x3",
        "claimed_length": "99",
    }
    bent = Message(bytes(8), bytes(8), ExchangeType.IKE_AUTH, 0x47, 0, (), 0x31, length=5, trailing=b"zz")
    shown = describe_message(bent)["fields"]
    assert shown["claimed_length"] == "5"
    assert shown["trailing"] == "7a7a"
    assert shown["version"] == "3.1"
    assert shown["flags"] == "0x47"


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (IdType.FQDN, b"moon.example", "moon.example"),
        (IdType.RFC822_ADDR, "käyttäjä@example".encode(), "käyttäjä@example"),
        (IdType.FQDN, b"\xff\0", "ff00"),
        (IdType.IPV4_ADDR, bytes([192, 0, 2, 1]), "192.0.2.1"),
        (IdType.IPV4_ADDR, b"\1\2", "0102"),
        (IdType.IPV6_ADDR, bytes(15) + b"\1", "::1"),
        (IdType.KEY_ID, b"router", "router"),
        (IdType.KEY_ID, b"\1", "01"),
        (IdType.NULL, b"", "NULL"),
        (IdType.DER_ASN1_DN, subject().public_bytes(), "C=FI, O=Example, CN=moon.example"),
        (IdType.DER_ASN1_DN, subject().public_bytes()[:-1], subject().public_bytes()[:-1].hex()),
    ],
)
def test_identities(kind: IdType, data: bytes, text: str) -> None:
    assert fields(IDr(kind, data)) == {"type": str(kind), "id": text}


def test_certificates() -> None:
    name = "CN=moon.example,O=Example,C=FI"
    assert fields(CERT(CertEncoding.X509_SIGNATURE, certificate())) == {
        "encoding": "X509_SIGNATURE",
        "subject": name,
        "issuer": name,
        "serial": "abcd",
        "not_before": "2026-01-01T00:00:00+00:00",
        "not_after": "2027-01-01T00:00:00+00:00",
    }
    assert fields(CERT(CertEncoding.X509_SIGNATURE, b"0")) == {"encoding": "X509_SIGNATURE", "data": "30"}
    assert fields(CERT(CertEncoding.HASH_URL_X509, b"\xaa" * 20 + b"http://x/"))["url"] == "http://x/"
    assert fields(CERTREQ(CertEncoding.X509_SIGNATURE, b"\1" * 20 + b"\2" * 20)) == {
        "encoding": "X509_SIGNATURE",
        "authorities": "2",
        "hashes": "01" * 20 + ", " + "02" * 20,
    }
    assert fields(CERTREQ(CertEncoding.X509_SIGNATURE, b"\1"))["data"] == "01"


def test_authentication() -> None:
    ecdsa = bytes.fromhex("0c 300a06082a8648ce3d040302 beef")
    assert fields(AUTH(AuthMethod.DIGITAL_SIGNATURE, ecdsa)) == {
        "method": "DIGITAL_SIGNATURE",
        "algorithm": "ECDSA with SHA-256",
        "signature": "beef",
    }
    unnamed = bytes.fromhex("07 30050603550403 beef")
    assert fields(AUTH(AuthMethod.DIGITAL_SIGNATURE, unnamed))["algorithm"] == "2.5.4.3"
    assert fields(AUTH(AuthMethod.DIGITAL_SIGNATURE, b"\2\1\1"))["algorithm"] == "0101"
    assert fields(AUTH(AuthMethod.SHARED_KEY_MIC, b"\1")) == {"method": "SHARED_KEY_MIC", "data": "01"}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (CfgAttribute.INTERNAL_IP4_ADDRESS, "0a030001", "10.3.0.1"),
        (CfgAttribute.INTERNAL_IP4_NETMASK, "ffffff00", "255.255.255.0"),
        (CfgAttribute.INTERNAL_IP4_SUBNET, "0a010000ffff0000", "10.1.0.0/16"),
        (CfgAttribute.INTERNAL_IP4_SUBNET, "0a010000ff00ff00", "0a010000ff00ff00"),
        (CfgAttribute.INTERNAL_IP6_ADDRESS, "20010db8" + "00" * 11 + "0140", "2001:db8::1/64"),
        (CfgAttribute.INTERNAL_IP6_ADDRESS, "20010db8" + "00" * 11 + "01ff", "20010db8" + "00" * 11 + "01ff"),
        (CfgAttribute.SUPPORTED_ATTRIBUTES, "000100037fff", "INTERNAL_IP4_ADDRESS, INTERNAL_IP4_DNS, 32767"),
        (CfgAttribute.APPLICATION_VERSION, "6162", "ab"),
        (CfgAttribute.TIMEOUT_PERIOD_FOR_LIVENESS_CHECK, "0000003c", "60 s"),
        (CfgAttribute.INTERNAL_DNS_DOMAIN, "6578616d706c65", "example"),
        (CfgAttribute(999), "01", "01"),
    ],
)
def test_configuration(kind: CfgAttribute, value: str, text: str) -> None:
    tree = describe(CP(CfgType.REPLY, (CfgAttr(kind, bytes.fromhex(value)),)))
    assert tree["fields"] == {"type": "REPLY"}
    assert tree["children"] == [{"name": str(kind), "fields": {"value": text}, "children": []}]


def test_traffic_selectors() -> None:
    tree = describe(TSr((TrafficSelector.net("10.0.0.0/8", protocol=6, ports=(80, 80)), UnknownSelector(10, b"lbl\0"))))
    assert [child["fields"] for child in tree["children"]] == [
        {"selector": "10.0.0.0/8 tcp/80", "protocol": "6", "ports": "80-80"},
        {"selector": "SECLABEL 6c626c00", "label": "lbl"},
    ]


def test_eap() -> None:
    assert fields(EAP(EapPacket(EapCode.RESPONSE, 3, EapType.IDENTITY, b"carol"))) == {
        "code": "RESPONSE",
        "identifier": "3",
        "type": "IDENTITY",
        "identity": "carol",
    }
    assert fields(EAP(EapPacket(EapCode.RESPONSE, 3, EapType.NAK, b"\x0d\x1a")))["wanted"] == "TLS, MSCHAPV2"
    assert fields(EAP(EapPacket(EapCode.REQUEST, 3, EapType.TLS, b"\x20", length=9))) == {
        "code": "REQUEST",
        "identifier": "3",
        "type": "TLS",
        "data": "20",
        "claimed_packet_length": "9",
    }


def test_other_payloads() -> None:
    assert fields(VendorID(b"strong")) == {"data": b"strong".hex(), "text": "strong"}
    assert fields(Delete(ProtocolID.ESP, (b"\1\2\3\4", b"\5\6\7\x08"))) == {
        "protocol": "ESP",
        "spis": "01020304, 05060708",
    }
    assert fields(SKF(PayloadType.IDI, 1, 3, b"12345")) == {"inner": "IDi", "fragment": "1 of 3", "sealed": "5 bytes"}
    assert fields(Nonce(bytes(200)))["data"] == "00" * 64 + "... (200 bytes)"


def test_a_malformed_payload_says_what_is_wrong() -> None:
    data = encode_message(
        Message(bytes(8), bytes(8), ExchangeType.IKE_AUTH, 0, 1, (UnknownPayload(41, b"\0\4\x40\0a"),))
    )
    (payload,) = decode_message(data, lenient=True).payloads
    assert describe(payload) == {
        "name": "N",
        "fields": {
            "type": "NOTIFY",
            "body": "0004400061",
            "malformed": "offset 5: N.spi_size: 4, expected at most the 1 bytes left",
        },
        "children": [],
    }
    assert fields(UnknownPayload(200, b"a")) == {"type": "200", "body": "61"}
