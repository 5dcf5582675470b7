"""What is sent with a number, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from random import Random
from typing import Any

from conformance.fuzz.numbers import corners
from conformance.script.bend import Bend
from conformance.wire import Message, OpenEnum
from suites.dut import Dut

SAMPLE = 14
"""Numbers of a reduced sweep, beside the first and the last."""


class Due(Enum):
    """What an RFC demands where it demands something; a device that dies or hangs is wrong whatever it says."""

    IGNORED = "is ignored: the exchange goes on as without it"
    REFUSED = "must not succeed"
    CRITICAL = "must not succeed, and the error names the payload type"
    OPEN = "may be taken or refused"


@dataclass(frozen=True, slots=True)
class Case:
    """A number in a message.

    Attributes:
        number: of the registry.
        text: what is sent, in words.
        due: what must come of it.
        item: what stands in the message: a payload, a transform, a number ...
    """

    number: int
    text: str
    due: Due
    item: Any


Cases = Callable[[Dut, int], Iterable[Case]]
Put = Callable[[Due, Sequence[Any]], Bend]


def never(answer: Message, items: Sequence[Any]) -> bool:
    """Nothing in an answer shows that an item was taken."""
    return False


@dataclass(frozen=True, slots=True)
class Sweep:
    """A registry in a place.

    Attributes:
        registry: its name in ids.
        numbers: all that are sent.
        cases: what is sent with a number.
        put: how items come into a message.
        requirements: those that are cited; the first where what is to be ignored is not, the last where something is
            taken that must be refused.
        together: so many items that are due for the same go in one message, if they are to be ignored.
        always: numbers that a reduced sweep has, too.
        alternatives: what must be refused may be together in a message, too: to take one of them is to succeed.
        taken: whether an answer shows that one of the items was taken.
        strict: nothing may be ``taken`` where an item may be taken or refused, either.
        bypass: who takes what must be refused lets authentication be got round.
    """

    registry: str
    numbers: tuple[int, ...]
    cases: Cases
    put: Put
    requirements: tuple[str, ...]
    together: int = 1
    taken: Callable[[Message, Sequence[Any]], bool] = never
    strict: bool = False
    bypass: bool = False
    alternatives: bool = False
    always: tuple[int, ...] = ()

    @property
    def many(self) -> bool:
        """Whether a reduced sweep has fewer numbers than the whole one."""
        return len(self.numbers) > SAMPLE + 2

    def chosen(self, *, whole: bool) -> tuple[int, ...]:
        """All numbers, or a few, the same ones each time."""
        if whole or not self.many:
            return self.numbers
        few = Random(self.registry).sample(self.numbers[1:-1], SAMPLE)
        return tuple(sorted({self.numbers[0], *few, *self.always, self.numbers[-1]}))

    def groups(self, cases: Iterable[Case]) -> Iterator[tuple[Case, ...]]:
        """The cases by messages; what is to be ignored stands first, so that the rest cannot be in its way."""
        order = list(Due)
        for due, found in groupby(sorted(cases, key=lambda one: order.index(one.due)), key=lambda one: one.due):
            same = list(found)
            many = due is Due.IGNORED or (due is Due.REFUSED and self.alternatives)
            size = self.together if many else 1
            for start in range(0, len(same), size):
                yield tuple(same[start : start + size])


def every(registry: type[OpenEnum], bits: int) -> tuple[int, ...]:
    """All numbers of eight bits; of more those that are assigned, their neighbours, private and reserved ones."""
    return tuple(range(256)) if bits <= 8 else corners(registry, bits)
