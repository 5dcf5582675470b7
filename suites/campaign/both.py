"""Every case on two devices: the first one is judged as ever, the other one shows what it would have answered."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from conformance.fuzz.mutators import simpler
from peers.registry import open_device
from suites.campaign.bench import Rig
from suites.campaign.case import Case, Outcome
from suites.campaign.knowledge import UNREACHABLE
from suites.campaign.oracles.differential import differs
from suites.campaign.running import DeviceRunner

LIMITS = {True: 60.0, False: 10.0}
"""Seconds that a case may take, by whether time passes for the device."""

BESIDE = "other-"
"""How the names of files begin that are evidence of the other device."""


class BothRunner:
    """Runs cases on a device, and what it survives on another one, too.

    A difference counts if it is there again on two devices that have forgotten all else, and have all the time for an
    answer that they say that they need.
    """

    def __init__(self, against: str, word: str, seed: int) -> None:
        """``against`` and ``word`` are words of `peers.registry`. Raises DeviceError."""
        self.one, self.other = DeviceRunner(word, seed), DeviceRunner(against, seed)
        self._known: set[tuple[str, str]] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start both. Raises DeviceError; a failed start leaves nothing behind."""
        with ExitStack() as stack:
            stack.enter_context(self.one)
            stack.enter_context(self.other)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both."""
        self._stack.__exit__(kind, error, trace)

    def run(self, case: Case, *, fresh: bool = False, asked: str = "") -> Outcome:
        """Run a case: see `Runner.run`. Raises DeviceError where a device cannot be brought back."""
        outcome = self.one.run(case, fresh=fresh, asked=asked, patient=fresh)
        if outcome.problems or _missed(outcome):
            return outcome
        other = self.other.run(case, fresh=fresh, asked=asked, patient=fresh)
        names = f"{self.one.device[0]} {self.one.device[1]}", f"{self.other.device[0]} {self.other.device[1]}"
        found = None if _missed(other) else differs(case, outcome, other, names)
        if found is None or (not fresh and (case.state, found.symptom) in self._known):
            return outcome
        if not fresh:
            self._known.add((case.state, found.symptom))
            return self.run(case, fresh=True)
        return replace(outcome, problems=(found,), kept=False)

    def evidence(self) -> Mapping[str, bytes]:
        """That of both, by the names of the files."""
        return dict(self.one.evidence()) | {f"{BESIDE}{name}": one for name, one in self.other.evidence().items()}

    @property
    def device(self) -> tuple[str, str, str]:
        """Name, version and place of the first one."""
        return self.one.device

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states that both can be brought to."""
        there = set(self.other.states)
        return tuple(one for one in self.one.states if one in there)

    @property
    def real_time(self) -> bool:
        """Whether time passes for either of them as it does for us."""
        return self.one.real_time or self.other.real_time


def _missed(outcome: Outcome) -> bool:
    return bool(outcome.answers) and outcome.answers[0].startswith((UNREACHABLE, "failed"))


def rig(word: str, seed: int, against: str = "") -> Rig:
    """What workers need for a device, ``against`` another one if one is named. Raises DeviceError if there is none."""
    words = [one for one in (word, against) if one]
    real_time = any(open_device(one).real_time for one in words)
    make = partial(BothRunner, against) if against else DeviceRunner
    return Rig(word, seed, make, simpler, len(words) * LIMITS[real_time])
