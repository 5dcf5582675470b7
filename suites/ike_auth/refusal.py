"""What shows that nothing has come of an IKE_AUTH exchange (RFC 7296, sections 1.2 and 2.21.2).

A device may verify for a while and drop what comes meanwhile, refuse without a word, or keep a refused IKE SA for some
time and answer on it. None of that lets anybody in, and silence at one moment does not show that nobody got in.
"""

from contextlib import suppress

from conformance.ike.core.sending import State
from conformance.script.bend import Bend
from conformance.script.message import Received, Sent
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import AUTH, SA, Delete, ExchangeType, Message, NotifyType, ProtocolID, TSi, TSr
from peers.contract import SaState
from suites.dut import Dut
from suites.ike_auth.initiating import Attempt
from suites.ike_auth.steps import must_be_accepted_by
from suites.judge import Died, Kind

NOT_CREATED = "RFC7296-1.2-18"


def must_be_refused(peer: Peer, sa: ScriptedSa, bent: Bend | None = None) -> None:
    """IKE_AUTH must fail: no proof, no Child SA, no IKE SA, and AUTHENTICATION_FAILED in a protected response."""
    must_be_a_refusal(peer, sa, answer_of(peer, sa, bent), NotifyType.AUTHENTICATION_FAILED)


def must_not_succeed(peer: Peer, sa: ScriptedSa, bent: Bend | None = None) -> Message:
    """IKE_AUTH must fail for whatever reason: an error notify, no proof, no Child SA, and no IKE SA afterwards."""
    answer = answer_of(peer, sa, bent)
    must_be_a_refusal(peer, sa, answer)
    return answer


def must_be_a_refusal(peer: Peer, sa: ScriptedSa, answer: Message, kind: NotifyType | None = None) -> None:
    """This response to IKE_AUTH refuses us, by a notify of this type or any error, and nothing comes of the IKE SA."""
    for one in (AUTH, SA, TSi, TSr):
        absent = answer.first(one) is None
        peer.check(absent, f"no {one.__name__} in the response", answer, NOT_CREATED, bypass=True)
    must_be_gone(peer, sa, told=fatal(answer) is not None)
    if kind is None:
        peer.check(fatal(answer), "an error notify", answer, "RFC7296-2.21.2-1")
    else:
        notify = peer.expect_notify(answer, kind, "RFC7296-2.21.2-1")
        peer.check(not notify.data, f"{kind.name} without data", notify.data.hex(), "RFC7296-3.10.1-8")


def answer_of(peer: Peer, sa: ScriptedSa, bent: Bend | None = None) -> Message:
    """The response to our IKE_AUTH request; without one there must be no IKE SA either.

    Nothing binds a device to answer a peer that it has not authenticated, so silence breaks a recommendation only. If
    it answers it must not do so in the clear, except that by then it may know of no such IKE SA.
    """
    sa.first_child = sa.connection.children[0].name
    sent = sa.begin(sa.start_auth, bent)
    try:
        return sa.response(sent).message
    except Unexpected as unanswered:
        silent = unanswered
    sa.pending = None
    clear = [one for one in peer.inbox if _in_the_clear(one, sa)]
    must_be_gone(peer, sa, told=bool(clear))
    peer.check(not clear, "the error in a protected response", clear[0] if clear else "", "RFC7296-2.21.2-2")
    raise Unexpected("an error notify", silent.got, "RFC7296-2.21.2-1")


def _in_the_clear(one: Received, sa: ScriptedSa) -> bool:
    found = fatal(one.message)
    ours = one.sa is sa and not one.protected and one.message.exchange == ExchangeType.IKE_AUTH
    return ours and found is not None and found.type != NotifyType.INVALID_IKE_SPI


def must_be_gone(peer: Peer, sa: ScriptedSa, *, told: bool) -> None:
    """The device has no such IKE SA. ``told``: it has said so, and may still answer on it, but makes no Child SA."""
    sa.state = State.ESTABLISHED  # so that what the device asks is answered as if nothing were wrong
    check = sa.send(ExchangeType.INFORMATIONAL)
    control(peer)
    nothing_came_of(peer, sa, check, told=told)


def must_be_refused_by(dut: Dut, peer: Peer, attempt: Attempt) -> None:
    """The device as initiator has not accepted our IKE_AUTH response. Telling us so is optional (section 2.21.2).

    A liveness check is repeated until the device says so, lists the IKE SA no more, or the time for an answer is over.
    """
    sa = attempt.sa
    sa.state = State.ESTABLISHED  # so that what the device asks is answered as if nothing were wrong
    check = sa.send(ExchangeType.INFORMATIONAL)
    dut.watch(sa.spi_i, lambda: requests(peer, sa), lambda: sa.resend(check))
    if attempt.beside is not None:
        none_the_worse(peer, attempt.beside)
    up = dut.state(sa.spi_i) == SaState.ESTABLISHED
    peer.check(not up, "no IKE SA for this peer", "an IKE SA that is listed as established", NOT_CREATED, bypass=True)
    nothing_came_of(peer, sa, check, told=any(map(refuses, requests(peer, sa))))


def is_taken_by(dut: Dut, peer: Peer, sa: ScriptedSa) -> bool:
    """Whether the device as initiator has accepted our IKE_AUTH response, where it may or may not.

    It may answer on an IKE SA while it still checks what we have shown, so an answer alone tells nothing.
    """
    dut.watch(sa.spi_i, lambda: any(map(refuses, requests(peer, sa))))
    if any(map(refuses, requests(peer, sa))):
        return False
    try:
        must_be_accepted_by(sa)
    except Unexpected:
        return False
    return not any(map(refuses, requests(peer, sa)))


def requests(peer: Peer, sa: ScriptedSa) -> list[Received]:
    """What the device has asked on an IKE SA after IKE_AUTH."""
    return [
        one
        for one in peer.inbox
        if one.sa is sa
        and one.protected
        and not one.message.is_response
        and one.message.exchange != ExchangeType.IKE_AUTH
    ]


def refuses(request: Received) -> bool:
    """True for a request by which a device as initiator says that it does not take us: an error, or a Delete."""
    message = request.message
    return fatal(message) is not None or any(one.protocol == ProtocolID.IKE for one in message.all(Delete))


def nothing_came_of(peer: Peer, sa: ScriptedSa, check: Sent, *, told: bool) -> None:
    """``check``, a liveness check, was not answered as on an IKE SA that is up, and the device has asked nothing there.

    A device that has refused us may answer for a while nevertheless, best if it has ``told`` us. What tells then is
    whether it makes a Child SA there, and whether it would do so on an IKE SA that is up.
    """
    asked = [one for one in requests(peer, sa) if not refuses(one)]
    shown = f"a request on its IKE SA: {asked[0]}" if asked else ""
    peer.check(not asked, "no IKE SA for this peer", shown, NOT_CREATED, bypass=True)
    alive = [one for one in answers(peer, sa, check) if fatal(one.message) is None]
    if not alive:
        return
    sa.pending, sa.next_id = None, check.message.message_id + 1
    made = child_on(sa)
    peer.check(made is None, "no IKE SA for this peer", made, NOT_CREATED, bypass=True)
    if not told:
        expected, shown = "no IKE SA for this peer", f"an answer to a liveness check: {alive[0]}"
        peer.check(control(peer, ask=True), expected, shown, NOT_CREATED)
    peer.note("it answers a liveness check on the IKE SA that it has refused, and nothing else")


def child_on(sa: ScriptedSa) -> Message | None:
    """The response by which the device makes a Child SA on an IKE SA; None: it does not."""
    offer = sa.make_offer(sa.connection.children[0], with_ke=True)
    try:
        answer = sa.request(ExchangeType.CREATE_CHILD_SA, *sa.child_request(offer))
    except Unexpected:
        return None
    return answer if answer.first(SA) is not None else None


def answers(peer: Peer, sa: ScriptedSa, sent: Sent) -> list[Received]:
    """The protected responses to a request that is not waited for."""
    wanted = sent.message
    return [
        one
        for one in peer.inbox
        if one.sa is sa and one.protected and one.message.is_response
        and (one.message.exchange, one.message.message_id) == (wanted.exchange, wanted.message_id)
    ]  # fmt: skip


def control(peer: Peer, sa: ScriptedSa | None = None, *, ask: bool = False) -> bool:
    """A whole handshake with the right credentials succeeds here and now, and leaves nothing behind.

    It shows, too, that the device is through with what it got before. ``sa`` is a half-open IKE SA to complete. Returns
    whether the device makes another Child SA there, if we ``ask`` for one. Raises Inconclusive if it does not work.
    """
    with peer.preamble("the same with the right credentials"):
        if sa is None:
            sa = peer.sa(initial_contact=False)
            sa.init()
        sa.auth()
        sa.must_be_established()
    made = ask and child_on(sa) is not None
    with suppress(Unexpected):
        sa.delete()
    return made


def none_the_worse(peer: Peer, sa: ScriptedSa) -> None:
    """A half-open IKE SA of ours goes on with the right credentials, whatever the device has got on another one.

    Raises Died if the device knows nothing of it any more, though it serves us otherwise.
    """
    try:
        control(peer, sa)
    except Inconclusive:
        control(peer)
        raise Died(Kind.CRASH, "the device has lost a half-open IKE SA: it restarted or dropped it") from None
