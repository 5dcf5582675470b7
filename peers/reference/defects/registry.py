"""Defects: small classes, each making one decision of the reference device wrong, and the purposes that see it."""

from collections.abc import Callable
from dataclasses import dataclass

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.sad import InboundSa, OutboundSa
from peers.reference.dataplane import DeviceHost
from peers.reference.modules import import_all
from peers.reference.nas.gateway import Nas


@dataclass(frozen=True, slots=True)
class Defect:
    """One way to be wrong: ``breaks`` are the purposes that must fail on a device with it.

    ``decision`` is the class over `IkeSa`, `Endpoint`, `DeviceHost`, its SAs, or `Nas` that is wrong.
    """

    name: str
    breaks: tuple[str, ...]
    decision: type
    summary: str


_DEFECTS: dict[str, Defect] = {}


def defect(*breaks: str) -> Callable[[type], type]:
    """Register a subclass of `IkeSa`, `Endpoint`, `DeviceHost`, its SAs or `Nas` as a defect of these purposes.

    Its name is that of the class with hyphens: ``AcceptsWrongAuth`` is ``accepts-wrong-auth``.
    """

    def register(cls: type) -> type:
        name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).strip("-")
        if name in _DEFECTS:
            raise ValueError(f"two defects are called {name}")
        if not issubclass(cls, IkeSa | Endpoint | DeviceHost | InboundSa | OutboundSa | Nas):
            raise TypeError(f"{cls.__name__} is no subclass of what the reference device is made of")
        summary = (cls.__doc__ or "").strip().split("\n")[0]
        _DEFECTS[name] = Defect(name, breaks, cls, summary)
        return cls

    return register


def all_defects() -> dict[str, Defect]:
    """All defects by name; imports the modules of this package that define them."""
    import_all("peers.reference.defects")
    return dict(_DEFECTS)
