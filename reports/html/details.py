"""What the page knows of one purpose, as JSON, cut to a size that a browser bears, with a note of what was cut."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from conformance.script.transcript import payload_trees
from reports.beside import Other, conclusion, others
from reports.coverage import section_url
from reports.load import Evidence
from reports.records import Result, Results, Standing
from suites.requirements import Catalogue

ENTRIES = 400
"""Entries of one conversation in the page."""

OCTETS = 4096
"""Octets of one datagram in the page."""

FIELD = 1024
"""Characters of one field of a payload in the page."""

CONVERSATION = 768 * 1024
"""Characters of one conversation in the page; past that it has arrows only."""

PAGE = 24 << 20
"""Characters of all conversations and logs in the page; past that the page has verdicts only."""

_ORDER = {"trace.json": 3, "device.log": 1, "transcript.txt": 0, "capture.pcapng": 2}


@dataclass(slots=True)
class Budget:
    """How many characters are left for the conversations of a page."""

    left: int = PAGE


def details(
    results: Results,
    one: Result,
    evidence: Evidence,
    requirements: Catalogue,
    budget: Budget,
    beside: Sequence[Results] = (),
    *,
    full: bool = True,
) -> dict[str, Any]:
    """Everything that is shown when a purpose is opened. ``budget`` gets smaller.

    ``beside`` are the results of other devices, shown where the purpose did not pass. Unless ``full`` the conversation
    has its arrows only, and the log is left out: most purposes pass, and nobody reads all of them.
    """
    notes = list(evidence.problems)
    found: dict[str, Any] = {
        "reason": one.reason,
        "expected": one.expected,
        "got": one.got,
        "known": _deviation(one),
        "earlier": [f"{earlier.verdict}: {earlier.reason}" for earlier in one.earlier],
        "requirements": [_requirement(cited, one, requirements) for cited in _cited(one)],
        "facts": _facts(results, one),
        "files": _files(one, evidence),
        "notes": notes,
    }
    if beside and not one.standing.passed and one.standing is not Standing.NOT_APPLICABLE:
        found["beside"] = _beside(one, others(one.purpose, beside))
    trace, log = shown_trace(evidence.trace, notes, full=full), evidence.log if full else ""
    for key, value in (("trace", trace), ("log", log)):
        if not value:
            continue
        size = len(value) if isinstance(value, str) else len(json.dumps(value, separators=(",", ":")))
        if size > budget.left:
            notes.append(f"the {'log' if key == 'log' else 'conversation'} is left out to keep this page small")
            continue
        budget.left -= size
        found[key] = value
    return found


def _beside(one: Result, found: Sequence[Other]) -> dict[str, Any]:
    rows = [
        {"device": it.device, "label": it.label, "slug": it.slug, "reason": it.result.reason if it.result else ""}
        for it in found
    ]
    return {"conclusion": conclusion(one, found), "rows": rows}


def _cited(one: Result) -> list[str]:
    broken = [one.requirement] if one.requirement else []
    return broken + [cited for cited in one.requirements if cited != one.requirement]


def _requirement(cited: str, one: Result, requirements: Catalogue) -> dict[str, Any]:
    found: dict[str, Any] = {"id": cited, "broken": cited == one.requirement}
    if cited in requirements:
        known = requirements.get(cited)
        found |= {"level": known.demand, "binds": str(known.binds), "text": known.text, "url": section_url(known)}
    return found


def _deviation(one: Result) -> dict[str, Any] | None:
    found = one.known or one.fixed
    if found is None:
        return None
    name = "Known deviation" if one.known else "Known deviation that did not happen"
    return {"name": name, "reason": found.reason, "until": found.until, "reference": found.reference}


def _facts(results: Results, one: Result) -> list[list[str]]:
    facts = [["device's role", one.role], ["level", one.level], ["seed", str(one.seed)], ["tier", one.tier]]
    facts.append(["took", f"{one.duration:.3f} s" + (f", waits {one.waits:g} s by design" if one.waits else "")])
    facts.append(["started", f"{one.started:%Y-%m-%d %H:%M:%S %Z}"])
    facts.append(["again", results.again(one.purpose)])
    if one.module:
        facts.append(["source", one.module])
    return facts


def _files(one: Result, evidence: Evidence) -> list[dict[str, Any]]:
    ordered = sorted(evidence.files, key=lambda path: (_ORDER.get(path.name, 4), path.name))
    return [
        {"name": path.name, "href": f"./{quote(f'{one.evidence}/{path.name}')}", "size": path.stat().st_size}
        for path in ordered
    ]


def shown_trace(trace: dict[str, Any] | None, notes: list[str], *, full: bool = True) -> dict[str, Any] | None:
    """A trace cut to what the page bears; ``notes`` say what was cut. Unless ``full`` it has no payloads and octets."""
    if trace is None:
        return None
    entries = trace["entries"]
    if len(entries) > ENTRIES:
        notes.append(f"the first {ENTRIES} of {len(entries)} entries are shown; all are in transcript.txt")
    shown = [_entry(entry, full=full) for entry in entries[:ENTRIES]]
    if full and len(json.dumps(shown, separators=(",", ":"))) > CONVERSATION:
        notes.append("the conversation is large: payloads and octets are left out here, see transcript.txt")
        shown = [_entry(entry, full=False) for entry in entries[:ENTRIES]]
    return {"ours": str(trace.get("ours", "")), "device": str(trace.get("device", "")), "entries": shown}


_PLAIN = ("exchange", "spi_i", "spi_r", "src", "dst", "summary", "text", "bent", "problem")


def _entry(entry: dict[str, Any], *, full: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": str(entry.get("kind")), "t": entry["t"]}
    found |= {key: _cut(str(entry[key])) for key in _PLAIN if entry.get(key)}
    found |= {key: entry[key] for key in ("sent", "ok", "encrypted", "response") if isinstance(entry.get(key), bool)}
    if isinstance(entry.get("message_id"), int):
        found["message_id"] = entry["message_id"]
    octets = str(entry.get("bytes") or "")
    if octets:
        found["size"] = len(octets) // 2
    if full:
        found["bytes"] = octets[: 2 * OCTETS]
        found["payloads"] = [_tree(one) for one in payload_trees(entry)]
    return {key: value for key, value in found.items() if value not in ("", [])}


def _tree(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": tree["name"]}
    fields = {name: _cut(value) for name, value in tree["fields"].items()}
    children = [_tree(one) for one in tree["children"]]
    return found | ({"fields": fields} if fields else {}) | ({"children": children} if children else {})


def _cut(text: str) -> str:
    return text if len(text) <= FIELD else f"{text[:FIELD]}... ({len(text)} characters)"
