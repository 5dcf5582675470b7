"""What a run shows while it goes: a bar and the surprises on a terminal, one plain line per purpose elsewhere."""

import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
import xdist.dsession  # type: ignore[import-untyped]
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from suites.ending import Ending
from suites.interrupts import Terminated

STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "bold magenta", "warn": "yellow", "n/a": "dim"}


def tally(counts: Counter[str]) -> str:
    """Counts of verdicts in words: ``81 pass, 2 warn``."""
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict]) or "nothing yet"


class Screen(Console):
    """A console that goes on in silence when nobody reads any more: what counts is in the results folder."""

    def on_broken_pipe(self) -> None:
        """``ikespec run | head -1``."""
        self.quiet = True
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class RunProgress:
    """A pytest plugin in place of pytest's terminal reporter.

    ``ending`` is how the run ended, None if it was interrupted. ``stopped`` is why a run ended early, empty if it did
    not; ``signal`` is the one that did it, if one did.
    """

    def __init__(self, console: Console) -> None:
        """Show on ``console``; a terminal gets the bar."""
        self.console = console
        self.counts: Counter[str] = Counter()
        self.ending: Ending | None = None
        self.stopped = ""
        self.signal: signal.Signals | None = None
        self._bar: Progress | None = None
        self._seen: dict[str, str] = {}
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[tally]}"), console=console, transient=True)
            self._task = self._bar.add_task("purposes", total=None, tally="")

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take the place of pytest's reporter, whose options are still understood."""
        config.pluginmanager.unregister(name="terminalreporter")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The number of purposes is known."""
        self._total(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """A worker of pytest-xdist knows the number of purposes."""
        self._total(len(ids))

    def _total(self, count: int) -> None:
        if self._bar is not None and count:
            self._bar.start()
            self._bar.update(self._task, total=count)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A purpose has its verdict."""
        for record in (getattr(report, "ikespec", None), *getattr(report, "ikespec_amended", ())[:1]):
            if record is not None and (record["purpose"] not in self._seen or record["earlier"]):
                self._take(record)

    def _take(self, record: dict[str, Any]) -> None:
        verdict, before = record["verdict"], self._seen.get(record["purpose"])
        self._seen[record["purpose"]] = verdict
        self.counts[verdict] += 1
        if before is not None:
            self.counts[before] -= 1
        if self._bar is not None:
            self._bar.update(self._task, advance=int(before is None), tally=tally(self.counts))
        if self._bar is None or record["unexpected"] or verdict == "warn" or _remark(record):
            self.console.print(_line(record), highlight=False, soft_wrap=True)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module of the suites that cannot be read."""
        if report.failed:
            self.console.print(escape(str(report.longrepr)), highlight=False, soft_wrap=True)

    def pytest_internalerror(self, excrepr: object, excinfo: pytest.ExceptionInfo[BaseException]) -> bool | None:
        """An error of ours outside of any purpose, or a results folder that takes no more."""
        if isinstance(excinfo.value, OSError) and excinfo.value.strerror:
            where = excinfo.value.filename or "the results"
            self.stopped = f"{where}: {excinfo.value.strerror}"
            return True
        self.console.print(escape(str(excrepr)), highlight=False, soft_wrap=True)
        return None

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C, or the device cannot be used."""
        value = excinfo.value
        if isinstance(value, pytest.exit.Exception):
            self.stopped = value.msg
        elif isinstance(value, pytest.Session.Interrupted | xdist.dsession.Interrupted):
            self.stopped = str(value)  # pytest-xdist ends so at --max-fail
        else:
            self.signal = signal.SIGTERM if isinstance(value, Terminated) else signal.SIGINT
            self.stopped = "terminated" if isinstance(value, Terminated) else "interrupted"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """The run is over."""
        from suites.session import SESSION

        ours = session.config.stash.get(SESSION, None)
        if ours is not None:
            self.ending = ours.ending
            if ours.stopped:  # pytest-xdist ends what one worker gives up as if somebody had interrupted it
                self.stopped, self.signal = ours.stopped, None
        if self._bar is not None:
            self._bar.stop()


def _line(record: dict[str, Any]) -> str:
    style = STYLES[record["verdict"]]
    text = f"[{style}]{record['verdict']:<12}[/{style}] {escape(record['purpose']):<36} {record['duration']:7.3f} s"
    reason = f"{escape(record['reason'])}{_remark(record)}"
    if record["unexpected"] or record["verdict"] == "warn":
        where = f" ({record['requirement']})" if record["requirement"] else ""
        return f"{text}\n{'':13}{escape(record['title'])}\n{'':13}{reason}{where}"
    return f"{text}  {reason}".rstrip()


def _remark(record: dict[str, Any]) -> str:
    """What is to be said of a record beside its reason."""
    remarks = {
        "known deviation": record["known"],
        "a known deviation that no longer happens": record["fixed"],
        "flaky: failed before": record["flaky"],
    }
    return "".join(f" ({text})" for text, holds in remarks.items() if holds)
