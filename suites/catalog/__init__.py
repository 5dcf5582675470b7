"""What others say that an IKEv2 device does, row by row, and which purposes and scenarios look at it.

Books, guides and other suites describe thousands of behaviours. Each file beside this module stands for one of these
sources: a title, and for each section a table with its title, the number of its rows and, for every row, by its number,
one of

* ``purposes`` and ``scenarios`` (of ``ikespec interop``), exact names, of what tests it; with ``missing`` where they
  test a part of it only: what nobody looks at yet;
* ``reason``, one of `Reason`, and ``why``, where nothing tests it.

The texts of the sources are not repeated: a row is known by its id, such as ``BK1-ESP-04``.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
_ROW_KEYS: Final = frozenset({"purposes", "scenarios", "missing", "reason", "why"})


class CatalogError(ValueError):
    """A file breaks the rules. One line: file, row, key, value and what was expected."""


class Reason(StrEnum):
    """Why nothing tests a row."""

    EXTENSION = "extension"
    SCALE = "scale"
    EQUIPMENT = "equipment"
    MANAGEMENT = "management"
    POLICY = "policy"
    OTHER_PROTOCOL = "other protocol"
    NO_DEVICE = "no device"

    @property
    def meaning(self) -> str:
        """One line for a reader."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Reason.EXTENSION: "belongs to an extension of IKEv2 that the suite does not speak yet",
    Reason.SCALE: "needs many peers at once, or measures speed",
    Reason.EQUIPMENT: "needs equipment around the device that the suite does not have",
    Reason.MANAGEMENT: "is configured, shown or logged on the device, and no peer can see it",
    Reason.POLICY: "is left to the device or its administrator: whatever it does is right",
    Reason.OTHER_PROTOCOL: "is about another protocol than IKEv2 and IPsec",
    Reason.NO_DEVICE: "is about a test tool or a library; there is no device to judge",
}


class State(StrEnum):
    """How much of a row is tested."""

    COVERED = "covered"
    PART = "in part"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour of a source: what tests it, or why nothing does."""

    id: str
    purposes: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    missing: str = ""
    reason: Reason | None = None
    why: str = ""

    @property
    def state(self) -> State:
        """Whether all of it is tested, a part, or nothing."""
        if self.reason is not None:
            return State.NOT
        return State.PART if self.missing else State.COVERED


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of a source about one subject."""

    code: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A book, a guide or an inventory. ``name`` is that of its file."""

    name: str
    title: str
    sections: tuple[Section, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all sections."""
        return tuple(row for section in self.sections for row in section.rows)


@lru_cache(maxsize=4)
def load(folder: Path = _FOLDER) -> tuple[Source, ...]:
    """All sources of a folder, sorted by file name. Raises `CatalogError` for a file that breaks the rules."""
    sources = tuple(_source(path) for path in sorted(folder.glob("*.toml")))
    seen: set[str] = set()
    for source in sources:
        for row in source.rows:
            if row.id in seen:
                raise CatalogError(f"{source.name}.toml: {row.id}: occurs twice, expected one place for each row")
            seen.add(row.id)
    return sources


def _source(path: Path) -> Source:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path.name}: not TOML: {error}") from error
    title = _text(path.name, "title", document.pop("title", None))
    return Source(path.stem, title, tuple(_section(path.name, code, table) for code, table in document.items()))


def _section(file: str, code: str, table: object) -> Section:
    if not isinstance(table, dict):
        raise CatalogError(f"{file}: {code}: {table!r}, expected a table with title, rows and each row")
    entries = dict(table)
    title = _text(file, f"{code}: title", entries.pop("title", None))
    count = entries.pop("rows", None)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise CatalogError(f"{file}: {code}: rows: {count!r}, expected how many rows the section has")
    expected = [f"{number:02}" for number in range(1, count + 1)]
    if missing := [number for number in expected if number not in entries]:
        raise CatalogError(f"{file}: {code}-{missing[0]}: no entry, expected purposes, scenarios or a reason")
    if beyond := [number for number in entries if number not in expected]:
        raise CatalogError(f"{file}: {code}-{beyond[0]}: expected rows 01 to {expected[-1]}")
    return Section(code, title, tuple(_row(file, f"{code}-{number}", entries[number]) for number in expected))


def _row(file: str, identifier: str, entry: object) -> Row:
    where = f"{file}: {identifier}"
    if not isinstance(entry, dict):
        raise CatalogError(f"{where}: {entry!r}, expected a table such as {{ purposes = [...] }}")
    if unknown := entry.keys() - _ROW_KEYS:
        raise CatalogError(f"{where}: key {min(unknown)!r}, expected one of {', '.join(sorted(_ROW_KEYS))}")
    texts = {key: _text(where, key, entry[key]) for key in ("missing", "reason", "why") if key in entry}
    purposes, scenarios = (tuple(_names(where, key, entry.get(key, []))) for key in ("purposes", "scenarios"))
    reason = texts.get("reason")
    if reason is not None and reason not in list(Reason):
        raise CatalogError(f"{where}: reason: {reason!r}, expected one of {', '.join(Reason)}")
    tested = bool(purposes or scenarios)
    if tested == (reason is not None) or tested == ("why" in texts) or ("missing" in texts and not tested):
        raise CatalogError(f"{where}: expected purposes or scenarios, perhaps with missing, or else reason and why")
    return Row(
        identifier,
        purposes,
        scenarios,
        texts.get("missing", ""),
        None if reason is None else Reason(reason),
        texts.get("why", ""),
    )


def _text(where: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or value.splitlines() != [value]:
        raise CatalogError(f"{where}: {key}: {value!r}, expected one line of text")
    return value


def _names(where: str, key: str, value: object) -> Iterator[str]:
    if not isinstance(value, list) or len(set(map(str, value))) != len(value):
        raise CatalogError(f"{where}: {key}: {value!r}, expected a list of different names")
    for name in value:
        yield _text(where, key, name)
