"""Learning the machine of a device with AALpy: the algorithm of Kearns and Vazirani, and walks that look for more."""

import time
from collections.abc import Iterator, Mapping
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
IDLE_WALKS = 3
"""From a state in which most messages get no answer."""
LIVELY = 6
"""So many times as often as others a walk takes messages after which the device still answers."""


class _Asked(SUL):  # type: ignore[misc]
    """A device for AALpy. Only whole words are asked."""

    def __init__(self, asking: Asking) -> None:
        super().__init__()
        self.asking = asking

    def query(self, word: Word) -> list[str]:
        """What each message of a word is answered with."""
        self.num_queries += 1
        return self.asking.ask(tuple(word))

    def pre(self) -> None:
        """Nothing: every word begins anew."""

    def post(self) -> None:
        """Nothing."""

    def step(self, letter: str) -> str:
        """No step is taken alone."""
        raise NotImplementedError(letter)


class _Doubts(Oracle):  # type: ignore[misc]
    """Looks for a word that a hypothesis gets wrong. ``best`` are the states of the last hypothesis.

    First tours: to each state, one message further, and then all messages that are thought to change nothing there, in
    one conversation. Then random walks.
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
            for at, (found, expected) in enumerate(zip(self.sul.query(word), draft.answers(word), strict=True)):
                if found != expected:
                    return word[: at + 1]
        return None

    def _words(self, draft: Machine) -> Iterator[Word]:
        access = draft.access()
        for state, word in access.items():
            for letter in draft.alphabet:
                to = draft.states[state][letter][1]
                if _answers(draft.states[to]):
                    yield (*word, letter, *_loops(draft, to))
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


def _answers(state: Mapping[str, tuple[str, int]]) -> bool:
    """Whether most messages are answered there."""
    none = sum(answer.startswith((SILENCE, UNSENT)) for answer, _ in state.values())
    return 2 * none < len(state)


def learn(device: Device, asking: Asking, alphabet: Word = tuple(LETTERS)) -> Machine:
    """Learn a started device. A machine that is not finished says why.

    Raises Nondeterministic before there is any machine, Lost, Inconclusive, DeviceError.
    """
    started, unfinished = time.monotonic(), ""
    asked = _Asked(asking)
    doubts = _Doubts(list(alphabet), asked, asking.seed)
    try:
        learned = run_KV(list(alphabet), asked, doubts, "mealy", cache_and_non_det_check=False, print_level=0)
        states = _states(learned, alphabet)
    except (Enough, Nondeterministic) as early:
        unfinished, states = str(early), doubts.best
        if not states:
            raise
    return Machine(
        device=f"{device.name} {device.version}".strip(),
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
