"""Rekeys that race with other exchanges, as lossy lines and fast peers make them (RFC 7296, 1.4.1, 2.8, 2.25.1).

All signalling looks right after most of these, and traffic is gone or leaves in the clear: a ping has the last word.
"""

from conformance.ike.core.child import ChildSa
from conformance.script import bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import Notify, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, deleted, granted, own_requests
from suites.create_child_sa.device_rekeys import child_rekey
from suites.dut import Dut
from suites.purpose import purpose
from suites.several import deleted_by_device

REKEY = Capability.REKEY_CHILD
HALF, STANDS, PARALLEL = "RFC7296-1.4.1-6", "RFC7296-2.8-5", "RFC7296-2.25.1-2"


CLOSES_ALL = "the device deletes the IKE SA after an error, as RFC 7296, section 2.21 lets it"


def deletes(peer: Peer, sa: ScriptedSa, child: ChildSa) -> bool:
    """Whether the device has deleted this Child SA by a request of its own."""
    return any(child.spi_out in deleted(one) for one in own_requests(peer, sa))


def ours_and_theirs(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received, ChildSa, ChildSa]:
    """The device asks for a rekey, held; ours of the same Child SA is granted: IKE SA, request, old and new."""
    sa, request = child_rekey(peer, dut)
    old, sa.tidy = sa.child, False
    granted(peer, dut, sa.rekey_child(old), REKEY, PARALLEL)
    sa.tidy = True
    return sa, request, old, sa.children[-1]


def current(sa: ScriptedSa) -> ScriptedSa:
    """The IKE SA that has the Child SAs now: the device may have rekeyed it meanwhile."""
    while isinstance(sa.successor, ScriptedSa):
        sa = sa.successor
    return sa


def refused_while_ours_succeeds(peer: Peer, dut: Dut, kind: NotifyType) -> None:
    """The device's refused rekey must take nothing from ours, unless it deletes the whole IKE SA for that."""
    sa, request, old, new = ours_and_theirs(peer, dut)
    sa.answer(request, Notify(kind))
    peer.idle(peer.response_timeout / 10)
    sa = current(sa)
    if deleted_by_device(sa):
        peer.note(CLOSES_ALL)
        return
    sa.delete_child(old)
    peer.check(not deletes(peer, sa, new), "the Child SA of our rekey stays", "it deletes it", STANDS)
    carries(peer, dut, new, STANDS)
    answer = current(sa).delete_child(new)
    peer.check(new.spi_out in deleted(answer) or not deleted(answer), "its half of the new pair", answer, HALF)


@purpose("child-rekey-collision-temporary-failure", STANDS, HALF, role="initiator", needs=(REKEY,))
def test_temporary_failure(peer: Peer, dut: Dut) -> None:
    """Both rekey one Child SA: ours is granted, the device's gets TEMPORARY_FAILURE. Ours stands and works.

    The device's request was lost, and reaches us when our rekey is done. What is refused is one exchange that failed.
    """
    refused_while_ours_succeeds(peer, dut, NotifyType.TEMPORARY_FAILURE)


@purpose("child-rekey-collision-ts-unacceptable", STANDS, HALF, role="initiator", needs=(REKEY,))
def test_ts_unacceptable(peer: Peer, dut: Dut) -> None:
    """Both rekey one Child SA: ours is granted, the device's gets TS_UNACCEPTABLE. Ours stands and works."""
    refused_while_ours_succeeds(peer, dut, NotifyType.TS_UNACCEPTABLE)


@purpose("child-rekey-collision-no-proposal", STANDS, HALF, role="initiator", needs=(REKEY,))
def test_no_proposal(peer: Peer, dut: Dut) -> None:
    """Both rekey one Child SA: ours is granted, the device's gets NO_PROPOSAL_CHOSEN. Ours stands and works."""
    refused_while_ours_succeeds(peer, dut, NotifyType.NO_PROPOSAL_CHOSEN)


def must_agree(peer: Peer, dut: Dut, sa: ScriptedSa, old: ChildSa) -> None:
    """Both sides must have the new Child SA, or the device must have given it up by a Delete with its SPI."""
    peer.idle(peer.response_timeout / 4)
    sa.finish()
    sa = current(sa)
    if old in sa.children:
        sa.drop_child(old)
    fresh = [one for one in sa.children if one is not old]
    if not fresh:
        peer.note("the device has given the new Child SA up, and says so: consistent, but the tunnel is gone")
        return
    carries(peer, dut, fresh[-1], STANDS)
    if Capability.LIST_SAS in dut.device.capabilities:
        listed = dut.child(fresh[-1])
        peer.check(listed is not None, "the device has the Child SA of its rekey", "it does not list it", STANDS)
    sa.must_be_up(STANDS)


@purpose("child-rekey-closed-at-once", STANDS, role="initiator", needs=(REKEY,))
def test_closed_at_once(peer: Peer, dut: Dut) -> None:
    """We grant the device's rekey and close the old Child SA in the same instant: the new one works on both sides."""
    sa, request = child_rekey(peer, dut)
    old = sa.child
    sa.answer(request)
    sa.delete_child(old)
    must_agree(peer, dut, sa, old)


def held_back(sa: ScriptedSa, request: Received) -> list[bytes]:
    """Grant the device's rekey, but keep the response: its datagrams."""
    kept: list[bytes] = []

    def keep(found: list[bytes]) -> list[bytes]:
        kept.extend(found)
        return []

    sa.answer(request, bend=bend.datagrams(keep, "held back"))
    return kept


@purpose("child-rekey-overtaken", STANDS, role="initiator", needs=(REKEY,))
def test_overtaken(peer: Peer, dut: Dut) -> None:
    """Our Delete of the old Child SA overtakes our response to the device's rekey: the new one works on both sides.

    Datagrams may be reordered, and each side counts its own messages. A device that gives the rekey up must say so,
    by a Delete for the new SA.
    """
    sa, request = child_rekey(peer, dut)
    old, response = sa.child, held_back(sa, request)
    closing = sa.begin(lambda: sa.start_child_delete(old))
    peer.idle(0.01)
    sa.transmit(response, sa.local, sa.remote)
    sa.response(closing)
    must_agree(peer, dut, sa, old)


@purpose("child-rekey-overtaken-late", STANDS, role="initiator", needs=(REKEY,))
def test_overtaken_late(peer: Peer, dut: Dut) -> None:
    """As before, but our response comes only when the Delete has been answered, and perhaps the request repeated."""
    sa, request = child_rekey(peer, dut)
    old, response = sa.child, held_back(sa, request)
    sa.response(sa.begin(lambda: sa.start_child_delete(old)))
    peer.idle(peer.response_timeout / 4)
    sa.transmit(response, sa.local, sa.remote)
    must_agree(peer, dut, sa, old)
