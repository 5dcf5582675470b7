"""Peers that are nobody beside peers that prove who they are (RFC 7619, sections 2 and 3)."""

from dataclasses import replace

from conformance.ike.core.connection import Connection, NullAuth, Party
from conformance.ike.core.sending import State
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import TSi
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import nobody, psk
from suites.ike_auth.key_ring import comes, must_give_nothing, peers_of
from suites.ike_auth.refusal import answer_of
from suites.ike_auth.some_peers import behind, gets_in, part
from suites.purpose import purpose

NULL = (Capability.NULL_AUTH,)
BESIDE = (Capability.NULL_AUTH, Capability.PSK, Capability.SEVERAL_CONNECTIONS)


def beside_somebody(pixit: Pixit) -> Connection:
    """Whoever is nobody gets one network, and a peer with a key another one."""
    anonymous, somebody = nobody()(pixit), psk()(pixit)
    known = behind(somebody, part(pixit, 1), "somebody")
    return replace(behind(anonymous, part(pixit, 0), anonymous.name), beside=(known,))


@purpose(
    "null-auth-claimed", "RFC7619-2.2-3", "RFC7619-2.4-1", role="responder", needs=BESIDE, connection=beside_somebody
)
def test_claimed(peer: Peer) -> None:
    """Who proves nothing and says the name of a peer that the device knows gets nothing that is meant for that peer.

    The device may refuse it, or take it for nobody.
    """
    _, known = peers_of(peer)
    sa = comes(peer, known, local=Party(known.local.identity, NullAuth()))
    must_give_nothing(peer, answer_of(peer, sa), "RFC7619-2.2-3")
    if sa.state is State.ESTABLISHED:
        sa.delete()


@purpose(
    "null-auth-network", "RFC7619-3.3-1", "RFC7619-3-1", "RFC7619-2.4-1", role="responder", needs=BESIDE,
    connection=beside_somebody,
)  # fmt: skip
def test_network(peer: Peer) -> None:
    """Nobody gets the network of a peer that has proved who it is, and that peer keeps its Child SA."""
    anonymous, known = peers_of(peer)
    proved = gets_in(peer, known, "RFC7619-3.3-1")
    theirs = known.children[0].local_ts
    sa = comes(peer, anonymous, children=tuple(replace(child, local_ts=theirs) for child in anonymous.children))
    answer = sa.auth()
    must_give_nothing(peer, answer, "RFC7619-3.3-1")
    peer.check(answer.first(TSi) is None, "no selectors of the other peer", answer, "RFC7619-3-1")
    if sa.state is State.ESTABLISHED:
        sa.delete()
    proved.must_be_up("RFC7619-3.3-1")
    peer.check(proved.children, "the Child SA of the peer that has proved who it is", "none", "RFC7619-3.3-1")


@purpose(
    "null-auth-contact", "RFC7619-2.3-1", role="responder", needs=NULL, connection=nobody(initial_contact=False),
    canary=False,
)  # fmt: skip
def test_contact(peer: Peer) -> None:
    """INITIAL_CONTACT of a peer that is nobody does not end the IKE SA of another one, which lives and answers."""
    first, second = peer.establish(), comes_up(peer, initial_contact=False)
    second.liveness()
    peer.idle(1.0)
    if first.state is not State.ESTABLISHED:
        raise NotApplicable("it has one IKE SA for each identity, whatever a peer says")
    third = comes_up(peer, initial_contact=True)
    third.liveness()
    peer.idle(0.2)
    for sa in (first, second, third):
        sa.must_be_up("RFC7619-2.3-1")


def comes_up(peer: Peer, *, initial_contact: bool) -> ScriptedSa:
    """Another peer that is nobody."""
    sa = peer.sa(initial_contact=initial_contact)
    with peer.preamble("another peer that is nobody"):
        sa.init()
        sa.auth()
        sa.must_be_established()
    return sa
