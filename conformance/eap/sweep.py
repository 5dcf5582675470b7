"""Everything that can be wrong with the fields of a body, from its definition: for sweeps and for fuzzers.

Each number goes to its borders, each length to what is not true, each string of octets becomes empty, shorter, longer,
of zeros and of ones; each item of a list is left out, doubled, and varied itself; what follows is cut off or added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.eap.bend import EapBend
from conformance.eap.layout import Body, Items, Length, Number, Octets, Padding, Raw, Span

LONG = 4096
"""Octets that are put where there is no limit but that of the packet."""


@dataclass(frozen=True, slots=True)
class Variation:
    """One thing wrong.

    Attributes:
        text: the field, and what happens to it.
        change: does it to a body of the same class and shape.
    """

    text: str
    change: Callable[[Body], Body]

    def bend(self, of: type[Body], *, sealed: bool = False) -> EapBend:
        """For the next body of a class; ``sealed``: when MACs and encrypted parts are in it."""
        text = f"{of.__name__}: {self.text}"
        return EapBend(text, of, sealed=self.change) if sealed else EapBend(text, of, body=self.change)


def variations(example: Body) -> Iterator[Variation]:
    """All variations of bodies that look like an example. None of them leaves the example as it is."""
    for span in example.spans():
        for text, change in _of_field(example, span):
            yield Variation(f"{span.name} {text}", change)
    for size in sorted({border for span in example.spans() for border in (span.offset, span.offset + span.length - 1)}):
        if 0 <= size < len(example.encode()):
            yield Variation(f"cut off after {size} octets", _rewriting(slice(size), b""))
    for more in (1, LONG):
        yield Variation(f"{more} octets added", _rewriting(slice(None), bytes(more)))


def _of_field(example: Body, span: Span) -> Iterator[tuple[str, Callable[[Body], Body]]]:
    spec, name = span.spec, span.name
    if isinstance(spec, Items):
        yield from _of_items(example, name)
        return
    told = example.encode()[span.offset : span.offset + span.length]
    if isinstance(spec, Number | Length):
        true = int.from_bytes(told, "big")
        for value in _numbers(true, spec.size):
            yield f"{value} instead of {true}", _setting(name, value)
        return
    for text, other in _strings(told, fixed=isinstance(spec, Octets) and spec.size is not None):
        yield text, _setting(name, other)
    if isinstance(spec, Padding) and not told:
        yield "of 4 octets where none is due", _setting(name, bytes(4))


def _numbers(true: int, size: int) -> Sequence[int]:
    top = 256**size - 1
    near = (0, 1, true - 1, true + 1, 2 * true, (top + 1) // 2, top - 1, top)
    return [value for value in dict.fromkeys(near) if 0 <= value <= top and value != true]


def _strings(told: bytes, *, fixed: bool) -> Iterator[tuple[str, bytes]]:
    """Other octets. Those of a fixed size, or whose length is counted, may be of another one all the same."""
    found = {
        "empty": b"",
        "of one octet": told[:1] or b"\0",
        "one octet shorter": told[:-1],
        "one octet longer": told + b"\0",
        "twice as long": told * 2,
        "of zeros": bytes(len(told)),
        "of ones": b"\xff" * len(told),
        "with its first bit turned": bytes((told[0] ^ 0x80,)) + told[1:] if told else b"",
        "with its last bit turned": told[:-1] + bytes((told[-1] ^ 1,)) if told else b"",
    }
    if not fixed:
        found[f"of {LONG} octets"] = b"a" * LONG
    seen = {told}
    for text, value in found.items():
        if value not in seen:
            seen.add(value)
            yield text, value


def _of_items(example: Body, name: str) -> Iterator[tuple[str, Callable[[Body], Body]]]:
    items: tuple[Body, ...] = getattr(example, name)
    for place, item in enumerate(items):
        title = _title(name, place, item)
        yield f"{title} left out", _repeating(name, place, 0)
        yield f"{title} twice", _repeating(name, place, 2)
        for one in variations(item):
            yield f"{title}: {one.text}", _varying(name, place, one)
    if len(items) > 1:
        yield f"{name} in reverse", _rearranging(name, lambda found: found[::-1])
        yield f"{name} left out", _rearranging(name, lambda found: ())
    yield f"{name} with 64 empty items", _rearranging(name, lambda found: (*found, *(Raw(bytes(4)),) * 64))


def _title(name: str, place: int, item: Body) -> str:
    kind = getattr(item, "type", None)
    return f"{name}[{place}] {type(item).__name__}" + ("" if kind is None else f" {int(kind)}")


def _replaced(body: Body, name: str, value: Any) -> Body:
    return replace(body, **{name: value})  # type: ignore[type-var]  # every subclass is a dataclass


def _setting(name: str, value: Any) -> Callable[[Body], Body]:
    return lambda body: _replaced(body, name, value)


def _rearranging(name: str, arrange: Callable[[tuple[Body, ...]], tuple[Body, ...]]) -> Callable[[Body], Body]:
    return lambda body: _replaced(body, name, arrange(getattr(body, name)))


def _repeating(name: str, place: int, times: int) -> Callable[[Body], Body]:
    return _rearranging(name, lambda found: found[:place] + found[place : place + 1] * times + found[place + 1 :])


def _rewriting(kept: slice, added: bytes) -> Callable[[Body], Body]:
    return lambda body: Raw(body.encode()[kept] + added)


def _varying(name: str, place: int, one: Variation) -> Callable[[Body], Body]:
    def arrange(found: tuple[Body, ...]) -> tuple[Body, ...]:
        return tuple(one.change(item) if at == place else item for at, item in enumerate(found))

    return _rearranging(name, arrange)
