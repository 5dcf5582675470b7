"""The pseudo-random function of EAP-SIM and EAP-AKA (RFC 4186 appendix B, RFC 4187 appendix A: FIPS 186-2, change 1).

It needs the compression function of SHA-1 by itself, without the padding that libraries always add.
"""

from __future__ import annotations

from struct import pack, unpack

_MASK = 0xFFFFFFFF
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)


def expand(key: bytes, size: int) -> bytes:
    """``size`` pseudo-random octets from a key of 20."""
    state, out = int.from_bytes(key, "big"), b""
    while len(out) < size:
        block = _compress(state.to_bytes(20, "big"))
        state = 1 + state + int.from_bytes(block, "big") & (1 << 160) - 1
        out += block
    return out[:size]


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _MASK


def _compress(block: bytes) -> bytes:
    """SHA-1's initial state after one block, which is filled up with zeros."""
    words = list(unpack(">16I", block.ljust(64, b"\0")))
    for place in range(16, 80):
        words.append(_rotate(words[place - 3] ^ words[place - 8] ^ words[place - 14] ^ words[place - 16], 1))
    a, b, c, d, e = _START
    for place, word in enumerate(words):
        if place < 20:
            mixed, constant = b & c | ~b & d, 0x5A827999
        elif place < 40:
            mixed, constant = b ^ c ^ d, 0x6ED9EBA1
        elif place < 60:
            mixed, constant = b & c | b & d | c & d, 0x8F1BBCDC
        else:
            mixed, constant = b ^ c ^ d, 0xCA62C1D6
        a, b, c, d, e = _rotate(a, 5) + mixed + e + constant + word & _MASK, a, _rotate(b, 30), c, d
    return pack(">5I", *(old + new & _MASK for old, new in zip(_START, (a, b, c, d, e), strict=True)))
