"""Campaigns against a device that is none: what is found, deduplicated, kept; deaths of workers and of the campaign."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from suites.campaign.campaign import Campaign, NoDevice, Pace
from suites.campaign.corpus import Corpus
from suites.campaign.findings import read_finding
from suites.campaign.knowledge import Knowledge
from suites.campaign.schedule import Schedule
from suites.campaign.store import Store, StoreError
from suites.campaign.workers import LocalPool
from tests.campaign.fake import SOURCES, STATES, rig

ROOT = Path(__file__).parents[2]


@contextmanager
def begun(folder: Path, word: str, workers: int = 1, *, limit: float = 5.0, **more: Any) -> Iterator[Campaign]:
    store = Store(folder)
    pool = LocalPool(rig(word, limit), workers)
    try:
        yield Campaign(Knowledge(Schedule(1, STATES, SOURCES, Corpus())), store, pool, Pace(16, False), **more)
    finally:
        pool.close()
        store.close()


def run(folder: Path, word: str, seconds: float = 1.0, workers: int = 1, **more: Any) -> Campaign:
    with begun(folder, word, workers, **more) as campaign:
        campaign.run(seconds)
    return campaign


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def ran(diary: Path) -> list[str]:
    return [line for line in diary.read_text().splitlines() if line != "closed" and not line.endswith("fresh")]


def test_a_crash_is_found_and_reduced(tmp_path: Path) -> None:
    campaign = run(tmp_path, "overflow", 20, stop_at=1)
    (finding,) = campaign.known.findings.values()
    assert finding.examined and (finding.tries, finding.happened) == (10, 10)
    assert [case.to_json()["steps"] for case in finding.script] == [
        [{"kind": "rekey", "mutations": [["size", "Nonce", 256]]}]
    ]
    saved = read_finding(tmp_path / "findings" / finding.id)
    assert saved.script == finding.script and saved.id == finding.id
    assert {path.name for path in (tmp_path / "findings" / finding.id).iterdir()} == {
        "finding.json", "test_finding.py", "backtrace.txt", "device.log",
    }  # fmt: skip


def test_what_needs_the_cases_before_is_found_with_them(tmp_path: Path) -> None:
    campaign = run(tmp_path, "list", 20, stop_at=1)
    (finding,) = campaign.known.findings.values()
    assert (finding.steps, finding.happened) == (3, 10), finding


def test_what_does_not_happen_again_keeps_the_last_datagrams(tmp_path: Path) -> None:
    campaign = run(tmp_path, "once", 20, stop_at=1)
    (finding,) = campaign.known.findings.values()
    assert finding.examined and finding.happened == 0 and "again" in finding.remark
    assert (tmp_path / "findings" / finding.id / "history.pcapng").read_bytes() == b"datagrams"


def test_a_broken_rule_is_one_finding_in_all_states(tmp_path: Path) -> None:
    campaign = run(tmp_path, "rule", 2)
    (finding,) = campaign.known.findings.values()
    assert set(campaign.known.states[finding.id]) == {"start", "up"}
    assert campaign.known.again[finding.id] > 5


def test_a_worker_that_dies_or_hangs_is_replaced(tmp_path: Path) -> None:
    campaign = run(tmp_path, "deadly+endless", 6, workers=2, limit=0.3)
    symptoms = {one.problem.symptom for one in campaign.known.findings.values()}
    assert symptoms == {"the worker that ran it was lost", "no end"}
    assert campaign.known.cases > 50


def test_our_own_errors_are_counted_and_end_nothing(tmp_path: Path) -> None:
    campaign = run(tmp_path, "ours", 1)
    assert campaign.known.errors > 5 and not campaign.known.findings
    (text,) = campaign.known.said
    assert text.startswith("RuntimeError: a defect of ours (problems, fake.py:")


def test_new_answers_are_kept_and_every_cell_is_counted(tmp_path: Path) -> None:
    campaign = run(tmp_path, "", 1)
    assert {one[2] for one in campaign.known.corpus.seen if one[1] == "answer"} == {"OK", "-", "INVALID_KE"}
    assert {("Nonce", "up", "size"), ("header", "start", "flip"), ("none", "up", "none")} <= campaign.known.cells.keys()
    assert campaign.known.cases == sum(one["cases"] for one in events(tmp_path) if one["t"] == "batch")


def test_the_same_seed_is_the_same_campaign(tmp_path: Path) -> None:
    for name in ("one", "other"):
        run(tmp_path / name, f"@{tmp_path / name}.diary", 1.0)
    one, other = (ran(tmp_path / f"{name}.diary") for name in ("one", "other"))
    count = min(len(one), len(other))
    assert count > 100 and one[:count] == other[:count]


def test_no_device_ends_it_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(NoDevice, match="fake: is not there"):
        run(tmp_path, "absent", 20)


def test_nobody_else_writes_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(StoreError, match="another campaign writes there"):
        Store(tmp_path)
    store.close()


def test_a_finding_survives_a_kill_between_the_two_names_of_its_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_finding("abc", {"finding.json": b"1"})
    store.close()
    (store.findings / "abc").rename(store.findings / ".abc.half.old")
    (store.findings / ".abc.half").mkdir()
    store = Store(tmp_path)
    assert [one.name for one in store.findings.iterdir()] == ["abc"]
    assert store.evidence("abc") == {} and (store.findings / "abc" / "finding.json").read_bytes() == b"1"
    place = store.save_finding("abc", {"device.log": b"2"})
    assert [one.name for one in place.iterdir()] == ["device.log"] and len(list(store.findings.iterdir())) == 1
    store.close()


def test_a_journal_that_was_compacted_says_the_same(tmp_path: Path) -> None:
    campaign = run(tmp_path, "rule+overflow", 2)
    before = campaign.known.whole()
    store = Store(tmp_path)
    store.compact(before)
    again = Knowledge(Schedule(1, STATES, SOURCES, Corpus()))
    for event in store.events():
        again.apply(event)
    store.close()
    assert json.dumps(again.whole()) == json.dumps(before)
    assert len(events(tmp_path)) == 1


KILLED = """
    import sys
    from pathlib import Path
    from tests.campaign.test_campaign import begun
    if __name__ == "__main__":
        with begun(Path(sys.argv[1]), sys.argv[2], 2) as campaign:
            campaign.run(60)
"""


def test_kill_9_loses_no_finding_and_repeats_nothing(tmp_path: Path) -> None:
    script, folder, diary = tmp_path / "run.py", tmp_path / "out", tmp_path / "diary"
    script.write_text(dedent(KILLED))
    word = f"overflow+rule+slow@{diary}"
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, str(script), str(folder), word], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        wanted = len(ran(diary)) + 150 if diary.exists() else 150
        until = time.monotonic() + 60
        while time.monotonic() < until and (not diary.exists() or len(ran(diary)) < wanted):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(1.0)  # the workers see that they are alone
    Store(folder).close()
    found = [
        json.loads(line)
        for line in (folder / "journal.jsonl").read_text().splitlines(keepends=True)
        if line[-1] == "\n"
    ]
    known = {Path(read_finding(path).id) for path in (folder / "findings").iterdir() if not path.name.startswith(".")}
    assert known and {Path(one["finding"]["id"]) for one in found if one["t"] == "finding"} <= known
    campaign = run(folder, word, 3)
    assert {str(one) for one in known} <= campaign.known.findings.keys()
    assert all(one.examined for one in campaign.known.findings.values())
    assert max(Counter(ran(diary)).values()) == 1
