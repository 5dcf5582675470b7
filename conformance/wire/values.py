"""What all values of the wire share: a representation that shows only what differs from the default."""

from __future__ import annotations

from dataclasses import MISSING, fields


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
