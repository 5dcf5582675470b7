"""JUnit XML as CI systems read it: one testsuite per subject, one testcase per purpose.

fail is a failure, inconclusive an error, n/a and known deviations are skipped with the reason. A warning, what is flaky
and a deviation that did not happen pass and say so in system-out.
"""

import re
from datetime import UTC
from itertools import groupby
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from reports.coverage import demand
from reports.records import Result, Results, Standing
from suites.requirements import Catalogue

# What XML 1.0 cannot hold, not even as a reference (section 2.2).
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: Results, requirements: Catalogue) -> str:
    """The whole document."""
    root = Element("testsuites", name="ikespec", time=_seconds(results.seconds))
    ordered = sorted(results.results, key=lambda one: (one.subject, one.purpose))
    for subject, members in groupby(ordered, key=lambda one: one.subject):
        root.append(_suite(results, requirements, subject, list(members)))
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(results: Results, requirements: Catalogue, subject: str, members: list[Result]) -> Element:
    suite = Element(
        "testsuite",
        name=_legal(subject),
        tests=str(len(members)),
        failures=str(sum(one.standing is Standing.FAIL for one in members)),
        errors=str(sum(one.standing is Standing.INCONCLUSIVE for one in members)),
        skipped=str(sum(one.standing in (Standing.KNOWN, Standing.NOT_APPLICABLE) for one in members)),
        time=_seconds(sum(one.duration for one in members)),
        timestamp=min(one.started for one in members).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    properties = SubElement(suite, "properties")
    device = results.run.device
    for name, value in (
        ("device", device.full_name),
        ("backend", device.backend),
        ("seed", str(results.run.seed)),
        *results.run.host,
    ):
        SubElement(properties, "property", name=_legal(name), value=_legal(value))
    for one in members:
        suite.append(_case(one, _explained(results, requirements, one)))
    return suite


def _case(one: Result, explained: str) -> Element:
    classname = f"{one.subject}.{one.role}"
    case = Element("testcase", name=_legal(one.purpose), classname=_legal(classname), time=_seconds(one.duration))
    match one.standing:
        case Standing.FAIL:
            _outcome(case, "failure", _kind(one), one.reason, explained)
        case Standing.INCONCLUSIVE:
            _outcome(case, "error", "inconclusive", one.reason, explained)
        case Standing.KNOWN:
            why = one.known.reason if one.known else ""
            _outcome(case, "skipped", "known deviation", f"known deviation: {why}", explained)
        case Standing.NOT_APPLICABLE:
            _outcome(case, "skipped", "n/a", one.reason, "")
        case Standing.WARN:
            SubElement(case, "system-out").text = _legal(f"warn: {explained}")
        case Standing.FLAKY | Standing.FIXED:
            SubElement(case, "system-out").text = _legal(f"{one.standing.label}: {explained}")
        case Standing.PASS:
            pass
    return case


def _outcome(case: Element, tag: str, kind: str, message: str, text: str) -> None:
    SubElement(case, tag, type=_legal(kind), message=_legal(message)).text = _legal(text)


def _kind(one: Result) -> str:
    """A crash, a hang and a bypass are told apart by what they are, other failures by the requirement."""
    return one.label if one.label != one.verdict else one.requirement or "fail"


def _explained(results: Results, requirements: Catalogue, one: Result) -> str:
    lines = [one.title, f"reason: {one.reason}"]
    lines += [f"requirement: {demand(one.requirement, requirements)}"] if one.requirement else []
    lines += [f"expected: {one.expected}"] if one.expected else []
    lines += [f"got: {one.got}"] if one.got else []
    deviation = one.known or one.fixed
    if deviation is not None:
        until = f", until {deviation.until}" if deviation.until else ""
        lines.append(f"known deviation: {deviation.reason}{until} ({deviation.reference or 'no reference'})")
    lines += [f"before: {earlier.verdict}: {earlier.reason}" for earlier in one.earlier]
    lines += [f"again: {results.again(one.purpose)}"]
    lines += [f"evidence: {one.evidence}"] if one.evidence else []
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return f"{max(0.0, value):.3f}"


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
