"""Open enumerations: IANA registries whose unknown numbers stay numbers."""

from __future__ import annotations

from enum import IntEnum
from typing import Self, TypeVar


class OpenEnum(IntEnum):
    """A registry of numbers that accepts every non-negative number.

    A registered number is the member with its IANA name. Any other number becomes a value of the same class whose name
    is its decimal text, so that ``NotifyType(40999)`` compares, packs and prints as ``40999``. The class iterates over
    the registered numbers only.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or value < 0:
            return None
        member = int.__new__(cls, value)
        member._name_ = str(int(value))
        member._value_ = int(value)
        return member

    @property
    def known(self) -> bool:
        """Whether the number is registered."""
        return self._value_ in type(self)._value2member_map_

    def __str__(self) -> str:
        return self._name_

    def __repr__(self) -> str:
        cls = type(self).__name__
        return f"{cls}.{self._name_}" if self.known else f"{cls}({self._name_})"

    def __format__(self, spec: str) -> str:
        return int.__format__(self, spec) if spec and spec[-1] in "bcdoxXn" else format(str(self), spec)


E = TypeVar("E", bound=OpenEnum)


class Lookup(dict[int, E]):
    """Number -> enumeration value at the speed of a dictionary; the decoder's way into an `OpenEnum`.

    Unknown numbers are made on demand and not kept, so the table never grows; all below ``made`` are made at once.
    """

    def __init__(self, registry: type[E], made: int = 0) -> None:
        super().__init__({int(member): member for member in (*map(registry, range(made)), *registry)})
        self.registry = registry

    def __missing__(self, number: int) -> E:
        return self.registry(number)
