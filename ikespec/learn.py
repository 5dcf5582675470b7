"""The part of the ``ikespec`` command that learns the state machine of a device, and compares it with others."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from peers.contract import Death, DeviceError
from peers.registry import open_device
from reports.errors import ReportError
from reports.learning import MACHINE, Beside, read_machine, write_machine, write_page
from suites.learning.alphabet import LETTERS
from suites.learning.asking import Asking, Limits
from suites.learning.learner import learn, named
from suites.learning.machine import Difference, Machine, Word
from suites.learning.record import Conversation, Record, RecordError, note

CONVERSATIONS = "conversations.jsonl"
SOME = 100
"""After so many conversations a line is printed where there is no terminal."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The command line: ``beside`` are devices, or files and folders of machines that were learned before.

    ``resume``: what the folder has of earlier conversations with the same devices counts.
    """

    dut: str
    beside: Sequence[str]
    seed: int
    limits: Limits
    resume: bool = False


def default_folder(word: str) -> Path:
    """A new folder for what is learned."""
    name = "".join(one if one.isalnum() or one in "-._@" else "-" for one in Path(word).name)
    return Path("results") / f"learn-{name}-{datetime.now():%Y%m%d-%H%M%S}"


def run(console: Console, wish: Wish, folder: Path) -> Machine:
    """Learn, compare, write. Raises DeviceError, ReportError, OSError, and what learning ends with."""
    known = {one: read_machine(Path(one)) for one in wish.beside if Path(one).exists() and not _is_device(one)}
    for word in wish.beside:
        if word not in known:
            open_device(word)  # to learn the first one takes long; a wrong word for the second is told before
    machine = _learned(console, wish.dut, wish, folder)
    found = []
    for number, word in enumerate(wish.beside, 1):
        other = known[word] if word in known else _learned(console, word, wish, folder / f"beside-{number}")
        beside = Beside.of(machine, other)
        beside = beside.without(_unseen(wish.dut, wish, [(one, one.first) for one in beside.differences]))
        if word not in known:
            beside = beside.without(_unseen(word, wish, [(one, one.second) for one in beside.differences]))
        found.append(beside)
        _tell(console, machine, beside)
    page = write_page(folder, machine, found, {one.name: one.text for one in LETTERS.values()})
    console.print(f"read {escape(str(page))}", highlight=False, soft_wrap=True)
    return machine


def _unseen(word: str, wish: Wish, expected: Sequence[tuple[Difference, Sequence[str]]]) -> list[Difference]:
    """Ask a device once more what tells it from another: those of the differences that it does not show."""
    if not expected:
        return []
    with open_device(word) as device:
        asking = Asking(device, wish.seed + 1, wish.limits)
        return [one for one, answers in expected if asking.ask(one.word) != list(answers)]


def _is_device(word: str) -> bool:
    return word.endswith(".toml")


def _learned(console: Console, word: str, wish: Wish, folder: Path) -> Machine:
    with open_device(word) as device, _Progress(console, word, wish.limits) as progress, ExitStack() as stack:
        record = Record(folder / CONVERSATIONS, named(device), {one.name: one.text for one in LETTERS.values()})
        known = _known(record) if wish.resume else []
        file = stack.enter_context(record.open(known))

        def heard(word: Word, answers: Sequence[str]) -> None:
            note(file, word, answers)
            progress.heard()

        asking = Asking(device, wish.seed, wish.limits, heard)
        asking.remember(known)
        machine = learn(device, asking)
        death: Death | None = device.obituary()
    if death is not None:
        raise DeviceError(word, f"died while it was asked: {death.words}")
    write_machine(folder, machine)
    console.print(
        f"{machine.device}: {len(machine.states)} states, {machine.queries} conversations in {machine.seconds:.0f} s; "
        f"{folder / MACHINE}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    for one in machine.wavering:
        console.print(f"not always the same answer: {one}", style="magenta", highlight=False, soft_wrap=True)
    if machine.unfinished:
        how = "goes on with --resume, as long as --queries and --time say"
        console.print(f"not finished: {machine.unfinished}; {how}", style="magenta", highlight=False, soft_wrap=True)
    return machine


def _known(record: Record) -> list[Conversation]:
    try:
        return record.read() if record.path.exists() else []
    except RecordError as error:
        raise ReportError(str(error)) from None


def _tell(console: Console, machine: Machine, other: Beside) -> None:
    text = f"beside {other.machine.device}: {len(other.differences)} differences"
    text += f", {len(other.doubtful)} more were not seen again" if other.doubtful else ""
    console.print(text, highlight=False, markup=False)
    for one in other.differences:
        console.print(
            f"  {' '.join(one.word)}: {one.first[-1]}, there {one.second[-1]}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


class _Progress:
    """A line that changes on a terminal, one plain line now and then elsewhere."""

    def __init__(self, console: Console, word: str, limits: Limits) -> None:
        self.console, self.word, self.count = console, word, 0
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} conversations"))
            self._bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
            self._task = self._bar.add_task(escape(word), total=limits.queries)

    def __enter__(self) -> "_Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def heard(self) -> None:
        """One more conversation."""
        self.count += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=self.count)
        elif self.count % SOME == 0:
            self.console.print(f"{self.word}: {self.count} conversations", highlight=False, markup=False)
