"""What one worker does with its device: it runs batches of cases, and examines what they have found."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType, TracebackType
from typing import Protocol, Self

from peers.contract import DeviceError
from suites.campaign.case import Case, Outcome, Problem
from suites.campaign.findings import Finding, Script, Signature
from suites.campaign.reduce import Reducer, Simpler

REMEMBERED = 64
"""So many cases before one that finds something may be needed to find it again."""
TRIES = 10
"""How often a finding is reproduced at the end, to know its rate."""


class Running(Protocol):
    """What a worker needs of `suites.campaign.runner.Runner`."""

    def run(self, case: Case, *, fresh: bool = False, asked: str = "") -> Outcome:
        """Run a case: see `Runner.run`. Raises DeviceError where the device cannot be brought back."""

    def evidence(self) -> Mapping[str, bytes]:
        """Capture, keys, trace, transcript, log and the last datagrams, as they are now, by the names of the files."""

    @property
    def device(self) -> tuple[str, str, str]:
        """Its name, version and where it runs."""

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states that it can be brought to."""

    @property
    def real_time(self) -> bool:
        """Whether time passes for the device as it does for us."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Rig:
    """What a worker is set up with: the device by its word, who runs cases on it, the most seconds for a case."""

    word: str
    seed: int
    make: Callable[[str, int], Running]
    simpler: Simpler
    limit: float = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case: ``seconds`` are 0 where no real time passes; ``error`` is one of ours, in one line."""

    outcome: Outcome
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Cases to be run, in order. ``wanted`` are the numbers of those whose messages are to be shown."""

    number: int
    cases: tuple[Case, ...]
    wanted: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of the first cases of a batch.

    ``states`` are those that the device can be brought to. It ends early where something is found that this worker has
    not found yet, so that it is on record at once; then ``before`` are the cases that the device has seen before the
    last one, and ``files`` the evidence of it.
    """

    results: tuple[Result, ...]
    device: tuple[str, str, str]
    states: tuple[str, ...] = ()
    before: Script = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examine:
    """A finding to be reproduced and reduced, with the cases before it; at most so many seconds and replays."""

    finding: Finding
    before: Script = ()
    seconds: float = 120.0
    replays: int = 400


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of that. ``files`` are the evidence, none where it did not happen again."""

    finding: Finding
    files: Mapping[str, bytes] = field(default_factory=dict)


class TooLong(BaseException):
    """A case takes longer than it may."""


class Bench:
    """A device with all that is remembered of what was done to it. Closed by `close`."""

    def __init__(self, rig: Rig, beat: Callable[[int], None] = lambda at: None) -> None:
        """``beat`` is called before each case with its number in the batch, -1 for a replay."""
        self.rig, self._beat = rig, beat
        self._runner: Running | None = None
        self._recent: deque[Case] = deque(maxlen=REMEMBERED)
        self._reported: set[str] = set()

    def runner(self) -> Running:
        """The runner, opened if it is not. Raises DeviceError."""
        if self._runner is None:
            runner = self.rig.make(self.rig.word, self.rig.seed)
            runner.__enter__()
            self._runner = runner
            self._recent.clear()
        return self._runner

    def close(self) -> None:
        """Stop the device."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.__exit__(None, None, None)

    def run(self, case: Case, *, fresh: bool = False, asked: str = "") -> Result:
        """Run one case: see `Runner.run`. Raises DeviceError where there is no device any more."""
        runner = self.runner()
        started = time.monotonic()
        try:
            with _limited(self.rig.limit, real_time=runner.real_time):
                outcome = runner.run(case, fresh=fresh, asked=asked)
        except TooLong as error:
            where = _where(error)
            self._drop()
            problem = Problem("hang", "no end", f"the case was given up after {self.rig.limit:g} s in {where}")
            return Result(Outcome(problems=(problem,), kept=False), self.rig.limit)
        except DeviceError:
            self._drop()
            raise
        except Exception as error:  # whatever it is, it must not end a campaign of days
            said = f"{type(error).__name__}: {error} ({_where(error)})"
            self._drop()
            return Result(Outcome(kept=False), time.monotonic() - started, " ".join(said.split())[:500])
        return Result(outcome, time.monotonic() - started if runner.real_time else 0.0)

    def _drop(self) -> None:
        """Nobody knows what the runner holds now: take a new one for the next case."""
        runner, self._runner = self._runner, None
        if runner is not None:
            try:
                runner.__exit__(None, None, None)
            except Exception:
                traceback.print_exc()

    def batch(self, job: Batch) -> Done:
        """Run cases until something new is found. Raises DeviceError."""
        results: list[Result] = []
        states = self.runner().states
        for at, case in enumerate(job.cases):
            self._beat(at)
            result = self.run(case)
            shown = result if at in job.wanted else replace(result, outcome=replace(result.outcome, sent=()))
            results.append(shown)
            new = {Signature.of(one, case.state).id for one in result.outcome.problems} - self._reported
            if new:
                self._reported |= new
                before = tuple(self._recent)
                self._recent.clear()
                return Done(tuple(results), self.device, states, before, self.evidence())
            self._recent.append(case)
        return Done(tuple(results), self.device, states)

    @property
    def device(self) -> tuple[str, str, str]:
        """Name, version and place of the device, empty where there is none just now."""
        return self._runner.device if self._runner is not None else ("", "", "")

    def evidence(self) -> Mapping[str, bytes]:
        """What there is to be seen of the last case."""
        return self._runner.evidence() if self._runner is not None else {}

    # --- findings ----------------------------------------------------------------------------------------------------

    def shows(self, script: Script, wanted: Finding) -> Shown | None:
        """What a script shows on a fresh device, if it is this finding, in whatever state. Raises DeviceError."""
        sent = 0
        for number, case in enumerate(script):
            self._beat(-1)
            outcome = self.run(case, fresh=number == 0, asked=wanted.problem.oracle).outcome
            sent += outcome.datagrams
            for one in outcome.problems:
                if Signature.of(one, wanted.state) == wanted.signature:
                    return Shown(one, case.state, sent)
        return None

    def examine(self, job: Examine) -> Examined:
        """Reproduce a finding, reduce it, and see how often it happens. Raises DeviceError."""
        finding, until = job.finding, time.monotonic() + job.seconds

        def still(script: Script) -> int | None:
            shown = self.shows(script, finding) if time.monotonic() < until else None
            return None if shown is None else shown.datagrams

        candidates = [one for one in _candidates(finding.script, job.before) for _ in range(2)]
        script = next((one for one in candidates if still(one) is not None), None)
        if script is None:
            remark = "it did not happen again; history.pcapng has the last datagrams before it"
            return Examined(replace(finding, examined=True, tries=len(candidates), happened=0, remark=remark))
        reducer = Reducer(still, self.rig.simpler, job.replays)
        small = reducer.reduce(script)
        found = self._tried(small, finding)
        if found.shown is None and small != script:
            small, found = script, self._tried(script, finding)
        remarks = ["it does not happen each time"] * (found.happened < found.tries)
        remarks += ["the time for its reduction was over"] * (time.monotonic() > until)
        finding = replace(finding, script=small, examined=True, tries=found.tries, happened=found.happened)
        if found.shown is not None:
            shown = found.shown
            finding = replace(finding, problem=shown.problem, state=shown.state, datagrams=shown.datagrams)
        return Examined(replace(finding, replays=reducer.replays, remark="; ".join(remarks)), found.files)

    def _tried(self, script: Script, wanted: Finding) -> _Tried:
        found = _Tried()
        for found.tries in range(1, TRIES + 1):
            shown = self.shows(script, wanted)
            if shown is not None:
                found.happened, found.shown, found.files = found.happened + 1, shown, found.files or self.evidence()
        return found


@dataclass(frozen=True, slots=True)
class Shown:
    """What a script has shown: the problem, in which state, and how many datagrams of ours that took."""

    problem: Problem
    state: str
    datagrams: int


@dataclass(slots=True)
class _Tried:
    tries: int = 0
    happened: int = 0
    shown: Shown | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


def _candidates(script: Script, before: Sequence[Case]) -> Iterator[Script]:
    """The script alone, then behind more and more of what was before."""
    yield script
    count = 1
    while count < 2 * len(before):
        yield (*before[-count:], *script)
        count *= 2


def _where(error: BaseException) -> str:
    """The function in which it was raised, as one of the device's or ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if one.name not in ("_late", "run", "batch")]
    return f"{ours[-1].name}, {ours[-1].filename.rsplit('/', 1)[-1]}:{ours[-1].lineno}" if ours else "?"


@contextmanager
def _limited(seconds: float, *, real_time: bool) -> Iterator[None]:
    """Raise TooLong inside of ``with`` after so many seconds; nothing but the main thread can be interrupted so.

    Where no real time passes for the device it computes in this process: CPU time counts, a busy machine is no hang.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def _late(number: int, frame: FrameType | None) -> None:
        raise TooLong

    number, timer = (
        (signal.SIGALRM, signal.ITIMER_REAL) if real_time else (signal.SIGPROF, signal.ITIMER_PROF)
    )  # fmt: skip
    before = signal.signal(number, _late)
    signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)
