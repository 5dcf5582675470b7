"""GRE over IPsec in every mode and pair of IP versions, beside other Child SAs, and of several peers behind one NAT."""

from dataclasses import replace

from conformance.ike.core.connection import ChildConfig, Connection, GreTunnel, Mode
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.data_plane.sizes import measured
from suites.data_plane.steps import DATA, THROUGH, flows, moved
from suites.data_plane.test_gre import KEY, SIZE, gre
from suites.data_plane.tunnels import BETWEEN, Way, through_gre
from suites.dut import Dut
from suites.ike_auth.key_ring import peers_of
from suites.ike_auth.some_peers import HOST_KEY, KEYED, behind, gets_in, keyed, part
from suites.nat.steps import two_homes
from suites.purpose import purpose

TIER = "full"


@gre("data-gre-ipv6", BETWEEN, "RFC2890-2.1-1", SIZE, connection=through_gre(ipv6=True, key=KEY))
def test_ipv6(peer: Peer, dut: Dut) -> None:
    """GRE with a key between the IPv6 addresses of the two hosts, in transport mode: four sizes."""
    way = Way.first(peer.establish(), dut)
    for size in range(56, 60):
        one, found = way.ping(size=size)
        measured(peer, one, 28 + size, way.arithmetic(found), SIZE)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


ALL_FIELDS = through_gre(ipv6=True, key=KEY, checksum=True, sequence=True)
SUM = "RFC7676-2.1-1"


@gre("data-gre-ipv6-fields", BETWEEN, "RFC2784-2.5-1", "RFC2890-2.1-1", SUM, SIZE, connection=ALL_FIELDS)
def test_ipv6_fields(peer: Peer, dut: Dut) -> None:
    """GRE over IPv6 with all of its optional fields, checksum, key and number, in this order: 56 octets with IPv6.

    A packet with a wrong checksum is not taken. Its number does not count: the next one has it, too.
    """
    way = Way.first(peer.establish(), dut)
    for size in (56, 57):
        one, found = way.ping(size=size)
        peer.check(not found.spoiled, "a right checksum", "a wrong one", "RFC2784-2.5-1")
        measured(peer, one, 28 + size, way.arithmetic(found), SIZE)
    asked = way.question()
    wrong = replace(way.header(asked), spoiled=True)
    way.next -= 1
    way.must_drop(SUM, (asked, wrong))


LEAST = 1280
"""Octets of a packet that every link of IPv6 carries (RFC 8200, section 5), tunnels among them."""


@gre("data-gre-ipv6-least", "RFC7676-3.2-1", "RFC7676-3.1-1", SIZE, connection=ALL_FIELDS)
def test_least(peer: Peer, dut: Dut) -> None:
    """An IPv6 packet of 1280 octets goes through the tunnel both ways, whole; what protects it may be cut."""
    way = Way.first(peer.establish(), dut)
    way.ping()
    _, found = way.ping("RFC7676-3.2-1", version=6, size=LEAST - 48)
    peer.check(len(found.payload) == LEAST, f"a packet of {LEAST} octets", len(found.payload), "RFC7676-3.2-1")


@purpose("data-gre-initiator", BETWEEN, "RFC4301-4.4.1-2", role="initiator", needs=(DATA,), connection=through_gre())
def test_initiator(peer: Peer, dut: Dut) -> None:
    """The device opens the IKE SA, and GRE goes through the Child SA that it asks for, in transport mode."""
    dut.initiate()
    sa = peer.accept()
    peer.check(sa.child.mode == Mode.TRANSPORT, "transport mode", sa.child.mode, "RFC7296-1.3.1-10")
    Way.first(sa, dut).ping()
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


@gre("data-gre-tunnel-mode", THROUGH, SIZE, connection=through_gre(mode=Mode.TUNNEL))
def test_tunnel_mode(peer: Peer, dut: Dut) -> None:
    """GRE in tunnel mode: the IP header that delivers GRE is protected, too, and there is another one before ESP."""
    way = Way.first(peer.establish(), dut)
    for size in (56, 57):
        one, found = way.ping(THROUGH, size=size)
        measured(peer, one, 28 + size, way.arithmetic(found), SIZE)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


def other_family(pixit: Pixit, *, ipv6: bool) -> Connection:
    """A Child SA in tunnel mode for GRE between addresses of the other family than those of IKE and ESP."""
    outside, inside = through_gre(mode=Mode.TUNNEL, ipv6=ipv6)(pixit), through_gre(ipv6=not ipv6)(pixit)
    ours, theirs = inside.children[0].local_ts, inside.children[0].remote_ts
    child = replace(outside.children[0], local_ts=ours, remote_ts=theirs)
    return replace(outside, children=(child,), tunnels=inside.tunnels)


def over_ipv4(pixit: Pixit) -> Connection:
    """GRE over IPv6 in ESP over IPv4."""
    return other_family(pixit, ipv6=False)


def over_ipv6(pixit: Pixit) -> Connection:
    """GRE over IPv4 in ESP over IPv6."""
    return other_family(pixit, ipv6=True)


V6 = (DATA, Capability.IPV6)


@purpose("data-gre-ipv6-in-ipv4", THROUGH, SIZE, role="responder", needs=V6, connection=over_ipv4)
def test_ipv6_in_ipv4(peer: Peer, dut: Dut) -> None:
    """A tunnel of GRE between IPv6 addresses, in a Child SA between IPv4 addresses: both headers are there."""
    of_another_family(peer, dut)


@purpose("data-gre-ipv4-in-ipv6", THROUGH, SIZE, role="responder", needs=V6, connection=over_ipv6)
def test_ipv4_in_ipv6(peer: Peer, dut: Dut) -> None:
    """A tunnel of GRE between IPv4 addresses, in a Child SA between IPv6 addresses: both headers are there."""
    of_another_family(peer, dut)


def of_another_family(peer: Peer, dut: Dut) -> None:
    """Packets of either family go through, and have the right size."""
    way = Way.first(peer.establish(), dut)
    for version, size in ((4, 84), (6, 104)):
        one, found = way.ping(THROUGH, version=version)
        measured(peer, one, size, way.arithmetic(found), SIZE)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


def gre_and_plain(pixit: Pixit) -> Connection:
    """GRE in transport mode for a part of our network, and beside it tunnel mode for another part."""
    found = through_gre()(pixit)
    proposals = found.children[0].proposals
    plain = ChildConfig("plain", proposals, (part(pixit, 1),), pixit.device_networks[:1])
    tunnel = replace(found.tunnels[0], local_networks=(part(pixit, 0),))
    return replace(found, children=(found.children[0], plain), tunnels=(tunnel,))


@gre(
    "data-gre-beside-plain", BETWEEN, THROUGH, "RFC7296-1.3.1-7", "RFC7296-1.3.1-8", "RFC4301-4.1-1",
    connection=gre_and_plain,
)  # fmt: skip
def test_beside_plain(peer: Peer, dut: Dut) -> None:
    """One device makes the tunnel that the initiator asks for: GRE in transport mode, a plain one, then both.

    Selectors and USE_TRANSPORT_MODE of the request say which. In the end both are in one IKE SA, if the device takes a
    second Child SA.
    """
    of_gre, plain = peer.connection.children
    sa = peer.establish(children=(of_gre,))
    Way.first(sa, dut).ping()
    sa.delete()
    sa = peer.establish(children=(plain,))
    peer.check(sa.child.mode == Mode.TUNNEL, "tunnel mode", sa.child.mode, "RFC7296-1.3.1-8")
    flows(peer, sa.child, THROUGH)
    sa.delete()
    sa = peer.establish()
    first = sa.child
    sa.create_child(plain.name)
    if Capability.MULTIPLE_CHILDREN not in dut.device.capabilities and len(sa.children) == 1:
        peer.note("it takes no second Child SA")
        return
    peer.check(len(sa.children) == 2, "a second Child SA", sa.problem or "none", THROUGH)
    for _ in range(2):
        Way.first(sa, dut, child=first).ping()
        moved(peer, sa.children[-1], THROUGH)


# --- behind a NAT -----------------------------------------------------------------------------------------------------

BRANCHES = "172.30.1.0/28", "172.30.2.0/28"
"""What is behind each of two peers, reached through GRE only."""


def two_tunnels(pixit: Pixit) -> Connection:
    """Two peers with names and keys of their own, whose tunnels of GRE end at different inner addresses."""
    plain = through_gre(mode=Mode.TUNNEL)(pixit)
    theirs = pixit.device_networks[0].split("/")[0].rpartition(".")[0] + ".1"
    found = []
    for number, network in enumerate(BRANCHES):
        end = part(pixit, number).split("/")[0]
        ours = f"{end.rpartition('.')[0]}.{int(end.rpartition('.')[2]) + 1}"
        one = replace(behind(plain, f"{ours}/32[gre]", plain.name if not number else "second"))
        children = tuple(replace(child, remote_ts=(f"{theirs}/32[gre]",)) for child in one.children)
        tunnel = GreTunnel(ours, theirs, (network,))
        found.append(replace(one, children=children, tunnels=(tunnel,)))
    second = keyed(found[1], "second.ikespec.example", HOST_KEY)
    return replace(found[0], beside=(second,))


@purpose(
    "nat-two-peers-gre", THROUGH, "RFC3948-2.1-1", "RFC7296-2.11-2", role="responder",
    needs=(*KEYED, Capability.NAT_T, DATA),
    connection=two_tunnels,
)  # fmt: skip
def test_two_peers(peer: Peer, dut: Dut) -> None:
    """Two peers with the same address behind one NAT have GRE in tunnel mode: its inner ends tell them apart.

    In transport mode their packets would have the same addresses. When one of them has gone the other goes on.
    """
    if Capability.GRE_TUNNELS not in dut.device.capabilities:
        raise NotApplicable("it has no GRE tunnels of ours")
    with two_homes(peer) as homes:
        known = peers_of(peer)
        sas = [gets_in(home, one, "RFC7296-2.11-2") for home, one in zip(homes, known, strict=True)]
        ways = [Way(sa, one.tunnels[0], dut.pixit.device_networks) for sa, one in zip(sas, known, strict=True)]
        for way in (*ways, *ways):
            way.ping(THROUGH)
        sas[0].delete()
        ways[1].ping(THROUGH)
