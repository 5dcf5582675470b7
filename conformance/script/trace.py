"""The record of one conversation: what went over the wire, decrypted, and what the script expected of it."""

from dataclasses import dataclass, field
from typing import Any

from conformance.net.link import Address, Datagram, IpPacket
from conformance.script import transcript
from conformance.wire import Message, decode_payloads, describe, encode_payloads, summary_message


@dataclass(slots=True)
class Entry:
    """One datagram, or one remark of the script. ``time`` is UNIX time in seconds.

    ``message`` has the decrypted payloads where they could be decrypted. ``ok`` is the outcome of an expectation.
    """

    time: float
    kind: str
    text: str = ""
    sent: bool = False
    datagram: Datagram | None = None
    message: Message | None = None
    encrypted: bool = False
    bent: str = ""
    problem: str = ""
    ok: bool | None = None
    packet: IpPacket | None = None


@dataclass(slots=True)
class Trace:
    """The entries of one conversation in order, from the first one's time on."""

    entries: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> Entry:
        """Append an entry."""
        self.entries.append(entry)
        return entry

    def note(self, now: float, text: str) -> None:
        """Append a remark."""
        self.add(Entry(now, "note", text))

    def expect(self, now: float, text: str, ok: bool | None) -> None:
        """Append an expectation and what became of it, None: it is awaited."""
        self.add(Entry(now, "expect", text, ok=ok))

    def start(self) -> float:
        """The time of the first entry, 0 if there is none."""
        return self.entries[0].time if self.entries else 0.0

    def to_json(self, ours: str, device: str) -> dict[str, Any]:
        """The trace as it is written (``trace.json``) and as `transcript` reads it."""
        start, entries = self.start(), []
        before: Entry | None = None
        for entry in self.entries:
            entries.append(_entry_json(entry, start, part=before is not None and _same_message(before, entry)))
            before = entry if entry.message is not None else before
        return {"schema": transcript.SCHEMA, "started": start, "ours": ours, "device": device, "entries": entries}

    def transcript(self) -> str:
        """The trace as text to read."""
        return transcript.text(self.to_json("", ""))


def _same_message(one: Entry, other: Entry) -> bool:
    """Two fragments of one message, which knows all payloads."""
    if one.message is not other.message or one.datagram is None or other.datagram is None:
        return False
    return one.datagram.payload != other.datagram.payload


def _entry_json(entry: Entry, start: float, *, part: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": entry.kind, "t": round(entry.time - start, 6)}
    if entry.packet is None and entry.datagram is None:
        return found | {"text": entry.text} | ({"ok": entry.ok} if entry.kind == "expect" else {})
    found["sent"] = entry.sent
    if entry.packet is not None:
        source, destination, octets = entry.packet.source, entry.packet.destination, entry.packet.data
    else:
        assert entry.datagram is not None
        source, destination = _end(entry.datagram.source), _end(entry.datagram.destination)
        octets = entry.datagram.payload
    found |= {"src": source, "dst": destination, "bytes": octets.hex()}
    found |= {key: said for key, said in (("bent", entry.bent), ("problem", entry.problem)) if said}
    if entry.message is None:
        return found | {"kind": "raw", "text": entry.text or entry.problem}
    found |= _header_json(entry, entry.message)
    return found | ({"part": True} if part else _payloads_json(entry, entry.message))


def _end(address: Address) -> str:
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"


def _header_json(entry: Entry, message: Message) -> dict[str, Any]:
    return {
        "exchange": message.exchange.name,
        "response": message.is_response,
        "initiator_flag": message.from_initiator,
        "message_id": message.message_id,
        "spi_i": message.spi_i.hex(),
        "spi_r": message.spi_r.hex(),
        "summary": entry.text or summary_message(message),
        "encrypted": entry.encrypted,
    }


def _payloads_json(entry: Entry, message: Message) -> dict[str, Any]:
    first, octets = encode_payloads(message.payloads)
    # What has come is what was read; only a message of ours may lie about itself.
    if entry.sent and decode_payloads(first, octets, lenient=True) != message.payloads:
        return {"payloads": [describe(payload) for payload in message.payloads]}
    return {"content": [first, octets.hex()]}
