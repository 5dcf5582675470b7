"""What a campaign knows: the sum of its journal. The same events make the same knowledge, live or when it goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.wire import WireError, decode_message, encode_message
from suites.campaign.case import Case, Outcome
from suites.campaign.corpus import Corpus, Feature, features, worth
from suites.campaign.findings import Finding, Script, Signature
from suites.campaign.schedule import FLOOR, Cell, Drawn, Schedule
from suites.campaign.store import Event

UNREACHABLE = "unreachable"
"""How the answer of a case begins whose state could not be reached."""
OURSELVES = "ourselves"
"""The oracle that speaks when our own side has failed: that is counted, and no finding of the device."""
USUAL = 16
"""So many datagrams to and fro cost as much as a case does that takes no time; ``CHEAPEST``: what any case costs."""
CHEAPEST = 0.25
FIRST = "init"
"""The state for which a device need not say anything."""
GIVE_UP = 3
"""A state that was not reached so often in a row is only tried now and then."""


@dataclass(slots=True)
class Knowledge:
    """What a campaign knows.

    Attributes:
        schedule: what pays, the corpus, the messages as they should be.
        cells: how often each payload was bent in each state by each mutator.
        drawn: how many cases were drawn; the next one has this number.
        cases, datagrams, errors: how many were run or sent, and how many cases failed for our own reasons.
        seconds: how long the campaign has run.
        findings: by id; ``before`` are the cases before each that is not examined; ``again`` counts how often it was
            seen, ``states`` where.
        said: the errors of ours, each once.
        missed: how often in a row each state was not reached, and why.
        curve: seconds, cases, corpus and findings as they grew.
    """

    schedule: Schedule
    cells: Counter[Cell] = field(default_factory=Counter)
    drawn: int = 0
    cases: int = 0
    datagrams: int = 0
    errors: int = 0
    seconds: float = 0.0
    findings: dict[str, Finding] = field(default_factory=dict)
    before: dict[str, Script] = field(default_factory=dict)
    again: Counter[str] = field(default_factory=Counter)
    states: dict[str, list[str]] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)
    missed: dict[str, tuple[int, str]] = field(default_factory=dict)
    curve: list[tuple[float, int, int, int]] = field(default_factory=list)

    @property
    def corpus(self) -> Corpus:
        """The cases that were worth keeping."""
        return self.schedule.corpus

    @property
    def silent(self) -> bool:
        """Whether the device has never answered, nor come to a state for which it must: then nothing was tried."""
        answers = {one[2] for one in self.corpus.seen if one[1] == "answer"}
        return {state for _, state, _ in self.cells} <= {FIRST} and answers <= {"-"}

    # --- making events -----------------------------------------------------------------------------------------------

    def batch(self, ran: Sequence[tuple[Drawn, Outcome, float, str]], seconds: float) -> Event:
        """The event that says what came of these cases: outcome, seconds, error."""
        tally = _Tally()
        tally.errors, self.schedule.failures = self.schedule.failures, []
        fresh: set[Feature] = set()
        for drawn, outcome, spent, error in ran:
            case, missed = drawn.case, bool(outcome.answers) and outcome.answers[0].startswith(UNREACHABLE)
            new = [] if missed or error else self._unseen(features(case, outcome), fresh)
            fresh.update(new)
            tally.add(drawn, worth(new), _cost(outcome, spent), reached=not missed)
            if missed:
                tally.missed.append([case.state, outcome.answers[0]])
            elif case.state in self.missed:
                tally.missed.append([case.state, ""])
            if new:
                tally.new.append([case.to_json(), worth(new), [list(one) for one in new]])
            if error:
                tally.errors.append(error)
            key = (case.state, case.steps[0].kind if case.steps else "")
            if key not in {*self.schedule.samples, *tally.sampled} and outcome.sent and outcome.sent[0] is not None:
                tally.sampled.add(key)
                tally.samples.append([*key, encode_message(outcome.sent[0]).hex()])
            tally.datagrams += outcome.datagrams
            tally.errors += [one.symptom for one in outcome.problems if one.oracle == OURSELVES]
            for problem in outcome.problems:
                tally.again.append([Signature.of(problem, case.state).id, case.state])
        return tally.event(len(ran), self.drawn, seconds)

    def _unseen(self, found: Sequence[Feature], fresh: set[Feature]) -> list[Feature]:
        return [one for one in found if one not in self.corpus.seen and one not in fresh]

    # --- applying them -----------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Take an event in."""
        match event["t"]:
            case "batch":
                self._apply_batch(event)
            case "finding":
                finding = Finding.from_json(event["finding"])
                self.findings[finding.id] = finding
                self.before[finding.id] = tuple(map(Case.from_json, event["before"]))
            case "examined":
                self._apply_examined(event["id"], Finding.from_json(event["finding"]))
            case "whole":
                self._apply_whole(event)

    def _apply_batch(self, event: Event) -> None:
        self.cases += event["cases"]
        self.datagrams += event["datagrams"]
        self.drawn = max(self.drawn, event["drawn"])
        self.seconds = max(self.seconds, event["seconds"])
        for *cell, count in event["cells"]:
            self.cells[cell[0], cell[1], cell[2]] += count
        for arm, cost, gain in event["arms"]:
            self.schedule.arms.credit(tuple(arm), cost, gain)
        for state, key, gain in event["parents"]:
            self.corpus.credit(state, key, gain)
        for case, gain, found in event["new"]:
            self.corpus.seen.update(map(tuple, found))
            self.corpus.keep(Case.from_json(case), gain)
        self._samples(event["samples"])
        for text in event["errors"]:
            self.errors += 1
            self.said[text] = self.said.get(text, 0) + 1
        for key, state in event["again"]:
            self.again[key] += 1
            there = self.states.setdefault(key, [])
            if state not in there:
                there.append(state)
        for state, why in event["missed"]:
            self._miss(state, why)
        self.curve.append((round(self.seconds, 1), self.cases, len(self.corpus), len(self.findings)))
        if len(self.curve) > 400:
            self.curve = self.curve[::2]

    def _samples(self, told: Sequence[Sequence[str]]) -> None:
        for state, kind, octets in told:
            try:
                self.schedule.sample(state, kind, decode_message(bytes.fromhex(octets), lenient=True))
            except WireError:
                continue

    def _miss(self, state: str, why: str) -> None:
        if not why:
            self.missed.pop(state, None)
            self.schedule.barred.discard(state)
            return
        count = self.missed.get(state, (0, ""))[0] + 1
        self.missed[state] = count, why
        if count >= GIVE_UP:
            self.schedule.barred.add(state)

    def _apply_examined(self, key: str, finding: Finding) -> None:
        """A finding that was examined may turn out to be another one, and even one that is known."""
        self.before.pop(key, None)
        self.findings.pop(key, None)
        if finding.id != key:
            self.again[finding.id] += self.again.pop(key, 0)
            self.states[finding.id] = list(dict.fromkeys([*self.states.get(finding.id, []), finding.state]))
            if finding.id in self.findings and self.findings[finding.id].examined:
                return
        self.findings[finding.id] = finding

    # --- all of it ---------------------------------------------------------------------------------------------------

    def whole(self) -> Event:
        """One event that says everything."""
        return {
            "t": "whole",
            "numbers": [self.drawn, self.cases, self.datagrams, self.errors, self.seconds],
            "cells": [[*cell, count] for cell, count in self.cells.items()],
            "schedule": self.schedule.to_json(),
            "corpus": self.corpus.to_json(),
            "samples": [[*key, encode_message(one).hex()] for key, one in self.schedule.samples.items()],
            "findings": [one.to_json() for one in self.findings.values()],
            "before": {key: [case.to_json() for case in script] for key, script in self.before.items()},
            "again": dict(self.again),
            "states": self.states,
            "said": self.said,
            "missed": {state: list(one) for state, one in self.missed.items()},
            "curve": self.curve,
        }

    def _apply_whole(self, event: Event) -> None:
        self.drawn, self.cases, self.datagrams, self.errors, self.seconds = event["numbers"]
        self.cells = Counter({(one[0], one[1], one[2]): one[3] for one in event["cells"]})
        self.schedule.learn(event["schedule"])
        corpus = Corpus.from_json(event["corpus"])
        self.corpus.seen, self.corpus.entries = corpus.seen, corpus.entries
        self._samples(event["samples"])
        found = [Finding.from_json(one) for one in event["findings"]]
        self.findings = {one.id: one for one in found}
        self.before = {key: tuple(map(Case.from_json, script)) for key, script in event["before"].items()}
        self.again, self.states, self.said = Counter(event["again"]), event["states"], event["said"]
        self.missed = {state: (one[0], one[1]) for state, one in event["missed"].items()}
        self.curve = [tuple(one) for one in event["curve"]]


def _cost(outcome: Outcome, seconds: float) -> float:
    """What a case has cost: the time that it took, or where none passes what went to and fro for it."""
    if seconds or not outcome.exchanged:
        return 1 + 5 * seconds
    return max(CHEAPEST, outcome.exchanged / USUAL)


@dataclass(slots=True)
class _Tally:
    """The sums of a batch."""

    cells: Counter[Cell] = field(default_factory=Counter)
    arms: dict[tuple[str, ...], list[float]] = field(default_factory=dict)
    parents: list[list[Any]] = field(default_factory=list)
    new: list[Any] = field(default_factory=list)
    samples: list[list[str]] = field(default_factory=list)
    sampled: set[tuple[str, str]] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    again: list[list[str]] = field(default_factory=list)
    missed: list[list[str]] = field(default_factory=list)
    datagrams: int = 0

    def add(self, drawn: Drawn, gain: int, cost: float, *, reached: bool) -> None:
        """One case."""
        for arm in drawn.arms:
            total = self.arms.setdefault(arm, [0.0, 0.0])
            total[0] += cost
            total[1] += FLOOR + min(gain, 3)
        if drawn.parent:
            self.parents.append([drawn.case.state, drawn.parent, gain])
        if reached:
            self.cells.update(drawn.cells)

    def event(self, cases: int, drawn: int, seconds: float) -> Event:
        """As it goes into the journal."""
        return {
            "t": "batch",
            "cases": cases,
            "drawn": drawn,
            "datagrams": self.datagrams,
            "seconds": round(seconds, 3),
            "cells": [[*cell, count] for cell, count in self.cells.items()],
            "arms": [[list(arm), round(cost, 3), round(gain, 3)] for arm, (cost, gain) in self.arms.items()],
            "parents": self.parents,
            "new": self.new,
            "samples": self.samples,
            "errors": self.errors,
            "again": self.again,
            "missed": self.missed,
        }
