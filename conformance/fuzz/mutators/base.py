"""What mutators share: reading arguments that somebody may have written, and making them smaller."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from random import Random

from conformance.fuzz.mutation import Argument, Mutation
from conformance.script.bend import Bend
from conformance.wire import ExchangeType, Message


class Arguments:
    """The arguments of a mutation, taken one after the other.

    Raises:
        ValueError: from each of the methods, where something else stands there.
    """

    __slots__ = ("left", "mutation")

    def __init__(self, mutation: Mutation) -> None:
        self.mutation = mutation
        self.left = iter(mutation.arguments)

    def _refused(self, found: object, expected: str) -> ValueError:
        return ValueError(f"mutation {self.mutation.to_json()}: {found!r}, expected {expected}")

    def number(self) -> int:
        """A number from 0 on."""
        found = next(self.left, None)
        if not isinstance(found, int) or found < 0:
            raise self._refused(found, "a number from 0 on")
        return found

    def text(self, allowed: Container[str] | None = None) -> str:
        """A text, one of those that are allowed if any are."""
        found = next(self.left, None)
        if not isinstance(found, str) or (allowed is not None and found not in allowed):
            names = " or ".join(allowed) if isinstance(allowed, Iterable) else "a text"
            raise self._refused(found, names)
        return found

    def octets(self) -> bytes:
        """Octets, in hexadecimal."""
        found = self.text()
        try:
            return bytes.fromhex(found)
        except ValueError:
            raise self._refused(found, "hexadecimal digits") from None


class Base:
    """A mutator that is made simpler by smaller numbers.

    ``sizes``: which of its arguments are numbers that may become smaller.
    """

    name: str
    place = "payloads"
    sizes: tuple[int, ...] = ()

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """A mutation for a message like this one, None where it has nothing to be bent in this way."""
        raise NotImplementedError

    def bend(self, mutation: Mutation) -> Bend:
        """How a message is bent by it; one that lacks the target stays as it is.

        Raises:
            ValueError: the arguments are not such as `draw` gives.
        """
        raise NotImplementedError

    def simpler(self, mutation: Mutation) -> Iterator[Mutation]:
        """Mutations that do less, the simplest first."""
        for at in self.sizes:
            if at < len(mutation.arguments):
                given = mutation.arguments[at]
                if isinstance(given, int):
                    for value in dict.fromkeys((0, 1, given // 2, given - 1)):
                        if 0 <= value < given:
                            yield self.with_argument(mutation, at, value)

    def with_argument(self, mutation: Mutation, at: int, value: Argument) -> Mutation:
        """The same mutation with one other argument."""
        return replace(mutation, arguments=(*mutation.arguments[:at], value, *mutation.arguments[at + 1 :]))

    def mutation(self, target: str, *arguments: Argument) -> Mutation:
        """A mutation of this mutator."""
        return Mutation(self.name, target, arguments)


def is_protected(message: Message) -> bool:
    """Whether a message like this one goes out encrypted."""
    return message.exchange != ExchangeType.IKE_SA_INIT
