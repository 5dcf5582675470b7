"""Known deviations: what a device is known to do wrong, written down with a reason and, if possible, an end.

A deviation excuses one requirement with one symptom in the releases where it was seen. A purpose that fails because of
it still fails; it only does not count as a surprise. A device that dies or hangs, or a purpose that could not be tried,
is never excused. The file is a list of such tables::

    [[deviation]]
    purpose = "init-cookie-echo"          # identifier, or a pattern with * and ?
    requirement = "RFC7296-2.6-9"         # which requirement it breaks, as the verdict says
    got = "*response*INVALID_SYNTAX*"     # what is seen then, a pattern for the whole of it; one of the two is needed
    reason = "refuses the request instead of answering"
    reference = "RFC 7296, 2.6; log: 'cookie invalid'"
    versions = ["<=5.9.8"]                # optional: the releases where it was seen; all conditions must hold
    fixed_in = "6.0.1"                    # optional: the first release where it is gone; from there on it is unexpected
    until = 2027-06-30                    # optional: from this day on it is unexpected again
    where = "*device behind a NAT*"       # optional: only where the device runs so, a pattern for its backend
    private = true                        # optional, in place of reason and reference: they are not for everybody

What any conversation may show, such as a reserved bit that is always set, names an ``invariant`` (docs/oracles.md), in
place of ``purpose`` or beside it: then it decides no purpose, and the evidence of each says that it is known.

A purpose that passes although a deviation speaks of it is reported as fixed. For a private one the record says neither
what was seen nor why, and no evidence is written; the reasons are tables of the same kind in a file outside of the
repository (``--private-deviations``), with ``purpose``, ``reason`` and ``reference``.
"""

import operator
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path

from peers.tomlfile import Table, nearest, read_toml

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
    """One known deviation. ``purpose``, ``got`` and ``where`` are patterns; ``versions`` are conditions on the release.

    ``requirement`` is None where any may be broken with this symptom. ``fixed_in`` is the first release without it.
    ``invariant`` is the name of an invariant that it breaks, empty: it is about purposes.
    """

    purpose: str
    reason: str
    reference: str
    requirement: str | None = None
    got: str = "*"
    versions: tuple[str, ...] = ()
    fixed_in: str | None = None
    until: date | None = None
    where: str = "*"
    private: bool = False
    invariant: str = ""

    def expired(self, today: date) -> bool:
        """Whether its time is over: then a failure counts as unexpected again."""
        return self.until is not None and today >= self.until

    def applies(self, purpose: str, version: str, backend: str = "") -> bool:
        """Whether it speaks of this purpose, this version of the device and the place where it runs.

        An unknown version matches no condition.
        """
        if not fnmatchcase(purpose, self.purpose) or not fnmatchcase(backend, self.where):
            return False
        gone = () if self.fixed_in is None else (f"<{self.fixed_in}",)
        return all(_holds(condition, version) for condition in (*self.versions, *gone))

    def explains(self, requirement: str | None, got: str) -> bool:
        """Whether this is the symptom: the requirement that was broken, and what was seen."""
        return self.requirement in (None, requirement) and fnmatchcase(got, self.got)


def _holds(condition: str, version: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    if match is None or not version:
        return False
    return _OPERATORS[match[1] or "=="](compare_versions(version, match[2]), 0)


def about(
    deviations: Sequence[Deviation], purpose: str, version: str, today: date, backend: str = ""
) -> list[Deviation]:
    """The known deviations that speak of this purpose today, whatever their symptom."""
    spoken = [one for one in deviations if not one.invariant]
    return [one for one in spoken if one.applies(purpose, version, backend) and not one.expired(today)]


def about_invariant(
    deviations: Sequence[Deviation], invariant: str, purpose: str, version: str, today: date, backend: str = ""
) -> list[Deviation]:
    """Those that speak of an invariant that is broken in this purpose today."""
    spoken = [one for one in deviations if one.invariant == invariant]
    return [one for one in spoken if one.applies(purpose, version, backend) and not one.expired(today)]


def find(spoken: Sequence[Deviation], requirement: str | None, got: str) -> Deviation | None:
    """The one of these deviations that explains a failure: its requirement is broken with its symptom."""
    return next((one for one in spoken if one.explains(requirement, got)), None)


def load_deviations(
    path: Path,
    purposes: Collection[str] | None = None,
    requirements: Collection[str] | None = None,
    invariants: Collection[str] | None = None,
) -> tuple[Deviation, ...]:
    """Read a file of deviations. With ``purposes`` every entry must match at least one of them.

    With ``requirements`` and ``invariants`` what it names must be one of these. Raises TomlError naming line, key and
    value for anything that is not as described above.
    """
    top = read_toml(path)
    found: list[Deviation] = []
    for table in top.tables("deviation"):
        deviation = _deviation(table)
        _must_fit(table, deviation.purpose, purposes)
        for key, known in (("requirement", requirements), ("invariant", invariants)):
            word = getattr(deviation, key)
            if word and known is not None and word not in known:
                raise table.error(key, f"there is no such {key}", nearest(word, known))
        if any(_key(one) == _key(deviation) for one in found):
            raise table.error("purpose", "is listed twice for the same symptom and versions")
        found.append(deviation)
    top.done()
    return tuple(found)


def _must_fit(table: Table, pattern: str, purposes: Collection[str] | None) -> None:
    if purposes is not None and not any(fnmatchcase(known, pattern) for known in purposes):
        raise table.error("purpose", "there is no such purpose", nearest(pattern, purposes))


def _key(one: Deviation) -> tuple[object, ...]:
    return one.purpose, one.invariant, one.requirement, one.got, one.versions, one.where


def _deviation(table: Table) -> Deviation:
    invariant = table.text("invariant", "")
    purpose = table.text("purpose", "*") if invariant else table.text("purpose")
    requirement, got = table.text("requirement", ""), table.text("got", "")
    if not requirement and not got:
        raise table.error("requirement", "name the requirement that is broken, or what is seen (got), or both")
    versions = table.texts("versions", ()) if _is_list(table.peek("versions")) else (table.text("versions"),)
    for condition in versions:
        if not _CONDITION.fullmatch(condition):
            raise table.error("versions", 'expected conditions such as "<=5.9.8"')
    fixed_in = table.text("fixed_in", "")
    if fixed_in and not fixed_in[0].isdigit():
        raise table.error("fixed_in", 'expected a version such as "6.0.1"')
    private = table.flag("private")
    reason, reference = ("", "") if private else (table.text("reason"), table.text("reference"))
    until, where = table.day("until"), table.text("where", "*")
    table.done()
    return Deviation(
        purpose, reason, reference, requirement or None, got or "*", versions, fixed_in or None, until, where, private,
        invariant,
    )  # fmt: skip


def load_private(path: Path, purposes: Collection[str] | None = None) -> dict[str, tuple[str, str]]:
    """Reason and reference of private deviations by purpose, from a file that is not for all.

    With ``purposes`` every entry must match at least one of them. Raises TomlError.
    """
    top = read_toml(path)
    found: dict[str, tuple[str, str]] = {}
    for table in top.tables("deviation"):
        purpose = table.text("purpose")
        found[purpose] = table.text("reason"), table.text("reference")
        table.done()
        _must_fit(table, purpose, purposes)
    top.done()
    return found


def _is_list(value: object) -> bool:
    return value is None or isinstance(value, list)
