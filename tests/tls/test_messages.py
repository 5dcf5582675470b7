"""Handshake messages as values, and what OpenSSL and tlslite-ng make of every wrong field of them."""

from collections import Counter
from collections.abc import Callable
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.eap.layout import Body, Length, Raw
from conformance.eap.sweep import variations
from conformance.tls import TlsBend, TlsEngine, TlsVersion
from conformance.tls.messages import (
    FORMS,
    CertificateVerify,
    ClientKeyExchange,
    Finished,
    Record,
    ServerKeyExchange,
    bend_message,
    bend_record,
    read_message,
)
from conformance.wire.errors import WireError
from tests.tls.pair import client, pair, server

PROVING = (ServerKeyExchange, ClientKeyExchange, CertificateVerify, Finished)
"""No octet of these can be changed; what is added begins another message."""
EVERY = sorted({form for forms in FORMS.values() for form in forms} | {Record}, key=lambda form: form.__name__)
each_version = pytest.mark.parametrize("version", list(TlsVersion))


def bent_pair(version: TlsVersion, of_client: bool, bend: TlsBend) -> tuple[TlsEngine, TlsEngine]:
    """A handshake with certificates on both sides, in which the messages of one side are bent; the other is OpenSSL."""
    mine, others = ({"bend": bend}, {"engine": "openssl"})
    return pair(
        client(versions=(version,), **(mine if of_client else others)), server(**(others if of_client else mine))
    )


def watched(version: TlsVersion) -> list[tuple[bool, bytes]]:
    """The messages of each side to OpenSSL, and whether it was the client."""
    found: list[tuple[bool, bytes]] = []

    def seen(of_client: bool) -> TlsBend:
        def message(octets: bytes) -> bytes:
            found.append((of_client, octets))
            return octets

        return TlsBend("", message=message)

    for of_client in (True, False):
        ours, theirs = bent_pair(version, of_client, seen(of_client))
        assert ours.done
        assert theirs.done
    return found


@each_version
def test_every_message_of_a_handshake_is_read_and_comes_back(version: TlsVersion) -> None:
    forms = set()
    for _, octets in watched(version):
        body = read_message(octets, version)
        forms.add(type(body))
        assert body.encode() == octets
        assert sum(span.length for span in body.spans()) == len(octets)
    assert Raw not in forms
    assert forms == set(FORMS[version])


@pytest.mark.parametrize("form", EVERY)
def test_an_example_of_each_comes_back(form: type[Body]) -> None:
    example = form()
    assert form.decode(example.encode()) == example
    assert not [span for span in example.spans() if isinstance(span.spec, Length) and getattr(example, span.name)]


@pytest.mark.parametrize("form", EVERY)
@settings(max_examples=30)
@given(data=st.binary(max_size=80), more=st.binary(max_size=20))
def test_any_octets_are_a_message_or_an_error(form: type[Body], data: bytes, more: bytes) -> None:
    for octets in (data, form().encode()[:1] + data, form().encode() + more, form().encode()[: len(data)]):
        try:
            assert form.decode(octets).encode() == octets
        except WireError as error:
            assert str(error)


class Bent:
    """Applies a bend, and knows whether it changed anything: some signatures are as long as others are said to be."""

    def __init__(self, bend: TlsBend) -> None:
        assert bend.message is not None
        self.message, self.changed = bend.message, False
        self.bend = TlsBend(bend.text, message=self)

    def __call__(self, octets: bytes) -> bytes:
        found = self.message(octets)
        self.changed = self.changed or found != octets
        return found


@each_version
def test_no_wrong_message_leads_to_different_keys(
    version: TlsVersion, record_property: Callable[[str, object], None]
) -> None:
    """Each message of ours bent, against OpenSSL: an error, patience, or the same keys; never an exception."""
    counts: Counter[str] = Counter()
    for of_client, octets in watched(version):
        example = read_message(octets, version)
        for one in variations(example):
            if crc32(f"{type(example).__name__} {one.text}".encode()) % 32:
                continue
            bent = Bent(bend_message(type(example), version, one))
            ours, theirs = bent_pair(version, of_client, bent.bend)
            both = ours.done and theirs.done and not ours.error and not theirs.error
            counts["taken" if both else "refused" if ours.error or theirs.error else "waiting"] += 1
            if both and bent.changed:
                assert type(example) not in PROVING or "added" in one.text, bent.bend.text
                assert ours.export(b"x", b"", 8) == theirs.export(b"x", b"", 8), bent.bend.text
    assert counts["refused"] > 20
    record_property(f"wrong handshake messages of {version} tried", sum(counts.values()))
    record_property(f"of which {version} was taken", counts["taken"])


def test_a_wrong_record_is_refused_or_waited_for() -> None:
    for one in variations(Record(fragment=bytes(9))):
        if one.text.startswith(("cut off", "fragment", "length", "1 octets")):
            _, theirs = pair(client(bend=bend_record(0, one)), server())
            assert not theirs.done, one.text
