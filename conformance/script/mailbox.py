"""What goes to the device and what comes from it: datagrams out, messages in, each of them in the trace."""

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

from conformance.crypto import Random
from conformance.ike.core.connection import Connection
from conformance.ike.core.sending import NO_SPI
from conformance.net.link import NAT_KEEPALIVE, NON_ESP_MARKER, Address, Datagram, IpPacket, Link
from conformance.script.bend import STRAIGHT, Bend
from conformance.script.message import Received, Sent
from conformance.script.sa import ScriptedSa
from conformance.script.trace import Entry, Trace
from conformance.script.traffic import Traffic
from conformance.script.verdict import Unexpected
from conformance.wire import (
    SK,
    SKF,
    ExchangeType,
    Message,
    WireError,
    decode_header,
    decode_message,
    encode_message,
    summary_message,
)

MOMENT = 0.003
"""Seconds that a device may need to finish with a message after it has answered it, if it takes several at once."""

MAX_DATAGRAMS = 20_000
MAX_OCTETS = 64 << 20
MAX_IKE = 4 << 20
"""More than this from the device in one conversation is a flood: the purpose ends.

Fewer octets of IKE messages (``MAX_IKE``): four may be a payload of its own, which takes some hundred in memory.
"""

MORE_TIMES = 2
"""So often a device gets the time for an answer again if it has been at work until then."""

FEW = 3
"""So many answers ago, and for so long as so many take: what a device with several threads has got is done then."""

BREATH = 0.002
"""Seconds: a device may not be ready again the moment it has sent, and drop what comes then with the same ID."""


class Mailbox:
    """The link to a device with the IKE SAs that live on it.

    ``trace`` keeps what happens, in order; ``inbox`` has the messages of the device, and ``fragments`` all fragments
    but the one that completes a message. ``traffic`` is what goes through Child SAs. ``ordered`` are conditions on
    CREATE_CHILD_SA requests of the device that somebody has ordered: others that the script does not want are put off.
    ``stale`` are initiator's SPIs of IKE_SA_INIT requests that the device still repeats from earlier conversations.
    ``begun`` are initiator's SPIs of what we have sent, ``earlier`` those of what was sent before this conversation.
    ``glance`` asks the device something beside the link, and returns when it has answered. ``answered_in`` are the
    seconds that the last responses have taken.
    """

    traffic: Traffic
    stale: frozenset[bytes] = frozenset()
    earlier: frozenset[bytes] = frozenset()
    glance: Callable[[], object] = staticmethod(lambda: None)

    def __init__(self, link: Link, connection: Connection, random: Random, response_timeout: float = 2.0) -> None:
        """An empty mailbox."""
        self.link, self.connection, self.random = link, connection, random
        self.response_timeout = response_timeout
        self.trace = Trace()
        self.sas: dict[bytes, ScriptedSa] = {}
        self.begun: set[bytes] = set()
        self.inbox: list[Received] = []
        self.fragments: list[Received] = []
        self._inits: dict[bytes, dict[bytes, Received]] = {}
        self._sent: dict[bytes, Sent] = {}
        self.ordered: list[Callable[[Message], bool]] = []
        self.answered_in: deque[float] = deque(maxlen=FEW)
        self._stray: list[Datagram] = []
        self._wanted: Callable[[Received], bool] | None = None
        self._entry: Entry | None = None
        self._received: Received | None = None
        self._datagrams = self._octets = self._ike = 0

    # --- out ------------------------------------------------------------------------------------------------------

    @property
    def local(self) -> Address:
        """Our address for plain IKE."""
        assert self.connection.local_address is not None
        return Address(self.connection.local_address, self.connection.local_ports[0])

    @property
    def remote(self) -> Address:
        """The device's address for plain IKE."""
        assert self.connection.remote_address is not None
        return Address(self.connection.remote_address, self.connection.remote_ports[0])

    def send_message(
        self, message: Message, source: Address | None = None, destination: Address | None = None,
        bend: Bend | None = None,
    ) -> Sent:  # fmt: skip
        """Send an unprotected message outside of any SA."""
        bend = bend or STRAIGHT
        bent = bend.payloads(message)
        datagrams = tuple(bend.datagrams([bend.ciphertext(encode_message(bent))]))
        sent = Sent(bent, datagrams, bend.text, straight=message if bend.text else None)
        self.remember(sent)
        self._send_all(datagrams, source or self.local, destination or self.remote)
        return sent

    def _send_all(self, datagrams: tuple[bytes, ...], source: Address, destination: Address) -> None:
        """Send IKE messages, with the non-ESP marker where IKE shares its port with ESP (RFC 3948, section 2.2)."""
        ours, theirs = self.connection.local_ports[1], self.connection.remote_ports[1]
        marker = NON_ESP_MARKER if source.port == ours or destination.port == theirs else b""
        for raw in datagrams:
            self.send_raw(marker + raw, source, destination)

    def send_raw(self, raw: bytes, source: Address | None = None, destination: Address | None = None) -> None:
        """Send any octets as one datagram; on the encapsulation port they need their own non-ESP marker."""
        self._stray.append(Datagram(source or self.local, destination or self.remote, raw))
        self.flush()

    def octets(self, datagram: Datagram) -> bytes:
        """A datagram without the marker that it has where IKE shares its port with ESP."""
        shared = (self.connection.local_ports[1], self.connection.remote_ports[1])
        if any(one.port in shared for one in (datagram.source, datagram.destination)):
            return datagram.payload[len(NON_ESP_MARKER) :]
        return datagram.payload

    def remember(self, sent: Sent) -> None:
        """Keep what a datagram is about, for the trace."""
        for raw in sent.datagrams:
            self._sent[raw] = sent

    def times(self, sent: Sent) -> int:
        """How often a message has gone out so far, its repetitions included."""
        raw = sent.datagrams[-1]
        return sum(
            one.sent and one.datagram is not None and one.datagram.payload.endswith(raw) for one in self.trace.entries
        )

    def flush(self) -> None:
        """Send what waits in the outboxes."""
        waiting, self._stray = self._stray, []
        for sa in list(self.sas.values()):
            waiting += sa.outbox
            sa.outbox.clear()
            sa.events.clear()
        for datagram in waiting:
            self._record_sent(datagram)
            self.link.send(datagram)

    def _record_sent(self, datagram: Datagram) -> None:
        raw = datagram.payload
        if raw not in self._sent:  # an SPI may begin like a marker, and a script may put one where it does not belong
            raw = raw.removeprefix(NON_ESP_MARKER)
        self.begun.add(raw[:8])
        entry = self.trace.add(Entry(self.link.now(), "message", sent=True, datagram=datagram))
        sent = self._sent.get(raw)
        if sent is None:
            entry.text = "NAT keepalive" if raw == NAT_KEEPALIVE else f"{len(raw)} octets"
            return
        entry.message, entry.bent, entry.encrypted = sent.message, sent.bent, sent.encrypted
        entry.straight = sent.straight
        if len(sent.datagrams) > 1:
            entry.text = f"{summary_message(sent.message)}, {_part(raw)}"

    # --- in -------------------------------------------------------------------------------------------------------

    def wait(
        self, fits: Callable[[Received], bool], what: str, timeout: float | None = None,
        again: Callable[[], None] | None = None, renew: Callable[[], None] | None = None,
    ) -> Received:  # fmt: skip
        """Wait for a message that ``fits``; earlier ones that nobody took count. Raises Unexpected if none comes.

        Meanwhile ``again`` is called as often as a request is to be repeated. A device that is at work when the time is
        over gets that time again, twice at most, where ``renew`` asks it once more.
        """
        left = MORE_TIMES if renew is not None else 0
        while True:
            try:
                return self._wait(fits, what, self.response_timeout if timeout is None else timeout, again)
            except Unexpected:
                if renew is None or not left or not self.was_at_work():
                    raise
            left -= 1
            self.note("the device was at work until now: it is asked again")
            renew()

    def _wait(
        self, fits: Callable[[Received], bool], what: str, limit: float, again: Callable[[], None] | None
    ) -> Received:
        self.flush()
        until = self.link.now() + limit
        gap = self.connection.retransmit_timeout
        due = self.link.now() + gap if again is not None else until
        seen, running = 0, True
        self._wanted = fits
        try:
            while True:
                for received in self.inbox[seen:]:
                    if not received.taken and fits(received):
                        received.taken = True
                        return received
                seen = len(self.inbox)
                if not running:
                    break
                running = self.pump(min(due, until)) or self.link.now() < until
                if again is not None and self.link.now() >= due:
                    again()
                    gap *= self.connection.retransmit_base
                    due += gap
        finally:
            self._wanted = None
        got = "; ".join(str(one) for one in self.inbox[-8:] if not one.taken) or "nothing"
        self.trace.expect(self.link.now(), f"{what} within {limit:g} s", ok=False)
        raise Unexpected(f"{what} within {limit:g} s", got)

    def was_at_work(self) -> bool:
        """Whether the device takes its time with anything, as one does that does one thing at a time.

        One that says something meanwhile, or as soon as it has answered, has just come to an end with it.
        """
        before, heard = self.link.now(), len(self.inbox)
        self.glance()
        took = self.link.now() - before
        self.pump(self.link.now() + took)
        return took > self.response_timeout / 20 or len(self.inbox) > heard

    def idle(self, seconds: float) -> None:
        """Let time pass and behave: for purposes of the slow tier only."""
        until = self.link.now() + seconds
        while self.pump(until):
            pass

    def breathe(self) -> None:
        """Give the device the moment that it needs before it takes another message with the same message ID."""
        self.idle(BREATH)

    def forget(self) -> None:
        """What has come so far is not waited for any more."""
        for received in self.inbox:
            received.taken = True

    def rewind(self, entries: int, received: int) -> None:
        """Forget what is behind so many entries of the trace and messages: for a conversation that goes on for hours.

        The datagrams of before are not known any more, for the trace of their repetitions.
        """
        self.trace.cut_to(entries)
        del self.inbox[received:]
        self._inits.clear()
        for one in self.inbox:
            self._know(one)
        self.fragments.clear()
        self._sent.clear()
        self._datagrams = self._octets = self._ike = 0

    def pause(self) -> None:
        """Let a device with several threads finish what it has got: it may take two messages in any order.

        On a busy host that takes longer, as long as a few of its answers do.
        """
        lately = min(self.answered_in, default=0.0)
        self.idle(max(MOMENT, min(FEW * lately, self.response_timeout / 10)))

    def awaits(self, received: Received) -> bool:
        """True if the script waits for this message just now."""
        return self._wanted is not None and self._wanted(received)

    def pump(self, until: float) -> bool:
        """Send what waits and take one datagram; False once it is ``until``."""
        self.flush()
        due = min((timer for sa in self.sas.values() if (timer := sa.next_timer()) is not None), default=inf)
        datagram = self.link.receive(min(until, due))
        now = self.link.now()
        if datagram is not None:
            self._count(datagram)
        if isinstance(datagram, IpPacket):
            self._take_packet(datagram, now)
        elif datagram is not None:
            self._take(datagram, now)
        for sa in list(self.sas.values()):
            sa.now = now
            if due <= now:
                sa.tick(now)
        return now < until

    def _count(self, came: Datagram | IpPacket) -> None:
        """Raises Unexpected when the device floods us."""
        self._datagrams += 1
        self._octets += len(came.data if isinstance(came, IpPacket) else came.payload)
        if self._datagrams > MAX_DATAGRAMS or self._octets > MAX_OCTETS or self._ike > MAX_IKE:
            raise Unexpected("a device that answers", f"{self._datagrams} datagrams of {self._octets} octets together")

    def _take_packet(self, packet: IpPacket, now: float) -> None:
        self.traffic.take_packet(packet, self.trace.add(Entry(now, "message", packet=packet)))

    def _take(self, datagram: Datagram, now: float) -> None:
        raw = datagram.payload
        entry = self.trace.add(Entry(now, "message", datagram=datagram))
        ours, theirs = self.connection.local_ports[1], self.connection.remote_ports[1]
        if datagram.destination.port == ours or datagram.source.port == theirs:
            if not raw.startswith(NON_ESP_MARKER):
                if raw == NAT_KEEPALIVE:
                    entry.text = "NAT keepalive"
                else:
                    self.traffic.take_datagram(datagram, entry)
                return
            raw = raw[len(NON_ESP_MARKER) :]
        self._ike += len(raw)
        try:
            header = decode_header(raw)
        except WireError as error:
            entry.problem = str(error)
            return
        self._entry, self._received = entry, None
        sa = self.sas.get(header.spi_i) or self.sas.get(header.spi_r)
        if sa is not None:
            sa.receive(raw, datagram.source, datagram.destination, now)
        if self._received is None:
            message = decode_message(raw, lenient=True)
            entry.message = entry.message or message
            received = Received(message, raw, datagram.source, datagram.destination, now, sa, problem=entry.problem)
            if self.is_late(message):
                self.dropped("an answer to what was sent before this conversation")
            elif sa is None and self._is_stray(message):
                self.dropped("on an IKE SA that is none of this conversation")  # but perhaps of one before it
            elif message.first(SKF) is not None and not entry.problem:
                self.fragments.append(received)
            elif not self._is_repeated_init(received):
                self.inbox.append(received)
                self._know(received)
        else:
            self._received.raw = raw

    def is_late(self, message: Message) -> bool:
        """Whether that answers what we have sent before this conversation: some devices do several things at a time."""
        return message.is_response and message.spi_i in self.earlier and message.spi_i not in self.begun

    def _is_stray(self, message: Message) -> bool:
        """A protected message on an IKE SA that neither we nor the device have begun to open here."""
        return (message.first(SK) or message.first(SKF)) is not None and message.spi_i not in self._inits

    def _know(self, received: Received) -> None:
        """Find an IKE_SA_INIT request again by its SPI and its octets: a flood of them is not searched for each."""
        if is_init_request(received.message):
            self._inits.setdefault(received.message.spi_i, {}).setdefault(received.raw, received)

    def _is_repeated_init(self, received: Received) -> bool:
        """The device repeats an IKE_SA_INIT request: answer as before, or go on waiting for the script."""
        if received.sa is not None or not is_init_request(received.message):
            return False
        if received.message.spi_i in self.stale:
            self.dropped("an attempt from before this conversation")
            return True
        known = self._inits.get(received.message.spi_i, {}).get(received.raw)
        if known is None:
            return False
        known.copies += 1
        if known.sa is not None and known.sa.last_response is not None:
            known.sa.reply_path = (received.destination, received.source)
            known.sa.retransmit_response()
        elif known.refusal is not None:
            self._send_all(known.refusal.datagrams, received.destination, received.source)
        return True

    def opened(self, message: Message, *, protected: bool) -> None:
        """An SA has decrypted the message that is being taken."""
        if self._entry is not None:
            self._entry.message, self._entry.encrypted = message, protected

    def dropped(self, reason: str) -> None:
        """An SA ignores the message that is being taken."""
        if self._entry is not None:
            self._entry.problem = reason
        if self._received is not None:
            self._received.problem = reason

    def delivered(self, sa: ScriptedSa | Any, message: Message) -> Received:
        """An SA hands over the message that is being taken."""
        assert self._entry is not None and self._entry.datagram is not None
        datagram = self._entry.datagram
        self._received = Received(
            message, datagram.payload, datagram.source, datagram.destination, self._entry.time, sa,
            self._entry.encrypted,
        )  # fmt: skip
        self.inbox.append(self._received)
        return self._received

    def note(self, text: str) -> None:
        """Write a remark into the trace."""
        self.trace.note(self.link.now(), text)


def _part(raw: bytes) -> str:
    """Which part of a message a datagram is, in words."""
    try:
        fragment = decode_message(raw, lenient=True).first(SKF)
    except WireError:
        fragment = None
    return f"fragment {fragment.number} of {fragment.total}" if fragment else "sent more than once"


def is_init_request(message: Message) -> bool:
    """True for a request to start an IKE SA."""
    return message.exchange == ExchangeType.IKE_SA_INIT and not message.is_response and message.spi_r == NO_SPI
