"""Profiles: what a laboratory, a logo programme or a customer asks for, activity by activity.

A profile is a TOML file; those beside this module are known by their names, others by their path:

    title = "Devices of our kind"

    [[activity]]
    id = "7.3"
    text = "what is tried, in a line"
    purposes = ["init-cookie-*"]          # ids of purposes, * and ? allowed
    requirements = ["RFC8247-*"]          # ... and the purposes that cite these
    rows = ["INV-COOK-*"]                 # ... and those that stand for rows of catalogues
    role = "responder"                    # perhaps: of those only the ones with the device in this role
    by_hand = "what a person has to do"   # beside the purposes, or in place of them; else what the catalogue says
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from peers.tomlfile import Table, TomlError, nearest, read_toml
from suites import catalog
from suites.conduct import all_purposes
from suites.requirements import load as requirements

_FOLDER: Final = Path(__file__).parent
_TOLD: Final = 4
"""So many rows are told one by one."""


class ProfileError(ValueError):
    """There is no such profile, or its file cannot be used. One line."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that is asked for, with the ids of the purposes that do it, in the order of the suites."""

    id: str
    text: str
    purposes: tuple[str, ...]
    by_hand: str = ""

    def to_json(self) -> dict[str, Any]:
        """For ``run.json``."""
        return {"id": self.id, "text": self.text, "purposes": list(self.purposes), "by_hand": self.by_hand}


@dataclass(frozen=True, slots=True)
class Profile:
    """A title and activities in the order in which they are asked for."""

    name: str
    title: str
    activities: tuple[Activity, ...]

    @property
    def purposes(self) -> frozenset[str]:
        """All of them."""
        return frozenset(one for activity in self.activities for one in activity.purposes)

    def to_json(self) -> dict[str, Any]:
        """For ``run.json``."""
        return {"name": self.name, "title": self.title, "activities": [one.to_json() for one in self.activities]}


def names() -> list[str]:
    """The profiles that are built in."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load(word: str) -> Profile:
    """A profile by its name, or by the path of its file. Raises `ProfileError`."""
    path = Path(word) if word.endswith(".toml") else _FOLDER / f"{word}.toml"
    if not path.is_file():
        if word.endswith(".toml"):
            raise ProfileError(f"--profile {word}: there is no such file")
        hint = nearest(word, names()) or f"expected a file ending in .toml or one of {', '.join(names())}"
        raise ProfileError(f"--profile {word}: there is no such profile, {hint}")
    try:
        table = read_toml(path)
        title = table.text("title")
        activities = tuple(_activity(one) for one in table.tables("activity"))
        table.done()
    except TomlError as error:
        raise ProfileError(str(error)) from None
    if not activities:
        raise ProfileError(f"{path}: expected tables headed [[activity]]")
    return Profile(path.stem, title, activities)


def _activity(table: Table) -> Activity:
    identifier, text = table.text("id"), table.text("text")
    role = table.text("role", "")
    if role not in ("", "initiator", "responder"):
        raise table.error("role", "expected initiator or responder")
    known = all_purposes()
    found: set[str] = set()
    for key, members in (("purposes", _by_id), ("requirements", _by_requirement), ("rows", _by_row)):
        for pattern in table.texts(key, ()):
            fitting = members(pattern)
            if fitting is None:
                raise table.error(key, f"nothing fits {pattern!r}")
            found |= fitting
    by_hand = table.text("by_hand", "") or _left(table.texts("rows", ()), table.texts("requirements", ()))
    table.done()
    kept = tuple(one for one in known if one in found and role in ("", known[one].purpose.role))
    if not kept and not by_hand:
        raise table.error("purposes", f"activity {identifier}: no purpose does it; say in by_hand why")
    return Activity(identifier, text, kept, by_hand)


def _by_id(pattern: str) -> set[str] | None:
    return {one for one in all_purposes() if fnmatchcase(one, pattern)} or None


def _by_requirement(pattern: str) -> set[str] | None:
    fitting = {one.id for one in requirements() if fnmatchcase(one.id, pattern)}
    if not fitting:
        return None
    return {one for one, written in all_purposes().items() if fitting & set(written.purpose.requirements)}


def _by_row(pattern: str) -> set[str] | None:
    rows = [row for source in catalog.load() for row in source.rows if fnmatchcase(row.id, pattern)]
    return {purpose for row in rows for purpose in row.purposes} if rows else None


def _left(rows: tuple[str, ...], demands: tuple[str, ...]) -> str:
    """Why purposes do not do all of some rows and requirements."""
    known = [row for source in catalog.load() for row in source.rows if _fits(row.id, rows)]
    left = [(row.id, row.missing or row.why) for row in known if row.missing or row.why]
    cited = {one for written in all_purposes().values() for one in written.purpose.requirements}
    bare = [one for one in requirements() if _fits(one.id, demands) and one.id not in cited]
    left += [(one.id, one.untestable or "no purpose yet") for one in bare]
    if len(left) > _TOLD:
        return f"of {len(left)} rows: ikespec list --catalog {' '.join(rows)}"
    return "; ".join(f"{why} ({identifier})" for identifier, why in left)


def _fits(identifier: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(identifier, one) for one in patterns)
