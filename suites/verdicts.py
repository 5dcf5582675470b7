"""The part of the pytest plugin that judges: verdict, record and evidence of each purpose as it ends."""

import time
from collections.abc import Generator
from datetime import date
from typing import Any

import pytest

from conformance.net.link import LinkError
from peers.contract import Device, DeviceError
from peers.deviations import Deviation, find
from suites import evidence, life
from suites.judge import Verdict, judge, strongest
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
    _attach_evidence(item, purpose, record, session)
    report.ikespec = record.to_json()  # type: ignore[attr-defined]
    _show(report, record)
    return report


def _record(item: pytest.Item, purpose: Purpose, verdict: Verdict, session: Session) -> Record:
    device = session.device
    started, clock = item.stash[_STARTED]
    known = None
    if device is not None and verdict.verdict in ("fail", "warn", "inconclusive"):
        known = find(session.deviations, purpose.id, device.version, date.today(), device.backend)
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
        known=_known(known),
        unexpected=verdict.verdict in ("fail", "inconclusive") and known is None,
        expected=verdict.expected,
        got=verdict.got,
        requirement=verdict.requirement,
        device=_describe(device),
    )


def _known(deviation: Deviation | None) -> dict[str, Any] | None:
    if deviation is None:
        return None
    until = deviation.until.isoformat() if deviation.until else None
    return {"reason": deviation.reason, "reference": deviation.reference, "until": until}


def _describe(device: Device | None) -> dict[str, Any]:
    if device is None:
        return {}
    return {
        "name": device.name,
        "version": device.version,
        "backend": device.backend,
        "capabilities": sorted(map(str, device.capabilities)),
    }


def _attach_evidence(item: pytest.Item, purpose: Purpose, record: Record, session: Session) -> None:
    dut = session.duts.pop(purpose.id, None)
    if dut is None or item.config.getoption("--no-evidence"):
        return
    record.evidence = f"evidence/{purpose.id}"
    try:
        log = dut.log()
    except (DeviceError, LinkError) as error:
        log = f"the log of the device cannot be read: {error}\n"
    folder, allowed = session.folder / record.evidence, session.next_allowance()
    session.evidence_left -= evidence.write(folder, dut.peer, log, allowed.log, transcript=record.verdict != "pass")


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
    if record is not None and _controller is not None and _controller.results is not None:
        _controller.results.add(record)


_controller: Session | None = None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember whose results folder it is: log reports come without a configuration."""
    global _controller
    if not is_worker(session.config):
        _controller = session.config.stash.get(SESSION, None)
