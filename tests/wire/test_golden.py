"""Every payload against bytes written by hand from the figures of the RFCs."""

from __future__ import annotations

import pytest

from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    EAP,
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    FLAG_VERSION,
    KE,
    SA,
    SK,
    SKF,
    Attribute,
    AttributeType,
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
    decode_payloads,
    encode_message,
    encode_payloads,
)

IKE_PROPOSAL = Proposal(
    1,
    ProtocolID.IKE,
    (
        Transform.of(Encr.AES_CBC, 256),
        Transform.of(Prf.HMAC_SHA2_256),
        Transform.of(Integ.HMAC_SHA2_256_128),
        Transform.of(KeMethod.CURVE25519),
    ),
)
ESP_PROPOSAL = Proposal(
    2,
    ProtocolID.ESP,
    (Transform.of(Encr.AES_GCM_16, 128), Transform.of(Esn.NO), Transform(TransformType.ADDKE1, KeMethod.ML_KEM_768)),
    bytes.fromhex("c0ffee01"),
)

PAYLOADS: dict[str, tuple[Payload, str]] = {
    "SA": (
        SA((IKE_PROPOSAL, ESP_PROPOSAL)),
        """00 00 0058
           02 00 002c 01 01 00 04
             03 00 000c 01 00 000c  800e 0100
             03 00 0008 02 00 0005
             03 00 0008 03 00 000c
             00 00 0008 04 00 001f
           00 00 0028 02 03 04 03 c0ffee01
             03 00 000c 01 00 0014  800e 0080
             03 00 0008 05 00 0000
             00 00 0008 06 00 0024""",
    ),
    "SA with odd attributes": (
        SA(
            (Proposal(0, ProtocolID(9), (Transform(TransformType(99), 7, (Attribute(300, b"abc"), Attribute(1, 2))),)),)
        ),
        "00 00 001f  00 00 001b 00 09 00 01  00 00 0013 63 00 0007  012c 0003 616263  8001 0002 ",
    ),
    "SA without proposals": (SA(()), "00 00 0004"),
    "KE": (KE(KeMethod.ECP_256, b"\xab" * 4), "00 00 000c 0013 0000 abababab"),
    "IDi": (IDi(IdType.FQDN, b"moon"), "00 00 000c 02 000000 6d6f6f6e"),
    "IDr": (IDr(IdType.IPV4_ADDR, bytes([10, 0, 0, 1]), reserved2=0x010203), "00 00 000c 01 010203 0a000001"),
    "CERT": (CERT(CertEncoding.X509_SIGNATURE, b"\x30\0"), "00 00 0007 04 3000"),
    "CERTREQ": (CERTREQ(CertEncoding.X509_SIGNATURE, b"\x11" * 20), "00 00 0019 04" + "11" * 20),
    "AUTH": (AUTH(AuthMethod.SHARED_KEY_MIC, b"\x99\x98"), "00 00 000a 02 000000 9998"),
    "Nonce": (Nonce(bytes(range(16))), "00 00 0014 000102030405060708090a0b0c0d0e0f"),
    "N": (Notify(NotifyType.COOKIE, b"\x01\x02"), "00 00 000a 00 00 4006 0102"),
    "N with SPI": (
        Notify(NotifyType.REKEY_SA, protocol=ProtocolID.ESP, spi=bytes.fromhex("deadbeef")),
        "00 00 000c 03 04 4009 deadbeef",
    ),
    "D of ESP": (Delete(ProtocolID.ESP, (b"\1\2\3\4", b"\5\6\7\x08")), "00 00 0010 03 04 0002 01020304 05060708"),
    "D of IKE": (Delete(ProtocolID.IKE), "00 00 0008 01 00 0000"),
    "V": (VendorID(b"hi"), "00 00 0006 6869"),
    "TSi": (
        TSi(
            (
                TrafficSelector.net("10.1.0.0/24"),
                TrafficSelector.range("10.0.0.1", "10.0.0.9", protocol=6, ports=(80, 443)),
            )
        ),
        """00 00 0028 02 000000
           07 00 0010 0000 ffff 0a010000 0a0100ff
           07 06 0010 0050 01bb 0a000001 0a000009""",
    ),
    "TSr": (
        TSr((TrafficSelector.net("2001:db8::/64", protocol=58), UnknownSelector(10, b"lbl"))),
        """00 00 0037 02 000000
           08 3a 0028 0000 ffff 20010db8000000000000000000000000 20010db800000000ffffffffffffffff
           0a 00 0007 6c626c""",
    ),
    "CP": (
        CP(
            CfgType.REPLY,
            (
                CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS, bytes([10, 3, 0, 1])),
                CfgAttr(CfgAttribute.INTERNAL_IP4_DNS, reserved=1),
            ),
        ),
        "00 00 0014 02 000000 0001 0004 0a030001 8003 0000",
    ),
    "EAP request": (
        EAP(EapPacket(EapCode.REQUEST, 7, EapType.MSCHAPV2, b"\1\2")),
        "00 00 000b 01 07 0007 1a 0102",
    ),
    "EAP success": (EAP(EapPacket(EapCode.SUCCESS, 8)), "00 00 0008 03 08 0004"),
    "SK": (SK(PayloadType.IDI, b"sealed"), "23 00 000a 7365616c6564"),
    "SKF": (SKF(PayloadType.IDI, 1, 3, b"xy"), "23 00 000a 0001 0003 7879"),
    "unknown": (UnknownPayload(PayloadType(200), b"\xff", critical=True, reserved=5), "00 85 0005 ff"),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_payload(name: str) -> None:
    payload, expected = PAYLOADS[name]
    first, data = encode_payloads([payload])
    assert first == payload.payload_type
    assert data == bytes.fromhex(expected)
    assert decode_payloads(first, data) == (payload,)


def test_message() -> None:
    message = Message(
        bytes.fromhex("0102030405060708"),
        bytes.fromhex("1112131415161718"),
        ExchangeType.INFORMATIONAL,
        FLAG_RESPONSE | FLAG_INITIATOR,
        0x01020304,
        (Notify(NotifyType.NO_PROPOSAL_CHOSEN), Delete(ProtocolID.IKE), Nonce(b"z")),
    )
    expected = """
        0102030405060708 1112131415161718 29 20 25 28 01020304 00000031
        2a 00 0008 00 00 000e
        28 00 0008 01 00 0000
        00 00 0005 7a"""
    assert encode_message(message) == bytes.fromhex(expected)
    assert decode_message(bytes.fromhex(expected)) == message
    assert (message.is_response, message.from_initiator) == (True, True)


def test_the_frame_is_kept_whatever_it_says() -> None:
    data = bytes(16) + bytes.fromhex("00 3f f1 d7 ffffffff 0000001c")
    message = decode_message(data)
    assert (message.version, message.exchange, message.flags, message.message_id) == (0x3F, 241, 0xD7, 0xFFFFFFFF)
    assert (message.is_response, message.from_initiator, message.flags & FLAG_VERSION) == (False, False, FLAG_VERSION)
    assert encode_message(message) == data


def test_looking_for_payloads() -> None:
    cookie, hashes = Notify(NotifyType.COOKIE, b"c"), Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, b"\0\2")
    identity = IDr(IdType.KEY_ID, b"k")
    message = Message(
        bytes(8), bytes(8), ExchangeType.IKE_AUTH, 0, 1, (Nonce(b"1"), cookie, identity, hashes, Nonce(b"2"))
    )
    assert message.first(Nonce) == Nonce(b"1")
    assert message.first(IDi) is None
    assert message.all(Nonce) == (Nonce(b"1"), Nonce(b"2"))
    assert message.all(SA) == ()
    assert message.notify(NotifyType.SIGNATURE_HASH_ALGORITHMS) == hashes
    assert message.notify(NotifyType.INITIAL_CONTACT) is None
    assert message.notifies() == (cookie, hashes)


def test_traffic_selectors_as_text() -> None:
    def text(first: str, last: str, protocol: int = 0, ports: tuple[int, int] = (0, 65535)) -> str:
        return str(TrafficSelector.range(first, last, protocol=protocol, ports=ports))

    assert text("10.1.0.0", "10.1.0.255") == "10.1.0.0/24"
    assert text("10.1.0.1", "10.1.0.1", 17) == "10.1.0.1 udp"
    assert text("10.0.0.1", "10.0.0.9", 6, (80, 80)) == "10.0.0.1-10.0.0.9 tcp/80"
    assert text("0.0.0.0", "255.255.255.255", 6, (80, 90)) == "0.0.0.0/0 tcp/80-90"
    assert text("10.0.0.1", "10.0.0.2") == "10.0.0.1-10.0.0.2"
    assert text("10.0.0.9", "10.0.0.1") == "10.0.0.9-10.0.0.1"
    assert text("2001:db8::", "2001:db8::ffff", 58) == "2001:db8::/112 icmp6"
    assert text("10.0.0.0", "10.0.0.1", 200, (65535, 0)) == "10.0.0.0/31 200/opaque"
    assert text("10.0.0.0", "10.0.0.1", 0, (1, 2)) == "10.0.0.0/31 any/1-2"
    selector = TrafficSelector.net("10.1.0.0/24")
    assert (str(selector.first), str(selector.last)) == ("10.1.0.0", "10.1.0.255")
    with pytest.raises(ValueError, match="host bits"):
        TrafficSelector.net("10.1.0.1/24")
    with pytest.raises(ValueError, match="different address families"):
        TrafficSelector.range("10.0.0.1", "::1")


def test_transforms_know_their_type_and_key_length() -> None:
    assert Transform.of(Encr.AES_CTR, 192) == Transform(
        TransformType.ENCR, Encr.AES_CTR, (Attribute(AttributeType.KEY_LENGTH, 192),)
    )
    assert Transform.of(Encr.AES_CTR, 192).key_length == 192
    assert Transform.of(Encr.NULL).key_length is None
    assert Transform(TransformType.ENCR, Encr.AES_CBC, (Attribute(14, b"\0\x80"),)).key_length is None
    assert Transform.of(KeMethod.ML_KEM_768, type=TransformType.ADDKE3).type == TransformType.ADDKE3
    assert [Transform.of(each).type for each in (Prf(1), Integ(1), KeMethod(1), Esn(1))] == [2, 3, 4, 5]
    with pytest.raises(KeyError):
        Transform.of(NotifyType.COOKIE)


def test_values_can_not_be_changed() -> None:
    decoded = decode_payloads(40, bytes.fromhex("00000005 aa"))[0]
    with pytest.raises(AttributeError):
        decoded.critical = True  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del decoded.critical


def test_only_what_differs_from_the_default_is_shown() -> None:
    assert repr(Nonce(b"a")) == "Nonce(data=b'a')"
    assert repr(Notify(NotifyType(40999), length=3)) == "Notify(length=3, type=NotifyType(40999))"


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (Notify(NotifyType(65536)), "a number of N does not fit its field"),
        (Nonce(bytes(65536)), "a number of Nonce does not fit its field"),
        (CERT(CertEncoding(256), b""), "a number of CERT does not fit its field"),
        (SA((Proposal(256, ProtocolID.IKE, ()),)), "a number of SA does not fit its field"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(payload: Payload, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        encode_payloads([payload])


def test_a_header_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="IKE SPIs of 7 and 8 bytes"):
        encode_message(Message(bytes(7), bytes(8), ExchangeType.IKE_AUTH, 0, 0))
    with pytest.raises(ValueError, match="a number of the header does not fit"):
        encode_message(Message(bytes(8), bytes(8), ExchangeType.IKE_AUTH, 0, 1 << 32))
