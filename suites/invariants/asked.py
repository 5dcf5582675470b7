"""What we have sent, as far as it matters for what comes back."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from conformance.ike.core import protection
from conformance.script.sa import ScriptedSa
from conformance.script.trace import Entry
from conformance.wire import (
    FLAG_RESPONSE,
    HEADER_SIZE,
    SK,
    TS,
    ExchangeType,
    Header,
    Message,
    NotifyType,
    PayloadType,
    TrafficSelector,
    WireError,
    decode_header,
    decode_message,
    decode_payloads,
)

MOST = 4096
"""Of more messages with one message ID only the last ones are remembered."""

LATE = 64
"""So many still may be answered when the conversation has gone on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A datagram of ours: its header as it went out, and the entry of the trace."""

    header: Header
    raw: bytes
    entry: Entry

    @property
    def straight(self) -> bool:
        """Whether nothing was wrong with it."""
        return not self.entry.bent and self.entry.message is not None

    @property
    def message(self) -> bytes:
        """What its header says that it is: a device may leave what comes behind that alone."""
        return self.raw[: self.header.length] if self.header.length >= HEADER_SIZE else self.raw

    @property
    def protected(self) -> bool:
        """Whether it claims to be: it begins with an Encrypted payload."""
        return self.header.next_payload in (PayloadType.SK, PayloadType.SKF)


@dataclass(slots=True)
class Ours:
    """All that we have sent, requests by message ID, ``answers`` by the initiator's SPI as well.

    ``told_group``: the device was told to take another group. ``parts`` are the ports that we named although the
    protocol was any, ``vague`` whether nobody knows which of them a device has read: a Child SA keeps them.
    """

    requests: dict[int, list[Asked]] = field(default_factory=dict)
    responses: set[tuple[bytes, int]] = field(default_factory=set)
    answers: dict[tuple[bytes, int], Message] = field(default_factory=dict)
    told_group: bool = False
    parts: set[tuple[int, int]] = field(default_factory=set)
    vague: bool = False

    def add(self, entry: Entry, raw: bytes) -> None:
        """Another datagram of ours, without marker; what is shorter than a header gets no answer of IKE."""
        if entry.message is not None:
            self.name(entry.message)
        try:
            header = decode_header(raw)
        except WireError:
            return
        if header.flags & FLAG_RESPONSE and header.version >> 4 == 2:  # nobody knows the flags of other versions
            self.responses.add((header.spi_i, header.message_id))
            if entry.message is not None:
                self.answers[header.spi_i, header.message_id] = entry.message
                self.told_group |= entry.message.notify(NotifyType.INVALID_KE_PAYLOAD) is not None
            return
        known = self.requests.setdefault(header.message_id, [])
        known.append(Asked(header, raw, entry))
        del known[:-MOST]

    def name(self, message: Message) -> None:
        """Remember the selectors of a message as it was sent, or as a device has read it."""
        for one in selectors_of(message):
            if not one.protocol and (one.start_port, one.end_port) != (0, 65535):
                self.parts.add((one.start_port, one.end_port))

    def explains(self, start: int, end: int) -> bool:
        """Whether a device may have these ports for any protocol from us."""
        return self.vague or any(low <= start and end <= high for low, high in self.parts)

    def to(self, message_id: int, exchange: ExchangeType) -> list[Asked]:
        """Those with this message ID and exchange type."""
        return [one for one in self.requests.get(message_id, ()) if one.header.exchange == exchange]

    def forget(self) -> None:
        """What was long ago is not answered any more."""
        for known in self.requests.values():
            del known[:-LATE]
        for key in list(self.answers)[:-8]:
            del self.answers[key]


def as_read(raw: bytes, sa: ScriptedSa) -> Message | None:
    """A datagram of ours as a device reads it that decrypts it; None: it has no SK payload, or there are no keys yet.

    Raises:
        WireError: it is malformed, outside or inside.
        IntegrityError: a device cannot take it for ours.
    """
    message = decode_message(raw)
    last = message.payloads[-1] if message.payloads else None
    if not isinstance(last, SK) or sa.keys is None:
        return None
    plain = protection.unseal(raw, last, sa.keys.suite.cipher, sa.own_key)
    return replace(message, payloads=decode_payloads(int(last.inner), plain))


def selectors_of(message: Message) -> Iterator[TrafficSelector]:
    """All selectors of a message that have ports."""
    for payload in message.payloads:
        for one in payload.selectors if isinstance(payload, TS) else ():
            if isinstance(one, TrafficSelector):
                yield one
