"""Numbers that are worth a try: the borders of a field, and the corners of a registry."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from conformance.wire import ExchangeType, NotifyType, OpenEnum, PayloadType

_IKEV1: dict[type[OpenEnum], tuple[int, ...]] = {
    ExchangeType: (1, 2, 3, 4, 5, 6, 32, 33),
    PayloadType: (*range(1, 22), 130, 131),
}
"""Numbers of the version before (RFC 2408 section 3.1, RFC 2409 section 5, RFC 3947)."""

_PRIVATE: dict[type[OpenEnum], tuple[int, ...]] = {NotifyType: (8192, 16383, 40960, 65535)}
"""Where the private numbers of a registry begin and end, if not at one of the powers of two below."""


def borders(bits: int, true: int | None = None) -> Sequence[int]:
    """Numbers for a field of so many bits; ``true`` is what should stand there, and is not among them."""
    return _borders(bits) if true is None else _around(bits, true)


@cache
def _borders(bits: int) -> tuple[int, ...]:
    top = (1 << bits) - 1
    powers = [1 << bit for bit in range(bits)]
    found = [0, 1, 65535, top - 1, top, *powers, *(one - 1 for one in powers), *(one + 1 for one in powers)]
    return tuple(sorted({one for one in found if 0 <= one <= top}))


@cache
def _around(bits: int, true: int) -> tuple[int, ...]:
    near = [true - 1, true + 1, true - 4, true + 4, 2 * true, true // 2, 3, 4, 7, 8]
    found = {*near, *near[:2], *_borders(bits)}
    return tuple(sorted(one for one in found if 0 <= one < 1 << bits and one != true))


@cache
def corners(registry: type[OpenEnum], bits: int) -> tuple[int, ...]:
    """Assigned numbers, their neighbours, those of IKEv1, reserved and private ones."""
    assigned = [int(one) for one in registry]
    beside = [one + step for one in assigned for step in (-1, 1)]
    private = [value for bit in (7, 10, 13, 14, 15) for value in ((1 << bit) - 1, 1 << bit)]
    private += [224, 240, 241, 254, 255, (1 << bits) - 1]
    found = {0, *assigned, *beside, *private, *_IKEV1.get(registry, ()), *_PRIVATE.get(registry, ())}
    return tuple(sorted(one for one in found if 0 <= one < 1 << bits))
