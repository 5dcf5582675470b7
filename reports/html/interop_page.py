"""The page of the matrix: who comes together with whom, and behind each scenario what passed between the two."""

import json
from typing import Any
from urllib.parse import quote

from reports.errors import ReportError
from reports.html.details import Budget, shown_trace
from reports.html.page import render
from reports.interop import CellResult, InteropResults
from reports.load import read_log, read_trace
from reports.records import Standing

PASSED_LOG = 4 * 1024
"""Octets of each log of a scenario that passed; its files have all."""
FAILED_LOG = 48 * 1024
_FILES = ("capture.pcapng", "transcript.txt", "initiator.log", "responder.log", "trace.json", "ikev2_decryption_table")


def interop_page(results: InteropResults) -> str:
    """The page of one run, complete in itself."""
    budget = Budget()
    # Failures first: they are what the room on the page is for.
    order = sorted(results.results, key=lambda one: one.standing in (Standing.PASS, Standing.NOT_APPLICABLE))
    details = {one.key: _details(results, one, budget) for one in order}
    counts = dict.fromkeys(Standing, 0)
    for one in results.results:
        counts[one.standing] += 1
    labels = [one.label for one in results.participants]
    return render(
        "interop.html.jinja",
        ("chart.js", "interop.js"),
        results=results,
        labels=labels,
        counts=counts,
        details=details,
        seconds=(results.finished - results.started).total_seconds() if results.finished else None,
    )


def _details(results: InteropResults, one: CellResult, budget: Budget) -> dict[str, Any]:
    notes: list[str] = []
    found: dict[str, Any] = {
        "initiator": one.initiator,
        "responder": one.responder,
        "reason": one.reason,
        "known": None,
        "steps": [{"text": step.text, "problem": step.problem, "seconds": step.seconds} for step in one.steps],
        "beside": _beside(results, one),
        "suspect": results.suspect(one.scenario),
        "files": _files(results, one),
        "notes": notes,
    }
    if one.known is not None:
        reason = f"{one.deviant}: {one.known.reason}" if one.deviant else one.known.reason
        found["known"] = {"reason": reason, "until": one.known.until, "reference": one.known.reference}
    if not one.traffic:
        notes.append("no packets were sent through the Child SAs: not both devices have a data plane")
    if not one.decrypted and one.evidence:
        notes.append("what is encrypted stays so: the keys of these devices are not known to us")
    if one.evidence is not None:
        _add_evidence(found, results, one, budget)
    return found


def _add_evidence(found: dict[str, Any], results: InteropResults, one: CellResult, budget: Budget) -> None:
    assert one.evidence is not None
    folder, notes = results.folder / one.evidence, found["notes"]
    limit = PASSED_LOG if one.standing is Standing.PASS else FAILED_LOG
    for name in ("trace", "initiator_log", "responder_log"):
        try:
            if name == "trace":
                value: Any = shown_trace(read_trace(folder / "trace.json"), notes)
            else:
                value = read_log(folder / name.replace("_", "."), limit)
        except (OSError, ReportError) as error:
            notes.append(" ".join(str(error).split()))
            continue
        size = len(json.dumps(value, separators=(",", ":")))
        if size > budget.left:
            notes.append(f"{name.replace('_', ' ')} is left out to keep this page small")
        elif value:
            budget.left -= size
            found[name] = value


def _beside(results: InteropResults, one: CellResult) -> list[dict[str, str]]:
    """The same scenario in all other cells."""
    return [
        {"key": other.key, "who": f"{other.initiator} → {other.responder}", "standing": other.standing.slug,
         "verdict": other.standing.value}
        for other in results.scenarios[one.scenario].values()
        if other is not one
    ]  # fmt: skip


def _files(results: InteropResults, one: CellResult) -> list[dict[str, Any]]:
    if one.evidence is None:
        return []
    paths = [results.folder / one.evidence / name for name in _FILES]
    return [
        {"name": path.name, "href": f"./{quote(f'{one.evidence}/{path.name}')}", "size": path.stat().st_size}
        for path in paths
        if path.is_file()
    ]
