"""Whether the device under test lives, and how it comes back."""

from collections.abc import Generator

import pytest

from suites.guard import guarded
from suites.judge import Kind, Verdict
from suites.purpose import purpose_of
from suites.session import SESSION, Session


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
