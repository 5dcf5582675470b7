"""Known deviations: what a device is known to do wrong, written down with a reason and, if possible, an end.

A purpose that fails because of a known deviation still fails; it only does not count as a surprise. After the date in
``until`` it does again, so that nobody forgets to look. The file is a list of such tables::

    [[deviation]]
    purpose = "init-cookie-echo"          # identifier, or a pattern with * and ?
    reason = "drops the request instead of answering"
    reference = "RFC 7296, 2.6; log: 'cookie invalid'"
    versions = ["<=5.9.8"]                # optional: which versions of the device; all conditions must hold
    until = 2027-06-30                    # optional: from this day on it is unexpected again
    where = "*device behind a NAT*"       # optional: only where the device runs so, a pattern for its backend
"""

import operator
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path

from peers.tomlfile import nearest, read_toml

_CONDITION = re.compile(r"\s*(<=|>=|==|!=|<|>)?\s*([0-9][0-9A-Za-z.+~-]*)\s*")
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


def compare_versions(one: str, other: str) -> int:
    """Less than, equal to or greater than zero, as ``one`` is older than, as old as, or newer than ``other``.

    Numbers count as numbers (5.9.8 < 5.9.14), missing parts as zero, and a word (``rc1``, ``dr2``) as older than none.
    """
    for left, right in zip_longest(_parts(one), _parts(other), fillvalue=_NOTHING):
        if left != right:
            return -1 if left < right else 1
    return 0


_NOTHING = (0, 0, "")


def _parts(version: str) -> list[tuple[int, int, str]]:
    """The numbers and words of a version as values that sort: words before nothing, which is zero, before numbers."""
    found = re.findall(r"(\d+)|([A-Za-z]+)", version)
    return [(-1, 0, word) if word else (int(int(number) > 0), int(number), "") for number, word in found]


@dataclass(frozen=True, slots=True)
class Deviation:
    """One known deviation. ``purpose`` may be a pattern; ``versions`` are such as ``<=5.9.8`` must all hold."""

    purpose: str
    reason: str
    reference: str
    versions: tuple[str, ...] = ()
    until: date | None = None
    where: str = "*"

    def expired(self, today: date) -> bool:
        """Whether its time is over: then a failure counts as unexpected again."""
        return self.until is not None and today >= self.until

    def applies(self, purpose: str, version: str, backend: str = "") -> bool:
        """Whether it speaks of this purpose, this version of the device and the place where it runs.

        An unknown version matches no condition.
        """
        if not fnmatchcase(purpose, self.purpose) or not fnmatchcase(backend, self.where):
            return False
        return all(_holds(condition, version) for condition in self.versions)


def _holds(condition: str, version: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    if match is None or not version:
        return False
    return _OPERATORS[match[1] or "=="](compare_versions(version, match[2]), 0)


def find(
    deviations: Sequence[Deviation], purpose: str, version: str, today: date, backend: str = ""
) -> Deviation | None:
    """The known deviation that excuses a failure of this purpose today, if there is one."""
    fitting = (one for one in deviations if one.applies(purpose, version, backend))
    return next((one for one in fitting if not one.expired(today)), None)


def load_deviations(path: Path, purposes: Collection[str] | None = None) -> tuple[Deviation, ...]:
    """Read a file of deviations. With ``purposes`` every entry must match at least one of them.

    Raises TomlError naming line, key and value for anything that is not as described above.
    """
    top = read_toml(path)
    found: list[Deviation] = []
    for table in top.tables("deviation"):
        purpose = table.text("purpose")
        if purposes is not None and not any(fnmatchcase(known, purpose) for known in purposes):
            raise table.error("purpose", "there is no such purpose", nearest(purpose, purposes))
        versions = table.texts("versions", ()) if _is_list(table.peek("versions")) else (table.text("versions"),)
        for condition in versions:
            if not _CONDITION.fullmatch(condition):
                raise table.error("versions", 'expected conditions such as "<=5.9.8"')
        reason, reference, until = table.text("reason"), table.text("reference"), table.day("until")
        deviation = Deviation(purpose, reason, reference, versions, until, table.text("where", "*"))
        table.done()
        same = (purpose, versions, deviation.where)
        if any((one.purpose, one.versions, one.where) == same for one in found):
            raise table.error("purpose", "is listed twice for the same versions")
        found.append(deviation)
    top.done()
    return tuple(found)


def _is_list(value: object) -> bool:
    return value is None or isinstance(value, list)
