"""What an IKE SA is, what it sends, and how it keeps time: message IDs, retransmission, fragments, the end.

No socket, no clock, no randomness here: the time goes in through `tick`, datagrams and events come out in `outbox` and
`events`. Every choice that an implementation makes is a small method of its own, so that a subclass can make exactly
one of them differently.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from conformance.crypto import Random
from conformance.crypto.cipher import KeyedCipher
from conformance.ike.core import protection
from conformance.ike.core.child import ChildSa, ChildState
from conformance.ike.core.connection import Connection
from conformance.ike.core.events import ChildDown, Closed, Dropped, Event, ExchangeFailed, Refusal, Violation
from conformance.ike.core.keys import IkeKeys
from conformance.ike.core.protection import Fragment
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    ExchangeType,
    Message,
    NotifyType,
    Payload,
    encode_message,
    encode_payloads,
)

NO_SPI = bytes(8)

RETRY_DELAY = 10.0
"""Seconds before a refused rekey is tried again: not at once, over several minutes (RFC 7296, section 2.25)."""

Build = Callable[[Any], Sequence[Payload]]
"""Makes the payloads of a request for the IKE SA on which it goes out: perhaps the successor of the one that asked."""

Handler = Callable[[Any, Message], None]
"""Takes the response on the IKE SA on which the request went out."""

Timer = tuple[float, Callable[[], None]]
"""When something is due, in UNIX time, and what."""


class State(Enum):
    """The life of an IKE SA."""

    NEW = "new"
    HALF_OPEN = "half-open"
    ESTABLISHED = "established"
    REKEYED = "rekeyed"
    CLOSED = "closed"


@dataclass(slots=True)
class Pending:
    """A request of ours that waits for its response; it is retransmitted at ``deadline``.

    ``doubt`` is what a response said that was not believed.
    """

    message: Message
    datagrams: list[bytes] = field(repr=False)
    handler: Handler
    deadline: float
    tries: int = 0
    doubt: Violation | Refusal | None = None


class Sender:
    """What all exchanges of an IKE SA share, and the sending half of it.

    ``initiator`` is the role in the initial exchange or in the rekey that made this SA, it never changes.
    ``spi_i`` and ``spi_r`` are the two SPIs of eight octets. ``now`` is UNIX time in seconds as the owner gave it last.
    """

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
        self.children: list[ChildSa] = []
        self.outbox: list[Datagram] = []
        self.events: list[Event] = []
        self.next_id = 0
        self.pending: Pending | None = None
        self.queue: deque[tuple[ExchangeType, Build, Handler]] = deque()
        self.expected_id = 0
        self.last_raw = b""
        self.last_response: list[bytes] | None = None
        self.nonce_i = self.nonce_r = b""
        self.last_heard = now
        self.created = now
        self.close_after_response: str | None = None
        self.unanswered = False
        self.prepare()

    def prepare(self) -> None:
        """The state of a new IKE SA, apart from the above: each part that has more than a few fields makes its own."""

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
        parts = self.parts(plaintext)
        return [self.seal(message, 0 if at else inner, text, fragment) for at, (fragment, text) in enumerate(parts)]

    def parts(self, plaintext: bytes) -> Sequence[tuple[Fragment | None, bytes]]:
        """The plaintext of each datagram of a message, and which fragment that is: here all in one."""
        return [(None, plaintext)]

    def plaintext(self, message: Message) -> tuple[int, bytes]:
        """The type of the first payload and the encoded payloads, before padding and encryption."""
        return encode_payloads(message.payloads)

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

    def open_exchange(
        self,
        exchange: ExchangeType,
        build: Callable[[Self], Sequence[Payload]],
        handler: Callable[[Self, Message], None],
    ) -> None:
        """Start an exchange now, or when the one under way is over: our window is one (RFC 7296, section 2.3)."""
        if self.pending is not None:
            self.queue.append((exchange, build, handler))
            return
        message = self.message(exchange, build(self), self.next_id, response=False)
        self.next_id += 1
        self.start(message, handler)

    @staticmethod
    def ignore(sa: Any, message: Message) -> None:
        """Take a response that says nothing more than that the peer is there."""

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

    # --- the end ------------------------------------------------------------------------------------------------

    def drop(self, reason: str) -> None:
        """Ignore what came."""
        self.events.append(Dropped(self, reason))

    def next_request(self) -> None:
        """Start the exchange that waited for its turn."""
        if self.queue and self.pending is None and self.state != State.CLOSED:
            self.open_exchange(*self.queue.popleft())

    def failed(self, reason: str, notify: NotifyType | None = None) -> None:
        """An exchange of ours failed."""
        self.events.append(ExchangeFailed(self, reason, notify))
        if self.state in (State.NEW, State.HALF_OPEN):
            self.close(reason)

    def drop_child(self, child: ChildSa) -> None:
        """Forget a Child SA without a word to the peer."""
        if child in self.children:
            self.children.remove(child)
            child.state = ChildState.DELETED
            self.events.append(ChildDown(self, child))

    def close(self, reason: str) -> None:
        """The IKE SA and all its Child SAs are gone, now and silently."""
        if self.state != State.CLOSED:
            self.state = State.CLOSED
            self.pending = None
            self.queue.clear()
            self.children.clear()
            self.events.append(Closed(self, reason))

    # --- time ---------------------------------------------------------------------------------------------------

    def timers(self) -> Iterator[Timer]:
        """What must be done when. An exchange adds to it what it does of its own accord.

        `tick` acts while it takes these, so that each is yielded by the state after those before it were done.
        """
        if self.pending is not None:
            yield self.pending.deadline, self.try_again
        elif self.queue:
            yield self.now, self.next_request

    def next_timer(self) -> float | None:
        """The next instant at which `tick` has something to do."""
        return min((due for due, _ in self.timers()), default=None)

    def tick(self, now: float) -> None:
        """Do what is due."""
        self.now = now
        for due, action in self.timers():
            if due <= now:
                action()

    def is_idle(self) -> bool:
        """True if the IKE SA is up and may start an exchange at once."""
        return self.state == State.ESTABLISHED and self.pending is None

    def try_again(self) -> None:
        """Retransmit what got no answer; after the last try the IKE SA has failed (RFC 7296, section 2.4)."""
        pending = self.pending
        assert pending is not None
        pending.tries += 1
        if pending.tries > self.connection.retransmit_tries:
            self.give_up(pending)
            return
        base = self.connection.retransmit_base
        pending.deadline = self.now + self.connection.retransmit_timeout * base**pending.tries
        self.retransmit(pending)

    def give_up(self, pending: Pending) -> None:
        """The peer is dead, and all state with it (RFC 7296, sections 2.1 and 2.4)."""
        self.pending, self.unanswered = None, True
        self.close(f"no response to {pending.message.exchange} request {pending.message.message_id}")

    def retransmit(self, pending: Pending) -> None:
        """Send a request again, the same octets (RFC 7296, section 2.1)."""
        self.transmit(pending.datagrams, self.local, self.remote)
