"""Questions and answers: one IKE_SA_INIT request each, many at a time (RFC 7296, sections 1.2, 2.6, 2.7)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from conformance.crypto import Random
from conformance.crypto.ke import key_exchange
from conformance.ike.core.sending import NO_SPI
from conformance.net.link import NON_ESP_MARKER, Address, Datagram, IpPacket, Link
from conformance.wire import (
    FLAG_INITIATOR,
    KE,
    SA,
    Encr,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Prf,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
    WireError,
    decode_message,
    encode_message,
)

MAX_COOKIES = 3
"""A device may ask for a cookie again, but not for ever (RFC 7296, section 2.6.1)."""
DECOYS = tuple(
    KeMethod(one)
    for one in (
        *(KeMethod.MODP_2048, KeMethod.ECP_256, KeMethod.MODP_1536, KeMethod.ECP_384, KeMethod.CURVE25519),
        *(KeMethod.MODP_1024, KeMethod.MODP_768),
    )
)
"""Groups for the KE payload of a question, those that everybody knows first."""
NOBODYS = Transform.of(Encr.DES_IV32)
"""A cipher without any specification: the proposal with it is taken by nobody."""
_KINDS = (TransformType.ENCR, TransformType.INTEG, TransformType.PRF, TransformType.KE)


@dataclass(frozen=True, slots=True)
class Box:
    """Suites: each cipher with each integrity algorithm (none beside combined ciphers), PRF and group."""

    encr: tuple[Transform, ...]
    integ: tuple[Transform, ...]
    prf: tuple[Transform, ...]
    ke: tuple[Transform, ...]
    further: tuple[Transform, ...] = ()
    """Additional key exchanges (RFC 9370)."""

    def of(self, kind: TransformType) -> tuple[Transform, ...]:
        """The transforms of one type."""
        by_kind = dict(zip(_KINDS, (self.encr, self.integ, self.prf, self.ke), strict=True))
        return by_kind[kind]

    def having(self, kind: TransformType, found: Iterable[Transform]) -> "Box":
        """The same with other transforms of one type."""
        names = dict(zip(_KINDS, ("encr", "integ", "prf", "ke"), strict=True))
        changed: Box = replace(self, **{names[kind]: tuple(found)})
        return changed

    @property
    def transforms(self) -> tuple[Transform, ...]:
        """All of them, by type."""
        return (*self.encr, *self.prf, *self.integ, *self.ke, *self.further)

    @property
    def empty(self) -> bool:
        """Whether it lacks something without which there is no suite."""
        return not (self.encr and self.prf and self.ke)


@dataclass(frozen=True, slots=True)
class Question:
    """Does the device take any of these? ``control``: none of them can be taken, for the cipher is nobody's."""

    boxes: tuple[Box, ...]
    control: bool = False

    @property
    def decoy(self) -> KeMethod:
        """The group of the KE payload: none that is asked about."""
        asked = {one.id for box in self.boxes for one in box.ke}
        return next((one for one in DECOYS if one not in asked), DECOYS[-1])

    def proposals(self) -> tuple[Proposal, ...]:
        """What is asked about, and at the end the proposal that the KE payload belongs to (RFC 7296, section 3.4)."""
        boxes = [replace(one, encr=(NOBODYS,)) for one in self.boxes] if self.control else list(self.boxes)
        decoy = (NOBODYS, Transform.of(Prf.HMAC_SHA1), Transform.of(self.decoy))
        found = [*(box.transforms for box in boxes), decoy]
        return tuple(Proposal(number, ProtocolID.IKE, each) for number, each in enumerate(found, 1))

    def takes(self, group: int) -> bool:
        """Whether the group is one of those asked about."""
        return any(one.id == group for box in self.boxes for one in box.ke)


class Said(Enum):
    """What an answer amounts to."""

    TAKEN = "takes it"
    REFUSED = "refuses it"
    SILENT = "says nothing"
    ODD = "says something else"


@dataclass(frozen=True, slots=True)
class Answer:
    """``group`` is the one that the device wants, ``seconds`` how long it took; ``cookies``: it asked for so many."""

    said: Said
    message: Message | None = None
    group: KeMethod | None = None
    cookies: int = 0
    seconds: float = 0.0

    @property
    def error(self) -> str:
        """The error that the device names, in words; empty without one."""
        errors = [one for one in self.message.notifies() if one.type.is_error] if self.message is not None else []
        return errors[0].type.name if errors else ""


@dataclass(slots=True)
class _Open:
    """A question that waits for its answer."""

    index: int
    question: Question
    spi: bytes
    nonce: bytes
    asked: float
    due: float
    tries: int = 1
    cookie: bytes | None = None
    cookies: int = 0


@dataclass(slots=True)
class Asker:
    """Asks many questions at a time over one link.

    At most ``window`` are open at once, each for ``timeout`` seconds and sent ``tries`` times; ``encapsulated``: on the
    NAT traversal port. ``strays`` counts datagrams that answer nothing that we have asked, ``unanswered`` questions
    without an answer.
    """

    link: Link
    local: Address
    remote: Address
    random: Random
    timeout: float = 2.0
    window: int = 4
    tries: int = 3
    encapsulated: bool = False
    strays: int = 0
    heard: bool = False
    unanswered: int = 0
    _publics: dict[KeMethod, bytes] = field(default_factory=dict)
    _closed: set[bytes] = field(default_factory=set)

    @property
    def patience(self) -> float:
        """Seconds after which a question is repeated for the first time."""
        return self.timeout * 0.3

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """The answer to each question. Raises ProbeError, LinkError."""
        answers: list[Answer | None] = [None] * len(questions)
        waiting = list(enumerate(questions))[::-1]
        opened: dict[bytes, _Open] = {}
        while waiting or opened:
            if waiting and len(opened) < self.window:
                index, question = waiting.pop()
                now = self.link.now()
                one = _Open(index, question, self.random(8), self.random(32), now, now)
                opened[one.spi] = one
                self._send(one)
            more = waiting and len(opened) < self.window
            came = self.link.receive(self.link.now() if more else min(one.due for one in opened.values()))
            if came is not None:
                self._take(came, opened, answers)
            else:
                self._repeat(opened, answers)
        return [one if one is not None else Answer(Said.SILENT) for one in answers]

    def _repeat(self, opened: dict[bytes, _Open], answers: list[Answer | None]) -> None:
        """Repeat what had no answer yet (RFC 7296, section 2.1), give up what had none for too long."""
        now = self.link.now()
        for one in list(opened.values()):
            if one.due > now:
                continue
            if now - one.asked >= self.timeout * 0.99:
                answers[one.index] = Answer(Said.SILENT, cookies=one.cookies)
                self.unanswered += 1
                del opened[one.spi]
                self._closed.add(one.spi)
            elif one.tries >= self.tries:
                one.due = one.asked + self.timeout
            else:
                one.tries += 1
                self._send(one)

    def _send(self, one: _Open) -> None:
        raw = encode_message(self._request(one))
        marked = NON_ESP_MARKER + raw if self.encapsulated else raw
        self.link.send(Datagram(self.local, self.remote, marked))
        one.due = min(one.asked + self.timeout, self.link.now() + self.patience * one.tries)

    def _request(self, one: _Open) -> Message:
        method = one.question.decoy
        if method not in self._publics:
            # One value for all questions: nothing is ever derived from it.
            self._publics[method] = key_exchange(method, self.random).public
        cookie = (Notify(NotifyType.COOKIE, one.cookie),) if one.cookie is not None else ()
        payloads = (*cookie, SA(one.question.proposals()), KE(method, self._publics[method]), Nonce(one.nonce))
        return Message(one.spi, NO_SPI, ExchangeType.IKE_SA_INIT, FLAG_INITIATOR, 0, payloads)

    def _take(self, came: Datagram | IpPacket, opened: dict[bytes, _Open], answers: list[Answer | None]) -> None:
        message = self._decoded(came)
        one = opened.get(message.spi_i) if message is not None else None
        if message is None or one is None or not message.is_response or message.exchange != ExchangeType.IKE_SA_INIT:
            self.strays += message is None or message.spi_i not in self._closed
            return
        self.heard = True
        cookie = message.notify(NotifyType.COOKIE)
        if cookie is not None and one.cookies < MAX_COOKIES and 1 <= len(cookie.data) <= 64:
            if cookie.data != one.cookie:
                one.cookie, one.cookies, one.asked, one.tries = cookie.data, one.cookies + 1, self.link.now(), 1
                self._send(one)
            return
        del opened[one.spi]
        self._closed.add(one.spi)
        answers[one.index] = _judged(one, message, self.link.now() - one.asked)

    def _decoded(self, came: Datagram | IpPacket) -> Message | None:
        if isinstance(came, IpPacket):
            return None
        raw = came.payload.removeprefix(NON_ESP_MARKER) if self.encapsulated else came.payload
        try:
            return decode_message(raw, lenient=True)
        except WireError:
            return None


def _judged(one: _Open, message: Message, seconds: float) -> Answer:
    """What a response other than COOKIE says of the question."""
    wanted = message.notify(NotifyType.INVALID_KE_PAYLOAD)
    said, group = Said.ODD, None
    if wanted is not None and len(wanted.data) == 2:
        group = KeMethod(int.from_bytes(wanted.data, "big"))
        said = Said.TAKEN if one.question.takes(group) else Said.ODD
    elif message.first(SA) is not None:
        said = Said.TAKEN
    elif message.notify(NotifyType.NO_PROPOSAL_CHOSEN) is not None:
        said = Said.REFUSED
    return Answer(said, message, group, one.cookies, seconds)
