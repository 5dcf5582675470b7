"""The evidence of one purpose: capture, transcript, trace, keys for Wireshark, the device's log."""

import json
from collections.abc import Iterable
from pathlib import Path

from conformance.ike.ikesa import IkeSa
from conformance.net.keylog import ESP_TABLE, ike_line
from conformance.net.pcapng import PcapngWriter
from conformance.script.peer import Peer


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


def write(folder: Path, peer: Peer, log: str) -> None:
    """Write the evidence of a conversation into ``folder``. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with PcapngWriter(folder / "capture.pcapng") as capture:
        for entry in peer.trace.entries:
            if entry.datagram is not None:
                comment = "; ".join(part for part in (entry.text, entry.bent, entry.problem) if part)
                capture.datagram(entry.time, entry.datagram, comment or None)
            elif entry.packet is not None:
                comment = "; ".join(part for part in (entry.text, entry.bent, entry.problem) if part)
                capture.packet(entry.time, entry.packet.data, comment or None)
    trace = peer.trace.to_json(peer.local.host, peer.remote.host)
    (folder / "trace.json").write_text(json.dumps(trace, ensure_ascii=False), encoding="utf-8")
    (folder / "transcript.txt").write_text(peer.trace.transcript(), encoding="utf-8")
    keys = "".join(f"{line}\n" for line in key_lines(peer))
    (folder / "ikev2_decryption_table").write_text(keys, encoding="utf-8")
    keys = "".join(f"{line}\n" for line in peer.traffic.key_lines())
    if keys:
        (folder / ESP_TABLE).write_text(keys, encoding="utf-8")
    (folder / "device.log").write_text(log, encoding="utf-8", errors="replace")
