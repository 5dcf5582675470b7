"""The evidence convinces others: tshark decrypts our captures with our keys and finds nothing malformed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.net.pcapng import read_pcapng
from peers.reference.device import ReferenceDevice
from suites import evidence
from suites.conduct import Written, all_purposes, conduct
from suites.connections import certificates, psk
from suites.purpose import Purpose
from suites.session import Session

TSHARK = shutil.which("tshark")
SUITES = {
    "aes128gcm16-prfsha256-x25519": "AES-GCM",
    "aes256-sha384-ecp384": "AES-CBC",
    "aes128ctr-sha1-modp2048": "AES-CTR",
}


def conversation(folder: Path, setup: object) -> None:
    def run(peer: object) -> None:
        sa = peer.establish()  # type: ignore[attr-defined]
        sa.rekey_child()
        sa.rekey()
        sa.rekeyed.delete()

    purpose = Purpose("a-conversation", ("RFC7296-1.2-3",), "responder", setup=setup)  # type: ignore[arg-type]
    with ReferenceDevice() as device:
        verdict, peer = conduct(Written(purpose, run, "none"), device)
        assert verdict.verdict == "pass" and peer is not None, verdict
        evidence.write(folder, peer, device.log())


def tshark(folder: Path, *arguments: str) -> str:
    if TSHARK is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    lines = (folder / "ikev2_decryption_table").read_text().splitlines()
    keys = [word for line in lines for word in ("-o", f"uat:ikev2_decryption_table:{line}")]
    command = [TSHARK, "-r", str(folder / "capture.pcapng"), *keys, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("suite", SUITES)
def test_tshark_decrypts_a_whole_conversation(tmp_path: Path, suite: str) -> None:
    conversation(tmp_path, psk(proposals=(suite,)))
    assert len((tmp_path / "ikev2_decryption_table").read_text().splitlines()) == 2
    shown = tshark(tmp_path, "-V")
    assert "Malformed" not in shown
    assert shown.count("Decrypted Data") == 12
    assert "tester.ikespec.example" in shown and shown.count("Payload: Delete") >= 3


def test_tshark_reads_certificates_and_fragments(tmp_path: Path) -> None:
    conversation(tmp_path, certificates("rsa", fragment_size=576))
    shown = tshark(tmp_path, "-V")
    assert "Malformed" not in shown and "Encrypted and Authenticated Fragment" in shown


def test_a_capture_has_every_datagram_with_its_deviation(tmp_path: Path) -> None:
    written = all_purposes()["frag-reordered"]
    with ReferenceDevice() as device:
        _, peer = conduct(written, device)
        assert peer is not None
        evidence.write(tmp_path, peer, device.log())
    captured = list(read_pcapng(tmp_path / "capture.pcapng"))
    sent = [entry for entry in peer.trace.entries if entry.datagram]
    assert [one.datagram.payload for one in captured] == [entry.datagram.payload for entry in sent if entry.datagram]
    assert any("fragments in reverse order" in " ".join(one.comments) for one in captured)
    transcript = (tmp_path / "transcript.txt").read_text()
    assert "bent: fragments in reverse order" in transcript and "TSi" in transcript


@pytest.mark.parametrize(
    ("text", "purpose", "run"),
    [("8M/1G", 8 << 20, 1 << 30), ("64k", 64 << 10, 1 << 30), ("0/0", 0, 0), ("9/9M", 9, 9 << 20)],
)
def test_an_allowance_is_read(text: str, purpose: int, run: int) -> None:
    found = evidence.Allowance.parse(text)
    assert (found.purpose, found.run) == (purpose, run) and found.conversation + found.log == purpose


@pytest.mark.parametrize("text", ["", "/", "8M/", "8M/1G/2", "8 M", "8T", "-1", "many", "1.5M"])
def test_another_allowance_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        evidence.Allowance.parse(text)


def test_of_a_long_log_the_end_is_kept(tmp_path: Path) -> None:
    with ReferenceDevice() as device:
        _, peer = conduct(all_purposes()["init-response"], device)
    assert peer is not None
    written = evidence.write(tmp_path, peer, "".join(f"line {number}\n" for number in range(10_000)), 1000)
    log = (tmp_path / "device.log").read_text()
    assert log.startswith("[evidence is cut here: the first 97890 octets are left out") and log.endswith("line 9999\n")
    assert written == sum(path.stat().st_size for path in tmp_path.iterdir()) < 20_000


def test_a_run_keeps_to_what_it_may(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.allow(evidence.Allowance(1000, 5000), share=2)
    assert session.next_allowance().purpose == 1000
    session.evidence_left -= 2000
    assert session.next_allowance().purpose == 500
    session.evidence_left -= 2000
    assert session.next_allowance().purpose == 0
