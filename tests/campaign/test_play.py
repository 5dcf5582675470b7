"""A finding as a test purpose: it runs as saved, passes on a correct device and fails on the one that was wrong."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from suites.campaign.case import Case, Problem, Step
from suites.campaign.findings import Finding
from suites.campaign.purposes import purpose_text
from suites.campaign.replaying import foreign
from suites.campaign.saved import files_of
from suites.campaign.states import STATES

ROOT = Path(__file__).parents[2]
FINDING = Finding(
    Problem("requirement", "unprotected", 'it said """so""" \\', "RFC7296-2.4-7"),
    "established",
    (Case("established", 1, (Step("clear-liveness"),)),),
)


def test_nothing_that_a_campaign_sends_is_foreign_to_a_replay() -> None:
    script = tuple(Case(name, 1, tuple(map(Step, state.kinds))) for name, state in STATES.items())
    assert foreign(replace(FINDING, script=script)) == ""


@pytest.mark.parametrize(
    ("device", "verdict"), [("reference", "pass"), ("reference:fuzz-answers-in-the-clear", "fail")]
)
def test_the_purpose_of_a_finding(tmp_path: Path, device: str, verdict: str) -> None:
    module = tmp_path / "test_finding.py"
    module.write_bytes(files_of(FINDING, {})[module.name])
    options = ["-p", "suites.conftest", "-c", "suites/pytest.ini", f"--rootdir={ROOT}", "-p", "no:cacheprovider"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        *options,
        str(module),
        f"--dut={device}",
        f"--out={tmp_path / 'out'}",
    ]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=False)
    (record,) = map(json.loads, (tmp_path / "out" / "results.jsonl").read_text().splitlines())
    assert record["purpose"] == f"fuzz-{FINDING.id}" and record["verdict"] == verdict
    assert verdict == "pass" or (record["requirement"], record["expected"]) == (
        "RFC7296-2.4-7",
        "no protected answer to what is not protected",
    )


@pytest.mark.parametrize("said", ["é\x01\\" * 40, '"' * 100, "{x}\\N{" * 40])
def test_whatever_a_device_has_said_the_purpose_of_a_finding_is_python(said: str) -> None:
    """Its title is cut, and never in the middle of what is escaped."""
    for before in range(12):
        problem = Problem("requirement", "x: y", "a" * before + said, "RFC7296-2.6-3")
        text = purpose_text(Finding(problem, "established", (Case("established", 1, (Step("liveness"),)),)))
        compile(text, "test_finding.py", "exec")
