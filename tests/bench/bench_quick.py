"""Where the time of a quick run on the built-in device goes: ``python -m tests.bench.bench_quick``.

One process, one worker. CPU time is split into the purposes (with start and collection), their evidence, and the
reports; wall-clock time is that of all from the first import on.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

_BEGIN = time.time()

import reports  # noqa: E402
from ikespec.cli import app  # noqa: E402
from suites import evidence  # noqa: E402

SHARE = 0.25
"""Evidence and reports may have this part of a run."""
WALL = 12.0
"""Seconds that the whole may take."""


class Clock:
    """CPU seconds by what they went into."""

    def __init__(self) -> None:
        self.spent = {"evidence": 0.0, "reports": 0.0}

    def timed(self, what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, its time counted."""

        def wrapped(*given: Any, **named: Any) -> Any:
            begin = time.process_time()
            try:
                return call(*given, **named)
            finally:
                self.spent[what] += time.process_time() - begin

        return wrapped


def main() -> None:
    """Print the table."""
    clock = Clock()
    with (
        TemporaryDirectory() as folder,
        mock.patch.object(evidence, "write", clock.timed("evidence", evidence.write)),
        mock.patch.object(reports, "write_all", clock.timed("reports", reports.write_all)),
    ):
        sys.stdout, terminal = (Path(folder) / "output").open("w"), sys.stdout
        try:
            app(["run", "-n", "1", "--out", str(Path(folder) / "results"), *sys.argv[1:]], standalone_mode=False)
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.close()
            sys.stdout = terminal
        records = (Path(folder) / "results" / "results.jsonl").read_text().splitlines()
    _print(clock, len(records), code)


def _print(clock: Clock, count: int, code: object) -> None:
    total, wall = time.process_time(), time.time() - _BEGIN
    rest = total - sum(clock.spent.values())
    share = (clock.spent["evidence"] + clock.spent["reports"]) / total
    print(f"{count} purposes, exit code {code}")
    for what, seconds in (("purposes, start and collection", rest), *clock.spent.items(), ("all", total)):
        print(f"{what:<44}{seconds:9.2f} s of CPU{seconds / total:9.0%}")
    print(f"{f'evidence and reports (at most {SHARE:.0%})':<44}{share:9.0%}")
    print(f"{f'wall clock (at most {WALL:.0f} s)':<44}{wall:9.1f} s")


if __name__ == "__main__":
    main()
