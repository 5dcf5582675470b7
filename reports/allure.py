"""Results as Allure 2 reads them: one JSON file per purpose with steps, evidence as attachments.

fail is *failed*, inconclusive *broken*, n/a and known deviations are *skipped* with the reason, as in JUnit's file; a
known deviation has the mark that Allure has for known defects, too. A warning passes with a message.
"""

import json
import os
import shutil
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from allure_commons.model2 import (
    Attachment,
    Label,
    Link,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
    TestStepResult,
)
from allure_commons.types import LabelType, LinkType, Severity
from attr import asdict

from reports.coverage import section_url
from reports.load import evidence_files, load_evidence
from reports.records import Result, Results, Standing
from suites.requirements import Catalogue

_STATUS = {
    Standing.FAIL: Status.FAILED,
    Standing.KNOWN: Status.SKIPPED,
    Standing.INCONCLUSIVE: Status.BROKEN,
    Standing.WARN: Status.PASSED,
    Standing.FLAKY: Status.PASSED,
    Standing.FIXED: Status.PASSED,
    Standing.PASS: Status.PASSED,
    Standing.NOT_APPLICABLE: Status.SKIPPED,
}
_SEVERITY = {"MUST": Severity.CRITICAL, "SHOULD": Severity.NORMAL, "MAY": Severity.MINOR}
_TYPES = {".json": "application/json", ".pcapng": "application/x-pcapng", ".txt": "text/plain", ".log": "text/plain"}
_STEPS = 500


def write_allure(results: Results, requirements: Catalogue, folder: Path) -> None:
    """Write the files of a run into ``folder``. Raises OSError."""
    for result in results.results:
        test = _test(results, result, requirements)
        _attach(test, results, result, folder)
        written = asdict(test, filter=lambda _, value: bool(value) or value is False)
        (folder / f"{test.uuid}-result.json").write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    device = results.run.device
    environment = {"device": device.full_name, "backend": device.backend, "seed": str(results.run.seed)}
    lines = [f"{key}={_property(value)}" for key, value in [*environment.items(), *results.run.host]]
    (folder / "environment.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
    categories = [
        {"name": "Crashes", "matchedStatuses": ["failed"], "messageRegex": "crash: .*"},
        {"name": "Hangs", "matchedStatuses": ["failed"], "messageRegex": "hang: .*"},
        {"name": "Bypasses of authentication or policy", "matchedStatuses": ["failed"], "messageRegex": "bypass: .*"},
        {"name": "Known deviations", "matchedStatuses": ["skipped"], "messageRegex": "known deviation:.*"},
        {"name": "Broken requirements", "matchedStatuses": ["failed"]},
        {"name": "Inconclusive", "matchedStatuses": ["broken"]},
        {"name": "Flaky", "matchedStatuses": ["passed"], "flaky": True},
    ]
    (folder / "categories.json").write_text(json.dumps(categories, indent=1), encoding="utf-8")


def _test(results: Results, one: Result, requirements: Catalogue) -> TestResult:
    device = results.run.device
    # The same purpose of the same device has one history over all runs; a run has each identifier once.
    history = md5(f"{device.name}\0{one.purpose}".encode(), usedforsecurity=False).hexdigest()
    start = round(one.started.timestamp() * 1000)
    test = TestResult(
        uuid=str(uuid5(NAMESPACE_URL, f"{results.run.started.isoformat()}/{history}")),
        historyId=history,
        testCaseId=md5(one.purpose.encode(), usedforsecurity=False).hexdigest(),
        name=one.purpose,
        fullName=one.module or one.purpose,
        description=one.title,
        status=_STATUS[one.standing],
        statusDetails=_details(results, one),
        stage="finished",
        start=start,
        stop=start + round(one.duration * 1000),
        labels=_labels(results, one),
        parameters=[Parameter("role", repr(one.role)), Parameter("seed", str(one.seed))],
    )
    for cited in one.requirements:
        if cited in requirements:
            test.links.append(Link(type=LinkType.LINK, url=section_url(requirements.get(cited)), name=cited))
    return test


def _attach(test: TestResult, results: Results, one: Result, folder: Path) -> None:
    """Add the evidence: of what passed the capture, of the rest all files and the conversation as steps."""
    files = evidence_files(results, one)
    if one.standing is Standing.PASS:
        files = tuple(path for path in files if path.name == "capture.pcapng")
    else:
        trace = load_evidence(results, one).trace
        test.steps = _steps(trace, test.start) if trace is not None else []
    for path in files:
        source = f"{uuid5(NAMESPACE_URL, f'{test.uuid}/{path.name}')}-attachment{path.suffix or '.txt'}"
        _share(path, folder / source)
        kind = _TYPES.get(path.suffix, "text/plain")
        test.attachments.append(Attachment(name=path.name, source=source, type=kind))


def _share(path: Path, copy: Path) -> None:
    """The same file under another name; a copy where the file system has no second names."""
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)


def _details(results: Results, one: Result) -> StatusDetails | None:
    deviation = one.known or one.fixed
    if not one.reason and deviation is None and not one.flaky:
        return None
    message = f"{one.requirement}: {one.reason}" if one.requirement else one.reason
    if deviation is not None:
        message = f"{one.standing.label}: {deviation.reason}: {message}"
    elif one.standing is Standing.FLAKY:
        message = "; ".join([f"flaky, before: {earlier.verdict}: {earlier.reason}" for earlier in one.earlier])
    elif one.standing is Standing.WARN or one.label != one.verdict:
        message = f"{one.label}: {message}"
    lines = [f"{name}: {text}" for name, text in (("expected", one.expected), ("got", one.got)) if text]
    trace = "\n".join([*lines, f"again: {results.again(one.purpose)}"])
    return StatusDetails(known=one.standing is Standing.KNOWN, flaky=one.flaky, message=message, trace=trace)


def _labels(results: Results, one: Result) -> list[Label]:
    pairs = [
        (LabelType.PARENT_SUITE, results.run.device.full_name),
        (LabelType.SUITE, one.subject),
        (LabelType.SUB_SUITE, f"the device as {one.role}"),
        (LabelType.FEATURE, one.subject),
        (LabelType.SEVERITY, _SEVERITY.get(one.level, Severity.NORMAL)),
        (LabelType.FRAMEWORK, "ikespec"),
        (LabelType.TAG, one.tier),
        (LabelType.TAG, one.level),
        *[(LabelType.TAG, cited) for cited in one.requirements],
    ]
    pairs += [(LabelType.TAG, "warn")] if one.standing is Standing.WARN else []
    return [Label(name, value) for name, value in pairs]


def _steps(trace: dict[str, Any], start: int) -> list[TestStepResult]:
    steps = []
    for entry in trace["entries"][:_STEPS]:
        moment = start + round(entry["t"] * 1000)
        step = TestStepResult(name=_step_name(entry), status=Status.PASSED, stage="finished", start=moment, stop=moment)
        if entry.get("ok") is False:
            step.status = Status.FAILED
        if entry.get("bent"):
            step.parameters.append(Parameter("bent", str(entry["bent"])))
        if entry.get("problem"):
            step.parameters.append(Parameter("problem", str(entry["problem"])))
        steps.append(step)
    if len(trace["entries"]) > _STEPS:
        left = len(trace["entries"]) - _STEPS
        steps.append(TestStepResult(name=f"{left} more steps: see transcript.txt", status=Status.SKIPPED))
    return steps


def _step_name(entry: dict[str, Any]) -> str:
    kind = entry.get("kind")
    text = str(entry.get("summary") or entry.get("text") or "")
    if kind in ("message", "raw"):
        return f"{'sent' if entry.get('sent') else 'received'}: {text}"
    return f"expect: {text}" if kind == "expect" else text


def _property(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", " ").replace("\r", " ")
