"""The page of a campaign: how it goes, what it has found, and what it has not touched."""

from typing import Any
from urllib.parse import quote

from reports.campaign.load import CampaignResults
from reports.html.page import render
from suites.campaign.findings import Finding

REFRESH = 5
"""Seconds after which the page of a running campaign is read again."""
_NOTHING: dict[str, Any] = {
    "updated": "", "running": False, "device": {}, "workers": 0, "seconds": 0, "cases": 0, "datagrams": 0, "rate": 0,
    "corpus": 0, "features": 0, "errors": 0, "said": {}, "missed": {},
}  # fmt: skip
"""How a campaign stands of which nothing is known yet."""
_FILES = (
    "finding.json",
    "transcript.txt",
    "capture.pcapng",
    "device.log",
    "backtrace.txt",
    "test_finding.py",
    "history.pcapng",
    "trace.json",
    "ikev2_decryption_table",
)


def campaign_page(results: CampaignResults) -> str:
    """The page as text."""
    status = _NOTHING | results.status
    cells = status.get("cells", [])
    data = {key: status.get(key, []) for key in ("states", "payloads", "mutators", "curve")}
    return render(
        "campaign.html.jinja",
        ("campaign.js",),
        results=results,
        status=status,
        refresh=REFRESH if status.get("running") else 0,
        findings=[_row(results, one) for one in results.findings],
        touched=len({(payload, state) for payload, state, _, _ in cells}),
        data={**data, "states": list(status.get("states", {})), "cells": cells},
        dut=results.settings.get("dut", ""),
    )


def _row(results: CampaignResults, one: Finding) -> dict[str, Any]:
    place = f"findings/{one.id}"
    files = [name for name in _FILES if (results.folder / place / name).is_file()]
    return {
        "finding": one,
        "again": results.again(one),
        "states": results.seen(one),
        "rate": f"{one.happened} of {one.tries}" if one.examined else "not examined yet",
        "files": [{"name": name, "href": f"./{quote(f'{place}/{name}')}"} for name in files],
        "steps": [
            f"{case.state}: {step.kind}"
            + "".join(f", {m.mutator} {m.target} {' '.join(map(str, m.arguments))[:80]}" for m in step.mutations)
            + (f", content {step.content[:60]}" if step.content else "")
            for case in one.script
            for step in case.steps
        ],
    }
