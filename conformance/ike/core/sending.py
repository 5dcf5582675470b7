"""What an IKE SA is, what it sends, and how it keeps time: message IDs, retransmission, fragments, the end.

No socket, no clock, no randomness here: the time goes in through `tick`, datagrams and events come out in `outbox` and
`events`. Every choice that an implementation makes is a small method of its own, so that a subclass can make exactly
one of them differently.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from conformance.crypto import Random
from conformance.crypto.cipher import KeyedCipher
from conformance.ike.core import protection
from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Connection
from conformance.ike.core.events import Closed, Dropped, Event, ExchangeFailed
from conformance.ike.core.fragmentation import Reassembly, split
from conformance.ike.core.keys import IkeKeys
from conformance.ike.core.protection import Fragment
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    ExchangeType,
    HashAlgorithm,
    Message,
    NotifyType,
    Payload,
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


class Sender:
    """What all exchanges of an IKE SA share, and the sending half of it.

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
