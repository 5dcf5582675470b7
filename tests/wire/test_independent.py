"""Others read what we write: scapy's dissector and Wireshark's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from scapy.contrib import ikev2
from scapy.layers.inet import IP, UDP
from scapy.packet import NoPayload, Packet, Raw
from scapy.utils import wrpcap

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
    HashAlgorithm,
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
    TSi,
    TSr,
    VendorID,
    decode_message,
    encode_message,
)
from tests.bench.bench_wire import SIZE, request
from tests.wire.test_describe import certificate

SPI_I, SPI_R = bytes(range(1, 9)), bytes(range(17, 25))

IKE = Proposal(
    1,
    ProtocolID.IKE,
    (
        Transform.of(Encr.AES_CBC, 128),
        Transform.of(Encr.AES_CBC, 256),
        Transform.of(Prf.HMAC_SHA2_256),
        Transform.of(Integ.HMAC_SHA2_256_128),
        Transform.of(KeMethod.ECP_256),
        Transform.of(KeMethod.MODP_2048),
    ),
)
AEAD = Proposal(2, ProtocolID.IKE, (Transform.of(Encr.AES_GCM_16, 256), Transform.of(Prf.HMAC_SHA2_384)))
ESP = Proposal(1, ProtocolID.ESP, (Transform.of(Encr.AES_GCM_16, 128), Transform.of(Esn.NO)), b"\xc0\xff\xee\x01")
AH = Proposal(2, ProtocolID.AH, (Transform.of(Integ.HMAC_SHA2_256_128), Transform.of(Esn.YES)), b"\xc0\xff\xee\x01")


def message(exchange: ExchangeType, flags: int, message_id: int, *payloads: Payload) -> Message:
    return Message(SPI_I, SPI_R, exchange, flags, message_id, payloads)


MESSAGES = {
    "init request": message(
        ExchangeType.IKE_SA_INIT,
        FLAG_INITIATOR,
        0,
        SA((IKE, AEAD)),
        KE(KeMethod.ECP_256, bytes(range(64))),
        Nonce(bytes(range(32))),
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, bytes(20)),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, bytes(20)),
        Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
        Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, HashAlgorithm.SHA2_256.to_bytes(2, "big")),
        VendorID(b"ikespec"),
    ),
    "init refusal": message(
        ExchangeType.IKE_SA_INIT, FLAG_RESPONSE, 0, Notify(NotifyType.INVALID_KE_PAYLOAD, b"\0\x13")
    ),
    "auth, laid open": message(
        ExchangeType.IKE_AUTH,
        FLAG_INITIATOR,
        1,
        IDi(IdType.FQDN, b"moon.example"),
        CERT(CertEncoding.X509_SIGNATURE, certificate()),
        CERTREQ(CertEncoding.X509_SIGNATURE, bytes(20)),
        IDr(IdType.IPV4_ADDR, bytes([192, 0, 2, 1])),
        AUTH(AuthMethod.SHARED_KEY_MIC, bytes(32)),
        CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS), CfgAttr(CfgAttribute.INTERNAL_IP4_DNS))),
        SA((ESP, AH)),
        TSi((TrafficSelector.net("10.1.0.0/24"), TrafficSelector.net("2001:db8::/64"))),
        TSr((TrafficSelector.range("10.2.0.1", "10.2.0.9", protocol=6, ports=(80, 443)),)),
    ),
    "eap": message(
        ExchangeType.IKE_AUTH,
        FLAG_RESPONSE,
        2,
        CP(CfgType.REPLY, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS, bytes([10, 3, 0, 1])),)),
        EAP(EapPacket(EapCode.REQUEST, 7, EapType.IDENTITY)),
    ),
    "delete": message(
        ExchangeType.INFORMATIONAL,
        FLAG_INITIATOR,
        3,
        Delete(ProtocolID.ESP, (b"\1\2\3\4", b"\5\6\7\x08")),
        Delete(ProtocolID.IKE),
        Notify(NotifyType.REKEY_SA, protocol=ProtocolID.ESP, spi=b"\xde\xad\xbe\xef"),
    ),
    "sealed": message(ExchangeType.IKE_AUTH, FLAG_INITIATOR, 1, SK(PayloadType.IDI, bytes(48))),
    "fragment": message(ExchangeType.IKE_AUTH, FLAG_INITIATOR, 1, SKF(PayloadType.IDI, 1, 2, bytes(48))),
    "liveness": message(ExchangeType.INFORMATIONAL, FLAG_INITIATOR, 4, SK(PayloadType.NO_NEXT_PAYLOAD, bytes(48))),
}

SCAPY_LAYERS = {
    "SA": ikev2.IKEv2_SA,
    "KE": ikev2.IKEv2_KE,
    "IDi": ikev2.IKEv2_IDi,
    "IDr": ikev2.IKEv2_IDr,
    "CERT": ikev2.IKEv2_CERT,
    "CERTREQ": ikev2.IKEv2_CERTREQ,
    "AUTH": ikev2.IKEv2_AUTH,
    "Nonce": ikev2.IKEv2_Nonce,
    "Notify": ikev2.IKEv2_Notify,
    "Delete": ikev2.IKEv2_Delete,
    "VendorID": ikev2.IKEv2_VendorID,
    "TSi": ikev2.IKEv2_TSi,
    "TSr": ikev2.IKEv2_TSr,
    "CP": ikev2.IKEv2_CP,
    "EAP": ikev2.IKEv2_EAP,
    "SK": ikev2.IKEv2_Encrypted,
    "SKF": ikev2.IKEv2_Encrypted_Fragment,
}


def layers(packet: Packet) -> list[Packet]:
    found = []
    while not isinstance(packet, NoPayload):
        found.append(packet)
        packet = packet.payload
    return found


@pytest.mark.parametrize("name", MESSAGES)
def test_scapy_sees_the_payloads(name: str) -> None:
    ours = MESSAGES[name]
    header, *payloads = layers(ikev2.IKEv2(encode_message(ours)))
    assert (header.init_SPI, header.resp_SPI, header.id) == (ours.spi_i, ours.spi_r, ours.message_id)
    assert (header.exch_type, int(header.flags)) == (ours.exchange, ours.flags)
    assert header.length == len(encode_message(ours))
    assert len(payloads) == len(ours.payloads)
    for layer, payload in zip(payloads, ours.payloads, strict=True):
        assert isinstance(layer, SCAPY_LAYERS[type(payload).__name__])
        assert not isinstance(layer, Raw)
        compare(layer, payload)


def compare(layer: Packet, payload: Payload) -> None:
    """The fields scapy shows are those we wrote."""
    match payload:
        case SA():
            proposals = layers(layer.prop)
            assert [each.proposal for each in proposals] == [each.number for each in payload.proposals]
            for theirs, ours in zip(proposals, payload.proposals, strict=True):
                assert (theirs.proto, bytes(theirs.SPI or b"")) == (ours.protocol, ours.spi)
                found = [(each.transform_type, each.transform_id, each.key_length) for each in layers(theirs.trans)]
                assert found == [(each.type, each.id, each.key_length) for each in ours.transforms]
        case KE():
            assert (layer.group, layer.ke) == (payload.method, payload.data)
        case Nonce():
            assert layer.nonce == payload.data
        case Notify():
            assert (layer.type, layer.proto, bytes(layer.SPI or b"")) == (payload.type, payload.protocol, payload.spi)
            assert bytes(layer.notify or b"") == payload.data or payload.type == NotifyType.SIGNATURE_HASH_ALGORITHMS
        case AUTH():
            assert (layer.auth_type, layer.load) == (payload.method, payload.data)
        case Delete():
            assert (layer.proto, layer.SPInum) == (payload.protocol, len(payload.spis))
        case TSi() | TSr():
            assert layer.number_of_TSs == len(payload.selectors)
            assert [each.start_port for each in layer.traffic_selector] == [
                each.start_port for each in payload.selectors if isinstance(each, TrafficSelector)
            ]
        case SKF():
            assert (layer.frag_number, layer.frag_total, layer.load) == (payload.number, payload.total, payload.body)
        case SK():
            assert (int(layer.next_payload), layer.load) == (payload.inner, payload.body)


@pytest.mark.parametrize("name", MESSAGES)
def test_scapy_builds_the_same_bytes(name: str) -> None:
    data = encode_message(MESSAGES[name])
    packet = ikev2.IKEv2(data)
    for layer in layers(packet):
        layer.raw_packet_cache = None
    assert packet.build() == data


def test_we_read_what_scapy_builds() -> None:
    built = (
        ikev2.IKEv2(init_SPI=SPI_I, exch_type="IKE_SA_INIT", flags="Initiator")
        / ikev2.IKEv2_SA(
            prop=ikev2.IKEv2_Proposal(
                trans_nb=2,
                trans=ikev2.IKEv2_Transform(transform_type=1, transform_id=12, length=12, key_length=128)
                / ikev2.IKEv2_Transform(transform_type=2, transform_id=5),
            )
        )
        / ikev2.IKEv2_KE(group=19, ke=b"k" * 64)
        / ikev2.IKEv2_Nonce(nonce=b"n" * 32)
        / ikev2.IKEv2_Notify(type=16390, notify=b"cookie")
    ).build()
    decoded = decode_message(built)
    transforms = (Transform.of(Encr.AES_CBC, 128), Transform.of(Prf.HMAC_SHA2_256))
    assert decoded.payloads == (
        SA((Proposal(1, ProtocolID.IKE, transforms),)),
        KE(KeMethod.ECP_256, b"k" * 64),
        Nonce(b"n" * 32),
        Notify(NotifyType.COOKIE, b"cookie"),
    )
    assert encode_message(decoded) == built


def test_the_benchmark_compares_what_it_says() -> None:
    import random

    ours = request(random.Random(1))
    data = encode_message(ours)
    assert (len(data), len(ours.payloads)) == (SIZE, 8) == (232, 8)
    assert len(layers(ikev2.IKEv2(data))) == 9


@pytest.fixture(scope="module")
def dissected(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What tshark makes of all messages, in order."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    capture: Path = tmp_path_factory.mktemp("wire") / "ike.pcap"
    wrpcap(
        str(capture),
        [
            IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=500, dport=500) / encode_message(each)
            for each in MESSAGES.values()
        ],
    )
    command = ["tshark", "-r", str(capture), "-T", "json", "--no-duplicate-keys"]
    return list(json.loads(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout))


def values(tree: object, key: str) -> list[Any]:
    """Every value under a key, anywhere in tshark's tree."""
    found: list[Any] = []
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key:
                found += value if isinstance(value, list) else [value]
            found += values(value, key)
    elif isinstance(tree, list):
        for value in tree:
            found += values(value, key)
    return found


@pytest.mark.parametrize("name", MESSAGES)
def test_tshark_finds_nothing_malformed(name: str, dissected: list[Any]) -> None:
    packet = dissected[list(MESSAGES).index(name)]["_source"]["layers"]
    assert "isakmp" in packet
    text = json.dumps(packet)
    assert "_ws.malformed" not in text
    assert "_ws.expert.message" not in text


@pytest.mark.parametrize("name", MESSAGES)
def test_tshark_sees_the_payloads(name: str, dissected: list[Any]) -> None:
    ours = MESSAGES[name]
    isakmp = dissected[list(MESSAGES).index(name)]["_source"]["layers"]["isakmp"]
    assert isakmp["isakmp.ispi"].replace(":", "") == ours.spi_i.hex()
    assert int(isakmp["isakmp.length"]) == len(encode_message(ours))
    assert int(isakmp["isakmp.messageid"], 16) == ours.message_id
    seen = [int(number) for number in values(isakmp, "isakmp.typepayload")]
    assert [number for number in seen if number > 3] == [payload.payload_type for payload in ours.payloads]
    notifies = [int(number) for number in values(isakmp, "isakmp.notify.msgtype")]
    assert notifies == [notify.type for notify in ours.notifies()]


def test_tshark_reads_our_values(dissected: list[Any]) -> None:
    init, auth = dissected[0], dissected[2]
    assert [int(each) for each in values(init, "isakmp.tf.id.encr")] == [12, 12, 20]
    assert [int(each) for each in values(init, "isakmp.tf.id.dh")] == [19, 14]
    assert values(init, "isakmp.key_exchange.dh_group") == ["19"]
    assert values(auth, "isakmp.id.data.fqdn") == ["moon.example"]
    assert values(auth, "isakmp.ts.start_ipv4") == ["10.1.0.0", "10.2.0.1"]
    assert values(auth, "isakmp.ts.end_ipv4") == ["10.1.0.255", "10.2.0.9"]
    assert values(auth, "isakmp.ts.start_ipv6") == ["2001:db8::"]
