"""Which case is drawn next: states, messages, mutators and recipes are arms, and those that pay are drawn more often.

docs/fuzzing.md says how. Everything comes from the seed of the campaign and the number of the case, and from what the
cases before have shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal

from conformance.fuzz.mutation import Mutation, Mutator
from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    EAP,
    KE,
    SA,
    SK,
    SKF,
    Delete,
    IDi,
    IDr,
    Message,
    Nonce,
    Notify,
    TSi,
    TSr,
    VendorID,
)
from suites.campaign.case import Case, Step
from suites.campaign.corpus import Corpus

MEMORY = 200.0
"""An arm forgets: what it has cost and brought counts as if it had been drawn at most so often."""
FLOOR = 0.1
"""What an arm that never pays gains each time: so much it weighs then, as the others do by the cost."""
RECIPES = {"lie": 14.0, "corpus": 6.0, "sequence": 3.0, "content": 3.0, "octets": 1.0}
"""How a case is made, and how much a recipe weighs beside what it pays."""
RICH = {"splice": 3.0, "lie": 1.5, "registry": 1.5, "items": 1.5}
"""Mutators that have so many ways that they weigh more from the beginning."""
RESPONSES = {"splice": 3.0}
"""The same once more in responses: what nobody has asked for is looked at least there."""
CANDIDATES = 8
"""So many lies are drawn for each that is told: that which is most unlike all that were told."""
OUTSIDE = ("ciphertext", "datagram")
"""Places of lies that need no message to be drawn from."""
PLAIN = 0.2
"""Every fifth case is a message as it should be until there was one of each kind in each state."""
RETRY = 0.02
"""How often a state is tried again that could not be reached."""
MOST_STEPS = 6
CLASSES = (SA, KE, IDi, IDr, CERT, CERTREQ, AUTH, Nonce, Notify, Delete, VendorID, TSi, TSr, CP, EAP, SK, SKF)
PAYLOADS = {int(one.payload_type): one.__name__ for one in CLASSES}
"""Payloads as targets of mutations name them, by type."""

Taste = Literal["valid", "near", "garbage"]
TASTES: tuple[Taste, ...] = ("valid", "near", "garbage")
Arm = tuple[str, ...]
Cell = tuple[str, str, str]
"""What was bent, in which state, by which mutator: a cell of the heat map."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where lies come from: mutators by name, and payload chains from nothing (``valid``, ``near``, ``garbage``).

    ``learn`` is told each message as it should be, so that its payloads can turn up in others.
    """

    mutators: Mapping[str, Mutator]
    content: Callable[[Random, Taste], str]
    learn: Callable[[Message], None] = lambda message: None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A case with the arms that are credited for what it brings, and the entry of the corpus that it was made of."""

    case: Case
    arms: tuple[Arm, ...] = ()
    parent: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """What it touches of the heat map."""
        return tuple(cell for step in self.case.steps for cell in step_cells(self.case.state, step))


@dataclass(slots=True)
class Arms:
    """What each arm has cost and brought lately."""

    known: dict[Arm, tuple[float, float]] = field(default_factory=dict)

    def weight(self, arm: Arm) -> float:
        """How gladly it is drawn."""
        cost, gain = self.known.get(arm, (0.0, 0.0))
        return (1 + gain) / (1 + cost)

    def credit(self, arm: Arm, cost: float, gain: float) -> None:
        """It was drawn."""
        before, earned = self.known.get(arm, (0.0, 0.0))
        cost, gain = before + cost, earned + gain
        fade = min(1.0, MEMORY / cost) if cost else 1.0
        self.known[arm] = cost * fade, gain * fade

    def tried(self, arm: Arm) -> bool:
        """Whether it was drawn ever."""
        return arm in self.known

    def choose(self, random: Random, arms: Sequence[Arm], bias: Sequence[float] | None = None) -> Arm:
        """One of them, by weight."""
        weights = [self.weight(one) for one in arms]
        if bias is not None:
            weights = [one * factor for one, factor in zip(weights, bias, strict=True)]
        return random.choices(arms, weights)[0]


class Schedule:
    """Draws cases.

    Attributes:
        states: the states with the messages that may be sent in each.
        arms: what pays.
        samples: a message of each kind as it is sent unbent, by state and kind.
        barred: states that could not be reached, again and again.
        failures: why cases could not be drawn, since somebody has taken note of it.
        touched: how often each payload of each kind of message was bent, by each mutator, in each of its ways.
    """

    def __init__(
        self,
        seed: int,
        states: Mapping[str, Sequence[str]],
        sources: Sources,
        corpus: Corpus,
        *,
        payloads: Collection[str] = (),
        groups: Mapping[str, str] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """``payloads``: only these are bent, empty for all. States of one of the ``groups`` share a connection."""
        self.seed, self.states, self.sources, self.corpus = seed, states, sources, corpus
        self.payloads = frozenset(payloads)
        self.groups, self.weights = dict(groups or {}), dict(weights or {})
        self.arms = Arms()
        self.samples: dict[tuple[str, str], Message] = {}
        self.barred: set[str] = set()
        self.failures: list[str] = []
        self.touched: Counter[Arm] = Counter()
        self._plain = _kinds_first(states)

    def draw_all(self, number: int, count: int) -> tuple[Drawn, ...]:
        """So many cases from this number on, all in states of one connection: changing it takes a device long."""
        found: list[Drawn] = []
        for at in range(number, number + count):
            group = self.groups.get(found[0].case.state, "") if found else None
            try:
                found.append(self.draw(at, group))
            except Exception as error:  # a mutator's mistake must not end a campaign of days
                self.failures.append(" ".join(f"no case was drawn: {type(error).__name__}: {error}".split())[:300])
        return tuple(found)

    def draw(self, number: int, group: str | None = None) -> Drawn:
        """The case with this number, in a state of a group if one is named."""
        random = Random(f"{self.seed}/{number}")
        seed = random.getrandbits(48)
        plain = [one for one in self._plain if group is None or self.groups.get(one[0], "") == group]
        if plain and (not self.samples or random.random() < PLAIN):
            state, kind = plain[0]
            self._plain.remove(plain[0])
            return Drawn(Case(state, seed, (Step(kind),)), (("state", state), ("kind", state, kind)))
        allowed = [one for one in self.states if group is None or self.groups.get(one, "") == group]
        barred = self.barred if random.random() > RETRY else ()
        states = [("state", one) for one in allowed if one not in barred] or [("state", one) for one in allowed]
        # States that are much like others have smaller weights, those in which more can be sent have more to be tried.
        bias = [self.weights.get(one, 1.0) * len(self.states[one]) ** 0.5 for _, one in states]
        state_arm = self.arms.choose(random, states, bias)
        state = state_arm[1]
        recipes = [one for one in RECIPES if one != "octets" or "octets" in self.states[state]]
        recipe = self.arms.choose(random, [("recipe", one) for one in recipes], [RECIPES[one] for one in recipes])
        arms: list[Arm] = [state_arm, recipe]
        parent = ""
        match recipe[1]:
            case "corpus":
                parent, steps = self._from_corpus(random, state, arms)
            case "sequence":
                steps = tuple(
                    self._step(random, state, arms, lies=random.choice((0, 1))) for _ in range(random.randint(2, 4))
                )
            case "content":
                steps = (self._content(random, state, arms),)
            case "octets":
                steps = (self._garbage(random),)
            case _:
                steps = (self._step(random, state, arms, lies=random.choices((1, 2, 3), (9, 5, 2))[0]),)
        return Drawn(Case(state, seed, steps), tuple(dict.fromkeys(arms)), parent)

    def claim(self, states: Collection[str]) -> None:
        """Only these states can be reached."""
        self.states = {state: kinds for state, kinds in self.states.items() if state in states}
        self._plain = [one for one in self._plain if one[0] in states]

    def skip_plain(self, done: Iterable[tuple[str, str]]) -> None:
        """These messages were sent as they should be already, in a campaign that goes on."""
        known = set(done)
        self._plain = [one for one in self._plain if one not in known]

    def _kind(self, random: Random, state: str, arms: list[Arm]) -> str:
        kinds = [("kind", state, one) for one in self.states[state] if one != "octets"]
        if not kinds:
            return "octets"
        arm = self.arms.choose(random, kinds)
        arms.append(arm)
        return arm[2]

    def _step(self, random: Random, state: str, arms: list[Arm], lies: int) -> Step:
        kind = self._kind(random, state, arms)
        if kind == "octets":
            return self._garbage(random)
        return Step(kind, self._lies(random, state, kind, arms, lies))

    def _lies(self, random: Random, state: str, kind: str, arms: list[Arm], count: int) -> tuple[Mutation, ...]:
        """So many mutations of a message, fewer where it has not been seen yet or cannot be bent."""
        message = self.samples.get((state, kind)) or self._alike(kind)
        if message is None:  # lies for another message, which do not look at what is in it
            message = next(reversed(self.samples.values()), None)
            names = [one for one in self.sources.mutators if self.sources.mutators[one].place in OUTSIDE]
        else:
            names = list(self.sources.mutators)
        if message is None or not names:
            return ()
        found: list[Mutation] = []
        for _ in range(count):
            some: dict[Arm, Mutation] = {}  # by what is bent, from the kind of message to the way of the mutator
            for _ in range(2 * CANDIDATES):
                one = self._lie(random, message, names)
                if one is not None:
                    some.setdefault((kind, payload_of(one), one.mutator, *_way(one)), one)
                if len(some) == CANDIDATES:
                    break
            if some:
                way = min(some, key=lambda one: [self.touched[each] for each in _seen_in(state, one)])
                self.touched.update(_seen_in(state, way))
                found.append(some[way])
                arms.append(("mutator", way[2]))
        return tuple(found)

    def _lie(self, random: Random, message: Message, names: Sequence[str]) -> Mutation | None:
        """A mutation of this message, None where the mutator has nothing to bend there, or not what may be bent."""
        rich = [RICH.get(one, 1.0) * (RESPONSES.get(one, 1.0) if message.is_response else 1.0) for one in names]
        arm = self.arms.choose(random, [("mutator", one) for one in names], rich)
        one = self.sources.mutators[arm[1]].draw(random, message)
        wanted = one is None or not self.payloads or payload_of(one) in self.payloads
        return one if wanted else None

    def _alike(self, kind: str) -> Message | None:
        """Such a message in another state."""
        return next((one for (_, what), one in reversed(self.samples.items()) if what == kind), None)

    def _content(self, random: Random, state: str, arms: list[Arm]) -> Step:
        kind = self._kind(random, state, arms)
        if kind == "octets":
            return self._garbage(random)
        how: Taste = random.choices(TASTES, (2, 5, 1))[0]
        content = self.sources.content(random, how)
        for _ in range(32):
            if not self.payloads or payload_name(content) in self.payloads:
                break
            content = self.sources.content(random, how)
        return Step(kind, (), content)

    def _garbage(self, random: Random) -> Step:
        """A datagram of chance, more often than not behind something like a header."""
        octets = bytearray(random.randbytes(min(int(random.expovariate(1 / 60)), 1400)))
        if len(octets) >= 28 and random.random() < 0.8:
            exchange = random.choice((34, 35, 36, 37, 43, random.randrange(256)))
            octets[16:20] = bytes(
                (random.choice((0, 33, 34, 41, 46, 53)), 0x20, exchange, random.choice((8, 0, 32, 40)))
            )
            octets[24:28] = random.choice((len(octets), len(octets) + 1, 28, 0, 0xFFFFFFFF)).to_bytes(4, "big")
        return Step("octets", (), octets.hex())

    def _from_corpus(self, random: Random, state: str, arms: list[Arm]) -> tuple[str, tuple[Step, ...]]:
        """What has shown something new, with one thing changed."""
        entry = self.corpus.pick(random, state)
        if entry is None or not entry.case.steps:
            return "", (self._step(random, state, arms, lies=1),)
        steps = list(entry.case.steps)
        at = random.randrange(len(steps))
        step = steps[at]
        change = random.choice(("lie", "lie", "other", "again", "more", "more", "splice", "less"))
        if change in ("lie", "other") and step.kind != "octets":
            kept = step.mutations if change == "lie" else step.mutations[:-1]
            steps[at] = replace(step, mutations=(*kept, *self._lies(random, state, step.kind, arms, 1))[-4:])
        elif change == "again":
            steps.insert(at, step)
        elif change == "splice" and (other := self.corpus.pick(random, state)) is not None:
            steps += other.case.steps
        elif change == "less" and len(steps) > 1:
            del steps[at]
        else:
            steps.append(self._step(random, state, arms, lies=1))
        return entry.id, tuple(steps[:MOST_STEPS])

    def to_json(self) -> dict[str, Any]:
        """What it has learned, as it is saved."""
        return {
            "arms": [[list(arm), *values] for arm, values in self.arms.known.items()],
            "barred": sorted(self.barred),
            "touched": [[*cell, count] for cell, count in self.touched.items()],
        }

    def learn(self, told: dict[str, Any]) -> None:
        """Inverse of `to_json`."""
        self.arms.known = {tuple(arm): (cost, gain) for arm, cost, gain in told["arms"]}
        self.barred = set(told["barred"])
        self.touched = Counter({tuple(cell): count for *cell, count in told.get("touched", [])})

    def sample(self, state: str, kind: str, message: Message) -> None:
        """A message of this kind as it is sent in a state: lies are told about it, and its payloads go into others."""
        self.samples[state, kind] = message
        self.sources.learn(message)


def _kinds_first(states: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Every message of every state, those of a kind that no state before has before all others."""
    seen: Counter[str] = Counter()
    found = []
    for state, kinds in states.items():
        for kind in kinds:
            if kind != "octets":
                found.append((min(seen[kind], 1), state, kind))
                seen[kind] += 1
    return [(state, kind) for _, state, kind in sorted(found, key=lambda one: one[0])]


def step_cells(state: str, step: Step) -> tuple[Cell, ...]:
    """What one message touches of the heat map."""
    found = [(payload_of(one), state, one.mutator) for one in step.mutations]
    if step.content:
        found.append((payload_name(step.content) if step.kind != "octets" else "datagram", state, "content"))
    return tuple(found or [("none", state, "none")])


def _way(mutation: Mutation) -> Arm:
    """In which way a mutator bends: its field and deed, without numbers and octets."""
    words = (one.rstrip("0123456789") for one in mutation.arguments[:2] if isinstance(one, str))
    return tuple(".".join(part for part in word.split(".") if not part.isdigit()) for word in words)


def _seen_in(state: str, way: Arm) -> tuple[Arm, ...]:
    """What tells how new a way to bend a message is: it in this state, it anywhere, its mutator there, its payload."""
    return ("in", state, *way), way, way[:3], way[:2]


def payload_of(mutation: Mutation) -> str:
    """What is bent, without its number."""
    return mutation.target.partition("/")[0]


def payload_name(content: str) -> str:
    """What a payload chain begins with."""
    try:
        return PAYLOADS.get(int(content.partition(":")[0], 16), "unknown")
    except ValueError:
        return "unknown"
