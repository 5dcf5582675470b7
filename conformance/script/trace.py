"""The record of one conversation: what went over the wire, decrypted, and what the script expected of it."""

from dataclasses import dataclass, field
from typing import Any

from conformance.net.link import Address, Datagram, IpPacket
from conformance.script import transcript
from conformance.wire import Message, decode_payloads, describe, encode_payloads, summary_message

_COPIES = 5
"""How often an octet of a datagram stands in the files: in the capture, and twice in hexadecimal in the trace."""

_ENTRY = 600
"""Octets of all else that is said of a datagram."""


_TOLD = 3
"""How many datagrams are told in one sentence."""


@dataclass(slots=True)
class Entry:
    """One datagram, or one remark of the script. ``time`` is UNIX time in seconds.

    ``message`` has the decrypted payloads where they could be decrypted, ``straight`` is what it was before it was
    ``bent``. ``ok`` is the outcome of an expectation.
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
    straight: Message | None = None


@dataclass(slots=True)
class Cut:
    """What is left out of a trace that has become too large; ``note`` is the remark that says so."""

    note: Entry
    datagrams: int = 0
    octets: int = 0

    def count(self, octets: int) -> None:
        """One more."""
        self.datagrams += 1
        self.octets += octets
        what = f"{self.datagrams} datagrams ({self.octets} octets)"
        self.note.text = f"evidence is cut here: {what} from now on are left out, see --max-evidence"


@dataclass(slots=True)
class Trace:
    """The entries of one conversation in order, from the first one's time on.

    ``limit`` is about how many octets all files made of it may have: past that, datagrams and packets are counted only.
    """

    entries: list[Entry] = field(default_factory=list)
    limit: int = 6 << 20
    weight: int = 0
    cut: Cut | None = None

    def add(self, entry: Entry) -> Entry:
        """Append an entry, or count it where there is no room left."""
        octets = _octets(entry)
        if octets is None:
            self.entries.append(entry)
        elif self.cut is None and self.weight + _COPIES * len(octets) + _ENTRY <= self.limit:
            self.weight += _COPIES * len(octets) + _ENTRY
            self.entries.append(entry)
        else:
            self._leave_out(entry, len(octets))
        return entry

    def _leave_out(self, entry: Entry, octets: int) -> None:
        """Say at this place that from here on datagrams are missing, and how many."""
        if self.cut is None:
            self.cut = Cut(self.add(Entry(entry.time, "note")))
        self.cut.count(octets)

    def cut_to(self, entries: int) -> None:
        """Keep so many entries only."""
        for entry in self.entries[entries:]:
            octets = _octets(entry)
            if octets is not None:
                self.weight -= _COPIES * len(octets) + _ENTRY
        del self.entries[entries:]
        self.cut = None

    def note(self, now: float, text: str) -> None:
        """Append a remark."""
        self.add(Entry(now, "note", text))

    def expect(self, now: float, text: str, ok: bool | None) -> None:
        """Append an expectation and what became of it, None: it is awaited."""
        self.add(Entry(now, "expect", text, ok=ok))

    def unanswered(self) -> str:
        """What we have sent since the other side was heard last, else the last thing we sent; in words.

        With the numbers that it has in ``capture.pcapng``. Repetitions are left out, and all but the first few. Empty
        where we sent nothing, or where it is not known.
        """
        seen = [entry for entry in self.entries if entry.datagram is not None or entry.packet is not None]
        heard = max((at for at, entry in enumerate(seen) if not entry.sent), default=-1)
        since = dict(enumerate(seen[heard + 1 :], heard + 2))
        if not since:
            since = {number: one for number, one in enumerate(seen, 1) if one.sent}
            since = dict(list(since.items())[-1:])
        if self.cut is not None or not since:
            return ""
        distinct = {_octets(entry): number for number, entry in reversed(since.items())}
        numbers = sorted(distinct.values())
        told = ", then ".join(f"frame {number}, {_in_words(since[number])}" for number in numbers[:_TOLD])
        return told + (f", and {len(numbers) - _TOLD} more" if len(numbers) > _TOLD else "")

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


def _in_words(entry: Entry) -> str:
    size = f"{len(_octets(entry) or b'')} octets that are no message of IKE"
    said = summary_message(entry.message) if entry.message is not None else entry.text or size
    return said + (f" ({entry.bent})" if entry.bent else "")


def _same_message(one: Entry, other: Entry) -> bool:
    """Two fragments of one message, which knows all payloads."""
    if one.message is not other.message or one.datagram is None or other.datagram is None:
        return False
    return one.datagram.payload != other.datagram.payload


def _octets(entry: Entry) -> bytes | None:
    if entry.datagram is not None:
        return entry.datagram.payload
    return None if entry.packet is None else entry.packet.data


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
