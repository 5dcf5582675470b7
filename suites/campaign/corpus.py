"""What is worth to be tried again with another lie: the cases that have shown something new of the device.

New is what the device has not done before in this state: an answer, a sequence of answers, a class of log message. That
is all one sees of a device which nobody has instrumented; one that was built so tells new places of its code, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from suites.campaign.case import Case, Outcome

MOST = 256
"""Cases that are kept for one state; then the one goes that was tried most without gain."""

Feature = tuple[str, ...]
CODE = "code"
"""What stands in a feature where others have the state: a place of the device's code is new in none or in all."""


def features(case: Case, outcome: Outcome) -> tuple[Feature, ...]:
    """What a case has shown of the device, each once."""
    kind = case.steps[-1].kind if case.steps else ""
    found: dict[Feature, None] = {(case.state, "log", line): None for line in outcome.log}
    found |= {(case.state, "answer", answer): None for answer in outcome.answers}
    if len(case.steps) == 1:
        found[case.state, "answers", kind, *outcome.answers] = None
    found |= {(CODE, str(place)): None for place in outcome.code}
    return tuple(found)


def worth(new: Sequence[Feature]) -> int:
    """How much new features count: each one, and all places of code together, of which one path has hundreds."""
    behaviour = sum(one[0] != CODE for one in new)
    return behaviour + (behaviour < len(new))


@dataclass(slots=True)
class Entry:
    """A case of the corpus. ``gain`` is what it and those made of it have shown, ``picks`` how often it was taken."""

    case: Case
    gain: int
    picks: int = 0

    @property
    def id(self) -> str:
        """Its content address."""
        return case_id(self.case)

    def to_json(self) -> list[Any]:
        """As it is saved."""
        return [self.case.to_json(), self.gain, self.picks]

    @classmethod
    def from_json(cls, told: list[Any]) -> Entry:
        """Inverse of `to_json`."""
        return cls(Case.from_json(told[0]), told[1], told[2])


class Corpus:
    """The cases of a campaign that have shown something new, by state."""

    def __init__(self) -> None:
        self.seen: set[Feature] = set()
        self.entries: dict[str, dict[str, Entry]] = {}

    def __len__(self) -> int:
        return sum(map(len, self.entries.values()))

    def new(self, found: tuple[Feature, ...]) -> tuple[Feature, ...]:
        """Those that were not seen before; from now on they are."""
        fresh = tuple(one for one in found if one not in self.seen)
        self.seen.update(fresh)
        return fresh

    def keep(self, case: Case, gain: int) -> None:
        """Put a case in."""
        there = self.entries.setdefault(case.state, {})
        there.setdefault(case_id(case), Entry(case, gain))
        if len(there) > MOST:
            worst = min(there.values(), key=_worth)
            del there[worst.id]

    def pick(self, random: Random, state: str) -> Entry | None:
        """One of a state's cases: rather one that has paid and was not taken often yet."""
        there = list(self.entries.get(state, {}).values())
        return random.choices(there, [_worth(one) for one in there])[0] if there else None

    def credit(self, state: str, key: str, gain: int) -> None:
        """A case was taken, and so much came of it."""
        entry = self.entries.get(state, {}).get(key)
        if entry is not None:
            entry.picks, entry.gain = entry.picks + 1, entry.gain + gain

    def to_json(self) -> dict[str, Any]:
        """As it is saved."""
        entries = [one.to_json() for there in self.entries.values() for one in there.values()]
        return {"seen": sorted(map(list, self.seen)), "entries": entries}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Corpus:
        """Inverse of `to_json`."""
        corpus = cls()
        corpus.seen = {tuple(one) for one in told["seen"]}
        for one in told["entries"]:
            entry = Entry.from_json(one)
            corpus.entries.setdefault(entry.case.state, {})[entry.id] = entry
        return corpus


def _worth(entry: Entry) -> float:
    return (1 + entry.gain) / (2 + entry.picks)


def case_id(case: Case) -> str:
    """The content address of a case."""
    text = json.dumps(case.to_json(), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]
