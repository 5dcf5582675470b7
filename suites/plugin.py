"""The pytest plugin of the suites: fixtures, verdicts, the results folder. ``suites/conftest.py`` loads it.

With pytest-xdist each worker starts a device of its own; the controller alone writes ``results.jsonl``.
"""

import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from conformance.net.link import LinkError
from conformance.script.peer import Peer
from peers.contract import Device, DeviceError
from peers.deviations import Deviation, find, load_deviations
from peers.registry import open_device
from suites import evidence
from suites.conduct import prepared
from suites.dut import Dut
from suites.judge import Verdict, judge, level
from suites.options import add_options, results_folder, selected
from suites.purpose import Purpose, purpose_of
from suites.record import Record, ResultsFolder, timestamp
from suites.requirements import RequirementError, load


@dataclass(slots=True)
class Session:
    """What one process of a run holds: the device, once a purpose needs it, and the results folder."""

    folder: Path
    device: Device | None = None
    results: ResultsFolder | None = None
    deviations: tuple[Deviation, ...] = ()
    peers: dict[str, Peer] = field(default_factory=dict)


_SESSION = pytest.StashKey[Session]()
_STARTED = pytest.StashKey[tuple[str, float]]()


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


# --- the run ----------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suites."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Make the results folder; a worker is told which one."""
    if config.option.collectonly:
        return
    if _is_worker(config):
        folder = Path(config.workerinput["ikespec_out"])  # type: ignore[attr-defined]
        config.stash[_SESSION] = Session(folder)
        return
    session = Session(results_folder(config))
    try:
        open_device(config.getoption("--dut"))
        session.results = ResultsFolder(session.folder, sys.argv, config.getoption("--ike-seed"))
    except (DeviceError, OSError) as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_SESSION] = session


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the results folder is."""
    node.workerinput["ikespec_out"] = str(node.config.stash[_SESSION].folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """The first worker of pytest-xdist knows the number of purposes."""
    session = node.config.stash.get(_SESSION, None)
    if session is not None and session.results is not None:
        session.results.selected(len(ids))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the selected purposes; each must have its own id and cite requirements that exist."""
    catalogue, seen = load(), dict[str, str]()
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        purpose = purpose_of(getattr(item, "function", None))
        if purpose is None:
            kept.append(item)
            continue
        if purpose.id in seen:
            raise pytest.UsageError(f"{item.nodeid}: purpose {purpose.id} stands in {seen[purpose.id]} already")
        seen[purpose.id] = item.nodeid
        try:
            for requirement in purpose.requirements:
                catalogue.get(requirement)
        except RequirementError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from None
        (kept if selected(config, purpose, _subject(item)) else left).append(item)
    items[:] = kept
    if left:
        config.hook.pytest_deselected(items=left)
    session = config.stash.get(_SESSION, None)
    if session is not None and session.results is not None:
        session.results.selected(len(kept))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the device, finish the results."""
    session = config.stash.get(_SESSION, None)
    if session is None:
        return
    if session.device is not None:
        session.device.stop()
    if session.results is not None:
        session.results.finish()


def _subject(item: pytest.Item) -> str:
    return item.path.parent.name


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> Device:
    """The device under test, started. A device that cannot be started ends the run with exit code 2."""
    session = request.config.stash[_SESSION]
    try:
        session.device = open_device(request.config.getoption("--dut"))
        session.device.start()
        path = request.config.getoption("--deviations") or session.device.deviations_file
        session.deviations = tuple(load_deviations(Path(path))) if path else ()
    except DeviceError as error:
        pytest.exit(str(error), returncode=2)
    return session.device


@pytest.fixture
def conversation(request: pytest.FixtureRequest, device: Device) -> Iterator[tuple[Peer, Dut]]:
    """Peer and device, which holds the connection of the purpose and nothing else."""
    purpose = purpose_of(request.function)
    assert purpose is not None
    with prepared(purpose, device, request.config.getoption("--ike-seed")) as (peer, dut):
        request.config.stash[_SESSION].peers[purpose.id] = peer
        yield peer, dut


@pytest.fixture
def peer(conversation: tuple[Peer, Dut]) -> Peer:
    """The scripted peer on a link to the device."""
    return conversation[0]


@pytest.fixture
def dut(conversation: tuple[Peer, Dut]) -> Dut:
    """The device, as far as a purpose may give it orders."""
    return conversation[1]


# --- verdicts ---------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember when a purpose started."""
    item.stash[_STARTED] = (timestamp(), time.monotonic())
    return (yield)


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
    session = item.config.stash[_SESSION]
    verdict = _crash(session, judge(purpose, error, load()))
    record = _record(item, purpose, verdict, session)
    _attach_evidence(item, purpose, record, session)
    _revive(session)
    report.ikespec = record.to_json()  # type: ignore[attr-defined]
    _show(report, record)
    return report


def _crash(session: Session, verdict: Verdict) -> Verdict:
    """A device that is no longer alive has failed, whatever else happened."""
    device = session.device
    if device is None or device.alive():
        return verdict
    reason = "the device has died" + (f" ({verdict.reason})" if verdict.reason else "")
    return Verdict("fail", reason, "a device that stays alive", "it has died")


def _revive(session: Session) -> None:
    """Start a dead device again for the next purpose, once its log is among the evidence."""
    device = session.device
    if device is not None and not device.alive():
        device.stop()
        device.start()


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
        subject=_subject(item),
        requirements=list(purpose.requirements),
        level=level(purpose, load()),
        role=purpose.role,
        tier=purpose.tier,
        verdict=verdict.verdict,
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
    peer = session.peers.pop(purpose.id, None)
    if peer is None or session.device is None or item.config.getoption("--no-evidence"):
        return
    record.evidence = f"evidence/{purpose.id}"
    try:
        log = session.device.log()
    except (DeviceError, LinkError) as error:
        log = f"the log of the device cannot be read: {error}\n"
    evidence.write(session.folder / record.evidence, peer, log)


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
    if not _is_worker(session.config):
        _controller = session.config.stash.get(_SESSION, None)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the results are."""
    session = config.stash.get(_SESSION, None)
    if session is not None:
        terminalreporter.write_line(f"results: {session.folder}")
