"""A Mealy machine that was learned of a device: what it answers to each message, and where that leads.

States are numbers, 0 is the first one; they have no names of their own, only a shortest word that leads there.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

SCHEMA = 1

Word = tuple[str, ...]
"""Messages one after the other, names of `suites.learning.alphabet.LETTERS`."""


class MachineError(Exception):
    """A file that is no machine: one line that says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Wavering:
    """A word whose answers differed between tries: each answer to its last message with the number of tries."""

    word: Word
    answers: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        told = ", ".join(f"{answer} ({times}x)" for answer, times in self.answers)
        return f"{' '.join(self.word)}: {told}"


@dataclass(frozen=True, slots=True)
class Machine:
    """What was learned.

    Attributes:
        device: its name and release, as reports call it.
        backend: where it ran.
        alphabet: the messages.
        states: for each state, what each message is answered with and the state that follows.
        queries: how many conversations it took.
        seconds: how long.
        seed: of every random choice.
        unfinished: why learning ended early, empty if it did not: then there may be more states.
        wavering: words whose answers were not always the same.
    """

    device: str
    alphabet: Word
    states: tuple[Mapping[str, tuple[str, int]], ...]
    backend: str = ""
    queries: int = 0
    seconds: float = 0.0
    seed: int = 1
    unfinished: str = ""
    wavering: tuple[Wavering, ...] = ()

    def answers(self, word: Sequence[str]) -> list[str]:
        """What each message of a word is answered with. Raises KeyError for a message that it does not know."""
        state, found = 0, []
        for letter in word:
            answer, state = self.states[state][letter]
            found.append(answer)
        return found

    def access(self) -> dict[int, Word]:
        """A shortest word to each state that can be reached, the nearest first."""
        found: dict[int, Word] = {0: ()}
        waiting = deque([0])
        while waiting:
            state = waiting.popleft()
            for letter in self.alphabet:
                following = self.states[state][letter][1]
                if following not in found:
                    found[following] = (*found[state], letter)
                    waiting.append(following)
        return found

    def marks(self) -> dict[int, list[Word]]:
        """For each state some short words whose answers tell it from every other state."""
        apart = self._apart()
        found: dict[int, list[Word]] = {}
        for state in range(len(self.states)):
            words = found[state] = []
            for other in range(len(self.states)):
                word = apart.get((state, other))
                if word is not None and not any(self._differ(state, other, one) for one in words):
                    words.append(word)
        return found

    def _apart(self) -> dict[tuple[int, int], Word]:
        """A shortest word for each two states that are answered differently."""
        found: dict[tuple[int, int], Word] = {}
        pairs = [(one, other) for one in range(len(self.states)) for other in range(len(self.states)) if one != other]
        while pairs:
            new = {pair: word for pair in pairs if (word := self._word_apart(pair, found))}
            if not new:
                break
            found |= new
            pairs = [pair for pair in pairs if pair not in new]
        return found

    def _word_apart(self, pair: tuple[int, int], known: Mapping[tuple[int, int], Word]) -> Word:
        one, other = self.states[pair[0]], self.states[pair[1]]
        for letter in self.alphabet:
            if one[letter][0] != other[letter][0]:
                return (letter,)
        for letter in self.alphabet:
            if after := known.get((one[letter][1], other[letter][1])):
                return (letter, *after)
        return ()

    def _differ(self, one: int, other: int, word: Word) -> bool:
        for letter in word:
            (ours, one), (theirs, other) = self.states[one][letter], self.states[other][letter]
            if ours != theirs:
                return True
        return False

    def to_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "schema": SCHEMA,
            "device": self.device,
            "backend": self.backend,
            "seed": self.seed,
            "queries": self.queries,
            "seconds": self.seconds,
            "unfinished": self.unfinished,
            "wavering": [{"word": list(one.word), "answers": dict(one.answers)} for one in self.wavering],
            "alphabet": list(self.alphabet),
            "states": [
                {letter: {"answer": state[letter][0], "to": state[letter][1]} for letter in self.alphabet}
                for state in self.states
            ],
        }

    @classmethod
    def parse(cls, text: str) -> Self:
        """From a file's text. Raises MachineError."""
        try:
            found = json.loads(text)
            if found["schema"] != SCHEMA:
                raise MachineError(f"schema {found['schema']}, expected {SCHEMA}")
            alphabet = tuple(map(str, found["alphabet"]))
            states = tuple(
                {letter: (str(one[letter]["answer"]), int(one[letter]["to"])) for letter in alphabet}
                for one in found["states"]
            )
            wavering = tuple(
                Wavering(tuple(one["word"]), tuple((str(words), int(times)) for words, times in one["answers"].items()))
                for one in found["wavering"]
            )
            numbers = {"queries": int(found["queries"]), "seed": int(found["seed"])}
            made = cls(
                str(found["device"]),
                alphabet,
                states,
                str(found["backend"]),
                seconds=float(found["seconds"]),
                unfinished=str(found["unfinished"]),
                wavering=wavering,
                **numbers,
            )
        except (json.JSONDecodeError, RecursionError) as error:
            raise MachineError(f"is no JSON: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MachineError(f"is no machine of ikespec learn: {type(error).__name__} {error}") from None
        if not states or not all(0 <= to < len(states) for one in states for _, to in one.values()):
            raise MachineError("leads to a state that it does not have")
        return made

    def to_dot(self) -> str:
        """For Graphviz and whatever else reads DOT."""
        lines = ["digraph machine {", f"  label = {_quoted(self.device)};", "  0 [shape = doublecircle];"]
        for number, state in enumerate(self.states):
            for letter in self.alphabet:
                answer, to = state[letter]
                lines.append(f"  {number} -> {to} [label = {_quoted(f'{letter} / {answer}')}];")
        return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Difference:
    """A conversation that tells two machines apart in its last message, and no shorter one does so in this way.

    ``first`` and ``second`` are all answers of each; they agree but in the last one. ``times`` counts the pairs of
    states in which the last message is answered so differently.
    """

    word: Word
    first: tuple[str, ...]
    second: tuple[str, ...]
    times: int = 1


def differences(one: Machine, other: Machine) -> list[Difference]:
    """How two machines differ: for each message and pair of answers the shortest conversation, the shortest first.

    All pairs of states are looked at that both are in after the same conversation with the same answers. Messages that
    only one of them has been asked are left out.
    """
    alphabet = [letter for letter in one.alphabet if letter in other.alphabet]
    reached: dict[tuple[int, int], Word] = {(0, 0): ()}
    waiting = deque([(0, 0)])
    words: dict[tuple[str, str, str], Word] = {}
    times: dict[tuple[str, str, str], int] = {}
    while waiting:
        pair = waiting.popleft()
        for letter in alphabet:
            ours, theirs = one.states[pair[0]][letter], other.states[pair[1]][letter]
            word, following = (*reached[pair], letter), (ours[1], theirs[1])
            if ours[0] != theirs[0]:
                key = (letter, ours[0], theirs[0])
                words.setdefault(key, word)
                times[key] = times.get(key, 0) + 1
            elif following not in reached:
                reached[following] = word
                waiting.append(following)
    return [
        Difference(word, tuple(one.answers(word)), tuple(other.answers(word)), times[key])
        for key, word in sorted(words.items(), key=lambda item: len(item[1]))
    ]
