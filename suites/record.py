"""The results folder as a run writes it: ``run.json``, and one line of ``results.jsonl`` per purpose as it ends."""

import fcntl
import json
import platform
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from conformance import version
from suites.ending import Ending
from suites.files import remove, write_text

SCHEMA = 1

REPORTS = (
    *("report.html", "coverage.html", "coverage.json", "profile.html", "profile.md", "junit.xml", "summary.md"),
    *("results.sarif", "badge.svg", "badge.json", "allure-results"),
)
"""What `reports` makes of a results folder: it must not outlive the results that it tells of."""


def timestamp() -> str:
    """The time now as ISO 8601 in UTC, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def made_on() -> dict[str, str]:
    """What made the results: the version of ikespec with its commit, of Python and of the operating system."""
    return {"ikespec": version.full(), "python": platform.python_version(), "platform": platform.platform()}


@dataclass(slots=True)
class Record:
    """What became of one purpose: a line of ``results.jsonl``; of two lines for one purpose the later one counts.

    Times are in seconds, ``started`` in ISO 8601. ``kind`` is the sort of trouble (`suites.judge.Kind`); verdicts with
    the same ``kind``, ``requirement`` and ``expected`` have one root. ``known`` is the known deviation that explains a
    *fail*, ``fixed`` one that did not happen although it stands written down for this version: both are objects with
    ``purpose`` (the pattern in the file), ``reason``, ``reference``, ``until``. ``unexpected`` counts for the exit
    code. ``evidence`` is a folder below the results folder.

    ``watched`` are requirements that the invariants found kept in a purpose that passed.
    ``tried`` is what its conversation has shown of fields and values (`suites.tried`).

    ``earlier`` lists what came of earlier tries of the same run (``verdict``, ``kind``, ``reason``, ``requirement``,
    ``evidence``, ``duration``); a purpose that failed unexpectedly first and does not now is ``flaky``. One that is
    under ``embargo`` says nothing here but its verdict.
    """

    purpose: str
    title: str
    subject: str
    requirements: list[str]
    level: str
    role: str
    tier: str
    verdict: str
    kind: str
    reason: str
    module: str
    seed: int
    started: str
    duration: float
    waits: float
    known: dict[str, Any] | None = None
    fixed: dict[str, Any] | None = None
    unexpected: bool = False
    flaky: bool = False
    earlier: list[dict[str, Any]] = field(default_factory=list)
    embargo: bool = False
    expected: str = ""
    got: str = ""
    requirement: str | None = None
    watched: list[str] = field(default_factory=list)
    evidence: str | None = None
    device: dict[str, Any] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON."""
        return {"schema": SCHEMA, **{one.name: getattr(self, one.name) for one in fields(self)}}


class ResultsFolder:
    """Writes a results folder as the run goes: what was written stays, whenever the run is killed.

    Before `begin` nothing is touched, so that a run which does not come about leaves the results of an earlier one. A
    ``private`` folder can be read by its owner only.
    """

    def __init__(self, folder: Path, command: list[str], seed: int, *, private: bool = False) -> None:
        self.folder, self._private = folder, private
        self._lines: IO[str] | None = None
        self.records: dict[str, dict[str, Any]] = {}
        self.run: dict[str, Any] = {
            "schema": SCHEMA,
            "started": timestamp(),
            "finished": None,
            "ended": None,
            "device": {},
            "command": command,
            "seed": seed,
            "host": made_on(),
            "selected": 0,
        }

    def begin(self) -> None:
        """Make the folder and its ``run.json``; results and reports of an earlier run go.

        Raises OSError, also where another run writes into it.
        """
        if self._lines is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._private:
            self.folder.chmod(0o700)
        lines = (self.folder / "results.jsonl").open("a", encoding="utf-8")
        _lock(lines, self.folder)
        for name in REPORTS if (self.folder / "run.json").exists() else ():  # else they are somebody else's
            remove(self.folder / name)
        lines.truncate(0)
        self._lines = lines
        self._write_run()

    def again(self, words: list[str]) -> None:
        """These words try a purpose again; `{purpose}` stands for it."""
        self.run["again"] = words
        self._write_run()

    def profile(self, asked: dict[str, Any]) -> None:
        """This profile is what the run is about."""
        self.run["profile"] = asked
        self._write_run()

    def selected(self, count: int) -> None:
        """So many purposes will run."""
        self.run["selected"] = count
        self._write_run()

    def looked(self, looks: list[dict[str, Any]]) -> None:
        """What came of the ordinary handshakes before the purposes; each worker has made its own."""
        self.run["looks"] = [*self.run.get("looks", []), *looks]
        self._write_run()

    def add(self, record: dict[str, Any]) -> bool:
        """Append the record of a purpose; False if it stands there already, unless it comes of a later try."""
        before = self.records.get(record["purpose"])
        if before is not None and len(record["earlier"]) <= len(before["earlier"]):
            return False
        self.records[record["purpose"]] = record
        if record.get("device") and not self.run["device"]:
            self.run["device"] = record["device"]
            self._write_run()
        line = {key: value for key, value in record.items() if key != "device"}
        assert self._lines is not None
        self._lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._lines.flush()
        return True

    def finish(self, ending: Ending | None = None) -> None:
        """The run is over; without an ``ending`` it did not come to its end."""
        self.run["finished"] = timestamp() if ending is not None and ending.complete else None
        self.run["ended"] = ending.to_json() if ending is not None else None
        self._write_run()
        if self._lines is not None:
            self._lines.close()

    def _write_run(self) -> None:
        if self._lines is not None:
            write_text(self.folder / "run.json", json.dumps(self.run, indent=1, ensure_ascii=False) + "\n")


def must_be_free(folder: Path) -> None:
    """Raise OSError where another run writes into a folder just now."""
    try:
        with (folder / "results.jsonl").open("r+") as file:
            _lock(file, folder)
    except FileNotFoundError:
        return


def _lock(file: IO[str], folder: Path) -> None:
    """Nobody else may write into a file as long as it is open here. Raises OSError."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        why = "another run writes its results there; choose another folder with --out"
        raise OSError(error.errno, why, str(folder)) from None
    except OSError:
        return  # not every file system has locks
