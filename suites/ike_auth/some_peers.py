"""A device in which some peers have a key of their own and others get in without one: who is where, and who gets in."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_network

from conformance.ike.core.connection import Connection, Eap, Identity, Party, Psk
from conformance.ike.core.sending import State
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.ike_auth.key_ring import comes, must_give_nothing
from suites.ike_auth.refusal import answer_of

KEYED = (Capability.PSK, Capability.SEVERAL_CONNECTIONS)
ENTRY, NETWORK = "RFC4301-4.4.3.4-1", "RFC4301-4.4.3.4-2"
HOST_KEY = b"the key of one host of the ikespec suites"


def part(pixit: Pixit, number: int) -> str:
    """One of the small networks behind us, for one of several peers."""
    return str(list(ip_network(pixit.tester_networks[0]).subnets(new_prefix=28))[number])


def behind(one: Connection, network: str, name: str) -> Connection:
    """A connection with another name, for a peer with this network behind it."""
    children = tuple(replace(child, name=name, local_ts=(network,)) for child in one.children)
    return replace(one, name=name, children=children)


def keyed(one: Connection, name: str, secret: bytes) -> Connection:
    """The same for a peer of this name with a key of its own."""
    us, them = Party(Identity.of(name), Psk(secret)), replace(one.remote, auth=Psk(secret))
    return replace(one, local=us, remote=them)


def gets_in(peer: Peer, one: Connection, requirement: str) -> ScriptedSa:
    """A peer gets in, with its own network."""
    sa = comes(peer, one)
    sa.auth()
    sa.must_be_established(requirement)
    peer.check(sa.children, f"a Child SA for {one.children[0].local_ts[0]}", sa.problem or "none", requirement)
    return sa


def come_and_go(peer: Peer, these: Iterable[Connection], requirement: str) -> None:
    """Each peer gets in, with its own network, its IKE SA works, and it goes again."""
    for one in these:
        peer.note(str(one.local.identity))
        sa = gets_in(peer, one, requirement)
        sa.must_be_up(requirement)
        sa.delete()


def gets_no_network(peer: Peer, one: Connection, other: Connection) -> None:
    """Whether a peer gets in or not, it does not get the network of another one."""
    theirs = other.children[0].local_ts
    sa = comes(peer, one, children=tuple(replace(child, local_ts=theirs) for child in one.children))
    # Who has proved himself by EAP is answered, anybody else need not be.
    must_give_nothing(peer, sa.auth() if isinstance(one.local.auth, Eap) else answer_of(peer, sa))
    if sa.state is State.ESTABLISHED:
        sa.delete()
