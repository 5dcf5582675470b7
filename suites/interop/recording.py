"""What passed between two devices, read afterwards: decrypted where one of them is ours and its keys are known."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from conformance.crypto import CryptoError
from conformance.ike.core.fragmentation import Reassembly
from conformance.ike.core.protection import unseal
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NAT_KEEPALIVE, NON_ESP_MARKER, Datagram, IpPacket
from conformance.net.pcapng import PcapngWriter
from conformance.net.relay import Passed
from conformance.script.trace import Entry, Trace
from conformance.script.transcript import text
from conformance.wire import (
    SK,
    SKF,
    ExchangeType,
    Header,
    Message,
    WireError,
    decode_header,
    decode_message,
    decode_payloads,
    summary_message,
)
from peers.contract import Device
from peers.reference.live import LiveReference
from suites.evidence import ike_lines

_PROTOCOLS = {1: "ICMP", 17: "fragment of UDP", 50: "ESP", 51: "AH", 58: "ICMPv6"}
_LONGEST = 20_000
_MOST = 16 << 20
"""Packets and octets that are kept of one scenario: a device that never stops must not fill our memory."""


class Recording:
    """Packets and remarks in order. ``initiator`` is the initiator's side of the relay."""

    def __init__(self, initiator: int) -> None:
        self.initiator = initiator
        self.items: list[Passed | Entry] = []
        self.sas: list[IkeSa] = []
        self._octets = 0
        self._cut = False

    def take(self, passed: Passed) -> None:
        """One more packet; called by the relay."""
        self._octets += _size(passed.arrived)
        if len(self.items) < _LONGEST and self._octets < _MOST:
            self.items.append(passed)
        elif not self._cut:
            self._cut = True
            self.note("evidence is cut here: what passes from now on is left out")

    def note(self, text: str) -> None:
        """A remark."""
        self.items.append(Entry(time.time(), "note", text))

    def expect(self, text: str, ok: bool) -> None:
        """What was checked, and whether it holds."""
        self.items.append(Entry(time.time(), "expect", text, ok=ok))

    def keys(self, *devices: Device) -> None:
        """Learn the keys that our own devices have."""
        for sa in (sa for one in devices if isinstance(one, LiveReference) for sa in one.ike_sas()):
            if not any((known.spi_i, known.spi_r) == (sa.spi_i, sa.spi_r) for known in self.sas):
                self.sas.append(sa)

    # --- while it goes on -------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """Where the recording is now."""
        return len(self.items)

    def answered(self, exchange: ExchangeType, side: int, since: int) -> bool:
        """Whether a request of this side has been answered since a mark."""
        asked: set[tuple[bytes, bytes, int]] = set()
        for item in self.items[since:]:
            header = _header(item) if isinstance(item, Passed) and item.left is not None else None
            if header is None or header.exchange != exchange or not isinstance(item, Passed):
                continue
            which = header.spi_i, header.spi_r, header.message_id
            is_response = bool(header.flags & 0x20)
            if not is_response and item.side == side:
                asked.add(which)
            elif is_response and item.side != side and which in asked:
                return True
        return False

    # --- afterwards -------------------------------------------------------------------------------------------------

    def trace(self) -> Trace:
        """All of it as a conversation: the initiator is at the left."""
        reader = _Reader(self.sas)
        found = Trace()
        for item in self.items:
            found.add(item if isinstance(item, Entry) else reader.entry(item, item.side == self.initiator))
        return found

    def write(self, folder: Path, logs: Sequence[str], ends: Sequence[str]) -> None:
        """Write the evidence; ``logs`` and ``ends`` (addresses) are the initiator's and the responder's."""
        folder.mkdir(parents=True, exist_ok=True)
        trace = self.trace()
        with PcapngWriter(folder / "capture.pcapng") as capture:
            for item in self.items:
                if isinstance(item, Passed):
                    _capture(capture, item)
        tree = trace.to_json(*ends)
        (folder / "trace.json").write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")
        (folder / "transcript.txt").write_text(text(tree), encoding="utf-8")
        keys = "".join(f"{line}\n" for line in ike_lines(self.sas))
        (folder / "ikev2_decryption_table").write_text(keys, encoding="utf-8")
        for name, log in zip(("initiator.log", "responder.log"), logs, strict=True):
            (folder / name).write_text(log, encoding="utf-8", errors="replace")


def _capture(capture: PcapngWriter, item: Passed) -> None:
    """What came from the device and, where it is something else, what went on to the other one."""
    _write(capture, item.time, item.arrived, f"lost: {item.why}" if item.left is None else "")
    if item.left is not None and item.left != item.arrived:
        _write(capture, item.time, item.left, "the same behind the NAT")


def _size(item: Datagram | IpPacket) -> int:
    return len(item.payload if isinstance(item, Datagram) else item.data)


def _write(capture: PcapngWriter, when: float, item: Datagram | IpPacket, comment: str) -> None:
    if isinstance(item, Datagram):
        capture.datagram(when, item, comment or None)
    else:
        capture.packet(when, item.data, comment or None)


def _ike(payload: bytes) -> bytes:
    return payload.removeprefix(NON_ESP_MARKER)


def _header(item: Passed) -> Header | None:
    """The header of an IKE message; None for everything else."""
    if not isinstance(item.arrived, Datagram):
        return None
    raw = _ike(item.arrived.payload)
    try:
        header = decode_header(raw)
    except WireError:
        return None
    return header if header.length == len(raw) and header.version >> 4 == 2 else None


class _Reader:
    """Decrypts one conversation."""

    def __init__(self, sas: Iterable[IkeSa]) -> None:
        self._sas = {(sa.spi_i, sa.spi_r): sa for sa in sas if sa.keys is not None}
        self._fragments: dict[tuple[bytes, bytes, int, int, int], Reassembly] = {}

    def entry(self, item: Passed, sent: bool) -> Entry:
        """A packet as an entry of a trace."""
        problem = f"lost: {item.why}" if item.left is None else ""
        if isinstance(item.arrived, IpPacket):
            protocol = item.arrived.protocol
            text = f"{_PROTOCOLS.get(protocol, f'IP protocol {protocol}')}, {len(item.arrived.data)} octets"
            text = f"{text} ({problem})" if problem else text
            return Entry(item.time, "message", text, sent, packet=item.arrived)
        found = Entry(item.time, "message", sent=sent, datagram=item.arrived, problem=problem)
        if _header(item) is None:
            found.text = "NAT keepalive" if item.arrived.payload == NAT_KEEPALIVE else "ESP in UDP"
            found.text += f", {len(item.arrived.payload)} octets" + (f" ({problem})" if problem else "")
            return found
        raw = _ike(item.arrived.payload)
        message = decode_message(raw, lenient=True)
        found.message, found.encrypted = message, bool(message.first(SK) or message.first(SKF))
        try:
            self._decrypt(found, message, raw)
        except (CryptoError, WireError) as error:
            found.problem = "; ".join(one for one in (problem, f"cannot be decrypted: {error}") if one)
        return found

    def _decrypt(self, entry: Entry, message: Message, raw: bytes) -> None:
        sealed = message.first(SKF) or message.first(SK)
        sa = self._sas.get((message.spi_i, message.spi_r))
        if sealed is None or sa is None or sa.keys is None:
            return
        key = sa.keys.from_initiator if message.from_initiator else sa.keys.from_responder
        text = unseal(raw, sealed, sa.keys.suite.cipher, key)
        inner = sealed.inner
        if isinstance(sealed, SKF):
            entry.text = f"{summary_message(message)}, fragment {sealed.number} of {sealed.total}"
            which = (message.spi_i, message.spi_r, message.flags, message.exchange, message.message_id)
            parts = self._fragments.setdefault(which, Reassembly())
            if not parts.accepts(sealed) or not parts.add(sealed, text):
                return
            inner, text = type(inner)(parts.inner), parts.plaintext()
        payloads = decode_payloads(inner, text, lenient=True)
        entry.message = replace(message, payloads=payloads)
        if isinstance(sealed, SKF):
            entry.text = f"{summary_message(entry.message)}, fragment {sealed.number} of {sealed.total}"
