"""TOML files that people write by hand: read strictly, and every complaint names file, line, key and value."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable
from datetime import date
from ipaddress import IPv4Network, ip_address, ip_network
from math import inf
from pathlib import Path
from typing import Any

from peers.contract import DeviceError

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")


class TomlError(DeviceError):
    """A file cannot be used; one line such as ``router.toml, line 7: addresses.device = "x": expected ...``."""


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean "x"?`` for the known word most like this one, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f'did you mean "{close[0]}"?' if close else ""


class Table:
    """One table of a file. Values are taken out by type; `done` then complains about what nobody took.

    A default makes a key optional. All methods raise TomlError.
    """

    def __init__(self, path: Path, content: str, name: str, values: dict[str, Any], index: int = 0) -> None:
        self._path = path
        self._content = content
        self._name = name
        self._index = index
        self._values = values
        self._taken: set[str] = set()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def keys(self) -> list[str]:
        """All keys of the table, in the order of the file."""
        return list(self._values)

    def peek(self, key: str) -> object:
        """The value of a key as it is, None if it is missing."""
        return self._values.get(key)

    def tables(self, key: str) -> "list[Table]":
        """An array of tables, empty if there is none."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.error(key, f"expected tables headed [[{key}]]")
        return [Table(self._path, self._content, key, one, index) for index, one in enumerate(value)]

    def table(self, key: str) -> "Table":
        """A table within this one, empty if it is missing."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            raise self.error(key, f"expected a table headed [{key}]")
        return Table(self._path, self._content, key, value)

    def text(self, key: str, default: str | None = None) -> str:
        """A string that is not empty."""
        value = self._take(key, default)
        if not isinstance(value, str) or (not value.strip() and value != default):
            raise self.error(key, "expected text in quotes")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings."""
        value = self._take(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise self.error(key, "expected a list of texts in quotes")
        return tuple(value)

    def file(self, key: str) -> Path:
        """A file that exists; its path is relative to this one."""
        path = self._path.parent / self.text(key)
        if not path.is_file():
            raise self.error(key, f"there is no file {path}")
        return path

    def networks(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of prefixes without host bits."""
        texts = self.texts(key, default)
        if not texts:
            raise self.error(key, "expected at least one network such as 10.2.0.0/24")
        for text in texts:
            try:
                ip_network(text)
            except ValueError as error:
                raise self.error(key, f'"{text}" is no network such as 10.2.0.0/24: {error}') from None
        return texts

    def pool(self, key: str) -> str | None:
        """An IPv4 prefix with at least two addresses, None if it is missing."""
        self._taken.add(key)
        if key not in self._values:
            return None
        text = self.text(key)
        try:
            if IPv4Network(text).num_addresses > 1:
                return text
        except ValueError:
            pass
        raise self.error(key, "expected an IPv4 prefix without host bits such as 10.77.0.0/24")

    def address(self, key: str, version: int) -> str:
        """An IP address of the given version."""
        value = self._take(key, None)
        try:
            if isinstance(value, str) and ip_address(value).version == version:
                return value
        except ValueError:
            pass
        raise self.error(key, f"expected an IPv{version} address in quotes")

    def optional_address(self, key: str, version: int) -> str | None:
        """An IP address of the given version, None if it is missing."""
        self._taken.add(key)
        return self.address(key, version) if key in self._values else None

    def ports(self, key: str, default: tuple[int, int]) -> tuple[int, int]:
        """Two UDP ports: IKE, and IKE and ESP in UDP. By the port one tells what has a marker, so they differ."""
        value = self._take(key, default)
        if isinstance(value, list | tuple) and len(value) == 2:
            first, second = value
            if type(first) is int and type(second) is int and 0 < first < 65536 and 0 < second < 65536:
                if first == second:
                    raise self.error(key, "expected two different ports such as [500, 4500]")
                return first, second
        raise self.error(key, "expected two ports such as [500, 4500]")

    def number(self, key: str, default: float | None = None, *, above: float = 0.0) -> float:
        """A number greater than ``above``."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not above < value < inf:
            raise self.error(key, f"expected a number above {above:g}")
        return float(value)

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number, zero or greater."""
        value = self._take(key, default)
        if type(value) is not int or value < 0:
            raise self.error(key, "expected a whole number, zero or greater")
        return value

    def flag(self, key: str) -> bool:
        """True or false; false if it is missing."""
        value = self._take(key, False)
        if not isinstance(value, bool):
            raise self.error(key, "expected true or false")
        return value

    def day(self, key: str) -> date | None:
        """A date, None if it is missing."""
        value = self._take(key, None)
        if value is None or type(value) is date:
            return value
        raise self.error(key, "expected a date without quotes such as 2027-06-30")

    def done(self) -> None:
        """Complain about the first key that nobody took."""
        for key in self._values:
            if key not in self._taken:
                known = sorted(self._taken)
                hint = nearest(key, known) or f"known keys: {', '.join(known)}"
                raise self.error(key, "unknown key", hint)

    def error(self, key: str, problem: str, mend: str = "") -> TomlError:
        """A complaint about a key, to be raised."""
        where = f"{self._path}, line {self._line(key)}"
        full = f"{self._name}.{key}" if self._name else key
        if key not in self._values:
            slips = difflib.get_close_matches(key, sorted(self._values.keys() - self._taken), n=1)
            return TomlError(
                where, f"{full} is missing: {problem}", mend or "".join(f'is it "{one}"?' for one in slips)
            )
        return TomlError(where, f"{_cut(full)} = {_shown(self._values[key])}: {problem}", mend)

    def _take(self, key: str, default: Any) -> Any:
        self._taken.add(key)
        return self._values.get(key, default)

    def _line(self, key: str) -> int:
        """The line of a key, or of the header of its table where the key is missing."""
        header_line, within, seen = 1, self._name == "", -1
        for number, line in enumerate(self._content.splitlines(), 1):
            if match := _HEADER.match(line):
                name = match[2].strip("\"' ")
                if not self._name and name == key:
                    return number
                seen += name == self._name
                within = name == self._name and seen == self._index
                if within:
                    header_line = number
            elif within and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
                return number
        return header_line


def _shown(value: Any) -> str:
    """A value as it stands in a file, or nearly."""
    written = isinstance(value, str | bool | list | dict)
    return _cut(json.dumps(value, ensure_ascii=False, default=str) if written else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def read_toml(path: Path) -> Table:
    """Read a file; its top is a table without a name. Raises TomlError if it is missing or no TOML."""
    try:
        content = path.read_text(encoding="utf-8-sig")  # some editors put a byte order mark before UTF-8
        return Table(path, content, "", tomllib.loads(content))
    except OSError as error:
        raise TomlError(str(path), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TomlError(str(path), f"is not UTF-8 text: {error.reason} at octet {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        if match is None:
            last = max(1, len(content.splitlines()))
            raise TomlError(f"{path}, line {last}", str(error)) from error
        line, column = int(match[1]), int(match[2])
        shown = content.splitlines()[line - 1].strip() if line <= len(content.splitlines()) else ""
        problem = str(error)[: match.start()].strip()
        raise TomlError(f"{path}, line {line}", f"{problem} at column {column}: {_shown(shown)}") from error
    except RecursionError:
        raise TomlError(str(path), "tables or lists are nested too deeply, expected a few levels") from None
    except ValueError as error:
        raise TomlError(str(path), f"cannot be read: {error}") from error
