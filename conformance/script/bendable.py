"""An IKE SA whose outgoing messages can be bent and whose incoming ones a script may keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from conformance.crypto import IntegrityError
from conformance.eap.conversation import Conversation
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.ike.core import protection
from conformance.ike.core.child import ChildSa
from conformance.ike.core.events import ExchangeFailed, Refusal, Violation
from conformance.ike.core.protection import Fragment
from conformance.ike.core.sending import Handler, Pending, State
from conformance.ike.ikesa import IkeSa
from conformance.script.bend import STRAIGHT, Bend, Piece
from conformance.script.message import Received, Sent, says_nothing
from conformance.wire import SK, SKF, EapPacket, ExchangeType, Message, Notify, NotifyType

if TYPE_CHECKING:
    from conformance.script.peer import Peer


class PatientEapPeer(EapPeer):
    """Takes a result with any Identifier: who errs there (RFC 3748, section 4.2) can be asked other things, too."""

    def fits(self, packet: EapPacket) -> bool:
        """Whether there was anything to answer."""
        return self.received is not None


class BendableSa(IkeSa):
    """`IkeSa` with hooks: the four places to bend a message, and the hand-over of what comes in.

    ``problem`` says why our own side is not content with the device, empty if it is. Requests of the exchange types in
    ``holding``, those that the script waits for, and IKE_AUTH requests are not answered until the script does. Liveness
    checks are answered at once unless the script waits for one. ``last_sent`` is our last request.
    """

    peer: Peer
    repeated: Counter[int]
    child_spis: tuple[bytes, ...] = ()
    """SPIs for our next Child SAs, in place of what chance gives."""
    half_open_timeout: ClassVar[float] = inf
    peer_class: ClassVar[type[EapPeer]] = PatientEapPeer
    bend: Bend = STRAIGHT
    sending: Bend = STRAIGHT
    problem: str = ""
    encoded: Sent | None = None
    last_sent: Sent | None = None
    at_eap: Callable[[Conversation], None] | None = None
    """Gets our side of EAP before that begins: to bend its packets, or its method."""
    holding: frozenset[ExchangeType] = frozenset()
    held: Received | None = None
    repetitions: float = inf
    """How often our responses are sent again, all together, where the device repeats its requests."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """As `IkeSa`. ``repeated`` counts the repetitions of each request, by message ID, whose response is due."""
        super().__init__(*given, **named)
        self.repeated = Counter()

    def choose_child_spi(self) -> bytes:
        """What the script wants, or any."""
        if not self.child_spis:
            return super().choose_child_spi()
        first, self.child_spis = self.child_spis[0], self.child_spis[1:]
        return first

    def eap_peer(self) -> EapPeer:
        """Our side as initiator, perhaps prepared."""
        found = super().eap_peer()
        if self.at_eap is not None:
            self.at_eap(found)
        return found

    def eap_server(self) -> EapServer:
        """Our side as responder, perhaps prepared."""
        found = super().eap_server()
        if self.at_eap is not None:
            self.at_eap(found)
        return found

    # --- out: the four places -------------------------------------------------------------------------------------

    @contextmanager
    def bending(self, bend: Bend | None) -> Iterator[None]:
        """Apply ``bend`` to the next message that is encoded."""
        self.bend = bend or STRAIGHT
        try:
            yield
        finally:
            self.bend = STRAIGHT

    def encode(self, message: Message) -> list[bytes]:
        """Encode with the bend that is set, which then is used up, and remember for the trace what it was."""
        self.sending, self.bend = self.bend, STRAIGHT
        bend, bent = self.sending, self.sending.payloads(message)
        encrypted = bent.exchange != ExchangeType.IKE_SA_INIT and self.keys is not None
        encoded = super().encode(bent)
        if not encrypted:
            encoded = [bend.ciphertext(raw) for raw in encoded]
        datagrams = list(bend.datagrams(encoded))
        self.sending = STRAIGHT
        self.encoded = Sent(bent, tuple(datagrams), bend.text, encrypted, message if bend.text else None)
        if not message.is_response:
            self.last_sent = self.encoded
        self.peer.remember(self.encoded)
        return datagrams

    def start(self, message: Message, handler: Handler) -> None:
        """Send a request: from now on its time counts, however long nobody has looked after this IKE SA."""
        self.now = self.peer.link.now()
        super().start(message, handler)

    def retransmit(self, pending: Pending) -> None:
        """Send a request again: its response may come again, too."""
        self.repeated[pending.message.message_id] += 1
        super().retransmit(pending)

    def retransmit_response(self) -> None:
        """Send a response again, unless that has been done often enough."""
        if self.repetitions > 0:
            self.repetitions -= 1
            super().retransmit_response()
        else:
            self.drop("asks again for what gets no answer any more")

    def plaintext(self, message: Message) -> tuple[int, bytes]:
        """The second place."""
        inner, data = super().plaintext(message)
        return inner, self.sending.plaintext(data)

    def parts(self, plaintext: bytes) -> Sequence[Piece]:
        """The second place for the pieces of a message in fragments."""
        return self.sending.fragments(list(super().parts(plaintext)))

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        """The second place once more, with padding, and the third, after encryption."""
        assert self.keys is not None
        scheme = self.keys.suite.cipher
        text = self.sending.padded(protection.padded(plaintext, scheme.block_size))
        raw = protection.seal(message, inner, text, scheme, self.own_key, self.random, fragment)
        return self.sending.ciphertext(raw)

    # --- in -------------------------------------------------------------------------------------------------------

    def open(self, message: Message, raw: bytes) -> Message | None:
        """Decrypt, and tell the record what became of it."""
        protected = bool(message.payloads) and isinstance(message.payloads[-1], SK | SKF)
        try:
            opened = super().open(message, raw)
        except IntegrityError as error:
            self.peer.dropped(f"integrity check failed: {error}")
            raise
        if opened is not None:
            self.peer.opened(opened, protected=protected)
        return opened

    def drop(self, reason: str) -> None:
        """Our own side ignores this; the script may want to know."""
        self.peer.dropped(reason)
        super().drop(reason)

    def came_before(self, received: Received) -> bool:
        """Whether a request is one that the device has sent before, not another one with its message ID."""
        message = received.message
        before = (one.message for one in self.peer.inbox if one.sa is self and one is not received)
        alike = ((one.exchange, one.payloads) for one in before if one.message_id == message.message_id)
        return message.message_id < self.expected_id and (message.exchange, message.payloads) in alike

    def deliver(self, message: Message) -> None:
        """Keep a request for the script if that wants it, behave as usual otherwise."""
        received = self.peer.delivered(self, message)
        if message.is_response or message.from_initiator == self.initiator:
            received.taken = not self.peer.awaits(received) and self.is_due_again(message)
            super().deliver(message)
        elif self.held is not None and self.held.message.message_id == message.message_id:
            self.held.copies += 1
            received.taken = received.answered = True
        elif message.message_id == self.expected_id and self.holds(received):
            self.held = received
        else:
            received.answered, received.again = True, self.came_before(received)
            if self.is_unasked(message):
                self.put_off(message)
            else:
                super().deliver(message)
            received.reply = self.encoded

    def holds(self, received: Received) -> bool:
        """True if this request waits for the script. A liveness check without an answer would mean that we are dead."""
        exchange = received.message.exchange
        wanted = exchange in self.holding and not says_nothing(received.message)
        return wanted or exchange == ExchangeType.IKE_AUTH or self.peer.awaits(received)

    def is_unasked(self, message: Message) -> bool:
        """True for an exchange that the device begins of its own accord and that would change what the script works on.

        Every device may rekey when it likes.
        """
        new = message.message_id == self.expected_id and self.state == State.ESTABLISHED
        change = message.exchange == ExchangeType.CREATE_CHILD_SA
        return new and change and not any(fits(message) for fits in self.peer.ordered)

    def put_off(self, message: Message) -> None:
        """Ask the device to wait (RFC 7296, section 2.25)."""
        self.peer.note("nobody has ordered this: it is put off")
        self.expected_id += 1
        self.respond(message, [Notify(NotifyType.TEMPORARY_FAILURE)])

    def is_due_again(self, message: Message) -> bool:
        """True for a response that comes once more because we have repeated the request by ourselves."""
        known = (one for one in self.peer.inbox if one.sa is self and one.taken and one.message.is_response)
        if not self.repeated[message.message_id] or all(one.raw != self.last_raw for one in known):
            return False
        self.repeated[message.message_id] -= 1
        return True

    def failed(self, reason: str, notify: NotifyType | None = None) -> None:
        """An exchange of ours failed: remember why, and let the script go on."""
        self.problem = reason
        self.events.append(ExchangeFailed(self, reason, notify))

    def doubt(self, problem: Violation | Refusal, pending: Pending) -> None:
        """The script gets the response, whatever it says, and decides."""
        self.on_violation(problem)

    def follows(self) -> bool:
        """Follow the device only through a NAT: a purpose wants to know where a message should have come from."""
        return (self.remote_nat or self.state == State.HALF_OPEN) and super().follows()

    contact: bool | None = None
    """Whether to say INITIAL_CONTACT, None: if this is the only IKE SA that we have with the device."""

    def is_initial_contact(self) -> bool:
        """As the script wants it."""
        return super().is_initial_contact() if self.contact is None else self.contact

    def after_init(self) -> None:
        """The script decides when IKE_AUTH starts."""

    def close(self, reason: str) -> None:
        """A closed IKE SA stays in the hands of the script, which may want to send on it all the same."""
        if self.state != State.CLOSED:
            self.peer.note(f"our IKE SA is closed: {reason}")
            self.closed_for = reason
        super().close(reason)

    closed_for: str = ""
    """Why our side has closed it, in words."""

    def install(self, *chosen: Any, **fields: Any) -> ChildSa:
        """A Child SA is up: its traffic is watched from now on."""
        child = super().install(*chosen, **fields)
        self.peer.traffic.add(self, child)
        return child

    def make_heir(self, *, initiator: bool) -> BendableSa:
        """A successor belongs to the same script."""
        new = super().make_heir(initiator=initiator)
        assert isinstance(new, BendableSa)
        new.peer = self.peer
        self.peer.adopt(new)
        return new
