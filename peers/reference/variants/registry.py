"""Variants: small classes, each another habit that the RFCs allow, and what a device with it would declare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.net.impaired import Impairment
from peers.capabilities import Capability
from peers.reference.modules import import_all


@dataclass(frozen=True, slots=True)
class Variant:
    """One more way to be right.

    ``allowed`` is the section of the RFC that leaves it open. ``parts`` are classes over `IkeSa`, `Endpoint`,
    `DeviceHost` and `ReferenceEngine`; those of several variants and defects make one device together. ``lacks`` and
    ``pixit`` are what its device file would say: missing capabilities, other timers. ``path`` is what lies between it
    and us. ``advice`` are the SHOULDs that it does not follow, by their id in the catalogue, with the reason: a
    warning about these is true. ``unclear`` are purposes that come to no verdict on it, each with the reason.
    ``about`` are the subjects of purposes to which it can make a difference, empty: all.
    """

    name: str
    allowed: str
    summary: str
    parts: tuple[type, ...]
    lacks: frozenset[Capability] = frozenset()
    pixit: Mapping[str, Any] = field(default_factory=dict)
    path: Impairment | None = None
    advice: Mapping[str, str] = field(default_factory=dict)
    unclear: Mapping[str, str] = field(default_factory=dict)
    about: tuple[str, ...] = ()


_VARIANTS: dict[str, Variant] = {}


def variant(
    allowed: str,
    *also: type,
    lacks: tuple[Capability, ...] = (),
    pixit: Mapping[str, Any] | None = None,
    path: Impairment | None = None,
    advice: Mapping[str, str] | None = None,
    unclear: Mapping[str, str] | None = None,
    about: tuple[str, ...] = (),
) -> Callable[[type], type]:
    """Register a class as a variant, together with ``also``, its parts over the other bases. See `Variant`.

    Its name is that of the class with hyphens: ``LazyDelete`` is ``lazy-delete``.
    """

    def register(cls: type) -> type:
        name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).strip("-")
        if name in _VARIANTS:
            raise ValueError(f"two variants are called {name}")
        summary = (cls.__doc__ or "").strip().split("\n")[0]
        _VARIANTS[name] = Variant(
            name,
            allowed,
            summary,
            (cls, *also),
            frozenset(lacks),
            dict(pixit or {}),
            path,
            dict(advice or {}),
            dict(unclear or {}),
            about,
        )
        return cls

    return register


def all_variants() -> dict[str, Variant]:
    """All variants by name; imports the modules of this package that define them."""
    import_all("peers.reference.variants")
    return dict(_VARIANTS)
