"""A device among several gateways: it goes by name, comes back, gives up, and is not sent round for ever (RFC 5685)."""

from itertools import cycle

from conformance.script import bend
from conformance.script.mailbox import is_init_request
from conformance.script.message import Received, rekeys_ike, says_nothing
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ExchangeType, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import deletes_ike
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose
from suites.redirect.steps import (
    GOES,
    arrival,
    asked,
    first,
    following,
    must_stay,
    redirect,
    second,
    send_away,
    served,
)
from suites.redirect.test_following import FOLLOWS, next_request
from suites.redirect.test_later import ACCEPTS, LATER, away, up

SAME = "RFC5685-3-14"
UNHEEDED = "RFC5685-3-1"
IGNORED = "RFC7296-3.10.1-3"

# --- by name ----------------------------------------------------------------------------------------------------------


def name_of_second(dut: Dut) -> str:
    """The name under which the device finds the second gateway. Raises NotApplicable where it knows none."""
    if dut.pixit.tester_spare_name is None:
        raise NotApplicable("the device finds the tester's second address under no name")
    return dut.pixit.tester_spare_name


@purpose("redirect-init-name", GOES, "RFC5685-3-9", role="initiator", needs=FOLLOWS, connection=following())
def test_init_name(peer: Peer, dut: Dut) -> None:
    """Sent away in IKE_SA_INIT to a gateway that has a name, the device finds its address, and is served there."""
    there = second(peer, dut)
    send_away(peer, asked(peer, dut), name_of_second(dut))
    served(peer, dut, arrival(peer, there, first(dut)))


@purpose("redirect-auth-name", "RFC5685-3-9", ACCEPTS, role="initiator", needs=FOLLOWS, connection=following())
def test_auth_name(peer: Peer, dut: Dut) -> None:
    """The same in IKE_AUTH."""
    there = second(peer, dut)
    sa = peer.respond_init(asked(peer, dut))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=away(name_of_second(dut)))
    served(peer, dut, arrival(peer, there, first(dut), ACCEPTS), ACCEPTS)


@purpose("redirect-later-name", "RFC5685-5-3", LATER, role="initiator", needs=FOLLOWS, connection=following())
def test_later_name(peer: Peer, dut: Dut) -> None:
    """The same in the middle of a session."""
    there, name = second(peer, dut), name_of_second(dut)
    sa = up(peer, dut)
    sa.informational(redirect(name))
    served(peer, dut, arrival(peer, there, first(dut), LATER), LATER)


# --- there and back ---------------------------------------------------------------------------------------------------


def anew(peer: Peer, dut: Dut, mark: int, requirement: str, *also: str) -> None:
    """A new session begins at the gateway of the configuration, by itself or when the device is told so, and is served.

    ``mark`` is how many messages had come when the old one ended, ``also`` where it may begin as well.
    """
    places = (first(dut), *also)
    came = [one for one in peer.inbox[mark:] if one.sa is None and is_init_request(one.message)]
    back = [one for one in came if one.destination.host in places]
    if back:
        peer.note("the device has come back by itself")
    else:
        dut.initiate()
    request = back[-1] if back else peer.expect_init(peer.response_timeout * 2)
    right = request.destination.host in places
    peer.check(right, f"an IKE_SA_INIT request at {' or '.join(places)}", request, requirement)
    told = request.message.notify(NotifyType.REDIRECTED_FROM)
    peer.note(f"it says {'that it was redirected' if told else 'nothing of the redirect'}")
    served(peer, dut, request, requirement)


@purpose("redirect-back", SAME, GOES, role="initiator", needs=FOLLOWS, connection=following())
def test_back(peer: Peer, dut: Dut) -> None:
    """The second gateway has ended its session: a new one begins at the first, which is configured, or there again.

    No RFC says for how long a device remembers where it was sent, as long as that gateway answers.
    """
    there = second(peer, dut)
    send_away(peer, asked(peer, dut), there)
    sa = served(peer, dut, arrival(peer, there, first(dut)))
    mark = len(peer.inbox)
    sa.delete()
    peer.idle(peer.response_timeout / 4)
    anew(peer, dut, mark, SAME, there)


@purpose(
    "redirect-member-gone", SAME, "RFC7296-2.4-8", role="initiator", needs=(*FOLLOWS, Capability.DPD),
    connection=following(), device={"dpd_delay": 1.0}, waits=12,
)  # fmt: skip
def test_member_gone(peer: Peer, dut: Dut) -> None:
    """The second gateway dies in mid-session. Once the device knows that, a new session begins at the first one."""
    own, there = dut.retransmission, second(peer, dut)
    send_away(peer, asked(peer, dut), there)
    sa = served(peer, dut, arrival(peer, there, first(dut)))
    mark = dies(peer, sa, own.patience)
    anew(peer, dut, mark, SAME)


def dies(peer: Peer, sa: ScriptedSa, patience: float) -> int:
    """We answer nothing any more on this IKE SA, until the device has given up; how many messages had come before."""
    peer.idle(0.5)
    peer.forget()
    sa.expect_request(ExchangeType.INFORMATIONAL, timeout=5, where=says_nothing)
    mark = len(peer.inbox)
    peer.idle(1.1 * patience + 1)
    return mark


@purpose(
    "redirect-silent", SAME, GOES, role="initiator", needs=FOLLOWS, connection=following(), waits=12,
)  # fmt: skip
def test_silent(peer: Peer, dut: Dut) -> None:
    """The second gateway does not answer: the device gives up some time, and a new session begins at the first one."""
    own, there = dut.retransmission, second(peer, dut)
    send_away(peer, asked(peer, dut), there)
    request, mark = arrival(peer, there, first(dut)), len(peer.inbox)
    peer.idle(1.1 * own.patience + 1)
    peer.note(f"the device has asked the second gateway {request.copies} times")
    anew(peer, dut, mark, SAME)


# --- loops, and two things at once ------------------------------------------------------------------------------------


@purpose("redirect-loop-auth", "RFC5685-7-1", role="initiator", needs=FOLLOWS, connection=following())
def test_loop_auth(peer: Peer, dut: Dut) -> None:
    """Two gateways send the device to each other after proving who they are: it gives up after some redirects."""
    here, there = first(dut), second(peer, dut)
    request = asked(peer, dut)
    for hops, gateway in enumerate(cycle((there, here)), 1):
        peer.check(hops <= 10, "an end of the redirects, after five or some more", f"{hops} redirects", "RFC5685-7-1")
        sa = peer.respond_init(request)
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=away(gateway))
        try:
            request = next_request(peer, gateway)
        except Unexpected:
            break


@purpose(
    "redirect-amid-rekey", "RFC5685-5-3", "RFC7296-2.3-5", LATER, role="initiator",
    needs=(*FOLLOWS, Capability.REKEY_IKE), connection=following(),
)  # fmt: skip
def test_amid_rekey(peer: Peer, dut: Dut) -> None:
    """While the device rekeys the IKE SA it is sent away: it answers, ends its rekey, and goes."""
    there, sa = second(peer, dut), up(peer, dut)
    dut.rekey_ike()
    rekey = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike)
    sa.informational(redirect(there))
    peer.idle(peer.response_timeout / 4)  # it may go at once, or end its rekey first: not by chance
    sa.answer(rekey)
    served(peer, dut, arrival(peer, there, first(dut), LATER), LATER)


@purpose(
    "redirect-amid-delete", "RFC5685-5-3", "RFC7296-2.3-5", role="initiator", needs=(*FOLLOWS, Capability.DELETE_IKE),
    connection=following(),
)  # fmt: skip
def test_amid_delete(peer: Peer, dut: Dut) -> None:
    """The device deletes the IKE SA when it is sent away: the IKE SA ends, and a new order works as ever."""
    there, sa = second(peer, dut), up(peer, dut)
    dut.delete_ike()
    leave, mark = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike), len(peer.inbox)
    sa.send(ExchangeType.INFORMATIONAL, redirect(there))
    peer.pause()
    sa.answer(leave)
    peer.idle(peer.response_timeout / 4)
    came = [one for one in peer.inbox[mark:] if one.sa is None and one.destination.host == there]
    if came:
        served(peer, dut, came[-1], "RFC5685-5-3")
    else:
        anew(peer, dut, mark, "RFC5685-5-3")


# --- devices that do not follow ---------------------------------------------------------------------------------------


def unwilling(peer: Peer, dut: Dut) -> Received:
    """The IKE_SA_INIT request of a device that is not to follow. Raises NotApplicable for one that says it does."""
    dut.initiate()
    request = peer.expect_init()
    if request.message.notify(NotifyType.REDIRECT_SUPPORTED) is not None:
        raise NotApplicable("it always says that it follows redirects")
    return request


@purpose("redirect-unwilling", UNHEEDED, role="initiator")
def test_unwilling(peer: Peer, dut: Dut) -> None:
    """A device that has not said that it follows is sent away in IKE_SA_INIT, with its nonce: it does not go.

    Whether it goes on waiting for a better response or gives up is its own affair.
    """
    there, request = second(peer, dut), unwilling(peer, dut)
    send_away(peer, request, there)
    must_stay(peer, there, UNHEEDED, peer.response_timeout / 2)


@purpose("redirect-unwilling-auth", IGNORED, UNHEEDED, role="initiator")
def test_unwilling_auth(peer: Peer, dut: Dut) -> None:
    """The same in IKE_AUTH, beside what makes a Child SA: the session stands, and the device does not go."""
    there, request = second(peer, dut), unwilling(peer, dut)
    sa = peer.respond_init(request)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bend.append(redirect(there)))
    must_be_accepted_by(sa, IGNORED)
    must_stay(peer, there, UNHEEDED, peer.response_timeout / 2)


@purpose("redirect-unwilling-later", IGNORED, UNHEEDED, role="initiator")
def test_unwilling_later(peer: Peer, dut: Dut) -> None:
    """The same in the middle of a session: the request is answered, the session stands, and the device does not go."""
    there, request = second(peer, dut), unwilling(peer, dut)
    sa = peer.respond_init(request)
    sa.answer_auth()
    with peer.preamble("the device initiates"):
        must_be_accepted_by(sa)
    answer = sa.informational(redirect(there))
    peer.check(fatal(answer) is None, "a response without an error", answer, IGNORED)
    must_stay(peer, there, UNHEEDED, peer.response_timeout / 2)
    sa.must_be_up(IGNORED)
