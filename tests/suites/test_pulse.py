"""What a device uses of its machine: processes that spin or rest, numbers that rise or do not."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from peers.contract import Vitals
from peers.places.process import process_vitals, told_vitals
from peers.reference.device import ReferenceDevice
from suites import pulse
from suites.campaign.oracles.spinning import EVERY, Spinning
from suites.pulse import SAMPLES, Growth, Pulse, Samples, share, spins


class Seen(ReferenceDevice):
    """A device whose process is another one, or whose numbers are told."""

    real_time = True

    def __init__(self, pid: int = 0, told: tuple[Vitals, ...] = ()) -> None:
        super().__init__()
        self.pid, self.told = pid, list(told)

    def vitals(self) -> Vitals | None:
        return self.told.pop(0) if self.told else process_vitals(self.pid)


@pytest.fixture(params=["while True: pass", "input()"])
def process(request: pytest.FixtureRequest) -> Iterator[tuple[bool, int]]:
    """A process that spins, and one that rests."""
    command = [sys.executable, "-c", f"print(1, flush=True)\n{request.param}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as found:
        assert found.stdout is not None and found.stdout.readline()
        yield request.param.startswith("while"), found.pid
        found.kill()


def test_a_process_that_spins_is_told_from_one_that_rests(
    process: tuple[bool, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "QUIET", 0.4)
    busy, pid = process
    assert ("its process spins: it wants" in spins(lambda: process_vitals(pid))) is busy
    device = Seen(pid)
    oracle = Spinning(device)
    found = [one for one in (oracle.look() for _ in range(EVERY)) if one is not None]
    assert [one.symptom for one in found] == (["the device spins"] if busy else [])


def test_who_works_only_while_asked_is_not_looked_at() -> None:
    rests = Vitals(0, cpu=1.0)
    assert Pulse(Seen(told=(rests, rests))).spins() == ""


def test_what_nobody_sees_is_nothing() -> None:
    assert spins(lambda: None) == ""
    assert Pulse(ReferenceDevice()).spins() == ""


def test_time_spent_in_the_queue_counts() -> None:
    before = Vitals(0, cpu=1.0, waited=2.0)
    assert share(before, replace(before, cpu=1.1, waited=2.9), 1.0) == pytest.approx(1.0)


def test_vitals_from_what_proc_says() -> None:
    stat = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 99 0 0"
    told = told_vitals(stat, "100 10 5 1 0 9 0\n", 12, "1000000000 500000000 7\n0 250000000 1\n")
    assert (told.descriptors, told.threads, told.cpu, told.waited) == (12, 3, 2.0, 0.75)
    with pytest.raises((ValueError, IndexError)):
        told_vitals("", "", 0, "")


def rising(step: int) -> tuple[Vitals, ...]:
    return tuple(Vitals(1 << 24, descriptors=20 + at * step) for at in range(2 * SAMPLES))


def test_what_rises_all_the_time_is_told() -> None:
    samples = Samples(Seen(told=rising(1)))
    found = [samples.take(f"p{at}") for at in range(2 * SAMPLES)]
    assert found[:-1] == [None] * (2 * SAMPLES - 1)
    assert found[-1] == Growth("descriptors", 20 + SAMPLES, 20 + 2 * SAMPLES - 1, f"p{SAMPLES + 1}", 1)
    assert str(found[-1]).startswith("descriptors of the device rises all the time: 50, then 79")


def test_what_rises_once_is_not() -> None:
    told = (*rising(0)[:10], *(replace(one, descriptors=90) for one in rising(0)[10:]))
    samples = Samples(Seen(told=told))
    assert not any(samples.take("p") for _ in range(2 * SAMPLES))
