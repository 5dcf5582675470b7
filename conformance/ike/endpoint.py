"""An IKE endpoint: it finds the IKE SA of a datagram, answers outside of any SA, and keeps time for all of them."""

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

from conformance.crypto import Random
from conformance.eap.subscriber import Renewal, Usim
from conformance.ike.client import Client
from conformance.ike.core.connection import Connection, CookiePolicy, Uniqueness
from conformance.ike.core.events import (
    Closed,
    Established,
    Event,
    ReauthenticationDue,
    Redirected,
    Refusal,
    SuccessorCreated,
)
from conformance.ike.core.proof import same_identity
from conformance.ike.core.sending import NO_SPI, State
from conformance.ike.ikesa import IkeSa
from conformance.ike.reporting import Reporting
from conformance.net.fetching import WebClient
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    ExchangeType,
    Header,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    PayloadType,
    WireError,
    decode_header,
    decode_message,
    encode_message,
)

MEMORY = 180.0
"""Seconds for which the last response of a closed IKE SA is kept: several minutes (RFC 7296, section 2.1)."""

MAX_FAREWELLS = 1000


@dataclass(frozen=True, slots=True)
class Farewell:
    """The last response of an IKE SA that is closed now, and the time until which it is repeated."""

    datagrams: tuple[bytes, ...]
    until: float


class Endpoint(Client, Reporting):
    """Any number of IKE SAs of one connection on one address; datagrams and the time go in, datagrams come out.

    ``random`` gives octets, ``now`` is UNIX time in seconds. ``events`` grows as things happen; the owner empties it.
    ``web`` is with what its IKE SAs fetch what certificates name, None: they do not. ``cards`` are what EAP with a SIM
    keeps from one IKE SA to the next, by IMSI, ``renewals`` what its server does.
    """

    sa_class: ClassVar[type[IkeSa]] = IkeSa

    def __init__(self, connection: Connection, random: Random, now: float) -> None:
        """An endpoint without SAs."""
        super().__init__()
        self.connection, self.random, self.now = connection, random, now
        self.sas: dict[bytes, IkeSa] = {}
        self.requests: dict[tuple[Address, bytes], IkeSa] = {}
        self.farewells: dict[bytes, Farewell] = {}
        self.cookie_secret = random(16)
        self.outbox: list[Datagram] = []
        self.events: list[Event] = []
        self.log: list[tuple[float, str]] = []
        self.web: WebClient | None = None
        self.cards: dict[bytes, Usim] = {}
        self.renewals: dict[bytes, Renewal] = {}

    # --- its IKE SAs ----------------------------------------------------------------------------------------------

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        """An IKE SA of the class of this endpoint."""
        sa = self.sa_class(
            self.connection, initiator=initiator, local=local, remote=remote, random=self.random, now=self.now
        )
        sa.neighbours, sa.web = self.sas.values(), self.web
        sa.cards, sa.renewals = self.cards, self.renewals
        return sa

    def register(self, sa: IkeSa) -> None:
        """From now on datagrams with its SPI go to ``sa``."""
        self.sas[sa.own_spi] = sa

    def established(self) -> list[IkeSa]:
        """The IKE SAs that are up, oldest first."""
        return [sa for sa in self.sas.values() if sa.state == State.ESTABLISHED]

    def half_open(self) -> int:
        """How many IKE SAs that we answered are not authenticated yet."""
        return sum(not sa.initiator and sa.state == State.HALF_OPEN for sa in self.sas.values())

    # --- datagrams in ---------------------------------------------------------------------------------------------

    def receive(self, datagram: Datagram, now: float) -> None:
        """Take a datagram."""
        self.now = now
        raw = datagram.payload
        if datagram.destination.port == self.connection.local_ports[1]:
            if not raw.startswith(NON_ESP_MARKER):
                return  # ESP or a NAT keepalive
            raw = raw[len(NON_ESP_MARKER) :]
        try:
            header = decode_header(raw)
        except WireError as error:
            self.note(f"{datagram.source.host}: {error}")
            return
        sa = self.find(header) if self.speaks(header) else None
        if sa is not None:
            sa.receive(raw, datagram.source, datagram.destination, now)
            self.collect(sa)
        else:
            self.unknown(header, raw, datagram)

    def find(self, header: Header) -> IkeSa | None:
        """The SA whose own SPI stands in the header where the sender puts that of its peer."""
        mine = header.spi_r if header.flags & FLAG_INITIATOR else header.spi_i
        return self.sas.get(mine)

    def unknown(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        """What belongs to no SA: a request to start one, or something to refuse or ignore (RFC 7296, 2.21.4)."""
        if header.flags & FLAG_RESPONSE:
            self.note(f"a response to no SA of ours from {datagram.source.host}")
        elif (farewell := self.farewells.get(raw)) is not None and self.now <= farewell.until:
            self.repeat_farewell(farewell, datagram)
        elif not self.speaks(header):
            self.refuse(header, datagram, Notify(NotifyType.INVALID_MAJOR_VERSION))
        elif header.exchange == ExchangeType.IKE_SA_INIT and header.spi_r == NO_SPI and header.message_id == 0:
            self.init_requested(header, raw, datagram)
        else:
            self.unknown_spi(header, datagram)

    def repeat_farewell(self, farewell: Farewell, datagram: Datagram) -> None:
        """The request that ended an IKE SA has come again: its response may be lost (RFC 7296, section 2.1)."""
        marker = NON_ESP_MARKER if datagram.destination.port == self.connection.local_ports[1] else b""
        for raw in farewell.datagrams:
            self.outbox.append(Datagram(datagram.destination, datagram.source, marker + raw))

    def speaks(self, header: Header) -> bool:
        """True for a major version that we know; the minor one does not matter (RFC 7296, section 2.5)."""
        return header.version >> 4 <= 2

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        """An encrypted request for an SA that we do not know: say so, unprotected (RFC 7296, sections 1.5, 2.21.4).

        What is not encrypted may be such a one-way message itself, and is never answered.
        """
        if header.next_payload not in (PayloadType.SK, PayloadType.SKF):
            self.note(f"an unprotected message of no SA of ours from {datagram.source.host}")
            return
        notify = Notify(NotifyType.INVALID_IKE_SPI)
        self.report(datagram.source, notify)
        self.refuse(header, datagram, notify)

    def refuse(self, header: Header, datagram: Datagram, *payloads: Payload) -> None:
        """A response outside of any SA: SPIs and message ID of the request, version 2.0 (sections 2.5, 2.21.4)."""
        flags = FLAG_RESPONSE | (0 if header.flags & FLAG_INITIATOR else FLAG_INITIATOR)
        message = Message(header.spi_i, header.spi_r, header.exchange, flags, header.message_id, payloads)
        marker = NON_ESP_MARKER if datagram.destination.port == self.connection.local_ports[1] else b""
        self.outbox.append(Datagram(datagram.destination, datagram.source, marker + encode_message(message)))

    def emit(self, datagram: Datagram) -> None:
        """Send a datagram that belongs to no IKE SA."""
        self.outbox.append(datagram)

    # --- a new SA from the peer -----------------------------------------------------------------------------------

    def init_requested(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        """A request to start an IKE SA, or its repetition (RFC 7296, sections 2.1 and 2.6)."""
        known = self.answered(header, raw, datagram)
        if known is not None:
            self.init_repeated(known, datagram)
            return
        try:
            message = self.decode(raw)
        except WireError as error:
            self.malformed_init(header, datagram, error)
            return
        if not header.flags & FLAG_INITIATOR or header.spi_i == NO_SPI:
            self.note("IKE_SA_INIT request without Initiator flag or SPI")
        elif self.cookie_missing(message, datagram):
            self.refuse(header, datagram, Notify(NotifyType.COOKIE, self.cookie(message, datagram)))
        else:
            self.accept_init(message, header, raw, datagram)

    def answered(self, header: Header, raw: bytes, datagram: Datagram) -> IkeSa | None:
        """The SA that this very request has made already; its SPI or address alone decide nothing (section 2.1)."""
        known = self.requests.get((datagram.source, header.spi_i))
        return known if known is not None and known.init_request_raw == raw else None

    def init_repeated(self, known: IkeSa, datagram: Datagram) -> None:
        """Repeat the response of a half-open SA, ignore the request once IKE_AUTH has come (section 2.1)."""
        if known.state != State.HALF_OPEN:
            self.note("IKE_SA_INIT request repeated after IKE_AUTH")
            return
        known.reply_path = (datagram.destination, datagram.source)
        known.retransmit_response()
        self.collect(known)

    def decode(self, raw: bytes) -> Message:
        """The IKE_SA_INIT request as it came. Raises WireError."""
        return decode_message(raw)

    def malformed_init(self, header: Header, datagram: Datagram, error: WireError) -> None:
        """Help an honest peer to find its mistake (RFC 7296, section 2.21.1)."""
        self.note(f"malformed IKE_SA_INIT: {error}")
        self.refuse(header, datagram, Notify(NotifyType.INVALID_SYNTAX))

    def accept_init(self, message: Message, header: Header, raw: bytes, datagram: Datagram) -> None:
        """Make an SA and let it answer; a refusal leaves no state behind. Where there are enough it is not answered."""
        if not self.has_room():
            self.note("IKE_SA_INIT request where there are enough IKE SAs")
            return
        sa = self.new_sa(initiator=False, local=datagram.destination, remote=datagram.source)
        try:
            sa.respond_init(message, raw)
        except Refusal as refusal:
            self.note(f"IKE_SA_INIT refused: {refusal}")
            self.refuse(header, datagram, refusal.notify())
            return
        self.register(sa)
        self.requests[(datagram.source, header.spi_i)] = sa
        self.collect(sa)

    def has_room(self) -> bool:
        """Whether one more IKE SA is wanted; one that a rekey has replaced, or that is ending, is none any more."""
        limit = self.connection.ike_sa_limit
        if limit is None:
            return True
        counted = [sa for sa in self.sas.values() if sa.state in (State.HALF_OPEN, State.ESTABLISHED)]
        return sum(not sa.is_closing() for sa in counted) < limit

    def cookie(self, message: Message, datagram: Datagram) -> bytes:
        """A stateless cookie: a hash of a secret, nonce, address and SPI (RFC 7296, section 2.6)."""
        nonce = message.first(Nonce)
        parts = (nonce.data if nonce else b"", str(datagram.source).encode(), message.spi_i)
        return sha256(self.cookie_secret + b"|".join(parts)).digest()[:20]

    def cookie_missing(self, message: Message, datagram: Datagram) -> bool:
        """True if we want a cookie first and the request has not the right one."""
        policy = self.connection.cookies
        busy = policy == CookiePolicy.UNDER_LOAD and self.half_open() >= self.connection.half_open_limit
        if policy != CookiePolicy.ALWAYS and not busy:
            return False
        found = message.notify(NotifyType.COOKIE)
        return found is None or found.data != self.cookie(message, datagram)

    # --- what comes out -------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Write to the log of this endpoint."""
        self.log.append((self.now, text))

    def collect(self, sa: IkeSa) -> None:
        """Take what an SA wants to send and has to tell, and act on it."""
        self.outbox += sa.outbox
        sa.outbox.clear()
        events, sa.events = sa.events, []
        for event in events:
            self.events.append(event)
            self.note(self.told(event))
            if isinstance(event, SuccessorCreated) and isinstance(event.successor, self.sa_class):
                self.register(event.successor)
                self.collect(event.successor)
            elif isinstance(event, Established):
                self.initial_contact(sa)
                self.replace_older(sa)
                self.came_up(sa)
            elif isinstance(event, ReauthenticationDue):
                self.reauthenticate(sa)
            elif isinstance(event, Redirected):
                self.follow(sa, event.gateway)
            elif isinstance(event, Closed):
                self.forget(sa)
                self.gone(sa)
        if sa.successor is not None and (sa.successor.outbox or sa.successor.events):
            self.collect(sa.successor)

    def told(self, event: Event) -> str:
        """An event as a line of the log."""
        spis = f"{event.sa.spi_i.hex()}_i {event.sa.spi_r.hex()}_r"
        detail = getattr(event, "reason", "") or str(getattr(event, "child", ""))
        return f"[{spis}] {type(event).__name__} {detail}".rstrip()

    def forget(self, sa: IkeSa) -> None:
        """The SA is closed; only its last response is kept for a while, if it was that which closed it."""
        oldest = next(iter(self.farewells), None)
        if oldest is not None and (self.farewells[oldest].until < self.now or len(self.farewells) >= MAX_FAREWELLS):
            del self.farewells[oldest]
        if sa.close_after_response is not None and sa.last_response is not None:
            self.farewells[sa.last_raw] = Farewell(tuple(sa.last_response), self.now + MEMORY)
        self.sas.pop(sa.own_spi, None)
        for key in [key for key, known in self.requests.items() if known is sa]:
            del self.requests[key]

    def initial_contact(self, sa: IkeSa) -> None:
        """INITIAL_CONTACT: older SAs with the same identity are gone at the peer (RFC 7296, section 2.4)."""
        if not sa.initial_contact:
            return
        for other in list(self.sas.values()):
            if other is not sa and same_identity(other.peer_identity, sa.peer_identity):
                other.close("INITIAL_CONTACT")
                self.collect(other)

    def replace_older(self, sa: IkeSa) -> None:
        """Delete older IKE SAs of the same identity where there shall be one only; they may live at the peer."""
        if self.connection.unique is not Uniqueness.REPLACE or sa.client:
            return
        for other in self.established():
            if other is not sa and same_identity(other.peer_identity, sa.peer_identity):
                other.start_delete()
                self.collect(other)

    def clients(self) -> list[IkeSa]:
        """The IKE SAs that we have opened and that are up, oldest first."""
        return [sa for sa in self.established() if sa.client and not sa.is_closing()]

    def drain(self) -> list[Datagram]:
        """The datagrams to send, in order."""
        found, self.outbox = self.outbox, []
        return found

    # --- time -----------------------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """The next instant at which `tick` has something to do, None: never."""
        timers = [sa.next_timer() for sa in self.sas.values()]
        return min((one for one in (*timers, self.back_at) if one is not None), default=None)

    def tick(self, now: float) -> None:
        """Let all SAs see the time."""
        self.now = now
        for sa in list(self.sas.values()):
            sa.tick(now)
            self.collect(sa)
        if self.back_at is not None and self.back_at <= now:
            self.look_back()
