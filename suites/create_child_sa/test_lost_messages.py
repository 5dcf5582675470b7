"""Exchanges of both sides that cross since a message of one of them got lost (RFC 7296, 2.1, 2.8.1, 2.8.2, 2.25).

What is lost comes again, and finds the other side in another state than the one in which it was sent.
"""

from conformance.ike.core.child import ChildSa
from conformance.ike.core.sending import State
from conformance.script.message import Received, Sent, says_nothing
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable
from conformance.wire import SA, Delete, ExchangeType, Message, NotifyType
from peers.capabilities import Capability
from suites.choices import two_groups
from suites.connections import usual
from suites.create_child_sa.answers import (
    advised,
    carries,
    deleted,
    deletes_child,
    deletes_ike,
    deleting,
    deletion,
    granted,
    inherited,
    kept,
    names,
    own_requests,
    refused,
    temporary,
)
from suites.create_child_sa.device_rekeys import child_rekey, ike_rekey
from suites.create_child_sa.losses import answer_lost, arrive, asked_again, lost
from suites.create_child_sa.test_collisions import CHILD, HIGH, IKE, LOW, child_deletion
from suites.create_child_sa.test_crossing_ends import ALL_GONE, EMPTY, carries_nothing, ike_deletion
from suites.create_child_sa.test_crossing_groups import ask_for_other_group, second_try
from suites.create_child_sa.test_races import current
from suites.dut import Dut
from suites.informational.test_liveness import in_silence
from suites.purpose import purpose

CLOSES, HALF, AS_USUAL, UNKNOWN = "RFC7296-1.4.1-4", "RFC7296-2.25.1-6", "RFC7296-2.25.2-1", "RFC7296-2.25.1-4"
SILENTLY, INHERITS, GIVES_UP, REPEATS = "RFC7296-2.25-8", "RFC7296-2.8.2-2", "RFC7296-2.25.2-4", "RFC7296-2.1-7"
PROCESSES, WAITS = "RFC7296-2.3-5", "RFC7296-2.25-1"


def goes_on(peer: Peer, dut: Dut, sa: ScriptedSa, old: ChildSa, mark: int = 0) -> None:
    """The Child SA ``old`` is closed: the device must neither rekey nor delete it any more, and another one works.

    A device may end an IKE SA that has no Child SA left, as long as it says so.
    """
    kept(peer, sa)
    late = own_requests(peer, sa, mark)
    rekeyed = [one for one in late if (found := one.notify(NotifyType.REKEY_SA)) and found.spi == old.spi_out]
    peer.check(not rekeyed, "no rekey of a Child SA that is closed", rekeyed[:1] or "none", CLOSES)
    closed = [one for one in late if old.spi_out in deleted(one)]
    peer.check(not closed, "no Delete for what is closed", closed[:1] or "none", SILENTLY)
    if sa.state == State.CLOSED:
        peer.note("the device ends an IKE SA without a Child SA, as it may")
        return
    if not sa.children and Capability.MULTIPLE_CHILDREN in dut.device.capabilities:
        granted(peer, dut, sa.create_child(), Capability.MULTIPLE_CHILDREN, "RFC7296-1.3.1-1")
    if sa.children:
        carries(peer, dut, sa.children[-1])


def empty(peer: Peer, answer: Message, requirement: str) -> None:
    """The response to our deletion of the IKE SA says nothing."""
    peer.check(not answer.first(Delete) and not fatal(answer), "an empty response", answer, requirement)


def all_gone(peer: Peer, dut: Dut, sa: ScriptedSa, child: ChildSa) -> None:
    """The IKE SA and its Child SA are gone: no answer to a liveness check, none to a packet."""
    sa.must_be_gone(ALL_GONE)
    carries_nothing(peer, dut, child)


@purpose("child-delete-lost", CLOSES, HALF, "RFC7296-1.4.1-6", role="initiator", needs=(CHILD,))
def test_child_delete_lost(peer: Peer, dut: Dut) -> None:
    """Our Delete of a Child SA is lost while the device rekeys that: TEMPORARY_FAILURE, then the Delete comes again.

    The Child SA is closed for us already, so that its rekey must wait. The device closes it when it hears of that, and
    has nothing to rekey any more.
    """
    sa, request = child_rekey(peer, dut)
    old = sa.child
    closing = lost(sa, lambda: sa.start_child_delete(old))
    sa.answer(request)
    mark = len(peer.inbox)
    names(peer, arrive(sa, closing), old, HALF)
    goes_on(peer, dut, sa, old, mark)


@purpose("child-rekey-lost-closed", CLOSES, SILENTLY, HALF, role="initiator", needs=(CHILD,), waits=4.0)
def test_child_rekey_lost(peer: Peer, dut: Dut) -> None:
    """The device's rekey of a Child SA is lost, and we delete that. The rekey comes again: CHILD_SA_NOT_FOUND.

    What it asks for again is closed on both sides by then: it says nothing more about it, and keeps the IKE SA.
    """
    sa, request = child_rekey(peer, dut)
    old = sa.child
    names(peer, sa.delete_child(old), old, HALF)
    asked_again(peer, dut, request)
    mark = len(peer.inbox)
    sa.answer(request)
    goes_on(peer, dut, sa, old, mark)


def not_found(peer: Peer, dut: Dut, sa: ScriptedSa, old: ChildSa, asked: Sent, closing: Received) -> None:
    """Our late rekey gets there: the device must not know the Child SA, which it closed with ``closing``.

    As long as it is closing that it may put us off: it is asked anew where our response was lost and it asks again. Who
    does not claim rekeying may refuse all of it.
    """
    answer = arrive(sa, asked)
    if answer.notify(NotifyType.TEMPORARY_FAILURE) and asked_again(peer, dut, closing):
        peer.idle(peer.response_timeout / 4)
        answer = sa.response(sa.begin(lambda: sa.start_child_rekey(old))).message
    if answer.notify(NotifyType.NO_ADDITIONAL_SAS) and CHILD not in dut.device.capabilities:
        raise NotApplicable("the device refuses CREATE_CHILD_SA, as RFC 7296, section 1.3 lets it")
    refused(peer, answer, NotifyType.CHILD_SA_NOT_FOUND, requirement=UNKNOWN)


@purpose("child-rekey-late-closed", UNKNOWN, "RFC7296-2.25-6", role="initiator", needs=(Capability.DELETE_CHILD,))
def test_child_rekey_late(peer: Peer, dut: Dut) -> None:
    """Our rekey of a Child SA is lost, and the device closes that. The rekey comes again: CHILD_SA_NOT_FOUND."""
    sa, theirs = child_deletion(peer, dut)
    old = sa.child
    asked = lost(sa, lambda: sa.start_child_rekey(old))
    sa.answer(theirs)
    peer.idle(peer.response_timeout / 4)  # until then it is closing that, which is another answer
    if any(deletes_ike(one) for one in own_requests(peer, sa)):
        raise NotApplicable("the device ends an IKE SA without a Child SA, as it may")
    mark = len(peer.inbox)
    not_found(peer, dut, sa, old, asked, theirs)
    goes_on(peer, dut, sa, old, mark)


@purpose("child-rekey-collision-late", "RFC7296-2.25-6", UNKNOWN, role="initiator", needs=(CHILD,))
def test_child_collision_late(peer: Peer, dut: Dut) -> None:
    """Both rekey one Child SA, and our request is lost until the device's rekey is done: CHILD_SA_NOT_FOUND.

    It did not notice the collision, and has deleted the old Child SA. Its new one works.
    """
    sa, theirs = child_rekey(peer, dut)
    old = sa.child
    asked = lost(sa, lambda: sa.start_child_rekey(old))
    sa.answer(theirs)
    new = sa.children[-1]
    closing = deleting(sa, deletes_child)
    sa.answer(closing)
    peer.idle(peer.response_timeout / 4)
    not_found(peer, dut, sa, old, asked, closing)
    kept(peer, sa)
    if new in sa.children:
        carries(peer, dut, new, "RFC7296-2.8-5")
        names(peer, sa.delete_child(new), new)


@purpose(
    "ike-rekey-crossed-response-lost", INHERITS, "RFC7296-2.8.2-1", AS_USUAL, "RFC7296-2.25.2-2", REPEATS,
    role="initiator", needs=(IKE,), waits=2.0,
)  # fmt: skip
def test_ike_response_lost(peer: Peer, dut: Dut) -> None:
    """Both rekey the IKE SA, our response is lost, and we delete our new one, which has the lowest nonce, before that.

    The device learns of the nonces when it asks again: its new IKE SA is the only one, and has the Child SA.
    """
    sa, theirs = ike_rekey(peer, dut)
    with sa.overlapping():
        sa.nonce = LOW
        answer = sa.response(sa.begin(sa.start_rekey)).message
        peer.check(answer.first(SA), "our rekey is answered as usual", answer, AS_USUAL)
        ours = sa.heir
        sa.nonce = HIGH
        sa.hold(ExchangeType.INFORMATIONAL)
        answer_lost(sa, theirs)
    assert isinstance(ours, ScriptedSa)
    ours.finish()
    peer.check(asked_again(peer, dut, theirs), "its request again", "one copy", REPEATS)
    deletion(sa, deletes_ike, "RFC7296-2.8.2-1")
    assert isinstance(sa.rival, ScriptedSa)
    peer.check(sa.successor is sa.rival, "the device's IKE SA survives", sa.problem, "RFC7296-2.8.2-1")
    peer.idle(peer.response_timeout / 10)  # it may rekey that at once
    inherited(peer, dut, current(sa.rival), INHERITS)


def ours_alone(peer: Peer, dut: Dut, sa: ScriptedSa) -> ScriptedSa:
    """Our rekey of the IKE SA that the device rekeys as well, answered as usual: the new one. None is deleted yet."""
    sa.tidy = False
    granted(peer, dut, sa.rekey(), IKE, AS_USUAL)
    return sa.rekeyed


@purpose(
    "ike-rekey-crossed-unnoticed", INHERITS, EMPTY, GIVES_UP, AS_USUAL, role="initiator", needs=(IKE,)
)  # fmt: skip
def test_ike_unnoticed(peer: Peer, dut: Dut) -> None:
    """Both rekey the IKE SA, and the device's request never reaches us: ours is done, and we delete the old one.

    The device sees by the Delete that we did not notice. It answers as usual and forgets its own. Ours has
    the Child SA.
    """
    sa, _ = ike_rekey(peer, dut)
    ours = ours_alone(peer, dut, sa)
    empty(peer, sa.delete(), GIVES_UP)
    inherited(peer, dut, ours, INHERITS)


@purpose(
    "ike-rekey-crossed-request-late", INHERITS, EMPTY, AS_USUAL, role="initiator", needs=(IKE,)
)  # fmt: skip
def test_ike_request_late(peer: Peer, dut: Dut) -> None:
    """Both rekey the IKE SA, and the device's request is lost until ours is done: TEMPORARY_FAILURE, then our Delete.

    What is refused is its own rekey only. Ours has the Child SA.
    """
    sa, theirs = ike_rekey(peer, dut)
    ours = ours_alone(peer, dut, sa)
    sa.answer(theirs)
    peer.idle(peer.response_timeout / 10)
    empty(peer, sa.delete(), EMPTY)
    inherited(peer, dut, ours, INHERITS)


@purpose(
    "ike-rekey-crossed-group-late", INHERITS, EMPTY, AS_USUAL, role="initiator", needs=(IKE,),
    connection=usual(proposals=two_groups),
)  # fmt: skip
def test_ike_group_late(peer: Peer, dut: Dut) -> None:
    """The device's rekey is asked for its other group, and the second try is lost until ours is done.

    It gets TEMPORARY_FAILURE, as the old IKE SA is about to be deleted. Ours has the Child SA.
    """
    sa, request = ike_rekey(peer, dut)
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    ask_for_other_group(sa, request)
    again = second_try(peer, sa, request)
    if again is None:
        raise NotApplicable("the device does not ask again for another group, as it may")
    ours = ours_alone(peer, dut, sa)
    sa.answer(again)
    peer.idle(peer.response_timeout / 10)
    empty(peer, sa.delete(), EMPTY)
    inherited(peer, dut, ours, INHERITS)


@purpose("ike-delete-lost-while-rekey", EMPTY, ALL_GONE, GIVES_UP, role="initiator", needs=(IKE,))
def test_ike_delete_lost(peer: Peer, dut: Dut) -> None:
    """Our Delete of the IKE SA is lost while the device rekeys that: TEMPORARY_FAILURE, then the Delete comes again.

    It is answered as usual, and all of the IKE SA is gone.
    """
    sa, request = ike_rekey(peer, dut)
    child = sa.child
    closing = lost(sa, sa.start_delete)
    sa.answer(request)
    empty(peer, arrive(sa, closing), EMPTY)
    all_gone(peer, dut, sa, child)


@purpose(
    "ike-rekey-while-closing-lost", REPEATS, ALL_GONE, "RFC7296-2.25.2-3", WAITS,
    role="initiator", needs=(Capability.DELETE_IKE,), waits=4.0,
)  # fmt: skip
def test_ike_closing_lost(peer: Peer, dut: Dut) -> None:
    """The device's Delete of the IKE SA is lost, and we rekey that: TEMPORARY_FAILURE. The Delete comes again.

    When we answer it, all of the IKE SA is gone: the rekey that crossed has made nothing.
    """
    sa, request, child = ike_deletion(peer, dut)
    with advised("RFC7296-2.25.2-3"):
        answer = sa.rekey()
    temporary(peer, dut, answer, IKE, "RFC7296-2.25.2-3")
    again = asked_again(peer, dut, request)
    peer.check(again, "its Delete again", "one copy", REPEATS)
    sa.answer(request)
    all_gone(peer, dut, sa, child)


@purpose(
    "ike-liveness-while-closing", PROCESSES, "RFC7296-2.4-9", REPEATS, ALL_GONE,
    role="initiator", needs=(Capability.DELETE_IKE,), waits=4.0,
)  # fmt: skip
def test_liveness_while_closing(peer: Peer, dut: Dut) -> None:
    """The device's Delete of the IKE SA is lost, and we ask whether it is there: answered, with nothing to say.

    The IKE SA lives until we have answered the Delete, which comes again.
    """
    sa, request, child = ike_deletion(peer, dut)
    answer = sa.liveness()
    peer.check(says_nothing(answer), "an empty response", answer, "RFC7296-2.4-9")
    peer.check(asked_again(peer, dut, request), "its Delete again", "one copy", REPEATS)
    sa.answer(request)
    all_gone(peer, dut, sa, child)


@purpose(
    "ike-delete-while-liveness", EMPTY, ALL_GONE, PROCESSES, "RFC7296-1.4.1-6",
    role="initiator", needs=(Capability.DPD,), device={"dpd_delay": 1.0}, waits=4.0,
)  # fmt: skip
def test_delete_while_liveness(peer: Peer, dut: Dut) -> None:
    """The device asks whether we are there, our answer is lost, and we delete the Child SA and then the IKE SA.

    Both are answered as usual while it waits for a response itself.
    """
    sa = in_silence(peer)
    child = sa.child
    sa.expect_request(ExchangeType.INFORMATIONAL, timeout=5, where=says_nothing)
    names(peer, sa.delete_child(child), child)
    empty(peer, sa.delete(), EMPTY)
    all_gone(peer, dut, sa, child)
