"""What a daemon uses is a problem where it has no end, and none where the daemon only warms up."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from peers.contract import Vitals
from suites.campaign.oracles.growth import rises
from suites.pulse import SAMPLES, Samples


def said(memory: Callable[[int], int], count: int = 4 * SAMPLES) -> list[str]:
    numbers = iter(range(count))
    device: Any = SimpleNamespace(vitals=lambda: Vitals(memory(next(numbers)), 20, 4))
    samples = Samples(device)
    return [rises(one).symptom for _ in range(count) if (one := samples.take("established")) is not None]


@pytest.mark.parametrize(
    ("memory", "count"),
    [
        (lambda at: (16 << 20) + at * (100 << 10), 2),
        (lambda at: (16 << 20) + min(at, SAMPLES) * (100 << 10), 0),
        (lambda at: (16 << 20) + at % 7 * (1 << 20), 0),
        (lambda at: 16 << 20, 0),
    ],
    ids=["leaks", "warms-up", "comes-and-goes", "stays"],
)
def test_growth_without_end(memory: Callable[[int], int], count: int) -> None:
    assert said(memory) == ["memory grows in established"] * count


def test_a_device_that_was_started_again_warms_up_again() -> None:
    numbers = iter(range(4 * SAMPLES))
    device: Any = SimpleNamespace(vitals=lambda: Vitals((16 << 20) + next(numbers) % SAMPLES * (100 << 10), 20, 4))
    samples = Samples(device)
    for _ in range(4):
        assert [samples.take("init") for _ in range(SAMPLES)] == [None] * SAMPLES
        samples.forget()
