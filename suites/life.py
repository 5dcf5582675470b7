"""Whether the device under test lives, and how it comes back."""

from collections.abc import Generator, Iterable

import pytest

from suites import evidence
from suites.guard import guarded
from suites.judge import Kind, Verdict
from suites.look import Looker
from suites.purpose import purpose_of
from suites.session import SESSION, Session, is_worker, stop_run


def look_first(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
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
        evidence_of = f"{session.folder}/evidence/{closed.name}"
        stop_run(config, f"{session.device.name}: {sentence}. Nothing was judged; see {evidence_of}")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A purpose is judged with what is seen beside its conversation."""
    purpose = purpose_of(pyfuncitem.function)
    dut = pyfuncitem.config.stash[SESSION].duts.get(purpose.id) if purpose is not None else None
    if dut is None:
        return (yield)
    with guarded(dut.guard, dut.peer):
        return (yield)


def still_alive(session: Session, verdict: Verdict) -> Verdict:
    """A device that is no longer alive has failed, whatever else happened."""
    device = session.device
    if device is None or device.alive():
        return verdict
    reason = "the device has died" + (f" ({verdict.reason})" if verdict.reason else "")
    return Verdict("fail", reason, "a device that stays alive", "it has died", kind=Kind.CRASH)


def revive(session: Session) -> None:
    """Start a dead device again for the next purpose. Raises DeviceError if it does not come back."""
    device = session.device
    if device is not None and not device.alive():
        device.stop()
        device.start()
