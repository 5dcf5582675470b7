"""A summary in Markdown, short enough for the log or the job page of a CI system."""

import re

from reports.coverage import demand
from reports.findings import Finding, Section, sections
from reports.records import Result, Results, Standing
from suites.requirements import Catalogue

_LISTED = 50
_SLOWEST = 5
_NOTABLE_SECONDS = 1.0


def summary(results: Results, requirements: Catalogue) -> str:
    """Counts, then what is unexpected, worst first, then warnings, known deviations and what took long."""
    device = results.run.device
    lines = [f"# ikespec: {escaped(device.full_name)}", "", _sentence(results), ""]
    found = [standing for standing in Standing if results.counts[standing]]
    lines += ["| " + " | ".join(standing.label for standing in found) + " |", "|" + " ---: |" * len(found)]
    lines += ["| " + " | ".join(str(results.counts[standing]) for standing in found) + " |", ""]
    for section in sections(results):
        if section.standing not in (Standing.PASS, Standing.NOT_APPLICABLE):
            lines += _section(section, requirements)
    slow = sorted(results.results, key=lambda one: -one.duration)[:_SLOWEST]
    slow = [one for one in slow if one.duration >= _NOTABLE_SECONDS]
    if slow:
        lines += ["## Slowest", ""]
        lines += [f"- {one.duration:.1f} s {code(one.purpose)}{_waits(one)}" for one in slow] + [""]
    return "\n".join(lines)


def _sentence(results: Results) -> str:
    total, unexpected = len(results.results), results.unexpected
    text = (
        f"**{unexpected} unexpected** of {total} purposes" if unexpected else f"Nothing unexpected in {total} purposes"
    )
    text += f", {results.seconds:.1f} s, seed {results.run.seed}."
    if results.run.finished is None:
        text += " **The run did not come to its end.**"
    if results.run.why:
        text += f" {escaped(results.run.why)}."
    if results.missing:
        text += f" {results.missing} of {results.run.selected} selected purposes have no result."
    return text


def _section(section: Section, requirements: Catalogue) -> list[str]:
    lines = [f"## {section.heading} ({section.count})", ""]
    for finding in section.findings[:_LISTED]:
        lines += _finding(finding, requirements)
    if len(section.findings) > _LISTED:
        lines.append(f"- and {len(section.findings) - _LISTED} more")
    return [*lines, ""]


def _finding(finding: Finding, requirements: Catalogue) -> list[str]:
    one = finding.first
    names = ", ".join(code(each.purpose) for each in finding.results[:_LISTED])
    if len(finding.results) > _LISTED:
        names += f" and {len(finding.results) - _LISTED} more"
    rule = f" ({demand(one.requirement, requirements)})" if one.requirement else ""
    if not finding.shared:
        line = f"- {names}{rule}: {escaped(one.reason or one.title)}"
    else:
        line = f"- {len(finding.results)} purposes{rule}: {escaped(finding.headline)}: {names}"
    deviation = one.known or one.fixed
    if deviation is not None:
        until = f" until {deviation.until}" if deviation.until else ""
        reference = f" [{escaped(deviation.reference)}]" if deviation.reference else ""
        told = "" if finding.shared else f": {escaped(deviation.reason)}"
        line += f"; known{until}{told}{reference}"
    tries = [f"before: {earlier.verdict}, {escaped(earlier.reason)}" for earlier in one.earlier]
    return ["; ".join([line, *tries])]


def _waits(one: Result) -> str:
    return f" (waits {one.waits:.0f} s by design)" if one.waits else ""


def escaped(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    line = re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text)
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", line)


def code(text: str) -> str:
    """Text in a code span."""
    return "`" + re.sub(r"[\x00-\x1f\x7f`]", " ", text) + "`"
