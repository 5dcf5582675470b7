"""The evidence of one purpose: capture, transcript, trace, keys for Wireshark, the device's log."""

import json
from collections.abc import Iterable
from pathlib import Path

from conformance.ike.ikesa import IkeSa
from conformance.net.keylog import ESP_TABLE, IKE_TABLE, ike_line
from conformance.net.pcapng import PcapngWriter
from conformance.script.peer import Peer
from conformance.script.trace import Trace
from conformance.script.transcript import text


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


def write(folder: Path, peer: Peer, log: str, *, transcript: bool = True) -> None:
    """Write the evidence of a conversation into ``folder``. Raises OSError.

    The transcript says in words what is in ``trace.json``; it can be made of that at any time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _capture(folder / "capture.pcapng", peer.trace)
    written = peer.trace.to_json(peer.local.host, peer.remote.host)
    (folder / "trace.json").write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    if transcript:
        (folder / "transcript.txt").write_text(text(written), encoding="utf-8")
    for name, lines in ((IKE_TABLE, key_lines(peer)), (ESP_TABLE, peer.traffic.key_lines())):
        if lines or name == IKE_TABLE:
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / "device.log").write_text(log, encoding="utf-8", errors="replace")


def _capture(path: Path, trace: Trace) -> None:
    with PcapngWriter(path, live=False) as capture:
        for entry in trace.entries:
            comment = "; ".join(part for part in (entry.text, entry.bent, entry.problem) if part) or None
            if entry.datagram is not None:
                capture.datagram(entry.time, entry.datagram, comment)
            elif entry.packet is not None:
                capture.packet(entry.time, entry.packet.data, comment)
