"""Which SA carries a packet: overlapping policies have an order, and an SPI belongs to whoever receives on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from conformance.ike.core.connection import Connection
from conformance.net.shared import Shared
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import psk, usual
from suites.data_plane.steps import DATA, flows, moved
from suites.dut import Dut
from suites.ike_auth.key_ring import comes, peers_of
from suites.ike_auth.some_peers import HOST_KEY, KEYED, behind, keyed, part
from suites.purpose import purpose

TIER = "full"
ORDER, OWN_SPI = "RFC4301-4.4.1-3", "RFC4303-2.1-2"
SPI = bytes.fromhex("c5050505")


def overlapping(pixit: Pixit) -> Connection:
    """A Child SA for a part of our network, and behind it one for the whole."""
    whole = usual()(pixit)
    first = whole.children[0]
    return replace(whole, children=(replace(first, name="part", local_ts=(part(pixit, 1),)), first))


@purpose(
    "data-overlapping", ORDER, "RFC4301-4.4.1-2", role="responder", needs=(DATA, Capability.MULTIPLE_CHILDREN),
    connection=overlapping,
)  # fmt: skip
def test_overlapping(peer: Peer) -> None:
    """Two Child SAs overlap, and the policy for the part comes first: what is for the part goes through its SA.

    The rest goes through the other one, in whichever order the two are made.
    """
    small, wide = peer.connection.children
    for order in ((small, wide), (wide, small)):
        sa = peer.establish(children=order)
        with peer.preamble("a Child SA for the part and one for the whole network"):
            sa.create_child(order[1].name)
            peer.check(len(sa.children) == 2, "a second Child SA", sa.problem or "none")
            as_asked = [one.local_ts for one in sa.children]
            peer.check(len(set(as_asked)) == 2, "each with its own selectors", as_asked)
        for child in (*sa.children, *sa.children):
            moved(peer, child, ORDER)
        sa.delete()


def two_addresses(pixit: Pixit) -> Connection:
    """Two peers with names, keys, networks and addresses of their own."""
    if pixit.tester_spare is None:
        raise NotApplicable("the tester has one address only")
    plain = psk()(pixit)
    second = keyed(behind(plain, part(pixit, 1), "second"), "second.ikespec.example", HOST_KEY)
    second = replace(second, local_address=pixit.tester_spare)
    return replace(behind(plain, part(pixit, 0), plain.name), beside=(second,))


@contextmanager
def two_hosts(peer: Peer) -> Iterator[tuple[Peer, Peer]]:
    """The peer and another one at our second address. Both write into one trace."""
    known = peers_of(peer)
    addresses = [one.local_address for one in known]
    assert addresses[0] is not None and addresses[1] is not None
    shared = Shared(peer.link, addresses[0], addresses[1])
    peer.link = shared.hosts[addresses[0]]
    connection = replace(peer.connection, local_address=addresses[1], initial_contact=False)
    other = Peer(shared.hosts[addresses[1]], connection, peer.random, peer.response_timeout)
    other.trace = peer.trace
    try:
        yield peer, other
    finally:
        peer.sas.update(other.sas)  # for the keys in the evidence


@purpose(
    "data-same-spi", OWN_SPI, "RFC4301-4.4.1-2", role="responder", needs=(*KEYED, DATA), connection=two_addresses
)  # fmt: skip
def test_same_spi(peer: Peer, dut: Dut) -> None:
    """Two peers happen to receive on the same SPI: each gets what is for its network, with its own keys.

    Whoever receives chooses the SPI, and the two know nothing of each other. When one has gone the other goes on.
    """
    if dut.nat is not None:
        raise NotApplicable("the second address of a NAT is not ours")
    with two_hosts(peer) as hosts:
        sas = []
        for host, one in zip(hosts, peers_of(peer), strict=True):
            sa = comes(host, one)
            sa.child_spis = (SPI,)
            sa.auth()
            peer.check(sa.children, f"a Child SA for {one.children[0].local_ts[0]}", sa.problem or "none", OWN_SPI)
            sas.append(sa)
        for host in (*hosts, *hosts):
            flows(host, requirement=OWN_SPI)
        sas[0].delete()
        flows(hosts[1], requirement=OWN_SPI)
