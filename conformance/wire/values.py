"""What all values of the wire share: a short representation, and a fast way for the decoder to make them."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any, Self, TypeVar


class Value:
    """Base of the frozen dataclasses of this package, declared with ``repr=False``."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = []
        for item in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, item.name)
            if item.default is MISSING or value != item.default:
                shown.append(f"{item.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def make(cls, *args: Any, **kwargs: Any) -> Self:
        """The value the constructor would give, made faster where the class is declared with `quickly_made`."""
        return cls(*args, **kwargs)


V = TypeVar("V", bound=Value)


def quickly_made(cls: type[V]) -> type[V]:
    """Gives a frozen slotted dataclass a `make` that takes the constructor's arguments in a quarter of its time.

    The constructor of a frozen dataclass gets around its own lock with one call per field. `make` fills a draft, an
    object of a twin class with the same slots and no lock, and turns it into the value by assigning its class. No one
    else ever holds the draft, so the value is as immutable as any other.
    """
    unlocked = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    draft = type(f"{cls.__name__}Draft", cls.__bases__, {"__slots__": cls.__dict__["__slots__"], **unlocked})
    items = fields(cls)  # type: ignore[arg-type]  # see above
    names: dict[str, Any] = {"new": object.__new__, "draft": draft, "final": cls}
    names |= {f"default_{item.name}": item.default for item in items if item.default is not MISSING}
    positional = [_parameter(item) for item in items if not item.kw_only]
    keyword = [_parameter(item) for item in items if item.kw_only]
    lines = [
        f"def make({', '.join([*positional, *(['*', *keyword] if keyword else [])])}):",
        "    made_ = new(draft)",  # no field is called so
        *[f"    made_.{item.name} = {item.name}" for item in items],
        "    made_.__class__ = final",
        "    return made_",
    ]
    exec("\n".join(lines), names)  # written the way dataclasses writes its own methods, from field names only
    cls.make = staticmethod(names["make"])  # type: ignore[method-assign]
    return cls


def _parameter(item: Field[Any]) -> str:
    return item.name if item.default is MISSING else f"{item.name}=default_{item.name}"
