"""Running the steps of a case in a scene: what is sent, what comes back, and whether the scene can be used again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import error as does_not_fit

from conformance.crypto import IntegrityError
from conformance.fuzz.mutators import bend_all
from conformance.fuzz.mutators.fields import Spi
from conformance.ike.core import protection
from conformance.ike.core.child import ChildState
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.sending import State
from conformance.net.link import LinkError
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.trace import Entry
from conformance.wire import EAP, SK, SKF, ExchangeType, Message, NotifyType, WireError, decode_header, decode_message
from suites.campaign.answers import answer_class
from suites.campaign.case import Step
from suites.campaign.content import instead, octets_of
from suites.campaign.kinds import KINDS, send_octets
from suites.campaign.scene import Scene, Unreachable
from suites.invariants.asked import Asked

MOMENT = 0.003
"""Seconds that a device with a clock of its own gets: it answers at once, or not."""

UNSENT = "unsent"
"""The class of a message that could not be made, or for which there was no occasion."""


@dataclass(slots=True)
class Done:
    """What came of the steps of a case, before anybody has judged it.

    Attributes:
        answers: the class of the answers to each step.
        entries: the entries of the trace from the state on.
        received: the messages of the device from the state on.
        genuine: whether anything that was sent passes the integrity check of the device.
        sent: the message of each step before it was bent, None for what is none.
        datagrams: how many datagrams were sent.
    """

    answers: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    genuine: bool = False
    sent: list[Message | None] = field(default_factory=list)
    datagrams: int = 0


class Executor:
    """Runs cases in scenes.

    ``patience`` is how long an answer is waited for, in seconds, where time really passes, ``moment`` how long for what
    follows it.
    """

    def __init__(self, *, real_time: bool, patience: float) -> None:
        """Nothing is sent yet."""
        self.real_time, self.patience, self.moment = real_time, patience, MOMENT

    def run(self, scene: Scene, steps: Sequence[Step]) -> Done:
        """Send the messages one after the other, each when the one before is answered or will not be."""
        done = Done()
        peer, trace = scene.peer, scene.peer.trace
        first, come = len(trace.entries), len(peer.inbox)
        for step in steps:
            mark, sa = len(peer.inbox), scene.sa
            number = _next(sa)
            try:
                done.sent.append(self._send(scene, step))
            except (does_not_fit, ValueError, OverflowError, IndexError, Unreachable, LinkError, Violation, Refusal):
                done.answers.append(UNSENT)
                done.sent.append(None)
                continue
            self.settle(scene, mark)
            found = peer.inbox[mark:]
            done.answers.append(answer_class(found))
            if scene.sa is sa and sa is not None:
                self._synchronize(sa, number)
            self._note_response(scene, found)
        done.entries, done.received = trace.entries[first:], peer.inbox[come:]
        sent = [entry for entry in done.entries if entry.sent and entry.datagram is not None]
        done.datagrams = len(sent)
        done.genuine = scene.sa is not None and any(genuine(entry, scene.sa) for entry in sent)
        return done

    def _send(self, scene: Scene, step: Step) -> Message | None:
        """Send a message; it is returned as it was before it was bent."""
        spis = scene.spis() if any(one.mutator == Spi.name for one in step.mutations) else ()
        bent = bend_all(Spi.among(one, spis) for one in step.mutations)
        if step.kind == "octets":
            send_octets(scene, octets_of(step.content), bent)
            return None
        kind = KINDS.get(step.kind)
        if kind is None:
            raise ValueError(f"there is no kind of message {step.kind!r}")
        straight: list[Message] = []

        def look(message: Message) -> Message:
            straight.append(message)
            return message

        kind.send(scene, instead(step.content) | Bend(payloads=look) | bent)
        scene.peer.flush()
        return straight[0] if straight else None

    def settle(self, scene: Scene, mark: int) -> None:
        """Let the device answer what was sent since the inbox had ``mark`` messages."""
        peer = scene.peer
        peer.flush()
        if not self.real_time:
            peer.idle(MOMENT)
            return
        until = peer.link.now() + self.patience
        while peer.pump(until):
            if any(one.message.is_response for one in peer.inbox[mark:]):
                break
        peer.idle(self.moment)  # what follows on its heels

    def _synchronize(self, sa: ScriptedSa, number: int) -> None:
        """A request without an answer was not taken, so its message ID is the next one still."""
        if sa.pending is None:
            return
        sa.pending = None
        sa.queue.clear()
        sa.next_id, sa.heir = number, None
        for child in sa.children:
            child.state = ChildState.INSTALLED

    def _note_response(self, scene: Scene, found: Sequence[Received]) -> None:
        for one in found:
            message = one.message
            if one.sa is None or one.sa is not scene.sa or not message.is_response:
                continue
            asks = message.notify(NotifyType.COOKIE) or message.notify(NotifyType.INVALID_KE_PAYLOAD)
            if asks is not None or (one.protected and message.first(EAP) is not None):
                scene.response = message
            elif one.protected and message.exchange == ExchangeType.IKE_AUTH and one.sa.state == State.HALF_OPEN:
                one.sa.conclude(message)

    # --- afterwards -----------------------------------------------------------------------------------------------

    def lives(self, scene: Scene, *, patient: bool = False) -> bool:
        """Whether an IKE SA that is up still answers; its next message IDs are put right where they were not.

        ``patient``: a slow device gets the time for a response that it says that it needs.
        """
        sa, peer = scene.ike, scene.peer
        number, begin = sa.next_id, len(peer.inbox)
        for attempt in (number, number + 1, number):
            sa.next_id, sa.pending = attempt, None
            mark = len(peer.inbox)
            sa.begin(sa.start_liveness)
            self.settle(scene, mark)
            if _answered(scene, begin):
                break
        until = peer.link.now() + peer.response_timeout
        while patient and not _answered(scene, begin) and peer.pump(until):
            pass
        answered = _answered(scene, begin)
        if answered:
            sa.next_id, sa.pending = max(answered) + 1, None
        return bool(answered)


def _next(sa: ScriptedSa | None) -> int:
    """The message ID of our next request: that of the one that waits for its answer is free if none comes."""
    if sa is None:
        return 0
    return sa.next_id if sa.pending is None else sa.pending.message.message_id


def _answered(scene: Scene, mark: int) -> set[int]:
    """The message IDs of the liveness checks that have been answered."""
    return {
        one.message.message_id
        for one in scene.peer.inbox[mark:]
        if one.sa is scene.sa
        and one.protected
        and one.message.is_response
        and one.message.exchange == ExchangeType.INFORMATIONAL
        and fatal(one.message) is None
    }


def proves_life(steps: Sequence[Step], answers: Sequence[str]) -> bool:
    """Whether the last answer shows by itself that the IKE SA is as it was: nobody knows what a bent message says."""
    straight = bool(steps) and not steps[-1].mutations and not steps[-1].content
    return straight and bool(answers) and answers[-1] in ("INFORMATIONAL()", "INFORMATIONAL(CP)")


def genuine(entry: Entry, sa: ScriptedSa) -> bool:
    """Whether a datagram of ours is protected by the keys of its IKE SA, so that the device has to heed it."""
    assert entry.datagram is not None
    raw = sa.peer.octets(entry.datagram)
    try:
        raw = Asked(decode_header(raw), raw, entry).message
        message = decode_message(raw)
        last = message.payloads[-1] if message.payloads else None
        if sa.keys is None or not isinstance(last, SK | SKF):
            return False
        protection.unseal(raw, last, sa.keys.suite.cipher, sa.own_key)
    except IntegrityError:
        return False
    except WireError:
        # A header that lies may be read in another way by the device.
        return entry.encrypted
    return True
