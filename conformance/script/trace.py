"""The record of one conversation: what went over the wire, decrypted, and what the script expected of it."""

from dataclasses import dataclass, field
from typing import Any

from conformance.net.link import Datagram, IpPacket
from conformance.wire import Message, describe, summary_message


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
        """The trace as the reports read it (``trace.json``, schema 1)."""
        start = self.start()
        return {
            "schema": 1,
            "started": start,
            "ours": ours,
            "device": device,
            "entries": [_entry_json(entry, start) for entry in self.entries],
        }

    def transcript(self) -> str:
        """The trace as text to read: one line for a message, its payloads indented below."""
        return "".join(_entry_text(entry, self.start()) for entry in self.entries)


def _ends(datagram: Datagram) -> dict[str, str]:
    ends = {"src": datagram.source, "dst": datagram.destination}
    return {
        key: f"[{one.host}]:{one.port}" if ":" in one.host else f"{one.host}:{one.port}" for key, one in ends.items()
    }


def _entry_json(entry: Entry, start: float) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": entry.kind, "t": round(entry.time - start, 6)}
    if entry.packet is not None:
        found |= {"src": entry.packet.source, "dst": entry.packet.destination, "sent": entry.sent}
        text = entry.text or entry.problem
        return {**found, "kind": "raw", "bytes": entry.packet.data.hex(), "text": text, "bent": entry.bent or None}
    if entry.datagram is None:
        return {**found, "text": entry.text, **({"ok": entry.ok} if entry.kind == "expect" else {})}
    found |= {"sent": entry.sent, **_ends(entry.datagram), "bytes": entry.datagram.payload.hex()}
    if entry.message is None:
        return {**found, "kind": "raw", "text": entry.text or entry.problem, "bent": entry.bent or None}
    message = entry.message
    return {
        **found,
        "exchange": message.exchange.name,
        "response": message.is_response,
        "initiator_flag": message.from_initiator,
        "message_id": message.message_id,
        "spi_i": message.spi_i.hex(),
        "spi_r": message.spi_r.hex(),
        "summary": entry.text or summary_message(message),
        "payloads": [describe(payload) for payload in message.payloads],
        "encrypted": entry.encrypted,
        "bent": entry.bent or None,
        "problem": entry.problem or None,
    }


def _entry_text(entry: Entry, start: float) -> str:
    stamp = f"{entry.time - start:9.4f}  "
    if entry.packet is not None:
        arrow = "-->" if entry.sent else "<--"
        text = f"{entry.text} (bent: {entry.bent})" if entry.bent else entry.text
        return f"{stamp}{arrow} {entry.packet.source} > {entry.packet.destination}  {text}\n"
    if entry.datagram is None:
        mark = {True: "ok    ", False: "NOT OK", None: "..."}[entry.ok] if entry.kind == "expect" else "--"
        return f"{stamp}{mark} {entry.text}\n"
    ends = _ends(entry.datagram)
    arrow = "-->" if entry.sent else "<--"
    text = entry.text or (summary_message(entry.message) if entry.message else entry.problem or "datagram")
    lines = [f"{stamp}{arrow} {ends['src']} > {ends['dst']}  {text}"]
    if entry.bent:
        lines.append(f"{'':13}bent: {entry.bent}")
    if entry.problem:
        lines.append(f"{'':13}problem: {entry.problem}")
    for payload in entry.message.payloads if entry.message else ():
        lines += _tree_lines(describe(payload), 17)
    return "\n".join(lines) + "\n"


def _tree_lines(tree: dict[str, Any], indent: int) -> list[str]:
    fields = ", ".join(f"{name}: {value}" for name, value in tree.get("fields", {}).items())
    lines = [f"{'':{indent}}{tree['name']}{'  ' + fields if fields else ''}"]
    for child in tree.get("children", ()):
        lines += _tree_lines(child, indent + 4)
    return lines
