"""Devices that die or hang in the middle of a run: noticed, blamed on the right purpose, brought back."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BEFORE, GUILTY, AFTER = "child-rekey", "format-truncated", ("info-delete-child", "init-response", "mid-old")


def run(dut: str, *purposes: str, cwd: Path, options: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-c", str(ROOT / "suites/pytest.ini"), "-q"]
    command += [
        f"--rootdir={ROOT}",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.suites.mortal",
        "--dut",
        dut,
        "--out",
        "out",
    ]
    command += [f"--purpose={one}" for one in purposes]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *options], capture_output=True, text=True, cwd=cwd, env=environment, timeout=200, check=False
    )


def records(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "out/results.jsonl").read_text().splitlines()
    return {record["purpose"]: record for record in map(json.loads, lines)}


def verdicts(folder: Path) -> dict[str, tuple[str, str]]:
    return {name: (one["verdict"], one["kind"]) for name, one in records(folder).items()}


def test_one_that_dies_at_once(tmp_path: Path) -> None:
    done = run("mortal:dies", BEFORE, GUILTY, *AFTER, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    found = verdicts(tmp_path)
    assert found.pop(GUILTY) == ("fail", "crash") and set(found.values()) == {("pass", "")}
    reason = records(tmp_path)[GUILTY]["reason"]
    assert "the device has died: killed by SIGSEGV" in reason and "it happens again when this is tried alone" in reason


def test_one_that_dies_later_is_blamed_on_what_it_heard(tmp_path: Path) -> None:
    done = run("mortal:dies-late", BEFORE, GUILTY, *AFTER, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    found = records(tmp_path)
    guilty = found.pop(GUILTY)
    assert (guilty["verdict"], guilty["kind"]) == ("fail", "crash") and "killed by SIGABRT" in guilty["reason"]
    assert {one["verdict"] for one in found.values()} == {"pass"}
    if guilty["earlier"]:
        assert guilty["earlier"][0]["verdict"] == "pass" and guilty["evidence"] == f"evidence/{GUILTY}-2"
    assert (tmp_path / "out" / guilty["evidence"] / "trace.json").exists()


def test_one_that_dies_after_the_last_purpose(tmp_path: Path) -> None:
    done = run("mortal:dies-late", BEFORE, GUILTY, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert verdicts(tmp_path) == {BEFORE: ("pass", ""), GUILTY: ("fail", "crash")}


@pytest.mark.parametrize("how", ["hangs", "stops"])
def test_one_that_answers_no_more(how: str, tmp_path: Path) -> None:
    done = run(f"mortal:{how}", BEFORE, GUILTY, AFTER[0], cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    found = verdicts(tmp_path)
    assert found == {BEFORE: ("pass", ""), GUILTY: ("fail", "hang"), AFTER[0]: ("pass", "")}
    assert "the device hangs: it answers no IKE any more (it waits)" in records(tmp_path)[GUILTY]["reason"]


def test_one_that_spins_and_answers(tmp_path: Path) -> None:
    done = run("mortal:spins", BEFORE, GUILTY, *AFTER, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    found = verdicts(tmp_path)
    assert found.pop(GUILTY) == ("fail", "hang") and set(found.values()) == {("pass", "")}, done.stdout
    assert "the device answers, but its process spins: it wants " in records(tmp_path)[GUILTY]["reason"]


def test_one_that_grows(tmp_path: Path) -> None:
    more = ("child-rekey-pfs", "child-rekey-delete", "auth-id-ipv4")
    done = run("mortal:grows", BEFORE, GUILTY, *AFTER, *more, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    found = verdicts(tmp_path)
    assert len(found) >= 7 and found.pop(GUILTY) == ("fail", "hang"), done.stdout
    assert set(found.values()) == {("pass", "")}, done.stdout
    assert "memory of the device rises all the time" in records(tmp_path)[GUILTY]["reason"]


def test_one_that_hangs_while_it_is_the_initiator(tmp_path: Path) -> None:
    guilty = "format-response-sa-length"
    done = run("mortal:hangs", BEFORE, guilty, *AFTER, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    found = verdicts(tmp_path)
    assert found.pop(guilty) == ("fail", "hang") and set(found.values()) == {("pass", "")}, done.stdout


def test_one_that_does_not_come_back(tmp_path: Path) -> None:
    done = run("mortal:dies:once", BEFORE, GUILTY, *AFTER, cwd=tmp_path)
    assert done.returncode == 2 and "INTERNALERROR" not in done.stdout, done.stdout
    assert "cannot be started again: mortal: its licence is used up" in done.stdout
    assert verdicts(tmp_path) == {BEFORE: ("pass", ""), GUILTY: ("fail", "crash")}
    assert json.loads((tmp_path / "out/run.json").read_text())["selected"] == 5


def test_one_that_dies_of_everything(tmp_path: Path) -> None:
    started = time.monotonic()
    done = run("mortal:ends", BEFORE, GUILTY, *AFTER, cwd=tmp_path, options=("--no-look",))
    assert done.returncode != 0 and time.monotonic() - started < 120
    assert any("ended with exit status 3" in one["reason"] for one in records(tmp_path).values())


def test_several_devices_side_by_side(tmp_path: Path) -> None:
    done = run("mortal:dies-late", BEFORE, GUILTY, *AFTER, cwd=tmp_path, options=("-n", "2"))
    assert done.returncode == 1, done.stdout
    found = verdicts(tmp_path)
    assert found.pop(GUILTY) == ("fail", "crash") and {one for one, _ in found.values()} == {"pass"}
