"""Read the folder of a campaign: ``campaign.json``, ``status.json`` and the findings."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.errors import ReportError
from suites.campaign.findings import Finding, read_finding
from suites.campaign.store import StoreError, read_settings

SCHEMA = 1
_OBJECTS = ("device", "said", "missed", "states", "again", "seen")
_NUMBERS = ("workers", "seconds", "cases", "datagrams", "rate", "corpus", "features", "errors", "pending")
_LISTS = ("cells", "curve", "payloads", "mutators")
_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(_OBJECTS, dict), **dict.fromkeys(_NUMBERS, (int, float)), **dict.fromkeys(_LISTS, list)
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CampaignResults:
    """A campaign as it stands. ``findings`` are the worst first; ``status`` is `suites.campaign.status.status`."""

    folder: Path
    started: str
    settings: dict[str, Any]
    status: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def device(self) -> str:
        """Its full name."""
        said = self.status.get("device", {})
        return " ".join(filter(None, (said.get("name"), said.get("version")))) or str(self.settings.get("dut", ""))

    def again(self, one: Finding) -> int:
        """How often a finding was seen."""
        return int(self.status.get("again", {}).get(one.id, 1))

    def seen(self, one: Finding) -> list[str]:
        """In which states."""
        return list(self.status.get("seen", {}).get(one.id, [one.state]))


def load_campaign(folder: Path) -> CampaignResults:
    """Read the folder of a campaign. Raises `ReportError` if there is none or if it breaks the schema."""
    try:
        about = read_settings(folder)
    except StoreError as error:
        raise ReportError(str(error)) from None
    if about is None:
        raise ReportError(f"{folder}: campaign.json is missing, expected the folder of an ikespec fuzz")
    settings = about.get("settings")
    if not isinstance(settings, dict):
        raise ReportError(f"{folder / 'campaign.json'}: settings = {settings!r}, expected an object")
    found = [_finding(path) for path in sorted((folder / "findings").glob("[!.]*/finding.json"))]
    found.sort(key=lambda one: (one.signature.severity, one.after))
    return CampaignResults(folder, str(about.get("started", "")), settings, _status(folder), tuple(found))


def _status(folder: Path) -> dict[str, Any]:
    path = folder / "status.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path}: no JSON: {error}") from None
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise ReportError(f"{path}: expected an object with schema {SCHEMA}")
    for key, kind in _KINDS.items():
        if key in told and not isinstance(told[key], kind):
            raise ReportError(f"{path}: {key} = {str(told[key])[:60]!r}, expected another kind of value")
    for row in told.get("cells", ()):
        if not isinstance(row, list) or [type(one) for one in row] != [str, str, str, int]:
            raise ReportError(f"{path}: cells has {str(row)[:60]!r}, expected payload, state, mutator and a count")
    for key, value in told.get("device", {}).items():
        if not isinstance(value, str):
            raise ReportError(f"{path}: device.{key} = {str(value)[:60]!r}, expected text")
    return told


def _finding(path: Path) -> Finding:
    try:
        return read_finding(path)
    except ValueError as error:
        raise ReportError(str(error)) from None
