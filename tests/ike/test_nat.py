"""NAT traversal of an IKE SA without a network: who is where, keepalives, what moves a peer."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NAT_KEEPALIVE, Address, Datagram
from peers.reference.device import PIXIT
from suites.connections import psk

START = 1_790_000_000.0
OUTER = "203.0.113.1"


class Pair:
    """An initiator, perhaps behind a NAT that maps its ports to ``offset`` higher ones, and a responder."""

    def __init__(self, *, translated: bool, **changes: object) -> None:
        ours = psk(**changes)(PIXIT)  # type: ignore[arg-type]
        self.translated, self.offset, self.now = translated, 20000, START
        self.initiator = Endpoint(ours, Random(1).randbytes, START)
        self.responder = Endpoint(ours.mirrored(), Random(2).randbytes, START)
        self.initiator.initiate()
        self.run()

    def run(self, spoil: Callable[[Datagram], Datagram] = lambda one: one) -> list[Datagram]:
        """Carry datagrams until there are none; those of the initiator as the responder sees them."""
        seen: list[Datagram] = []
        while True:
            out, back = self.initiator.drain(), self.responder.drain()
            if not out and not back:
                return seen
            for one in map(self.outward, out):
                seen.append(one)
                self.responder.receive(spoil(one), self.now)
            for inner in map(self.inward, back):
                if inner is not None:
                    self.initiator.receive(inner, self.now)

    def outward(self, one: Datagram) -> Datagram:
        if not self.translated:
            return one
        return replace(one, source=Address(OUTER, one.source.port + self.offset))

    def inward(self, one: Datagram) -> Datagram | None:
        if not self.translated:
            return one
        port = one.destination.port - self.offset
        ours = Address(PIXIT.tester_address, port)
        return replace(one, destination=ours) if one.destination.host == OUTER and port > 0 else None

    @property
    def sas(self) -> tuple[IkeSa, IkeSa]:
        return self.initiator.established()[0], self.responder.established()[0]

    def liveness(self, sa: IkeSa, spoil: Callable[[Datagram], Datagram] = lambda one: one) -> list[Datagram]:
        sa.start_liveness()
        (self.initiator if sa.initiator else self.responder).collect(sa)
        return self.run(spoil)


def test_without_a_nat_nobody_floats() -> None:
    ours, theirs = Pair(translated=False).sas
    assert (ours.local.port, theirs.local.port) == (500, 500)
    assert not any((ours.local_nat, ours.remote_nat, theirs.local_nat, theirs.remote_nat))
    assert ours.keepalive_due() is None


def test_behind_a_nat_both_sides_go_on_on_port_4500() -> None:
    ours, theirs = Pair(translated=True).sas
    assert (ours.local_nat, ours.remote_nat, theirs.local_nat, theirs.remote_nat) == (True, False, False, True)
    assert (ours.local.port, ours.remote.port, theirs.local.port) == (4500, 4500, 4500)
    assert theirs.remote == Address(OUTER, 24500)


def test_forced_encapsulation_looks_like_a_nat_at_the_side_that_forces() -> None:
    ours, theirs = Pair(translated=False, force_encapsulation=True).sas
    assert theirs.remote_nat and ours.remote_nat
    assert (ours.local.port, theirs.remote.port) == (4500, 4500)


def test_a_new_message_moves_the_peer_and_a_replay_does_not() -> None:
    pair = Pair(translated=True)
    ours, theirs = pair.sas
    old = pair.liveness(ours)[0]
    pair.offset = 30000
    pair.liveness(ours)
    assert theirs.remote.port == 34500
    pair.responder.receive(replace(old, source=Address(OUTER, 40000)), pair.now)
    assert theirs.remote.port == 34500


def test_a_forged_message_moves_nobody() -> None:
    pair = Pair(translated=True)
    ours, theirs = pair.sas

    def spoil(one: Datagram) -> Datagram:
        return replace(one, source=Address(OUTER, 40000), payload=one.payload[:-1] + bytes((one.payload[-1] ^ 1,)))

    pair.liveness(ours, spoil)
    assert theirs.remote == Address(OUTER, 24500)


def test_keepalives_come_in_silence_only() -> None:
    pair = Pair(translated=True, keepalive=20.0)
    ours, theirs = pair.sas
    due = ours.keepalive_due()
    assert due == pytest.approx(START + 20.0) == pair.initiator.next_timer()
    assert theirs.keepalive_due() is None
    pair.now = START + 15.0
    pair.initiator.tick(pair.now)
    assert [one.payload for one in pair.liveness(ours)] != [NAT_KEEPALIVE]
    assert ours.keepalive_due() == pytest.approx(START + 35.0)
    pair.now = START + 35.0
    pair.initiator.tick(pair.now)
    sent = pair.initiator.drain()
    ends = Address(PIXIT.tester_address, 4500), Address(PIXIT.device_address, 4500)
    assert sent == [Datagram(*ends, NAT_KEEPALIVE)]
    assert ours.keepalive_due() == pytest.approx(START + 55.0)


def test_keepalives_can_be_switched_off() -> None:
    ours, _ = Pair(translated=True, keepalive=None).sas
    assert ours.keepalive_due() is None
