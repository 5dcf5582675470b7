"""Whether a device keeps more and more: memory, descriptors, threads.

Where its clock is ours the reference device says exactly what it keeps, so a case that makes it keep more is tried
again and again at once. Of a daemon the operating system knows only roughly what it uses, so samples are compared: each
is taken when it has just forgotten all its SAs.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise

from peers.contract import Device, Vitals
from suites.campaign.case import Problem

AGAIN = 6
"""So often a case must make the device keep more, each time."""

SAMPLES = 30
"""Samples that are compared, in three parts of which each must be over the one before, twice in a row."""

LEAST = {"memory": 2 << 20, "descriptors": 9, "threads": 6}
"""The growth that counts between first and last part."""


def keeps_more(kept: Callable[[], int], again: Callable[[], bool]) -> bool:
    """Whether each repetition of a case makes the device keep more; ``again`` runs it, False: it cannot be repeated."""
    before = None
    for _ in range(AGAIN):
        if not again():
            return False
        now = kept()
        if before is not None and now <= before:
            return False
        before = now
    return True


def grows(state: str) -> Problem:
    """The problem of a device that does."""
    return Problem(
        "growth",
        f"what is kept grows in {state}",
        f"each time that this is sent the device keeps more, {AGAIN} times of {AGAIN}",
        "RFC7383-5-1" if "fragments" in state else "",
    )


class Samples:
    """What a daemon used, from time to time."""

    def __init__(self, device: Device) -> None:
        """None so far."""
        self.device = device
        self.samples: deque[tuple[Vitals, str]] = deque(maxlen=SAMPLES)
        self.suspect: tuple[str, int] | None = None

    def forget(self) -> None:
        """The device has been started again."""
        self.samples.clear()
        self.suspect = None

    def take(self, state: str) -> Problem | None:
        """One more, when the device has forgotten the SAs of cases in a state; what grows without end, if anything."""
        vitals = self.device.vitals()
        if vitals is None:
            return None
        self.samples.append((vitals, state))
        if len(self.samples) < SAMPLES:
            return None
        for name in (one.name for one in fields(Vitals) if one.name in LEAST):
            values = [getattr(one, name) for one, _ in self.samples]
            third = SAMPLES // 3
            parts = [values[at : at + third] for at in range(0, SAMPLES, third)]
            rises = all(max(low) < min(high) for low, high in pairwise(parts))
            if rises and values[-1] - values[0] >= LEAST[name]:
                return self._suspected(name, values)
        return None

    def _suspected(self, name: str, values: list[int]) -> Problem | None:
        """A daemon that has just begun takes what it needs: what has no end rises as steeply once more."""
        before, rise = self.suspect, values[-1] - values[0]
        if before is not None and before[0] == name and 2 * rise >= before[1]:
            self.suspect = None
            return self._problem(name, values)
        self.suspect = name, rise
        self.samples.clear()
        return None

    def _problem(self, name: str, values: list[int]) -> Problem:
        steps: dict[str, int] = {}
        for (_, state), low, high in zip(list(self.samples)[1:], values, values[1:], strict=False):
            steps[state] = steps.get(state, 0) + high - low
        worst = max(steps, key=lambda one: steps[one])
        self.samples.clear()
        words = f"{name} of the device rises all the time: {values[0]}, then {values[-1]}, most of it in {worst}"
        return Problem("growth", f"{name} grows in {worst}", words)
