"""Whether the device under test lives, and how it comes back."""

from suites.judge import Kind, Verdict
from suites.session import Session


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
