"""One strategy for each thing on the wire, valid, nearly valid and garbage; nothing that they give hurts a decoder."""

from __future__ import annotations

import contextlib
from dataclasses import fields, is_dataclass

import pytest
from cryptography import x509
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from conformance.eap.layout import Body
from conformance.fuzz.forms import forms, payload_classes
from conformance.fuzz.making.bodies import body_classes
from conformance.fuzz.making.notifies import DATA
from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators import MUTATORS, bend
from conformance.fuzz.strategies import esp, wire
from conformance.ipsec.errors import IpsecError
from conformance.ipsec.esp import decapsulate
from conformance.wire import (
    SA,
    EapPacket,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    Transform,
    WireError,
    decode_message,
    encode_message,
)
from tests.ipsec.making import pair
from tests.wire.test_hostile import survives

FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(wire.messages("valid"))
def test_valid_messages_come_back(message: Message) -> None:
    assert decode_message(encode_message(message)) == message


@settings(max_examples=100)
@given(st.sampled_from(["valid", "near", "garbage"]).flatmap(wire.datagrams))  # type: ignore[arg-type]
def test_no_datagram_hurts_the_decoder(data: bytes) -> None:
    if len(data) >= 28:
        survives(data)


@pytest.mark.parametrize("kind", ["valid", "near", "garbage"])
@pytest.mark.parametrize("cls", payload_classes(), ids=lambda cls: cls.__name__)
def test_each_payload(cls: type[Payload], kind: str) -> None:
    @settings(FEW, max_examples=12)
    @given(wire.payloads(kind, cls))  # type: ignore[arg-type]
    def run(payload: Payload) -> None:
        message = Message(bytes(8), bytes(8), ExchangeType.IKE_AUTH, 8, 1, (payload,))
        if kind == "valid":
            assert type(payload) is cls and decode_message(encode_message(message)) == message
        else:
            survives(encode_message(message))

    run()


SUBSTRUCTURES = sorted(
    {cls for one in payload_classes() for form in forms(one) for held in form.classes for cls in (held,)}
    | {cls for form in forms(Proposal) for cls in form.classes}
    | {cls for form in forms(Transform) for cls in form.classes},
    key=lambda cls: cls.__name__,
)


@pytest.mark.parametrize("kind", ["valid", "near", "garbage"])
@pytest.mark.parametrize("cls", SUBSTRUCTURES, ids=lambda cls: cls.__name__)
def test_each_substructure_can_be_written(cls: type, kind: str) -> None:
    @settings(FEW, max_examples=12)
    @given(wire.encodings(cls, kind))  # type: ignore[arg-type]
    def run(data: bytes) -> None:
        assert isinstance(data, bytes)

    run()


@pytest.mark.parametrize("kind", sorted(DATA), ids=str)
def test_each_notify(kind: NotifyType) -> None:
    @settings(FEW, max_examples=8)
    @given(wire.notifies("valid", kind), wire.notifies("near", kind))
    def run(right: Notify, wrong: Notify) -> None:
        assert right.type == kind
        survives(encode_message(Message(bytes(8), bytes(8), ExchangeType.INFORMATIONAL, 8, 1, (right, wrong))))

    run()


@pytest.mark.parametrize("cls", body_classes(), ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}")
def test_each_body_of_eap(cls: type[Body]) -> None:
    @settings(FEW, max_examples=8)
    @given(wire.eap_bodies(cls))
    def run(body: Body) -> None:
        assert cls.decode(body.encode()) == body

    run()


@FEW
@given(wire.eap_packets("valid"), wire.eap_packets("near"), wire.eap_packets("garbage"))
def test_eap_packets(right: EapPacket, wrong: EapPacket, garbage: EapPacket) -> None:
    assert EapPacket.decode(right.encode()) == right
    for one in (wrong, garbage):
        with contextlib.suppress(WireError):
            EapPacket.decode(one.encode())


@FEW
@given(wire.certificates("valid"), wire.certificates("near"), wire.certificates("garbage"))
def test_certificates(right: bytes, wrong: bytes, garbage: bytes) -> None:
    assert x509.load_der_x509_certificate(right).subject is not None
    for one in (wrong, garbage):
        with contextlib.suppress(ValueError, TypeError, x509.InvalidVersion):
            x509.load_der_x509_certificate(one)


@FEW
@given(wire.fragments("valid"), wire.fragments("near"), wire.fragments("garbage"))
def test_fragments(right: tuple[object, ...], wrong: tuple[object, ...], garbage: tuple[object, ...]) -> None:
    numbers = [one.number for one in right]  # type: ignore[attr-defined]
    assert numbers == list(range(1, len(right) + 1))
    assert all(is_dataclass(one) and fields(one) for one in (*wrong, *garbage))


@FEW
@given(
    esp.esp_packets(lambda: pair()[0], "valid"),
    esp.esp_packets(lambda: pair()[0], "near"),
    esp.esp_packets(lambda: pair()[0], "garbage"),
)
def test_esp_packets(right: bytes, wrong: bytes, garbage: bytes) -> None:
    assert decapsulate(pair()[1], right).next_header in (4, 41)
    for one in (wrong, garbage):
        with contextlib.suppress(IpsecError):
            decapsulate(pair()[1], one)


def test_what_is_found_is_made_small() -> None:
    smallest = find(wire.values(SA), lambda one: len(one.proposals) > 1)
    assert sum(1 + len(one.transforms) for one in smallest.proposals) <= 4


def test_mutations_bend_at_all_places() -> None:
    message = Message(bytes(8), bytes(8), ExchangeType.IKE_AUTH, 8, 1, (SA(()),))
    for wanted in ("payloads", "plaintext", "ciphertext", "datagram"):

        def fits(one: Mutation, wanted: str = wanted) -> bool:
            return MUTATORS[one.mutator].place == wanted

        assert bend(find(wire.mutations(message), fits)).text


def test_garbage_is_no_value() -> None:
    with pytest.raises(ValueError, match="expected valid or near"):
        wire.values(SA, "garbage")
