"""Asking a device word by word, remembering what it said, and noticing when it says something else.

What is known already is not asked again: a conversation begins only with the first message whose answer is not known.
All messages before it are sent then, too, so that every conversation tests what the earlier ones have shown.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from conformance.script.verdict import Inconclusive
from peers.contract import Device, DeviceError
from suites.learning.machine import Wavering, Word
from suites.learning.talk import Lost, Talk, conversation

Heard = Callable[[Word, Sequence[str]], None]

TRIES = 6
"""How often a word is tried in all whose answers differ."""


class Nondeterministic(Exception):  # noqa: N818 - it is an outcome
    """The same conversation is answered in two ways, and neither is the rule."""

    def __init__(self, found: Wavering) -> None:
        super().__init__(f"the same conversation was answered in different ways: {found}")
        self.found = found


class Enough(Exception):  # noqa: N818 - it is an outcome
    """The conversations or the time that learning may take are used up."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked: so many conversations, for so many seconds."""

    queries: int = 4000
    seconds: float = 900.0


@dataclass(slots=True)
class _Node:
    answer: str = ""
    times: int = 0
    known: dict[str, "_Node"] = field(default_factory=dict)


class Asking:
    """A device that can be asked words.

    ``queries`` is how many conversations there were, ``earlier`` how many of them are remembered, ``saved`` how many
    words were known already. ``wavering`` are words that were not answered in the same way each time; ``corrected`` is
    how often the first answer was the odd one.
    ``heard`` is called with the word and its answers after each conversation.
    """

    def __init__(
        self, device: Device, seed: int = 1, limits: Limits | None = None, heard: Heard = lambda word, answers: None
    ) -> None:
        """The device is started."""
        self.device, self.seed = device, seed
        self.limits = limits or Limits()
        self.heard = heard
        self.queries = self.earlier = self.saved = self.corrected = 0
        self.wavering: list[Wavering] = []
        self.started = time.monotonic()
        self._root = _Node()

    def remember(self, conversations: Sequence[tuple[Word, Sequence[str]]]) -> None:
        """Conversations that the device had earlier; where their answers differ, those most often seen count."""
        self.queries = self.earlier = len(conversations)
        left, depth = [(word, answers) for word, answers in conversations if word], 1
        while left:
            seen: dict[Word, Counter[str]] = {}
            for word, answers in left:
                seen.setdefault(word[:depth], Counter())[answers[depth - 1]] += 1
            rules = {word: tries.most_common(1)[0][0] for word, tries in seen.items()}
            self.wavering += [
                Wavering(word, tuple(tries.most_common())) for word, tries in seen.items() if len(tries) > 1
            ]
            going = []
            for word, answers in left:
                # What followed an odd answer was said in another state.
                agreed = depth if answers[depth - 1] == rules[word[:depth]] else depth - 1
                if agreed == depth < len(word):
                    going.append((word, answers))
                else:
                    self._learn(word[:agreed], answers[:agreed])
            left, depth = going, depth + 1

    def ask(self, word: Word, guess: Sequence[str] = ()) -> list[str]:
        """What each message of a word is answered with; ``guess`` is what somebody expects.

        Raises Nondeterministic, Enough, Lost, Inconclusive, DeviceError.
        """
        while len(known := self._known(word)) < len(word):
            found = self._compared(word, known, guess)
            if found is not None:
                return found
        self.saved += 1
        return known

    def again(self, word: Word) -> list[str]:
        """The same, where all have been seen in two conversations at least. Raises as `ask`."""
        known = self.ask(word)
        return known if self._find(word).times > 1 else self._compared(word, known) or self.ask(word)

    def _compared(self, word: Word, known: list[str], guess: Sequence[str] = ()) -> list[str] | None:
        """The answers of one more conversation, None where one of them was not what is known."""
        found = self._converse(word, guess)
        for at, (before, now) in enumerate(zip(known, found, strict=False)):
            if before != now:
                self._waver(word[: at + 1], before, now)
                return None
        self._learn(word, found)
        return found

    def _known(self, word: Word) -> list[str]:
        node, found = self._root, []
        for letter in word:
            if letter not in node.known:
                break
            node = node.known[letter]
            found.append(node.answer)
        return found

    def _find(self, word: Word) -> _Node:
        node = self._root
        for letter in word:
            node = node.known[letter]
        return node

    def _learn(self, word: Word, answers: Sequence[str]) -> None:
        node = self._root
        for letter, answer in zip(word, answers, strict=True):
            node = node.known.setdefault(letter, _Node(answer))
            node.times += 1

    def _waver(self, word: Word, before: str, now: str) -> None:
        """Try a word again and again. Raises Nondeterministic where no answer comes all times but one."""
        seen = Counter((before, now))
        while seen.total() < TRIES:
            seen[self._converse(word)[-1]] += 1
        found = Wavering(word, tuple(seen.most_common()))
        rule, times = seen.most_common(1)[0]
        self.wavering.append(found)
        if times < TRIES - 1:
            raise Nondeterministic(found)
        self.corrected += rule != before
        # What followed the odd answer was learned of another state.
        self._find(word[:-1]).known[word[-1]] = _Node(rule)

    def _converse(self, word: Word, guess: Sequence[str] = ()) -> list[str]:
        spent = time.monotonic() - self.started
        if self.queries - self.earlier >= self.limits.queries or spent > self.limits.seconds:
            raise Enough(f"{self.queries} conversations in {spent:.0f} s")
        self.queries += 1
        with ExitStack() as stack:
            talk: Talk = self._open(stack)
            found: list[str] = []
            for at, letter in enumerate(word):
                known = self._known((*word[:at], letter)) if found == self._known(word[:at]) else []
                expected = known[at:] or (guess[at : at + 1] if found == list(guess[:at]) else [])
                found.append(talk.say(letter, expected[0] if expected else None))
        self.heard(word, found)
        return found

    def _open(self, stack: ExitStack) -> Talk:
        """A conversation; once more if the device was not ready."""
        try:
            return stack.enter_context(conversation(self.device, self.seed, self.queries))
        except (Inconclusive, DeviceError, Lost):
            time.sleep(self.device.pixit.response_timeout if self.device.real_time else 0.0)
            return stack.enter_context(conversation(self.device, self.seed, self.queries))
