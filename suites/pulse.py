"""How a device uses its machine: whether it computes while nobody asks anything of it, or uses more and more.

A device that spins or grows answers for a while yet, so no answer tells of it. Both are judged where its process is
seen (`Device.vitals`) and its clock is not ours.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

from peers.contract import Device, Vitals

BUSY = 0.7
"""The share of a processor from which on a process is busy."""

SPELL, QUIET = 0.25, 4.0
"""Seconds: of one look at a device that seems to spin, and how long it must go on in each of them."""

SAMPLES = 30
"""Samples that are compared, in three parts of which each must be over the one before, twice in a row."""

VISITS = 20
"""Samples of one label that must rise by about as much each time, twice in a row: what is seldom done may leak, too."""

LEAST = {"memory": 4 << 20, "descriptors": 9, "threads": 6}
"""The growth that counts between first and last part."""


def share(before: Vitals, after: Vitals, seconds: float) -> float:
    """The part of the time in which a process computed, or could have done so, on one processor."""
    used = after.cpu - before.cpu + after.waited - before.waited
    return used / seconds if seconds > 0 else 0.0


def spins(vitals: Callable[[], Vitals | None]) -> str:
    """Whether a process computes all the time for `QUIET` seconds in which nobody asks anything of it, in words.

    Empty: it rests, or nobody knows. What rests is left alone after one spell.
    """
    first = before = vitals()
    began = last = time.monotonic()
    while first is not None and before is not None:
        time.sleep(SPELL)
        now, after = time.monotonic(), vitals()
        if after is None or share(before, after, now - last) < BUSY:
            return ""
        if now - began >= QUIET:
            return f"its process spins: it wants {share(first, after, now - began):.0%} of a processor for nothing"
        before, last = after, now
    return ""


class Pulse:
    """What a device uses around one conversation."""

    def __init__(self, device: Device, before: Vitals | None = None) -> None:
        """The conversation begins. ``before`` is what was seen of the device just now, None: see now."""
        self.device = device
        self.before = (before or device.vitals()) if device.real_time else None
        self.began = time.monotonic()

    def spins(self) -> str:
        """Whether the device was busy all the time, and still is although the conversation is over; in words."""
        if self.before is None:
            return ""
        after, seconds = self.device.vitals(), time.monotonic() - self.began
        if after is None or share(self.before, after, seconds) < BUSY:
            return ""
        return spins(self.device.vitals)


@dataclass(frozen=True, slots=True)
class Growth:
    """Something that a device uses more and more of: ``what`` is a field of `Vitals`.

    ``first`` and ``last`` are of the first and the last sample, ``worst`` is where most of it was added, and how much.
    """

    what: str
    first: int
    last: int
    worst: str
    most: int

    def __str__(self) -> str:
        rise = f"{self.what} of the device rises all the time: {self.first}, then {self.last}"
        return f"{rise}, most of it in {self.worst}"


class Slopes:
    """By how much each sample of a label rises over the one before, whatever label that has."""

    def __init__(self) -> None:
        """Nothing has risen."""
        self.steps: dict[str, deque[tuple[Vitals, Vitals]]] = {}
        self.suspects: dict[tuple[str, str], int] = {}

    def take(self, label: str, before: Vitals, now: Vitals) -> Growth | None:
        """One more; what rises without end with this label, if anything."""
        steps = self.steps.setdefault(label, deque(maxlen=VISITS))
        steps.append((before, now))
        name = next((one for one in LEAST if len(steps) == VISITS and _rises(one, steps)), None)
        if name is None:
            return None
        first, last = getattr(steps[0][0], name), getattr(now, name)
        rise = last - first
        steps.clear()
        suspected = self.suspects.pop((label, name), None)
        if suspected is None or 2 * rise < suspected:
            self.suspects[label, name] = rise
            return None
        return Growth(name, first, last, label, rise)


def _rises(name: str, steps: Sequence[tuple[Vitals, Vitals]]) -> bool:
    """Whether most steps are alike, and what they add is there in the end: not given back, by them or by others."""
    ordered: list[int] = sorted(getattr(now, name) - getattr(before, name) for before, now in steps)
    added = sum(ordered)
    kept: int = getattr(steps[-1][1], name) - getattr(steps[0][0], name)
    steady = 2 * ordered[len(ordered) // 4] >= added / len(ordered) >= ordered[len(ordered) // 2] / 2
    return steady and kept >= LEAST[name] and 2 * kept >= added >= kept / 2


class Samples:
    """What a daemon used from time to time, each when it had just forgotten all its SAs."""

    def __init__(self, device: Device) -> None:
        """None so far."""
        self.device = device
        self.samples: deque[tuple[Vitals, str]] = deque(maxlen=SAMPLES)
        self.suspect: tuple[str, int] | None = None
        self.slopes = Slopes()

    @property
    def newest(self) -> Vitals | None:
        """The last one, if there is one."""
        return self.samples[-1][0] if self.samples else None

    def forget(self) -> None:
        """The device has been started again."""
        self.samples.clear()
        self.suspect = None
        self.slopes = Slopes()

    def take(self, label: str) -> Growth | None:
        """One more, ``label`` is what came before it; what grows without end, if anything."""
        vitals = self.device.vitals()
        if vitals is None:
            return None
        before = self.newest
        self.samples.append((vitals, label))
        if before is not None and (found := self.slopes.take(label, before, vitals)) is not None:
            return found
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

    def _suspected(self, name: str, values: list[int]) -> Growth | None:
        """A daemon that has just begun takes what it needs: what has no end rises as steeply once more."""
        before, rise = self.suspect, values[-1] - values[0]
        if before is not None and before[0] == name and 2 * rise >= before[1]:
            self.suspect = None
            return self._growth(name, values)
        self.suspect = name, rise
        self.samples.clear()
        return None

    def _growth(self, name: str, values: list[int]) -> Growth:
        steps: dict[str, int] = {}
        for (_, label), low, high in zip(list(self.samples)[1:], values, values[1:], strict=False):
            steps[label] = steps.get(label, 0) + high - low
        self.samples.clear()
        worst = max(steps, key=lambda one: steps[one])
        return Growth(name, values[0], values[-1], worst, steps[worst])
