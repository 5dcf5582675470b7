"""Real daemons that are killed or stopped in the middle of a run: noticed, told in words, started anew."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.conftest import started

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.peer
@pytest.mark.parametrize("device", ["strongswan", "libreswan"])
@pytest.mark.parametrize(
    ("signal", "kind", "words"),
    [("SIGSEGV", "crash", "SIGSEGV"), ("SIGSTOP", "hang", "its process is stopped")],
)
def test_a_daemon_that_gets_a_signal(device: str, signal: str, kind: str, words: str, tmp_path: Path) -> None:
    with started(f"{device}:netns"):
        pass
    purposes = ("child-rekey", "format-truncated", "info-liveness")
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-c", str(ROOT / "suites/pytest.ini"), "-q"]
    command += [f"--rootdir={ROOT}", "-p", "no:cacheprovider", "-p", "tests.suites.assassin"]
    command += ["--dut", f"{device}:netns", "--out", "out", *(f"--purpose={one}" for one in purposes)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ASSASSIN": f"format-truncated:{signal}"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=150, check=False
    )
    assert done.returncode == 1, done.stdout
    found = {one["purpose"]: one for one in map(json.loads, (tmp_path / "out/results.jsonl").open())}
    assert [(one, found[one]["verdict"], found[one]["kind"]) for one in purposes] == [
        ("child-rekey", "pass", ""), ("format-truncated", "fail", kind), ("info-liveness", "pass", ""),
    ]  # fmt: skip
    assert words in found["format-truncated"]["reason"]
    assert (tmp_path / "out/evidence/format-truncated/device.log").stat().st_size
