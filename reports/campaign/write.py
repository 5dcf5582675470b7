"""What is made of a campaign's folder: the page, and the findings as JSON and SARIF."""

import json
from pathlib import Path

from reports.campaign.load import CampaignResults, load_campaign
from reports.campaign.page import campaign_page
from reports.coverage import catalogue, section_url
from reports.sarif import Found, Rule, sarif
from suites.campaign.findings import Finding
from suites.files import write_text
from suites.requirements import Catalogue

_RULES = {
    "death": "The device dies of what it receives.",
    "sanitizer": "A sanitizer that is built into the device reports a fault.",
    "hang": "The device does not answer any more.",
    "growth": "The device grows without end.",
    "canary": "An ordinary handshake does not work any more.",
    "left-behind": "The device keeps what nobody needs any more.",
    "requirement": "A requirement is broken.",
    "differential": "Two devices answer the same differently.",
}


def write_campaign(folder: Path) -> CampaignResults:
    """Write campaign.html, findings.json and findings.sarif, each in one step. Raises `ReportError`, OSError."""
    results = load_campaign(folder)
    write_text(folder / "campaign.html", campaign_page(results))
    write_text(folder / "findings.json", json.dumps([one.to_json() for one in results.findings], indent=1) + "\n")
    write_text(folder / "findings.sarif", sarif((_found(one) for one in results.findings), results.device))
    return results


def _found(one: Finding) -> Found:
    rate = f" It happened {one.happened} of {one.tries} times." if one.examined else ""
    text = (
        f"{one.problem.oracle} in {one.state}: {one.problem.symptom}: {one.problem.words}{rate} {one.remark}".rstrip()
    )
    level = "error" if one.severe or one.problem.requirement else "warning"
    if one.problem.oracle == "differential":  # nobody is accused
        level = "note"
    return Found(_rule(one, catalogue(None)), level, text, f"findings/{one.id}/finding.json", one.id)


def _rule(one: Finding, known: Catalogue) -> Rule:
    broken = one.problem.requirement
    if broken and broken in known:
        rule = known.get(broken)
        return Rule(rule.id, f"{rule.demand}: {rule.text}", section_url(rule))
    oracle = one.problem.oracle
    return Rule(f"ikespec/fuzz-{oracle}", _RULES.get(oracle, f"The oracle {oracle} complains."))
