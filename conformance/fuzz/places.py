"""Where a message can be bent: the fields of its header, payloads and substructures, by names that can be saved.

A target is ``header`` or a class of payload with its number among those of its class: ``SA``, ``Notify``, ``Notify/2``.
A path leads from there to a field: ``length``, ``proposals.0.transforms.3.id``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any

from conformance.fuzz.chance import below, one_of
from conformance.fuzz.forms import Form, forms, truth
from conformance.fuzz.mutation import Mutator
from conformance.wire import Message, Payload, encode_payloads
from conformance.wire.values import Value

HEADER = "header"
_ITEMS = 12
"""Of a longer list of substructures only so many are looked into; they are of a kind."""
SMALL = 16_500
"""Octets that a single mutation may add without a look whether they fit: a few such still do."""
MOST = 60_000
"""Octets of payloads that a bent message may have: with what protection adds they fit into one UDP datagram."""


@dataclass(slots=True)
class Place:
    """A field of one message; ``owner`` is the value that has it. ``told`` remembers what is written there."""

    target: str
    path: str
    form: Form
    owner: Any
    told: int | None = None

    @property
    def value(self) -> Any:
        """What stands there."""
        return getattr(self.owner, self.form.name)

    @property
    def true(self) -> int:
        """The number that is written there."""
        if self.told is None:
            value = self.value
            self.told = truth(self.owner, self.form.name, self.form.bits) if value is None else int(value)
        return self.told


@dataclass(slots=True)
class Places:
    """All places of a message by target; each target is looked into when it is asked for, and remembered.

    ``known`` remembers for each name of a choice and each target the places that fit, ``fertile`` which of the mutators
    that are allowed have anything to bend here.
    """

    message: Message
    names: list[str]
    places_of_names: dict[str, int]
    fertile: dict[frozenset[str], list[Mutator]] = field(default_factory=dict)
    groups: dict[str, list[Place]] = field(default_factory=dict)
    known: dict[tuple[str, str], list[Place]] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)

    def body(self, index: int) -> bytes:
        """The octets of a payload behind its generic header."""
        found = self.bodies.get(index)
        if found is None:
            found = self.bodies[index] = self.message.payloads[index].encode_body()
        return found

    def of(self, target: str) -> list[Place]:
        """The places of one target."""
        found = self.groups.get(target)
        if found is None:
            index = index_of(self.message, target)
            value = self.message if index is None else self.message.payloads[index]
            found = self.groups[target] = list(_of(value, target, ""))
        return found

    def pick(self, random: Random, name: str, fits: Callable[[Place], bool]) -> Place | None:
        """Any place that fits: any target that has one, then any of its own; None where there is none at all."""
        count = len(self.names)
        start = below(random, count)
        for step in range(count):
            target = self.names[(start + step) % count]
            found = self.known.get((name, target))
            if found is None:
                found = self.known[(name, target)] = [one for one in self.of(target) if fits(one)]
            if found:
                return one_of(random, found)
        return None


_recent: dict[int, Places] = {}
_RECENT = 16


def places(message: Message) -> Places:
    """The places of a message; those of the last few messages are remembered."""
    found = _recent.get(id(message))
    if found is None or found.message is not message:
        if len(_recent) >= _RECENT:
            del _recent[next(iter(_recent))]
        names = targets(message)
        found = _recent[id(message)] = Places(
            message, [HEADER, *names], dict(zip(names, range(len(names)), strict=True))
        )
    return found


def _of(value: Value, target: str, path: str) -> Iterator[Place]:
    for form in forms(type(value)):
        yield Place(target, path + form.name, form, value)
        held = getattr(value, form.name)
        if form.kind == "value":
            yield from _of(held, target, f"{path}{form.name}.")
        elif form.kind == "items" and form.classes:
            for number, item in enumerate(held[:_ITEMS]):
                yield from _of(item, target, f"{path}{form.name}.{number}.")


def targets(message: Message) -> list[str]:
    """The names of the payloads of a message, in order."""
    seen: dict[str, int] = {}
    found = []
    for payload in message.payloads:
        name = type(payload).__name__
        seen[name] = number = seen.get(name, 0) + 1
        found.append(name if number == 1 else f"{name}/{number}")
    return found


def index_of(message: Message, target: str) -> int | None:
    """Where the payload of this name stands; None where there is none."""
    known = _recent.get(id(message))
    if known is not None and known.message is message:
        return known.places_of_names.get(target)
    name, _, told = target.partition("/")
    number = int(told) if told.isdigit() else 1
    for index, payload in enumerate(message.payloads):
        if type(payload).__name__ == name:
            number -= 1
            if not number:
                return index
    return None


def changed(message: Message, target: str, path: str, change: Callable[[Any, Any, str], Any]) -> Message:
    """The message with another value of one field, or the same message where it has no such field.

    ``change`` gets what stands there, whose field that is, and its name.
    """
    steps = path.split(".") if "." in path else (path,)
    try:
        if target == HEADER:
            header: Message = _stepped(message, steps, change)
            return header
        index = index_of(message, target)
        if index is None:
            return message
        payload = _stepped(message.payloads[index], steps, change)
    except (AttributeError, IndexError, TypeError, ValueError):
        return message
    return with_payloads(message, (*message.payloads[:index], payload, *message.payloads[index + 1 :]))


def with_payloads(message: Message, payloads: tuple[Payload, ...]) -> Message:
    """The message with other payloads."""
    return Message.make(
        message.spi_i,
        message.spi_r,
        message.exchange,
        message.flags,
        message.message_id,
        payloads,
        message.version,
        length=message.length,
        next_payload=message.next_payload,
        trailing=message.trailing,
    )


def _stepped(value: Any, steps: Sequence[str], change: Callable[[Any, Any, str], Any]) -> Any:
    name = steps[0]
    held = getattr(value, name)
    if len(steps) == 1:
        return changed_in(value, name, change(held, value, name))
    if isinstance(held, tuple):
        number = int(steps[1])
        new = (*held[:number], _stepped(held[number], steps[2:], change), *held[number + 1 :])
        return changed_in(value, name, new)
    return changed_in(value, name, _stepped(held, steps[1:], change))


def changed_in(value: Any, name: str, new: Any) -> Any:
    """The value with one other field: `dataclasses.replace` in a quarter of its time."""
    cls = type(value)
    remake = _REMAKERS.get((cls, name))
    if remake is None:
        remake = _REMAKERS[(cls, name)] = _remaker(cls, name)
    return remake(value, new)


_REMAKERS: dict[tuple[type, str], Callable[[Any, Any], Any]] = {}


def _remaker(cls: Any, name: str) -> Callable[[Any, Any], Any]:
    """A function that makes a value anew from its own fields and one other, written from the names of the fields."""
    given = [
        (f"{item.name}=" if item.kw_only else "") + ("new" if item.name == name else f"old.{item.name}")
        for item in sorted(fields(cls), key=lambda item: bool(item.kw_only))
    ]
    found: Callable[[Any, Any], Any] = eval(f"lambda old, new: make({', '.join(given)})", {"make": cls.make})
    return found


def fitting(bent: Message, straight: Message, grown: int = MOST) -> Message:
    """What can be written of a bent message: a count or size that it outgrew tells its most; else it stays straight.

    ``grown`` octets more at most need no look if they are few, and in no field or list that may have 255 only.
    """
    if grown < SMALL:
        return bent
    size = _size(bent)
    if size is None:
        bent = _most(bent, straight)
        size = _size(bent)
    return straight if size is None or size > MOST else bent


def _size(message: Message) -> int | None:
    """Octets of the payloads, None where they cannot be written."""
    try:
        return len(encode_payloads(message.payloads)[1]) + len(message.trailing)
    except (ValueError, struct.error):
        return None


def _most(bent: Message, straight: Message) -> Message:
    """The message with all told that can be told of what it does not share with the straight one."""
    kept = {id(one) for one in straight.payloads}
    return with_payloads(bent, tuple(one if id(one) in kept else _capped(one) for one in bent.payloads))


def _capped(value: Any) -> Any:
    """The same value, in which lies about what no field can count tell the most there is."""
    if can_be_written(value):
        return value
    whole = value
    for form in forms(type(value)):
        held = getattr(value, form.name)
        if form.kind == "items" and form.classes:
            capped = {id(one): one for one in held}  # it may be one of them many times
            capped = {key: _capped(one) for key, one in capped.items()}
            if any(key != id(one) for key, one in capped.items()):
                whole = changed_in(whole, form.name, tuple(capped[id(one)] for one in held))
        elif form.kind == "value" and (new := _capped(held)) is not held:
            whole = changed_in(whole, form.name, new)
    if whole is not value and can_be_written(whole):
        return whole
    for form in forms(type(whole)):
        if form.lie and getattr(whole, form.name) is None:
            liar = changed_in(whole, form.name, form.highest)
            if can_be_written(liar):
                return liar
    return whole


def can_be_written(value: Any) -> bool:
    """Whether a payload or a substructure can be encoded: each of its numbers fits its field."""
    try:
        if isinstance(value, Payload):
            value.encode_body()
        else:
            try:
                value.encode()
            except TypeError:
                value.encode(0)
    except (ValueError, OverflowError, struct.error):
        return False
    return True
