"""Mutators of what is DER in a payload: certificates, lists, names, keys, algorithm identifiers."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any

from conformance.fuzz import octets
from conformance.fuzz.der import Node, length, parse
from conformance.fuzz.forms import form_of
from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators.base import Arguments, Base
from conformance.fuzz.places import Place, changed, fitting, places
from conformance.script.bend import Bend
from conformance.wire import Message

_TAGS = (0, 1, 2, 3, 4, 5, 6, 9, 10, 12, 19, 22, 23, 24, 28, 30, 0x30, 0x31, 0x80, 0x82, 0xA0, 0xA3, 0x1F, 0x7F, 0xFF)
_LENGTHS = (
    b"\0",
    b"\x7f",
    b"\x80",
    b"\x81\x00",
    b"\x81\xff",
    b"\x82\xff\xff",
    b"\x84\x00\x00\x00\x01",
    b"\x84\x7f\xff\xff\xff",
    b"\x84\x80\x00\x00\x00",
    b"\x84\xff\xff\xff\xff",
    b"\x88" + b"\xff" * 8,
    b"\x89" + bytes(9),
    b"\xff",
)


@lru_cache(maxsize=64)
def size_of_tree(data: bytes) -> int:
    """How many elements octets have; 0 where they are not DER of at least two."""
    tree = parse(data) if data[:1] == b"0" else None
    count = 0 if tree is None else sum(1 for _ in tree.walk())
    return count if count > 1 else 0


class Der(Base):
    """One element of DER: another tag, a length that is not true, content bent, left out, doubled, nested deeply."""

    name = "der"
    sizes = (3,)
    KINDS = ("tag", "length", "off", "content", "dropped", "doubled", "nested", "empty", "cut")

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Any element of any DER that the payloads hold."""
        place = places(message).pick(random, self.name, self.fits)
        if place is None:
            return None
        kind, number, deed = self.choice(random)
        node = random.randrange(size_of_tree(place.value))
        return self.mutation(place.target, place.path, kind, node, number, *((deed,) if deed else ()))

    @classmethod
    def choice(cls, random: Random) -> tuple[str, int, str]:
        """What happens to an element, with its number and deed."""
        kind, number, deed = random.choice(cls.KINDS), 0, ""
        if kind == "tag":
            number = random.choice(_TAGS)
        elif kind == "length":
            number = random.randrange(len(_LENGTHS))
        elif kind == "off":
            number = random.choice((0, 2))
        elif kind == "content":
            deed, number = octets.draw(random, 16)
        elif kind in ("doubled", "nested"):
            number = random.choice((1, 2, 16, 64, 256, 1000))
        return kind, number, deed

    @classmethod
    def any_bent(cls, random: Random, data: bytes) -> bytes:
        """DER of which any element is bent in any way."""
        kind, number, deed = cls.choice(random)
        return bent_der(data, kind, random.randrange(max(1, size_of_tree(data))), number, deed)

    @staticmethod
    def fits(place: Place) -> bool:
        """Octets that are DER, in no field of one size: chance makes SPIs that look like DER, too."""
        form = place.form
        return form.kind == "octets" and form.size is None and bool(place.value) and size_of_tree(place.value) > 0

    def bend(self, mutation: Mutation) -> Bend:
        """Do it; the lengths around stay true."""
        arguments = Arguments(mutation)
        path, kind = arguments.text(), arguments.text(self.KINDS)
        at, number = arguments.number(), arguments.number()
        deed = arguments.text(octets.DEEDS) if kind == "content" else ""

        def change(old: Any, owner: Any, name: str) -> Any:
            fixed = form_of(type(owner), name).size is not None
            if fixed or not isinstance(old, bytes) or not size_of_tree(old):
                raise TypeError("no DER stands there")
            return bent_der(old, kind, at, number, deed)

        return Bend(
            f"{mutation.target}: element {at} of the DER in {path}: {kind} {deed} {number}",
            payloads=lambda message: fitting(changed(message, mutation.target, path, change), message),
        )


def bent_der(data: bytes, kind: str, at: int, number: int, deed: str = "") -> bytes:
    """DER of which one element is bent; ``data`` itself where it is none."""
    tree = parse(data)
    if tree is None:
        return data
    nodes = list(tree.walk())
    node = nodes[at % len(nodes)]
    if kind == "tag":
        node.tag = number & 0xFF
        return tree.encode()
    if kind == "content":
        content = node.content + b"".join(one.encode() for one in node.nodes)
        node.content, node.nodes = octets.do(deed, number, content), []
        return tree.encode()
    return _with(tree, node, _written(node, kind, number))


def _written(node: Node, kind: str, number: int) -> bytes:
    """The octets that stand in the place of an element."""
    whole = node.encode()
    content = node.content + b"".join(one.encode() for one in node.nodes)
    tag = bytes((node.tag,))
    if kind == "length":
        return tag + _LENGTHS[number % len(_LENGTHS)] + content
    if kind == "off":
        return tag + length(max(0, len(content) + number - 1)) + content
    if kind == "dropped":
        return b""
    if kind == "doubled":
        return whole * min(1 + number, max(2, octets.LARGE // max(1, len(whole))))
    if kind == "nested":
        for _ in range(min(number, 4000)):
            whole = b"\x30" + length(len(whole)) + whole
        return whole
    if kind == "empty":
        return tag + b"\0"
    return whole[: len(whole) // 2]


def _with(tree: Node, node: Node, written: bytes) -> bytes:
    """The tree with other octets in the place of a node; the lengths around are true for them."""
    if tree is node:
        return written
    content = tree.content + b"".join(_with(one, node, written) for one in tree.nodes)
    return bytes((tree.tag,)) + length(len(content)) + content
