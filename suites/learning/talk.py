"""One conversation for learning: messages that are sent one by one, whatever state anybody is in, and their answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from conformance.ike.core.events import Refusal, Violation
from conformance.net.link import LinkError
from conformance.script.bend import Bend
from conformance.script.message import Received, Sent
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, ends_ike_sa
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import SA, ExchangeType, Payload, WireError
from peers.capabilities import Capability
from peers.contract import Death, Device, DeviceError
from suites.conduct import prepared
from suites.connections import usual
from suites.guard import Guard
from suites.learning.alphabet import AGAIN, LETTERS, SILENCE, UNSENT, abstract, requests
from suites.purpose import Purpose

ORDINARY = Purpose(
    "learn", (), "responder", frozenset({Capability.RESPONDER}), usual(lifetime=None, narrowing=False), ordinary=True
)
"""What a conversation needs: the usual connection, and an IKE SA beside it that shows when the device is through."""

SOON, SETTLE = 0.01, 0.1
"""Of the time for an answer: how long one is waited for before the device is asked something else on another IKE SA,
and how long it may still come after that has been answered, if nobody knows yet that there is none."""


class Lost(Exception):  # noqa: N818 - it is an outcome
    """The device has died or answers nothing any more: one line."""


class Talk:
    """Our side of one conversation.

    ``sa`` is the newest IKE SA of ours, None before there is one, and ``old`` the one that it has replaced. ``init`` is
    the request that began it, None where that was a rekey. What we remember is as little as possible: it makes states.
    """

    def __init__(self, peer: Peer, guard: Guard) -> None:
        """Nothing is sent yet."""
        self.peer, self.guard = peer, guard
        self.sa: ScriptedSa | None = None
        self.old: ScriptedSa | None = None
        self.init: Sent | None = None
        self._last: dict[ScriptedSa, Sent] = {}
        self._on: ScriptedSa | None = None
        self._aside = self._again = False
        self._answers: dict[Sent, bytes] = {}

    @property
    def ike(self) -> ScriptedSa:
        """The newest IKE SA. Raises ValueError before there is one."""
        if self.sa is None:
            raise ValueError("no IKE SA yet")
        return self.sa

    # --- what letters do ------------------------------------------------------------------------------------------

    def begin_ike(self) -> None:
        """A new IKE SA in place of the newest, of which the device is told nothing."""
        self.sa, self.old = self.peer.sa(initial_contact=False), None
        self._on = self.sa

    def aside(self, sa: ScriptedSa) -> ScriptedSa:
        """The answer to the next message is for this one, which is not kept."""
        self._on, self._aside = sa, True
        return sa

    def step(self, start: Callable[[ScriptedSa], None], bent: Bend | None = None) -> Sent | None:
        """A step of the newest IKE SA; None where it has no keys."""
        sa = self.sa
        if sa is None or sa.keys is None:
            return None
        return sa.begin(lambda: start(sa), bent)

    def send(
        self,
        exchange: ExchangeType,
        *payloads: Payload,
        sa: ScriptedSa | None = None,
        ahead: int = 0,
        bend: Bend | None = None,
    ) -> Sent | None:
        """A request on the newest IKE SA, or on another one; ``ahead`` is how far its message ID is not its turn."""
        found = sa or self.sa
        if found is None or found.keys is None:
            return None
        self._on = found
        return found.send(exchange, *payloads, message_id=found.next_id + ahead, bend=bend)

    def last(self, sa: ScriptedSa | None) -> Sent | None:
        """Our last request on an IKE SA that was protected and answered."""
        return self._last.get(sa) if sa is not None else None

    def repeat(self, sa: ScriptedSa | None, sent: Sent | None) -> Sent | None:
        """The same octets once more."""
        if sent is None or sa is None:
            return None
        self._on, self._again = sa, True
        sa.resend(sent)
        return sent

    # --- one letter -----------------------------------------------------------------------------------------------

    def say(self, name: str, known: str | None = None) -> str:
        """Send a message and say what is answered, in abstract words. Raises Lost.

        ``known`` is what was answered at this place of an earlier conversation: nobody waits long for an answer that
        did not come then, and nobody gives up soon on one that did.
        """
        self._on, self._aside, self._again = self.sa, False, False
        if name.startswith("OLD-") and self.old is None:
            return UNSENT
        mark, used = len(self.peer.inbox), self.sa.next_id if self.sa is not None else 0
        try:
            sent = LETTERS[name].send(self)
            if sent is None:
                return UNSENT
            self.peer.flush()
            answer = self._answer(sent, mark, known)
            if name == "INIT":
                self._keep_init(answer)
            self._go_on(answer, sent, used)
            self._finish()
        except (Violation, Refusal, WireError, KeyError) as error:
            raise Lost(f"our own side breaks on the answer to {name}: {error}") from error
        except (Unexpected, LinkError, DeviceError) as error:
            raise Lost(f"after {name}: {error}") from error
        return self._words(sent, answer, mark)

    def _answer(self, sent: Sent, mark: int, known: str | None) -> Received | None:
        """The answer, or None once the device has answered something that came later."""
        old = set(map(id, self.peer.inbox[:mark]))
        silent = known is not None and known.startswith(SILENCE)
        soon = SOON if known is None or silent else 1.0

        def fits(found: Received) -> bool:
            message, asked = found.message, sent.message
            ours = id(found) not in old and found.sa is self._on and message.is_response
            if not ours or message.message_id != asked.message_id or message.exchange != asked.exchange:
                return False
            if asked.exchange == ExchangeType.IKE_SA_INIT:
                return message.first(SA) is not None or self._on is None or self._on.pending is None
            return found.protected

        with suppress(Unexpected):
            return self.peer.wait(fits, "an answer", soon * self.peer.response_timeout)
        if self._again and self._on is not None:
            # What comes while the device is not through with the first copy is dropped, not answered; it would get the
            # next one, as whoever waits for a response sends again (RFC 7296, section 2.1).
            self._on.resend(sent)
        if not self._through():
            raise Lost("the device answers nothing any more, on another IKE SA neither")
        with suppress(Unexpected):
            late = SETTLE if self.guard.device.real_time and not silent else SOON
            return self.peer.wait(fits, "an answer", late * self.peer.response_timeout)
        return None

    def _through(self) -> bool:
        """Whether the device answers on the other IKE SA."""
        canary = self.guard.canary
        return canary is not None and canary.up and canary.answers() and not canary.closed

    def _keep_init(self, answer: Received | None) -> None:
        """The IKE_SA_INIT request that was answered in the end, and by what."""
        self.init = self.ike.last_sent
        if answer is not None and self.ike.last_sent is not None:
            self._answers[self.ike.last_sent] = answer.raw

    def _go_on(self, answer: Received | None, sent: Sent, used: int) -> None:
        """Which message IDs are used up, and which IKE SA is the newest."""
        sa = self._on
        if sa is None or self._aside or self._again:
            return
        if answer is None:
            sa.pending, sa.heir, sa.offer = None, None, None
            sa.queue.clear()
            if sa is self.sa:
                sa.next_id = used
            return
        if sent.message.message_id == sa.next_id:
            sa.next_id += 1
        if sent.encrypted:
            self._last[sa], self._answers[sent] = sent, answer.raw
        if sa is self.sa and isinstance(sa.successor, ScriptedSa):
            self.sa, self.old, self.init = sa.successor, sa, None
            self._prove(self.sa)
        elif any(map(ends_ike_sa, (sent.message, answer.message))):
            sa.children.clear()

    def _prove(self, sa: ScriptedSa) -> None:
        """A new IKE SA has been used when its rekey is over, so that its first request makes no state."""
        mark = len(self.peer.inbox)
        sent = self.send(ExchangeType.INFORMATIONAL)
        assert sent is not None
        self.peer.flush()
        self._go_on(self._answer(sent, mark, None), sent, sa.next_id)

    def _finish(self) -> None:
        """A rekey of a Child SA ends with the deletion of the old one."""
        sa = self.sa
        if sa is not None and sa.pending is not None:
            try:
                sa.finish()
                assert sa.last_sent is not None
                self._last[sa] = sa.last_sent
            except Unexpected:
                sa.pending = None
                sa.queue.clear()

    def _words(self, sent: Sent, answer: Received | None, mark: int) -> str:
        came = self.peer.inbox[mark:]
        if answer is None:
            words = SILENCE
        elif self._again and self._answers.get(sent, answer.raw) == answer.raw:
            words = AGAIN
        else:
            words = abstract(answer.message)
        clear = [one.message for one in came if one.sa is not None and one.message.is_response and not one.protected]
        bare = [one for one in clear if one.exchange != ExchangeType.IKE_SA_INIT]
        if bare:
            words += f"; in the clear {abstract(bare[0])}"
        before = {one.raw for one in self.peer.inbox[:mark]}  # what is sent again because of a timer is no answer
        asked = {one.raw: one.message for one in came if one.sa is not None and one.protected and one.raw not in before}
        fresh = [one for one in asked.values() if not one.is_response]
        return "; ".join(filter(None, (words, requests(fresh))))


@contextmanager
def conversation(device: Device, seed: int, number: int) -> Iterator[Talk]:
    """A conversation with a device that has forgotten those before. Raises Lost, Inconclusive, DeviceError."""
    with prepared(ORDINARY, device, seed * 1_000_003 + number) as (peer, dut):
        canary = dut.guard.canary
        if canary is None or not canary.up:
            raise Inconclusive("an ordinary handshake does not work, or its IKE SA does not stay")
        peer.connection = dut.guard.connection
        yield Talk(peer, dut.guard)
        death: Death | None = device.obituary()
        if death is not None:
            raise Lost(f"the device has died: {death.words}")
