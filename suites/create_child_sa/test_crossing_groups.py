"""Rekeys of both sides that cross where one of them is asked for another group, or ends wrongly (RFC 7296, 2.8, 2.25).

The second request of the device, with the other group, is one rekey with the first: nonces count as in any collision.
"""

from contextlib import suppress

from conformance.ike.core.proposals import child_proposals, groups, parsed
from conformance.script.message import Received, rekeys_child, rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import KE, SA, ExchangeType, Message, Notify, NotifyType
from peers.capabilities import Capability
from suites.choices import two_groups
from suites.connections import usual
from suites.create_child_sa.answers import carries, deletes_child, deletes_ike, deletion, inherited, names
from suites.create_child_sa.device_rekeys import TWO_GROUPS, child_rekey, ike_rekey
from suites.create_child_sa.test_collisions import CHILD, HIGH, IKE, LOW, settled
from suites.create_child_sa.test_races import CLOSES_ALL, STANDS, current, deletes
from suites.dut import Dut
from suites.ike_sa_init.steps import ask_for_group
from suites.purpose import purpose
from suites.several import deleted_by_device

USUAL, NONCES = "RFC7296-2.25.1-2", "RFC7296-2.8.1-5"
USUAL_IKE, NONCES_IKE, INHERITS = "RFC7296-2.25.2-1", "RFC7296-2.8.2-1", "RFC7296-2.8.2-2"
CLEAR, GONE_BOTH, OWN_HALF = "RFC4301-4.4.1-2", "RFC7296-1.4.1-4", "RFC7296-1.4.1-6"
PFS = Capability.PFS


def ask_for_other_group(sa: ScriptedSa, request: Received) -> None:
    """Answer a rekey of the device with INVALID_KE_PAYLOAD that names its other group.

    Raises NotApplicable for a device that offers only the group that it has agreed on before.
    """
    offer, ke, child = request.message.first(SA), request.message.first(KE), sa.peer.connection.children[0]
    of_child = child_proposals(child.proposals, b"", with_ke=True)
    ours = groups(parsed(sa.peer.connection.proposals) if rekeys_ike(request.message) else of_child)
    offers = (groups((one,)) for one in (offer.proposals if offer else ()))
    # The second request is answered from this proposal, whatever its group is.
    taken = next((found for found in offers if not set(ours).isdisjoint(found)), [])
    other = next((one for one in ours if one in taken and ke is not None and one != ke.method), None)
    if other is None or ke is None or ke.method not in taken:
        raise NotApplicable("the device offers one group only beside what we take of what it rekeys")
    sa.answer(request, ask_for_group(other))


def second_try(peer: Peer, sa: ScriptedSa, first: Received) -> Received | None:
    """The device's request again, with the other group, held. None: it gives up, which it may as ours is done."""
    same = rekeys_ike if rekeys_ike(first.message) else rekeys_child

    def fits(message: Message) -> bool:
        return same(message) and message.message_id != first.message.message_id

    try:
        return sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=fits)
    except Unexpected:
        peer.note("the device does not ask again, as it may")
        return None


@purpose(
    "child-rekey-collision-group", NONCES, USUAL, "RFC7296-2.8.1-3", role="initiator", needs=(CHILD, PFS),
    connection=TWO_GROUPS,
)  # fmt: skip
def test_child_group(peer: Peer, dut: Dut) -> None:
    """Both rekey one Child SA, and the device's is asked for its other group: with that it wins by the nonces.

    Our Ni is the lowest of the four nonces that count. A device that gives up its own rekey keeps ours.
    """
    sa, request = child_rekey(peer, dut)
    old = sa.child
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    with sa.overlapping():
        sa.nonce = LOW
        answer = sa.response(sa.begin(lambda: sa.start_child_rekey(old))).message
        peer.check(answer.first(SA), "our rekey is answered as usual", answer, USUAL)
        ask_for_other_group(sa, request)
        again = second_try(peer, sa, request)
        if again is not None:
            sa.nonce = HIGH
            sa.answer(again)
    if again is None:
        sa.finish()
        carries(peer, dut, sa.children[-1], STANDS)
        return
    theirs = next(one for one in sa.children if one is not old)
    settled(peer, dut, sa, old, theirs, NONCES)


@purpose(
    "child-rekey-collision-group-late", STANDS, USUAL, role="initiator", needs=(CHILD, PFS), connection=TWO_GROUPS
)  # fmt: skip
def test_child_group_late(peer: Peer, dut: Dut) -> None:
    """The same, but ours is done and the old Child SA gone when the second try comes. Ours stays and works."""
    sa, request = child_rekey(peer, dut)
    old = sa.child
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    sa.tidy = False
    answer = sa.rekey_child(old)
    peer.check(answer.first(SA), "our rekey is answered as usual", answer, USUAL)
    sa.tidy = True
    new = sa.children[-1]
    ask_for_other_group(sa, request)
    again = second_try(peer, sa, request)
    sa.delete_child(old)
    if again is not None:
        sa.answer(again, Notify(NotifyType.CHILD_SA_NOT_FOUND, b"", old.protocol, old.spi_out))
    peer.idle(peer.response_timeout / 10)
    sa.hold()
    sa = current(sa)
    if deleted_by_device(sa):
        peer.note(CLOSES_ALL)
        return
    peer.check(not deletes(peer, sa, new), "the Child SA of our rekey stays", "it deletes it", STANDS)
    carries(peer, dut, new, STANDS)
    names(peer, current(sa).delete_child(new), new)


@purpose(
    "child-rekey-collision-wrong-delete", STANDS, "RFC7296-1.4.1-4", role="initiator", needs=(CHILD,)
)  # fmt: skip
def test_wrong_delete(peer: Peer, dut: Dut) -> None:
    """Both rekey one Child SA, ours is the redundant one, and we delete the device's in its place: nothing leaks.

    That is wrong, but whoever sees it closes what is named. The redundant one is still there on both sides: packets on
    it are answered through it, or not at all, as the device may have given it up.
    """
    sa, request = child_rekey(peer, dut)
    old, sa.tidy = sa.child, False
    with sa.overlapping():
        sa.nonce = LOW
        answer = sa.response(sa.begin(lambda: sa.start_child_rekey(old))).message
        peer.check(answer.first(SA), "our rekey is answered as usual", answer, USUAL)
        sa.nonce = HIGH
        sa.answer(request)
        theirs = sa.children[-1]
    ours = sa.children[-1]
    deletion(sa, deletes_child)
    names(peer, sa.delete_child(theirs), theirs)
    peer.idle(peer.response_timeout / 10)
    sa = current(sa)
    sa.must_be_up(GONE_BOTH)
    if Capability.DATA_PLANE in dut.device.capabilities and ours in sa.children:
        with suppress(Unexpected):
            peer.traffic.ping(ours)
        peer.traffic.must_not_leak(CLEAR)


@purpose(
    "ike-rekey-collision-group", INHERITS, NONCES_IKE, USUAL_IKE, role="initiator", needs=(IKE,),
    connection=usual(proposals=two_groups),
)  # fmt: skip
def test_ike_group(peer: Peer, dut: Dut) -> None:
    """Both rekey the IKE SA, and the device's is asked for its other group: with that it wins by the nonces.

    Our Ni is the lowest of the four that count. A device that gives up its own rekey goes on with ours.
    """
    sa, request = ike_rekey(peer, dut)
    sa.hold(ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL)
    with sa.overlapping():
        sa.nonce = LOW
        answer = sa.response(sa.begin(sa.start_rekey)).message
        peer.check(answer.first(SA), "our rekey is answered as usual", answer, USUAL_IKE)
        ours = sa.heir
        ask_for_other_group(sa, request)
        again = second_try(peer, sa, request)
        if again is not None:
            sa.nonce = HIGH
            sa.answer(again)
            peer.idle(peer.response_timeout / 10)
    assert isinstance(ours, ScriptedSa)
    theirs = sa.rival
    if again is None:
        sa.finish()
        inherited(peer, dut, ours, INHERITS)
        return
    assert isinstance(theirs, ScriptedSa)
    deletion(sa, deletes_ike, NONCES_IKE)
    ours.finish()
    peer.check(sa.successor is theirs, "the device's IKE SA survives", sa.problem, NONCES_IKE)
    inherited(peer, dut, theirs, INHERITS)
