"""The requirements that a run cites, and which of all requirements it tested with what result."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.errors import ReportError
from reports.records import Result, Results, Standing
from reports.values import Value, accepts, goes_wrong, refuses, values
from suites.invariants import INVARIANTS
from suites.requirements import Catalogue, CatalogueError, Requirement, load


def catalogue(folder: Path | None = None) -> Catalogue:
    """The requirements in the TOML files of a folder, by default those that ship with the suites.

    A folder without any gives an empty catalogue. Raises `ReportError` for a broken file.
    """
    if folder is not None and not any(folder.glob("rfc*.toml")):
        return Catalogue(())
    try:
        return load(folder)
    except CatalogueError as error:
        raise ReportError(f"{folder or 'requirements'}: {error}") from error


def section_url(requirement: Requirement) -> str:
    """Where the section stands on the RFC Editor's site; appendices have other anchors than sections."""
    anchor = f"section-{requirement.section}" if requirement.section[0].isdigit() else f"appendix-{requirement.section}"
    return f"https://www.rfc-editor.org/rfc/rfc{requirement.rfc}#{anchor}"


def demand(cited: str, requirements: Catalogue) -> str:
    """A requirement and how strongly it binds: `RFC7296-2.6-9, MUST (indicative)`."""
    return f"{cited}, {requirements.get(cited).demand}" if cited in requirements else cited


@dataclass(frozen=True, slots=True)
class Covered:
    """A requirement with the results of the purposes that cite it or have broken it, worst first.

    ``watched`` is in how many purposes about something else an invariant found it kept, ``by`` are those invariants.
    """

    requirement: Requirement
    results: tuple[Result, ...]
    watched: int = 0

    @property
    def by(self) -> tuple[str, ...]:
        """The invariants that test it in every conversation that has something to look at."""
        return tuple(name for name, one in INVARIANTS.items() if self.requirement.id in one.requirements)

    @property
    def state(self) -> str:
        """`broken`, `known`, `kept`, `undecided`, `untested` or, by its nature, `untestable`.

        A requirement is broken where a purpose says that it is this one. Without a verdict on it it is undecided. One
        that forbids to take something is kept only where that was tried.
        """
        standings = {one.standing for one in self.results if self._speaks(one)}
        if standings & {Standing.FAIL, Standing.WARN}:
            return "broken"
        if Standing.KNOWN in standings:
            return "known"
        if (any(one.passed for one in standings) and self.in_earnest) or self.watched:
            return "kept"
        if self.results:
            return "undecided"
        return "untested" if self.requirement.testable else "untestable"

    @property
    def right(self) -> int:
        """In how many purposes that passed right values were accepted."""
        return sum(map(accepts, self.results))

    @property
    def wrong(self) -> int:
        """In how many purposes that passed something wrong was refused."""
        return sum(map(refuses, self.results))

    @property
    def in_earnest(self) -> bool:
        """Whether what it forbids was tried, if it must be. Nobody says so of RADIUS, nor did earlier versions."""
        forbids = self.requirement.must_be_tried
        return not forbids or any(one.tried is None or one.subject == "aaa" or goes_wrong(one) for one in self.results)

    def _speaks(self, one: Result) -> bool:
        broken = one.standing in (Standing.FAIL, Standing.WARN, Standing.KNOWN)
        return not broken or one.requirement in (None, self.requirement.id)


@dataclass(frozen=True, slots=True)
class Coverage:
    """All requirements in the order of the catalogue; ``unknown`` are identifiers that the catalogue does not have.

    ``values`` are what was sent in each field, and what became of it.
    """

    requirements: tuple[Covered, ...]
    unknown: tuple[str, ...]
    values: tuple[Value, ...] = ()

    def by_rfc(self) -> dict[int, list[Covered]]:
        """The requirements of each RFC."""
        found: dict[int, list[Covered]] = {}
        for one in self.requirements:
            found.setdefault(one.requirement.rfc, []).append(one)
        return found

    def to_json(self) -> dict[str, Any]:
        """For other programs: each requirement with its state and the verdicts of its purposes."""
        return {
            "schema": 1,
            "unknown": list(self.unknown),
            "requirements": [
                {
                    "id": one.requirement.id,
                    "level": str(one.requirement.level),
                    "words": str(one.requirement.words),
                    "binds": str(one.requirement.binds),
                    "state": one.state,
                    "watched": one.watched,
                    "right_accepted": one.right,
                    "wrong_refused": one.wrong,
                    "purposes": {result.purpose: str(result.verdict) for result in one.results},
                }
                for one in self.requirements
            ],
            "values": [one.to_json() for one in self.values],
        }


def coverage(results: Results, requirements: Catalogue) -> Coverage:
    """Which requirements the purposes of a run cite, with what verdicts, and which its invariants found kept."""
    citing: dict[str, list[Result]] = {}
    watched: Counter[str] = Counter()
    for members in results.groups.values():
        for result in members:
            watched.update(result.watched)
            for cited in dict.fromkeys((*result.requirements, *([result.requirement] if result.requirement else ()))):
                citing.setdefault(cited, []).append(result)
    covered = tuple(Covered(one, tuple(citing.get(one.id, ())), watched[one.id]) for one in requirements)
    unknown = tuple(sorted(cited for cited in citing if cited not in requirements))
    return Coverage(covered, unknown, tuple(values(results.results)))
