"""Devices whose sanitizers find something: told in the purpose where it was, by the last thing that was sent."""

import time

from conformance.ike.core.connection import Connection
from peers.contract import Death
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, tried
from suites.gate import Gate
from suites.inquest import Inquest, Past
from suites.judge import Kind, Verdict
from suites.look import Looker

PURPOSES = all_purposes()
FOUND = Death("UndefinedBehaviorSanitizer: it is odd at odd (a.c:1)", reported=True)


class Odd(ReferenceDevice):
    """Finds something once: when a purpose is over, or when the next one begins."""

    found: Death | None = None
    early = False

    def apply(self, connection: Connection) -> None:
        super().apply(connection)
        if self.early:
            self.found, self.early = FOUND, False

    def obituary(self) -> Death | None:
        found, self.found = self.found, None
        return found


def test_it_is_a_fail_of_the_purpose_in_which_it_was_found() -> None:
    with Odd() as device:
        real = device.alive

        def alive() -> bool:
            device.found = FOUND
            return real()

        device.alive = alive  # type: ignore[method-assign]
        found = tried(PURPOSES["info-liveness"], device).verdict
    assert (found.verdict, found.kind) == ("fail", Kind.CRASH)
    assert found.reason.startswith(f"the device reports a fault of its own: {FOUND.words}; sent to it last: frame ")
    assert "INFORMATIONAL request" in found.reason


def test_what_is_found_between_two_purposes_is_told_once_by_the_second() -> None:
    with Odd() as device:
        device.early = True
        first, second = (tried(PURPOSES["info-liveness"], device).verdict for _ in range(2))
    assert first.reason == f"the device reports a fault of its own: {FOUND.words}, noticed before this purpose"
    assert second.verdict == "pass"


def test_what_is_found_before_all_purposes_is_told_by_the_first() -> None:
    with Odd() as device:
        device.early = True
        gate = Looker(device, 1).look_first([PURPOSES["info-liveness"].purpose])
        assert [look.problem for look in gate.looks] == [""]
        assert "noticed before" in tried(PURPOSES["info-liveness"], device, gate=gate).verdict.reason
        assert tried(PURPOSES["info-liveness"], device, gate=gate).verdict.verdict == "pass"


class Leaky(ReferenceDevice):
    """Loses memory whenever it is told to initiate, and says so at its end."""

    lost = False

    def initiate(self, child: str | None = None) -> None:
        super().initiate(child)
        self.lost = True

    def farewell(self) -> Death | None:
        self.stop()
        lost, self.lost = self.lost, False
        return Death("LeakSanitizer: detected memory leaks, at its end", reported=True) if lost else None


def test_a_leak_is_blamed_on_the_purpose_that_leaks_when_it_is_alone() -> None:
    innocent, guilty = (
        PURPOSES["info-liveness"],
        next(one for one in PURPOSES.values() if one.purpose.role == "initiator" and one.subject == "informational"),
    )
    with Leaky() as device:
        inquest = Inquest(device, 1, Gate())
        for written in (guilty, innocent):
            assert tried(written, device).verdict.verdict == "pass", written.purpose.id
            inquest.past.append(Past(written, time.monotonic(), {}, None))
        leak = device.farewell()
        assert leak is not None
        found = inquest.died(None, Verdict("fail", leak.words, kind=Kind.CRASH), early=True)
        assert device.alive()
    assert found.guilty is not None and found.guilty.written is guilty
    assert found.again is not None and "detected memory leaks" in found.again.verdict.reason
    assert "it happens again" not in found.again.verdict.reason
