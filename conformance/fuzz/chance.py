"""Choices, in a third of the time that `random.Random` takes for them; good enough where lists are short."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def one_of(random: Random, found: Sequence[T]) -> T:
    """Any of them."""
    return found[int(random.random() * len(found))]


def below(random: Random, number: int) -> int:
    """A number from 0 on."""
    return int(random.random() * number)


def often(random: Random, few: Sequence[int], many: Sequence[int]) -> int:
    """One of the few mostly, one of the many, which cost more, at times."""
    return one_of(random, many if random.random() < 0.15 else few)
