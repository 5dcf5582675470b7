"""Traffic selectors: how configurations write them, and narrowing (RFC 7296, section 2.9)."""

import re
from collections.abc import Iterable
from functools import lru_cache

from conformance.wire import TrafficSelector, TsType

_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "sctp": 132, "any": 0}
_SELECTOR = re.compile(r"(?P<net>[0-9a-fA-F.:/-]+)(\[(?P<protocol>\w+)(/(?P<port>\d+)(-(?P<last>\d+))?)?\])?")


class SelectorError(ValueError):
    """A traffic selector that cannot be read; the text names it and says what was expected."""


@lru_cache(maxsize=1024)
def selector(text: str) -> TrafficSelector:
    """Read ``10.2.0.0/24``, ``10.2.0.1-10.2.0.9``, ``fd00::/64[tcp/80]`` or ``10.2.0.0/24[udp/1000-2000]``.

    Raises SelectorError for anything else.
    """
    match = _SELECTOR.fullmatch(text)
    try:
        if match is None:
            raise ValueError("not a prefix or a range")
        word = match["protocol"] or "any"
        protocol = int(word) if word.isdigit() else _PROTOCOLS[word.lower()]
        first = int(match["port"]) if match["port"] else 0
        last = int(match["last"]) if match["last"] else (first if match["port"] else 65535)
        if "-" in match["net"]:
            low, high = match["net"].split("-", 1)
            return TrafficSelector.range(low, high, protocol=protocol, ports=(first, last))
        return TrafficSelector.net(match["net"], protocol=protocol, ports=(first, last))
    except (ValueError, KeyError) as error:
        raise SelectorError(
            f"traffic selector {text!r}: {error}; expected for example 10.2.0.0/24 or 10.2.0.0/24[tcp/80]"
        ) from None


def selectors(texts: Iterable[str]) -> tuple[TrafficSelector, ...]:
    """Read several selectors."""
    return tuple(selector(text) for text in texts)


def contains(outer: TrafficSelector, inner: TrafficSelector) -> bool:
    """True if every packet that ``inner`` selects is selected by ``outer``."""
    return (
        outer.type == inner.type
        and outer.protocol in (0, inner.protocol)
        and outer.start_port <= inner.start_port
        and inner.end_port <= outer.end_port
        and outer.start <= inner.start
        and inner.end <= outer.end
    )


def intersection(one: TrafficSelector, other: TrafficSelector) -> TrafficSelector | None:
    """What both select, None if that is nothing or one of them is of a type without ranges."""
    if one.type != other.type or one.type not in (TsType.IPV4_ADDR_RANGE, TsType.IPV6_ADDR_RANGE):
        return None
    if one.protocol and other.protocol and one.protocol != other.protocol:
        return None
    start, end = max(one.start, other.start), min(one.end, other.end)
    low, high = max(one.start_port, other.start_port), min(one.end_port, other.end_port)
    if start > end or low > high:
        return None
    return TrafficSelector(one.type, one.protocol or other.protocol, low, high, start, end)


def narrow(offered: Iterable[object], policy: Iterable[TrafficSelector]) -> tuple[TrafficSelector, ...]:
    """The largest set of selectors within both ``offered`` and ``policy``, in the order of ``offered``, no doubles.

    Selectors of unknown types are passed over. Empty: there is nothing in common (TS_UNACCEPTABLE).
    """
    common: list[TrafficSelector] = []
    for wanted in offered:
        if not isinstance(wanted, TrafficSelector):
            continue
        for allowed in policy:
            both = intersection(wanted, allowed)
            if both is not None and not any(contains(known, both) for known in common):
                common = [known for known in common if not contains(both, known)]
                common.append(both)
    return tuple(common)


def covered(inner: Iterable[object], outer: Iterable[TrafficSelector]) -> bool:
    """True if each selector of ``inner`` lies within one of ``outer``: what a responder may choose (section 2.9)."""
    allowed = tuple(outer)
    return all(isinstance(one, TrafficSelector) and any(contains(whole, one) for whole in allowed) for one in inner)


def host(address: bytes) -> TrafficSelector:
    """The selector of one address of four or sixteen octets, all protocols and ports."""
    kind = TsType.IPV4_ADDR_RANGE if len(address) == 4 else TsType.IPV6_ADDR_RANGE
    return TrafficSelector(kind, 0, 0, 65535, address, address)


def ranges(found: Iterable[object]) -> tuple[TrafficSelector, ...]:
    """The selectors of known types."""
    return tuple(one for one in found if isinstance(one, TrafficSelector))
