"""One lie in any value of the wire: a payload, a transform, a selector, a packet."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from conformance.fuzz import octets
from conformance.fuzz.forms import Form, forms
from conformance.fuzz.numbers import borders, corners
from conformance.fuzz.places import can_be_written
from conformance.wire import OpenEnum

_TRIES = 20


def near(random: Random, straight: Any) -> Any:
    """The value with one of its fields bent, or one of a substructure; it can be written."""
    for _ in range(_TRIES):
        form = random.choice(forms(type(straight)))
        held = getattr(straight, form.name)
        found = replace(straight, **{form.name: _other(random, form, held)})
        if found != straight and can_be_written(found):
            return found
    return straight


def _other(random: Random, form: Form, held: Any) -> Any:
    if isinstance(held, tuple):
        return _items(random, held)
    if form.kind == "value":
        return near(random, held)
    if isinstance(held, bytes):
        return octets.do(*octets.draw(random, len(held), fixed=form.size is not None), held)
    if isinstance(held, bool):
        return not held
    if form.registry is not None:
        number = random.choice(corners(form.registry, form.bits))
        return type(held)(number) if isinstance(held, OpenEnum) else number
    return random.choice(borders(form.bits)) if form.bits else held


def _items(random: Random, held: tuple[Any, ...]) -> tuple[Any, ...]:
    if not held:
        return held
    at = random.randrange(len(held))
    one = held[at]
    roll = random.random()
    if roll < 0.2:
        return (*held[:at], *held[at + 1 :])
    if roll < 0.4:
        return (*held[:at], *(one,) * random.choice((2, 3, 16, 64)), *held[at + 1 :])
    bent = octets.do(*octets.draw(random, len(one)), one) if isinstance(one, bytes) else near(random, one)
    return (*held[:at], bent, *held[at + 1 :])
