"""Each lie changes exactly the bytes of its field and nothing else."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from conformance.fuzz.forms import family, sample
from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    EAP,
    KE,
    SA,
    SK,
    SKF,
    Attribute,
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
    IdType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    PayloadType,
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
    WireError,
    decode_message,
    encode_message,
    encode_payloads,
)
from conformance.wire.values import Value

TRANSFORM = Transform.of(Encr.AES_CBC, 128)
PROPOSAL = Proposal(1, ProtocolID.ESP, (TRANSFORM, Transform.of(Esn.NO)), b"spi!")
SELECTOR = TrafficSelector.net("10.0.0.0/8")
EVERY: tuple[Payload, ...] = (
    SA((PROPOSAL,)),
    KE(KeMethod.ECP_256, b"12"),
    IDi(IdType.FQDN, b"a"),
    CERT(CertEncoding.CRL, b"a"),
    CERTREQ(CertEncoding.CRL, b"a"),
    AUTH(AuthMethod.NULL, b"a"),
    Nonce(b"n"),
    Notify(NotifyType.COOKIE, b"c"),
    Delete(ProtocolID.ESP, (b"aaaa",)),
    VendorID(b"v"),
    TSi((SELECTOR,)),
    TSr((SELECTOR,)),
    CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP4_DNS),)),
    EAP(EapPacket(EapCode.REQUEST, 1, EapType.IDENTITY)),
    SK(PayloadType.IDI, b"s"),
    SKF(PayloadType.IDI, 1, 2, b"s"),
    UnknownPayload(200, b"u"),
)


def changes(truth: Payload, lie: Payload) -> dict[int, tuple[int, int]]:
    """Offset -> byte of the truth and byte of the lie."""
    _, told = encode_payloads([truth])
    _, lied = encode_payloads([lie])
    assert len(told) == len(lied)
    return {place: pair for place, pair in enumerate(zip(told, lied, strict=True)) if pair[0] != pair[1]}


@pytest.mark.parametrize("payload", EVERY, ids=lambda payload: type(payload).__name__)
def test_the_generic_header_of_every_payload(payload: Payload) -> None:
    size = len(encode_payloads([payload])[1])
    following = int(payload.inner) if isinstance(payload, SK | SKF) else 0
    assert changes(payload, replace(payload, length=0x0102)) == {2: (0, 1), 3: (size, 2)}
    assert changes(payload, replace(payload, length=size)) == {}
    assert changes(payload, replace(payload, next_payload=99)) == {0: (following, 99)}
    assert changes(payload, replace(payload, critical=True)) == {1: (0, 0x80)}
    assert changes(payload, replace(payload, reserved=0x7F)) == {1: (0, 0x7F)}


PROPOSAL_LIES = [
    (replace(PROPOSAL, last=9), {4: (0, 9)}),
    (replace(PROPOSAL, reserved=9), {5: (0, 9)}),
    (replace(PROPOSAL, length=9), {7: (32, 9)}),
    (replace(PROPOSAL, spi_size=9), {10: (4, 9)}),
    (replace(PROPOSAL, transform_count=9), {11: (2, 9)}),
    (replace(PROPOSAL, transforms=(replace(TRANSFORM, last=9), PROPOSAL.transforms[1])), {16: (3, 9)}),
    (replace(PROPOSAL, transforms=(replace(TRANSFORM, reserved1=9), PROPOSAL.transforms[1])), {17: (0, 9)}),
    (replace(PROPOSAL, transforms=(replace(TRANSFORM, length=9), PROPOSAL.transforms[1])), {19: (12, 9)}),
    (replace(PROPOSAL, transforms=(replace(TRANSFORM, reserved2=9), PROPOSAL.transforms[1])), {21: (0, 9)}),
    (replace(PROPOSAL, transforms=(TRANSFORM, replace(Transform.of(Esn.NO), last=3))), {28: (0, 3)}),
]


@pytest.mark.parametrize(("lie", "expected"), PROPOSAL_LIES)
def test_proposals_and_transforms(lie: Proposal, expected: dict[int, tuple[int, int]]) -> None:
    assert changes(SA((PROPOSAL,)), SA((lie,))) == expected


def with_attribute(attribute: Attribute) -> SA:
    return SA((Proposal(1, ProtocolID.IKE, (Transform(TransformType.ENCR, Encr.AES_CBC, (attribute,)),)),))


def test_substructures() -> None:
    truth = Attribute(14, b"12")
    assert changes(with_attribute(truth), with_attribute(replace(truth, length=9))) == {23: (2, 9)}
    assert changes(TSi((SELECTOR,)), TSi((SELECTOR,), count=9)) == {4: (1, 9)}
    assert changes(TSi((SELECTOR,)), TSi((SELECTOR,), reserved2=0x010203)) == {5: (0, 1), 6: (0, 2), 7: (0, 3)}
    assert changes(TSr((SELECTOR,)), TSr((replace(SELECTOR, length=9),))) == {11: (16, 9)}
    label = UnknownSelector(10, b"l")
    assert changes(TSr((label,)), TSr((replace(label, length=9),))) == {11: (5, 9)}
    attribute = CfgAttr(CfgAttribute.INTERNAL_IP4_DNS, b"1234")
    truth_cp = CP(CfgType.SET, (attribute,))
    assert changes(truth_cp, CP(CfgType.SET, (replace(attribute, length=9),))) == {11: (4, 9)}
    assert changes(truth_cp, CP(CfgType.SET, (replace(attribute, reserved=1),))) == {8: (0, 0x80)}
    notify = Notify(NotifyType.REKEY_SA, b"", ProtocolID.ESP, b"spi!")
    assert changes(notify, replace(notify, spi_size=9)) == {5: (4, 9)}
    delete = Delete(ProtocolID.ESP, (b"aaaa",))
    assert changes(delete, replace(delete, spi_size=9)) == {5: (4, 9)}
    assert changes(delete, replace(delete, count=9)) == {7: (1, 9)}
    packet = EapPacket(EapCode.REQUEST, 1, EapType.IDENTITY)
    assert changes(EAP(packet), EAP(replace(packet, length=9))) == {7: (5, 9)}


def test_the_header_of_the_message() -> None:
    truth = Message(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 8, 0, (Nonce(b"n"),))
    told = encode_message(truth)
    lied = encode_message(replace(truth, length=0x01020304, next_payload=99, trailing=b"rest"))
    assert lied == told[:16] + b"\x63" + told[17:24] + b"\1\2\3\4" + told[28:] + b"rest"


@pytest.mark.parametrize(
    "lie",
    [
        Message(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 8, 0, (Nonce(b"n"),), length=5),
        Message(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 8, 0, (Nonce(b"n"),), trailing=b"rest"),
        Message(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 8, 0, (), next_payload=40),
        Message(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 8, 0, (Nonce(b"n"), Nonce(b"m", next_payload=40))),
        Message(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 8, 0, (UnknownPayload(200, b"abc", length=99),)),
        Message(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 8, 0, (UnknownPayload(200, b"abc", length=2),)),
    ],
)
def test_lies_a_lenient_decoder_reads_back(lie: Message) -> None:
    data = encode_message(lie)
    assert decode_message(data, lenient=True) == lie
    with pytest.raises(WireError):
        decode_message(data)


@pytest.mark.parametrize(
    "lie",
    [
        Delete(ProtocolID.ESP, spi_size=0),
        Delete(ProtocolID.ESP, spi_size=0, count=7),
        Delete(ProtocolID.ESP, spi_size=9),
        Delete(ProtocolID.IKE, spi_size=4),
        Delete(ProtocolID.IKE, count=2),
    ],
)
def test_lies_a_strict_decoder_reads_back_because_no_length_contradicts_them(lie: Delete) -> None:
    message = Message(bytes(8), bytes(8), ExchangeType.INFORMATIONAL, 0, 2, (lie,))
    assert decode_message(encode_message(message)) == message


VALUES = [cls for cls in family(Value) if cls.__module__.startswith("conformance.wire.") and is_dataclass(cls)]


@pytest.mark.parametrize("cls", VALUES, ids=lambda cls: cls.__name__)
def test_values_made_quickly_are_those_of_the_constructor(cls: type[Any]) -> None:
    value = sample(cls)
    given = {item.name: getattr(value, item.name) for item in fields(cls)}
    assert cls.make(**given) == cls(**given) == value


def test_what_is_remembered_of_a_payload_is_that_payload_in_that_place() -> None:
    nonce, notify = Nonce(bytes(32)), Notify(NotifyType.COOKIE, b"x")
    orders = [(nonce, notify), (notify, nonce), (nonce,), (nonce, nonce, notify), (nonce, notify)]
    for order in (*orders, *orders):
        anew = [replace(one) for one in order]
        assert encode_payloads(order) == encode_payloads(anew)
        assert encode_payloads(order, last_next=33) == encode_payloads(anew, last_next=33)
