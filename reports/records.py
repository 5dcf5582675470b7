"""The values that every report is made of: a run and what became of each purpose."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path


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
    KNOWN = "known"
    PASS = "pass"
    NOT_APPLICABLE = "n/a"

    @property
    def heading(self) -> str:
        """What a group of such purposes is called."""
        return _HEADINGS[self]

    @property
    def slug(self) -> str:
        """The name without characters that an identifier cannot have."""
        return self.value.replace("/", "")


_HEADINGS = {
    Standing.FAIL: "Unexpected failures",
    Standing.INCONCLUSIVE: "Inconclusive",
    Standing.WARN: "Warnings",
    Standing.KNOWN: "Known deviations",
    Standing.PASS: "Passed",
    Standing.NOT_APPLICABLE: "Not applicable",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A known deviation of the device: why, until which day (ISO 8601) it counts as known, where to read of it."""

    reason: str
    until: str | None
    reference: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one purpose. ``role`` is that of the device, ``duration`` and ``waits`` are in seconds.

    ``requirement`` is the one that was broken; ``evidence`` is a folder relative to the results folder.
    """

    purpose: str
    title: str
    subject: str
    requirements: tuple[str, ...]
    level: str
    role: str
    tier: str
    verdict: Verdict
    known: Known | None
    unexpected: bool
    reason: str
    expected: str
    got: str
    requirement: str | None
    seed: int
    started: datetime
    duration: float
    waits: float
    module: str
    evidence: str | None

    @property
    def standing(self) -> Standing:
        """The verdict, with known deviations apart."""
        if (
            self.known is not None
            and not self.unexpected
            and self.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)
        ):
            return Standing.KNOWN
        return Standing(self.verdict.value)

    @property
    def label(self) -> str:
        """The verdict in words, such as `known fail`."""
        return f"known {self.verdict}" if self.standing is Standing.KNOWN else str(self.verdict)


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
class Run:
    """One run: when, against what, how. ``finished`` is None for one that was killed or still goes on."""

    started: datetime
    finished: datetime | None
    device: DeviceUnderTest
    command: tuple[str, ...]
    seed: int
    host: tuple[tuple[str, str], ...]
    selected: int


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
