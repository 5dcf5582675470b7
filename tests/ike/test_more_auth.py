"""Several authentications of an initiator (RFC 4739), and none at all (RFC 7619)."""

from dataclasses import replace

import pytest

from conformance.ike.core.connection import NullAuth
from conformance.ike.core.sending import State
from conformance.wire import ExchangeType, decode_header
from peers.reference.device import PIXIT
from suites.connections import Setup, certificates, eap, nobody, proving, psk
from tests.ike.pair import Pair


def rounds(pair: Pair) -> int:
    headers = (decode_header(one.payload) for one in pair.wire)
    return len({one.message_id for one in headers if one.exchange == ExchangeType.IKE_AUTH})


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        (proving(certificates(), eap("mschapv2")), 6),
        (proving(psk(), certificates("rsa")), 2),
        (proving(eap("mschapv2"), eap("md5")), 9),
        (proving(certificates(), certificates("rsa"), eap("gtc")), 6),
    ],
)
def test_one_proof_follows_the_other(setup: Setup, expected: int) -> None:
    pair = Pair(setup)
    ours, theirs = pair.establish()
    assert rounds(pair) == expected and theirs.proved == len(theirs.parties()) - 1
    assert ours.children and theirs.children


def test_who_stops_after_the_first_one_is_refused() -> None:
    pair = Pair(proving(certificates(), eap("mschapv2")))
    local = pair.initiator.connection.local
    pair.initiator.connection = replace(pair.initiator.connection, local=replace(local, further=()))
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas


def test_a_second_proof_that_is_wrong_is_refused() -> None:
    pair = Pair(proving(certificates(), psk()))
    connection = pair.initiator.connection
    second = psk(secret=b"another key")(PIXIT).local
    pair.initiator.connection = replace(connection, local=replace(connection.local, further=(second,)))
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas


@pytest.mark.parametrize(("ours", "theirs"), [(True, True), (True, False), (False, True)])
def test_nobody_needs_to_be_anybody(ours: bool, theirs: bool) -> None:
    pair = Pair(nobody(ours=ours, theirs=theirs))
    one, other = pair.establish()
    assert isinstance(one.own_party().auth, NullAuth) == ours and isinstance(other.own_party().auth, NullAuth) == theirs


def test_nobody_is_not_taken_for_somebody() -> None:
    pair = Pair(nobody(ours=True, theirs=False))
    pair.responder.connection = certificates()(PIXIT).mirrored()
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas
