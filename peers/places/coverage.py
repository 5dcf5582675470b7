"""Which places of its code a daemon runs, where somebody has built it to say so (``peers/shim/coverage.c``)."""

from pathlib import Path

VARIABLE = "IKESPEC_COVERAGE"
"""The variable that names the file to the library."""
PLACES = 1 << 18
"""Octets of the file, one for each place; those of a large daemon share a few."""
_FILE = "coverage"


def environment(directory: str) -> dict[str, str]:
    """The variable that makes a daemon count into ``directory``, as it sees it; others do not heed it."""
    return {VARIABLE: f"{directory}/{_FILE}"}


def taken(directory: Path) -> bytes:
    """One octet for each place, not 0 where it was reached since this was asked last; empty where none is counted.

    Never raises.
    """
    try:
        with (directory / _FILE).open("r+b", buffering=0) as file:
            found = file.read(PLACES)
            if found.strip(b"\0"):
                file.seek(0)
                file.write(bytes(len(found)))
    except OSError:
        return b""
    return found
