"""The loop of a campaign: cases are drawn and given to workers, what comes of them is written down, then learned."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from suites.campaign.bench import Batch, Done, Examine, Examined
from suites.campaign.case import Case, Outcome, Problem
from suites.campaign.findings import Finding, Script, Signature
from suites.campaign.knowledge import OURSELVES, Knowledge
from suites.campaign.saved import files_of
from suites.campaign.schedule import Drawn
from suites.campaign.store import Store, StoreError
from suites.campaign.workers import Finished, Lost, News, Pool
from suites.record import timestamp

LONGEST_EXAMINATION = 120.0
"""Seconds for the reduction of one finding, where time passes."""
SHARE = 0.3
"""The part of a campaign that may go to findings of which the device does not die; those are examined at once."""
ALIKE = 2
"""So many findings that may have one root are examined like others."""
SHARE_ALIKE = 0.05
"""The part of a campaign that may go to more of these."""
LONGEST_START = 180.0
"""Seconds that the first start of the device may take."""
UNDER_WAY = 4096
"""So many numbers of cases are passed over when a campaign goes on: some may have been run without anybody knowing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a campaign deals its work out: cases in a batch; whether time passes for the device."""

    batch: int
    real_time: bool

    @classmethod
    def of(cls, real_time: bool) -> Pace:
        """That for a device."""
        return cls(12 if real_time else 48, real_time)


class NoDevice(Exception):  # noqa: N818 - it says what there is
    """There is no device to go on with: one line."""


class Campaign:
    """A campaign in its folder.

    Attributes:
        known: what it knows.
        store: where that is written.
        device: name, version and place of the device, once a worker has said it.
    """

    def __init__(self, known: Knowledge, store: Store, pool: Pool, pace: Pace, *, stop_at: int = 0) -> None:
        """Take up what the store has. ``stop_at``: end with so many findings. Raises StoreError, OSError."""
        self.known, self.store, self.pool, self.pace, self.stop_at = known, store, pool, pace, stop_at
        self.device = ("", "", "")
        for number, event in enumerate(store.events(), 1):
            try:
                known.apply(event)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                why = f"no event of a campaign of this version: {type(error).__name__} {error}"
                raise StoreError(f"{store.path} line {number}: {why}") from None
        if known.drawn:
            known.drawn += UNDER_WAY
        known.schedule.skip_plain(known.schedule.samples)
        self._open: dict[int, tuple[Drawn, ...]] = {}
        self._again: deque[tuple[Drawn, ...]] = deque()
        self._examining: set[str] = set()
        self._spent = 0.0
        self._started_examining: dict[str, float] = {}
        self._numbers = 0
        self._began = time.monotonic() - known.seconds

    @property
    def seconds(self) -> float:
        """How long it has run, with what was before it was resumed."""
        return time.monotonic() - self._began

    @property
    def pending(self) -> list[Finding]:
        """Findings that nobody has examined yet: what is like nothing that was, then the worst first."""
        all_of_them = self.known.findings.values()
        known = Counter(one.kin for one in all_of_them if one.examined or one.id in self._examining)
        found = [one for one in all_of_them if not one.examined and one.id not in self._examining]
        return sorted(found, key=lambda one: (known[one.kin], one.signature.severity))

    @property
    def complete(self) -> bool:
        """Whether there are as many findings as were asked for."""
        return bool(self.stop_at) and sum(one.examined for one in self.known.findings.values()) >= self.stop_at

    # --- the loop -----------------------------------------------------------------------------------------------------

    def run(self, seconds: float, tick: Callable[[], None] = lambda: None) -> None:
        """Go on for so many seconds. Raises NoDevice, OSError; KeyboardInterrupt passes, and nothing is lost by it."""
        self._meet(tick)
        self._began = time.monotonic() - self.known.seconds
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.complete:
            while self.pool.room() > 0 and self._give(until - time.monotonic()):
                pass
            self._take(min(0.25, max(0.0, until - time.monotonic())))
            tick()
        self._drain(tick)

    def _meet(self, tick: Callable[[], None]) -> None:
        """Ask a worker what its device is, and to what states it can be brought."""
        until = time.monotonic() + LONGEST_START
        self._submit((), number=-1)
        while not self.device[0]:
            if time.monotonic() > until:
                raise NoDevice(f"the device was not started in {LONGEST_START:.0f} s")
            self._take(0.25)
            tick()

    def _drain(self, tick: Callable[[], None]) -> None:
        """Wait for what is under way; what does not come in time is not missed, for its cases are drawn at random."""
        until = time.monotonic() + (LONGEST_EXAMINATION / 4 if self.pace.real_time else 5.0)
        while (self._open or self._examining) and time.monotonic() < until and not self.complete:
            self._take(0.1)
            tick()

    def _give(self, left: float) -> bool:
        """One job to a worker."""
        worst = next(iter(self.pending), None)
        if worst is not None and self._may_examine(worst):
            self._examine(worst, left)
        elif self.stop_at and self._examining and len(self.known.findings) >= self.stop_at:
            return False
        elif self._again:
            self._submit(self._again.popleft())
        else:
            drawn = self.known.schedule.draw_all(self.known.drawn, self.pace.batch)
            self.known.drawn += len(drawn)
            self._submit(drawn)
        return True

    def _submit(self, drawn: Sequence[Drawn], number: int | None = None) -> None:
        samples = self.known.schedule.samples
        wanted = frozenset(at for at, one in enumerate(drawn) if _is_plain(one.case) and _key(one.case) not in samples)
        if number is None:
            self._numbers += 1
            number = self._numbers
        self._open[number] = tuple(drawn)
        self.pool.submit(Batch(number, tuple(one.case for one in drawn), wanted))

    def _take(self, seconds: float) -> None:
        for news in self.pool.wait(seconds):
            self._hear(news)
        if self.store.full():
            self.store.compact(self.known.whole())

    def _hear(self, news: News) -> None:
        match news:
            case Finished(Batch() as job, Done() as done):
                self._done(job, done)
            case Finished(Examine() as job, Examined() as examined):
                self._examined(job, examined)
            case Lost(Batch() as job, words, at):
                self._lost_batch(job, words, at)
            case Lost(Examine() as job, words, _):
                remark = f"{words}, when it was examined"
                self._examined(job, Examined(replace(job.finding, examined=True, remark=remark)))
            case _:
                if not self.pool.workers():
                    raise NoDevice(getattr(news, "words", "no worker is left"))

    # --- batches ------------------------------------------------------------------------------------------------------

    def _done(self, job: Batch, done: Done) -> None:
        drawn = self._open.pop(job.number)
        if done.device[0]:
            if not self.device[0]:
                self.known.schedule.claim(done.states)
            self.device = done.device
        ran = list(zip(drawn, done.results, strict=False))
        if not ran:
            return
        for one, result in ran:
            for problem in result.outcome.problems:
                self._found(problem, one.case, done)
        told = [(one, result.outcome, result.seconds, result.error) for one, result in ran]
        self._learn(told)
        if len(ran) < len(drawn):
            self._again.append(drawn[len(ran) :])

    def _learn(self, told: Sequence[tuple[Drawn, Outcome, float, str]]) -> None:
        event = self.known.batch(told, self.seconds)
        self.store.add(event)
        self.known.apply(event)

    def _lost_batch(self, job: Batch, words: str, at: int) -> None:
        """A worker is gone: the case that it ran is to blame, the others are run again."""
        drawn = self._open.pop(job.number)
        if not 0 <= at < len(drawn) and len(drawn) != 1:  # nobody knows which: each half is tried by itself
            half = len(drawn) // 2
            self._again.extend(part for part in (drawn[:half], drawn[half:]) if part)
            return
        at = max(at, 0)
        guilty = drawn[at]
        problem = Problem("hang", "the worker that ran it was lost", words)
        self._found(problem, guilty.case, Done((), self.device))
        self._learn([(guilty, Outcome(problems=(problem,), kept=False), 1.0, "")])
        rest = drawn[:at] + drawn[at + 1 :]
        if rest:
            self._again.append(rest)

    def _found(self, problem: Problem, case: Case, done: Done) -> None:
        """Put a finding on record, if it is a new one, before anything else is done."""
        key = Signature.of(problem, case.state).id
        if key in self.known.findings or problem.oracle == OURSELVES:
            return
        finding = Finding(
            problem,
            case.state,
            (case,),
            self.device,
            after=self.seconds,
            cases=self.known.cases,
            found=timestamp(),
            datagrams=len(case.steps),
        )
        self._save(finding, done.files)
        event = {"t": "finding", "finding": finding.to_json(), "before": [one.to_json() for one in done.before]}
        self.store.add(event)
        self.known.apply(event)

    def _save(self, finding: Finding, evidence: Mapping[str, bytes]) -> None:
        self.store.save_finding(finding.id, files_of(finding, evidence))

    # --- examinations -------------------------------------------------------------------------------------------------

    def _may_examine(self, finding: Finding) -> bool:
        if len(self._examining) >= self.pool.workers():
            return False
        examined = (one for one in self.known.findings.values() if one.examined or one.id in self._examining)
        if sum(one.kin == finding.kin for one in examined) >= ALIKE:
            return self._spent <= SHARE_ALIKE * self.seconds
        return finding.severe or bool(self.stop_at) or self._spent <= SHARE * self.seconds

    def _examine(self, finding: Finding, left: float) -> None:
        self._examining.add(finding.id)
        self._started_examining[finding.id] = time.monotonic()
        before: Script = self.known.before.get(finding.id, ())
        seconds = min(LONGEST_EXAMINATION, max(left, LONGEST_EXAMINATION / 4))
        self.pool.submit(Examine(finding, before, seconds))

    def _examined(self, job: Examine, examined: Examined) -> None:
        old, finding = job.finding, examined.finding
        self._examining.discard(old.id)
        self._spent += time.monotonic() - self._started_examining.pop(old.id, time.monotonic())
        known = self.known.findings.get(finding.id)
        if finding.id == old.id or known is None or not known.examined:
            evidence = examined.files or self.store.evidence(old.id)
            self._save(finding, evidence)
        event = {"t": "examined", "id": old.id, "finding": finding.to_json()}
        self.store.add(event)
        self.known.apply(event)
        if finding.id != old.id:
            self.store.drop_finding(old.id)


def _is_plain(case: Case) -> bool:
    return len(case.steps) == 1 and not case.steps[0].mutations and not case.steps[0].content


def _key(case: Case) -> tuple[str, str]:
    return case.state, case.steps[0].kind
