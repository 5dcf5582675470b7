"""Fragments in any order (RFC 7383, section 2.6)."""

from conformance.script import bend
from conformance.script.peer import Peer
from peers.contract import Capability
from suites.purpose import purpose


@purpose("frag-reordered", "RFC7383-2.6-7", role="responder", needs=(Capability.FRAGMENTATION,))
def test_reordered(peer: Peer) -> None:
    """The fragments of an IKE_AUTH request come in reverse order, and the handshake completes."""
    sa = peer.sa(fragment_size=200)
    sa.init()
    sa.auth(bend.datagrams(lambda found: found[::-1], "fragments in reverse order"))
    sa.must_be_established()
