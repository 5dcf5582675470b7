"""Judges many mutants in less time than one after the other.

First each is tried alone, in a process of its own, with a few purposes: those that killed neighbours, then the
quickest. That kills most. What lives then changes mostly nothing, and that takes all purposes to know; so many are put
in place together, each purpose is run once, and where it does not pass, or its conversation is another one, halves of
the crowd are tried until it is known who it was.
"""

import os
import pickle
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tests.mutation.install import Made, make
from tests.mutation.mutants import Mutant
from tests.mutation.reach import Reach, Run
from tests.mutation.score import JUDGED, Fate, Judged, Seen, changes, on, try_on

FIRST = 24
"""So many purposes try each mutant alone."""

MEMORY = 2 << 30
"""Octets of address space beside what there is; a mutant that takes more is broken."""


class Many:
    """Mutants and what is known of them so far.

    Attributes:
        alive: whom no purpose has judged yet, with the purpose whose conversation it changed, if one did.
        judged: the others.
    """

    def __init__(self, known: Reach, told: Callable[[Judged], None] = lambda one: None) -> None:
        """``told`` is called as the fate of each becomes known."""
        self.known, self.told = known, told
        self.judged: list[Judged] = []
        self.alive: dict[Mutant, str] = {}
        self._made: dict[Mutant, Made] = {}
        self._visits: dict[Mutant, frozenset[str]] = {}
        self._killers: dict[tuple[str, str], list[str]] = {}

    def judge(self, mutants: Sequence[Mutant]) -> None:
        """Find out the fate of each."""
        for mutant in mutants:
            self._alone(mutant)
        for crowd in list(_crowds([one for one in self.alive if not self.alive[one]])):
            self._together(crowd, lambda mutant: not self.alive[mutant])
        for crowd in list(_crowds(list(self.alive))):
            if any(self.alive[one] for one in crowd):
                self._together([one for one in crowd if self.alive[one]], lambda mutant: True)
        for mutant, changed in self.alive.items():
            self._end(Judged(mutant, Fate.SURVIVED if changed else Fate.SAME, changed))
        self.alive.clear()

    def _end(self, one: Judged) -> None:
        self.judged.append(one)
        if one.purpose and one.fate in (Fate.KILLED, Fate.BROKEN):
            place = (str(one.mutant.path), one.mutant.function)
            killers = self._killers.setdefault(place, [])
            if one.purpose in killers:
                killers.remove(one.purpose)
            killers.insert(0, one.purpose)
        self.told(one)

    def _alone(self, mutant: Mutant) -> None:
        visits = self.known.purposes(mutant)
        if not visits:
            self._end(Judged(mutant, Fate.UNREACHED))
            return
        try:
            made = self._made[mutant] = make(mutant)
        except (LookupError, SyntaxError, ValueError):
            self._end(Judged(mutant, Fate.IMPOSSIBLE))
            return
        self._visits[mutant] = frozenset(visits)
        near = self._killers.get((str(mutant.path), mutant.function), [])
        chosen = [one for one in near if one in self._visits[mutant]][: FIRST // 2]
        chosen += [one for one in visits if one not in chosen][: FIRST - len(chosen)]
        seen = _in_a_process(lambda: try_on(made, chosen, self.known))
        if seen.killer:
            self._end(Judged(mutant, seen.fate, seen.killer))
        else:
            self.alive[mutant] = changes(seen, self.known)

    def _together(self, crowd: list[Mutant], wanted: Callable[[Mutant], bool]) -> None:
        """Run each purpose on a crowd, and on parts of it where it says something."""
        purposes = {purpose for mutant in crowd for purpose in self._visits[mutant]}
        for purpose in sorted(purposes, key=lambda one: self.known.usual[one].seconds):
            there = [one for one in crowd if one in self.alive and wanted(one) and purpose in self._visits[one]]
            self._halve(there, purpose)

    def _halve(self, crowd: list[Mutant], purpose: str) -> None:
        if not crowd:
            return
        run = self._on(crowd, purpose)
        # One whose conversation is known to be another one is asked only whether the purpose minds.
        says = run.verdict != "pass" or (not self.alive[crowd[0]] and self.known.differs(purpose, run))
        if says and len(crowd) == 1:
            if run.verdict == "pass":
                self.alive[crowd[0]] = purpose
            else:
                fate = Fate.KILLED if run.verdict in JUDGED else Fate.BROKEN
                del self.alive[crowd[0]]
                self._end(Judged(crowd[0], fate, purpose))
        elif says:
            middle = len(crowd) // 2
            self._halve(crowd[:middle], purpose)
            self._halve(crowd[middle:], purpose)

    def _on(self, crowd: list[Mutant], purpose: str) -> Run:
        return on(purpose, self.known, [self._made[one] for one in crowd])


def _crowds(mutants: list[Mutant]) -> Iterator[list[Mutant]]:
    """Parts with no two mutants of one function."""
    left = mutants
    while left:
        crowd = {(one.path, one.function): one for one in reversed(left)}
        yield list(crowd.values())
        chosen = set(crowd.values())
        left = [one for one in left if one not in chosen]


def _in_a_process(work: Callable[[], Seen]) -> Seen:
    """Do something in a copy of this process, so that nothing of it is left here. What ends the copy is broken."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with suppress(BaseException):
            os.close(reading)
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(work(), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(told) if told else Seen("its end", Fate.BROKEN)
