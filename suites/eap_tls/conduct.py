"""A conversation of EAP-TLS in which our side deviates, and what may come of it, in both roles.

A device may refuse by a TLS alert and an EAP-Failure behind it, by a Failure at once, by an error notify, as initiator
also by deleting its IKE SA or without a word. What nobody may do is to take us for authenticated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from conformance.eap.conversation import Conversation, Outcome
from conformance.eap.peer import EapPeer
from conformance.eap.registry import body_of
from conformance.eap.server import EapServer
from conformance.eap.tls_frames import Frame
from conformance.eap.tls_method import TlsMethod
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from conformance.tls import TlsVersion, split_records
from conformance.wire import AUTH, EAP, EapCode, Message
from suites.dut import Dut
from suites.eap.steps import asked, must_be_up, nothing_yet
from suites.eap.sweeping import further_requests, leave, part
from suites.eap_tls.deviation import APPLICATION_DATA, Deviation, straight
from suites.ike_auth.initiating import Attempt, begun
from suites.ike_auth.refusal import NOT_CREATED, must_be_gone, must_be_refused_by
from suites.ike_auth.steps import must_be_accepted_by

ROUNDS = 60
"""Rounds of EAP that a conversation may take, fragments and acknowledgements included."""
SERVER_HELLO = 0x1602
PROTOCOL_VERSION = 70
UNSPOKEN = (40, PROTOCOL_VERSION, 71)
"""Alerts by which a side may say that there is no common version, handshake_failure the first of them."""
TOLD = "RFC7296-2.21.2-1"
_WORKS: WeakKeyDictionary[Peer, set[tuple[TlsVersion | None, bool]]] = WeakKeyDictionary()
"""The versions that have worked in this purpose with nothing wrong, and whether the device was the peer."""


@dataclass(slots=True)
class Played:
    """How a conversation went.

    Attributes:
        applied: that the deviation came into play, once for each time.
        last: what the device has said last; as initiator its proof, or None.
        silent: it has not answered.
        stuck: our side has nothing more to say, since it is not content or done.
        greeted: the device as server has answered with a ServerHello.
        committed: behind it came what is encrypted with a key of both.
    """

    deviation: Deviation
    sa: ScriptedSa
    applied: list[str] = field(default_factory=list)
    last: Message | None = None
    silent: Unexpected | None = None
    stuck: bool = False
    greeted: bool = False
    committed: bool = False

    def prepare(self, conversation: Conversation) -> None:
        """Our side deviates."""
        assert isinstance(conversation, EapPeer | EapServer)
        made: list[Any] = [self.deviation.method(one, self.applied.append) for one in conversation.methods]  # type: ignore[arg-type]
        conversation.methods = made if isinstance(conversation, EapServer) else tuple(made)

    @property
    def method(self) -> TlsMethod | None:
        """Our side of the method, once it has begun."""
        found = self.sa.as_peer or self.sa.as_server
        return found.method if found is not None and isinstance(found.method, TlsMethod) else None

    @property
    def why(self) -> str:
        """What our side has to say about its end."""
        method = self.method
        error = method.engine.error if method is not None and method.engine is not None else None
        return str(error or self.sa.problem or "it has ended before")

    def must_speak(self) -> None:
        """Raises NotApplicable where one of both has refused the only version that the deviation has."""
        method = self.method
        error = method.engine.error if method is not None and method.engine is not None else None
        version = self.deviation.version
        if version is None or error is None:
            return
        if error.alert == PROTOCOL_VERSION or (error.alert in UNSPOKEN and not self.greeted):
            raise NotApplicable(f"it does not speak {version} with us: {error}")

    def must_have_deviated(self) -> None:
        """It came to the deviation. Raises NotApplicable where the device does not speak the version."""
        if self.applied and not self.deviation.at_once:
            return
        self.must_speak()
        if self.applied:
            return
        raise Inconclusive(f"it did not come to {self.deviation.text}: {self.why}")

    @property
    def ending(self) -> str:
        """What came last, in words."""
        refusal = fatal(self.last) if self.last is not None else None
        if refusal is not None:
            return str(refusal.type)
        return "no EAP packet" if self.code is None else f"EAP {self.code.name}"

    @property
    def code(self) -> EapCode | None:
        """The code of the EAP packet in what came last."""
        found = self.last.first(EAP) if self.last is not None else None
        return None if found is None else EapCode(found.packet.code)


# --- the device as responder ------------------------------------------------------------------------------------------


def told(peer: Peer, deviation: Deviation) -> Played:
    """All rounds of EAP with the device as the server, up to its Success or Failure, an error or silence."""
    sa = peer.sa(initial_contact=False)
    played = Played(deviation, sa)
    sa.at_eap = played.prepare
    played.last = asked(peer, sa)
    for _ in range(ROUNDS):
        nothing_yet(peer, played.last)
        types = _records(played.last)
        played.greeted |= types[:1] == [SERVER_HELLO]
        played.committed |= types[:1] == [SERVER_HELLO] and APPLICATION_DATA in types
        if played.code != EapCode.REQUEST or fatal(played.last) is not None:
            break
        try:
            played.last = sa.proceed(played.last)
        except Unexpected as problem:
            played.silent, played.stuck = (problem, False) if sa.pending is not None else (None, True)
            break
    return played


def _records(answer: Message) -> list[int]:
    """The content types of the records in a frame; a ServerHello in front of them is 0x1602."""
    found = answer.first(EAP)
    frame = body_of(found.packet) if found is not None and found.packet.data else None
    if not isinstance(frame, Frame):
        return []
    types = [one[0] for one in split_records(frame.data)]
    greets = frame.data[:1] == b"\x16" and frame.data[5:6] == b"\x02"
    return [SERVER_HELLO, *types[1:]] if greets else types


def must_refuse(peer: Peer, deviation: Deviation, advice: str | None = None) -> Played:
    """The device must not take us for authenticated; or it should not, where that is mere ``advice``."""
    played = told(peer, deviation)
    success = played.code == EapCode.SUCCESS
    if success:
        played.must_have_deviated()
    expected = f"no EAP-Success after {deviation.text}"
    peer.check(not success, expected, played.last, advice or NOT_CREATED, bypass=advice is None)
    played.must_have_deviated()
    _must_have_ended(peer, played)
    _must_work_otherwise(peer, deviation)
    return played


def _must_work_otherwise(peer: Peer, deviation: Deviation) -> None:
    """Who refuses our engine as such has not refused what was wrong. Raises Inconclusive."""
    key = deviation.version, False
    if not deviation.within or key in _WORKS.setdefault(peer, set()):
        return
    played = told(peer, straight(deviation.version))
    if played.code != EapCode.SUCCESS:
        played.must_speak()
        raise Inconclusive(f"the same with nothing wrong does not work: {played.ending}: {played.why}")
    _must_come_up(peer, played)
    _WORKS[peer].add(key)


def _must_have_ended(peer: Peer, played: Played) -> None:
    assert played.last is not None
    if played.stuck:
        leave(played.sa)
    played.sa.pending = None
    ended = played.stuck or fatal(played.last) is not None or played.code == EapCode.FAILURE
    must_be_gone(peer, played.sa, told=ended and played.silent is None)
    if played.silent is not None:
        raise Unexpected("an EAP-Failure or an error notify", played.silent.got, TOLD)


def must_take(peer: Peer, deviation: Deviation, requirement: str) -> Played:
    """The device must take us for authenticated nevertheless."""
    played = told(peer, deviation)
    if played.code != EapCode.SUCCESS:
        played.must_speak()
        played.must_have_deviated()
        _must_work_otherwise(peer, deviation)
    shown = played.silent.got if played.silent is not None else f"{played.ending}: {played.why}"
    peer.check(played.code == EapCode.SUCCESS, f"EAP-Success after {deviation.text}", shown, requirement)
    played.must_have_deviated()
    _must_come_up(peer, played)
    return played


def _must_come_up(peer: Peer, played: Played) -> None:
    assert played.last is not None
    sa = played.sa
    try:
        answer = sa.proceed(played.last)
    except Unexpected:
        expected = f"no EAP-Success as long as TLS has not ended, after {played.deviation.text}"
        peer.check(False, expected, f"EAP-Success, though {sa.problem}", NOT_CREATED, bypass=True)
        raise
    sa.conclude(answer)
    must_be_up(peer, sa)
    sa.delete()


def may_take(peer: Peer, deviation: Deviation) -> Played:
    """The device may refuse us, or take us with the same keys on both sides; it lives, and says what it does."""
    played = told(peer, deviation)
    played.must_have_deviated()
    if played.code == EapCode.SUCCESS:
        _must_come_up(peer, played)
    else:
        _must_have_ended(peer, played)
        _must_work_otherwise(peer, deviation)
    return played


# --- the device as initiator ------------------------------------------------------------------------------------------


def served(peer: Peer, dut: Dut, deviation: Deviation) -> tuple[Played, Attempt, Received]:
    """All rounds of EAP with the device as the peer, up to its AUTH payload, which waits, or its end."""
    attempt = begun(peer, dut)
    sa, request = attempt.sa, attempt.request
    played = Played(deviation, sa)
    sa.at_eap = played.prepare
    sa.staying = True
    for request in further_requests(peer, dut, sa, attempt.request, ROUNDS):
        if request.message.first(AUTH) is not None:
            played.last = request.message
            break
    return played, attempt, request


def must_not_believe(peer: Peer, dut: Dut, deviation: Deviation, advice: str | None = None) -> Played:
    """The device must not take us for authenticated, nor prove itself; or it should not, where that is ``advice``."""
    played, attempt, _ = served(peer, dut, deviation)
    if played.last is not None:
        played.must_have_deviated()
    expected = f"no AUTH payload after {deviation.text}"
    peer.check(played.last is None, expected, played.last, advice or NOT_CREATED, bypass=advice is None)
    played.must_have_deviated()
    must_be_refused_by(dut, peer, attempt)
    _must_work_with_us(peer, dut, deviation)
    return played


def _must_work_with_us(peer: Peer, dut: Dut, deviation: Deviation) -> None:
    """As `_must_work_otherwise`, with the device as the peer."""
    key = deviation.version, True
    if not deviation.within or key in _WORKS.setdefault(peer, set()):
        return
    played, attempt, request = served(peer, dut, straight(deviation.version))
    if played.last is None:
        played.must_speak()
        raise Inconclusive(f"the same with nothing wrong does not work: {played.why}")
    _must_be_accepted(peer, dut, played, attempt, request)
    _WORKS[peer].add(key)


def must_believe(peer: Peer, dut: Dut, deviation: Deviation, requirement: str) -> Played:
    """The device must take us for authenticated nevertheless."""
    played, attempt, request = served(peer, dut, deviation)
    if played.last is None:
        played.must_speak()
        played.must_have_deviated()
        _must_work_with_us(peer, dut, deviation)
    peer.check(played.last is not None, f"AUTH after {deviation.text}", played.why, requirement)
    played.must_have_deviated()
    _must_be_accepted(peer, dut, played, attempt, request)
    return played


def _must_be_accepted(peer: Peer, dut: Dut, played: Played, attempt: Attempt, request: Received) -> None:
    server = played.sa.as_server
    ended = server is not None and server.outcome is Outcome.SUCCESS
    expected = f"no AUTH payload before EAP-Success, after {played.deviation.text}"
    peer.check(ended, expected, request, "RFC3748-4.2-3", bypass=True)
    attempt.sa.answer(request)
    must_be_accepted_by(attempt.sa)
    part(peer, dut, attempt.sa)


def may_believe(peer: Peer, dut: Dut, deviation: Deviation) -> Played:
    """The device may refuse us, or take us with the same keys on both sides; it lives."""
    played, attempt, request = served(peer, dut, deviation)
    played.must_have_deviated()
    if played.last is not None:
        _must_be_accepted(peer, dut, played, attempt, request)
    else:
        must_be_refused_by(dut, peer, attempt)
        _must_work_with_us(peer, dut, deviation)
    return played
