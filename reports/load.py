"""Read a results folder (schema 1): ``run.json``, ``results.jsonl`` and the evidence of each purpose."""

import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from conformance.script.transcript import READABLE
from reports.checked import Fields
from reports.errors import ReportError
from reports.records import Asked, AskedProfile, DeviceUnderTest, Known, Result, Results, Run, Try, Verdict
from suites.judge import Kind
from suites.tried import Tried, read

SCHEMA = 1

LOG_LIMIT = 96 * 1024
"""Octets of a device's log that are read; the end of it, since that is where the trouble is."""

TRACE_LIMIT = 16 << 20
"""Octets of a trace file that are read at most."""


def load(folder: Path) -> Results:
    """Read a results folder. Raises `ReportError` if there is none or if it breaks the schema.

    A last line that a killed run left half-written is passed over. If a purpose stands there twice, the last counts.
    """
    run = _run(Fields.parse(str(folder / "run.json"), read_text(folder, "run.json")))
    results: dict[str, Result] = {}
    cut = False
    # Only the line feed ends a line of JSON: a device's text may hold any other separator that Unicode knows.
    lines = read_text(folder, "results.jsonl").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if number == len(lines) and not is_json(line):
            cut = True
            continue
        result = _result(Fields.parse(f"{folder / 'results.jsonl'} line {number}", line))
        results.pop(result.purpose, None)
        results[result.purpose] = result
    return Results(folder, run, tuple(results.values()), cut)


def read_text(folder: Path, name: str) -> str:
    """A file of a results folder. Raises `ReportError`."""
    try:
        return (folder / name).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise ReportError(f"{folder}: {name} is missing, expected a results folder of ikespec run") from None
    except OSError as error:
        raise ReportError(f"{folder / name}: cannot be read: {error.strerror}") from error


def is_json(line: str) -> bool:
    """Whether it is a whole line of JSON."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _run(fields: Fields) -> Run:
    fields.schema(SCHEMA)
    device = fields.inner("device")
    return Run(
        started=fields.time("started"),
        finished=fields.time_or_none("finished"),
        device=DeviceUnderTest(
            device.text("name", ""),
            device.text("version", ""),
            device.text("backend", ""),
            device.texts("capabilities"),
        ),
        command=fields.texts("command"),
        seed=fields.integer("seed"),
        host=tuple((key, str(value)) for key, value in fields.inner("host").values.items()),
        selected=fields.integer("selected"),
        again=fields.texts("again"),
        why=fields.inner("ended").text("why", ""),
        profile=_profile(fields),
    )


def _profile(fields: Fields) -> AskedProfile | None:
    if fields.values.get("profile") is None:
        return None
    told = fields.inner("profile")
    activities = (
        Asked(one.text("id"), one.text("text"), one.texts("purposes"), one.text("by_hand", ""))
        for one in told.objects("activities")
    )
    return AskedProfile(told.text("title"), tuple(activities))


def _result(fields: Fields) -> Result:
    fields.schema(SCHEMA)
    evidence = fields.text_or_none("evidence")
    if evidence is not None and not inside(evidence):
        raise fields.wrong("evidence", "a path inside the results folder")
    verdict = fields.choice("verdict", Verdict)
    return Result(
        purpose=fields.text("purpose"),
        title=fields.text("title"),
        subject=fields.text("subject"),
        requirements=fields.texts("requirements"),
        level=fields.text("level"),
        role=fields.text("role"),
        tier=fields.text("tier"),
        verdict=verdict,
        kind=_kind(fields, verdict),
        known=read_known(fields),
        fixed=read_known(fields, "fixed"),
        unexpected=fields.flag("unexpected"),
        flaky=fields.flag("flaky"),
        earlier=tuple(_try(one) for one in fields.objects("earlier")),
        embargo=fields.flag("embargo"),
        reason=fields.text("reason", ""),
        expected=fields.text("expected", ""),
        got=fields.text("got", ""),
        requirement=fields.text_or_none("requirement"),
        watched=fields.texts("watched") if "watched" in fields.values else (),
        seed=fields.integer("seed"),
        started=fields.time("started"),
        duration=fields.number("duration"),
        waits=fields.number("waits", 0),
        module=fields.text("module", ""),
        evidence=evidence,
        tried=_tried(fields),
    )


def _tried(fields: Fields) -> tuple[Tried, ...] | None:
    """What was tried; earlier versions did not write it."""
    if "tried" not in fields.values:
        return None
    try:
        return tuple(read(one) for one in fields.texts("tried"))
    except ValueError:
        raise fields.wrong("tried", "lines of exchange|payload|field|how|fate") from None


def _kind(fields: Fields, verdict: Verdict) -> Kind:
    """The kind of trouble; what earlier versions wrote has none, and the verdict says what it mostly was."""
    if "kind" in fields.values:
        return fields.choice("kind", Kind)
    usual = {Verdict.FAIL: Kind.VIOLATION, Verdict.INCONCLUSIVE: Kind.UNTRIED, Verdict.WARN: Kind.ADVICE}
    died = verdict is Verdict.FAIL and fields.text("reason", "").startswith("the device has died")
    return Kind.CRASH if died else usual.get(verdict, Kind.NONE)


def _try(fields: Fields) -> Try:
    return Try(fields.choice("verdict", Verdict), fields.text("reason", ""), fields.text_or_none("requirement"))


def read_known(fields: Fields, key: str = "known") -> Known | None:
    """The known deviation of a result."""
    if fields.values.get(key) is None:
        return None
    known = fields.inner(key)
    return Known(
        known.text("reason"), known.text_or_none("until"), known.text("reference", ""), known.text("purpose", "")
    )


def inside(path: str) -> bool:
    """Whether a path stays in the folder that it is relative to."""
    parts = PurePosixPath(path)
    return bool(path) and not parts.is_absolute() and ".." not in parts.parts and "\\" not in path and "\0" not in path


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of a purpose: ``trace`` as in ``trace.json``, the end of the device's log, the files that exist.

    A message in the trace is not described yet: `conformance.script.transcript` does that.

    ``problems`` says in words what of it could not be read; broken evidence does not break a report.
    """

    trace: dict[str, Any] | None
    log: str
    files: tuple[Path, ...]
    problems: tuple[str, ...]


def load_evidence(results: Results, result: Result) -> Evidence:
    """Read the evidence of a purpose; without any, an empty one."""
    if result.evidence is None:
        return Evidence(None, "", (), ())
    files = evidence_files(results, result)
    if not files:
        return Evidence(None, "", (), (f"the folder {result.evidence} is missing or empty",))
    problems: list[str] = []
    trace, log = None, ""
    for path in files:
        try:
            if path.name == "trace.json":
                trace = read_trace(path)
            elif path.name == "device.log":
                log = read_log(path)
        except (OSError, ReportError) as error:
            problems.append(str(error))
    return Evidence(trace, log, files, tuple(problems))


def evidence_files(results: Results, result: Result) -> tuple[Path, ...]:
    """The files in the evidence folder of a purpose, none where there is none."""
    if result.evidence is None:
        return ()
    folder = results.folder / result.evidence
    try:
        with os.scandir(folder) as found:
            return tuple(sorted(folder / one.name for one in found if one.is_file()))
    except OSError:
        return ()


def read_trace(path: Path) -> dict[str, Any]:
    """A trace file, checked. Raises `ReportError`, OSError."""
    size = path.stat().st_size
    if size > TRACE_LIMIT:
        raise ReportError(f"trace.json has {size} octets, more than a report reads; see transcript.txt")
    fields = Fields.parse("trace.json", path.read_text(encoding="utf-8", errors="replace"))
    if fields.values.get("schema") not in READABLE:
        raise fields.wrong("schema", " or ".join(map(str, READABLE)))
    if "entries" not in fields.values:
        raise fields.wrong("entries", "a list of objects")
    for entry in fields.objects("entries"):
        entry.number("t")
    return dict(fields.values)


def read_log(path: Path, limit: int = LOG_LIMIT) -> str:
    """The end of a log, of at most so many octets. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - limit))
        text = file.read().decode(errors="replace")
    if size <= limit:
        return text
    return f"[the first {size - limit} octets are left out here; see {path.name}]\n" + text.partition("\n")[2]
