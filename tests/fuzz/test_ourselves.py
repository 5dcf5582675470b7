"""A few inputs of each part of `ourselves`, and what it has found."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import pytest
from cryptography import x509

from conformance.crypto.revocation import lists_named_in, responders_named_in
from conformance.crypto.x509 import UNREADABLE, CertificateError, load_certificate
from conformance.fuzz.der import parse
from conformance.fuzz.making.names import certificate
from conformance.fuzz.mutators.der import Der
from conformance.ike.ikesa import IkeSa
from conformance.wire import ExchangeType, Message
from peers.reference.device import PIXIT
from suites.connections import psk
from tests.fuzz.lying import SETUPS, SLOW, Conversation, connection
from tests.fuzz.ourselves import PARTS, main, tried
from tests.ike.pair import Pair

COUNTS = {"decoder": 600, "conversations": 120, "eap": 600, "esp": 400, "certificates": 300, "writers": 40, "pages": 12}


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_raised_but_what_is_documented(part: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problems = {seed: tried(part, seed) for seed in range(COUNTS[part])}
    assert not {seed: problem for seed, problem in problems.items() if problem}


@pytest.mark.parametrize("number", range(len(SETUPS) + len(SLOW)))
def test_nobody_lies_by_default(number: int) -> None:
    pair = Pair(lambda pixit: connection(number))
    pair.establish()


def test_the_script_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decoder", "--count", "20", "--seed", "7"]) == 0
    assert "decoder: 20 inputs, 0 problems" in capsys.readouterr().out


# --- what they have found -------------------------------------------------------------------------------------------


class Silent(IkeSa):
    """Its IKE_SA_INIT messages are lost before they are sent."""

    def encode(self, message: Message) -> list[bytes]:
        return [] if message.exchange == ExchangeType.IKE_SA_INIT else super().encode(message)


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_an_opening_of_no_datagram_is_sent_as_such(side: str) -> None:
    pair = Pair()
    getattr(pair, side).sa_class = Silent
    pair.initiator.initiate()
    pair.run()
    assert not pair.initiator.established()
    pair.sleep(600.0)
    assert not pair.initiator.sas


def test_fragments_of_a_message_that_never_becomes_whole_are_forgotten() -> None:
    pair = Pair(psk(fragment_size=200))
    ours, theirs = pair.establish()
    ours.start_rekey()
    pair.initiator.collect(ours)
    pieces = pair.initiator.drain()
    assert len(pieces) > 1
    pair.responder.receive(pieces[0], pair.now)
    assert theirs.reassembly
    pair.now += theirs.connection.patience()
    pair.responder.tick(pair.now)
    assert not theirs.reassembly


def broken_certificates(count: int) -> Iterator[x509.Certificate]:
    """Certificates with an element bent that can be read all the same."""
    for random in map(Random, range(count)):
        with suppress(CertificateError):
            yield load_certificate(Der.any_bent(random, certificate(random)))


def test_extensions_that_cannot_be_read_name_nothing() -> None:
    unreadable = 0
    for found in broken_certificates(1500):
        try:
            list(found.extensions)
        except UNREADABLE:
            unreadable += 1
            assert lists_named_in(found) == responders_named_in(found) == []
    assert unreadable


def test_what_is_odd_is_read_without_a_warning() -> None:
    whole = parse(certificate(Random(1)))
    assert whole is not None
    whole.nodes[0].nodes[1].content = b"\0"  # a serial number has to be positive
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_certificate(whole.encode())
        assert len(list(broken_certificates(300))) > 50


def test_a_name_of_bits_is_refused() -> None:
    """The library says TypeError; libFuzzer found it by shuffling octets."""
    whole = parse(certificate(Random(1)))
    assert whole is not None
    texts = [one for one in whole.walk() if one.tag in (0x0C, 0x13, 0x16)]
    for one in texts:
        one.tag = 0x03
    with pytest.raises(CertificateError):
        load_certificate(whole.encode())


def test_a_conversation_is_the_same_each_time() -> None:
    first, second = Conversation(11), Conversation(11)
    first.run()
    second.run()
    assert first.wire == second.wire and first.told == second.told
    assert PIXIT.device_address in {one.destination.host for one in first.wire}
