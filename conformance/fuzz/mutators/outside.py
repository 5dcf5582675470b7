"""Mutators of what is encrypted already, and of datagrams."""

from __future__ import annotations

from random import Random

from conformance.fuzz.chance import below, one_of
from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators.base import Arguments, Base, is_protected
from conformance.fuzz.mutators.chain import touched
from conformance.script.bend import Bend
from conformance.wire import Message

_HEADER = 28
_BODY = 32
"""Where the IV begins in a message of which SK is the only payload in the clear."""


class Ciphertext(Base):
    """A protected message after encryption: IV, ciphertext and ICV turned, cut, empty; the ICV is not made again."""

    name = "ciphertext"
    place = "ciphertext"
    sizes = (1, 2)
    KINDS = ("icv", "iv", "text", "header", "cut", "left", "extended", "swapped")

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Anything, of a message that is encrypted; lengths are true or as they were."""
        if not is_protected(message):
            return None
        kind = one_of(random, self.KINDS)
        at, number = below(random, 8), 0
        if kind in ("icv", "text"):
            at = below(random, 16 if kind == "icv" else 256)
        elif kind == "header":
            at = below(random, _BODY)
        if kind == "cut":
            at, number = one_of(random, (1, 2, 4, 8, 11, 12, 15, 16, 17, 24, 32, 64)), below(random, 2)
        elif kind == "left":
            at, number = one_of(random, (0, 1, 4, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 32)), below(random, 2)
        elif kind == "extended":
            at, number = one_of(random, (1, 4, 16, 256, 2048)), below(random, 2)
        elif kind in ("icv", "iv", "text", "header"):
            number = below(random, 8)
        return self.mutation("ciphertext", kind, at, number)

    def bend(self, mutation: Mutation) -> Bend:
        """Do it."""
        arguments = Arguments(mutation)
        kind, at, number = arguments.text(self.KINDS), arguments.number(), arguments.number()
        return Bend(f"ciphertext: {kind} {at} {number}", ciphertext=lambda raw: self.bent(raw, kind, at, number))

    @staticmethod
    def bent(raw: bytes, kind: str, at: int, number: int) -> bytes:
        """The datagram; ``left`` leaves so many octets of the Encrypted payload's body."""
        if len(raw) < _BODY:
            return raw
        head, body = raw[:_BODY], raw[_BODY:]
        if kind == "header":
            return touched(head, "turned", at, number) + body
        if kind == "icv":
            return head + touched(body, "turned", len(body) - 1 - at, number) if len(body) > at else raw
        if kind in ("iv", "text"):
            return head + touched(body, "turned", at + (16 if kind == "text" else 0), number)
        if kind == "swapped":
            return head + touched(body, "swapped", 16, 16)
        if kind == "extended":
            body += bytes(min(at, 4096))
        else:
            body = body[: max(0, len(body) - at)] if kind == "cut" else body[:at]
        if number & 1:
            head = head[:24] + (len(head) + len(body)).to_bytes(4, "big") + head[28:30]
            head += (4 + len(body)).to_bytes(2, "big")
        return head + body


class Datagram(Base):
    """Datagrams: cut, extended, bent, empty, twice, fragments of them lost or in another order."""

    name = "datagram"
    place = "datagram"
    sizes = (1, 2)
    KINDS = ("cut", "left", "extended", "turned", "set", "copied", "reversed", "lost", "alone", "prefixed", "halves")

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Anything."""
        kind = one_of(random, self.KINDS)
        at, number = below(random, 1024), 0
        if kind in ("cut", "extended", "prefixed"):
            at = one_of(random, (1, 2, 3, 4, 8, 16, 28, 64, 1024))
        elif kind == "left":
            at = one_of(random, (0, 1, 4, 8, 16, 17, 24, 27, 28, 29, 31, 32, 33, 36))
        elif kind in ("turned", "set"):
            at, number = below(random, _HEADER if random.random() < 0.5 else 1024), below(random, 256)
        elif kind in ("copied", "lost", "alone"):
            at, number = below(random, 4), one_of(random, (1, 1, 2, 20))
        return self.mutation("datagram", kind, at, number)

    def bend(self, mutation: Mutation) -> Bend:
        """Do it."""
        arguments = Arguments(mutation)
        kind, at, number = arguments.text(self.KINDS), arguments.number(), arguments.number()
        return Bend(f"datagram: {kind} {at} {number}", datagrams=lambda found: self.bent(list(found), kind, at, number))

    @staticmethod
    def bent(found: list[bytes], kind: str, at: int, number: int) -> list[bytes]:
        """What is sent."""
        if kind == "reversed":
            return found[::-1]
        if kind in ("lost", "alone", "copied"):
            at = at % len(found) if found else 0
            one = found[at : at + 1]
            return (
                [*found[:at], *found[at + 1 :]]
                if kind == "lost"
                else one
                if kind == "alone"
                else [*found[:at], *one * (1 + min(number, 64)), *found[at + 1 :]]
            )
        if kind == "halves":
            return [half for raw in found for half in (raw[: len(raw) // 2], raw[len(raw) // 2 :])]
        return [_one(raw, kind, at, number) for raw in found]


def _one(raw: bytes, kind: str, at: int, number: int) -> bytes:
    if kind == "cut":
        return raw[: max(0, len(raw) - at)]
    if kind == "left":
        return raw[:at]
    if kind == "extended":
        return raw + bytes(min(at, 4096))
    if kind == "prefixed":
        return bytes(min(at, 4096)) + raw
    return touched(raw, kind, at, number)
