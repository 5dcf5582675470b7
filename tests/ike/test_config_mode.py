"""Inner addresses between two endpoints without a network."""

from dataclasses import replace
from ipaddress import ip_address

from conformance.ike.core.events import ExchangeFailed
from conformance.ike.endpoint import Endpoint
from conformance.wire import NotifyType
from suites.connections import psk
from tests.ike.pair import Pair

POOL = "10.77.0.0/30"
ASKING = psk(local_ts=("0.0.0.0/0",), remote_pool=POOL, initial_contact=False)
FIRST, SECOND = (ip_address(one).packed for one in ("10.77.0.1", "10.77.0.2"))


def _errors(endpoint: Endpoint) -> list[NotifyType | None]:
    return [event.notify for event in endpoint.events if isinstance(event, ExchangeFailed)]


def test_mirroring_exchanges_who_assigns() -> None:
    pair = Pair(ASKING)
    assert (pair.initiator.connection.local_pool, pair.initiator.connection.remote_pool) == (None, POOL)
    assert (pair.responder.connection.local_pool, pair.responder.connection.remote_pool) == (POOL, None)
    assert pair.responder.connection.mirrored() == pair.initiator.connection


def test_the_initiator_gets_an_address_and_a_child_sa_for_it() -> None:
    ours, theirs = Pair(ASKING).establish()
    assert ours.virtual_address == theirs.virtual_address == FIRST
    assert [str(one) for one in ours.children[0].local_ts] == [str(one) for one in theirs.children[0].remote_ts]
    assert {(one.start, one.end) for one in ours.children[0].local_ts} == {(FIRST, FIRST)}


def test_the_address_outlives_rekeying() -> None:
    pair = Pair(ASKING)
    ours, theirs = pair.establish()
    theirs.start_rekey()
    pair.responder.collect(theirs)
    pair.run()
    ours, theirs = pair.sas()
    assert ours.virtual_address == theirs.virtual_address == FIRST
    ours.start_child("net")
    pair.initiator.collect(ours)
    pair.run()
    assert len(ours.children) == 2
    assert {(one.start, one.end) for one in ours.children[1].local_ts} == {(FIRST, FIRST)}


def test_addresses_differ_are_used_up_and_come_back() -> None:
    pair = Pair(ASKING)
    for _ in range(3):
        pair.initiator.initiate()
        pair.run()
    assert [one.virtual_address for one in pair.responder.established()] == [FIRST, SECOND, None]
    assert _errors(pair.initiator) == [NotifyType.INTERNAL_ADDRESS_FAILURE]
    first = pair.initiator.established()[0]
    first.start_delete()
    pair.initiator.collect(first)
    pair.run()
    pair.initiator.initiate()
    pair.run()
    assert pair.responder.established()[-1].virtual_address == FIRST


def test_who_does_not_ask_gets_no_child_sa() -> None:
    pair = Pair()
    pair.responder.connection = replace(pair.responder.connection, local_pool=POOL)
    ours, theirs = pair.establish()
    assert not ours.children
    assert not theirs.children
    assert _errors(pair.initiator) == [NotifyType.FAILED_CP_REQUIRED]


def test_an_initiator_insists_on_an_address() -> None:
    pair = Pair(ASKING)
    pair.responder.connection = replace(pair.responder.connection, local_pool=None)
    pair.initiator.initiate()
    pair.run()
    assert not any(sa.children for sa in pair.initiator.sas.values())
