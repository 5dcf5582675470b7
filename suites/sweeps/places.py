"""The messages of a conversation in which a sweep puts its numbers, the device as responder.

A place sends a message, bent, and says what came back. What must succeed is sent as often as a request is; of
anything else the answer may be late or never come, so it is asked for again when the sweep is over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from conformance.ike.core.sending import State
from conformance.script.bend import Bend
from conformance.script.message import Sent
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, SA, ExchangeType, Message, Nonce, NotifyType
from peers.capabilities import Capability
from suites.connections import Role
from suites.dut import Dut

SHORT = 8
"""What need not be answered is waited for by this part of the time for an answer."""
PATIENT = 5
"""So many times as long as the slowest answer so far took."""
KEPT, MESSAGES = 40, 200
"""IKE SAs of ours and messages of the device that are remembered for late answers."""


@dataclass(slots=True)
class Sending:
    """A message of a sweep; ``waited`` is its answer where that was waited for."""

    sa: ScriptedSa
    sent: Sent | None = None
    waited: Message | None = None

    @property
    def message_id(self) -> int | None:
        """Of the request as it went out."""
        return self.sent.message.message_id if self.sent is not None else None

    @property
    def answer(self) -> Message | None:
        """What has come in response so far, or what was waited for."""
        if self.waited is not None or self.sent is None:
            return self.waited
        asked = self.sent.message
        for one in reversed(self.sa.peer.inbox):
            ours = one.sa is self.sa and one.message.is_response and one.message.message_id == asked.message_id
            if ours and (one.protected or not self.sent.encrypted):
                return one.message
        return None


class Place(ABC):
    """A kind of message.

    ``name`` is its name in ids, ``text`` in sentences; ``role`` is that of the device, ``needs`` what it must be able
    to do. ``again``: after a refusal another message can be sent at once.
    """

    name: ClassVar[str]
    text: ClassVar[str]
    role: ClassVar[Role] = "responder"
    needs: ClassVar[tuple[Capability, ...]] = ()
    again: ClassVar[bool] = True

    def __init__(self, peer: Peer, dut: Dut) -> None:
        """Nothing is sent yet."""
        self.peer, self.dut = peer, dut
        self.tried: list[ScriptedSa] = []
        self.slowest = 0.0

    @abstractmethod
    def send(self, bent: Bend, *, wanted: bool) -> Sending:
        """Send it, bent. ``wanted``: it should succeed, so it is repeated until its response comes."""

    @abstractmethod
    def succeeded(self, answer: Message) -> bool:
        """Whether an answer grants what was asked for."""

    def begin(self) -> ScriptedSa:
        """An IKE SA of its own; the oldest ones are forgotten, for each costs a look at every datagram."""
        sa = self.peer.sa(initial_contact=False)
        self.remember(sa)
        return sa

    def remember(self, sa: ScriptedSa) -> None:
        """Keep an IKE SA for a while."""
        self.tried.append(sa)
        if len(self.tried) > KEPT:
            self.peer.sas.pop(self.tried.pop(0).own_spi, None)
        del self.peer.inbox[:-MESSAGES]

    def once(self, sa: ScriptedSa, start: Callable[[], None], bent: Bend) -> Sending:
        """A step whose answer is not waited for longer than a moment; nothing goes out twice."""
        sending = Sending(sa, sa.begin(start, bent))
        start_time, longest = self.peer.link.now(), self.peer.response_timeout / SHORT
        until = start_time + (min(longest, self.slowest * PATIENT) if self.slowest else longest)
        while sending.answer is None and self.peer.pump(until):
            pass
        if sending.answer is not None:
            self.slowest = max(self.slowest, self.peer.link.now() - start_time)
        if sa.pending is not None and sa.pending.message.message_id == sending.message_id:
            sa.pending = None  # it may have been answered by another exchange type
        return sending


class InInit(Place):
    """The first request."""

    name, text = "init", "the IKE_SA_INIT request"

    def send(self, bent: Bend, *, wanted: bool) -> Sending:
        """On an IKE SA of its own, which is completed: a device may keep only a few for one address."""
        sa = self.begin()
        if wanted:
            sending = Sending(sa)
            with suppress(Unexpected):
                sending.waited = sa.init(bent)
        else:
            sa.obeying = False
            sending = self.once(sa, sa.start_init, bent)
            asked = sending.answer
            if asked is not None and asked.notify(NotifyType.COOKIE):
                with suppress(Unexpected):
                    sending.waited = sa.obey(asked, bent)
        if sa.keys is not None:
            with suppress(Unexpected):
                sa.auth()
                sa.delete()
        return sending

    def succeeded(self, answer: Message) -> bool:
        """It has what an IKE SA needs."""
        return answer.first(SA) is not None and answer.first(Nonce) is not None


class InAuth(Place):
    """The first protected request."""

    name, text = "auth", "the IKE_AUTH request"

    def send(self, bent: Bend, *, wanted: bool) -> Sending:
        """On an IKE SA of its own."""
        sa = self.begin()
        with self.peer.preamble("IKE_SA_INIT"):
            sa.init()
            if sa.keys is None:
                raise Unexpected("an IKE_SA_INIT response with SA, KE, Nr", sa.problem or "none")
        sa.first_child = self.peer.connection.children[0].name
        if wanted:
            sending = Sending(sa)
            with suppress(Unexpected):
                sending.waited = sa.auth(bent)
        else:
            sending = self.once(sa, sa.start_auth, bent)
        self._leave(sending)
        return sending

    def _leave(self, sending: Sending) -> None:
        """Delete what came up; what the device would keep half-open goes on with nothing."""
        sa = sending.sa
        sa.pending = None
        if sa.state == State.ESTABLISHED:
            with suppress(Unexpected):
                sa.delete()
        elif sending.answer is None:
            sa.send(ExchangeType.IKE_AUTH)

    def succeeded(self, answer: Message) -> bool:
        """There is a Child SA."""
        return answer.first(SA) is not None


class InAuthAlone(InAuth):
    """The same, where it counts who is let in."""

    def succeeded(self, answer: Message) -> bool:
        """The device has proved itself, which it does to nobody that it has refused."""
        return answer.first(AUTH) is not None


class _Established(Place):
    """A request on an IKE SA that is up: the same one as long as it lives."""

    _sa: ScriptedSa | None = None

    def sa(self) -> ScriptedSa:
        """The IKE SA; a new one where the last message has ended it."""
        if self._sa is not None:
            with suppress(Unexpected):
                self._sa.finish()
        if self._sa is None or self._sa.state != State.ESTABLISHED or self._sa.pending or not self._sa.children:
            self._sa = self.peer.establish(initial_contact=False)
            self.remember(self._sa)
        return self._sa

    def send(self, bent: Bend, *, wanted: bool) -> Sending:
        """A request; sent again on another IKE SA where an earlier one may have ended this one or its Child SA."""
        used = self._sa
        sending = self._try(self.sa(), bent, wanted=wanted)
        if self._sa is None and sending.sa is used and not _ends(sending.answer):
            sending = self._try(self.sa(), bent, wanted=wanted)
        return sending

    def _try(self, sa: ScriptedSa, bent: Bend, *, wanted: bool) -> Sending:
        start = self.start(sa)
        if wanted:
            sending = Sending(sa)
            with suppress(Unexpected):
                sending.waited = sa.insist(start, bent)
        else:
            sending = self.once(sa, start, bent)
        answer = sending.answer
        if answer is None or _ends(answer) or answer.notify(NotifyType.CHILD_SA_NOT_FOUND):
            self._sa = None
        return sending

    @abstractmethod
    def start(self, sa: ScriptedSa) -> Callable[[], None]:
        """The step."""


def _ends(answer: Message | None) -> bool:
    """Whether an answer says that the IKE SA ends with it."""
    return answer is not None and answer.notify(NotifyType.INVALID_SYNTAX) is not None


class InInformational(_Established):
    """A request that asks for nothing."""

    name, text = "info", "an INFORMATIONAL request"

    def start(self, sa: ScriptedSa) -> Callable[[], None]:
        """An empty one."""
        return partial(sa.open_exchange, ExchangeType.INFORMATIONAL, lambda sa: (), sa.ignore)

    def succeeded(self, answer: Message) -> bool:
        """It has no error."""
        return fatal(answer) is None


class InChild(_Established):
    """A request that makes something."""

    name, text = "child", "the rekey of a Child SA"
    needs = (Capability.REKEY_CHILD,)

    def start(self, sa: ScriptedSa) -> Callable[[], None]:
        """Rekey the Child SA."""
        return partial(sa.start_child_rekey, sa.child)

    def succeeded(self, answer: Message) -> bool:
        """There is a new Child SA."""
        return answer.first(SA) is not None
