"""A device that has enough: no more IKE SAs, and no more Child SAs, than it is told to (RFC 7296, section 1.3)."""

from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, SA, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, granted
from suites.create_child_sa.test_demanded_groups import gone
from suites.dut import Dut
from suites.purpose import purpose
from suites.session_life.test_unique import established, must_be_beside

TIER = "full"

POLICY, CLOSES = "RFC7296-2.21-1", "RFC7296-1.4.1-4"
REKEYED, FULL = "RFC7296-1.3.2-5", "RFC7296-1.3-9"


def turned_away(peer: Peer) -> None:
    """One more IKE SA is not let in, whether it is refused or not answered at all, in whichever exchange.

    Nobody says how: before IKE_AUTH silence saves most, and no error notify was defined for it.
    """
    sa = peer.sa(initial_contact=False)
    try:
        sa.init()
        answer = sa.auth() if sa.keys is not None else None
    except Unexpected:
        answer = None
    sa.pending = None
    let_in = answer is not None and answer.first(AUTH) is not None
    peer.check(not let_in, "no AUTH in the response to one more", answer or "", POLICY)
    if answer is not None:
        peer.check(fatal(answer), "an error notify", answer, POLICY)


FOR_ROOM = "the device refuses a rekey for lack of room, as RFC 7296, section 1.3 lets it"


def rekeyed(peer: Peer, dut: Dut, sa: ScriptedSa) -> ScriptedSa:
    """The IKE SA that our rekey has put in the place of one of as many as there may be, or the old one.

    Until the old one is deleted there is one more, and a device may refuse to have that.
    """
    answer = sa.rekey()
    if answer.notify(NotifyType.TEMPORARY_FAILURE) is not None:
        peer.idle(peer.response_timeout / 4)
        answer = sa.rekey()
    if answer.notify(NotifyType.NO_ADDITIONAL_SAS) is not None:
        peer.note(FOR_ROOM)
        return sa
    granted(peer, dut, answer, Capability.REKEY_IKE, REKEYED)
    sa.finish()
    return sa.rekeyed


def deleted(peer: Peer, *found: ScriptedSa) -> None:
    """We delete IKE SAs, and give the device a moment to forget them."""
    for sa in found:
        sa.delete()
    peer.idle(peer.response_timeout / 10)


@purpose(
    "limit-ike-sas", POLICY, CLOSES, REKEYED, role="responder", needs=(Capability.IKE_LIMIT, Capability.REKEY_IKE),
    device={"ike_sa_limit": 2}, ordinary=True, canary=False, waits=4.0,
)  # fmt: skip
def test_ike_sas(peer: Peer, dut: Dut) -> None:
    """There are two IKE SAs, and no more may be: a third one is not let in, and the two are none the worse.

    A rekey makes none more, and works all the same where it is not refused; where one is deleted there is room for
    another one.
    """
    one, two = established(peer, initial_contact=False), established(peer, initial_contact=False)
    must_be_beside(peer, one)
    turned_away(peer)
    for sa in (one, two):
        sa.must_be_up(POLICY, "the IKE SAs that there are live")
        carries(peer, dut, sa.child, POLICY)
    one = rekeyed(peer, dut, one)
    one.must_be_up(REKEYED, "the rekeyed IKE SA lives")
    carries(peer, dut, one.child, REKEYED)
    turned_away(peer)
    deleted(peer, two)
    new = peer.sa(initial_contact=False)
    new.init()
    new.auth()
    new.must_be_established(CLOSES)
    carries(peer, dut, new.child, CLOSES)
    deleted(peer, one, new)


CHILDREN = (Capability.CHILD_LIMIT, Capability.MULTIPLE_CHILDREN, Capability.REKEY_CHILD)


@purpose("limit-child-sas", FULL, CLOSES, role="responder", needs=CHILDREN, device={"child_sa_limit": 2})
def test_child_sas(peer: Peer, dut: Dut) -> None:
    """There are two Child SAs, and no more may be: a third one gets NO_ADDITIONAL_SAS, and the two carry packets.

    A rekey makes none more, where it is not refused; where one is deleted there is room for another one.
    """
    sa = peer.establish()
    first = sa.child
    sa.create_child()
    peer.check(len(sa.children) == 2, "a second Child SA", sa.problem or "none", FULL)
    refused(peer, sa)
    for child in list(sa.children):
        carries(peer, dut, child, FULL)
    answer = sa.rekey_child(first)
    if answer.notify(NotifyType.NO_ADDITIONAL_SAS) is not None:
        peer.note(FOR_ROOM)
        must_be_kept(peer, sa)
    else:
        granted(peer, dut, answer, Capability.REKEY_CHILD, "RFC7296-1.3.3-7")
    sa.finish()
    carries(peer, dut, sa.children[-1], FULL)
    refused(peer, sa)
    sa.delete_child(sa.children[0])
    sa.create_child()
    peer.check(len(sa.children) == 2, "another Child SA in place of the deleted one", sa.problem or "none", CLOSES)
    carries(peer, dut, sa.children[-1], CLOSES)
    refused(peer, sa)
    sa.must_be_up("RFC7296-1.3.1-14")


def refused(peer: Peer, sa: ScriptedSa) -> None:
    """One Child SA more is refused. Raises NotApplicable where the device then deletes the IKE SA."""
    answer = sa.create_child()
    peer.check(answer.first(SA) is None, "no SA payload for one more", answer, FULL)
    peer.expect_notify(answer, NotifyType.NO_ADDITIONAL_SAS, FULL)
    must_be_kept(peer, sa)


def must_be_kept(peer: Peer, sa: ScriptedSa) -> None:
    """The IKE SA must be there after a refusal. Raises NotApplicable where the device deletes it, and says so."""
    if gone(peer, sa):
        raise NotApplicable("it deletes the IKE SA after an error, as RFC 7296, section 2.21 lets it")


@purpose(
    "limit-child-none", FULL, "RFC7296-2.21-1", role="responder", needs=(Capability.CHILD_LIMIT,),
    device={"child_sa_limit": 0}, ordinary=True,
)  # fmt: skip
def test_child_none(peer: Peer) -> None:
    """No Child SA may be: the one in IKE_AUTH is refused with an error notify, with or without the IKE SA.

    Where that is up, CREATE_CHILD_SA gets NO_ADDITIONAL_SAS.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    peer.check(answer.first(SA) is None, "no SA payload in the response", answer, POLICY)
    peer.check(fatal(answer), "an error notify", answer, POLICY)
    if answer.first(AUTH) is None:
        return
    must_be_kept(peer, sa)
    refused(peer, sa)
