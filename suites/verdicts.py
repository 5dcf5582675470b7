"""The part of the pytest plugin that judges: verdict, record and evidence of each purpose as it ends."""

import time
from collections.abc import Generator
from datetime import date
from typing import Any

import pytest

from conformance.net.link import LinkError
from peers.contract import Device, DeviceError
from peers.deviations import Deviation, about, find
from suites import embargo, evidence, life
from suites.again import earlier_tries
from suites.conduct import Written
from suites.ending import ending
from suites.inquest import Finding
from suites.judge import Kind, Verdict, judge, strongest
from suites.options import demands, fits
from suites.purpose import Purpose, purpose_of
from suites.record import Record, timestamp
from suites.requirements import load
from suites.session import SESSION, Session, is_worker, stop_run, subject
from suites.tried import tried, written

_STARTED = pytest.StashKey[tuple[str, float]]()
_LAST = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Remember when a purpose started; afterwards, with its record written, the run ends if the device is gone."""
    item.stash[_STARTED] = (timestamp(), time.monotonic())
    item.stash[_LAST] = nextitem is None
    done = yield
    gone = item.config.stash[SESSION].gone
    if gone:
        stop_run(item.config, gone)
    return done


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge a purpose, write its evidence, and attach its record to the report."""
    report = yield
    purpose = purpose_of(getattr(item, "function", None))
    error = call.excinfo.value if call.excinfo else None
    if purpose is None or isinstance(error, KeyboardInterrupt | pytest.exit.Exception):
        return report
    session = item.config.stash[SESSION]
    if call.when == "teardown" and item.stash[_LAST] and not session.gone:
        _amend(report, life.look_back(session), session)
    if call.when != "call" and (call.when != "setup" or call.excinfo is None):
        return report
    claimed = session.device.capabilities if session.device is not None and call.when == "call" else ()
    verdict, dut = judge(purpose, error, load(), claimed), session.duts.get(purpose.id)
    record, full = _finished(item, purpose, verdict, session)
    written = Written(purpose, getattr(item, "function"), subject(item))  # noqa: B009 - pytest.Item has none
    finding = life.settle(session, written, verdict, dut, error)
    if finding is not None and finding.verdict is not None:
        kept = record.evidence
        if finding.dut is not None:
            session.duts[purpose.id] = finding.dut
        record, full = _finished(item, purpose, finding.verdict, session)
        record.evidence = record.evidence or kept
    _amend(report, finding, session)
    report.ikespec = record.to_json()  # type: ignore[attr-defined]
    if full is not None:
        report.ikespec_full = full.to_json()  # type: ignore[attr-defined]
    if session.inquest is not None:
        session.inquest.remember(written, report.ikespec, item)
    _show(report, record)
    return report


def _finished(item: pytest.Item, purpose: Purpose, verdict: Verdict, session: Session) -> tuple[Record, Record | None]:
    """The record of a purpose for everybody, and the full one if it is under embargo. Its evidence is written."""
    record = _record(item, purpose, verdict, session)
    quiet = _under_embargo(item, record, session)
    _attach_evidence(item, purpose, record, session, quiet)
    return (embargo.public(record), record) if quiet else (record, None)


def _amend(report: pytest.TestReport, finding: Finding | None, session: Session) -> None:
    """Attach what an inquest has found out about an earlier purpose: its record counts in place of the first one."""
    if finding is None:
        return
    if finding.gone:
        session.gone = f"{finding.gone}; what was judged before is kept"
    past, again = finding.guilty, finding.again
    if past is None or again is None:
        return
    purpose = past.written.purpose
    before, session.earlier = session.earlier, {purpose.id: earlier_tries(past.record)}
    if again.dut is not None:
        session.duts[purpose.id] = again.dut
    record, full = _finished(past.item, purpose, again.verdict, session)
    session.earlier = before
    record.duration, record.evidence = past.record["duration"], record.evidence or past.record["evidence"]
    report.ikespec_amended = [record.to_json(), full.to_json() if full is not None else None]  # type: ignore[attr-defined]


def _record(item: pytest.Item, purpose: Purpose, verdict: Verdict, session: Session) -> Record:
    device = session.device
    started, clock = item.stash[_STARTED]
    known, fixed = _deviations(session, purpose.id, verdict)
    earlier = session.earlier.get(purpose.id, [])
    unexpected = verdict.verdict in ("fail", "inconclusive") and known is None
    documentation = (getattr(item, "function", None).__doc__ or purpose.id).strip()
    return Record(
        purpose=purpose.id,
        title=documentation.split("\n")[0],
        subject=subject(item),
        requirements=list(purpose.requirements),
        level=strongest(purpose, load()).level.split()[0],
        role=purpose.role,
        tier=purpose.tier,
        verdict=verdict.verdict,
        kind=verdict.kind.value,
        reason=verdict.reason,
        module=item.nodeid,
        seed=item.config.getoption("--ike-seed"),
        started=started,
        duration=round(time.monotonic() - clock, 4),
        waits=purpose.waits,
        known=_explained(known, session),
        fixed=_explained(fixed, session) if not earlier else None,
        unexpected=unexpected,
        flaky=bool(earlier) and not unexpected,
        earlier=earlier,
        expected=verdict.expected,
        got=verdict.got,
        requirement=verdict.requirement,
        watched=sorted(session.duts[purpose.id].guard.kept) if purpose.id in session.duts else [],
        device=_describe(device),
        tried=written(tried(dut.peer.trace.entries)) if (dut := session.duts.get(purpose.id)) else [],
    )


def _deviations(session: Session, purpose: str, verdict: Verdict) -> tuple[Deviation | None, Deviation | None]:
    """The known deviation that explains a failure, and the one that should have made the purpose fail and did not."""
    device = session.device
    if device is None:
        return None, None
    spoken = about(session.deviations, purpose, device.version, date.today(), device.backend)
    if verdict.verdict in ("fail", "warn") and verdict.kind not in (Kind.CRASH, Kind.HANG):
        return find(spoken, verdict.requirement, verdict.got), None
    return None, next(iter(spoken), None) if verdict.verdict == "pass" else None


def _under_embargo(item: pytest.Item, record: Record, session: Session) -> bool:
    """Whether nothing but the verdict is for everybody."""
    unexplained = (
        record.known is not None and record.known["private"] and record.known["purpose"] not in session.private
    )
    return unexplained or fits(record.purpose, item.config.getoption("--embargo"))


def _explained(deviation: Deviation | None, session: Session) -> dict[str, Any] | None:
    """A deviation for a record; the reason of a private one is known if its file was given."""
    if deviation is None:
        return None
    until = deviation.until.isoformat() if deviation.until else None
    reason, reference = deviation.reason, deviation.reference
    if deviation.private:
        reason, reference = session.private.get(deviation.purpose, (embargo.PRIVATE, ""))
    about_it = {"purpose": deviation.purpose, "reason": reason, "reference": reference, "until": until}
    return {**about_it, "private": deviation.private}


def _describe(device: Device | None) -> dict[str, Any]:
    if device is None:
        return {}
    return {
        "name": device.name,
        "version": device.version,
        "backend": device.backend,
        "capabilities": sorted(map(str, device.capabilities)),
    }


def _attach_evidence(item: pytest.Item, purpose: Purpose, record: Record, session: Session, quiet: bool) -> None:
    dut = session.duts.pop(purpose.id, None)
    folder = embargo.folder(item.config) if quiet else session.folder
    if dut is None or folder is None or item.config.getoption("--no-evidence"):
        return
    number = len(record.earlier) + 1
    record.evidence = f"evidence/{purpose.id}" + (f"-{number}" if number > 1 else "")
    try:
        log = dut.log()
    except (DeviceError, LinkError) as error:
        log = f"the log of the device cannot be read: {error}\n"
    place, allowed = folder / record.evidence, session.next_allowance()
    try:
        session.evidence_left -= evidence.write(place, dut.peer, log, allowed.log, transcript=record.verdict != "pass")
    except OSError as error:
        stop_run(item.config, f"{place}: {error.strerror}; what was judged before is kept")


def _show(report: pytest.TestReport, record: Record) -> None:
    """Give pytest the outcome and a short text in place of a traceback."""
    if record.verdict in ("pass", "warn") and report.when == "setup":
        # It was judged elsewhere, and must not be called.
        report.outcome = "skipped"
        report.longrepr = (record.module, 0, f"{record.verdict}: tried again, since the device had died before")
    elif record.verdict in ("pass", "warn"):
        report.outcome = "passed"
        report.longrepr = None
    elif record.verdict == "n/a":
        report.outcome = "skipped"
        report.longrepr = (record.module, 0, f"n/a: {record.reason}")
    elif record.known is not None:
        report.outcome = "skipped"
        report.wasxfail = f"known deviation: {record.known['reason']}"
    elif not record.reason.startswith("the purpose itself is broken"):
        report.outcome = "failed"
        rule = f"\n  requirement  {record.requirement}" if record.requirement else ""
        proof = f"\n  evidence     {record.evidence}" if record.evidence else ""
        report.longrepr = f"{record.verdict}: {record.purpose}: {record.title}\n  {record.reason}{rule}{proof}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write the record of a purpose; only the process that owns the results folder does."""
    if _controller is None or _controller.results is None:
        return
    record, full = getattr(report, "ikespec", None), getattr(report, "ikespec_full", None)
    for public, hidden in ((record, full), getattr(report, "ikespec_amended", (None, None))):
        if public is not None:
            _controller.results.add(public)
        if _controller.embargoed is not None and hidden is not None:
            _controller.embargoed.add(hidden)


_controller: Session | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Decide on the exit code; a run that was interrupted keeps pytest's."""
    ours = _controller
    if ours is None or ours.results is None:
        return
    told, records = demands(session.config), ours.results.records.values()
    enough = 0 < told.max_fail <= sum(one["unexpected"] for one in records)
    if ours.stopped or enough or exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        ours.ending = ending(records, told, ours.stopped)
        session.exitstatus = ours.ending.code


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember whose results folder it is: log reports come without a configuration."""
    global _controller
    if not is_worker(session.config):
        _controller = session.config.stash.get(SESSION, None)
