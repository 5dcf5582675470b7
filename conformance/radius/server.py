"""A RADIUS server for tests, without I/O: the octets of a request and the time in, the octets of answers out.

Every decision is a small method, so that a test overrides the one that it is about; what is wrong with a single answer
is a `RadiusBend`. Nothing that a client sends raises: what is no use is noted and gets no answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyrad.packet import AuthPacket

from conformance.crypto import Random
from conformance.eap.conversation import Outcome
from conformance.eap.server import EapServer
from conformance.radius.bend import STRAIGHT, Answer, RadiusBend
from conformance.radius.grant import keys
from conformance.radius.ledger import Ledger
from conformance.radius.packet import Attribute, Code, MalformedError, Packet, chunks, prove, put, read, seal
from conformance.wire import EapCode, EapPacket, EapType
from conformance.wire.errors import WireError

Origin = tuple[str, int]
"""Address and port of a client."""

REMEMBERED = 30.0
"""Seconds for which a repeated request gets the answer of the first one (RFC 5080 section 2.2.2)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is kept of what clients send: the newest of each."""

    conversations: int = 1024
    events: int = 10_000
    answered: int = 4096


@dataclass(frozen=True, slots=True)
class Event:
    """Evidence: one packet in or out, or a note about one.

    Attributes:
        at: the time that the server was told.
        way: ``in``, ``out`` or ``note``.
        words: the packet, or what is to be said about it.
    """

    at: float
    way: str
    words: tuple[str, ...]
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an Access-Request leads to."""

    code: Code
    attributes: Sequence[Attribute] = ()


@dataclass(slots=True)
class _Known:
    """The answers to a request that was not repeated yet."""

    authenticator: bytes
    until: float
    answers: Sequence[Answer] = field(default_factory=tuple)


class RadiusServer:
    """The server; an object serves any number of clients with one secret.

    Attributes:
        users: passwords for PAP, and whom `grants` may name.
        granted: attributes of every Access-Accept.
        grants: further ones by User-Name.
        make: makes what is behind the pass-through of EAP (RFC 3579); None where there is no EAP.
        bends: what waits for its answer; the first that fits is used up.
        always: what is wrong with every answer that ``of`` of it fits.
        bent: the texts of the bends that were used.
        conversations: those of EAP by their State, in the order in which they began.
        ledger: what accounting told.
        events: everything that came and went.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        random: Random,
        users: Mapping[str, bytes] | None = None,
        granted: Sequence[Attribute] = (),
        grants: Mapping[str, Sequence[Attribute]] | None = None,
        make: Callable[[], EapServer] | None = None,
        always: RadiusBend = STRAIGHT,
        limits: Limits | None = None,
    ) -> None:
        self.secret, self.random, self.make, self.always = secret, random, make, always
        self.users, self.granted, self.grants = dict(users or {}), list(granted), dict(grants or {})
        self.limits = limits or Limits()
        self.bends: list[RadiusBend] = []
        self.bent: list[str] = []
        self.conversations: dict[bytes, EapServer] = {}
        self.ledger = Ledger()
        self.events: deque[Event] = deque(maxlen=self.limits.events)
        self._known: dict[tuple[Origin, int, int], _Known] = {}

    # --- in and out -----------------------------------------------------------------------------------------------

    def receive(self, octets: bytes, origin: Origin, now: float) -> Sequence[Answer]:
        """Takes a request and gives the answers to it: one, none, or what the bends make of it. Never raises for it."""
        try:
            request = read(octets, self.secret)
        except MalformedError as error:
            self.note(now, f"no packet from {origin[0]}: {error}", octets)
            return []
        self.events.append(Event(now, "in", request.words, request.octets))
        key = (origin, request.code, request.identifier)
        known = self._known.get(key)
        if known and known.authenticator == request.authenticator and now < known.until:
            self.note(now, "repeated; gets the same answer")
            return self._sent(known.answers, now)
        answers = self.answer(request, now)
        self._remember(key, _Known(request.authenticator, now + REMEMBERED, answers), now)
        return self._sent(answers, now)

    def _remember(self, key: tuple[Origin, int, int], known: _Known, now: float) -> None:
        self._known.pop(key, None)
        self._known[key] = known
        while (oldest := next(iter(self._known.items())))[1].until <= now or len(self._known) > self.limits.answered:
            del self._known[oldest[0]]

    def _sent(self, answers: Sequence[Answer], now: float) -> Sequence[Answer]:
        for one in answers:
            try:
                words = read(one.octets, self.secret).words
            except MalformedError as error:
                words = (str(error),)
            self.events.append(Event(now + one.delay, "out", words, one.octets))
        return answers

    def note(self, now: float, text: str, octets: bytes = b"") -> None:
        """Keeps a remark for the evidence."""
        self.events.append(Event(now, "note", (text,), octets))

    @property
    def notes(self) -> list[str]:
        """All remarks."""
        return [event.words[0] for event in self.events if event.way == "note"]

    def requests(self, code: Code = Code.ACCESS_REQUEST) -> list[Packet]:
        """What came with a code, repetitions included."""
        return [read(one.octets, self.secret) for one in self.events if one.way == "in" and one.octets[0] == code]

    # --- decisions ------------------------------------------------------------------------------------------------

    def answer(self, request: Packet, now: float) -> Sequence[Answer]:
        """The answers to a request that is none of those before."""
        if not self.believes(request, now):
            return []
        if request.code == Code.ACCESS_REQUEST:
            decision = self.decide(request, now)
        elif request.code == Code.ACCOUNTING_REQUEST:
            decision = self.account(request, now)
        elif request.code == Code.STATUS_SERVER:
            decision = Decision(Code.ACCESS_ACCEPT)
        else:
            self.note(now, f"{request.words[0]} is no request to a server")
            return []
        return self.send(request, decision) if decision else []

    def believes(self, request: Packet, now: float) -> bool:
        """Whether a request is from somebody who has the secret, as far as it says (RFC 2866 3, RFC 3579 3.2)."""
        if not request.sealed:
            self.note(now, "wrong Request Authenticator; another secret?")
        elif request.authenticated is False:
            self.note(now, "wrong Message-Authenticator; another secret?")
        elif request.authenticated is None and request.eap is not None:
            self.note(now, "EAP-Message without Message-Authenticator")
        else:
            return True
        return False

    def decide(self, request: Packet, now: float) -> Decision | None:
        """What to do with an Access-Request; None for no answer."""
        if request.eap is not None:
            return self.relay(request, request.eap, now)
        password = request.password
        if password is not None and self.right(request.text("User-Name"), password):
            return Decision(Code.ACCESS_ACCEPT, self.grant(request))
        return Decision(Code.ACCESS_REJECT, self.refuse(request))

    def right(self, user: str, password: bytes) -> bool:
        """Whether PAP succeeds."""
        return self.users.get(user) == password

    def grant(self, request: Packet) -> list[Attribute]:
        """The attributes of an Access-Accept, but for EAP and its keys.

        User-Name comes back (RFC 3579 section 3), unless another one is granted.
        """
        found = [*self.granted, *self.grants.get(request.text("User-Name"), ())]
        if not any(name == "User-Name" for name, _ in found):
            found += [("User-Name", one) for one in request.raw(1)[:1]]
        return found

    def refuse(self, request: Packet) -> list[Attribute]:
        """The attributes of an Access-Reject, but for EAP."""
        return []

    def account(self, request: Packet, now: float) -> Decision | None:
        """Keeps what accounting tells; None for no answer."""
        self.ledger.add(request, now)
        return Decision(Code.ACCOUNTING_RESPONSE)

    # --- EAP ------------------------------------------------------------------------------------------------------

    def relay(self, request: Packet, eap: bytes, now: float) -> Decision | None:
        """Lets the EAP server behind us take a packet."""
        state = next(iter(request.raw(24)), b"")
        if self.make is None or (state and state not in self.conversations):
            self.note(now, f"unknown State {state.hex()}" if self.make else "no EAP here")
            return Decision(Code.ACCESS_REJECT, [("EAP-Message", self.failure(eap)), *self.refuse(request)])
        try:
            packet = EapPacket.decode(eap) if eap else None
        except WireError as error:
            self.note(now, f"no EAP packet: {error}", eap)
            return None
        server = self.conversations[state] if state else self.make()
        if packet is None:
            following: bytes | None = server.start()
        else:
            following = server.receive(packet) if state else server.take_over(packet)
        if following is None:
            self.note(now, f"EAP: {server.notes[-1]}" if server.notes else "EAP: ignored")
            return None
        if not state:
            state = self.begin(server)
        return self.conclude(request, server, following, state)

    def begin(self, server: EapServer) -> bytes:
        """Keeps a conversation, and gives the State that leads back to it."""
        while len(self.conversations) >= self.limits.conversations:
            del self.conversations[next(iter(self.conversations))]
        state = self.random(16)
        self.conversations[state] = server
        return state

    def conclude(self, request: Packet, server: EapServer, following: bytes, state: bytes) -> Decision:
        """The answer with the next EAP packet in it."""
        carried: list[Attribute] = [("EAP-Message", one) for one in chunks(following)]
        if server.outcome is Outcome.ONGOING:
            return Decision(Code.ACCESS_CHALLENGE, [*carried, ("State", state)])
        if server.outcome is Outcome.FAILURE:
            return Decision(Code.ACCESS_REJECT, [*carried, *self.refuse(request)])
        return Decision(Code.ACCESS_ACCEPT, [*carried, *self.keys(server), *self.grant(request)])

    def keys(self, server: EapServer) -> list[Attribute]:
        """The MSK for the authenticator; none where the method has made none."""
        if server.msk is None or server.method is None:
            return []
        return keys(*server.method.mppe_keys)

    def failure(self, eap: bytes) -> bytes:
        """An EAP-Failure to whatever came."""
        return bytes([EapCode.FAILURE, eap[1] if len(eap) > 1 else 0, 0, 4])

    # --- coding ---------------------------------------------------------------------------------------------------

    def send(self, request: Packet, decision: Decision) -> Sequence[Answer]:
        """The octets of an answer, bent if something waits for it."""
        reply: Any = AuthPacket(
            int(decision.code), request.identifier, self.secret, request.authenticator, dict=request.coded.dict
        )
        reply.request_authenticator = request.authenticator
        if decision.code != Code.ACCOUNTING_RESPONSE:
            reply.add_message_authenticator()
        put(reply, [*decision.attributes, *(("Proxy-State", one) for one in request.raw(33))])
        wrong = self.always if self.always.of in (None, reply.code) else STRAIGHT
        return bent(reply, wrong | self._next_bend(reply.code), request.authenticator)

    def _next_bend(self, code: int) -> RadiusBend:
        for one in self.bends:
            if one.of in (None, code):
                self.bends.remove(one)
                self.bent.append(one.text)
                return one
        return STRAIGHT


def bent(reply: Any, bend: RadiusBend, before: bytes) -> Sequence[Answer]:
    """The answers that a packet of pyrad's and a bend make."""
    reply = bend.packet(reply)
    octets = bend.unsealed(reply.ReplyPacket())
    if bend.proved:
        octets = prove(octets, before, reply.secret)
    return list(bend.answers([Answer(bend.sealed(seal(octets, before, reply.secret)))]))


class EndlessChallenge(RadiusServer):
    """Challenges for ever, whatever is answered; a bound is the client's affair."""

    def decide(self, request: Packet, now: float) -> Decision | None:
        """Another challenge: with a request for the identity and its next Identifier where there is EAP."""
        state: Attribute = ("State", self.random(16))
        if request.eap is None:
            return Decision(Code.ACCESS_CHALLENGE, [state, ("Reply-Message", "again")])
        identifier = (request.eap[1] + 1) & 0xFF if len(request.eap) > 1 else 0
        asking = bytes([EapCode.REQUEST, identifier, 0, 5, EapType.IDENTITY])
        return Decision(Code.ACCESS_CHALLENGE, [state, ("EAP-Message", asking)])
