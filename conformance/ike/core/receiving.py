"""The receiving half of an IKE SA: protection, window, repetitions, dispatch.

Bytes and the time go in through `Receiver.receive`. What a request means is told by the exchanges on top of it.
"""

from collections.abc import Callable, Sequence

from conformance.crypto import IntegrityError
from conformance.ike.core import protection
from conformance.ike.core.events import ExchangeFailed, Refusal, Rejected, Violation
from conformance.ike.core.sending import Pending, Sender, State
from conformance.net.link import Address
from conformance.wire import (
    SK,
    SKF,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    Payload,
    UnknownPayload,
    WireError,
    decode_message,
    decode_payloads,
)

Answer = Callable[[Message], Sequence[Payload]]
"""Takes a request and gives the payloads of its response. Raises Refusal."""


class Receiver(Sender):
    """An IKE SA that takes what comes: protection, window, dispatch."""

    # --- in -----------------------------------------------------------------------------------------------------

    def receive(self, raw: bytes, source: Address, destination: Address, now: float) -> None:
        """Take one IKE message (without non-ESP marker) that came for this SA."""
        self.now = now
        self.reply_path = (destination, source)
        self.last_raw = raw
        try:
            opened = self.open(self.decode(raw), raw)
        except WireError as error:
            self.malformed(raw, error)
            return
        except IntegrityError as error:
            self.not_authentic(raw, error)
            return
        if opened is not None:
            self.last_heard = now
            self.heard(opened, source, destination)
            self.deliver(opened)

    def decode(self, raw: bytes) -> Message:
        """The message as it came, payloads in the Encrypted payload still sealed. Raises WireError."""
        return decode_message(raw)

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        """The payloads inside the Encrypted payload. Raises WireError."""
        return decode_payloads(inner, plaintext)

    def heard(self, message: Message, source: Address, destination: Address) -> None:
        """An authentic message came from ``source``, which may be another place than before."""

    def malformed(self, raw: bytes, error: WireError) -> None:
        """What cannot be decoded and is not authentic is ignored (RFC 7296, section 2.21.1)."""
        self.drop(f"malformed: {error}")

    def not_authentic(self, raw: bytes, error: IntegrityError) -> None:
        """What fails its integrity check is ignored and never answered (RFC 7296, sections 2.4 and 3.10.1)."""
        self.drop(f"integrity check failed: {error}")

    def unprotected(self, message: Message) -> None:
        """What is not protected changes nothing, whatever it says (RFC 7296, sections 2.4 and 2.21.4)."""
        self.drop("not protected")

    def open(self, message: Message, raw: bytes) -> Message | None:
        """The message with its decrypted payloads; None if it is not complete yet or must be ignored.

        Raises IntegrityError where the ICV is wrong.
        """
        last = message.payloads[-1] if message.payloads else None
        if not isinstance(last, SK | SKF):
            if self.must_be_protected(message):
                self.unprotected(message)
                return None
            return message
        if self.keys is None:
            self.drop("protected, but there are no keys yet")
            return None
        try:
            plaintext = self.unseal(raw, last)
        except WireError as error:
            if isinstance(last, SKF):
                self.drop(f"malformed fragment: {error}")
            else:
                self.malformed_inside(message, error)
            return None
        inner = int(last.inner)
        if isinstance(last, SKF):
            collected = self.collect(message, last, plaintext)
            if collected is None:
                return None
            inner, plaintext = collected
        return self.decrypted(message, inner, plaintext)

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        """The plaintext of the Encrypted payload, by the keys of the peer's direction (RFC 7296, section 2.14).

        Raises IntegrityError, and WireError where the padding is wrong.
        """
        assert self.keys is not None
        return protection.unseal(raw, payload, self.keys.suite.cipher, self.peer_key)

    def must_be_protected(self, message: Message) -> bool:
        """Only IKE_SA_INIT goes unprotected, and a request of that is never for an IKE SA that exists already."""
        return message.exchange != ExchangeType.IKE_SA_INIT or not message.is_response

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        """Put a fragment to the others; the type of the first payload and the whole plaintext once it is complete."""
        self.drop("a fragment, but fragmentation was not negotiated")
        return None

    def decrypted(self, message: Message, inner: int, plaintext: bytes) -> Message | None:
        """The message with the payloads inside. What is authentic but malformed is INVALID_SYNTAX (2.21.3)."""
        try:
            payloads = self.decode_inside(inner, plaintext)
        except WireError as error:
            self.malformed_inside(message, error)
            return None
        outside = message.payloads[:-1]
        return Message(
            message.spi_i, message.spi_r, message.exchange, message.flags, message.message_id,
            (*outside, *payloads), message.version,
        )  # fmt: skip

    def malformed_inside(self, message: Message, error: WireError) -> None:
        """A message is authentic but malformed: refuse a request, ignore a response (RFC 7296, section 2.21)."""
        if not message.is_response and message.message_id == self.expected_id:
            self.expected_id += 1
            self.invalid_syntax(message, error)
        else:
            self.drop(f"malformed: {error}")

    def invalid_syntax(self, message: Message, error: WireError) -> None:
        """Answer an authentic but malformed request; the error is fatal for the IKE SA (RFC 7296, section 2.21.3)."""
        self.close_after_response = f"malformed request: {error}"
        self.respond(message, [Notify(NotifyType.INVALID_SYNTAX)])

    def deliver(self, message: Message) -> None:
        """Dispatch an authentic message."""
        if message.from_initiator == self.initiator:
            self.drop("the Initiator flag is ours")
        elif message.is_response:
            self.on_response(message)
        else:
            self.on_request(message)

    def on_request(self, message: Message) -> None:
        """Answer a request once, resend the answer to a repetition, ignore what is outside the window (2.2, 2.3)."""
        if message.message_id == self.expected_id - 1 and self.last_response is not None:
            self.retransmit_response()
        elif message.message_id != self.expected_id:
            self.outside_window(message)
        elif self.state != State.CLOSED:
            self.expected_id += 1
            payloads = self.process(message)
            if payloads is not None:
                self.respond(message, payloads)

    def outside_window(self, message: Message) -> None:
        """A request with another message ID than the next is not answered (RFC 7296, sections 2.1 and 2.3)."""
        self.drop(f"request {message.message_id}, expected {self.expected_id}")

    def retransmit_response(self) -> None:
        """Send the last response again, the same octets (RFC 7296, section 2.1)."""
        assert self.last_response is not None
        self.transmit(self.last_response, *self.reply_path)

    def process(self, message: Message) -> Sequence[Payload] | None:
        """The payloads of the response to a request; None: there is none."""
        try:
            self.check_critical(message)
            return self.handle(message)
        except Refusal as refusal:
            self.events.append(ExchangeFailed(self, refusal.why, refusal.kind))
            if refusal.fatal or self.state == State.HALF_OPEN:  # what is refused in IKE_AUTH makes no IKE SA (2.21.2)
                self.close_after_response = refusal.why
            return [refusal.notify()]

    def check_critical(self, message: Message) -> None:
        """Reject a message with an unknown payload that is marked critical (RFC 7296, section 2.5). Raises Refusal."""
        for payload in message.payloads:
            if isinstance(payload, UnknownPayload) and payload.critical:
                kind = int(payload.type)
                raise Refusal(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, f"payload type {kind}", bytes((kind,)))

    def answers(self) -> dict[tuple[State, ExchangeType], Answer]:
        """Which requests are answered in which state, and by what. An exchange adds its own."""
        return {}

    def handle(self, message: Message) -> Sequence[Payload]:
        """Answer an authentic request by its exchange type, if it has one here and now. Raises Refusal."""
        answer = self.answers().get((self.state, message.exchange))
        if answer is None:
            why = f"exchange type {int(message.exchange)} in state {self.state.value}"
            raise Refusal(NotifyType.INVALID_SYNTAX, why, fatal=True)
        return answer(message)

    def refusal_in(self, message: Message) -> Notify | None:
        """The error in a response; one that we do not know counts as well (RFC 7296, section 3.10.1)."""
        return next((one for one in message.notifies() if one.type < NotifyType.INITIAL_CONTACT), None)

    def on_response(self, message: Message) -> None:
        """Take the response to our request, ignore any other (RFC 7296, section 2.1)."""
        pending = self.pending
        if pending is None or not self.is_awaited(message, pending):
            self.unawaited(message)
            return
        if message.exchange != pending.message.exchange:
            self.drop(f"response of exchange {message.exchange} to our {pending.message.exchange}")
            return
        self.pending = None
        try:
            self.check_critical(message)
            pending.handler(self, message)
        except (Violation, Refusal) as problem:
            if self.state == State.NEW:
                self.doubt(problem, pending)
            else:
                self.on_violation(problem)
        if self.is_fatal(message):
            self.close("the peer answered INVALID_SYNTAX")
        self.next_request()

    def doubt(self, problem: Violation | Refusal, pending: Pending) -> None:
        """A response that nobody vouches for may be forged: a better one may come yet (RFC 7296, section 2.21.1)."""
        self.drop(f"not believed: {problem}")
        pending.doubt = problem
        self.pending = pending

    def give_up(self, pending: Pending) -> None:
        """No better response came, so what was doubted counts."""
        if pending.doubt is None:
            super().give_up(pending)
        else:
            self.pending = None
            self.on_violation(pending.doubt)

    def on_violation(self, problem: Violation | Refusal) -> None:
        """Our exchange has failed because of what its response says."""
        self.failed(str(problem), problem.kind if isinstance(problem, Rejected) else None)

    def is_fatal(self, message: Message) -> bool:
        """A protected INVALID_SYNTAX response ends the IKE SA at both ends, without a Delete (section 2.21.3)."""
        protected = message.exchange != ExchangeType.IKE_SA_INIT
        return protected and message.notify(NotifyType.INVALID_SYNTAX) is not None

    def is_awaited(self, message: Message, pending: Pending) -> bool:
        """A response belongs to the request with the same message ID (RFC 7296, section 2.2)."""
        return message.message_id == pending.message.message_id

    def unawaited(self, message: Message) -> None:
        """A response to no request of ours is never answered (RFC 7296, section 3.1)."""
        self.drop(f"response {message.message_id} to no request of ours")
