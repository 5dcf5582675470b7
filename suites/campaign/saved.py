"""The files that a finding's folder has beside the evidence: the replay, the backtrace, a purpose to be finished."""

from __future__ import annotations

import json
from collections.abc import Mapping

from suites.campaign.findings import Finding
from suites.campaign.purposes import purpose_text


def files_of(finding: Finding, evidence: Mapping[str, bytes]) -> dict[str, bytes]:
    """All files of a finding's folder by name."""
    files = dict(evidence)
    if finding.happened:
        files.pop("history.pcapng", None)  # what it is needed for was reproduced
    files["finding.json"] = (json.dumps(finding.to_json(), indent=1, ensure_ascii=False) + "\n").encode(
        errors="replace"
    )
    files["test_finding.py"] = purpose_text(finding).encode(errors="replace")
    if finding.problem.backtrace:
        files["backtrace.txt"] = "".join(f"{frame}\n" for frame in finding.problem.backtrace).encode(errors="replace")
    return files
