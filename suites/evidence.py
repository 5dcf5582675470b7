"""The evidence of one purpose: capture, transcript, trace, keys for Wireshark, the device's log."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

from conformance.ike.ikesa import IkeSa
from conformance.net.keylog import ESP_TABLE, IKE_TABLE, ike_line
from conformance.net.pcapng import PcapngWriter
from conformance.script.peer import Peer
from conformance.script.trace import Trace
from conformance.script.transcript import text
from conformance.script.words import one_line
from suites.files import write_bytes


def key_lines(peer: Peer) -> list[str]:
    """Lines of Wireshark's ``ikev2_decryption_table`` for all IKE SAs of a conversation that Wireshark can decrypt."""
    return ike_lines(peer.sas.values())


def ike_lines(sas: Iterable[IkeSa]) -> list[str]:
    """The same for any IKE SAs of ours."""
    lines = []
    for sa in sas:
        if sa.keys is None:
            continue
        keys, suite = sa.keys, sa.keys.suite
        line = ike_line(
            sa.spi_i, sa.spi_r, keys.sk_ei, keys.sk_er, keys.sk_ai, keys.sk_ar, suite.encr, suite.key_bits, suite.integ
        )
        if line is not None:
            lines.append(line)
    return lines


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much evidence is kept, in octets, of each ``purpose`` and of a whole ``run``.

    Three quarters of it are for the conversation, the rest for the device's log.
    """

    purpose: int = 8 << 20
    run: int = 1 << 30

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``8M`` or ``8M/1G``, with K, M or G for the powers of 1024. Raises ValueError."""
        sizes = [_SIZE.fullmatch(part) for part in text.split("/")]
        if not 1 <= len(sizes) <= 2 or not all(sizes):
            raise ValueError(f"{text!r}: expected a size for a purpose and perhaps one for a run, such as 8M or 8M/1G")
        return cls(*(int(size[1]) << _SHIFTS[size[2].upper()] for size in sizes if size))

    @property
    def conversation(self) -> int:
        """Octets for what is written of the conversation."""
        return self.purpose * 3 // 4

    @property
    def log(self) -> int:
        """Octets for the device's log."""
        return self.purpose - self.conversation


_SIZE = re.compile("([0-9]{1,12})([KMG]?)", re.IGNORECASE)
_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30}


def write(folder: Path, peer: Peer, log: str, limit: int = 2 << 20, *, transcript: bool = True) -> int:
    """Write the evidence of a conversation into ``folder``; returns the octets written. Raises OSError.

    Of the log the last ``limit`` octets are kept. The transcript says in words what is in ``trace.json``, from which it
    can be made at any time.
    """
    files = evidence(peer, log, limit, transcript=transcript)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_bytes(folder / name, content)
    for old in folder.iterdir():
        if old.name not in files and not old.name.startswith("."):
            old.unlink(missing_ok=True)
    return sum(map(len, files.values()))


def evidence(peer: Peer, log: str, limit: int = 2 << 20, *, transcript: bool = True) -> dict[str, bytes]:
    """The files that `write` writes, by their names."""
    written = peer.trace.to_json(peer.local.host, peer.remote.host)
    keys = {IKE_TABLE: key_lines(peer), ESP_TABLE: peer.traffic.key_lines()}
    files = {
        "capture.pcapng": _capture(peer.trace),
        "trace.json": _encoded(json.dumps(written, ensure_ascii=False)),
        **{name: _encoded("".join(f"{line}\n" for line in lines)) for name, lines in keys.items() if lines},
        "device.log": _end_of(log, limit),
    }
    if transcript:
        files["transcript.txt"] = _encoded(text(written))
    return files


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")


def _end_of(log: str, limit: int) -> bytes:
    """The last octets of a log, which say what went wrong, below a line that says what is missing."""
    text = _encoded(log)
    if len(text) <= limit:
        return text
    kept = text[len(text) - limit :]
    note = f"[evidence is cut here: the first {len(text) - limit} octets are left out, see --max-evidence]\n"
    return note.encode() + kept


def _capture(trace: Trace) -> bytes:
    """The datagrams and packets as a pcapng file."""
    file = BytesIO()
    capture = PcapngWriter(file)
    for entry in trace.written():
        comment = one_line("; ".join(part for part in (entry.text, entry.bent, entry.problem) if part)) or None
        if entry.datagram is not None:
            capture.datagram(entry.time, entry.datagram, comment)
        elif entry.packet is not None:
            capture.packet(entry.time, entry.packet.data, comment)
    return file.getvalue()
