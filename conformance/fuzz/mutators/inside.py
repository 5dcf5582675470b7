"""Mutators of what is encrypted: the encoded payloads, the padding, and the pieces of a fragmented message."""

from __future__ import annotations

from random import Random

from conformance.fuzz.chance import below, one_of
from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators.base import Arguments, Base, is_protected
from conformance.fuzz.mutators.chain import touched
from conformance.fuzz.numbers import borders, corners
from conformance.ike.core.fragmentation import split
from conformance.ike.core.protection import Fragment
from conformance.script.bend import Bend, Piece
from conformance.wire import Message, PayloadType

_HEADER = 4


def headers(data: bytes) -> list[int]:
    """Where the generic payload headers of a chain stand, as far as its lengths lead."""
    found, at = [], 0
    while at + _HEADER <= len(data):
        found.append(at)
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < _HEADER:
            break
        at += length
    return found


class Plaintext(Base):
    """The encoded payloads before encryption: cut, extended, bent somewhere, another inner length or next payload."""

    name = "plaintext"
    place = "plaintext"
    sizes = (2,)
    KINDS = (
        "cut",
        "extended",
        "turned",
        "set",
        "removed",
        "inserted",
        "repeated",
        "length",
        "next",
        "critical",
        "none",
    )

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Anything, of a message that is encrypted."""
        if not is_protected(message):
            return None
        kind = one_of(random, self.KINDS)
        at, number = below(random, 4096), one_of(random, (1, 2, 3, 4, 8, 16))
        if kind in ("length", "next", "critical"):
            at = below(random, len(message.payloads) + 1)
            number = one_of(random, corners(PayloadType, 8) if kind == "next" else borders(16))
        elif kind in ("turned", "set"):
            number = below(random, 256)
        elif kind in ("cut", "extended"):
            number = one_of(random, (1, 2, 3, 4, 7, 8, 16, 64, 1024))
        return self.mutation("plaintext", kind, at, number)

    def bend(self, mutation: Mutation) -> Bend:
        """Do it; padding, encryption and the outer lengths are right for what it gives."""
        arguments = Arguments(mutation)
        kind, at, number = arguments.text(self.KINDS), arguments.number(), arguments.number()
        return Bend(f"plaintext {kind} {number} at {at}", plaintext=lambda data: self.bent(data, kind, at, number))

    @staticmethod
    def bent(data: bytes, kind: str, at: int, number: int) -> bytes:
        """The payloads as they are encrypted."""
        if kind == "none":
            return b""
        if kind == "cut":
            return data[: max(0, len(data) - number)]
        if kind == "extended":
            return data + bytes(min(number, 4096))
        if kind in ("length", "next", "critical"):
            found = headers(data)
            if not found:
                return data
            start = found[at % len(found)]
            size, offset = (2, 2) if kind == "length" else (1, 0 if kind == "next" else 1)
            value = number & 0xFFFF if kind == "length" else number & 0xFF
            return data[: start + offset] + value.to_bytes(size, "big") + data[start + offset + size :]
        return touched(data, kind, at, number)


class Padding(Base):
    """Padding and Pad Length, the last octet: none, long, and a length that is not true."""

    name = "padding"
    place = "plaintext"
    sizes = (1,)
    KINDS = ("length", "content", "none", "long", "only", "empty")

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Anything, of a message that is encrypted."""
        if not is_protected(message):
            return None
        kind = one_of(random, self.KINDS)
        number = one_of(random, (0, 1, 15, 16, 127, 128, 240, 254, 255) if kind == "length" else (16, 32, 240, 1, 255))
        return self.mutation("plaintext", kind, number)

    def bend(self, mutation: Mutation) -> Bend:
        """Do it. What no longer fits the blocks of a cipher is filled up by zeros in front of the Pad Length."""
        arguments = Arguments(mutation)
        kind, number = arguments.text(self.KINDS), arguments.number()
        return Bend(f"padding: {kind} {number}", padded=lambda data: self.bent(data, kind, number & 0xFF))

    @staticmethod
    def bent(data: bytes, kind: str, number: int) -> bytes:
        """Payloads, padding and Pad Length as they are encrypted: as many octets as before, or 16, 32 ... more."""
        if not data:
            return data
        if kind == "length":
            return data[:-1] + bytes((number,))
        if kind == "content":
            pad = data[-1]
            return data[: -1 - pad] + bytes((number,)) * pad + data[-1:]
        if kind == "none":
            return data[:-1] + b"\0"
        if kind == "long":
            more = min(-(-number // 16) * 16, 255 - data[-1] & 0xF0)
            return data[:-1] + bytes(more) + bytes((data[-1] + more,))
        size = 16 if kind == "only" else 0
        return bytes(max(0, size - 1)) + bytes((max(0, size - 1),)) if size else b""


class Fragments(Base):
    """The pieces of a message in fragments, authentic as they are: numbers, totals, order, loss, repetition."""

    name = "fragments"
    place = "plaintext"
    sizes = (1, 3)
    KINDS = ("split", "number", "total", "dropped", "doubled", "reversed", "last first", "empty", "others", "whole")

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Anything, of a message that is encrypted: it is cut into pieces where it is not."""
        if not is_protected(message):
            return None
        kind = one_of(random, self.KINDS)
        pieces = one_of(random, (1, 2, 2, 3, 4, 8, 64))
        return self.mutation("plaintext", kind, pieces, below(random, pieces), one_of(random, borders(16)))

    def bend(self, mutation: Mutation) -> Bend:
        """Do it."""
        arguments = Arguments(mutation)
        kind, pieces = arguments.text(self.KINDS), min(max(1, arguments.number()), 256)
        at, value = arguments.number(), arguments.number() & 0xFFFF

        def bent(found: list[Piece]) -> list[Piece]:
            if len(found) == 1 and found[0][0] is None:
                text = found[0][1]
                found = [(one, part) for one, part in split(text, max(1, -(-len(text) // pieces)))]
            return self.arranged(found, kind, at % len(found), value)

        return Bend(f"fragments: {kind} {value} at {at} of {pieces}", fragments=bent)

    @staticmethod
    def arranged(found: list[Piece], kind: str, at: int, value: int) -> list[Piece]:
        """The pieces as they are sealed, one datagram each."""
        one, text = found[at]
        if one is None:  # what another mutation added
            return found
        if kind in ("number", "total"):
            other = Fragment(value, one.total) if kind == "number" else Fragment(one.number, value)
            return [*found[:at], (other, text), *found[at + 1 :]]
        if kind == "dropped":
            return [*found[:at], *found[at + 1 :]] or found
        if kind == "doubled":
            return [*found[: at + 1], *(found[at],) * min(1 + value, 8), *found[at + 1 :]]
        if kind == "reversed":
            return found[::-1]
        if kind == "last first":
            return [found[-1], *found[:-1]]
        if kind == "empty":
            return [*found[:at], (one, b""), *found[at + 1 :]]
        if kind == "others":
            more = Fragment(one.number, min(one.total + 1, 0xFFFF))
            return [*found[:at], (more, text[::-1]), *found[at:]]
        if kind == "whole":
            return [*found, (None, b"".join(part for _, part in found))]
        return found
