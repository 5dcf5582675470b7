"""A written conversation (``trace.json``) as trees and as text: a message is described when somebody reads it.

An entry of a message has its decrypted payloads as octets (``content``: the type of the first one, and all of them in
hexadecimal). Where reading them would not give the message again, because it lies about itself, it has the trees of its
payloads (``payloads``) in their place, as all messages of schema 1 have. Where a message of ours goes out in fragments,
the first of them has its payloads; the others are a ``part``.
"""

from collections.abc import Mapping
from typing import Any

from conformance.wire import WireError, decode_payloads, describe

SCHEMA = 2
READABLE = (1, SCHEMA)
"""The schemas of ``trace.json`` that are read."""

_DEEPEST = 32

_OUTCOMES = {"True": "ok    ", "False": "NOT OK"}

Entry = Mapping[str, Any]


def payload_trees(entry: Entry) -> list[dict[str, Any]]:
    """The payloads of an entry as trees, none for what is no message. Damaged ones become a tree that says so."""
    if entry.get("part"):
        return [{"name": "another part of the same message", "fields": {}, "children": []}]
    if "content" not in entry:
        return _checked(entry.get("payloads"), _DEEPEST)
    try:
        first, octets = entry["content"]
        return [describe(payload) for payload in decode_payloads(first, bytes.fromhex(octets), lenient=True)]
    except (TypeError, ValueError, WireError) as error:
        return [
            {
                "name": "unreadable",
                "fields": {"content": str(entry["content"])[:64], "error": str(error)},
                "children": [],
            }
        ]


def _checked(trees: object, depth: int) -> list[dict[str, Any]]:
    """Trees out of a file, which may hold anything; what is nested deeper than payloads are is left out."""
    if not isinstance(trees, list) or not depth:
        return []
    found = []
    for tree in trees:
        if isinstance(tree, dict):
            fields = tree.get("fields")
            fields = {str(name): str(value) for name, value in fields.items()} if isinstance(fields, dict) else {}
            children = _checked(tree.get("children"), depth - 1)
            found.append({"name": str(tree.get("name")), "fields": fields, "children": children})
    return found


def text(trace: Mapping[str, Any]) -> str:
    """The conversation to read: one line for a message, its payloads indented below."""
    return "".join(_entry_text(entry) for entry in trace["entries"])


def _entry_text(entry: Entry) -> str:
    stamp = f"{entry['t']:9.4f}  "
    said = entry.get("summary") or entry.get("text") or ""
    if "src" not in entry:
        mark = _OUTCOMES.get(str(entry.get("ok")), "...") if entry.get("kind") == "expect" else "--"
        return f"{stamp}{mark} {said}\n"
    arrow = "-->" if entry.get("sent") else "<--"
    lines = [f"{stamp}{arrow} {entry['src']} > {entry.get('dst')}  {said or 'datagram'}"]
    for key in ("bent", "problem"):
        if entry.get(key):
            lines.append(f"{'':13}{key}: {entry[key]}")
    for tree in payload_trees(entry):
        lines += _tree_lines(tree, 17)
    return "\n".join(lines) + "\n"


def _tree_lines(tree: Mapping[str, Any], indent: int) -> list[str]:
    fields = ", ".join(f"{name}: {value}" for name, value in tree["fields"].items())
    lines = [f"{'':{indent}}{tree['name']}{'  ' + fields if fields else ''}"]
    for child in tree["children"]:
        lines += _tree_lines(child, indent + 4)
    return lines
