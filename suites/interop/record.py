"""The results folder of ``ikespec interop``: ``interop.json`` for the run, a line of ``interop.jsonl`` per scenario."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from suites.files import remove, write_text
from suites.record import made_on, timestamp

SCHEMA = 1


class Verdict(StrEnum):
    """What came of a scenario between two devices."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one scenario in one cell of the matrix. Times in seconds, ``started`` is UNIX time.

    ``steps`` are objects with ``text``, ``problem`` and ``seconds``. ``known`` is the known deviation that explains a
    failure, with the ``device`` that has it; ``unexpected`` counts for the exit code. ``earlier`` are ``verdict``,
    ``reason`` and ``evidence`` of earlier tries; what failed unexpectedly first and does not now is ``flaky``.
    ``evidence`` is a folder below the results folder.
    """

    scenario: str
    title: str
    subject: str
    initiator: str
    responder: str
    verdict: Verdict
    reason: str
    started: float
    duration: float
    steps: tuple[dict[str, Any], ...] = ()
    traffic: bool = False
    decrypted: bool = False
    known: dict[str, Any] | None = None
    unexpected: bool = False
    flaky: bool = False
    earlier: tuple[dict[str, Any], ...] = ()
    evidence: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON."""
        return {"schema": SCHEMA, **asdict(self), "verdict": self.verdict.value}


@dataclass(slots=True)
class InteropFolder:
    """Writes a results folder as the run goes: what was written stays, whenever the run is killed. Raises OSError."""

    folder: Path
    command: Sequence[str]
    selected: int
    devices: list[dict[str, Any]]
    started: str = field(default_factory=timestamp)

    def open(self) -> None:
        """Make the folder, with no results in it, nor the page of earlier ones."""
        self.folder.mkdir(parents=True, exist_ok=True)
        remove(self.folder / "interop.html")
        (self.folder / "interop.jsonl").write_text("", encoding="utf-8")
        self._write(None)

    def add(self, record: Record) -> None:
        """Append a result."""
        with (self.folder / "interop.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record.to_json(), ensure_ascii=False) + "\n")

    def finish(self) -> None:
        """All is done."""
        self._write(timestamp())

    def _write(self, finished: str | None) -> None:
        run = {
            "schema": SCHEMA,
            "started": self.started,
            "finished": finished,
            "devices": self.devices,
            "command": list(self.command),
            "selected": self.selected,
            "host": made_on(),
        }
        write_text(self.folder / "interop.json", json.dumps(run, ensure_ascii=False, indent=1) + "\n")
