"""The commands fuzz, replay and findings as a user types them, on the built-in device."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ikespec.cli import app
from ikespec.fuzz import seconds_of
from suites.campaign.case import Case, Problem, Step
from suites.campaign.findings import Finding

ROOT = Path(__file__).parents[2]


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400), ("2d", 172800)])
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--time", "soon"), "--time soon: expected a time such as 90s, 10m, 8h or 2d"),
        (("--time", "0s"), "--time 0s: expected a time such as 90s, 10m, 8h or 2d"),
        (("-n", "0"), "-n 0: expected a number of devices, 1 to 256"),
        (("-n", "100000000"), "-n 100000000: expected a number of devices, 1 to 256"),
        (("--stop-at", "-3"), "--stop-at -3: expected a number of findings, or 0"),
        (("--states", ""), "--states : is empty, expected some of init, cookie"),
        (("--mutators", ","), "--mutators ,: is empty, expected some of "),
        (("--resume",), "--resume: expected --out with the folder of the campaign"),
        (("--resume", "--out", "/nowhere/at-all"), "--resume: there is no campaign in /nowhere/at-all"),
        (("--dut", "strongswam"), "strongswam: there is no such device"),
        (("--states", "nirvana"), "--states nirvana: fits none of init, cookie"),
        (("--payloads", "QQ"), "--payloads QQ: fits none of SA, KE"),
        (("--mutators", "QQ"), "--mutators QQ: fits none of "),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_line(words: tuple[str, ...], error: str, tmp_path: Path) -> None:
    extra = () if "--out" in words or "--resume" in words else ("--out", str(tmp_path / "out"))
    code, _, said = call("fuzz", *words, *extra)
    assert code == 2 and said.startswith(f"ikespec: {error}") and said.count("\n") == 1
    assert not (tmp_path / "out").exists(), "a folder that the right words find taken"


def test_a_campaign_its_findings_and_going_on(tmp_path: Path) -> None:
    folder = str(tmp_path / "out")
    words = ("fuzz", "--time", "3s", "--states", "init,established", "--out", folder)
    code, said, _ = call(*words)
    assert code == 0 and "0 findings" in said
    assert json.loads((tmp_path / "out" / "findings.json").read_text()) == []
    assert json.loads((tmp_path / "out" / "findings.sarif").read_text())["version"] == "2.1.0"
    page = (tmp_path / "out" / "campaign.html").read_text()
    assert "refresh" not in page.split("<style>")[0] and "established" in page
    assert call(*words) == (2, "", f"ikespec: --out {folder}: there is a campaign already; --resume goes on with it\n")
    before = json.loads((tmp_path / "out" / "status.json").read_text())["cases"]
    code, said, _ = call(*words, "--resume")
    assert code == 0 and json.loads((tmp_path / "out" / "status.json").read_text())["cases"] > before
    code, _, error = call("fuzz", "--time", "3s", "--seed", "2", "--out", folder, "--resume")
    assert code == 2 and error.startswith(f"ikespec: --resume: the campaign in {folder} has seed = 1, states = [")
    assert call("findings", folder)[0] == 0


MUTE = (
    '[device]\nname = "mute"\ncapabilities = ["responder", "psk", "tunnel"]\n'
    '[addresses]\ndevice = "127.0.77.2"\ntester = "127.0.77.{}"\ndevice_ports = [50, 51]\n'
    "tester_ports = [50500, 54500]\n[timers]\nresponse_timeout = 0.1\n"
)


@pytest.mark.parametrize(("host", "states"), [(1, "init"), (3, "established")])
def test_a_device_that_never_answers_was_not_tried(tmp_path: Path, host: int, states: str) -> None:
    (tmp_path / "mute.toml").write_text(MUTE.format(host))  # another worker tries another one meanwhile
    dut = str(tmp_path / "mute.toml")
    code, said, error = call("fuzz", "--dut", dut, "--time", "2s", "--states", states, "--out", str(tmp_path / "out"))
    assert code == 2 and error.startswith(f"ikespec: nothing was tried: {dut} has answered nothing; ikespec run --dut")
    assert ("not reached lately: established" in said) == (states == "established")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_stops_cleanly(tmp_path: Path, number: signal.Signals, code: int) -> None:
    command = [
        sys.executable,
        "-m",
        "ikespec",
        "fuzz",
        "--time",
        "60s",
        "--states",
        "init",
        "--out",
        str(tmp_path / "out"),
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    journal = tmp_path / "out" / "journal.jsonl"
    while time.monotonic() < until and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.05)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert error.decode().endswith("goes on\n") and error.count(b"\n") == 1
    assert (tmp_path / "out" / "campaign.html").exists()


# --- replay -----------------------------------------------------------------------------------------------------------


def saved(folder: Path, finding: Finding) -> str:
    path = folder / "finding.json"
    path.write_text(json.dumps(finding.to_json()))
    return str(path)


def finding(*steps: Step, state: str = "established") -> Finding:
    return Finding(Problem("death", "killed", "it was killed"), state, (Case(state, 1, steps),))


def test_a_finding_that_is_gone(tmp_path: Path) -> None:
    path = saved(tmp_path, finding(Step("liveness")))
    code, said, _ = call("replay", path, "--tries", "2", "--out", str(tmp_path / "evidence"))
    assert code == 0
    assert "does not happen on reference" in said and "1 message from established, answered by INFORMATIONAL()" in said
    assert {"capture.pcapng", "transcript.txt"} <= {one.name for one in (tmp_path / "evidence").iterdir()}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "maximum recursion depth"),
        ("[]", "expected an object with schema 1"),
        ('{"schema": 2}', "expected an object with schema 1"),
        ('{"schema": 1}', "oracle = None, expected a string"),
    ],
)
def test_a_file_that_is_no_finding(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "finding.json"
    path.write_text(text)
    code, _, said = call("replay", str(path))
    assert code == 2 and said.startswith(f"ikespec: {path}: {error}") and said.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"script": []}, "script = [], expected a case or more"),
        ({"after": None}, "float() argument must be"),
        (
            {"script": [{"state": "init", "seed": 1, "steps": [{"kind": "telepathy"}]}]},
            "message 'telepathy': this version",
        ),
        ({"script": [{"state": "nirvana", "seed": 1, "steps": [{"kind": "init"}]}]}, "state 'nirvana': this version"),
        (
            {"script": [{"state": "init", "seed": 1, "steps": [{"kind": "init", "mutations": [["twist", "SA"]]}]}]},
            "mutator 'twist', expected one of",
        ),
    ],
)
def test_what_cannot_be_replayed_is_not_taken_for_mended(tmp_path: Path, change: dict[str, Any], error: str) -> None:
    path = tmp_path / "finding.json"
    path.write_text(json.dumps(finding(Step("liveness")).to_json() | change))
    code, out, said = call("replay", str(path))
    assert code == 2 and not out and said.startswith(f"ikespec: {path}: ") and error in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        ("campaign.json", '{"schema": 1}', "expected dut, seed, states, payloads, mutators"),
        ("campaign.json", "[" * 100_000, "no JSON"),
        ("campaign.json", '{"schema": 9}', "expected a campaign of schema 1"),
        ("journal.jsonl", "[]\n", "line 1: no event of a campaign of this version"),
        ("journal.jsonl", '{"t": "batch"}\n', "line 1: no event of a campaign of this version"),
        ("journal.jsonl", '{"t": "finding", "finding": {}, "before": []}\n', "line 1: no event of a campaign"),
        ("journal.jsonl", "[" * 100_000 + "\n", "line 1: no JSON"),
        ("journal.jsonl", "\xff\n", "line 1: no JSON"),
    ],
)
def test_a_folder_that_is_no_campaign_any_more(tmp_path: Path, file: str, text: str, error: str) -> None:
    settings = {"dut": "reference", "seed": 1, "states": ["init"], "payloads": [], "mutators": [], "against": ""}
    (tmp_path / "campaign.json").write_text(json.dumps({"schema": 1, "settings": settings}))
    (tmp_path / file).write_text(text, encoding="latin-1")
    code, _, said = call("fuzz", "--states", "init", "--time", "1s", "--resume", "--out", str(tmp_path))
    assert code == 2 and error in said and file in said and said.count("\n") == 1


@pytest.mark.parametrize("text", ['{"schema": 1, "device": "x"}', '{"schema": 1, "cases": "many"}', "", "[]"])
def test_a_status_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "campaign.json").write_text(json.dumps({"schema": 1, "settings": {}}))
    (tmp_path / "status.json").write_text(text)
    code, _, said = call("findings", str(tmp_path))
    assert code == 2 and said.startswith(f"ikespec: {tmp_path / 'status.json'}: ") and said.count("\n") == 1


def test_other_things_that_cannot_be_replayed(tmp_path: Path) -> None:
    assert call("replay", str(tmp_path / "nothing"))[0] == 2
    code, _, error = call("replay", saved(tmp_path, finding(Step("liveness"), state="nirvana")))
    assert code == 2 and "nirvana" in error
    assert call("findings", str(tmp_path))[2].startswith(f"ikespec: {tmp_path}: campaign.json is missing")
