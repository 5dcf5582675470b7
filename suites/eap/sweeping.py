"""Sweeps over the fields of a method's packets: everything wrong with them, one at a time, on an IKE SA of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.eap.conversation import Conversation, Outcome
from conformance.eap.layout import Body
from conformance.eap.mschapv2 import SuccessResponse
from conformance.eap.registry import body_of
from conformance.eap.simaka import AkaChallenge, Message, SimChallenge
from conformance.eap.simaka_attributes import At
from conformance.ike.core.sending import State
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import AUTH, EAP, EapCode, EapPacket, EapType, ExchangeType
from conformance.wire import Message as IkeMessage
from suites.dut import Dut
from suites.eap.cases import Case, Said, order, sample
from suites.eap.preparing import Prepare, plainly
from suites.eap.steps import asked, nothing_yet
from suites.ike_auth.refusal import control, refuses, requests

ROUNDS = 60
"""Rounds that a conversation may take."""
BATCH = 16
"""Variations between two ordinary handshakes."""
SILENCES = 3
"""After so many variations that got no answer a sweep ends."""
LONGEST = {False: 10.0, True: 40.0}
"""Seconds after which a reduced and a whole sweep end: a device may answer a wrong password after seconds only."""


def tried(peer: Peer, chosen: Sequence[Case], longest: float) -> Iterator[Case]:
    """The cases one after the other, as long as there is time."""
    until = peer.link.now() + longest
    for number, case in enumerate(chosen):
        if peer.link.now() > until:
            peer.note(f"no time for {len(chosen) - number} of {len(chosen)} variations")
            return
        peer.note(case.text)
        yield case


def armed(case: Case, prepare: Prepare) -> Prepare:
    """Our side is prepared, and will say what is wrong."""

    def both(conversation: Conversation) -> None:
        prepare(conversation)
        case.arm(conversation)

    return both


# --- the device as responder ------------------------------------------------------------------------------------------


def our_responses(peer: Peer, prepare: Prepare = plainly) -> Said:
    """What we say of the method in an ordinary conversation."""
    with peer.preamble("EAP"):
        sa = peer.sa()
        sa.at_eap = prepare
        answer = asked(peer, sa)
        while peer.expect(answer, EAP).packet.code == EapCode.REQUEST:
            answer = sa.proceed(answer)
        assert sa.as_peer is not None
        sa.conclude(sa.proceed(answer))
        sa.must_be_established()
        sa.delete()
    return Said.of(sa.as_peer)


def sweep(peer: Peer, *, whole: bool = False, prepare: Prepare = plainly) -> None:
    """Each variation of each of our responses must lead to no Success, unless what counts in it is right all the same.

    After each batch an ordinary handshake shows that the device lives; the trace has the name of each variation.
    """
    found = our_responses(peer, prepare).cases()
    _none_succeeds(peer, order(found) if whole else sample(found), LONGEST[whole], prepare)


def each(peer: Peer, *cases: Case, prepare: Prepare = plainly) -> None:
    """None of these may lead to Success."""
    _none_succeeds(peer, cases, LONGEST[True], prepare)


def _none_succeeds(peer: Peer, chosen: Sequence[Case], longest: float, prepare: Prepare) -> None:
    silent: list[str] = []
    for count, case in enumerate(tried(peer, chosen, longest), 1):
        if not leads_nowhere(peer, case, prepare):
            silent.append(case.text)
        if count % BATCH == 0 or len(silent) == SILENCES:
            control(peer)
        if len(silent) == SILENCES:
            break
    control(peer)
    peer.check(not silent, "an EAP-Failure or an error notify", f"nothing for {'; '.join(silent)}", "RFC7296-2.21.2-1")


def leads_nowhere(peer: Peer, case: Case, prepare: Prepare = plainly) -> bool:
    """One variation, and whatever follows from it. False: the device has not answered it."""
    answer = ended(peer, case, prepare)
    if answer is not None and case.proves_nothing:
        told = answer.first(EAP)
        succeeded = told is not None and told.packet.code == EapCode.SUCCESS
        peer.check(not succeeded, f"no EAP-Success after {case.text}", answer, "RFC7296-1.2-18", bypass=True)
    return answer is not None


def ended(peer: Peer, case: Case, prepare: Prepare = plainly) -> IkeMessage | None:
    """The last response that followed from a variation. None: the device has not answered it."""
    sa = peer.sa(initial_contact=False)
    sa.at_eap = armed(case, prepare)
    answer = asked(peer, sa)
    first, answered = sa.received, True
    try:
        for _ in range(ROUNDS):
            nothing_yet(peer, answer)
            told = answer.first(EAP)
            if told is None or told.packet.code != EapCode.REQUEST:
                break
            answer = patiently(sa, answer)
    except Unexpected:  # nothing comes, or our side has nothing more to say
        answered = sa.pending is None
        sa.pending = None
    if not case.was_sent(sa.as_peer):
        raise Inconclusive(f"no occasion for {case.text}")
    if not answered:
        return None
    early = answer.first(AUTH) is not None and sa.received is not first
    peer.check(not early, f"no proof after {case.text}", answer, "RFC7296-1.2-18", bypass=True)
    told = answer.first(EAP)
    if fatal(answer) is None and (told is None or told.packet.code != EapCode.FAILURE):
        leave(sa)
    return answer


def patiently(sa: ScriptedSa, answer: IkeMessage) -> IkeMessage:
    """The next round; a device may take its time to tell a wrong password, so that guessing takes its time as well."""
    try:
        return sa.proceed(answer)
    except Unexpected:
        if sa.pending is None:
            raise
        return sa.take_response()


def leave(sa: ScriptedSa) -> None:
    """End an IKE SA that the device would keep half-open: it goes on with nothing. Nobody waits for the answer."""
    sa.pending = None
    sa.send(ExchangeType.IKE_AUTH)


# --- the device as initiator ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """What the device has said as peer.

    Attributes:
        bodies: its responses, that with its identity included.
        proved: it has sent AUTH: it believes us.
        up: so there is an IKE SA, with keys that both sides have made.
    """

    bodies: tuple[Body, ...]
    proved: bool
    up: bool

    @property
    def messages(self) -> list[Message]:
        """Those of SIM and AKA."""
        return [one for one in self.bodies if isinstance(one, Message)]


def our_requests(peer: Peer, dut: Dut, prepare: Prepare = plainly) -> Said:
    """What we say of the method in an ordinary conversation."""
    with peer.preamble("EAP"):
        sa, request = begun(peer, dut)
        sa.at_eap = prepare
        for _ in range(ROUNDS):
            sa.answer(request)
            if sa.state != State.HALF_OPEN:
                break
            request = following(sa, request)
        sa.must_be_established()
    assert sa.as_server is not None
    found = Said.of(sa.as_server)
    part(peer, dut, sa)
    return found


def begun(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received]:
    """The device has begun an IKE SA, and its first IKE_AUTH request waits."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    return sa, sa.expect_request(ExchangeType.IKE_AUTH)


def sweep_initiator(peer: Peer, dut: Dut, *, whole: bool = False, prepare: Prepare = plainly) -> None:
    """Each variation of each of our requests must convince nobody, and no AUTH payload may come before a Success."""
    found = our_requests(peer, dut, prepare).cases()
    for case in tried(peer, order(found) if whole else sample(found), LONGEST[whole]):
        must_not_convince(peer, dut, case, prepare)
    dut.initiate()
    sa = peer.accept()
    sa.delete()


def must_not_convince(peer: Peer, dut: Dut, case: Case, prepare: Prepare = plainly) -> None:
    """One variation, and whatever follows from it."""
    with peer.preamble("EAP"):
        sa, request = begun(peer, dut)
    sa.at_eap = armed(case, prepare)
    for _ in range(ROUNDS):
        before = case.was_sent(sa.as_server)
        sa.answer(request)
        sent = case.was_sent(sa.as_server)
        asked = sa.as_server.sent if sa.as_server is not None else None
        if sa.state != State.HALF_OPEN:
            break
        found = next_request(peer, dut, sa, request)
        if found is None:
            break
        request, told = found, found.message.first(EAP)
        if sent and not before and told is not None and asked is not None:
            must_fit(peer, case, asked, told.packet)
        if sent:
            must_not_prove(peer, case, sa, request)
    if not case.was_sent(sa.as_server):
        raise Inconclusive(f"no occasion for {case.text}")
    part(peer, dut, sa)


def heard(peer: Peer, dut: Dut, prepare: Prepare) -> Heard:
    """A conversation to its end, however that comes."""
    with peer.preamble("IKE_SA_INIT"):
        sa, first = begun(peer, dut)
    sa.at_eap = prepare
    bodies, proved = [], False
    for request in further_requests(peer, dut, sa, first, ROUNDS):
        told = request.message.first(EAP)
        proved = proved or request.message.first(AUTH) is not None
        if told is not None:
            peer.note(f"the device says {body_of(told.packet)}")
            bodies.append(body_of(told.packet))
    up = bool(sa.children) and sa.state == State.ESTABLISHED and not sa.problem
    part(peer, dut, sa)
    return Heard(tuple(bodies), proved, up)


def must_not_prove(peer: Peer, case: Case, sa: ScriptedSa, request: Received) -> None:
    """The device sends AUTH only after a Success that it may believe."""
    ended = sa.as_server is not None and sa.as_server.outcome is Outcome.SUCCESS
    early = request.message.first(AUTH) is not None and not ended
    peer.check(not early, f"no AUTH payload after {case.text}", request, "RFC3748-4.2-3", bypass=True)
    if case.proves_nothing:
        proved = request.message.first(AUTH) is not None
        peer.check(not proved, f"no AUTH payload after {case.text}", request, "RFC3748-4.2-5", bypass=True)


def part(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """Wait until the device has left the IKE SA, or delete it: it would be used in place of a new one."""
    up = sa.children and sa.state == State.ESTABLISHED
    sa.state = State.ESTABLISHED  # so that it is told that we have heard how it ended
    if up:
        dut.watch(sa.spi_i, lambda: False)  # until it has our last response, too
        sa.delete()
    else:
        dut.watch(sa.spi_i, lambda: any(map(refuses, requests(peer, sa))))
    until = peer.link.now() + peer.response_timeout
    while dut.state(sa.spi_i) is not None and peer.link.now() < until:
        peer.idle(peer.response_timeout / 100)


def must_fit(peer: Peer, case: Case, asked: EapPacket, told: EapPacket) -> None:
    """What the device says to the variation: a Response of this Type, or a Nak, and no approval of a wrong proof."""
    fits = told.identifier == asked.identifier and told.code == EapCode.RESPONSE
    peer.check(fits, f"a Response with Identifier {asked.identifier} to {case.text}", told, "RFC3748-4.1-6")
    peer.check(
        told.type in (asked.type, EapType.NAK), f"the Type of the request, or a Nak: {case.text}", told, "RFC3748-4.1-8"
    )
    if not case.approvable:
        peer.check(not approves(body_of(told)), f"no approval of {case.text}", told, "RFC3748-4.2-5", bypass=True)


def approves(found: Body) -> bool:
    """Whether a response of the device says that it has taken us for the server."""
    answers = isinstance(found, SimChallenge | AkaChallenge) and found.find(At.MAC) is not None
    return answers or isinstance(found, SuccessResponse)


def further_requests(peer: Peer, dut: Dut, sa: ScriptedSa, first: Received, rounds: int) -> Iterator[Received]:
    """Answer a request of IKE_AUTH and those that follow; each of these, until an end or so many answers."""
    request = first
    for _ in range(rounds):
        sa.answer(request)
        if sa.state != State.HALF_OPEN:
            return
        found = next_request(peer, dut, sa, request)
        if found is None:
            return
        request = found
        yield request


def next_request(peer: Peer, dut: Dut, sa: ScriptedSa, last: Received) -> Received | None:
    """The request of IKE_AUTH that follows; None where the device has ended it or says nothing more."""

    def heard() -> Received | None:
        return next(
            (
                one
                for one in peer.inbox
                if one.sa is sa and one.protected and not one.message.is_response
                and one.message.message_id > last.message.message_id
            ),
            None,
        )  # fmt: skip

    sa.state = State.ESTABLISHED  # so that it is told that we have heard how it ended
    dut.watch(sa.spi_i, heard)
    found = heard()
    if found is None or found.message.exchange != ExchangeType.IKE_AUTH:
        return None
    sa.state = State.HALF_OPEN
    return following(sa, last)


def following(sa: ScriptedSa, last: Received) -> Received:
    """The next request of IKE_AUTH, and not the last one again."""
    return sa.expect_request(ExchangeType.IKE_AUTH, where=lambda one: one.message_id > last.message.message_id)
