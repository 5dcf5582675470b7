"""Results that are not for everybody: what looks like an unfixed security bug of somebody's software.

See ``docs/disclosure.md``. The results folder then has the verdict only; everything else stays away, or goes to another
folder of the same kind that only its owner can read.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from suites.record import Record, ResultsFolder

UNDER_EMBARGO = "under embargo"
PRIVATE = "private: see the file with the reasons of private deviations"


def folder(config: pytest.Config) -> Path | None:
    """Where the evidence of purposes under embargo goes, None if nowhere."""
    found = config.getoption("--embargo-to")
    return Path(found) if found else None


def open_folder(config: pytest.Config, command: list[str]) -> ResultsFolder | None:
    """The results folder for purposes under embargo, None if there is none. Raises OSError."""
    found = folder(config)
    if found is None:
        return None
    found.mkdir(parents=True, exist_ok=True)
    found.chmod(0o700)
    return ResultsFolder(found, command, config.getoption("--ike-seed"))


def public(record: Record) -> Record:
    """What everybody may read of a record: that there is one, and its verdict."""
    return replace(
        record, kind="", reason=UNDER_EMBARGO, expected="", got="", requirement=None, evidence=None, earlier=[],
        embargo=True, watched=[], tried=[],
    )  # fmt: skip
