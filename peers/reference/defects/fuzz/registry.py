"""The list of defects that campaigns must find, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa

MODULES = ("lengths", "tables", "growth", "mixing", "protection")


@dataclass(frozen=True, slots=True)
class FuzzDefect:
    """One of them: the class over `IkeSa` or `Endpoint` that is wrong, and the oracle that has to see it.

    ``breaks`` are purposes of `suites.fuzz` that must fail with it.
    """

    name: str
    breaks: tuple[str, ...]
    oracle: str
    decision: type
    summary: str


_FOUND: dict[str, FuzzDefect] = {}


def fuzz_defect(oracle: str, *breaks: str) -> Callable[[type], type]:
    """Register a class: ``EmptyDelete`` is ``fuzz-empty-delete``. ``oracle`` is as in a campaign's problems."""

    def register(cls: type) -> type:
        name = "fuzz" + "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__)
        if name in _FOUND:
            raise ValueError(f"two defects are called {name}")
        if not issubclass(cls, IkeSa | Endpoint):
            raise TypeError(f"{cls.__name__} is no subclass of what the reference device is made of")
        _FOUND[name] = FuzzDefect(name, breaks, oracle, cls, (cls.__doc__ or "").strip().split("\n")[0])
        return cls

    return register


def all_fuzz_defects() -> dict[str, FuzzDefect]:
    """All of them by name."""
    for module in MODULES:
        import_module(f"peers.reference.defects.fuzz.{module}")
    return dict(_FOUND)
