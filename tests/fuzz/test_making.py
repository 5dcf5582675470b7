"""What is made from the definitions is complete: every payload, body, attribute and form of notify data; and valid."""

from __future__ import annotations

import inspect
import pkgutil
from dataclasses import is_dataclass
from importlib import import_module
from random import Random

import pytest
from cryptography import x509

import conformance.eap
import conformance.wire.payloads
from conformance.eap.layout import Body, Raw
from conformance.eap.registry import METHODS
from conformance.fuzz.forms import forms, payload_classes
from conformance.fuzz.making import chain, content, datagram, message, payload
from conformance.fuzz.making.bodies import body, body_classes
from conformance.fuzz.making.names import certificate
from conformance.fuzz.making.notifies import DATA
from conformance.fuzz.making.values import RULES, notify, value
from conformance.fuzz.mutators import SPLICE
from conformance.wire import (
    ExchangeType,
    Message,
    NotifyType,
    Payload,
    WireError,
    decode_message,
    decode_payloads,
    encode_message,
)
from conformance.wire.notify_data import KNOWN_DATA, notification_fields
from conformance.wire.values import Value


def defined(package: object, base: type) -> set[type]:
    """All classes with fields that the modules of a package define on top of a base."""
    found = set()
    for one in pkgutil.iter_modules(package.__path__):  # type: ignore[attr-defined]
        module = import_module(f"{package.__name__}.{one.name}")  # type: ignore[attr-defined]
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, base) and is_dataclass(cls) and cls.__module__ == module.__name__:
                found.add(cls)
    return found


def test_no_payload_is_missing() -> None:
    whole = {cls for cls in defined(conformance.wire.payloads, Payload) if hasattr(cls, "payload_type")}
    assert set(payload_classes()) == whole
    drawn = {type(payload(Random(seed))) for seed in range(600)}
    assert drawn == {cls for cls in whole if cls.__name__ not in ("SK", "SKF")}


def test_no_substructure_is_missing() -> None:
    held = {cls for one in payload_classes() for form in forms(one) for cls in form.classes}
    held |= {cls for one in tuple(held) for form in forms(one) for cls in form.classes}
    held |= {cls for one in tuple(held) for form in forms(one) for cls in form.classes}
    whole = defined(conformance.wire.payloads, Value) - defined(conformance.wire.payloads, Payload)
    assert held == whole


def test_a_payload_that_comes_later_needs_no_rule() -> None:
    unruled = [cls for cls in payload_classes() if cls not in RULES]
    assert unruled  # TSi, EAP ...: their fields say enough
    for cls in unruled:
        assert isinstance(value(Random(1), cls), cls)


def test_no_body_of_eap_is_missing() -> None:
    whole = defined(conformance.eap, Body)
    assert set(body_classes()) | {Raw} == {cls for cls in whole if issubclass(cls, Body)} | {Raw}
    in_methods = {cls for one in METHODS.values() for cls in (*one.requests, *one.responses)}
    assert in_methods <= set(body_classes())


def test_no_form_of_notify_data_is_missing() -> None:
    assert set(KNOWN_DATA) <= set(DATA)


@pytest.mark.parametrize("kind", sorted(KNOWN_DATA), ids=str)
def test_notify_data_has_the_form_of_its_rfc(kind: NotifyType) -> None:
    for seed in range(40):
        made = notify(Random(seed), NotifyType(kind)).data
        assert "data" not in notification_fields(kind, made) or kind == NotifyType.REDIRECT_SUPPORTED


@pytest.mark.parametrize("cls", payload_classes(), ids=lambda cls: cls.__name__)
def test_a_strict_decoder_gives_valid_payloads_back(cls: type[Payload]) -> None:
    random = Random(cls.__name__)
    for _ in range(100):
        made = Message(bytes(8), bytes(8), ExchangeType.IKE_AUTH, 8, 1, (value(random, cls),))
        assert decode_message(encode_message(made)) == made


@pytest.mark.parametrize("cls", body_classes(), ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}")
def test_its_decoder_gives_a_body_back(cls: type[Body]) -> None:
    random = Random(cls.__name__)
    for _ in range(40):
        made = body(random, cls)
        assert cls.decode(made.encode()) == made


def test_certificates_can_be_read() -> None:
    names = set()
    for seed in range(60):
        read = x509.load_der_x509_certificate(certificate(Random(seed)))
        names.add(read.subject.public_bytes())
        assert len(list(read.extensions)) == len({one.oid for one in read.extensions})
    assert len(names) > 20


def test_valid_chains_are_what_a_strict_decoder_takes() -> None:
    random = Random(5)
    for _ in range(300):
        made = message(random)
        assert decode_message(encode_message(made)) == made
        assert chain(random) is not None


def test_nearly_valid_is_mostly_refused_or_read_as_something_else() -> None:
    random, refused, read = Random(6), 0, 0
    for _ in range(400):
        first, _, told = content(random, "near").partition(":")
        try:
            decode_payloads(int(first, 16), bytes.fromhex(told))
        except WireError:
            refused += 1
        else:
            read += 1
    assert refused > 60 and read > 60


@pytest.mark.parametrize("taste", ["valid", "near", "garbage"])
def test_the_same_seed_makes_the_same_content(taste: str) -> None:
    SPLICE.stock.clear()
    made = [content(Random(seed), taste) for seed in range(50)]  # type: ignore[arg-type]
    assert made == [content(Random(seed), taste) for seed in range(50)]  # type: ignore[arg-type]
    assert len(set(made)) > 40
    assert all(len(datagram(Random(seed), taste)) < 65_507 for seed in range(200))  # type: ignore[arg-type]
