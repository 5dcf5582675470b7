"""The Child SAs of one peer are none of another's business, though both name them alike (RFC 7296, 1.4 and 1.4.1).

A Child SA is named by the SPI on which its sender receives, and two peers may have chosen the same: a device that looks
for it among all its SAs lets every peer end, or take over, those of the others.
"""

from conformance.script.peer import Peer
from conformance.wire import Delete, ExchangeType, ProtocolID
from suites.create_child_sa.answers import carries, deleted
from suites.create_child_sa.test_child_rekey import not_found, rekeying
from suites.dut import Dut
from suites.ike_auth.key_ring import NEEDS, peers_of, ring
from suites.ike_auth.some_peers import gets_in
from suites.informational.deletion import child_must_live
from suites.purpose import purpose

CLOSES, KNOWN = "RFC7296-1.4.1-4", "RFC7296-1.2-12"
UNKNOWN, NOT_FOUND, STAYS = "RFC7296-2.25.1-7", "RFC7296-2.25-6", "RFC7296-1.4-3"


@purpose("info-delete-other-peer", CLOSES, STAYS, UNKNOWN, role="responder", needs=NEEDS, connection=ring)
def test_delete(peer: Peer, dut: Dut) -> None:
    """A peer names the Child SA of another one in a Delete payload, and then its IKE SA: neither ends."""
    victim, other = (gets_in(peer, one, KNOWN) for one in peers_of(peer)[:2])
    child = victim.child
    answer = other.informational(Delete(child.protocol, (child.spi_in,)))
    victim.must_be_up(CLOSES)
    carries(peer, dut, child, CLOSES)
    other.send(ExchangeType.INFORMATIONAL, Delete(ProtocolID.IKE, (victim.spi_i, victim.spi_r)))
    victim.must_be_up(CLOSES)
    victim.must_be_up(CLOSES)
    child_must_live(peer, dut, victim, CLOSES)
    peer.check(not deleted(answer), "no Delete payload", answer, UNKNOWN)


@purpose("child-rekey-other-peer", STAYS, NOT_FOUND, role="responder", needs=NEEDS, connection=ring)
def test_rekey(peer: Peer, dut: Dut) -> None:
    """A peer asks to rekey the Child SA of another one: CHILD_SA_NOT_FOUND, and that stays where it is."""
    first, second, *_ = peers_of(peer)
    victim, other = gets_in(peer, first, KNOWN), gets_in(peer, second, KNOWN)
    child = victim.child
    answer = other.create_child(second.children[0].name, rekeying(child.spi_in))
    carries(peer, dut, child, STAYS)
    child_must_live(peer, dut, victim, STAYS)
    not_found(peer, dut, other, answer)
