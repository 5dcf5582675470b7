"""Contents of EAP packets as values, defined by their fields.

A body is a frozen dataclass whose fields stand in the order of the wire; the annotation of each says how it is written.
From these definitions come the encoder, the strict decoder, the places of the fields in the bytes (`Body.spans`), and
everything that a sweep or a fuzzer does to them (`variations` in `conformance.eap.sweep`).

Encoding can lie: a length that is None is the true one and any other is sent as it is, octets may have a size that the
definition does not allow, and a body may be a `Raw`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Self, get_args, get_type_hints

from conformance.wire.errors import WireError
from conformance.wire.values import Value


@dataclass(frozen=True, slots=True)
class Number:
    """An unsigned number of ``size`` octets in network order."""

    size: int


@dataclass(frozen=True, slots=True)
class Length:
    """The octets of the field ``of`` (empty: of the whole body) in units of ``unit``; None where it is true.

    ``plus`` are octets before that field which count as well; negative: octets of the body which do not.
    """

    size: int
    of: str = ""
    unit: int = 1
    plus: int = 0


@dataclass(frozen=True, slots=True)
class Octets:
    """``size`` octets by definition; None where a length counts them, or up to the end."""

    size: int | None = None


@dataclass(frozen=True, slots=True)
class Padding:
    """What is left up to the end; None for zeros that make the body a multiple of ``unit`` octets."""

    unit: int


@dataclass(frozen=True, slots=True)
class Items:
    """Bodies up to the end, or as far as a length says.

    ``read`` gives the one that starts at an offset of the data, and where it ends.
    """

    read: Callable[[bytes, int], tuple[Body, int]]


Spec = Number | Length | Octets | Padding | Items

U8 = Annotated[int, Number(1)]
U16 = Annotated[int, Number(2)]
U24 = Annotated[int, Number(3)]
U32 = Annotated[int, Number(4)]
Rest = Annotated[bytes, Octets()]


@dataclass(frozen=True, slots=True)
class Span:
    """Where a field is: ``length`` octets from ``offset`` of the body's bytes."""

    name: str
    spec: Spec
    offset: int
    length: int


class Body(Value):
    """Base of the contents of EAP packets and of the attributes in them."""

    __slots__ = ()

    @classmethod
    def specs(cls) -> dict[str, Spec]:
        """The fields by name, in the order of the wire."""
        return _specs(cls)  # type: ignore[arg-type]  # mypy takes __hash__ of an instance for that of the class

    def encode(self) -> bytes:
        """The bytes.

        Raises:
            ValueError: a number does not fit its field.
        """
        return b"".join(self._parts().values())

    def spans(self) -> tuple[Span, ...]:
        """The fields with their places in what `encode` gives."""
        found, offset = [], 0
        for (name, spec), part in zip(self.specs().items(), self._parts().values(), strict=True):
            found.append(Span(name, spec, offset, len(part)))
            offset += len(part)
        return tuple(found)

    def _parts(self) -> dict[str, bytes]:
        specs = self.specs()
        parts = {name: _content(getattr(self, name), spec) for name, spec in specs.items()}
        for name, spec in specs.items():
            if isinstance(spec, Padding) and getattr(self, name) is None:
                parts[name] = bytes(-sum(map(len, parts.values())) % spec.unit)
        for name, spec in specs.items():
            if isinstance(spec, Length):
                told = getattr(self, name)
                if told is None:
                    counted = parts[spec.of] if spec.of else b"".join(parts.values())
                    units = -(-(len(counted) + spec.plus) // spec.unit)
                    told = min(units, 256**spec.size - 1)  # of what is too long: the most
                parts[name] = _number(name, told, spec.size)
            elif isinstance(spec, Number):
                parts[name] = _number(name, getattr(self, name), spec.size)
        return parts

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The body that is exactly ``data``.

        Raises:
            WireError: it ends too early, or a length is not true.
        """
        specs = cls.specs()
        counts = {spec.of: name for name, spec in specs.items() if isinstance(spec, Length)}
        values: dict[str, Any] = {}
        offset, size = 0, len(data)
        for name, spec in specs.items():
            left = size - offset
            if isinstance(spec, Items):
                end = size
                if name in counts:
                    end = offset + _counted(values[counts[name]], specs[counts[name]])
                    if not offset <= end <= size:
                        raise WireError(offset, name, f"{left} bytes left, expected {end - offset}")
                values[name] = _items(spec, name, data[:end], offset)
                offset = end
                continue
            if isinstance(spec, Padding):
                zeros = bytes(-offset % spec.unit)
                values[name] = None if data[offset:] == zeros else data[offset:]
                offset = size
                continue
            if isinstance(spec, Octets):
                counter = counts.get(name)
                due = spec.size if counter is None else _counted(values[counter], specs[counter])
                due = left if due is None else due
            else:
                due = spec.size
            if not 0 <= due <= left:
                raise WireError(offset, name, f"{left} bytes left, expected {due}")
            part = data[offset : offset + due]
            values[name] = part if isinstance(spec, Octets) else int.from_bytes(part, "big")
            offset += due
        if offset < size:
            raise WireError(offset, "end", f"{size - offset} bytes left, expected none")
        for of, name in counts.items():
            if not of and _counted(values[name], specs[name]) != size:
                raise WireError(0, name, f"{values[name]} for a body of {size} octets")
            values[name] = None
        return cls(**values)


@dataclass(frozen=True, slots=True, repr=False)
class Raw(Body):
    """Any bytes: for what has no form, or a form that nobody defined."""

    data: Rest = b""


@cache
def _specs(cls: type[Body]) -> dict[str, Spec]:
    hints = get_type_hints(cls, include_extras=True)
    found = {}
    for item in fields(cls):  # type: ignore[arg-type]  # every subclass is a dataclass
        told = [one for one in get_args(hints[item.name]) if isinstance(one, Spec)]
        if told:
            found[item.name] = told[0]
    return found


def _unit(spec: Spec) -> int:
    return spec.unit if isinstance(spec, Length) else 1


def _items(spec: Items, name: str, data: bytes, offset: int) -> tuple[Body, ...]:
    """The bodies from an offset up to the end of ``data``."""
    items: list[Body] = []
    while offset < len(data):
        try:
            item, offset = spec.read(data, offset)
        except WireError as error:
            raise error.within(f"{name}[{len(items)}]", 0) from None
        items.append(item)
    return tuple(items)


def _counted(told: int, spec: Spec) -> int:
    """The octets of the field that a length counts; fewer than none where it is too small."""
    return told * _unit(spec) - (spec.plus if isinstance(spec, Length) else 0)


def _content(value: Any, spec: Spec) -> bytes:
    """The octets of a field; those of a number are zeros, for only their count is known yet."""
    if isinstance(spec, Octets | Padding):
        return bytes(value or b"")
    if isinstance(spec, Items):
        return b"".join(one.encode() for one in value)
    return bytes(spec.size)


def _number(name: str, value: int, size: int) -> bytes:
    try:
        return value.to_bytes(size, "big")
    except OverflowError:
        raise ValueError(f"{name}: {value} does not fit {size} octets") from None
