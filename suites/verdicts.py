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
from suites.ending import ending
from suites.judge import Kind, Verdict, judge, strongest
from suites.options import demands, fits
from suites.purpose import Purpose, purpose_of
from suites.record import Record, timestamp
from suites.requirements import load
from suites.session import SESSION, Session, is_worker, stop_run, subject

_STARTED = pytest.StashKey[tuple[str, float]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember when a purpose started; afterwards, with its record written, bring back a device that it killed."""
    item.stash[_STARTED] = (timestamp(), time.monotonic())
    done = yield
    session = item.config.stash[SESSION]
    try:
        life.revive(session)
    except DeviceError as error:
        stop_run(item.config, f"the device died and cannot be started again: {error}")
    return done


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge a purpose, write its evidence, and attach its record to the report."""
    report = yield
    purpose = purpose_of(getattr(item, "function", None))
    done = call.when == "call" or (call.when == "setup" and call.excinfo is not None)
    if purpose is None or not done:
        return report
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, KeyboardInterrupt | pytest.exit.Exception):
        return report
    session = item.config.stash[SESSION]
    claimed = session.device.capabilities if session.device is not None and call.when == "call" else ()
    verdict = life.still_alive(session, judge(purpose, error, load(), claimed))
    record = _record(item, purpose, verdict, session)
    quiet = _under_embargo(item, record, session)
    _attach_evidence(item, purpose, record, session, quiet)
    if quiet:
        report.ikespec_full = record.to_json()  # type: ignore[attr-defined]
        record = embargo.public(record)
    report.ikespec = record.to_json()  # type: ignore[attr-defined]
    _show(report, record)
    return report


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
        device=_describe(device),
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
    session.evidence_left -= evidence.write(place, dut.peer, log, allowed.log, transcript=record.verdict != "pass")


def _show(report: pytest.TestReport, record: Record) -> None:
    """Give pytest the outcome and a short text in place of a traceback."""
    if record.verdict in ("pass", "warn"):
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
    record = getattr(report, "ikespec", None)
    if record is None or _controller is None or _controller.results is None:
        return
    _controller.results.add(record)
    if _controller.embargoed is not None and (full := getattr(report, "ikespec_full", None)) is not None:
        _controller.embargoed.add(full)


_controller: Session | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Decide on the exit code; a run that was interrupted keeps pytest's."""
    ours = _controller
    if ours is None or ours.results is None:
        return
    if ours.stopped or exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        ours.ending = ending(ours.results.records.values(), demands(session.config), ours.stopped)
        session.exitstatus = ours.ending.code


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember whose results folder it is: log reports come without a configuration."""
    global _controller
    if not is_worker(session.config):
        _controller = session.config.stash.get(SESSION, None)
