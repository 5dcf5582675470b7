"""Runs of the suites as users start them: verdicts, exit codes, the results folder, bad input in one line."""

import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conformance import version
from suites.record import REPORTS

ROOT = Path(__file__).resolve().parents[2]
FEW = ("init-cookie-echo", "mid-request-again", "auth-ts-narrow")


def ikespec(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ikespec", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1", **variables}
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
    assert set(run["host"]) == {"ikespec", "python", "platform"} and run["host"]["ikespec"].startswith(version.number())
    for name in ("report.html", "junit.xml", "summary.md", "allure-results", "coverage.html"):
        assert (tmp_path / "out" / name).exists()


def test_a_defective_device(tmp_path: Path) -> None:
    done = ikespec("run", *FEW, "--dut", "reference:cookie-not-first", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert "expected the cookie as first payload" in done.stdout
    record = records(tmp_path / "out")["init-cookie-echo"]
    assert "NOT OK" in (tmp_path / "out" / record["evidence"] / "transcript.txt").read_text()
    assert (record["verdict"], record["unexpected"], record["requirement"]) == ("fail", True, "RFC7296-2.6-9")


def test_the_line_that_tries_a_purpose_again_fails_again(tmp_path: Path) -> None:
    (tmp_path / "known ones.toml").write_text(
        '[[deviation]]\npurpose = "auth-*"\ngot = "x"\nreason = "another"\nreference = "none"\n'
    )
    options = ("--dut", "reference:cookie-not-first", "--seed", "5", "--deviations", "known ones.toml", "--no-look")
    selection = ("--subject", "ike_sa_init", "--slow", "--out", "out", "-n", "1")
    ikespec("run", "init-cookie-echo", *options, *selection, cwd=tmp_path)
    words = json.loads((tmp_path / "out" / "run.json").read_text())["again"]
    assert words[words.index("run") :] == ["run", "{purpose}", *options]
    purpose = [word.replace("{purpose}", "init-cookie-echo") for word in words[words.index("run") :]]
    done = ikespec(*purpose, "--out", "again", cwd=tmp_path)
    assert done.returncode == 1 and "expected the cookie as first payload" in done.stdout


def test_a_known_deviation_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(
        '[[deviation]]\npurpose = "init-cookie-*"\nrequirement = "RFC7296-2.6-9"\n'
        'reason = "it is our defect"\nreference = "RFC 7296, 2.6"\n'
    )
    arguments = ("run", *FEW, "--dut", "reference:cookie-not-first", "--deviations", "known.toml", "--out", "out")
    done = ikespec(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    record = records(tmp_path / "out")["init-cookie-echo"]
    assert record["verdict"] == "fail" and not record["unexpected"] and record["known"]["reason"] == "it is our defect"


def deviation(purpose: str, **keys: str) -> str:
    given = {"purpose": purpose, "requirement": "RFC7296-2.6-9", "reason": "r", "reference": "f", **keys}
    lines = [f'{key} = "{value}"' for key, value in given.items() if value]
    return "\n".join(["[[deviation]]", *lines, ""])


@pytest.mark.parametrize("symptom", [{"requirement": "RFC7296-2.6-8"}, {"got": "nothing"}])
def test_a_known_deviation_excuses_nothing_else(tmp_path: Path, symptom: dict[str, str]) -> None:
    (tmp_path / "known.toml").write_text(deviation("init-cookie-echo", **symptom))
    device = ("--dut", "reference:cookie-not-first", "--deviations", "known.toml")
    assert ikespec("run", *FEW, *device, cwd=tmp_path).returncode == 1


def test_a_known_deviation_that_no_longer_happens_is_said(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(deviation("init-cookie-echo"))
    arguments = ("run", *FEW, "--deviations", "known.toml", "--out", "out")
    done = ikespec(*arguments, cwd=tmp_path)
    assert done.returncode == 0 and "1 known deviations no longer happen" in done.stdout
    assert records(tmp_path / "out")["init-cookie-echo"]["fixed"]["reason"] == "r"
    strict = ikespec(*arguments, "--strict", cwd=tmp_path)
    assert strict.returncode == 1 and "no longer happen (--strict): init-cookie-echo" in strict.stderr


def test_what_is_not_for_everybody_stays_away(tmp_path: Path) -> None:
    hidden = ("--embargo", "init-cookie-*", "--embargo-to", "hidden")
    done = ikespec("run", *FEW, "--dut", "reference:cookie-not-first", *hidden, "--out", "out", cwd=tmp_path)
    assert done.returncode == 1
    found = records(tmp_path / "out")["init-cookie-echo"]
    assert (found["verdict"], found["reason"], found["embargo"]) == ("fail", "under embargo", True)
    assert not (found["got"] or found["expected"] or found["requirement"] or found["kind"] or found["evidence"])
    assert not (tmp_path / "out/evidence/init-cookie-echo").exists()
    assert (tmp_path / "out/evidence/auth-ts-narrow").exists()
    report = ikespec("report", "hidden", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    full = records(tmp_path / "hidden")
    assert set(full) == {"init-cookie-echo"} and full["init-cookie-echo"]["requirement"] == "RFC7296-2.6-9"
    assert (tmp_path / "hidden/evidence/init-cookie-echo/transcript.txt").exists()
    assert (tmp_path / "hidden").stat().st_mode & 0o077 == 0


def test_a_private_deviation_says_nothing_without_its_file(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(deviation("init-cookie-echo", reason="", reference="") + "private = true\n")
    (tmp_path / "why.toml").write_text(deviation("init-cookie-echo", requirement=""))
    arguments = ("run", *FEW, "--dut", "reference:cookie-not-first", "--deviations", "known.toml", "--out", "out")
    assert ikespec(*arguments, cwd=tmp_path).returncode == 0
    found = records(tmp_path / "out")["init-cookie-echo"]
    assert found["embargo"] and found["known"]["private"] and not found["got"] and found["evidence"] is None
    assert ikespec(*arguments, "--private-deviations", "why.toml", cwd=tmp_path).returncode == 0
    found = records(tmp_path / "out")["init-cookie-echo"]
    assert not found["embargo"] and found["known"]["reason"] == "r" and found["got"]


def test_what_passes_at_another_try_is_flaky(tmp_path: Path) -> None:
    arguments = ("run", *FEW, "--pytest=-p", "--pytest=tests.suites.stumbles", "--out", "out")
    done = ikespec(*arguments, "--retry", "1", cwd=tmp_path)
    assert done.returncode == 0 and "3 pass; 0 unexpected; 3 flaky" in done.stdout, done.stdout + done.stderr
    found = records(tmp_path / "out")
    one = found["init-cookie-echo"]
    assert one["flaky"] and one["verdict"] == "pass" and one["earlier"][0]["reason"] == "expected haste, got nothing"
    assert (one["earlier"][0]["evidence"], one["evidence"]) == (
        "evidence/init-cookie-echo", "evidence/init-cookie-echo-2",
    )  # fmt: skip
    assert json.loads((tmp_path / "out/run.json").read_text())["ended"]["flaky"] == list(found)
    few = ikespec(*arguments, "--retry", "1", "--max-flaky", "2", cwd=tmp_path)
    assert few.returncode == 1 and "3 purposes are flaky, more than 2" in few.stderr


def test_what_workers_failed_is_tried_again_by_their_master(tmp_path: Path) -> None:
    arguments = ("run", *FEW, "-n", "2", "--pytest=-p", "--pytest=tests.suites.stumbles", "--retry", "2")
    done = ikespec(*arguments, cwd=tmp_path, STUMBLES_IN_WORKERS="yes")
    assert done.returncode == 0 and "3 pass; 0 unexpected; 3 flaky" in done.stdout, done.stdout + done.stderr


def test_a_crash_is_not_excused_by_another_try(tmp_path: Path) -> None:
    arguments = ("run", *FEW, "--pytest=-p", "--pytest=tests.suites.stumbles", "--retry", "2", "--out", "out")
    assert ikespec(*arguments, cwd=tmp_path, STUMBLES="crash").returncode == 1
    assert all(one["unexpected"] and not one["earlier"] for one in records(tmp_path / "out").values())
    assert ikespec(*arguments, "--embargo", "*", cwd=tmp_path, STUMBLES="crash").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--expect-pass", "3"), 0, ""),
        (("--expect-pass", "4"), 1, "3 purposes passed, fewer than 4 (--expect-pass)"),
        (("--expect-capability", "responder"), 0, ""),
        (("--expect-capability", "mobike"), 2, "reference does not claim mobike (--expect-capability)"),
        (("--expect-capability", "respnder"), 2, 'there is no such capability; did you mean "responder"?'),
        (("--without", "init-*", "--without", "mid-*", "--without", "auth-*"), 2, "no purpose fits the selection"),
        (("--shard", "2/3", "--expect-pass", "2"), 1, "1 purposes passed, fewer than 2 (--expect-pass)"),
        (("--shard", "4/3"), 2, "--shard 4/3: expected K/N with K from 1 to N, such as 2/5"),
        (("--shard", "0/0"), 2, "--shard 0/0: expected K/N"),
    ],
)
def test_what_a_run_must_keep(tmp_path: Path, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    done = ikespec("run", *FEW, *arguments, cwd=tmp_path)
    assert done.returncode == code and complaint in done.stderr, done.stdout + done.stderr


MUTE = (
    '[device]\nname = "mute"\ncapabilities = ["responder", "psk", "tunnel"]\n'
    '[addresses]\ndevice = "127.0.0.1"\ntester = "127.0.0.1"\ndevice_ports = [59998, 59999]\n'
    "tester_ports = [59996, 59997]\n[timers]\nresponse_timeout = 0.2\n"
)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('capabilities = ["responder", "psk", "tunnel"]', "capabilities = []"), "nothing was judged: 4 n/a"),
        (('tester = "127.0.0.1"', 'tester = "192.0.2.77"'), "addresses.tester must be an address of this host"),
        (("59996", "TAKEN"), "it is in use; addresses.tester must be"),
        (("[timers]", '[commands]\napply = "false"\n[timers]'), "commands.apply ended with 1"),
    ],
)
def test_nothing_that_can_be_tried_ends_the_run(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        file = MUTE.replace(*change).replace("TAKEN", str(taken.getsockname()[1]))
        (tmp_path / "mute.toml").write_text(file)
        done = ikespec("run", *FEW, "init-response", "--dut", "mute.toml", cwd=tmp_path)
    assert done.returncode == 2 and complaint in done.stderr, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


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
        (("run", "-n", "0"), "-n 0: expected a number of devices, 1 to 256"),
        (("run", "-n", "100000"), "-n 100000: expected a number of devices, 1 to 256"),
        (
            ("run", "--shard", "1/99999999999999999999"),
            "--shard 1/99999999999999999999: expected K/N with K from 1 to N",
        ),
        (("run", "--embargo", "init-cookie-ecko"), "--embargo: no purpose fits 'init-cookie-ecko'"),
        (("run", "--shard", "1/2\n"), "--shard 1/2 : expected K/N"),
        (("run", "--rfc", "7296", "--rfc", "-5"), "--rfc -5: no purpose is about it; known: 1191, "),
        (("run", "--profile", "x" * 5000), "File name too long"),
        (("run", "--timeout", "inf"), "--timeout inf: expected 0 or more, 100000000 at most"),
        (("probe", "127.0.0.1", "-o", "x" * 5000), "File name too long"),
        (("run", *FEW, "--without", "nosuch-*"), "--without: no purpose fits 'nosuch-*'"),
        (("interop", "reference", "reference", "--without", "auht-psk"), "--without: no scenario fits 'auht-psk'; did"),
        (("interop", "reference", "reference", "--without", "*"), "interop: no scenario is left"),
        (("run", "--timeout", "nan"), "--timeout nan: expected 0 or more"),
        (("run", "--ike", ""), "ikespec: --ike : unknown algorithm keyword ''"),
        (("run", "--esp", "nonsense"), "ikespec: --esp nonsense: unknown algorithm keyword"),
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
    assert time.monotonic() - started < 60
    assert done.returncode == 2 and not done.stdout, done.stdout + done.stderr
    assert (
        "mute: an ordinary handshake fails (psk, the device answers): there is no answer to IKE_SA_INIT" in done.stderr
    )
    assert "look at addresses.device, addresses.device_ports, addresses.tester in mute.toml" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    looks = json.loads((tmp_path / "out/run.json").read_text())["looks"]
    assert [(one["kind"], one["role"]) for one in looks] == [("psk", "responder")] and looks[0]["problem"]
    assert (tmp_path / "out/evidence/look-psk-responder/capture.pcapng").exists()
    done = ikespec("run", "--dut", "mute.toml", "-n", "2", cwd=tmp_path)
    assert done.returncode == 2 and "mute.toml describes one device that is there already" in done.stderr


def test_judged_all_the_same_where_that_is_wanted(tmp_path: Path) -> None:
    arguments = ("auth-psk", "mid-old", "--dut", "reference:wrong-response-flags", "--out", "out")
    for workers in ("1", "2"):
        done = ikespec("run", *arguments, "-n", workers, cwd=tmp_path)
        assert done.returncode == 2, done.stdout + done.stderr
    done = ikespec("run", *arguments, "--no-look", cwd=tmp_path)
    assert done.returncode == 1 and "IKE_SA_INIT" in done.stdout
    assert "looks" not in json.loads((tmp_path / "out/run.json").read_text())


def test_a_killed_run_keeps_what_it_has(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ikespec", "run", "--slow", "--dut", "reference:process", "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = tmp_path / "out" / "results.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and (not results.exists() or results.read_text().count("\n") < 3):
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert len(records(tmp_path / "out")) >= 3
    assert ikespec("report", "out", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out/report.html").exists()


@pytest.mark.parametrize(
    ("sent", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_that_is_told_to_end(sent: signal.Signals, code: int, word: str, workers: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ikespec", "run", "--slow", "--dut", "reference:process", "--out", "out"]
    command += ["-n", workers]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    results = tmp_path / "out" / "results.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and (not results.exists() or results.read_text().count("\n") < 3):
        time.sleep(0.05)
    run.send_signal(sent)
    output, errors = run.communicate(timeout=40)
    assert run.returncode == code and b"Traceback" not in output + errors, output + errors
    assert errors.decode().strip() == f"ikespec: {word}; what was judged is in out"
    assert output.decode().strip().endswith("read out/report.html")
    assert len(records(tmp_path / "out")) >= 3 and (tmp_path / "out/report.html").exists()
    assert json.loads((tmp_path / "out/run.json").read_text())["finished"] is None


def test_nobody_needs_to_read_to_the_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ikespec", "run", *FEW, "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None and run.stderr is not None
    run.stdout.close()  # as head does
    assert run.stderr.read() == b"" and run.wait(60) == 0
    assert set(records(tmp_path / "out")) == set(FEW) and (tmp_path / "out/report.html").exists()


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (tmp_path / "out/results.jsonl").open("a") as held:
        held.write('{"purpose": "of the other run"}\n')
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        done = ikespec("run", *FEW, "--out", "out", cwd=tmp_path)
        assert done.returncode == 2 and not done.stdout
        assert done.stderr == "ikespec: out: another run writes its results there; choose another folder with --out\n"
        assert (tmp_path / "out/results.jsonl").read_text() == '{"purpose": "of the other run"}\n'
    assert ikespec("run", *FEW, "--out", "out", cwd=tmp_path).returncode == 0
    assert set(records(tmp_path / "out")) == set(FEW)


def test_pytest_itself_runs_the_suites(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-q", "-k", "cookie_echo", f"--out={tmp_path}/out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_run_that_does_not_come_about_leaves_the_results_of_an_earlier_one(tmp_path: Path) -> None:
    assert ikespec("run", *FEW, "--out", "out", cwd=tmp_path).returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    (tmp_path / "wrong.toml").write_text(deviation("init-cookie-ecko"))
    for words in (
        ("--deviations", "none.toml"), ("--deviations", "wrong.toml"), ("--private-deviations", "wrong.toml"),
        ("--rfc", "5685"), ("--rfc", "5685", "-n", "2"), ("--rfc", "99999"), ("--pytest=-k", "--pytest=nothing"),
        ("--embargo-to", "out"), ("--without", "*"), ("--repeat", "2", "--deviations", "none.toml"),
    ):  # fmt: skip
        done = ikespec("run", *FEW, *words, "--out", "out", cwd=tmp_path)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, (words, done)
        assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before, words


@pytest.mark.parametrize("workers", ["1", "2"])
def test_reports_go_with_the_results_that_they_tell_of(tmp_path: Path, workers: str) -> None:
    assert ikespec("run", *FEW, "--out", "out", cwd=tmp_path).returncode == 0
    made = {path.name for path in (tmp_path / "out").iterdir()} - {"results.jsonl", "run.json", "evidence"}
    assert made | {"profile.html", "profile.md"} == set(REPORTS)
    words = ("--dut", "reference:wrong-response-flags", "-n", workers, "--out", "out")
    done = ikespec("run", "auth-psk", "mid-old", *words, cwd=tmp_path)
    assert done.returncode == 2 and "Nothing was judged" in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"results.jsonl", "run.json", "evidence"}
    assert not records(tmp_path / "out")


def test_a_repetition_that_cannot_be_made_does_not_count_what_was_there(tmp_path: Path) -> None:
    assert ikespec("run", "init-cookie-echo", "--out", "out/01", cwd=tmp_path).returncode == 0
    words = ("--deviations", "none.toml", "--repeat", "2", "--out", "out")
    done = ikespec("run", "init-cookie-echo", *words, cwd=tmp_path)
    assert done.returncode == 2 and "run 1 of 2" not in done.stdout


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


def test_a_results_folder_that_takes_no_more(tmp_path: Path) -> None:
    """As on a disk that is full: what is there stays whole, and a line says which folder it is."""
    done = subprocess.run(
        [sys.executable, "-m", "ikespec", "run", "init-each-group", "--no-look", "--out", "out"],
        capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 10, 16 << 10)),
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.startswith("ikespec: out/evidence/init-each-group: File too large"), (
        done
    )
    assert done.stderr.count("\n") == 1
    assert json.loads((tmp_path / "out/run.json").read_text())["finished"] is None
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_evidence_has_a_limit(tmp_path: Path) -> None:
    done = ikespec("run", "frag-flood", "--max-evidence", "100K", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "out/evidence/frag-flood"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 100 << 10
    assert "evidence is cut here" in (folder / "trace.json").read_text()
    done = ikespec("run", "frag-flood", "--max-evidence", "lots", "--out", "other", cwd=tmp_path)
    assert done.returncode == 2 and "--max-evidence: 'lots': expected a size" in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).strip().splitlines()) == 1
