"""DER as a tree whose nodes can be bent one by one: tags, lengths, contents, nesting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

DEEPEST = 32
_MOST = 4000
_CONSTRUCTED = 0x20
_WRAPS = (0x03, 0x04)
"""Bit strings and octet strings often hold DER themselves: keys, extensions."""


@dataclass(slots=True)
class Node:
    """One element: its tag (one octet), what stands before its nested elements, and these or its content."""

    tag: int
    content: bytes = b""
    nodes: list[Node] = field(default_factory=list)

    def encode(self) -> bytes:
        """The octets, with true lengths."""
        content = self.content + b"".join(one.encode() for one in self.nodes)
        return bytes((self.tag,)) + length(len(content)) + content

    def walk(self) -> Iterator[Node]:
        """This node and all below, in the order of the octets."""
        yield self
        for one in self.nodes:
            yield from one.walk()


def length(size: int) -> bytes:
    """A length in DER."""
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def parse(data: bytes) -> Node | None:
    """The element that is exactly ``data``, None where it is none."""
    found = _elements(data, 0, [_MOST])
    return found[0] if found is not None and len(found) == 1 else None


def _elements(data: bytes, depth: int, left: list[int]) -> list[Node] | None:
    """The elements that are exactly ``data``; None where it is not DER, or too deep, or too many."""
    found: list[Node] = []
    at, size = 0, len(data)
    while at < size:
        left[0] -= 1
        if size - at < 2 or data[at] & 0x1F == 0x1F or left[0] < 0:
            return None
        tag, first = data[at], data[at + 1]
        at += 2
        count = first
        if first >= 0x80:
            octets = first & 0x7F
            if not 1 <= octets <= 4 or octets > size - at:
                return None
            count = int.from_bytes(data[at : at + octets], "big")
            at += octets
        if count > size - at:
            return None
        found.append(_element(tag, data[at : at + count], depth, left))
        at += count
    return found


def _element(tag: int, content: bytes, depth: int, left: list[int]) -> Node:
    if depth < DEEPEST and content:
        if tag & _CONSTRUCTED:
            nodes = _elements(content, depth + 1, left)
            if nodes:
                return Node(tag, b"", nodes)
        elif tag in _WRAPS:
            before = 1 if tag == 0x03 else 0
            nodes = _elements(content[before:], depth + 1, left)
            if nodes and nodes[0].tag in (0x30, 0x02, 0x03, 0x04):
                return Node(tag, content[:before], nodes)
    return Node(tag, content)
