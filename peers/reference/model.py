"""Which reference device a word means: the correct one, and any defects and variants put together with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar, cast

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.sad import InboundSa, OutboundSa
from conformance.net.impaired import ImpairedLink, ImpairedPacketLink, Impairment
from conformance.net.link import Link, PacketLink
from peers.capabilities import Capability
from peers.contract import DeviceError
from peers.reference.dataplane import DeviceHost
from peers.reference.defects import all_defects
from peers.reference.defects.fuzz import all_fuzz_defects
from peers.reference.engine import ReferenceEngine
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa
from peers.reference.variants import Variant, all_variants
from peers.tomlfile import nearest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of reference device: the classes it is made of, and what its variants declare (`Variant`)."""

    engine_class: type[ReferenceEngine] = ReferenceEngine
    endpoint_class: type[Endpoint] = Endpoint
    host_class: type[DeviceHost] = DeviceHost
    nas_class: type[Nas] = Nas
    lacks: frozenset[Capability] = frozenset()
    pixit: Mapping[str, Any] = field(default_factory=dict)
    path: Impairment | None = None

    def engine(self, seed: int, now: float) -> ReferenceEngine:
        """Such a device, without a connection."""
        return self.engine_class(self.endpoint_class, seed, now, self.host_class, self.nas_class)

    def reached(self, link: Link, seed: int) -> Link:
        """The link to such a device, with its path on it."""
        if self.path is None:
            return link
        return (ImpairedPacketLink if isinstance(link, PacketLink) else ImpairedLink)(link, seed, self.path)


@lru_cache(maxsize=256)
def model(words: str) -> Model:
    """What ``DEFECT``, ``+variant`` or ``DEFECT+variant+variant`` means; empty: the correct device as it is.

    Raises DeviceError for an unknown word, and for two that exclude each other.
    """
    parts: list[type] = []
    chosen: list[Variant] = []
    for word in filter(None, words.split("+")):
        if word in all_variants():
            chosen.append(all_variants()[word])
            parts += chosen[-1].parts
        elif word in all_fuzz_defects():
            parts.append(all_fuzz_defects()[word].decision)
        elif word in all_defects():
            parts.append(all_defects()[word].decision)
        else:
            hint = (
                nearest(word, [*all_defects(), *all_fuzz_defects(), *all_variants()]) or "see ikespec list --variants"
            )
            raise DeviceError("reference", f"there is no defect or variant {word!r}", hint)
    paths = [one.path for one in chosen if one.path is not None]
    if len(paths) > 1:
        raise DeviceError("reference", f"{words}: there are {len(paths)} paths to the device", "name one of them")
    try:
        return Model(
            _merged(ReferenceEngine, parts),
            _holding(_merged(Endpoint, parts), parts, sa_class=(IkeSa, GatewaySa)),
            _holding(
                _merged(DeviceHost, parts),
                parts,
                inbound_class=(InboundSa, InboundSa),
                outbound_class=(OutboundSa, OutboundSa),
            ),
            _merged(Nas, parts),
            frozenset(lacking for one in chosen for lacking in one.lacks),
            {name: value for one in chosen for name, value in one.pixit.items()},
            paths[0] if paths else None,
        )
    except TypeError as error:
        raise DeviceError("reference", f"{words}: these exclude each other", str(error)) from None


def _merged(base: type[T], parts: Iterable[type], root: type | None = None) -> type[T]:
    """A subclass of ``base`` with those parts that are over it, or over ``root``; the last one is asked first."""
    wanted = [part for part in parts if issubclass(part, root or base)]
    # What another part is made of already comes along with that.
    chosen = [part for part in wanted if not any(other is not part and issubclass(other, part) for other in wanted)]
    if not chosen:
        return base
    return cast(type[T], type(chosen[-1].__name__, (*dict.fromkeys(reversed(chosen)), base), {}))


def _holding(cls: type[T], parts: Iterable[type], **roots: tuple[type, type]) -> type[T]:
    """The same class, but the SAs that it makes have those parts that are over their classes.

    Of each class it is said over what its parts are, and what they are made upon. A part that makes SAs of a class of
    its own brings that with it.
    """
    held: dict[str, type] = {}
    for name, (root, base) in roots.items():
        own = [getattr(part, name) for part in parts if getattr(part, name, root) is not root]
        held[name] = _merged(base, [*own, *parts], root)
    changed = {name: found for name, found in held.items() if found is not getattr(cls, name)}
    return cast(type[T], type(cls.__name__, (cls,), changed)) if changed else cls
