"""The pytest plugin of the suites: options, selection, fixtures, the results folder; verdicts are in `suites.verdicts`.

With pytest-xdist each worker starts a device of its own; the controller alone writes ``results.jsonl``.
"""

import gc
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance.crypto import CryptoError
from conformance.script.peer import Peer
from conformance.script.words import one_line
from peers.contract import Device, DeviceError
from peers.registry import open_device
from suites import embargo, interrupts
from suites.conduct import prepared
from suites.dut import Dut
from suites.known import read_known, read_reasons
from suites.life import begin
from suites.options import add_options, allowance, limits, profile, results_folder, selection, shard
from suites.purpose import Purpose, purpose_of
from suites.radius import Aaa
from suites.record import ResultsFolder, must_be_free
from suites.requirements import RequirementError, load
from suites.session import RARELY, SESSION, Session, is_worker, stop_run, subject

# --- the run ----------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suites."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Look whether the options can be meant; a worker is told which folder the results go to."""
    if config.option.tbstyle == "auto":
        # No traceback is shown but that of a broken purpose, and pytest's own style reads the whole module for each.
        config.option.tbstyle = "native"
    if config.option.collectonly:
        return
    config.add_cleanup(partial(gc.set_threshold, *gc.get_threshold()))
    gc.set_threshold(*RARELY)
    if is_worker(config):
        folder = Path(config.workerinput["ikespec_out"])  # type: ignore[attr-defined]
        config.stash[SESSION] = Session(folder)
        config.stash[SESSION].allow(allowance(config), config.workerinput["workercount"])  # type: ignore[attr-defined]
        config.stash[SESSION].sigterm = interrupts.heed()
        return
    session = Session(results_folder(config))
    try:
        limits(config)
        shard(config, [])
        session.allow(allowance(config))
        _know(session, config, open_device(config.getoption("--dut")))
        asked = profile(config)
        must_be_free(session.folder)
        session.results = ResultsFolder(session.folder, sys.argv, config.getoption("--ike-seed"))
        session.embargoed = embargo.results(config, sys.argv, session.folder)
        session.results.again(json.loads(config.getoption("--again")))
        if asked is not None:
            session.results.profile(asked.to_json())
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise pytest.UsageError(one_line(why)) from None
    except (CryptoError, DeviceError, ValueError) as error:
        raise pytest.UsageError(one_line(str(error))) from None
    session.sigterm = interrupts.heed()
    config.stash[SESSION] = session


def _know(session: Session, config: pytest.Config, device: Device) -> None:
    """Read what is known of the device. Raises TomlError."""
    path = config.getoption("--deviations") or device.deviations_file
    session.deviations = read_known(Path(path)) if path else ()
    path = config.getoption("--private-deviations")
    session.private = read_reasons(Path(path)) if path else {}


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the results are."""
    session = config.stash.get(SESSION, None)
    if session is not None:
        terminalreporter.write_line(f"results: {session.folder}")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the results folder is."""
    node.workerinput["ikespec_out"] = str(node.config.stash[SESSION].folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """The first worker of pytest-xdist knows the number of purposes."""
    session = node.config.stash.get(SESSION, None)
    if session is not None:
        session.begin(len(ids))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of pytest-xdist has ended, perhaps because its device cannot be used."""
    session = node.config.stash.get(SESSION, None)
    why = getattr(node, "workeroutput", {}).get("ikespec_stopped", "")
    if session is not None and why:
        session.stopped = why
    if session is not None and session.results is not None:
        session.results.looked(getattr(node, "workeroutput", {}).get("ikespec_looks", []))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the selected purposes; each must have its own id and cite requirements that exist."""
    catalogue, seen, wanted = load(), dict[str, str](), selection(config)
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    chosen: dict[pytest.Item, Purpose] = {}
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
        if wanted.takes(purpose, subject(item)):
            chosen[item] = purpose
        else:
            left.append(item)
    ours = shard(config, list(chosen.values()))
    for item, purpose in chosen.items():
        (kept if purpose.id in ours else left).append(item)
    items[:] = kept
    if left:
        config.hook.pytest_deselected(items=left)


def pytest_collection_finish(session: pytest.Session) -> None:
    """The purposes are chosen: the run begins, and what is there now stays to the end."""
    if not session.config.option.collectonly and SESSION in session.config.stash:
        session.config.stash[SESSION].begin(len(session.items))
        gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the device, finish the results."""
    session = config.stash.get(SESSION, None)
    if session is None:
        return
    try:
        if session.device is not None:
            session.device.stop()
    finally:
        for results in (session.results, session.embargoed):
            if results is not None:
                results.finish(session.ending)
        interrupts.restore(session.sigterm)


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> Device:
    """The device under test, started. A device that cannot be started ends the run with exit code 2."""
    session = request.config.stash[SESSION]
    try:
        session.device = open_device(request.config.getoption("--dut"))
        session.device.limits = limits(request.config)
        session.device.start()
        _ = session.device.profile  # raises where it does not take what it is to be limited to
        _know(session, request.config, session.device)
    except DeviceError as error:
        stop_run(request.config, str(error))
    missing = sorted(set(request.config.getoption("--expect-capability")) - session.device.capabilities)
    if missing:
        stop_run(request.config, f"{session.device.name} does not claim {', '.join(missing)} (--expect-capability)")
    begin(request.config, request.session.items)
    return session.device


@pytest.fixture
def conversation(request: pytest.FixtureRequest, device: Device) -> Iterator[tuple[Peer, Dut]]:
    """Peer and device, which holds the connection of the purpose and nothing else."""
    purpose = purpose_of(request.function)
    assert purpose is not None
    session = request.config.stash[SESSION]
    with prepared(purpose, device, request.config.getoption("--ike-seed"), session.gate) as (peer, dut):
        session.duts[purpose.id] = dut
        peer.trace.limit = session.next_allowance().conversation
        yield peer, dut


@pytest.fixture
def peer(conversation: tuple[Peer, Dut]) -> Peer:
    """The scripted peer on a link to the device."""
    return conversation[0]


@pytest.fixture
def dut(conversation: tuple[Peer, Dut]) -> Dut:
    """The device, as far as a purpose may give it orders."""
    return conversation[1]


@pytest.fixture
def aaa(conversation: tuple[Peer, Dut]) -> Aaa | None:
    """The AAA server that the device asks."""
    return conversation[1].aaa
