"""While old and new SAs overlap nothing is lost; what was deleted carries nothing."""

from conformance.script.message import rekeys_child
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from suites.create_child_sa.answers import deletes_child, deletion, kept
from suites.data_plane.steps import DATA, NO_SA, flows, moved, unanswered, up
from suites.dut import Dut
from suites.purpose import purpose

READY = "RFC7296-2.8-14"
CLOSED, CLOSED_ALL = "RFC7296-1.4.1-4", "RFC7296-1.4.1-9"
BURST = 12


@purpose(
    "data-rekey-overlap",
    READY,
    "RFC7296-1.4.1-1",
    "RFC7296-2.8.1-2",
    role="responder",
    needs=(DATA, Capability.REKEY_CHILD),
)
def test_rekey_overlap(peer: Peer) -> None:
    """No packet is lost across our rekey: pings before, during and after it, on old and new SA, are answered.

    The old SA is still there: we do not delete it. The device must be ready for packets on the new one before its
    response goes out.
    """
    sa = up(peer)
    old, sa.tidy = sa.child, False
    asked = [sa.traffic.echo_request(old) for _ in range(4 * BURST)]
    for packet in asked[:BURST]:
        sa.traffic.send(packet, old)
    sent = sa.begin(lambda: sa.start_child_rekey(old))
    for packet in asked[BURST : 2 * BURST]:
        sa.traffic.send(packet, old)
    with peer.preamble("CREATE_CHILD_SA"):
        sa.response(sent)
        peer.check(len(sa.children) == 2, "a new Child SA", sa.problem)
    for number, packet in enumerate(asked[2 * BURST :]):
        sa.traffic.send(packet, sa.children[1 - number % 2])
    none_lost(peer, asked, READY)


@purpose(
    "data-rekey-overlap-device",
    "RFC7296-1.4.1-1",
    "RFC7296-2.8.1-2",
    role="initiator",
    needs=(DATA, Capability.REKEY_CHILD),
)
def test_rekey_overlap_device(peer: Peer, dut: Dut) -> None:
    """The device rekeys. Until we have answered its Delete, both SAs carry our packets, and none is lost."""
    sa = up(peer)
    old = sa.child
    sa.hold(ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL)
    dut.rekey_child()
    rekey = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child)
    asked = [sa.traffic.echo_request(old) for _ in range(3 * BURST)]
    for packet in asked[:BURST]:
        sa.traffic.send(packet, old)
    sa.answer(rekey)
    new = sa.children[-1]
    peer.check(new is not old, "a new Child SA", sa.problem)
    flows(peer, new, READY)  # from now on the device has it, too
    for number, packet in enumerate(asked[BURST:]):
        sa.traffic.send(packet, (old, new)[number % 2])
    none_lost(peer, asked, "RFC7296-1.4.1-1")
    deletion(sa, deletes_child)
    flows(peer, new)


def none_lost(peer: Peer, asked: list[bytes], requirement: str) -> None:
    """All these pings must be answered. Not applicable on a path where as many get lost without a rekey."""
    lost = len(unanswered(peer, asked))
    if lost:
        up(peer)
        again = [peer.traffic.echo_request() for _ in asked]
        for packet in again:
            peer.traffic.send(packet)
        usual = len(unanswered(peer, again))
        if usual >= lost:
            raise NotApplicable(f"the path loses packets: {lost} of {len(asked)}, and {usual} without a rekey")
    peer.check(not lost, f"answers to all {len(asked)} packets", f"none to {lost}", requirement)


@purpose(
    "data-rekey-switch", "RFC7296-1.4.1-4", "RFC7296-2.8-17", role="responder", needs=(DATA, Capability.REKEY_CHILD)
)
def test_switch(peer: Peer) -> None:
    """After our rekey the device may send on either SA, and sends on the new one once we have deleted the old."""
    sa = up(peer)
    old, sa.tidy = sa.child, False
    with peer.preamble("CREATE_CHILD_SA"):
        sa.rekey_child()
        peer.check(len(sa.children) == 2, "a new Child SA", sa.problem)
    new = sa.children[1]
    flows(peer, old)
    flows(peer, new)
    sa.tidy = True
    sa.delete_child(old)
    peer.pause()
    moved(peer, new, "RFC7296-1.4.1-4")


@purpose("data-delete-child", CLOSED, NO_SA, "RFC4301-4.4.1-2", role="responder", needs=(DATA,))
def test_delete_child(peer: Peer) -> None:
    """When we delete the Child SA, traffic stops: our packets get no answer, neither protected nor in the clear.

    The device may take a moment to close what it has said to be closed.
    """
    sa = up(peer)
    child = sa.child
    sa.delete_child()
    peer.idle(peer.response_timeout / 4)
    with sa.traffic.silence(CLOSED, prove=lambda: kept(peer, sa)):
        sa.traffic.send(sa.traffic.echo_request(child), child)
        peer.idle(peer.response_timeout / 4)


@purpose("data-delete-child-device", "RFC7296-1.4.1-2", NO_SA, role="initiator", needs=(DATA, Capability.DELETE_CHILD))
def test_delete_child_device(peer: Peer, dut: Dut) -> None:
    """When the device deletes the Child SA, traffic stops."""
    sa = up(peer)
    child = sa.child
    dut.delete_child()
    sa.answer(sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child))
    kept(peer, sa)  # by now it has seen our answer
    with sa.traffic.silence("RFC7296-1.4.1-2", prove=lambda: peer.establish(initial_contact=False)):
        sa.traffic.send(sa.traffic.echo_request(child), child)
        peer.pause()


@purpose("data-delete-ike", CLOSED_ALL, NO_SA, role="responder", needs=(DATA,))
def test_delete_ike(peer: Peer) -> None:
    """The Child SAs go with their IKE SA: traffic stops, until there is another Child SA for it."""
    sa = up(peer)
    child = sa.child
    sa.delete()
    peer.idle(peer.response_timeout / 4)
    with sa.traffic.silence(CLOSED_ALL, prove=lambda: up(peer)):
        sa.traffic.send(sa.traffic.echo_request(child), child)
        peer.pause()


@purpose("data-old-child-deleted", CLOSED, NO_SA, role="responder", needs=(DATA, Capability.REKEY_CHILD), waits=2.0)
def test_old_child_deleted(peer: Peer) -> None:
    """Two seconds after we have deleted a rekeyed Child SA, packets on it get no answer any more.

    A device may keep its receiving half a little longer for packets that are late.
    """
    sa = up(peer)
    old = sa.child
    sa.rekey_child()
    sa.finish()
    peer.idle(2.0)
    with sa.traffic.silence(CLOSED):
        sa.traffic.send(sa.traffic.echo_request(old), old)
