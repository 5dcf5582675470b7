"""SARIF 2.1.0 (OASIS), as code scanning reads it: what a run or a campaign has found, each under a rule.

A rule is the requirement that was broken, or the sort of trouble where none is. What is known, and what only advice
speaks against, are there as well, with a suppression or as a warning.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from reports.coverage import section_url
from reports.records import Result, Results, Standing
from suites.requirements import Catalogue

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Standing.FAIL: "error",
    Standing.INCONCLUSIVE: "warning",
    Standing.WARN: "warning",
    Standing.FLAKY: "note",
    Standing.FIXED: "note",
    Standing.KNOWN: "note",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is broken: ``id``, a sentence, and where it is said, empty for nowhere."""

    id: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was found.

    Attributes:
        rule: what is broken.
        level: ``error``, ``warning`` or ``note``.
        text: what was seen.
        place: a file to show it at, relative to the checkout or the results folder.
        name: what tells it apart from others, the same in every run.
        known: why it is accepted, empty where it is not.
    """

    rule: Rule
    level: str
    text: str
    place: str
    name: str
    known: str = ""


def sarif(found: Iterable[Found], device: str) -> str:
    """The whole document. ``device`` is the full name of what was tested."""
    listed = list(found)
    rules = list({one.rule.id: one.rule for one in listed}.values())
    driver = {
        "name": "ikespec",
        "fullName": f"ikespec on {device}",
        "rules": [_rule(one) for one in rules],
    }
    numbers = {one.id: number for number, one in enumerate(rules)}
    results = [_result(one, numbers[one.rule.id], device) for one in listed]
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _rule(one: Rule) -> dict[str, Any]:
    told: dict[str, Any] = {"id": one.id, "shortDescription": {"text": one.text}}
    return told | ({"helpUri": one.url} if one.url else {})


def _result(one: Found, number: int, device: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ruleId": one.rule.id,
        "ruleIndex": number,
        "level": one.level,
        "message": {"text": one.text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": one.place}, "region": {"startLine": 1}}}],
        "partialFingerprints": {"ikespec/v1": sha256(f"{device.split()[0]}/{one.name}".encode()).hexdigest()},
    }
    if one.known:
        told["suppressions"] = [{"kind": "external", "justification": one.known}]
    return told


def of_run(results: Results, requirements: Catalogue) -> str:
    """What a run has found. Purposes that passed or are not applicable are not in it."""
    found = [
        Found(
            _broken(one, requirements),
            _LEVELS[one.standing],
            _sentence(one),
            one.module or "suites",
            one.purpose,
            one.known.reason if one.known and one.standing is Standing.KNOWN else "",
        )
        for one in results.results
        if one.standing in _LEVELS
    ]
    return sarif(found, results.run.device.full_name)


def _sentence(one: Result) -> str:
    """One text for the page of a finding: what is tested, and what was seen."""
    return " ".join(part for part in (f"{one.purpose} ({one.role}): {one.title}", one.reason) if part)


def _broken(one: Result, requirements: Catalogue) -> Rule:
    """The requirement, or the sort of trouble."""
    if one.requirement and one.requirement in requirements:
        rule = requirements.get(one.requirement)
        return Rule(rule.id, f"{rule.demand}: {rule.text}", section_url(rule))
    return Rule(f"ikespec/{one.standing.slug}", _SORTS.get(one.standing, f"A purpose with the verdict {one.verdict}."))


_SORTS: dict[Standing, str] = {
    Standing.FAIL: "A purpose failed.",
    Standing.INCONCLUSIVE: "A purpose could not be judged.",
    Standing.FLAKY: "A purpose passed at a later try only.",
    Standing.FIXED: "A known deviation did not happen.",
}
