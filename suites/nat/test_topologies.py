"""Where the NATs are: two peers behind one, one in front of the device, one at either end."""

from dataclasses import replace

from conformance.ike.core.connection import Connection
from conformance.script.peer import Peer
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import psk
from suites.create_child_sa.answers import carries, deletes_ike, successor
from suites.data_plane.steps import DATA, flows
from suites.dut import Dut
from suites.ike_auth.key_ring import peers_of
from suites.ike_auth.some_peers import HOST_KEY, KEYED, behind, gets_in, keyed, part
from suites.nat.steps import (
    behind_nat,
    device_behind_nat,
    forward_ports,
    must_stay,
    opened,
    own_request,
    settle,
    two_homes,
)
from suites.purpose import purpose
from suites.several import side_by_side

NAT, DELETES = Capability.NAT_T, Capability.DELETE_IKE


# --- two peers behind one NAT -----------------------------------------------------------------------------------------


@purpose("nat-two-peers", "RFC7296-2.11-2", "RFC7296-2.23-3", role="responder", needs=(NAT,))
def test_two_peers(peer: Peer) -> None:
    """Two peers with the same inner address behind one NAT have an IKE SA each; only their outer ports differ."""
    with two_homes(peer) as homes:
        first, second = (one.establish() for one in homes)
        with side_by_side(first, second):
            for sa in (first, second, first, second):
                sa.must_be_up("RFC7296-2.11-2")
            first.delete()
            second.must_be_up("RFC7296-2.11-2", "the other peer's IKE SA is still there")


@purpose("nat-two-peers-at-once", "RFC7296-2.11-2", "RFC7296-2.1-11", role="responder", needs=(NAT,))
def test_two_peers_at_once(peer: Peer) -> None:
    """The IKE SAs of two peers with the same inner address are made step by step at the same time."""
    with two_homes(peer) as homes:
        both = [one.sa() for one in homes]
        for sa in both:
            sa.init()
        with side_by_side(*both):
            for sa in reversed(both):
                sa.auth()
                sa.must_be_established("RFC7296-2.11-2")
            for sa in both:
                sa.must_be_up("RFC7296-2.11-2")


def two_branches(pixit: Pixit) -> Connection:
    """Two peers with names, keys and networks of their own; the device cannot take one for the other."""
    plain = psk()(pixit)
    second = keyed(behind(plain, part(pixit, 1), "second"), "second.ikespec.example", HOST_KEY)
    return replace(behind(plain, part(pixit, 0), plain.name), beside=(second,))


@purpose(
    "nat-two-peers-traffic", "RFC3948-2.1-1", "RFC4301-4.4.1-2", "RFC7296-2.11-2", role="responder",
    needs=(*KEYED, NAT, DATA),
    connection=two_branches,
)  # fmt: skip
def test_two_peers_traffic(peer: Peer) -> None:
    """Behind each of two peers with the same address is a network of its own: each gets what is for its network.

    From outside only their ports differ, of IKE and of ESP in UDP. When one of them has gone the other goes on.
    """
    with two_homes(peer) as homes:
        sas = [gets_in(home, one, "RFC7296-2.11-2") for home, one in zip(homes, peers_of(peer), strict=True)]
        for home in (*homes, *homes):
            flows(home, requirement="RFC3948-2.1-1")
        sas[0].delete()
        flows(homes[1], requirement="RFC3948-2.1-1")


@purpose("nat-two-peers-same-spi", "RFC7296-2.1-11", role="responder", needs=(NAT,), without=("response",))
def test_two_peers_same_spi(peer: Peer) -> None:
    """Two peers behind one NAT choose the same initiator SPI by chance: they are two peers nevertheless."""
    with two_homes(peer) as homes:
        first, second = (one.sa() for one in homes)
        homes[1].sas.clear()
        second.spi_i = first.spi_i
        homes[1].register(second)
        answers = [first.init(), second.init()]
        spis = {answer.spi_r for answer in answers}
        homes[0].check(len(spis) == 2, "a new responder SPI for the second peer", answers[1], "RFC7296-2.1-11")
        for sa in (first, second):
            sa.auth()
            sa.must_be_established("RFC7296-2.1-11")
            sa.must_be_up("RFC7296-2.1-11")


# --- the device is behind a NAT ---------------------------------------------------------------------------------------


@purpose(
    "nat-device-behind", "RFC7296-2.23-4", "RFC7296-2.23-16", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_device_behind(peer: Peer, dut: Dut) -> None:
    """A device behind a NAT that forwards ports answers, and goes on from port 4500 of the NAT."""
    device_behind_nat(peer, dut, forwarding=True)
    sa = opened(peer, "RFC7296-2.23-16")
    sa.auth()
    sa.must_be_established("RFC7296-2.23-16")
    peer.check(sa.remote.port == peer.connection.remote_ports[1], "IKE on port 4500", sa.remote, "RFC7296-2.23-4")
    sa.must_be_up()
    must_stay(sa, "RFC7296-2.23-4")
    carries(peer, dut)
    own_request(dut, sa, "RFC7296-2.23-4")


@purpose(
    "nat-device-behind-initiator", "RFC7296-2.23-21", "RFC7296-2.23-20", role="initiator", needs=(NAT, DELETES)
)  # fmt: skip
def test_device_behind_initiator(peer: Peer, dut: Dut) -> None:
    """A device behind a NAT that maps each of its ports to another one initiates and floats to our port 4500."""
    device_behind_nat(peer, dut, forwarding=False)
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    auth = sa.expect_request(ExchangeType.IKE_AUTH)
    peer.check(auth.destination.port == peer.connection.local_ports[1], "IKE_AUTH to port 4500", auth.destination)
    sa.answer(auth)
    sa.must_be_established("RFC7296-2.23-21")
    peer.pause()
    sa.liveness()
    sa.rekey_child()
    sa.liveness()
    must_stay(sa, "RFC7296-2.23-4")
    own_request(dut, sa, "RFC7296-2.23-4")


@purpose("nat-device-rebind", "RFC7296-2.23-21", "RFC7296-2.11-3", role="initiator", needs=(NAT, DELETES))
def test_device_rebind(peer: Peer, dut: Dut) -> None:
    """The NAT in front of the device forgets its mapping; the device's next request comes from another port."""
    mappings = device_behind_nat(peer, dut, forwarding=False)
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established("RFC7296-2.23-21")
    peer.pause()
    sa.liveness()
    must_stay(sa, "RFC7296-2.23-21")
    here, before = sa.local, sa.remote
    settle(peer)
    mappings.rebind()
    dut.delete_ike()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike)
    peer.check(request.source != before, "a request from the new mapping", request.source)
    peer.check(request.destination == here, f"a request to {here}", request.destination)
    sa.answer(request)


# --- NATs at both ends ------------------------------------------------------------------------------------------------


@purpose("nat-both-ends", "RFC7296-2.23-4", "RFC7296-2.23-16", role="responder", needs=(NAT, DELETES))
def test_both_ends(peer: Peer, dut: Dut) -> None:
    """The peer is behind a NAT, and the device behind one that forwards ports."""
    device_behind_nat(peer, dut, forwarding=True)
    behind_nat(peer, dut)
    sa = opened(peer, "RFC7296-2.23-16")
    sa.auth()
    sa.must_be_established("RFC7296-2.23-16")
    if Capability.REKEY_IKE in dut.device.capabilities:
        with peer.preamble("our rekey of the IKE SA"):
            sa = successor(peer, sa)
    sa.must_be_up()
    must_stay(sa, "RFC7296-2.23-4")
    carries(peer, dut)
    own_request(dut, sa, "RFC7296-2.23-4")


@purpose("nat-forwarded-initiator", "RFC7296-2.23-21", "RFC7296-2.23-20", role="initiator", needs=(NAT, DELETES))
def test_forwarded_initiator(peer: Peer, dut: Dut) -> None:
    """The device initiates to a peer behind a NAT that forwards ports: the peer's source digest does not fit."""
    forward_ports(peer, behind_nat(peer, dut))
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    auth = sa.expect_request(ExchangeType.IKE_AUTH)
    peer.check(auth.destination.port == peer.connection.local_ports[1], "IKE_AUTH to port 4500", auth.destination)
    sa.answer(auth)
    sa.must_be_established("RFC7296-2.23-21")
    peer.pause()
    sa.liveness()
    must_stay(sa, "RFC7296-2.23-4")
    own_request(dut, sa, "RFC7296-2.23-4")
