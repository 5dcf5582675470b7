"""Sweeps over the fields of a method's packets: everything wrong with them, one at a time, on an IKE SA of its own.

What proves something must be there for a device to believe it. Where a variation leaves those octets as they are, in
their place, nobody is accused who is content with them; such a variation only must not kill the device.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random

from conformance.eap.conversation import Outcome
from conformance.eap.gtc import Gtc
from conformance.eap.layout import Body
from conformance.eap.md5 import Md5
from conformance.eap.mschapv2 import Response, Success, SuccessResponse
from conformance.eap.registry import body_of
from conformance.eap.sweep import Variation, variations
from conformance.ike.core.connection import Eap
from conformance.ike.core.sending import State
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, EAP, EapCode, EapPacket, EapType, ExchangeType, Message
from suites.dut import Dut
from suites.eap.steps import asked, nothing_yet, packet, until_method
from suites.ike_auth.refusal import control, refuses, requests

ROUNDS = 10
"""Rounds that a conversation may go on after what was wrong."""
SAMPLE = 12
"""Variations of a reduced sweep."""
BATCH = 16
"""Variations between two ordinary handshakes."""
SILENCES = 3
"""After so many variations that got no answer a sweep ends."""
LONGEST = {False: 10.0, True: 100.0}
"""Seconds after which a reduced and a whole sweep end: a device may answer a wrong password after seconds only."""

PROOFS: dict[type[Body], Sequence[slice]] = {
    Md5: (slice(1, 17),),
    Response: (slice(1), slice(5, 21), slice(29, 53)),
    SuccessResponse: (slice(1),),
    Success: (slice(1), slice(4, 46)),
}
"""The octets of a body that prove something: a hash, and the code that says what it is."""


@dataclass(frozen=True, slots=True)
class Case:
    """One variation of the method's packet with this number, counted from 1."""

    number: int
    body: Body
    variation: Variation

    @property
    def text(self) -> str:
        """What is wrong."""
        return f"{type(self.body).__name__}: {self.variation.text}"

    @property
    def bend(self) -> Bend:
        """That in our packet, whatever the values of its other fields are this time."""

        def varied(one: EapPacket) -> EapPacket:
            return replace(one, data=self.variation.change(body_of(one)).encode())

        return packet(varied, self.text)

    @property
    def proves_nothing(self) -> bool:
        """Whether the octets that prove something are not what they should be."""
        straight, bent = self.body.encode(), self.variation.change(self.body).encode()
        if isinstance(self.body, Gtc):  # the password is all of it; zeros behind it may be the end of a string
            return bent.rstrip(b"\0") != straight
        return any(straight[place] != bent[place] for place in PROOFS.get(type(self.body), ()))


def cases(bodies: Sequence[Body]) -> list[Case]:
    """All variations of these packets of one conversation."""
    return [Case(number, body, one) for number, body in enumerate(bodies, 1) for one in variations(body)]


def sample(found: Sequence[Case], size: int = SAMPLE) -> list[Case]:
    """Some of them, the same ones each time: of each packet, of what proves nothing and of what might be taken."""
    kinds = sorted({(not one.proves_nothing, one.number) for one in found})
    chosen = []
    for kind in kinds:
        alike = [one for one in found if (not one.proves_nothing, one.number) == kind]
        chosen += Random(f"sweep {kind}").sample(alike, min(len(alike), size // len(kinds)))
    return chosen


def tried(peer: Peer, found: Sequence[Case], *, whole: bool) -> Iterator[Case]:
    """The cases one after the other, as long as there is time."""
    chosen = list(found) if whole else sample(found)
    until = peer.link.now() + LONGEST[whole]
    for number, case in enumerate(chosen):
        if peer.link.now() > until:
            peer.note(f"no time for {len(chosen) - number} of {len(chosen)} variations")
            return
        peer.note(case.text)
        yield case


def is_of_method(found: EapPacket | None) -> bool:
    """Whether a packet is a Request or Response of a method."""
    return found is not None and found.type not in (None, EapType.IDENTITY, EapType.NOTIFICATION, EapType.NAK)


# --- the device as responder ------------------------------------------------------------------------------------------


def our_responses(peer: Peer) -> list[Body]:
    """What we send of the method in an ordinary conversation."""
    found = []
    with peer.preamble("EAP"):
        sa = peer.sa()
        answer = asked(peer, sa)
        while peer.expect(answer, EAP).packet.code == EapCode.REQUEST:
            answer = sa.proceed(answer)
            sent = sa.as_peer.sent if sa.as_peer is not None else None
            if sent is not None and is_of_method(sent):
                found.append(body_of(sent))
        sa.conclude(sa.proceed(answer))
        sa.must_be_established()
        sa.delete()
    return found


def sweep(peer: Peer, *, whole: bool = False) -> None:
    """Each variation of each of our responses must lead to no Success, unless what counts in it is right all the same.

    After each batch an ordinary handshake shows that the device lives; the trace has the name of each variation.
    """
    found = cases(our_responses(peer))
    silent: list[str] = []
    for count, case in enumerate(tried(peer, found, whole=whole), 1):
        if not leads_nowhere(peer, case):
            silent.append(case.text)
        if count % BATCH == 0 or len(silent) == SILENCES:
            control(peer)
        if len(silent) == SILENCES:
            break
    control(peer)
    peer.check(not silent, "an EAP-Failure or an error notify", f"nothing for {'; '.join(silent)}", "RFC7296-2.21.2-1")


def leads_nowhere(peer: Peer, case: Case) -> bool:
    """One variation, and whatever follows from it. False: the device has not answered it."""
    sa = peer.sa(initial_contact=False)
    answer = until_method(peer, sa, case.number)
    try:
        answer = patiently(sa, answer, case.bend)
    except Unexpected:
        sa.pending = None
        return False
    with suppress(Unexpected):  # our side has nothing more to say
        for _ in range(ROUNDS):
            nothing_yet(peer, answer)
            told = answer.first(EAP)
            if told is None or told.packet.code != EapCode.REQUEST:
                break
            answer = sa.proceed(answer)
    told = answer.first(EAP)
    succeeded = told is not None and told.packet.code == EapCode.SUCCESS
    if case.proves_nothing:
        peer.check(not succeeded, f"no EAP-Success after {case.text}", answer, "RFC7296-1.2-18", bypass=True)
    peer.check(answer.first(AUTH) is None, f"no proof after {case.text}", answer, "RFC7296-1.2-18", bypass=True)
    if fatal(answer) is None and (told is None or told.packet.code != EapCode.FAILURE):
        leave(sa)
    return True


def patiently(sa: ScriptedSa, answer: Message, bent: Bend) -> Message:
    """The next round; a device may take its time to tell a wrong password, so that guessing takes its time as well."""
    try:
        return sa.proceed(answer, bent)
    except Unexpected:
        if sa.pending is None:
            raise
        return sa.take_response()


def leave(sa: ScriptedSa) -> None:
    """End an IKE SA that the device would keep half-open: it goes on with nothing. Nobody waits for the answer."""
    sa.pending = None
    sa.send(ExchangeType.IKE_AUTH)


# --- the device as initiator ------------------------------------------------------------------------------------------


def our_requests(peer: Peer, dut: Dut) -> list[Body]:
    """What we ask of the method in an ordinary conversation."""
    found = []
    with peer.preamble("EAP"):
        sa, request = begun(peer, dut)
        while True:
            sa.answer(request)
            sent = sa.as_server.sent if sa.as_server is not None else None
            if sent is not None and is_of_method(sent) and sa.state == State.HALF_OPEN:
                found.append(body_of(sent))
            if sa.state != State.HALF_OPEN:
                break
            request = following(sa, request)
        sa.must_be_established()
    part(peer, dut, sa)
    return found


def begun(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received]:
    """The device has begun an IKE SA, and its first IKE_AUTH request waits."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    return sa, sa.expect_request(ExchangeType.IKE_AUTH)


def sweep_initiator(peer: Peer, dut: Dut, *, whole: bool = False) -> None:
    """Each variation of each of our requests must convince nobody, and no AUTH payload may come before a Success."""
    found = cases(our_requests(peer, dut))
    for case in tried(peer, found, whole=whole):
        must_not_convince(peer, dut, case)
    dut.initiate()
    sa = peer.accept()
    sa.delete()


def must_not_convince(peer: Peer, dut: Dut, case: Case) -> None:
    """One variation, and whatever follows from it."""
    auth = peer.connection.remote.auth
    assert isinstance(auth, Eap)
    due = auth.asked + case.number - 1
    with peer.preamble("EAP"):
        sa, request = begun(peer, dut)
        for _ in range(due):
            sa.answer(request)
            request = following(sa, request)
    sa.answer(request, bend=case.bend)
    asked = sa.as_server.sent if sa.as_server is not None else None
    for number in range(ROUNDS):
        if sa.state != State.HALF_OPEN:
            break
        found = next_request(peer, dut, sa, request)
        if found is None:
            break
        request, told = found, found.message.first(EAP)
        if number == 0 and told is not None and asked is not None:
            must_fit(peer, case, asked, told.packet)
        ended = sa.as_server is not None and sa.as_server.outcome is Outcome.SUCCESS
        early = request.message.first(AUTH) is not None and not ended
        peer.check(not early, f"no AUTH payload after {case.text}", request, "RFC3748-4.2-3", bypass=True)
        sa.answer(request)
    part(peer, dut, sa)


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
    if not isinstance(case.body, Success) or case.proves_nothing:
        approved = isinstance(body_of(told), SuccessResponse)
        peer.check(not approved, f"no Success response to {case.text}", told, "RFC3748-4.2-5", bypass=True)


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
