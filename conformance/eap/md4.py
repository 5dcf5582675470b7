"""MD4 (RFC 1320), which MS-CHAP-V2 needs and current cryptographic libraries refuse to have.

The one primitive that is written here and not taken from a library; it protects nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import pack, unpack

_MASK = 0xFFFFFFFF
_Mix = Callable[[int, int, int], int]
_ROUNDS: tuple[tuple[_Mix, int, Sequence[int], tuple[int, ...]], ...] = (
    (lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
    (
        lambda x, y, z: x & y | x & z | y & z,
        0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
    ),
    (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
)


def md4(data: bytes) -> bytes:
    """The 16 octets of the digest."""
    state: tuple[int, ...] = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + pack("<Q", 8 * len(data) & 0xFFFFFFFFFFFFFFFF)
    for start in range(0, len(padded), 64):
        words = unpack("<16I", padded[start : start + 64])
        a, b, c, d = state
        for mix, constant, order, shifts in _ROUNDS:
            for place, number in enumerate(order):
                total = a + mix(b, c, d) + words[number] + constant & _MASK
                shift = shifts[place % 4]
                a, b, c, d = d, (total << shift | total >> 32 - shift) & _MASK, b, c
        state = tuple(old + new & _MASK for old, new in zip(state, (a, b, c, d), strict=True))
    return pack("<4I", *state)
