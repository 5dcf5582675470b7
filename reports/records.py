"""The values that every report is made of: a run and what became of each purpose."""

import shlex
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from suites.judge import Kind
from suites.tried import Tried


class Verdict(StrEnum):
    """The verdict on one purpose."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    WARN = "warn"
    NOT_APPLICABLE = "n/a"


class Standing(StrEnum):
    """A verdict together with what was known before; in the order in which a reader wants to see them."""

    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    WARN = "warn"
    FLAKY = "flaky"
    """It failed, and passed when it was tried again."""
    FIXED = "fixed"
    """It passed although a known deviation is written down."""
    KNOWN = "known"
    PASS = "pass"
    NOT_APPLICABLE = "n/a"

    @property
    def passed(self) -> bool:
        """Whether the verdict is *pass*."""
        return self in (Standing.PASS, Standing.FLAKY, Standing.FIXED)

    @property
    def label(self) -> str:
        """What a purpose of it is called."""
        return {"known": "known deviation", "fixed": "fixed deviation"}.get(self.value, self.value)

    @property
    def slug(self) -> str:
        """The name without characters that an identifier cannot have."""
        return self.value.replace("/", "")


@dataclass(frozen=True, slots=True)
class Known:
    """A known deviation of the device: why, until which day (ISO 8601) it counts as known, where to read of it.

    ``purpose`` is the pattern that it was written down for, empty if that is not known.
    """

    reason: str
    until: str | None
    reference: str
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Try:
    """What came of an earlier try of a purpose in the same run."""

    verdict: Verdict
    reason: str
    requirement: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one purpose. ``role`` is that of the device, ``duration`` and ``waits`` are in seconds.

    ``kind`` is the sort of trouble. ``requirement`` is the one that was broken; ``evidence`` is a folder relative to
    the results folder. ``known`` explains the verdict, ``fixed`` is a known deviation that did not happen. ``flaky``:
    a later try went well, ``earlier`` did not. ``watched`` are requirements that invariants found kept in it, ``tried``
    is what was sent and what became of it, None in what earlier versions wrote. Of a purpose under ``embargo`` only the
    verdict is told.
    """

    purpose: str
    title: str
    subject: str
    requirements: tuple[str, ...]
    level: str
    role: str
    tier: str
    verdict: Verdict
    kind: Kind
    known: Known | None
    fixed: Known | None
    unexpected: bool
    flaky: bool
    earlier: tuple[Try, ...]
    embargo: bool
    reason: str
    expected: str
    got: str
    requirement: str | None
    watched: tuple[str, ...]
    seed: int
    started: datetime
    duration: float
    waits: float
    module: str
    evidence: str | None
    tried: tuple[Tried, ...] | None = None

    @property
    def standing(self) -> Standing:
        """The verdict, with what was known before and earlier tries apart."""
        if self.verdict is Verdict.PASS:
            if self.flaky:
                return Standing.FLAKY
            return Standing.PASS if self.fixed is None else Standing.FIXED
        if self.known is not None and not self.unexpected and self.verdict is not Verdict.NOT_APPLICABLE:
            return Standing.KNOWN
        return Standing(self.verdict.value)

    @property
    def label(self) -> str:
        """The verdict in words, such as `known fail`."""
        if self.standing is Standing.KNOWN:
            return f"known {self.verdict}"
        if self.verdict is Verdict.FAIL and self.kind in (Kind.CRASH, Kind.HANG, Kind.BYPASS):
            return str(self.kind)
        return str(self.standing)


@dataclass(frozen=True, slots=True)
class DeviceUnderTest:
    """The device that was tested; empty strings where no device was started."""

    name: str
    version: str
    backend: str
    capabilities: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """Name and version."""
        return " ".join(part for part in (self.name, self.version) if part) or "no device"


@dataclass(frozen=True, slots=True)
class Asked:
    """An activity of a profile: what is tried, by which purposes, and what a person has to do."""

    id: str
    text: str
    purposes: tuple[str, ...]
    by_hand: str


@dataclass(frozen=True, slots=True)
class AskedProfile:
    """The profile that a run was about."""

    title: str
    activities: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: when, against what, how. ``finished`` is None for one that was killed or still goes on.

    ``again`` are the words of a command that tries a purpose again, with `{purpose}` in its place; empty if not known.
    ``why`` is why the run ended as it did, empty where there is nothing to say.
    ``profile`` is what it was asked for, None where that was no profile.
    """

    started: datetime
    finished: datetime | None
    device: DeviceUnderTest
    command: tuple[str, ...]
    seed: int
    host: tuple[tuple[str, str], ...]
    selected: int
    again: tuple[str, ...] = ()
    why: str = ""
    profile: AskedProfile | None = None


@dataclass(frozen=True)
class Results:
    """A results folder. ``cut`` says that the last line was half-written, as a killed run leaves it."""

    folder: Path
    run: Run
    results: tuple[Result, ...]
    cut: bool

    @cached_property
    def by_purpose(self) -> dict[str, Result]:
        """The results by the identifier of their purpose."""
        return {result.purpose: result for result in self.results}

    @cached_property
    def groups(self) -> dict[Standing, list[Result]]:
        """The results by standing, worst first, and within it by subject and purpose; no empty groups."""
        found: dict[Standing, list[Result]] = {}
        for standing in Standing:
            members = [result for result in self.results if result.standing is standing]
            if members:
                found[standing] = sorted(members, key=lambda one: (one.subject, one.purpose))
        return found

    @cached_property
    def counts(self) -> dict[Standing, int]:
        """How many results have each standing; every standing is there."""
        return {standing: len(self.groups.get(standing, ())) for standing in Standing}

    def again(self, purpose: str) -> str:
        """A command for a shell that tries a purpose again as it was tried."""
        return shlex.join(word.replace("{purpose}", purpose) for word in self.run.again or _guess(self.run))

    @property
    def unexpected(self) -> int:
        """How many results count for the exit code."""
        return sum(result.unexpected for result in self.results)

    @property
    def missing(self) -> int:
        """How many selected purposes have no result, because the run did not come to its end."""
        return max(0, self.run.selected - len(self.results))

    @property
    def seconds(self) -> float:
        """How long the run took; for one that did not end, what its purposes took."""
        if self.run.finished is not None:
            return (self.run.finished - self.run.started).total_seconds()
        return sum(result.duration for result in self.results)


def _guess(run: Run) -> list[str]:
    """A command for a run that has not written down how it is done again: the device and the seed at least."""
    words = ["ikespec", "run", "{purpose}", "--seed", str(run.seed)]
    given = [word for before, word in zip(run.command, run.command[1:], strict=False) if before == "--dut"]
    given += [word.removeprefix("--dut=") for word in run.command if word.startswith("--dut=")]
    return words + (["--dut", given[-1]] if given else [])
