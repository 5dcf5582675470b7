"""Results by what a reader wants to know first, with what has one root told once.

A device that breaks one rule fails many purposes. Those are one finding: the purposes in which the same check of the
same requirement failed, or which the same known deviation explains, or which are not judged for the same reason.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reports.records import Result, Results, Standing
from suites.judge import Kind


@dataclass(frozen=True, slots=True)
class Finding:
    """Results with one root, at least one, ordered by subject and purpose."""

    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        """The one to look at."""
        return self.results[0]

    @property
    def shared(self) -> bool:
        """Whether there are several."""
        return len(self.results) > 1

    @property
    def headline(self) -> str:
        """What all of them have in common, in words."""
        one = self.first
        if one.standing in (Standing.KNOWN, Standing.FIXED):
            deviation = one.known or one.fixed
            return deviation.reason if deviation else one.reason
        if one.embargo or not one.expected or not self.shared:
            return one.reason or one.title
        return f"expected {one.expected}"

    def detail(self, one: Result) -> str:
        """What is special about one of the results: its reason, unless the headline has said so."""
        if not self.shared:
            return one.reason
        if one.expected and self.headline == f"expected {one.expected}":
            return f"got {one.got or 'nothing'}"
        return "" if one.reason == self.headline else one.reason


@dataclass(frozen=True, slots=True)
class Section:
    """Findings of one sort. ``slug`` is its name as part of an identifier, ``standing`` that of all its results."""

    heading: str
    slug: str
    standing: Standing
    findings: tuple[Finding, ...]

    @property
    def results(self) -> list[Result]:
        """All results in it."""
        return [one for finding in self.findings for one in finding.results]

    @property
    def count(self) -> str:
        """How many findings in how many purposes: `5 in 23 purposes`, or `5` where each is about one purpose."""
        findings, purposes = len(self.findings), len(self.results)
        return str(purposes) if findings == purposes else f"{findings} in {purposes} purposes"


@dataclass(frozen=True, slots=True)
class _Sort:
    heading: str
    slug: str
    standing: Standing
    holds: Callable[[Result], bool] = lambda one: True


def _of(*kinds: Kind) -> Callable[[Result], bool]:
    return lambda one: one.kind in kinds and not one.embargo


_SORTS = (
    _Sort("Crashes", "crash", Standing.FAIL, _of(Kind.CRASH)),
    _Sort("Hangs", "hang", Standing.FAIL, _of(Kind.HANG)),
    _Sort("Bypasses of authentication or policy", "bypass", Standing.FAIL, _of(Kind.BYPASS)),
    _Sort("Under embargo", "embargo", Standing.FAIL, lambda one: one.embargo),
    _Sort("Broken requirements", "fail", Standing.FAIL),
    _Sort("Purposes or claims that are wrong", "flaw", Standing.INCONCLUSIVE, _of(Kind.FLAW)),
    _Sort("Not judged", "inconclusive", Standing.INCONCLUSIVE),
    _Sort("Advice not followed", "warn", Standing.WARN),
    _Sort("Flaky: passed at a later try", "flaky", Standing.FLAKY),
    _Sort("Known deviations that did not happen", "fixed", Standing.FIXED),
    _Sort("Known deviations", "known", Standing.KNOWN),
    _Sort("Passed", "pass", Standing.PASS),
    _Sort("Not applicable", "na", Standing.NOT_APPLICABLE),
)


def sections(results: Results) -> list[Section]:
    """The results in sections, worst first; no empty ones."""
    left = sorted(results.results, key=lambda one: (one.subject, one.purpose))
    found = []
    for sort in _SORTS:
        members: list[Result] = []
        others: list[Result] = []
        for one in left:
            (members if one.standing is sort.standing and sort.holds(one) else others).append(one)
        left = others
        if members:
            found.append(Section(sort.heading, sort.slug, sort.standing, _findings(members)))
    return found


def unexpected_findings(found: Iterable[Section]) -> int:
    """How many findings count for the exit code."""
    return sum(any(one.unexpected for one in finding.results) for section in found for finding in section.findings)


def _findings(members: list[Result]) -> tuple[Finding, ...]:
    """Those in most purposes first."""
    roots: dict[tuple[object, ...], list[Result]] = {}
    for one in members:
        roots.setdefault(_root(one), []).append(one)
    return tuple(sorted((Finding(tuple(each)) for each in roots.values()), key=lambda one: -len(one.results)))


def _root(one: Result) -> tuple[object, ...]:
    """What results of one section must have in common to be one finding. Each crash is looked at by itself."""
    if one.standing in (Standing.PASS, Standing.FLAKY) or one.kind in (Kind.CRASH, Kind.HANG) or one.embargo:
        return (one.purpose,)
    if one.standing in (Standing.KNOWN, Standing.FIXED):
        return (one.known or one.fixed,)
    if one.requirement is not None and one.expected:
        return (one.requirement, one.expected)
    return (one.reason,)
