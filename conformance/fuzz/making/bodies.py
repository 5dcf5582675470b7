"""Bodies of EAP packets from their definitions (`conformance.eap.layout`), and packets around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from random import Random
from typing import Any

import conformance.eap
from conformance.eap.layout import Body, Items, Length, Number, Octets, Padding, Raw
from conformance.eap.registry import METHODS, Entry
from conformance.fuzz.forms import family
from conformance.wire import EapCode, EapPacket, EapType
from conformance.wire.errors import WireError

_SIZES = (0, 1, 4, 8, 16, 16, 20, 32, 64, 200)
_TLS = (
    b"\x16\x03\x01\0\x05\1\0\0\1\0",
    b"\x16\x03\x03\0\x04\x0e\0\0\0",
    b"\x15\x03\x03\0\x02\2\x28",
    b"\x14\x03\x03\0\1\1",
)
_TEXTS = (b"user@example", b"carol", b"", b"E=691 R=0 C=" + b"0" * 32 + b" V=3 M=no", b"S=" + b"0" * 40)

Read = Callable[[bytes, int], tuple[Body, int]]


@cache
def body_classes() -> tuple[type[Body], ...]:
    """Every body and attribute that has a definition, in whatever module of `conformance.eap`."""
    for module in iter_modules(conformance.eap.__path__):
        import_module(f"conformance.eap.{module.name}")
    own = (cls for cls in family(Body) if cls.__module__.startswith(f"{conformance.eap.__name__}."))
    return tuple(cls for cls in own if is_dataclass(cls) and cls is not Raw)


def body(random: Random, cls: type[Body], depth: int = 0) -> Any:
    """A body of a class that its decoder takes. What its definition sets, as types and subtypes, stays as it is."""
    specs = cls.specs()
    counted = {spec.of for spec in specs.values() if isinstance(spec, Length) and spec.of}
    given: dict[str, Any] = {}
    for one in fields(cls):  # type: ignore[arg-type]  # every body is a dataclass
        spec = specs.get(one.name)
        default = None if one.default is MISSING else one.default
        if isinstance(spec, Number):
            keep = bool(default) or one.name in ("subtype", "type", "op_code")
            given[one.name] = default if keep else _number(random, one.name, spec.size)
        elif isinstance(spec, Octets):
            size = spec.size if spec.size is not None and one.name not in counted else None
            given[one.name] = random.randbytes(size) if size is not None else _octets(random, one.name)
        elif isinstance(spec, Items):
            count = 0 if depth > 2 else random.choice((0, 1, 2, 3, 4))
            given[one.name] = tuple(_item(random, spec.read, depth) for _ in range(count))
        elif isinstance(spec, Padding | Length):
            given[one.name] = None
    return _aligned(cls(**given), specs)


def _number(random: Random, name: str, size: int) -> int:
    if name.startswith("reserved"):
        return 0
    return random.choice((0, 1, random.randrange(256**size)))


def _octets(random: Random, name: str) -> bytes:
    if name in ("data", "value") and random.random() < 0.2:
        return random.choice(_TLS)
    if name in ("name", "identity", "message", "text") and random.random() < 0.7:
        return random.choice(_TEXTS)
    return random.randbytes(random.choice(_SIZES))


def _aligned(found: Any, specs: dict[str, Any]) -> Any:
    """The body with as many octets more as make it a multiple of what its length counts in."""
    units = [spec.unit for spec in specs.values() if isinstance(spec, Length) and not spec.of and spec.unit > 1]
    missing = -len(found.encode()) % units[0] if units else 0
    if not missing or any(isinstance(spec, Padding) for spec in specs.values()):
        return found
    for name, spec in specs.items():
        if isinstance(spec, Octets) and spec.size is None:
            told = {one.name: getattr(found, one.name) for one in fields(found)}
            return type(found)(**told | {name: getattr(found, name) + bytes(missing)})
    return found


@cache
def item_forms(read: Read) -> tuple[tuple[type[Body], tuple[int, ...]], ...]:
    """What a reader of items gives, by trial: the classes, and for each the numbers its first field may hold."""
    found: list[tuple[type[Body], tuple[int, ...]]] = []
    for cls in body_classes():
        spec = next(iter(cls.specs().values()))
        example = _aligned(cls(), cls.specs()).encode()
        if not isinstance(spec, Number) or spec.size > 2:
            if _reads(read, cls, example):
                found.append((cls, ()))
            continue
        rest = example[spec.size :]
        heads = [number for number in range(256) if _reads(read, cls, number.to_bytes(spec.size, "big") + rest)]
        if heads:
            found.append((cls, tuple(heads)))
    return tuple(found)


def _reads(read: Read, cls: type[Body], data: bytes) -> bool:
    try:
        item, end = read(data, 0)
    except (WireError, ValueError, IndexError):
        return False
    return type(item) is cls and end == len(data)


def _item(random: Random, read: Read, depth: int) -> Body:
    forms = item_forms(read)
    if not forms:
        return Raw(random.randbytes(4))
    cls, heads = random.choice(forms)
    made = body(random, cls, depth + 1)
    if heads:
        told = {one.name: getattr(made, one.name) for one in fields(made)}
        made = cls(**told | {next(iter(cls.specs())): random.choice(heads)})
    found: Body = made
    return found


_ENTRIES: tuple[Entry, ...] = tuple(METHODS.values())


def packet(random: Random) -> EapPacket:
    """A packet of any method, or one that has none."""
    identifier = random.randrange(256)
    if random.random() < 0.1:
        code = random.choice((EapCode.SUCCESS, EapCode.FAILURE, EapCode.INITIATE))
        return EapPacket.make(code, identifier, None)
    entry = random.choice(_ENTRIES)
    code = random.choice((EapCode.REQUEST, EapCode.RESPONSE))
    forms = entry.requests if code == EapCode.REQUEST else entry.responses
    if not forms:
        kind = random.choice(list(EapType))
        return EapPacket.make(code, identifier, kind, random.randbytes(random.choice(_SIZES)))
    return entry.kind.packet(
        code, identifier, body(random, random.choice(forms)).encode(), expanded=random.random() < 0.05
    )
