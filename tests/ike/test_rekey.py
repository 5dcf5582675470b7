from dataclasses import replace

import pytest

from conformance.ike.core.child import loses
from conformance.ike.core.events import ChildUp, ExchangeFailed
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.wire import NotifyType
from peers.reference.device import PIXIT
from suites.connections import psk
from tests.ike.pair import Pair


def order(pair: Pair, sa: IkeSa, start: str, *arguments: object) -> None:
    getattr(sa, start)(*arguments)
    (pair.initiator if sa in pair.initiator.sas.values() else pair.responder).collect(sa)


@pytest.mark.parametrize("esp", ["aes128gcm16", "aes128gcm16-x25519", "aes128-sha256-ecp256"])
@pytest.mark.parametrize("side", [0, 1])
def test_child_rekey(esp: str, side: int) -> None:
    pair = Pair(psk(esp=(esp,)))
    sas = pair.establish()
    old = sas[side].children[0]
    order(pair, sas[side], "start_child_rekey", old)
    pair.run()
    (one,), (other,) = sas[0].children, sas[1].children
    assert one.keys == other.keys and (one.spi_in, one.spi_out) == (other.spi_out, other.spi_in)
    assert old not in (one, other)


def test_pfs_with_another_group_asked_for() -> None:
    pair = Pair(psk(esp=("aes128gcm16-x25519-ecp256",)))
    ours, theirs = pair.establish()
    theirs.connection = pair.responder.connection = psk(esp=("aes128gcm16-ecp256",))(PIXIT).mirrored()
    order(pair, ours, "start_child", "net")
    pair.run()
    assert len(ours.children) == 2 and ours.children[1].keys == theirs.children[1].keys


@pytest.mark.parametrize("side", [0, 1])
def test_ike_rekey(side: int) -> None:
    pair = Pair()
    sas = pair.establish()
    child = sas[0].children[0]
    order(pair, sas[side], "start_rekey")
    pair.run()
    ours, theirs = pair.sas()
    assert ours is not sas[0] and ours.initiator == (side == 0)
    assert ours.children == [child] and (ours.expected_id, ours.next_id) == (0, 0)
    order(pair, theirs, "start_liveness")
    pair.run()
    assert (ours.expected_id, theirs.next_id) == (1, 1)


@pytest.mark.parametrize("seed", range(6))
def test_child_rekey_collision(seed: int) -> None:
    pair = Pair(seed=seed)
    ours, theirs = pair.establish()
    order(pair, ours, "start_child_rekey", ours.children[0])
    order(pair, theirs, "start_child_rekey", theirs.children[0])
    pair.run()
    (one,), (other,) = ours.children, theirs.children
    assert one.keys == other.keys
    made = [event.child for event in pair.initiator.events if isinstance(event, ChildUp) and event.replaces]
    assert len(made) == 2 and min(one.nonces) == max(min(child.nonces) for child in made)


@pytest.mark.parametrize("seed", range(6))
def test_ike_rekey_collision(seed: int) -> None:
    pair = Pair(seed=seed)
    ours, theirs = pair.establish()
    child = ours.children[0]
    order(pair, ours, "start_rekey")
    order(pair, theirs, "start_rekey")
    pair.run()
    survivor, _ = pair.sas()
    assert survivor.children == [child]
    assert len(pair.initiator.sas) == len(pair.responder.sas) == 1


def test_child_rekey_while_the_ike_sa_is_rekeyed() -> None:
    pair = Pair()
    ours, theirs = pair.establish()
    order(pair, ours, "start_rekey")
    order(pair, theirs, "start_child_rekey", theirs.children[0])
    pair.run()
    refused = [
        event.notify for event in pair.responder.events + pair.initiator.events if isinstance(event, ExchangeFailed)
    ]
    assert NotifyType.TEMPORARY_FAILURE in refused
    assert len(pair.sas()[0].children) == 1


def test_crossing_deletes() -> None:
    pair = Pair()
    ours, theirs = pair.establish()
    order(pair, ours, "start_child_delete", ours.children[0])
    order(pair, theirs, "start_child_delete", theirs.children[0])
    pair.run()
    assert not ours.children and not theirs.children
    order(pair, ours, "start_delete")
    order(pair, theirs, "start_delete")
    pair.run()
    assert ours.state == theirs.state == State.CLOSED and not pair.initiator.sas and not pair.responder.sas


def test_lifetimes_rekey_by_themselves() -> None:
    pair = Pair(psk(lifetime=60.0), lifetime=None)
    ours, _ = pair.establish()
    pair.wait(61.0)
    assert pair.sas()[0] is not ours


def test_child_lifetime_rekeys_once() -> None:
    connection = psk()
    pair = Pair(connection)
    child = replace(pair.initiator.connection.children[0], lifetime=30.0)
    pair.initiator.connection = replace(pair.initiator.connection, children=(child,))
    ours, _ = pair.establish()
    old = ours.children[0]
    pair.wait(31.0)
    assert len(ours.children) == 1 and ours.children[0] is not old


def test_dead_peers_are_noticed() -> None:
    pair = Pair(psk(dpd_delay=10.0), dpd_delay=None)
    ours, _ = pair.establish()
    pair.wait(11.0)
    assert ours.next_id == 3 and ours.state == State.ESTABLISHED


def test_the_lowest_nonce_loses() -> None:
    assert loses((b"\x01\xff", b"\x09"), (b"\x02", b"\x03"))
    assert not loses((b"\x02", b"\x03"), (b"\x01\xff", b"\x09"))
    assert loses((b"\x02", b"\x09"), (b"\x02\x00", b"\x09"))
