import pytest

from conformance.ike.core.connection import Uniqueness
from conformance.ike.core.sending import State
from conformance.net.link import Datagram
from peers.reference.device import PIXIT
from suites.connections import psk
from tests.ike.pair import Pair

SECOND = "192.0.2.9"
AWAY = 60.0


def alive(pair: Pair) -> tuple[int, int]:
    return len(pair.initiator.established()), len(pair.responder.established())


def to_second(datagram: Datagram) -> bool:
    return datagram.destination.host == SECOND


@pytest.mark.parametrize("first", [True, False])
def test_reauthentication_leaves_one_new_ike_sa(first: bool) -> None:
    pair = Pair(psk(make_before_break=first))
    old, _ = pair.establish()
    pair.initiator.reauthenticate(old)
    assert (old.state is State.ESTABLISHED) and len(pair.initiator.sas) == (2 if first else 1)
    pair.run()
    new, other = pair.sas()
    assert new is not old and new.children and new.children[0].spi_in == other.children[0].spi_out


def test_the_responder_says_when_and_the_client_obeys_after_rekeys_too() -> None:
    pair = Pair(auth_lifetime=100.0)
    old, theirs = pair.establish()
    assert old.told_due == pair.now + 90 and theirs.auth_until == pair.now + 100
    theirs.start_rekey()
    pair.responder.collect(theirs)
    pair.run()
    rekeyed, _ = pair.sas()
    assert rekeyed is not old and not rekeyed.initiator and rekeyed.client
    pair.sleep(91)
    assert alive(pair) == (1, 1) and pair.sas()[0].authenticated_at > old.authenticated_at


def test_a_client_that_does_not_obey_is_sent_away() -> None:
    pair = Pair(auth_lifetime=100.0)
    ours, _ = pair.establish()
    ours.told_due = None
    pair.sleep(101)
    assert alive(pair) == (0, 0)


def test_where_reauthentication_fails_the_old_ike_sa_lives_and_it_is_tried_again() -> None:
    pair = Pair(psk(make_before_break=True))
    old, _ = pair.establish()
    pair.initiator.reauthenticate(old)
    pair.run(keep=lambda datagram: False)
    pair.initiator.tick(pair.now + AWAY)
    while len(pair.initiator.sas) > 1:
        pair.now += AWAY
        pair.initiator.tick(pair.now)
        pair.initiator.drain()
    assert pair.initiator.established() == [old] and not old.renewing and old.renew_again > pair.now


@pytest.mark.parametrize(("rule", "left"), [(Uniqueness.NOTIFIED, 2), (Uniqueness.REPLACE, 1), (Uniqueness.KEEP, 1)])
def test_a_second_ike_sa_of_one_identity(rule: Uniqueness, left: int) -> None:
    pair = Pair(psk(initial_contact=False), unique=rule)
    first, _ = pair.establish()
    pair.initiator.initiate()
    pair.run()
    assert alive(pair) == (left, left)
    assert (first in pair.initiator.established()) == (rule is not Uniqueness.REPLACE)


def test_a_client_goes_round_its_gateways_once_and_then_gives_up() -> None:
    pair = Pair(psk(backup_addresses=(SECOND,)))
    pair.initiator.initiate()
    pair.run(keep=lambda datagram: False)
    for _ in range(40):
        pair.now += 10
        pair.initiator.tick(pair.now)
        pair.run(keep=lambda datagram: False)
    hosts = [one.destination.host for one in pair.wire]
    assert list(dict.fromkeys(hosts)) == [PIXIT.device_address, SECOND]
    assert not pair.initiator.sas and hosts.count(SECOND) == 4


def test_a_lifetime_that_nobody_renews_ends_the_ike_sa() -> None:
    pair = Pair(lifetime=10.0)
    pair.establish()
    theirs = pair.responder.established()[0]
    theirs.rekey_again = pair.now + 1000
    pair.sleep(21)
    assert alive(pair) == (0, 0)
