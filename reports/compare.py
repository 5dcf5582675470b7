"""What is new between two runs: newly failing, fixed, otherwise changed, new and gone purposes."""

from dataclasses import dataclass
from pathlib import Path

from reports.load import load
from reports.markdown import code, escaped
from reports.records import Result, Results, Standing
from suites.judge import Kind

_BROKEN = (Standing.FAIL, Standing.INCONCLUSIVE)
_GRAVE = (Kind.CRASH, Kind.HANG, Kind.BYPASS)
_UNJUDGED = (Standing.INCONCLUSIVE, Standing.NOT_APPLICABLE)
_KINDS = ("failing", "fixed", "changed", "new", "lost", "gone", "same")
_LISTED = 10
"""So many of the purposes that are gone are named."""


@dataclass(frozen=True, slots=True)
class Change:
    """A purpose before and after; None where the run does not have it."""

    purpose: str
    before: Result | None
    after: Result | None

    @property
    def verdicts(self) -> str:
        """Such as `pass -> fail`."""
        return " -> ".join(one.label if one else "absent" for one in (self.before, self.after))

    @property
    def reason(self) -> str:
        """Why it is as it is now, or why it was."""
        return next((one.reason for one in (self.after, self.before) if one and one.reason), "")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences of two runs, each list in the order of the identifiers; ``same`` counts what did not change.

    ``failing`` fails or is inconclusive unexpectedly and was not so before, new purposes included, or has become a
    crash, hang or bypass and was none of that kind. ``fixed`` was so, or was a known deviation, and passes now.
    ``lost`` was judged and is not applicable now, ``gone`` has no result: the later run was cut, or selected fewer.
    """

    before: Results
    after: Results
    failing: tuple[Change, ...]
    fixed: tuple[Change, ...]
    changed: tuple[Change, ...]
    new: tuple[Change, ...]
    lost: tuple[Change, ...]
    gone: tuple[Change, ...]
    same: int

    @property
    def worse(self) -> bool:
        """Whether something fails that did not, or is no longer known: then the later run is no success."""
        return bool(self.failing or self.problems)

    @property
    def problems(self) -> list[str]:
        """Why the later run cannot be compared as a whole, a line each."""
        found = []
        if self.after.run.finished is None:
            found.append(f"the later run did not come to its end: {self.after.missing} purposes have no result")
        if self.gone:
            found.append(f"{len(self.gone)} purposes of the earlier run are not in the later one")
        if self.lost:
            found.append(f"{len(self.lost)} purposes that were judged are not applicable in the later run")
        return found

    def text(self) -> str:
        """For a terminal."""
        lines = [f"before  {_title(self.before)}", f"after   {_title(self.after)}", ""]
        for heading, changes in self._groups():
            lines.append(f"{heading} ({len(changes)})")
            for change in changes[: _LISTED if changes is self.gone else None]:
                lines.append(f"  {change.purpose}: {change.verdicts}")
                lines += [f"      {_one_line(change.reason)}"] if change.reason else []
            lines += [f"  and {len(changes) - _LISTED} more"] if changes is self.gone and len(changes) > _LISTED else []
            lines.append("")
        return "\n".join([*lines, f"{self.same} purposes as before", *self.problems])

    def markdown(self) -> str:
        """For a job page or a pull request."""
        lines = ["# ikespec: what is new", "", f"- before: {escaped(_title(self.before))}"]
        lines += [f"- after: {escaped(_title(self.after))}", ""]
        for heading, changes in self._groups():
            lines += [f"## {heading} ({len(changes)})", ""]
            for change in changes:
                reason = f": {escaped(change.reason)}" if change.reason else ""
                lines.append(f"- {code(change.purpose)} {change.verdicts}{reason}")
            lines.append("")
        lines += [f"- **{one}**" for one in self.problems]
        return "\n".join([*lines, f"{self.same} purposes as before.", ""])

    def _groups(self) -> list[tuple[str, tuple[Change, ...]]]:
        groups = [
            ("Newly failing", self.failing),
            ("Fixed", self.fixed),
            ("Changed", self.changed),
            ("New", self.new),
            ("Lost", self.lost),
            ("Gone", self.gone),
        ]
        return [(heading, changes) for heading, changes in groups if changes]


def compare(before: Path, after: Path) -> Comparison:
    """Compare two results folders. Raises `ReportError`."""
    return compare_results(load(before), load(after))


def compare_results(before: Results, after: Results) -> Comparison:
    """Compare two loaded runs."""
    sorted_into: dict[str, list[Change]] = {kind: [] for kind in _KINDS}
    for purpose in sorted(before.by_purpose.keys() | after.by_purpose.keys()):
        change = Change(purpose, before.by_purpose.get(purpose), after.by_purpose.get(purpose))
        sorted_into[_kind(change)].append(change)
    same = len(sorted_into.pop("same"))
    return Comparison(before, after, same=same, **{kind: tuple(changes) for kind, changes in sorted_into.items()})


def _kind(change: Change) -> str:
    before, after = change.before, change.after
    was = before.standing if before else None
    now = after.standing if after else None
    if after is None:
        return "gone"
    other = before is None or before.label != after.label
    if now in _BROKEN and (was not in _BROKEN or (other and after.unexpected and after.kind in _GRAVE)):
        return "failing"
    if was is None:
        return "new"
    if now is Standing.NOT_APPLICABLE and was not in _UNJUDGED:
        return "lost"
    if after.standing.passed and was in (*_BROKEN, Standing.KNOWN):
        return "fixed"
    return "changed" if other else "same"


def _title(results: Results) -> str:
    run = results.run
    counts = ", ".join(f"{number} {standing}" for standing, number in results.counts.items() if number)
    cut = "" if run.finished else ", did not come to its end"
    return f"{run.device.full_name}, {run.started:%Y-%m-%d %H:%M:%S}{cut}: {counts or 'nothing'}"


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
