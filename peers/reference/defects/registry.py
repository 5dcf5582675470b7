"""Defects: small classes, each making one decision of the reference device wrong, and the purposes that see it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from peers.reference.dataplane import DeviceHost


@dataclass(frozen=True, slots=True)
class Defect:
    """One way to be wrong: ``breaks`` are the purposes that must fail on a device with it."""

    name: str
    breaks: tuple[str, ...]
    endpoint: type[Endpoint]
    summary: str
    host: type[DeviceHost] = DeviceHost


_DEFECTS: dict[str, Defect] = {}

Decision = type[IkeSa] | type[Endpoint] | type[DeviceHost]


def defect(*breaks: str) -> Callable[[type], type]:
    """Register a subclass of `IkeSa`, `Endpoint` or `DeviceHost` as a defect that breaks these purposes.

    Its name is that of the class with hyphens: ``AcceptsWrongAuth`` is ``accepts-wrong-auth``.
    """

    def register(cls: type) -> type:
        name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).strip("-")
        if name in _DEFECTS:
            raise ValueError(f"two defects are called {name}")
        endpoint: type[Endpoint] = Endpoint
        host: type[DeviceHost] = DeviceHost
        if issubclass(cls, DeviceHost):
            host = cls
        elif issubclass(cls, Endpoint):
            endpoint = cls
        elif issubclass(cls, IkeSa):
            endpoint = type(f"{cls.__name__}Endpoint", (Endpoint,), {"sa_class": cls})
        else:
            raise TypeError(f"{cls.__name__} is neither an IkeSa nor an Endpoint nor a DeviceHost")
        summary = (cls.__doc__ or "").strip().split("\n")[0]
        _DEFECTS[name] = Defect(name, breaks, endpoint, summary, host)
        return cls

    return register


def all_defects() -> dict[str, Defect]:
    """All defects by name; imports the modules of this package that define them."""
    package = import_module("peers.reference.defects")
    for module in iter_modules(package.__path__):
        import_module(f"peers.reference.defects.{module.name}")
    return dict(_DEFECTS)
