"""Runs of the suites as users start them: verdicts, exit codes, the results folder, bad input in one line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FEW = ("init-cookie-echo", "mid-request-again", "auth-ts-narrow")


def ikespec(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ikespec", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=60, check=False)


def records(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "results.jsonl").read_text().splitlines()
    return {record["purpose"]: record for record in map(json.loads, lines)}


def test_a_good_run(tmp_path: Path) -> None:
    done = ikespec("run", *FEW, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 pass; 0 unexpected" in done.stdout
    found = records(tmp_path / "out")
    assert set(found) == set(FEW) and {one["verdict"] for one in found.values()} == {"pass"}
    for one in found.values():
        folder = tmp_path / "out" / one["evidence"]
        for name in ("capture.pcapng", "trace.json", "ikev2_decryption_table", "device.log"):
            assert (folder / name).exists()
        assert not (folder / "transcript.txt").exists(), "nobody has asked for it"
    done = ikespec("report", "out", FEW[0], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    told = (tmp_path / "out" / found[FEW[0]]["evidence"] / "transcript.txt").read_text()
    assert "IKE_SA_INIT request 0: " in told and "Proposal 1" in told
    assert not (tmp_path / "out" / found[FEW[1]]["evidence"] / "transcript.txt").exists()
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["device"]["name"] == "reference" and run["finished"] and run["selected"] == 3
    for name in ("report.html", "junit.xml", "summary.md", "allure-results", "coverage.html"):
        assert (tmp_path / "out" / name).exists()


def test_a_defective_device(tmp_path: Path) -> None:
    done = ikespec("run", *FEW, "--dut", "reference:cookie-not-first", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert "expected the cookie as first payload" in done.stdout
    record = records(tmp_path / "out")["init-cookie-echo"]
    assert "NOT OK" in (tmp_path / "out" / record["evidence"] / "transcript.txt").read_text()
    assert (record["verdict"], record["unexpected"], record["requirement"]) == ("fail", True, "RFC7296-2.6-9")


def test_a_known_deviation_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(
        '[[deviation]]\npurpose = "init-cookie-*"\nreason = "it is our defect"\nreference = "RFC 7296, 2.6"\n'
    )
    arguments = ("run", *FEW, "--dut", "reference:cookie-not-first", "--deviations", "known.toml", "--out", "out")
    done = ikespec(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    record = records(tmp_path / "out")["init-cookie-echo"]
    assert record["verdict"] == "fail" and not record["unexpected"] and record["known"]["reason"] == "it is our defect"


def test_several_workers_write_one_folder(tmp_path: Path) -> None:
    done = ikespec("run", *FEW, "-n", "2", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(records(tmp_path / "out")) == set(FEW)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["selected"] == 3


def test_the_same_seed_gives_the_same_conversation(tmp_path: Path) -> None:
    traces = []
    for name in ("one", "two"):
        ikespec("run", "init-cookie-echo", "--seed", "9", "--out", name, cwd=tmp_path)
        traces.append(json.loads((tmp_path / name / "evidence/init-cookie-echo/trace.json").read_text())["entries"])
    assert traces[0] == traces[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("run", "--dut", "strongswam"), 'strongswam: there is no such device; did you mean "strongswan"?'),
        (("run", "--dut", "missing.toml"), "missing.toml: cannot be read"),
        (("run", "--dut", "reference:no-such"), "there is no defect or variant 'no-such'"),
        (("run", "init-respnse"), "no purpose fits 'init-respnse'; did you mean init-response?"),
        (("run", "init-cookie-echo", "nix*"), "no purpose fits 'nix*'"),
        (("run", "--subject", "ike_aut"), "there is no subject 'ike_aut'; did you mean ike_auth?"),
        (("run", "-n", "0"), "-n 0: expected a number of devices, 1 or more"),
        (("run", "--out", "/proc/x"), "--out /proc/x: cannot be made"),
        (("run", "--deviations", "missing.toml", *FEW), "missing.toml"),
        (("run", "--role", "bystander"), "bystander"),
        (("explain", "init-cookie-ecko"), "did you mean init-cookie-echo?"),
        (("report", "nowhere"), "nowhere"),
        (("compare", "nowhere", "elsewhere"), "nowhere"),
        (("list", "no-such-*"), "no purpose fits"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = ikespec(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_device_that_never_answers(tmp_path: Path) -> None:
    (tmp_path / "mute.toml").write_text(
        '[device]\nname = "mute"\ncapabilities = ["responder", "psk", "tunnel"]\n'
        '[addresses]\ndevice = "127.0.0.1"\ntester = "127.0.0.1"\ndevice_ports = [59998, 59999]\n'
        "tester_ports = [59996, 59997]\n[timers]\nresponse_timeout = 0.2\n"
    )
    started = time.monotonic()
    done = ikespec("run", "--dut", "mute.toml", "--out", "out", cwd=tmp_path)
    assert time.monotonic() - started < 15
    assert done.returncode == 2 and not done.stdout, done.stdout + done.stderr
    assert (
        "mute: an ordinary handshake fails (psk, the device answers): there is no answer to IKE_SA_INIT" in done.stderr
    )
    assert "look at addresses.device, addresses.device_ports, addresses.tester in mute.toml" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    looks = json.loads((tmp_path / "out/run.json").read_text())["looks"]
    assert [(one["kind"], one["role"]) for one in looks] == [("psk", "responder")] and looks[0]["problem"]
    assert (tmp_path / "out/evidence/look-psk-responder/capture.pcapng").exists()


def test_judged_all_the_same_where_that_is_wanted(tmp_path: Path) -> None:
    arguments = ("auth-psk", "mid-old", "--dut", "reference:wrong-response-flags", "--out", "out")
    assert ikespec("run", *arguments, cwd=tmp_path).returncode == 2
    done = ikespec("run", *arguments, "--no-look", cwd=tmp_path)
    assert done.returncode == 1 and "IKE_SA_INIT" in done.stdout
    assert "looks" not in json.loads((tmp_path / "out/run.json").read_text())


def test_a_killed_run_keeps_what_it_has(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ikespec", "run", "--slow", "--dut", "reference:process", "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = tmp_path / "out" / "results.jsonl"
    until = time.monotonic() + 30
    while time.monotonic() < until and (not results.exists() or results.read_text().count("\n") < 3):
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert len(records(tmp_path / "out")) >= 3
    assert ikespec("report", "out", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out/report.html").exists()


def test_ctrl_c_stops_at_once_and_keeps_what_it_has(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ikespec", "run", "--slow", "--dut", "reference:process", "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    results = tmp_path / "out" / "results.jsonl"
    until = time.monotonic() + 30
    while time.monotonic() < until and (not results.exists() or results.read_text().count("\n") < 3):
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    output, errors = run.communicate(timeout=20)
    assert run.returncode == 2 and b"interrupted" in errors and b"Traceback" not in output + errors
    assert len(records(tmp_path / "out")) >= 3


def test_pytest_itself_runs_the_suites(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-q", "-k", "cookie_echo", f"--out={tmp_path}/out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_options_of_pytests_reporter_are_understood(tmp_path: Path) -> None:
    done = ikespec("run", "init-cookie-echo", "--pytest=--tb=long", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0 and "1 pass; 0 unexpected" in done.stdout, done.stdout + done.stderr


def test_list_and_explain(tmp_path: Path) -> None:
    listed = ikespec("list", "init-cookie-*", cwd=tmp_path)
    assert listed.returncode == 0 and "init-cookie-echo" in listed.stdout
    explained = ikespec("explain", "init-cookie-echo", cwd=tmp_path)
    assert explained.returncode == 0 and "reference:cookie-not-first" in explained.stdout
    lines = listed.stdout.splitlines()
    assert all(len(line.split("\t")) == 5 and line.startswith("init-cookie-") for line in lines)
    (only,) = json.loads(ikespec("list", "init-cookie-echo", "--json", cwd=tmp_path).stdout)
    assert only["needs"] == ["initiator"] and "cookie-not-first" in only["defects"]
    words = ikespec("list", "--capabilities", cwd=tmp_path).stdout.splitlines()
    assert any(line.startswith("data-plane\t") for line in words)
    assert "tested by init-cookie-echo" in ikespec("explain", "RFC7296-2.6-9", cwd=tmp_path).stdout


def test_two_runs_compared(tmp_path: Path) -> None:
    ikespec("run", *FEW, "--out", "good", cwd=tmp_path)
    ikespec("run", *FEW, "--dut", "reference:cookie-not-first", "--out", "bad", cwd=tmp_path)
    worse = ikespec("compare", "good", "bad", cwd=tmp_path)
    assert worse.returncode == 1 and "init-cookie-echo" in worse.stdout
    assert ikespec("compare", "bad", "good", cwd=tmp_path).returncode == 0


def test_evidence_has_a_limit(tmp_path: Path) -> None:
    done = ikespec("run", "frag-flood", "--max-evidence", "100K", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "out/evidence/frag-flood"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 100 << 10
    assert "evidence is cut here" in (folder / "trace.json").read_text()
    done = ikespec("run", "frag-flood", "--max-evidence", "lots", "--out", "other", cwd=tmp_path)
    assert done.returncode == 2 and "--max-evidence: 'lots': expected a size" in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).strip().splitlines()) == 1
