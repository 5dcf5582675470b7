"""The catalogue of requirements: what the RFCs demand, read from the TOML files beside this module.

A file ``rfc7296.toml`` is a list of ``[[requirement]]`` tables, one per normative statement, with the keys

=============  =========================================================================================
``id``         ``RFC7296-2.6-3``: the RFC, the section and a number that counts from 1 within the section
``section``    the section of the RFC
``level``      how strongly it is demanded: see `Level`
``words``      how the RFC says it: see `Words`
``binds``      whom it binds: see `Binds`
``text``       the statement in our own words, on one line, ending with a full stop
``untestable`` optional: why no test purpose can check it from the wire
``provoked``   optional, true: it forbids a role what only a peer that does something odd could make it do
=============  =========================================================================================

A broken MUST is a failure, a broken SHOULD a warning; a MAY cannot be broken. What a receiver must not take, and what
is ``provoked``, is kept only where somebody has tried it: in an ordinary conversation it cannot be broken.

Words and level
---------------

RFC 7296 says in section 1.7 that its words have the meaning of RFC 2119 only where they are in capitals. Much of what
it demands has no such word: the format of a message, how a key is computed, what a response contains. So each
requirement says whether the text has a ``key word`` for it or states it in the ``indicative``, and reports show that:
an implementer may weigh the two differently. The level of an indicative statement follows from what it says:

* what a message looks like, how something is computed, what a side does when something happens (*the responder ignores
  it*, *is sent in the response*): MUST. Who does it otherwise does not speak the protocol;
* advice (*should* in small letters, *a robust responder will*, *normally*): SHOULD, or SHOULD NOT;
* leave (*may*, *can*, *is allowed to* in small letters): MAY.

The word of an entry is that of the sentence which it restates, also where that is in a table of requirement levels, or
a list under a sentence such as *one of the following MUST be done*.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

_FOLDER: Final = Path(__file__).parent
_FILE_NAME: Final = re.compile(r"rfc([1-9]\d*)\.toml")
_SECTION: Final = re.compile(r"(?:[1-9]\d*|[A-Z])(?:\.[1-9]\d*)*")
_REQUIRED_KEYS: Final = ("id", "section", "level", "words", "binds", "text")
_KEYS: Final = frozenset((*_REQUIRED_KEYS, "untestable", "provoked"))
_Member = TypeVar("_Member")


class Level(StrEnum):
    """How strongly the RFC demands it, in the words of RFC 2119."""

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"
    MAY = "MAY"

    @property
    def rank(self) -> int:
        """0 for a MUST, 1 for a SHOULD, 2 for a MAY: the smaller, the stronger."""
        return ("MUST", "SHOULD", "MAY").index(self.split()[0])


class Words(StrEnum):
    """How the RFC says it: by a word in capitals as RFC 2119 defines them, or without one."""

    KEY_WORD = "key word"
    INDICATIVE = "indicative"


class Binds(StrEnum):
    """Whom a requirement binds: a role in an exchange (or at the birth of an IKE SA), or an end of a single message."""

    INITIATOR = "initiator"
    RESPONDER = "responder"
    BOTH = "both"
    SENDER = "sender"
    RECEIVER = "receiver"


class CatalogueError(ValueError):
    """A requirement file breaks the rules. One line: file, entry, key, value and what was expected."""


class RequirementError(KeyError):
    """There is no requirement with this identifier. Names the nearest one that exists."""

    def __init__(self, wanted: str, nearest: str | None) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f", did you mean {self.nearest}?" if self.nearest else ""
        return f"no requirement {self.wanted!r}{hint}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One normative statement of an RFC. ``untestable`` is None, or why the wire cannot show whether it is kept.

    ``provoked``: it forbids a role what an ordinary conversation gives no occasion for.
    """

    id: str
    section: str
    level: Level
    words: Words
    binds: Binds
    text: str
    untestable: str | None = None
    provoked: bool = False

    @property
    def rfc(self) -> int:
        """The number of the RFC."""
        return int(self.id[3 : self.id.index("-")])

    @property
    def demand(self) -> str:
        """Level and words for a reader: ``MUST``, or ``MUST (indicative)`` where the RFC has no key word."""
        return str(self.level) if self.words is Words.KEY_WORD else f"{self.level} ({self.words})"

    @property
    def mandatory(self) -> bool:
        """Whether breaking it is a failure and not just a warning."""
        return self.level in (Level.MUST, Level.MUST_NOT)

    @property
    def must_be_tried(self) -> bool:
        """Whether it is kept only where what it forbids was tried: by a message that no correct peer sends."""
        return self.level is Level.MUST_NOT and (self.binds is Binds.RECEIVER or self.provoked)

    @property
    def testable(self) -> bool:
        """Whether a test purpose can check it from the wire."""
        return self.untestable is None


class Catalogue:
    """All requirements, in the order of the RFC numbers and then of the files."""

    def __init__(self, requirements: Iterable[Requirement]) -> None:
        """Take the requirements over. Raises `CatalogueError` when two have the same identifier."""
        by_id: dict[str, Requirement] = {}
        by_section: dict[str, list[Requirement]] = {}
        for requirement in requirements:
            if requirement.id in by_id:
                raise CatalogueError(
                    f"entry {requirement.id}: id: {requirement.id!r}, expected an id that is not taken"
                )
            by_id[requirement.id] = requirement
            by_section.setdefault(f"RFC{requirement.rfc}-{requirement.section}", []).append(requirement)
        self._by_id = by_id
        self._by_section = MappingProxyType({section: tuple(members) for section, members in by_section.items()})

    def get(self, identifier: str) -> Requirement:
        """The requirement with this identifier. Raises `RequirementError`, which names the nearest one."""
        try:
            return self._by_id[identifier]
        except KeyError:
            raise RequirementError(identifier, self._nearest(identifier)) from None

    @property
    def by_section(self) -> Mapping[str, tuple[Requirement, ...]]:
        """The requirements of each section, under keys such as ``RFC7296-2.6``."""
        return self._by_section

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._by_id

    def _nearest(self, identifier: str) -> str | None:
        """Prefer a neighbour in the same section: a wrong last number is the usual slip."""
        section = self._by_section.get(identifier.rpartition("-")[0])
        if section:
            return section[-1].id
        close = get_close_matches(identifier, self._by_id, n=1, cutoff=0.5)
        return close[0] if close else None


def load(folder: Path | None = None) -> Catalogue:
    """Read all ``rfc*.toml`` of a folder; without one the catalogue that ships with the suites, read only once.

    Raises `CatalogueError` for a file that breaks the rules or a folder without requirement files.
    """
    return _shipped() if folder is None else _read(folder)


@lru_cache(maxsize=1)
def _shipped() -> Catalogue:
    return _read(_FOLDER)


def _read(folder: Path) -> Catalogue:
    files = []
    for path in folder.glob("*.toml"):
        name = _FILE_NAME.fullmatch(path.name)
        if name is None:
            raise CatalogueError(f"{path.name}: file name, expected one like rfc7296.toml")
        files.append((int(name[1]), path))
    if not files:
        raise CatalogueError(f"{folder.name}: no files, expected at least one rfc*.toml")
    return Catalogue(requirement for rfc, path in sorted(files) for requirement in _requirements(rfc, path))


def _requirements(rfc: int, path: Path) -> Iterator[Requirement]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name}: not TOML: {error}") from error
    entries = document.pop("requirement", None)
    if document:
        raise CatalogueError(f"{path.name}: key {next(iter(document))!r}, expected nothing but [[requirement]] tables")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CatalogueError(f"{path.name}: requirement, expected a list of [[requirement]] tables")
    counts: dict[str, int] = {}
    for position, entry in enumerate(entries, start=1):
        yield _requirement(rfc, _Entry(path.name, position, entry), counts)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One table of a file, with what an error message needs to point at it."""

    file: str
    position: int
    table: dict[str, object]

    def error(self, key: str, value: object, expected: str) -> CatalogueError:
        identifier = self.table.get("id")
        name = f" ({identifier})" if isinstance(identifier, str) else ""
        return CatalogueError(f"{self.file}: entry {self.position}{name}: {key}: {value!r}, expected {expected}")

    def line(self, key: str) -> str:
        """A string of one line that is not blank."""
        value = self.table[key]
        if not isinstance(value, str) or value.splitlines() != [value] or value != value.strip():
            raise self.error(key, value, "one line of text without blanks around it")
        return value

    def member(self, key: str, known: Mapping[str, _Member]) -> _Member:
        """The member of a closed set that the string names."""
        value = self.table[key]
        if not isinstance(value, str) or value not in known:
            raise self.error(key, value, "one of " + ", ".join(known))
        return known[value]


_LEVELS: Final = {level.value: level for level in Level}
_WORDS: Final = {words.value: words for words in Words}
_BINDS: Final = {binds.value: binds for binds in Binds}


def _requirement(rfc: int, entry: _Entry, counts: dict[str, int]) -> Requirement:
    """Check one entry. ``counts`` holds how many entries each section of the file has had so far."""
    table = entry.table
    for key in _REQUIRED_KEYS:
        if key not in table:
            raise entry.error(key, None, "a value, the key is missing")
    for key in table.keys() - _KEYS:
        raise entry.error(
            key, table[key], "no other keys than " + ", ".join((*_REQUIRED_KEYS, "untestable", "provoked"))
        )
    section = entry.line("section")
    if not _SECTION.fullmatch(section):
        raise entry.error("section", section, "a section number such as 2.6.1 or A.1")
    counts[section] = counts.get(section, 0) + 1
    expected_id = f"RFC{rfc}-{section}-{counts[section]}"
    if entry.line("id") != expected_id:
        raise entry.error("id", table["id"], f"{expected_id} (file, section, next number in the section)")
    text = entry.line("text")
    if not text.endswith("."):
        raise entry.error("text", text, "a sentence with a full stop")
    if table.get("provoked", True) is not True or ("provoked" in table and table["level"] != Level.MUST_NOT):
        raise entry.error("provoked", table["provoked"], "true, in a MUST NOT")
    return Requirement(
        id=expected_id,
        section=section,
        level=entry.member("level", _LEVELS),
        words=entry.member("words", _WORDS),
        binds=entry.member("binds", _BINDS),
        text=text,
        untestable=entry.line("untestable") if "untestable" in table else None,
        provoked="provoked" in table,
    )
