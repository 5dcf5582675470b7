"""Learning the machine of a device with AALpy: the algorithm of Kearns and Vazirani, and walks that look for more."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from aalpy.base import SUL, Oracle
from aalpy.learning_algs import run_KV

from peers.contract import Device
from suites.learning.alphabet import LETTERS, SILENCE, UNSENT
from suites.learning.asking import Asking, Enough, Nondeterministic
from suites.learning.machine import Machine, Word

WALKS, STEPS = 8, 8
"""From each state of a hypothesis so many random walks of so many messages must find nothing else."""
LONG = 40
"""So many messages that are thought to change nothing are sent in one conversation."""
IDLE_WALKS = 3
"""From a state in which nearly all messages get no answer."""
LIVELY = 6
"""So many times as often as others a walk takes messages after which the device still answers."""


class _Corrected(Exception):  # noqa: N818 - it is an outcome
    """AALpy was told an answer that has turned out to be the odd one."""


class _Asked(SUL):  # type: ignore[misc]
    """A device for AALpy. Only whole words are asked."""

    def __init__(self, asking: Asking) -> None:
        super().__init__()
        self.asking = asking

    def query(self, word: Word, guess: Sequence[str] = ()) -> list[str]:
        """What each message of a word is answered with, ``guess`` in all likelihood. Raises _Corrected."""
        self.num_queries += 1
        return self._told(lambda one: self.asking.ask(one, guess), word)

    def again(self, word: Word) -> list[str]:
        """The same, asked once more although it is known."""
        return self._told(self.asking.again, word)

    def _told(self, ask: Callable[[Word], list[str]], word: Word) -> list[str]:
        before = self.asking.corrected
        found = ask(tuple(word))
        if self.asking.corrected != before:
            raise _Corrected
        return found

    def pre(self) -> None:
        """Nothing: every word begins anew."""

    def post(self) -> None:
        """Nothing."""

    def step(self, letter: str) -> str:
        """No step is taken alone."""
        raise NotImplementedError(letter)


class _Doubts(Oracle):  # type: ignore[misc]
    """Looks for a word that a hypothesis gets wrong. ``best`` are the states of the last hypothesis.

    First tours: wherever a message leads to a state, all messages that are thought to change nothing there, in one
    conversation. Then what tells each state from all others, there and wherever a message leads to it or away from it.
    Then, for each state, each two messages that change nothing there, one right after the other. Then random walks.
    """

    def __init__(self, alphabet: list[str], asked: _Asked, seed: int) -> None:
        super().__init__(alphabet, asked)
        self.random = Random(f"{seed}/walks")
        self.best: tuple[Mapping[str, tuple[str, int]], ...] = ()
        self._walked: dict[Word, int] = {}

    def find_cex(self, hypothesis: Any) -> Word | None:
        """Such a word, None if none is found."""
        self.best = _states(hypothesis, tuple(self.alphabet))  # AALpy goes on to change its own
        draft = Machine("", tuple(self.alphabet), self.best)
        for word in self._words(draft):
            expected = draft.answers(word)
            for at, (found, right) in enumerate(zip(self.sul.query(word, expected), expected, strict=True), 1):
                if found != right:
                    return self._short(draft, word[:at])
        return None

    def _short(self, draft: Machine, word: Word) -> Word:
        """The same without what it does not need: states are made of it, and all their messages are asked there."""
        size = len(word) // 2
        while size:
            for at in reversed(range(0, len(word) - size, size)):
                fewer = word[:at] + word[at + size :]
                if self.sul.query(fewer)[-1] != draft.answers(fewer)[-1]:
                    word = fewer
            size //= 2
        self.sul.again(word)  # lest a single odd answer makes a state
        return word

    def _words(self, draft: Machine) -> Iterator[Word]:
        access = draft.access()
        for state, word in access.items():
            for letter in draft.alphabet:
                answer, to = draft.states[state][letter]
                if to != state or (to == 0 and not _is_none(answer)):
                    yield (*word, letter, *_loops(draft, to))
        marks = draft.marks()
        for state, word in access.items():
            for mark in marks[state]:
                yield (*word, *_loops(draft, state), *mark)
            for letter in draft.alphabet:
                to = draft.states[state][letter][1]
                if to != state:
                    yield from ((*word, letter, *mark) for mark in dict.fromkeys((*marks[to], *marks[state])))
        for state, word in access.items():
            if _answers(draft.states[state]):
                yield from ((*word, *some) for some in _pairs(_loops(draft, state)))
        for state, word in sorted(access.items(), key=lambda one: len(one[1]), reverse=True):
            walks = WALKS if _answers(draft.states[state]) or not word else IDLE_WALKS
            while self._walked.get(word, 0) < walks:
                yield self._walk(draft, word)
                self._walked[word] = self._walked.get(word, 0) + 1

    def _walk(self, draft: Machine, access: Word) -> Word:
        """A word that begins with ``access`` and keeps the IKE SA alive for long, as far as is known."""
        word, state = list(access), 0
        for letter in access:
            state = draft.states[state][letter][1]
        for _ in range(STEPS):
            weights = [LIVELY if _answers(draft.states[draft.states[state][one][1]]) else 1 for one in draft.alphabet]
            letter = self.random.choices(draft.alphabet, weights)[0]
            word.append(letter)
            state = draft.states[state][letter][1]
        return tuple(word)


def _loops(draft: Machine, state: int) -> Word:
    """The messages that change nothing in a state."""
    return tuple(one for one in draft.alphabet if draft.states[state][one][1] == state)


def _pairs(letters: Word) -> Iterator[Word]:
    """Words in which each of the letters comes right after each, itself included."""
    walk: list[str] = []
    for at, one in enumerate(letters, 1):
        walk.append(one)
        for other in letters[at:]:
            walk += (one, other)
    walk += letters[:1]
    yield from (tuple(walk[at : at + LONG + 1]) for at in range(0, max(len(walk) - 1, 0), LONG))


def _answers(state: Mapping[str, tuple[str, int]]) -> bool:
    """Whether some messages are answered there, not only those that begin anew."""
    return 4 * sum(_is_none(answer) for answer, _ in state.values()) < 3 * len(state)


def _is_none(answer: str) -> bool:
    return answer.startswith((SILENCE, UNSENT))


def named(device: Device) -> str:
    """A device as its machine calls it: name and release."""
    return f"{device.name} {device.version}".strip()


def learn(device: Device, asking: Asking, alphabet: Word = tuple(LETTERS)) -> Machine:
    """Learn a started device. A machine that is not finished says why.

    Raises Nondeterministic before there is any machine, Lost, Inconclusive, DeviceError.
    """
    started, unfinished = time.monotonic(), ""
    states: tuple[Mapping[str, tuple[str, int]], ...] = ()
    while True:
        asked = _Asked(asking)
        doubts = _Doubts(list(alphabet), asked, asking.seed)
        try:
            learned = run_KV(list(alphabet), asked, doubts, "mealy", cache_and_non_det_check=False, print_level=0)
            states = _states(learned, alphabet)
            break
        except _Corrected:  # all else is remembered, so that beginning anew costs nothing
            states = doubts.best or states
        except (Enough, Nondeterministic) as early:
            unfinished, states = str(early), doubts.best or states
            if not states:
                raise
            break
    return Machine(
        device=named(device),
        backend=device.backend,
        alphabet=alphabet,
        states=states,
        queries=asking.queries,
        seconds=round(time.monotonic() - started, 1),
        seed=asking.seed,
        unfinished=unfinished,
        wavering=tuple(asking.wavering),
    )


def _states(automaton: Any, alphabet: Word) -> tuple[Mapping[str, tuple[str, int]], ...]:
    """The states of an automaton of AALpy, the nearest first."""
    order, numbers = [automaton.initial_state], {id(automaton.initial_state): 0}
    for state in order:
        for letter in alphabet:
            following = state.transitions[letter]
            if id(following) not in numbers:
                numbers[id(following)] = len(order)
                order.append(following)
    return tuple(
        {letter: (str(state.output_fun[letter]), numbers[id(state.transitions[letter])]) for letter in alphabet}
        for state in order
    )
