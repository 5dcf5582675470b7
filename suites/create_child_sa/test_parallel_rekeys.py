"""Several rekeys of one Child SA before anybody deletes it (RFC 7296, sections 2.8 and 2.25.1)."""

from collections.abc import Callable, Sequence

from conformance.ike.core.child import ChildSa
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import SA, Delete, ProtocolID
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, connected, granted, kept, names, refused
from suites.dut import Dut
from suites.format.steps import serves_others
from suites.informational.deletion import deleted_spis
from suites.purpose import purpose

REKEY = Capability.REKEY_CHILD
OWN_HALF = "RFC7296-1.4.1-6"
Order = Callable[[ChildSa, ChildSa, ChildSa], Sequence[ChildSa]]


def rekeyed_twice(peer: Peer, dut: Dut) -> tuple[ScriptedSa, list[ChildSa]]:
    """An IKE SA with a Child SA and its two successors, all three alive.

    The second rekey may be refused. Then nothing more can be seen here.
    """
    sa = connected(peer, dut)
    sa.tidy = False
    old = sa.child
    granted(peer, dut, sa.rekey_child(old), REKEY, "RFC7296-1.3.3-7")
    carries(peer, dut, sa.children[-1])
    answer = sa.rekey_child(old)
    if answer.first(SA) is None:
        refused(peer, answer)
        sa.must_be_up("RFC7296-1.3.1-14")
        raise NotApplicable("the device refuses a second rekey of a Child SA that it still has, as it may")
    granted(peer, dut, answer, REKEY, "RFC7296-1.3.3-7")
    carries(peer, dut, sa.children[-1])
    sa.tidy = True
    return sa, list(sa.children)


def deleted_one_by_one(peer: Peer, dut: Dut, order: Order) -> None:
    """Each of the three must go by itself, with the other half of just that pair; the newest carries traffic."""
    sa, (old, first, second) = rekeyed_twice(peer, dut)
    left = [old, first, second]
    for child in order(old, first, second):
        names(peer, sa.delete_child(child), child, OWN_HALF)
        left.remove(child)
        if second in left:  # which of the older ones it goes back to once that is gone is its own affair
            carries(peer, dut, second, "RFC7296-1.4.1-4")
    kept(peer, sa, "RFC7296-1.3.1-14")
    serves_others(peer)


@purpose("child-rekey-parallel-new-first", "RFC7296-1.4.1-4", OWN_HALF, "RFC7296-5-1", role="responder", needs=(REKEY,))
def test_new_first(peer: Peer, dut: Dut) -> None:
    """A Child SA is rekeyed twice before it is deleted; then its first successor goes, the second, and it itself.

    Daemons have crashed when the first of two replacements was deleted.
    """
    deleted_one_by_one(peer, dut, lambda old, first, second: (first, second, old))


@purpose("child-rekey-parallel-old-first", "RFC7296-1.4.1-4", OWN_HALF, "RFC7296-5-1", role="responder", needs=(REKEY,))
def test_old_first(peer: Peer, dut: Dut) -> None:
    """A Child SA is rekeyed twice before it is deleted; then it goes, and its successors in the order they came."""
    deleted_one_by_one(peer, dut, lambda old, first, second: (old, first, second))


@purpose("child-rekey-parallel-backwards", "RFC7296-1.4.1-4", OWN_HALF, "RFC7296-5-1", role="responder", needs=(REKEY,))
def test_backwards(peer: Peer, dut: Dut) -> None:
    """A Child SA is rekeyed twice before it is deleted; then all go in the reverse order."""
    deleted_one_by_one(peer, dut, lambda old, first, second: (second, first, old))


@purpose("child-rekey-parallel-at-once", "RFC7296-1.4.1-4", OWN_HALF, "RFC7296-5-1", role="responder", needs=(REKEY,))
def test_at_once(peer: Peer, dut: Dut) -> None:
    """A Child SA and its two successors are deleted by one payload; the response names the three other halves."""
    sa, children = rekeyed_twice(peer, dut)
    answer = sa.informational(Delete(ProtocolID.ESP, tuple(child.spi_in for child in children)))
    for child in children:
        sa.drop_child(child)
    found = deleted_spis(answer)
    halves = {child.spi_out.hex() for child in children}
    peer.check(not found or set(found) == halves, f"a Delete of {', '.join(sorted(halves))}", answer, OWN_HALF)
    kept(peer, sa, "RFC7296-1.3.1-14")
    serves_others(peer)
