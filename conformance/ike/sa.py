"""The core of an IKE SA: protection, message IDs, retransmission, dispatch. No socket, no clock, no randomness here.

Bytes and the time go in through `SaCore.receive` and `SaCore.tick`; datagrams and events come out in `outbox` and
`events`. The exchanges are mixins, one module each, put together in `conformance.ike.ikesa.IkeSa`. Every choice that
an implementation makes is a small method of its own, so that a subclass can make exactly one of them differently.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from conformance.crypto import IntegrityError, Random
from conformance.crypto.cipher import KeyedCipher
from conformance.ike import protection
from conformance.ike.child import ChildSa
from conformance.ike.connection import Connection
from conformance.ike.events import Closed, Dropped, Event, ExchangeFailed, Refusal, Violation
from conformance.ike.fragmentation import Reassembly, split
from conformance.ike.keys import IkeKeys
from conformance.ike.protection import Fragment
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    SK,
    SKF,
    ExchangeType,
    HashAlgorithm,
    Message,
    Notify,
    NotifyType,
    Payload,
    UnknownPayload,
    WireError,
    decode_message,
    decode_payloads,
    encode_message,
    encode_payloads,
)

NO_SPI = bytes(8)

Handler = Callable[[Message], None]
Build = Callable[[], Sequence[Payload]]


class State(Enum):
    """The life of an IKE SA."""

    NEW = "new"
    HALF_OPEN = "half-open"
    ESTABLISHED = "established"
    REKEYED = "rekeyed"
    CLOSED = "closed"


@dataclass(slots=True)
class Pending:
    """A request of ours that waits for its response; it is retransmitted at ``deadline``."""

    message: Message
    datagrams: list[bytes] = field(repr=False)
    handler: Handler
    deadline: float
    tries: int = 0


class SaCore:
    """What all exchanges of an IKE SA share.

    ``initiator`` is the role in the initial exchange or in the rekey that made this SA, it never changes.
    ``spi_i`` and ``spi_r`` are the two SPIs of eight octets. ``now`` is UNIX time in seconds as the owner gave it last.
    """

    supports_fragmentation: ClassVar[bool] = True
    reassembly_class: ClassVar[type[Reassembly]] = Reassembly

    def __init__(
        self, connection: Connection, *, initiator: bool, local: Address, remote: Address, random: Random, now: float
    ) -> None:
        """A new IKE SA, without keys. The own SPI is chosen here."""
        self.connection = connection
        self.initiator = initiator
        self.local, self.remote = local, remote
        self.random, self.now = random, now
        own = self.choose_spi()
        self.spi_i, self.spi_r = (own, NO_SPI) if initiator else (NO_SPI, own)
        self.state = State.NEW
        self.keys: IkeKeys | None = None
        self.reply_path = (local, remote)
        self.local_nat = self.remote_nat = False
        self.children: list[ChildSa] = []
        self.outbox: list[Datagram] = []
        self.events: list[Event] = []
        self.next_id = 0
        self.pending: Pending | None = None
        self.queue: deque[tuple[ExchangeType, Build, Handler]] = deque()
        self.expected_id = 0
        self.last_raw = b""
        self.last_response: list[bytes] | None = None
        self.reassembly: dict[tuple[bool, int], Reassembly] = {}
        self.fragmenting = False
        self.peer_hashes: tuple[HashAlgorithm, ...] = ()
        self.nonce_i = self.nonce_r = b""
        self.last_heard = now
        self.created = now
        self.close_after_response: str | None = None

    # --- who is who ---------------------------------------------------------------------------------------------

    def choose_spi(self) -> bytes:
        """A fresh IKE SPI, never zero (RFC 7296, section 3.1)."""
        spi = self.random(8)
        return spi if any(spi) else self.choose_spi()

    @property
    def own_spi(self) -> bytes:
        """The SPI by which the peer finds this SA here."""
        return self.spi_i if self.initiator else self.spi_r

    @property
    def own_key(self) -> KeyedCipher:
        """The cipher for what we send."""
        assert self.keys is not None
        return self.keys.from_initiator if self.initiator else self.keys.from_responder

    @property
    def peer_key(self) -> KeyedCipher:
        """The cipher for what we receive."""
        assert self.keys is not None
        return self.keys.from_responder if self.initiator else self.keys.from_initiator

    def flags(self, *, response: bool) -> int:
        """The header flags of a message that we send (RFC 7296, section 3.1)."""
        return (FLAG_INITIATOR if self.initiator else 0) | (FLAG_RESPONSE if response else 0)

    # --- out ----------------------------------------------------------------------------------------------------

    def message(
        self, exchange: ExchangeType, payloads: Sequence[Payload], message_id: int, *, response: bool
    ) -> Message:
        """A message of this SA with our SPIs and flags."""
        return Message(self.spi_i, self.spi_r, exchange, self.flags(response=response), message_id, tuple(payloads))

    def encode(self, message: Message) -> list[bytes]:
        """The datagrams of a message: plain in IKE_SA_INIT, protected and perhaps fragmented otherwise."""
        if message.exchange == ExchangeType.IKE_SA_INIT or self.keys is None:
            return [encode_message(message)]
        inner, plaintext = self.plaintext(message)
        room = self.fragment_room()
        if self.must_fragment(len(plaintext), room):
            pieces = split(plaintext, room)
            return [self.seal(message, 0 if at else inner, text, one) for at, (one, text) in enumerate(pieces)]
        return [self.seal(message, inner, plaintext, None)]

    def must_fragment(self, size: int, room: int) -> bool:
        """Fragment what does not fit into one datagram, if both sides said they can (RFC 7383, section 2.4)."""
        return self.fragmenting and room > 0 and size > room

    def plaintext(self, message: Message) -> tuple[int, bytes]:
        """The type of the first payload and the encoded payloads, before padding and encryption."""
        return encode_payloads(message.payloads)

    def fragment_room(self) -> int:
        """Octets of plaintext that fit into one fragment, 0: never fragment (RFC 7383, section 2.5.1)."""
        assert self.keys is not None
        if not self.connection.fragment_size:
            return 0
        marker = len(NON_ESP_MARKER) if self.encapsulated(self.local, self.remote) else 0
        ip_udp = (40 if ":" in self.local.host else 20) + 8 + marker
        return self.connection.fragment_size - ip_udp - protection.overhead(self.keys.suite.cipher, fragment=True)

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        """Pad, encrypt and authenticate one datagram."""
        assert self.keys is not None
        scheme = self.keys.suite.cipher
        text = protection.padded(plaintext, scheme.block_size)
        return protection.seal(message, inner, text, scheme, self.own_key, self.random, fragment)

    def encapsulated(self, local: Address, remote: Address) -> bool:
        """True if IKE between these addresses shares its port with ESP: there it needs a marker (RFC 3948, 2.2)."""
        return local.port == self.connection.local_ports[1] or remote.port == self.connection.remote_ports[1]

    def transmit(self, datagrams: Sequence[bytes], local: Address, remote: Address) -> None:
        """Put datagrams into the outbox, with the non-ESP marker where the port needs it."""
        marker = NON_ESP_MARKER if self.encapsulated(local, remote) else b""
        self.outbox.extend(Datagram(local, remote, marker + data) for data in datagrams)

    def float_port(self) -> None:
        """Go on on the ports for IKE and ESP in UDP, as behind a NAT (RFC 7296, section 2.23)."""
        self.local = Address(self.local.host, self.connection.local_ports[1])
        self.remote = Address(self.remote.host, self.connection.remote_ports[1])

    def open_exchange(self, exchange: ExchangeType, build: Build, handler: Handler) -> None:
        """Start an exchange now, or when the one under way is over: our window is one (RFC 7296, section 2.3)."""
        if self.pending is not None:
            self.queue.append((exchange, build, handler))
            return
        message = self.message(exchange, build(), self.next_id, response=False)
        self.next_id += 1
        self.start(message, handler)

    def start(self, message: Message, handler: Handler) -> None:
        """Send a request and remember it until its response comes."""
        datagrams = self.encode(message)
        self.pending = Pending(message, datagrams, handler, self.now + self.connection.retransmit_timeout)
        self.transmit(datagrams, self.local, self.remote)

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        """Send a response to where the request came from and keep it for repetitions (RFC 7296, 2.1 and 2.11)."""
        message = self.message(request.exchange, payloads, self.response_id(request), response=True)
        self.last_response = self.encode(message)
        self.transmit(self.last_response, *self.reply_path)
        if self.close_after_response is not None:
            self.close(self.close_after_response)

    def response_id(self, request: Message) -> int:
        """The message ID of a response is that of its request (RFC 7296, section 2.2)."""
        return request.message_id

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

    def drop(self, reason: str) -> None:
        """Ignore what came."""
        self.events.append(Dropped(self, reason))

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
        """Only IKE_SA_INIT goes unprotected."""
        return message.exchange != ExchangeType.IKE_SA_INIT

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        """Put a fragment to the others of its message; the whole once it is complete (RFC 7383, section 2.6).

        Of a request that was answered already, only fragment 1 asks for the response again (section 2.6.1).
        """
        if not self.fragmenting:
            self.drop("a fragment, but fragmentation was not negotiated")
            return None
        response, number = message.is_response, message.message_id
        if not response and number == self.expected_id - 1 and self.last_response is not None:
            if self.asks_again(payload):
                self.retransmit_response()
            return None
        if number != (self.pending.message.message_id if response and self.pending else self.expected_id):
            self.drop(f"a fragment of message {number}, outside the window")
            return None
        parts = self.reassembly.setdefault((response, number), self.reassembly_class(self.now))
        if self.is_stale(parts):
            parts = self.reassembly[(response, number)] = self.reassembly_class(self.now)
        if not parts.accepts(payload):
            self.drop(f"fragment {payload.number} of {payload.total} makes no sense")
            return None
        if parts.overflows(plaintext):
            self.reassembly.clear()
            self.close(f"too many fragments of message {number}")
            return None
        if not parts.add(payload, plaintext):
            return None
        del self.reassembly[(response, number)]
        return parts.inner, parts.plaintext()

    def asks_again(self, payload: SKF) -> bool:
        """Of an answered request only fragment 1 asks for the response again (RFC 7383, section 2.6.1)."""
        return payload.number == 1

    def is_stale(self, parts: Reassembly) -> bool:
        """Fragments wait as long as we would for a response (RFC 7383, section 2.6)."""
        connection = self.connection
        waits = (connection.retransmit_base**tries for tries in range(connection.retransmit_tries + 1))
        return self.now > parts.started + connection.retransmit_timeout * sum(waits)

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
            if refusal.fatal:
                self.close_after_response = refusal.why
            return [refusal.notify()]

    def check_critical(self, message: Message) -> None:
        """Reject a message with an unknown payload that is marked critical (RFC 7296, section 2.5). Raises Refusal."""
        for payload in message.payloads:
            if isinstance(payload, UnknownPayload) and payload.critical:
                kind = int(payload.type)
                raise Refusal(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, f"payload type {kind}", bytes((kind,)))

    def handle(self, message: Message) -> Sequence[Payload]:
        """Answer an authentic request by its exchange type. Raises Refusal."""
        raise NotImplementedError

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
            pending.handler(message)
        except (Violation, Refusal) as problem:
            self.on_violation(problem)
        if self.is_fatal(message):
            self.close("the peer answered INVALID_SYNTAX")
        self.next_request()

    def on_violation(self, problem: Violation | Refusal) -> None:
        """Our exchange has failed because of what its response says."""
        self.failed(str(problem))

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

    def next_request(self) -> None:
        """Start the exchange that waited for its turn."""
        if self.queue and self.pending is None and self.state != State.CLOSED:
            self.open_exchange(*self.queue.popleft())

    def failed(self, reason: str, notify: NotifyType | None = None) -> None:
        """An exchange of ours failed."""
        self.events.append(ExchangeFailed(self, reason, notify))
        if self.state in (State.NEW, State.HALF_OPEN):
            self.close(reason)

    def close(self, reason: str) -> None:
        """The IKE SA and all its Child SAs are gone, now and silently."""
        if self.state != State.CLOSED:
            self.state = State.CLOSED
            self.pending = None
            self.queue.clear()
            self.children.clear()
            self.events.append(Closed(self, reason))

    # --- time ---------------------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """The next instant at which `tick` has something to do."""
        return self.pending.deadline if self.pending else None

    def tick(self, now: float) -> None:
        """Retransmit what got no answer; after the last try the IKE SA has failed (RFC 7296, section 2.4)."""
        self.now = now
        pending = self.pending
        if pending is None or now < pending.deadline:
            return
        pending.tries += 1
        if pending.tries > self.connection.retransmit_tries:
            self.give_up(pending)
            return
        base = self.connection.retransmit_base
        pending.deadline = now + self.connection.retransmit_timeout * base**pending.tries
        self.retransmit(pending)

    def give_up(self, pending: Pending) -> None:
        """The peer is dead, and all state with it (RFC 7296, sections 2.1 and 2.4)."""
        self.pending = None
        self.close(f"no response to {pending.message.exchange} request {pending.message.message_id}")

    def retransmit(self, pending: Pending) -> None:
        """Send a request again, the same octets (RFC 7296, section 2.1)."""
        self.transmit(pending.datagrams, self.local, self.remote)
