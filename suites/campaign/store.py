"""The folder of a campaign: a journal that is only ever added to, and a folder for each finding.

Every line of the journal is on the disk before anything follows from it, and a finding's folder is made beside its
place and then moved there, so the campaign may be killed at any moment. A line that was half-written is cut off.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any

from suites.files import write_text

SCHEMA = 1
COMPACT_AT = 16 << 20
"""Octets of journal after which it is replaced by one line that says the same."""

MADE = ("finding.json", "test_finding.py", "backtrace.txt")
"""Files of a finding's folder that are made of the finding."""

Event = dict[str, Any]


_RETIRED = ".old"
"""How the name of a finding's folder ends while another one takes its place."""


class StoreError(Exception):
    """A folder cannot be used for a campaign: one line."""


class Store:
    """The folder of one campaign, open for writing; nobody else may write into it meanwhile."""

    def __init__(self, folder: Path) -> None:
        """Make the folder if it is not there. Raises StoreError, OSError."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.findings.mkdir(exist_ok=True)
        self._lock = (folder / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"{folder}: another campaign writes there; choose another folder with --out") from None
        self._tidy()
        self._journal: IO[bytes] | None = None
        self._compact_at = COMPACT_AT

    def _tidy(self) -> None:
        """Finish what a killed campaign was about to do to the folders of its findings: no finding is lost by it."""
        for one in self.findings.glob(".*"):
            place = self.findings / one.name.split(".")[1]
            if one.suffix == _RETIRED and not place.exists():
                one.rename(place)
            else:
                shutil.rmtree(one)

    @property
    def findings(self) -> Path:
        """Where the folders of the findings are."""
        return self.folder / "findings"

    @property
    def path(self) -> Path:
        """The journal."""
        return self.folder / "journal.jsonl"

    def events(self) -> Iterator[Event]:
        """What the journal has, from the beginning; cuts off what is half-written. Raises StoreError, OSError."""
        whole = 0
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if not line.endswith(b"\n"):
                        break
                    try:
                        event = json.loads(line)
                    except (ValueError, RecursionError):
                        raise StoreError(
                            f"{self.path} line {number}: no JSON, expected an event of a campaign"
                        ) from None
                    whole += len(line)
                    yield event
            os.truncate(self.path, whole)
        except FileNotFoundError:
            return

    def add(self, event: Event) -> None:
        """Append an event; when this returns it is on the disk. Raises OSError."""
        if self._journal is None:
            self._journal = self.path.open("ab")
        self._journal.write(_line(event))
        self._journal.flush()
        os.fdatasync(self._journal.fileno())

    def full(self) -> bool:
        """Whether it is time to `compact`."""
        return self._journal is not None and self._journal.tell() > self._compact_at

    def compact(self, event: Event) -> None:
        """Replace the journal by one event that says all of it. Raises OSError."""
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(_line(event))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        _sync(self.folder)
        if self._journal is not None:
            self._journal.close()
        self._journal = None
        self._compact_at = max(COMPACT_AT, 4 * self.path.stat().st_size)

    def save_finding(self, name: str, files: Mapping[str, bytes]) -> Path:
        """Put a finding's folder in place, whole, instead of one that was there. Raises OSError."""
        place = self.findings / name
        temporary = Path(mkdtemp(prefix=f".{name}.", dir=self.findings))
        for file, content in files.items():
            with (temporary / file).open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        temporary.chmod(0o755)
        retired = temporary.with_name(f"{temporary.name}{_RETIRED}")
        if place.exists():
            place.rename(retired)
        temporary.rename(place)
        _sync(self.findings)
        shutil.rmtree(retired, ignore_errors=True)
        return place

    def evidence(self, name: str) -> dict[str, bytes]:
        """What a finding's folder has beside what is made of the finding itself. Raises OSError."""
        place = self.findings / name
        found = [one for one in place.iterdir() if one.name not in MADE] if place.is_dir() else []
        return {one.name: one.read_bytes() for one in found}

    def drop_finding(self, name: str) -> None:
        """Remove a finding's folder: it has turned out to be another one."""
        shutil.rmtree(self.findings / name, ignore_errors=True)

    def write_json(self, name: str, value: Any) -> None:
        """Replace a file in one step. Raises OSError."""
        write_text(self.folder / name, json.dumps(value, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Let others write there."""
        if self._journal is not None:
            self._journal.close()
        self._lock.close()


def read_settings(folder: Path) -> dict[str, Any] | None:
    """What the campaign in a folder was started with, None where there is none. Raises StoreError, OSError."""
    path = folder / "campaign.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: no JSON: {error}") from None
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise StoreError(f"{path}: expected a campaign of schema {SCHEMA}")
    return told


def _line(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
