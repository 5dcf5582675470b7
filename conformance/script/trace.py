"""The record of one conversation: what went over the wire, decrypted, and what the script expected of it."""

from dataclasses import dataclass, field
from typing import Any

from conformance.net.link import Address, Datagram, IpPacket
from conformance.script import transcript
from conformance.script.words import one_line
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
class Trace:
    """The entries of one conversation in order, from the first one's time on.

    ``limit`` is about how many octets all files made of it may have. It decides what is written, never what is judged:
    ``entries`` has everything, and a conversation that makes too much of it is ended as a flood (`Mailbox`).
    """

    entries: list[Entry] = field(default_factory=list)
    limit: int = 6 << 20

    def add(self, entry: Entry) -> Entry:
        """Append an entry."""
        self.entries.append(entry)
        return entry

    def cut_to(self, entries: int) -> None:
        """Keep so many entries only."""
        del self.entries[entries:]

    def written(self) -> list[Entry]:
        """What goes into the files: all remarks, and datagrams and packets up to the first that has no room.

        There a remark says how many are left out.
        """
        kept, weight, missing = list[Entry](), 0, list[int]()
        cut = Entry(0.0, "note")
        for entry in self.entries:
            octets = _octets(entry)
            weight += 0 if octets is None else _COPIES * len(octets) + _ENTRY
            if octets is None or weight <= self.limit:
                kept.append(entry)
                continue
            if not missing:
                cut.time = entry.time
                kept.append(cut)
            missing.append(len(octets))
        what = f"{len(missing)} datagrams ({sum(missing)} octets)"
        cut.text = f"evidence is cut here: {what} from now on are left out, see --max-evidence"
        return kept

    def note(self, now: float, text: str) -> None:
        """Append a remark."""
        self.add(Entry(now, "note", text))

    def expect(self, now: float, text: str, ok: bool | None) -> None:
        """Append an expectation and what became of it, None: it is awaited."""
        self.add(Entry(now, "expect", text, ok=ok))

    def unanswered(self) -> str:
        """What we have sent since the other side was heard last, else the last thing we sent; in words.

        With the numbers that it has in ``capture.pcapng``, or would have where that is cut. Repetitions are left out,
        and all but the first few. Empty where we sent nothing.
        """
        seen = [entry for entry in self.entries if entry.datagram is not None or entry.packet is not None]
        heard = max((at for at, entry in enumerate(seen) if not entry.sent), default=-1)
        since = dict(enumerate(seen[heard + 1 :], heard + 2))
        if not since:
            since = {number: one for number, one in enumerate(seen, 1) if one.sent}
            since = dict(list(since.items())[-1:])
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
        for entry in self.written():
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
        return found | {"text": one_line(entry.text)} | ({"ok": entry.ok} if entry.kind == "expect" else {})
    found["sent"] = entry.sent
    if entry.packet is not None:
        source, destination, octets = entry.packet.source, entry.packet.destination, entry.packet.data
    else:
        assert entry.datagram is not None
        source, destination = _end(entry.datagram.source), _end(entry.datagram.destination)
        octets = entry.datagram.payload
    found |= {"src": source, "dst": destination, "bytes": octets.hex()}
    found |= {key: one_line(said) for key, said in (("bent", entry.bent), ("problem", entry.problem)) if said}
    if entry.message is None:
        return found | {"kind": "raw", "text": one_line(entry.text or entry.problem)}
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
        "summary": one_line(entry.text or summary_message(message)),
        "encrypted": entry.encrypted,
    }


def _payloads_json(entry: Entry, message: Message) -> dict[str, Any]:
    first, octets = encode_payloads(message.payloads)
    # What has come is what was read; only a message of ours may lie about itself.
    if entry.sent and decode_payloads(first, octets, lenient=True) != message.payloads:
        return {"payloads": [describe(payload) for payload in message.payloads]}
    return {"content": [first, octets.hex()]}
