"""Runs purposes on mutants of the device and says which ones nobody kills."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import sqrt
from pathlib import Path

from tests.mutation.install import HOUSE, Made, files, installed, make, watched
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.reach import LIMIT, TIMES, Reach, Run, run_once


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    BROKEN = "killed, but with no verdict on a requirement"
    SURVIVED = "survived"
    SAME = "nothing to be seen"
    UNREACHED = "no purpose comes by"
    IMPOSSIBLE = "cannot be made"


JUDGED = ("fail", "warn")
"""Verdicts that name a requirement which the device broke; other ones say only that something does not work."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant, its fate, and the purpose that killed it or whose conversation it changed."""

    mutant: Mutant
    fate: Fate
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What purposes said of a mutant: that one which killed it, or those whose conversations were others, perhaps."""

    killer: str = ""
    fate: Fate = Fate.SAME
    others: tuple[tuple[str, Run], ...] = ()


def all_mutants() -> list[Mutant]:
    """Those of all files."""
    return [mutant for path in files() for mutant in mutants(path)]


def on(purpose: str, known: Reach, made: Sequence[Made]) -> Run:
    """Run a purpose on the device with mutants."""
    with watched(), installed(*made):
        return run_once(purpose, LIMIT + TIMES * known.usual[purpose].seconds)


def try_on(made: Made, purposes: Iterable[str], known: Reach) -> Seen:
    """Run purposes until one judges the mutant."""
    broken, others = Seen(), []
    for purpose in purposes:
        run = on(purpose, known, [made])
        if run.verdict in JUDGED:
            return Seen(purpose, Fate.KILLED)
        if run.verdict == "hang":
            return Seen(purpose, Fate.BROKEN)
        if run.verdict != "pass":
            broken = broken if broken.killer else Seen(purpose, Fate.BROKEN)
        elif not known.alike(purpose, run):
            others.append((purpose, run))
    return broken if broken.killer else Seen(others=tuple(others))


def judge(mutant: Mutant, known: Reach) -> Judged:
    """Run all the purposes in which the device comes by, until one judges it."""
    candidates = known.purposes(mutant)
    if not candidates:
        return Judged(mutant, Fate.UNREACHED)
    try:
        made = make(mutant)
    except (LookupError, SyntaxError, ValueError):
        return Judged(mutant, Fate.IMPOSSIBLE)
    seen = try_on(made, candidates, known)
    if seen.killer:
        return Judged(mutant, seen.fate, seen.killer)
    changed = changes(seen, known)
    return Judged(mutant, Fate.SURVIVED if changed else Fate.SAME, changed)


def changes(seen: Seen, known: Reach) -> str:
    """The first purpose whose conversation was surely another one; empty if there is none."""
    return next((purpose for purpose, run in seen.others if known.differs(purpose, run)), "")


def share_killed(judged: Iterable[Judged]) -> float:
    """Killed ones among those that a peer could see."""
    killed, seen = _counts(judged)
    return killed / seen if seen else 1.0


def bounds(judged: Iterable[Judged]) -> tuple[float, float]:
    """Where the true share lies in nineteen of twenty such samples (the score interval of Wilson, 1927)."""
    killed, seen = _counts(judged)
    if not seen:
        return 0.0, 1.0
    z, share = 1.96, killed / seen
    middle = share + z * z / (2 * seen)
    width = z * sqrt(share * (1 - share) / seen + z * z / (4 * seen * seen))
    return (middle - width) / (1 + z * z / seen), (middle + width) / (1 + z * z / seen)


def _counts(judged: Iterable[Judged]) -> tuple[int, int]:
    fates = [one.fate for one in judged]
    killed = fates.count(Fate.KILLED) + fates.count(Fate.BROKEN)
    return killed, killed + fates.count(Fate.SURVIVED)


def place_of(mutant: Mutant) -> Path:
    """Its file, relative to the house."""
    return mutant.path.relative_to(HOUSE)
