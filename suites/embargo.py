"""Results that are not for everybody: what looks like an unfixed security bug of somebody's software.

See ``docs/disclosure.md``. The results folder then has the verdict only; everything else stays away, or goes to another
folder of the same kind that only its owner can read.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from suites.record import Record, ResultsFolder, must_be_free

UNDER_EMBARGO = "under embargo"
PRIVATE = "private: see the file with the reasons of private deviations"


def folder(config: pytest.Config) -> Path | None:
    """Where the evidence of purposes under embargo goes, None if nowhere."""
    found = config.getoption("--embargo-to")
    return Path(found) if found else None


def results(config: pytest.Config, command: list[str], public: Path) -> ResultsFolder | None:
    """The results folder for purposes under embargo, None if there is none.

    Raises ValueError where it is the ``public`` one, OSError where another run writes into it.
    """
    found = folder(config)
    if found is None:
        return None
    if found.resolve() == public.resolve():
        raise ValueError(f"--embargo-to {found}: is the folder of all results, expected another one")
    must_be_free(found)
    return ResultsFolder(found, command, config.getoption("--ike-seed"), private=True)


def public(record: Record) -> Record:
    """What everybody may read of a record: that there is one, and its verdict."""
    return replace(
        record, kind="", reason=UNDER_EMBARGO, expected="", got="", requirement=None, evidence=None, earlier=[],
        embargo=True, watched=[], tried=[],
    )  # fmt: skip
