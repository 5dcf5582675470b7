"""What the fields of a wire definition are, found by reflection and by trial, so that a new payload is fuzzed at once.

The annotations of a dataclass say which fields are numbers, octets, substructures and lies. How many bits a number has
on the wire they do not say; that is found by encoding: each bit of it must turn exactly one bit of the message, beside
the bit before it, and a field ends where another one begins.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields, replace
from functools import cache
from sys import modules
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from conformance.wire import (
    Attribute,
    ExchangeType,
    Message,
    OpenEnum,
    Payload,
    PayloadType,
    TsType,
    UnknownPayload,
    UnknownSelector,
    encode_message,
)
from conformance.wire.registry import AttributeType
from conformance.wire.values import Value

Kind = Literal["number", "octets", "either", "items", "value"]
"""``either`` is a number or octets, as the value of a transform attribute; ``value`` is one substructure."""

BROKEN = (ValueError, OverflowError, struct.error)
"""What encoding raises for a number that does not fit."""

P = TypeVar("P")

_MEANT: dict[tuple[type, str], type[OpenEnum]] = {
    (Attribute, "type"): AttributeType,
    (UnknownPayload, "type"): PayloadType,
    (UnknownSelector, "type"): TsType,
}
"""Registries of fields that are plain integers in the definition, because any number has to fit."""


@dataclass(frozen=True, slots=True)
class Form:
    """One field of a definition.

    Attributes:
        name: of the field.
        kind: what it holds.
        lie: whether it is None where the truth is written.
        bits: of a number, on the wire.
        registry: whose numbers it holds.
        size: of octets, where the definition allows no other.
        classes: of the items or of the value; none for items that are octets.
        optional: whether it may be None without being a lie.
    """

    name: str
    kind: Kind
    lie: bool = False
    bits: int = 0
    registry: type[OpenEnum] | None = None
    size: int | None = None
    classes: tuple[type[Value], ...] = ()
    optional: bool = False

    @property
    def highest(self) -> int:
        """The highest number that fits."""
        return (1 << self.bits) - 1


def family(base: type[P]) -> tuple[type[P], ...]:
    """The classes that derive from a base, by their names; those that a decorator made another one of are left out."""
    found: dict[str, type[P]] = {}
    for one in base.__subclasses__():
        if getattr(modules.get(one.__module__), one.__name__, None) is one:
            found[f"{one.__module__}.{one.__name__}"] = one
        found |= {f"{deeper.__module__}.{deeper.__name__}": deeper for deeper in family(one)}
    return tuple(found[name] for name in sorted(found))


@cache
def payload_classes() -> tuple[type[Payload], ...]:
    """Every payload that can stand in a message."""
    return tuple(cls for cls in family(Payload) if hasattr(cls, "payload_type") and _is_ours(cls))


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("conformance.")


def forms(cls: type[Value]) -> tuple[Form, ...]:
    """The fields of a definition; of a message without its payloads."""
    found = _KNOWN.get(cls)
    if found is None:
        found = _KNOWN[cls] = _found_out(cls)
    return found


def form_of(cls: type[Any], name: str) -> Form:
    """The field of a definition that has a name."""
    found = _NAMED.get((cls, name))
    if found is None:
        found = _NAMED[(cls, name)] = next(one for one in forms(cls) if one.name == name)
    return found


_KNOWN: dict[type[Any], tuple[Form, ...]] = {}
_NAMED: dict[tuple[type[Any], str], Form] = {}


def _found_out(cls: type[Any]) -> tuple[Form, ...]:
    told = _told(cls)
    names = [one.name for one in told if one.kind in ("number", "either")]
    first, second = (_bits(sample(cls, either), names) for either in (bytes(8), 0))
    bits = {one.name: (max if one.lie else min)(first[one.name], second[one.name]) for one in told if one.name in first}
    return tuple(_finished(one, sample(cls), bits) for one in told)


def _told(cls: type[Any]) -> tuple[Form, ...]:
    """The fields as the annotations tell them."""
    hints = get_type_hints(cls)
    names = [item.name for item in fields(cls)]
    return tuple(_form(cls, name, hints[name]) for name in names if name != "payloads")


def _form(cls: type[Any], name: str, hint: Any) -> Form:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    optional = type(None) in options
    kinds = [one for one in options if one is not type(None)]
    if get_origin(kinds[0]) is tuple:
        held = get_args(kinds[0])[0]
        classes = get_args(held) if get_origin(held) in (Union, UnionType) else (held,)
        return Form(name, "items", classes=() if classes == (bytes,) else tuple(classes))
    if set(kinds) == {int, bytes}:
        return Form(name, "either")
    if kinds == [bytes]:
        return Form(name, "octets", optional=optional)
    if issubclass(kinds[0], int):
        named = kinds[0] if issubclass(kinds[0], OpenEnum) else None
        registry = PayloadType if name == "next_payload" else named or _MEANT.get((cls, name))
        return Form(name, "number", lie=optional and named is None, registry=registry, optional=optional)
    return Form(name, "value", classes=tuple(kinds))


def sample(cls: type[Any], either: int | bytes = 0) -> Any:
    """A value of a definition with something in each of its fields; ``either`` where a number or octets may stand."""
    if cls is Message:
        return Message(bytes(8), bytes(8), ExchangeType.INFORMATIONAL, 0, 0)
    given: dict[str, Any] = {}
    for one in _told(cls):
        if one.kind == "number" and not one.lie:
            given[one.name] = one.registry(0) if one.registry else 0
        elif one.kind == "octets":
            given[one.name] = bytes(8)
        elif one.kind == "either":
            given[one.name] = either
        elif one.kind == "value":
            given[one.name] = sample(one.classes[0])
        elif one.kind == "items":
            given[one.name] = (sample(one.classes[0]) if one.classes else bytes(8),)
    return cls(**given)


def encoded(value: Any) -> bytes:
    """The octets of a message, of a message of one payload, or of a substructure.

    Raises:
        ValueError, OverflowError, struct.error: something does not fit.
    """
    if isinstance(value, Message):
        return encode_message(value)
    if isinstance(value, Payload):
        return encode_message(Message(bytes(8), bytes(8), ExchangeType.INFORMATIONAL, 0, 0, (value,)))
    try:
        found: bytes = value.encode()
    except TypeError:
        found = value.encode(0)
    return found


def _bits(example: Any, names: list[str]) -> dict[str, int]:
    """How many bits each of these numbers has on the wire."""
    turned = {name: _turned(example, name) for name in names}
    starts = {bits[0] for bits in turned.values() if bits}
    found = {}
    for name, bits in turned.items():
        count = 0
        while count < len(bits) and bits[count] == bits[0] + count and (not count or bits[count] not in starts):
            count += 1
        found[name] = count
    return found


def _turned(example: Any, name: str) -> list[int]:
    """Which bit of the encoded value each bit of a number turns, from the lowest on."""
    found: list[int] = []
    kind = type(getattr(example, name))
    base = int.from_bytes(encoded(replace(example, **{name: _as(kind, 0)})), "big")
    for bit in range(64):
        try:
            other = int.from_bytes(encoded(replace(example, **{name: _as(kind, 1 << bit)})), "big")
        except BROKEN:
            break
        turned = other ^ base
        if turned.bit_count() != 1:
            break
        found.append(turned.bit_length() - 1)
    return found


def _as(kind: type, number: int) -> Any:
    return kind(number) if kind is bool or issubclass(kind, OpenEnum) else number


def _finished(told: Form, example: Any, bits: dict[str, int]) -> Form:
    if told.kind in ("number", "either"):
        return replace(told, bits=bits[told.name])
    if told.kind == "octets":
        try:
            encoded(replace(example, **{told.name: bytes(9)}))
        except BROKEN:
            return replace(told, size=8)
    return told


def truth(value: Any, name: str, bits: int) -> int:
    """The number that is written where a lie is None; 0 where nothing can be written at all."""
    try:
        one, none = encoded(replace(value, **{name: 1})), encoded(replace(value, **{name: 0}))
        place = (int.from_bytes(one, "big") ^ int.from_bytes(none, "big")).bit_length() - 1
        return int.from_bytes(encoded(replace(value, **{name: None})), "big") >> max(place, 0) & ((1 << bits) - 1)
    except BROKEN:
        return 0
