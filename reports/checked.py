"""Values out of a JSON object with their types checked: an error names file, line, key, value and what was expected."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from reports.errors import ReportError

_Choice = TypeVar("_Choice", bound=StrEnum)
_SHOWN = 60
_HALVES = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object and ``place``, where it stands: `results.jsonl line 3`."""

    place: str
    values: Mapping[str, Any]

    @classmethod
    def parse(cls, place: str, text: str) -> "Fields":
        """Read JSON text that must be an object; an escape that is half a character becomes a question mark."""
        if "\0" in text:
            raise ReportError(f"{place}: zero octets: the file is damaged, perhaps by two runs into one folder")
        try:
            values = json.loads(text)
            if _HALVES.search(text):  # no file and no page takes what UTF-8 cannot say
                values = json.loads(json.dumps(values, ensure_ascii=False).encode(errors="replace"))
        except (ValueError, RecursionError) as error:
            raise ReportError(f"{place}: {_shown(text)} is no JSON: {error}, expected a JSON object") from error
        if not isinstance(values, dict):
            raise ReportError(f"{place}: {_shown(values)}, expected a JSON object")
        return cls(place, values)

    def wrong(self, key: str, expected: str) -> ReportError:
        """The error for a key."""
        if key not in self.values:
            return ReportError(f"{self.place}: {key} is missing, expected {expected}")
        return ReportError(f"{self.place}: {key}: {_shown(self.values[key])}, expected {expected}")

    def schema(self, number: int) -> None:
        """Insist on the version of the schema."""
        found = self.values.get("schema")
        if found != number:
            if not isinstance(found, int):
                raise self.wrong("schema", str(number))
            raise ReportError(f"{self.place}: schema {found}: another version wrote it, this one reads {number}")

    def text(self, key: str, default: str | None = None) -> str:
        """A string; null and a missing key are the default if there is one."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.wrong(key, "text")
        return value

    def text_or_none(self, key: str) -> str | None:
        """A string or null."""
        return None if self.values.get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; empty if missing."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(key, "a list of texts")
        return tuple(value)

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
            raise self.wrong(key, "a number")
        return float(value)

    def integer(self, key: str) -> int:
        """A whole number."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(key, "a whole number")
        return value

    def flag(self, key: str) -> bool:
        """True or false; a missing key is false."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def choice(self, key: str, kind: type[_Choice]) -> _Choice:
        """A member of an enumeration."""
        value = self.values.get(key)
        for member in kind:
            if member.value == value:
                return member
        raise self.wrong(key, "one of " + ", ".join(kind))

    def time(self, key: str) -> datetime:
        """A time in ISO 8601; without a zone it is UTC."""
        try:
            found = datetime.fromisoformat(self.text(key))
        except ValueError:
            raise self.wrong(key, "a time in ISO 8601") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def time_or_none(self, key: str) -> datetime | None:
        """A time in ISO 8601 or null."""
        return None if self.values.get(key) is None else self.time(key)

    def objects(self, key: str) -> list["Fields"]:
        """A list of objects; empty if missing."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong(key, "a list of objects")
        return [Fields(f"{self.place}: {key}[{number}]", one) for number, one in enumerate(value)]

    def inner(self, key: str) -> "Fields":
        """An object inside this one; null and a missing one are empty."""
        value = self.values.get(key) or {}
        if not isinstance(value, dict):
            raise self.wrong(key, "a JSON object")
        return Fields(f"{self.place}: {key}", value)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
