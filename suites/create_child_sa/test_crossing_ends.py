"""An IKE SA that ends or is rekeyed while a Child SA of it is made, rekeyed or deleted (RFC 7296, 1.4.1 and 2.25).

Whatever was under way ends with the IKE SA: what is sent on a Child SA of it afterwards reaches nobody.
"""

from contextlib import suppress

from conformance.ike.core.child import ChildSa
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import SA, Delete, ExchangeType, Message
from peers.capabilities import Capability
from suites.connections import two_children
from suites.create_child_sa.answers import advised, carries, connected, deleted, deletes_ike, temporary
from suites.create_child_sa.device_rekeys import child_rekey
from suites.create_child_sa.test_collisions import CHILD, IKE, child_deletion
from suites.dut import Dut
from suites.purpose import purpose

MANY, DATA = Capability.MULTIPLE_CHILDREN, Capability.DATA_PLANE
EMPTY, ALL_GONE, OTHER_HALF = "RFC7296-1.4.1-10", "RFC7296-1.4.1-9", "RFC7296-1.4.1-6"
WAIT = "RFC7296-2.25.1-8"


def another_child(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received]:
    """The device's request for a second Child SA, held."""
    dut.initiate()
    sa = peer.accept()
    with peer.preamble("the device asks for a second Child SA"):
        dut.initiate("other")
        return sa, sa.expect_request(ExchangeType.CREATE_CHILD_SA)


def all_gone(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """We delete the IKE SA: the response is empty, and nothing of it is left, its Child SA neither."""
    child = sa.child
    answer = sa.delete()
    peer.check(not answer.first(Delete) and not fatal(answer), "an empty response", answer, EMPTY)
    sa.must_be_gone(ALL_GONE)
    carries_nothing(peer, dut, child)


def carries_nothing(peer: Peer, dut: Dut, child: ChildSa, requirement: str = ALL_GONE) -> None:
    """What is sent on a Child SA that went with its IKE SA reaches nobody, where the device has a data plane.

    A ping through a new one proves that whatever is answered would have been.
    """
    if DATA not in dut.device.capabilities or Capability.RESPONDER not in dut.device.capabilities:
        return
    peer.idle(peer.response_timeout / 4)

    def anew() -> None:
        with peer.preamble("another IKE SA, and a ping"):
            peer.establish(initial_contact=False).traffic.ping()

    with peer.traffic.silence(requirement, prove=anew):
        peer.traffic.send(peer.traffic.echo_request(child), child)
        peer.pause()


@purpose("ike-delete-while-child-rekey", EMPTY, ALL_GONE, role="initiator", needs=(CHILD,))
def test_delete_while_child_rekey(peer: Peer, dut: Dut) -> None:
    """We delete the IKE SA while the device rekeys a Child SA of it: an empty response, and all of it is gone."""
    sa, _ = child_rekey(peer, dut)
    all_gone(peer, dut, sa)


@purpose(
    "ike-delete-while-child-new", EMPTY, ALL_GONE, role="initiator", needs=(MANY,), connection=two_children()
)  # fmt: skip
def test_delete_while_child_new(peer: Peer, dut: Dut) -> None:
    """We delete the IKE SA while the device asks for a second Child SA: an empty response, and all of it is gone."""
    sa, _ = another_child(peer, dut)
    all_gone(peer, dut, sa)


@purpose(
    "ike-delete-while-child-delete", EMPTY, ALL_GONE, role="initiator", needs=(Capability.DELETE_CHILD,)
)  # fmt: skip
def test_delete_while_child_delete(peer: Peer, dut: Dut) -> None:
    """We delete the IKE SA while the device deletes a Child SA of it: an empty response, and all of it is gone."""
    sa, _ = child_deletion(peer, dut)
    all_gone(peer, dut, sa)


@purpose(
    "ike-rekey-while-child-new", WAIT, "RFC7296-2.25-1", role="initiator", needs=(MANY,), connection=two_children()
)  # fmt: skip
def test_rekey_while_child_new(peer: Peer, dut: Dut) -> None:
    """We rekey the IKE SA while the device asks for a second Child SA: TEMPORARY_FAILURE. That Child SA works then."""
    sa, request = another_child(peer, dut)
    temporary(peer, dut, sa.rekey(), IKE, WAIT)
    sa.answer(request)
    sa.must_be_up()
    peer.check(len(sa.children) == 2, "two Child SAs", len(sa.children), "RFC7296-1.3.1-1")
    carries(peer, dut, sa.children[-1])


def ike_deletion(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received, ChildSa]:
    """The device's request to delete the IKE SA, held, and its Child SA, which the device may have deleted before."""
    sa = connected(peer, dut)
    child = sa.child
    with peer.preamble("the device deletes the IKE SA"):
        dut.delete_ike()
        return sa, sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike), child


def ike_deletion_with_child(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received, ChildSa]:
    """The same, with the Child SA still there."""
    sa, request, child = ike_deletion(peer, dut)
    if child not in sa.children:
        raise NotApplicable("the device deletes the Child SAs before the IKE SA, as it may")
    return sa, request, child


def is_other_half(answer: Message, child: ChildSa) -> bool:
    """Whether a response names the other half of a Child SA, or nothing: it may be gone already."""
    return deleted(answer) in ([], [child.spi_out])


@purpose("child-delete-while-closing", OTHER_HALF, role="initiator", needs=(Capability.DELETE_IKE,))
def test_child_delete_while_closing(peer: Peer, dut: Dut) -> None:
    """We delete a Child SA of the IKE SA that the device is deleting: answered without error, and all of it is gone.

    The Child SA may be gone with the IKE SA already; then the response names nothing.
    """
    sa, request, child = ike_deletion_with_child(peer, dut)
    with advised(OTHER_HALF):
        answer = sa.delete_child(child)
    peer.check(not fatal(answer), "no error", answer, OTHER_HALF)
    peer.check(is_other_half(answer, child), "the other half, or nothing", answer, OTHER_HALF)
    sa.answer(request)
    sa.must_be_gone(ALL_GONE)
    carries_nothing(peer, dut, child)


@purpose("child-rekey-while-ike-closing", "RFC7296-2.25-1", role="initiator", needs=(Capability.DELETE_IKE,))
def test_child_rekey_while_ike_closing(peer: Peer, dut: Dut) -> None:
    """We rekey a Child SA of the IKE SA that the device is deleting: whatever it says, all of it is gone afterwards.

    Nobody says what to answer; TEMPORARY_FAILURE is for what cannot be done just now. Consent would be void at once.
    """
    sa, request, child = ike_deletion_with_child(peer, dut)
    sa.tidy = False
    with advised("RFC7296-2.25-1"):
        answer = sa.rekey_child(child)
    if answer.first(SA) is not None:  # it may be at work on that still
        with suppress(Unexpected):
            sa.liveness()
    sa.answer(request)
    sa.must_be_gone(ALL_GONE)
    carries_nothing(peer, dut, child)
