"""Connections for peers that are called by addresses, of one host and of networks within networks (RFC 4301, 4.4.3.1).

The address that counts is the one that the peer claims to be in IDi, not that of its datagrams. Of several connections
in whose networks it is, the one with the longest prefix is the one that an administrator has put first.
"""

from dataclasses import replace
from ipaddress import ip_address, ip_network

from conformance.ike.core.connection import Connection, Identity
from conformance.script.peer import Peer
from conformance.wire import IdType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import Setup, psk
from suites.ike_auth.key_ring import PROVED, comes, peers_of
from suites.ike_auth.refusal import must_be_refused
from suites.ike_auth.some_peers import ENTRY, KEYED, NETWORK, behind, come_and_go, gets_no_network, keyed, part
from suites.purpose import purpose

IN_NETWORK = (*KEYED, Capability.IDENTITY_NETWORK)
RANGE = "RFC4301-4.4.3.1-3"
HOST, SMALL, LARGE, OTHER = "203.0.113.77", "203.0.113.64/26", "203.0.113.0/24", "198.51.100.0/24"
KEYS = (
    b"the key of one address of the ikespec suites",
    b"the key of a small network of the ikespec suites",
    b"the key of a large network of the ikespec suites",
)


def ring(*networks: str) -> Setup:
    """One host and two networks, the host in the first of them: each has a key and a network behind it of its own."""

    def setup(pixit: Pixit) -> Connection:
        plain = psk()(pixit)
        host = keyed(behind(plain, part(pixit, 0), plain.name), HOST, KEYS[0])
        others = (
            keyed(behind(plain, part(pixit, number), f"network{number}"), str(ip_network(one)[5]), KEYS[number])
            for number, one in enumerate(networks, 1)
        )
        return replace(
            host, beside=tuple(replace(one, remote_network=net) for one, net in zip(others, networks, strict=True))
        )

    return setup


APART, NESTED = ring(SMALL, OTHER), ring(SMALL, LARGE)


def named(one: Connection, address: str) -> Connection:
    """That connection as a peer with another address for a name sees it."""
    return replace(one, local=replace(one.local, identity=Identity.of(address)))


@purpose(
    "auth-ring-networks", RANGE, ENTRY, *PROVED, NETWORK, role="responder", needs=IN_NETWORK, connection=APART,
    ordinary=True,
)  # fmt: skip
def test_networks(peer: Peer) -> None:
    """A host, two of the network around it and two of another one get in, each with the key of its entry."""
    host, small, other = peers_of(peer)
    others = (named(small, "203.0.113.126"), named(other, "198.51.100.250"))
    come_and_go(peer, (host, small, other, *others), RANGE)


@purpose(
    "auth-ring-networks-nested", ENTRY, RANGE, *PROVED, NETWORK, role="responder", needs=IN_NETWORK, connection=NESTED,
    ordinary=True,
)  # fmt: skip
def test_nested(peer: Peer) -> None:
    """A host, two of the small network around it and two of the large one around that: each by the nearest entry."""
    host, small, large = peers_of(peer)
    others = (named(small, "203.0.113.126"), named(large, "203.0.113.250"))
    come_and_go(peer, (host, small, large, *others), ENTRY)


@purpose("auth-ring-networks-keys", ENTRY, *PROVED, role="responder", needs=IN_NETWORK, connection=APART)
def test_keys(peer: Peer) -> None:
    """The key of a network does not serve what has an entry of its own in it, nor the other way round."""
    known = peers_of(peer)
    for one in known:
        for other in known:
            if one is not other:
                peer.note(f"{one.local.identity} with the key of {other.local.identity}")
                must_be_refused(peer, comes(peer, one, local=replace(one.local, auth=other.local.auth)))


@purpose("auth-ring-networks-outside", RANGE, *PROVED, role="responder", needs=IN_NETWORK, connection=NESTED)
def test_outside(peer: Peer) -> None:
    """Addresses beside the networks, a text that looks like one within, and an IPv6 address do not get in."""
    large = peers_of(peer)[2]
    names = (
        *(Identity(IdType.IPV4_ADDR, ip_address(one).packed) for one in ("203.0.112.255", "203.0.114.0")),
        Identity(IdType.FQDN, b"203.0.113.5"),
        Identity(IdType.IPV6_ADDR, ip_address("::ffff:203.0.113.5").packed),
    )
    for one in names:
        peer.note(str(one))
        must_be_refused(peer, comes(peer, large, local=replace(large.local, identity=one)))


@purpose("auth-ring-networks-own", NETWORK, "RFC7296-2.9-3", role="responder", needs=IN_NETWORK, connection=APART)
def test_own(peer: Peer) -> None:
    """Nobody gets a Child SA for the network of another entry, however well that would fit its address."""
    known = peers_of(peer)
    for one in known:
        for other in known:
            if one is not other:
                gets_no_network(peer, one, other)
