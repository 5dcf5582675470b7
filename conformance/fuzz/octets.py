"""What can be done to a string of octets, by name and with one number: so it can be written down and done again."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from conformance.fuzz.chance import below, one_of

WORDS = (
    b"%n%n%n%n%s%s%s%s",
    b"\0",
    b"a\0b",
    b"../../../../etc/passwd",
    b"'\"`;$(id)|&<>",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    b"*",
    b"@",
    b".",
    b"a" * 64 + b".example",
    b"." * 256,
    b"\r\nX: y\r\n",
    b"-1",
    b"{}[]",
    b"C=X, CN=*",
)
"""Texts that upset who takes them for what they are not: formats, paths, shells, terminators, names."""

SIZES = (1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 1024, 2048, 4096)
LARGE = 16384
"""Octets that a field may grow to."""


def _flip(data: bytes, bit: int) -> bytes:
    if not data:
        return data
    at = bit % (8 * len(data))
    return data[: at // 8] + bytes((data[at // 8] ^ 0x80 >> at % 8,)) + data[at // 8 + 1 :]


def _sized(data: bytes, size: int) -> bytes:
    content = data or b"a"
    return (content * (size // len(content) + 1))[:size]


DEEDS: dict[str, Callable[[bytes, int], bytes]] = {
    "empty": lambda data, number: b"",
    "shorter": lambda data, number: data[: max(0, len(data) - number)],
    "beheaded": lambda data, number: data[number:],
    "longer": lambda data, number: data + bytes(min(number, LARGE)),
    "sized": lambda data, number: _sized(data, min(number, LARGE)),
    "filled": lambda data, number: bytes((number & 0xFF,)) * len(data),
    "flipped": _flip,
    "reversed": lambda data, number: data[::-1],
    "word": lambda data, number: WORDS[number % len(WORDS)],
    "less": lambda data, number: max(0, int.from_bytes(data, "big") - number).to_bytes(len(data), "big"),
    "more": lambda data, number: (int.from_bytes(data, "big") + number & ((1 << 8 * len(data)) - 1)).to_bytes(
        len(data), "big"
    ),
}
"""What each deed makes of octets and its number."""

_ALL = (*DEEDS, "flipped")
_GROWING = ("longer", "sized", "word")
_SAME_SIZE = ("filled", "flipped", "reversed", "less", "more")


def draw(random: Random, size: int, *, fixed: bool = False) -> tuple[str, int]:
    """A deed for about ``size`` octets and its number; ``fixed``: one that leaves their count."""
    deed = one_of(random, _SAME_SIZE if fixed else _ALL if size else _GROWING)
    if deed == "flipped":
        return deed, below(random, max(1, 8 * size))
    if deed in ("shorter", "beheaded"):
        return deed, one_of(random, (1, 2, 4, max(1, size // 2), max(1, size - 1)))
    if deed in ("longer", "sized"):
        return deed, one_of(random, (*SIZES, LARGE) if random.random() < 0.1 else SIZES)
    if deed == "filled":
        return deed, one_of(random, (0, 0, 1, 0x20, 0x41, 0x7F, 0x80, 0xFF))
    if deed == "word":
        return deed, below(random, len(WORDS))
    return deed, 1 if deed in ("less", "more") else 0


def do(deed: str, number: int, data: bytes) -> bytes:
    """What a deed makes of octets.

    Raises:
        ValueError: there is no such deed, or no such number.
    """
    if deed not in DEEDS or number < 0:
        raise ValueError(f"deed {deed!r} with {number}, expected one of {', '.join(DEEDS)} and a number from 0 on")
    return DEEDS[deed](data, number)
