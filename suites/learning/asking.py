"""Asking a device word by word, remembering what it said, and noticing when it says something else.

What is known already is not asked again: a conversation begins only with the first message whose answer is not known.
All messages before it are sent then, too, so that every conversation tests what the earlier ones have shown.
"""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from conformance.script.verdict import Inconclusive
from peers.contract import Device, DeviceError
from suites.learning.machine import Wavering, Word
from suites.learning.talk import Lost, Talk, conversation

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
    known: dict[str, "_Node"] = field(default_factory=dict)


class Asking:
    """A device that can be asked words.

    ``queries`` is how many conversations there were, ``saved`` how many words were known already. ``wavering`` are
    words that were not answered in the same way each time. ``heard`` is called after each conversation.
    """

    def __init__(
        self, device: Device, seed: int = 1, limits: Limits | None = None, heard: Callable[[Word], None] | None = None
    ) -> None:
        """The device is started."""
        self.device, self.seed = device, seed
        self.limits = limits or Limits()
        self.heard = heard or (lambda word: None)
        self.queries = self.saved = 0
        self.wavering: list[Wavering] = []
        self.started = time.monotonic()
        self._root = _Node()

    def ask(self, word: Word) -> list[str]:
        """What each message of a word is answered with.

        Raises Nondeterministic, Enough, Lost, Inconclusive, DeviceError.
        """
        known = self._known(word)
        if len(known) == len(word):
            self.saved += 1
            return known
        found = self._converse(word)
        for at, (before, now) in enumerate(zip(known, found, strict=False)):
            if before != now:
                self._waver(word[: at + 1], Counter((before, now)))
                return self.ask(word)
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

    def _learn(self, word: Word, answers: list[str]) -> None:
        node = self._root
        for letter, answer in zip(word, answers, strict=True):
            node = node.known.setdefault(letter, _Node(answer))

    def _waver(self, word: Word, seen: Counter[str]) -> None:
        """Try a word again and again. Raises Nondeterministic where no answer comes all times but one."""
        while seen.total() < TRIES:
            seen[self._converse(word)[-1]] += 1
        found = Wavering(word, tuple(seen.most_common()))
        rule, times = seen.most_common(1)[0]
        self.wavering.append(found)
        if times < TRIES - 1:
            raise Nondeterministic(found)
        # What followed the odd answer was learned of another state.
        node = self._root
        for letter in word[:-1]:
            node = node.known[letter]
        node.known[word[-1]] = _Node(rule)

    def _converse(self, word: Word) -> list[str]:
        spent = time.monotonic() - self.started
        if self.queries >= self.limits.queries or spent > self.limits.seconds:
            raise Enough(f"{self.queries} conversations in {spent:.0f} s")
        self.queries += 1
        with ExitStack() as stack:
            talk: Talk = self._open(stack)
            found = [talk.say(letter) for letter in word]
        self.heard(word)
        return found

    def _open(self, stack: ExitStack) -> Talk:
        """A conversation; once more if the device was not ready."""
        try:
            return stack.enter_context(conversation(self.device, self.seed, self.queries))
        except (Inconclusive, DeviceError, Lost):
            time.sleep(self.device.pixit.response_timeout if self.device.real_time else 0.0)
            return stack.enter_context(conversation(self.device, self.seed, self.queries))
