"""A mutation is a lie about one outgoing message, as plain data: it can be saved, replayed and made simpler.

`Mutation.bend` gives the `Bend` of the scripted peer, so that the fuzzer bends messages at the same four places as a
test purpose does. Everything that was left to chance when a mutation was drawn stands in its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from conformance.script.bend import Bend
from conformance.wire import Message

Argument = int | str
"""Octets are written in hexadecimal."""


@dataclass(slots=True, unsafe_hash=True)
class Mutation:
    """One lie. Nobody changes one: it is not frozen only because a frozen one takes three times as long to make.

    Attributes:
        mutator: the name of the mutator that drew it, and that bends by it.
        target: what is bent: a class of payload with its number among those of its class (``KE``, ``Notify/2``),
            ``header``, ``plaintext``, ``ciphertext`` or ``datagram``.
        arguments: what the mutator makes of it, to the last bit.
    """

    mutator: str
    target: str
    arguments: tuple[Argument, ...] = ()

    def to_json(self) -> list[Any]:
        """As it is saved."""
        return [self.mutator, self.target, *self.arguments]

    @classmethod
    def from_json(cls, told: Any) -> Mutation:
        """Inverse of `to_json`.

        Raises:
            ValueError: what was told is no mutation.
        """
        if not isinstance(told, list) or len(told) < 2 or not all(isinstance(one, str) for one in told[:2]):
            raise ValueError(f"mutation {told!r}, expected [mutator, target, arguments ...]")
        if not all(isinstance(one, int | str) and not isinstance(one, bool) for one in told[2:]):
            raise ValueError(f"mutation {told!r}: its arguments must be integers and strings")
        return cls(told[0], told[1], tuple(told[2:]))


class Mutator(Protocol):
    """A kind of lie.

    Attributes:
        name: as mutations carry it.
        place: where it bends: ``payloads``, ``plaintext``, ``ciphertext`` or ``datagram``.
    """

    name: str
    place: str

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """A mutation for a message like this one, None where it has nothing to be bent in this way."""

    def bend(self, mutation: Mutation) -> Bend:
        """How a message is bent by it; one that lacks the target stays as it is.

        Raises:
            ValueError: the arguments are not such as `draw` gives.
        """

    def simpler(self, mutation: Mutation) -> Iterator[Mutation]:
        """Mutations that do less, the simplest first: for reduction."""
