"""The part of the ``ikespec`` command that lets devices talk to each other: progress, the matrix, the exit code."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ikespec.progress import STYLES, tally
from reports.interop import Cell, InteropResults, write_interop
from reports.records import Standing
from suites.interop.matrix import Matrix, Member, members, select
from suites.interop.record import Record
from suites.interop.scenarios import SCENARIOS


def default_folder(devices: Sequence[Member]) -> Path:
    """A new results folder."""
    names = "-".join(one.label.replace("#", "-") for one in devices)
    return Path("results") / f"interop-{names}-{datetime.now():%Y%m%d-%H%M%S}"


def run(
    console: Console,
    words: Sequence[str],
    out: Path | None,
    patterns: Sequence[str],
    command: list[str],
    without: Sequence[str] = (),
    retry: int = 0,
) -> tuple[int, int]:
    """Run the matrix; how many results are unexpected and how many flaky.

    Raises DeviceError, TomlError, ReportError, OSError.
    """
    devices = members(words)
    folder = out or default_folder(devices)
    matrix = Matrix(devices, select(SCENARIOS, patterns, without), folder, retry=retry)
    progress = _Progress(console, matrix.total)
    with progress:
        for record in matrix.run(command):
            progress.add(record)
    results = write_interop(folder)
    console.print(matrix_table(results))
    for cell in results.cells.values():
        for line in failures(cell):
            console.print(line, highlight=False, soft_wrap=True)
    flaky = f"; {progress.flaky} flaky" if progress.flaky else ""
    console.print(f"{tally(progress.counts)}; {results.unexpected} unexpected{flaky}", highlight=False)
    console.print(f"read {escape(str(folder / 'interop.html'))}", highlight=False)
    return results.unexpected, progress.flaky


def show_scenarios(console: Console) -> None:
    """List what there is."""
    table = Table(box=None, pad_edge=False)
    for heading in ("scenario", "subject", "what happens"):
        table.add_column(heading)
    for one in SCENARIOS:
        table.add_row(one.id, one.subject, one.title)
    console.print(table)


def matrix_table(results: InteropResults) -> Table:
    """Who comes together with whom: a row for each initiator, a column for each responder, passed of those that ran."""
    labels = [one.label for one in results.participants]
    table = Table(title="initiator below, responder at the right", title_justify="left", title_style="dim")
    table.add_column("")
    for label in labels:
        table.add_column(escape(label), justify="right")
    for ours in labels:
        table.add_row(escape(ours), *(_cell(results.cells.get((ours, theirs))) for theirs in labels))
    return table


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    bad = cell.counts[Standing.FAIL] + cell.counts[Standing.INCONCLUSIVE]
    style = "red" if bad else "yellow" if cell.failures else "green"
    return f"[{style}]{cell.counts[Standing.PASS]}/{cell.total}[/{style}]"


def failures(cell: Cell) -> list[str]:
    """A line for each scenario that did not pass."""
    found = []
    for one in cell.failures:
        style = STYLES[one.verdict.value]
        known = f" (known deviation of {one.deviant}: {one.known.reason})" if one.known else ""
        text = f"{one.initiator} -> {one.responder}: {one.scenario}: {one.reason}{known}"
        found.append(f"[{style}]{one.verdict.value:<5}[/{style}] {escape(text)}")
    return found


class _Progress:
    """A bar and the surprises on a terminal, one plain line per scenario elsewhere."""

    def __init__(self, console: Console, total: int) -> None:
        self.console, self.total = console, total
        self.counts: Counter[str] = Counter()
        self.flaky = 0
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[tally]}"), console=console, transient=True)
            self._task = self._bar.add_task("starting the devices", total=total, tally="")

    def __enter__(self) -> "_Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def add(self, record: Record) -> None:
        """One more result."""
        self.counts[record.verdict.value] += 1
        self.flaky += record.flaky
        pair = f"{record.initiator} -> {record.responder}"
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=escape(pair), tally=tally(self.counts))
        if self._bar is None or record.unexpected or record.flaky:
            style = STYLES[record.verdict.value]
            known = " (known deviation)" if record.known else ""
            known += "".join(f" (flaky, before: {one['verdict']}: {one['reason']})" for one in record.earlier)
            text = f"{escape(pair):<28} {record.scenario:<26} {record.duration:6.2f} s  {escape(record.reason)}{known}"
            self.console.print(
                f"[{style}]{record.verdict.value:<12}[/{style}] {text.rstrip()}", highlight=False, soft_wrap=True
            )
