"""Whether the device under test lives: before the purposes, during each of them, after the last one."""

import time
from collections.abc import Generator, Iterable
from datetime import date
from functools import partial

import pytest

from conformance.net.link import LinkError
from peers.contract import DeviceError, Unsupported
from peers.deviations import about_invariant, find
from suites import embargo, evidence
from suites.conduct import Written
from suites.dut import Dut
from suites.guard import guarded
from suites.inquest import LATE, TROUBLE, Finding, Inquest
from suites.invariants import Broken
from suites.judge import Died, Kind, Verdict
from suites.look import Looker
from suites.pulse import Samples
from suites.purpose import purpose_of
from suites.session import SESSION, Session, is_worker, stop_run


def begin(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """The device has been started: look at it first, and be ready for its end."""
    session = config.stash[SESSION]
    assert session.device is not None
    if config.getoption("look"):
        _look_first(config, items)
    session.gate.excuse = partial(_excuse, session)
    if session.device.real_time and session.device.restarts:
        session.gate.samples = Samples(session.device)
    session.inquest = Inquest(session.device, config.getoption("--ike-seed"), session.gate)


def _excuse(session: Session, purpose: str, broken: Broken) -> str:
    """Why an invariant is known to be broken in a purpose, empty if it is not."""
    device = session.device
    assert device is not None
    spoken = about_invariant(session.deviations, broken.name, purpose, device.version, date.today(), device.backend)
    known = find(spoken, broken.requirement, broken.got)
    return "" if known is None else embargo.PRIVATE if known.private else known.reason


def _look_first(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Try ordinary handshakes before the purposes; the run is over where none of them works."""
    session = config.stash[SESSION]
    assert session.device is not None
    purposes = [purpose for item in items if (purpose := purpose_of(getattr(item, "function", None))) is not None]
    looker = Looker(session.device, config.getoption("--ike-seed"))
    session.gate = looker.look_first(purposes)
    if not config.getoption("--no-evidence"):
        for name, peer, log in looker.conversations:
            evidence.write(session.folder / "evidence" / name, peer, log, session.allowance.log)
    looks = [look.to_json() for look in session.gate.looks]
    if is_worker(config):
        config.workeroutput["ikespec_looks"] = looks  # type: ignore[attr-defined]
    elif session.results is not None:
        session.results.looked(looks)
    closed = session.gate.closed
    if closed is not None:
        sentence = closed.sentence + closed.where(session.device.described_in)
        seen = [name for name, _, _ in looker.conversations]
        more = f"; see {session.folder}/evidence/{closed.name}" if closed.name in seen else ""
        stop_run(config, f"{session.device.name}: {sentence}. Nothing was judged{more}")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A purpose is judged with what is seen beside its conversation."""
    purpose = purpose_of(pyfuncitem.function)
    dut = pyfuncitem.config.stash[SESSION].duts.get(purpose.id) if purpose is not None else None
    if dut is None:
        return (yield)
    with guarded(dut.guard, dut.peer):
        return (yield)


def settle(session: Session, written: Written, verdict: Verdict, dut: Dut | None, error: object) -> Finding | None:
    """After a purpose, whose evidence is kept already: find out whose fault a death is, and bring the device back.

    None where there is nothing to find out.
    """
    device, inquest = session.device, session.inquest
    if device is None or inquest is None:
        return None
    if isinstance(error, Died) and error.lives:
        return None
    if verdict.kind in TROUBLE:
        return inquest.died(written, verdict, early=isinstance(error, Died) and error.early)
    unusable = isinstance(error, DeviceError | LinkError) and not isinstance(error, Unsupported)
    if dut is None and unusable and not device.alive():
        died = Verdict("fail", f"the device does not live any more: {error}", *_LIVES, kind=Kind.CRASH)
        return inquest.died(written, died, early=True)
    if dut is not None and dut.guard.doubt:
        return inquest.doubted(written, verdict)
    growth, session.gate.growth = session.gate.growth, None
    return inquest.grew(growth) if growth is not None else None


_LIVES = ("a device that goes on answering", "it does not live any more")


def look_back(session: Session) -> Finding | None:
    """After the last purpose: the device must still be there when it has had time to die of it, and end well."""
    device, inquest = session.device, session.inquest
    if device is None or inquest is None or not inquest.past:
        return None
    if device.real_time:
        time.sleep(max(0.0, inquest.past[-1].ended + LATE - time.monotonic()))
    alive, death = device.alive(), device.obituary()
    if death is not None:
        died = Died.of(death)
    else:
        good = next((look.kind for look in session.gate.looks if not look.problem and look.role == "responder"), None)
        if alive and (good is None or inquest.there(good)):
            death = device.farewell() if device.restarts else None
            if death is None:
                return None
            died = Died.of(death)
        else:
            died = Died(Kind.HANG, f"the device hangs: it answers no more ({device.condition() or 'nobody knows why'})")
    return inquest.died(None, Verdict("fail", str(died), *_LIVES, kind=died.kind), early=True)
