"""Every kind of lie, by name: `draw` one for a message, `bend` it out of shape, make it `simpler`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from random import Random

from conformance.fuzz.chance import one_of
from conformance.fuzz.mutation import Mutation, Mutator
from conformance.fuzz.mutators.chain import Bits, Loop, Order, Splice, Unknown
from conformance.fuzz.mutators.der import Der
from conformance.fuzz.mutators.eap import EapBody
from conformance.fuzz.mutators.fields import Items, Lie, Number, OctetString, Registered, Spi
from conformance.fuzz.mutators.inside import Fragments, Padding, Plaintext
from conformance.fuzz.mutators.outside import Ciphertext, Datagram
from conformance.fuzz.places import places
from conformance.script.bend import STRAIGHT, Bend
from conformance.wire import Message

SPLICE = Splice()
"""The one in the table; its stock may be filled by `Splice.learn`. Mutations carry what they took from it."""

MUTATORS: dict[str, Mutator] = {
    one.name: one
    for one in (
        Lie(),
        Number(),
        Registered(),
        OctetString(),
        Spi(),
        Items(),
        Order(),
        SPLICE,
        Unknown(),
        Loop(),
        Bits(),
        EapBody(),
        Der(),
        Plaintext(),
        Padding(),
        Fragments(),
        Ciphertext(),
        Datagram(),
    )
}


_ALL = frozenset(MUTATORS)
_TRIAL = Random(0)


def draw(random: Random, message: Message, *, only: Container[str] | None = None) -> Mutation:
    """A mutation of any of the mutators, or of those that are named, which has something to bend in such a message.

    Raises:
        ValueError: none of those that are named has.
    """
    if only is None:
        allowed = _ALL
    else:
        allowed = only if isinstance(only, frozenset) else frozenset(filter(only.__contains__, _ALL))
    known = places(message)
    while True:
        fertile = known.fertile.get(allowed)
        if fertile is None:
            # By a source of its own: what a seed draws must not depend on what was drawn for this message before.
            fertile = known.fertile[allowed] = [
                one for name, one in MUTATORS.items() if name in allowed and one.draw(_TRIAL, message) is not None
            ]
        if not fertile:
            raise ValueError(f"none of the mutators that are allowed has anything to bend in {message!r}")
        mutator = one_of(random, fertile)
        found = mutator.draw(random, message)
        if found is not None:
            return found


def _mutator(mutation: Mutation) -> Mutator:
    found = MUTATORS.get(mutation.mutator)
    if found is None:
        raise ValueError(f"mutator {mutation.mutator!r}, expected one of {', '.join(MUTATORS)}")
    return found


def bend(mutation: Mutation) -> Bend:
    """How a message is bent by a mutation.

    Raises:
        ValueError: no such mutator, or arguments that it does not take.
    """
    return _mutator(mutation).bend(mutation)


def bend_all(mutations: Iterable[Mutation]) -> Bend:
    """All of them, in order.

    Raises:
        ValueError: as `bend`.
    """
    found = STRAIGHT
    for one in mutations:
        found = bend(one) if found is STRAIGHT else found | bend(one)
    return found


def simpler(mutation: Mutation) -> Iterator[Mutation]:
    """Mutations that do less, the simplest first. Each has smaller numbers or fewer octets, so that this ends.

    Raises:
        ValueError: no such mutator.
    """
    return _mutator(mutation).simpler(mutation)


__all__ = ["MUTATORS", "SPLICE", "bend", "bend_all", "draw", "simpler"]
