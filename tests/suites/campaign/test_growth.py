"""What a daemon uses is a problem where it has no end, and none where the daemon only warms up."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from peers.contract import Vitals
from suites.campaign.oracles.growth import AGAIN, keeps_more, rises
from suites.pulse import SAMPLES, VISITS, Samples


def said(memory: Callable[[int], int], count: int = 4 * SAMPLES) -> list[str]:
    numbers = iter(range(count))
    device: Any = SimpleNamespace(vitals=lambda: Vitals(memory(next(numbers)), 20, 4))
    samples = Samples(device)
    return [rises(one).symptom for _ in range(count) if (one := samples.take("established")) is not None]


@pytest.mark.parametrize(
    ("memory", "count"),
    [
        (lambda at: (16 << 20) + at * (180 << 10), 2),
        (lambda at: (16 << 20) + min(at, SAMPLES) * (200 << 10), 0),
        (lambda at: (16 << 20) + at % 7 * (1 << 20), 0),
        (lambda at: 16 << 20, 0),
    ],
    ids=["leaks", "warms-up", "comes-and-goes", "stays"],
)
def test_growth_without_end(memory: Callable[[int], int], count: int) -> None:
    assert said(memory) == ["memory grows in established"] * count


def in_turn(leak: Callable[[int], int], noise: int) -> list[str]:
    """What is said where every tenth sample is of a state that adds something; the others come and go."""
    at, kept, found = 0, 0, []
    device: Any = SimpleNamespace(vitals=lambda: Vitals((16 << 20) + kept + at % 9 * noise, 20, 4))
    samples = Samples(device)
    for at in range(1000):
        kept += leak(at // 10) if at % 10 == 9 else 0
        growth = samples.take("rare" if at % 10 == 9 else "often")
        found += [rises(growth).symptom] if growth is not None else []
    return found


@pytest.mark.parametrize(
    ("leak", "found"),
    [
        (lambda visit: 400 << 10, True),
        (lambda visit: 400 << 10 if visit < VISITS else 0, False),
        (lambda visit: 1600 << 10 if visit % 2 else 0, False),
        (lambda visit: 0, False),
    ],
    ids=["leaks", "warms-up", "every-other-time", "stays"],
)
def test_what_is_seldom_done_grows_by_itself(leak: Callable[[int], int], found: bool) -> None:
    """By the samples of that state alone: all of them together rise by too little."""
    assert (in_turn(leak, noise=8 << 10) == ["memory grows in rare"] * 2) == found


def test_what_one_state_takes_and_another_gives_back_has_an_end() -> None:
    at = 0
    device: Any = SimpleNamespace(vitals=lambda: Vitals((16 << 20) + at % 2 * (300 << 10), 20, 4))
    samples = Samples(device)
    for at in range(400):
        assert samples.take("more" if at % 2 else "less") is None


def test_a_device_that_was_started_again_warms_up_again() -> None:
    numbers = iter(range(4 * SAMPLES))
    device: Any = SimpleNamespace(vitals=lambda: Vitals((16 << 20) + next(numbers) % SAMPLES * (200 << 10), 20, 4))
    samples = Samples(device)
    for _ in range(4):
        assert [samples.take("init") for _ in range(SAMPLES)] == [None] * SAMPLES
        samples.forget()


def test_growth_is_told_by_where_it_is_kept() -> None:
    """What fills, what is given up again and what grows now and then has an end; the rest is one problem each."""
    runs = iter(range(AGAIN + 1))
    kept: dict[str, int] = {}

    def again() -> bool:
        at = next(runs)
        kept.update(list=at, table=3 * at, window=min(at, 5), cycle=at % 3, sometimes=at // 2, steady=7)
        return True

    assert keeps_more(lambda: dict(kept), again) == {"list", "table"}
    assert next(runs) == AGAIN, "a case is repeated as often as it is said"


def test_what_cannot_be_repeated_does_not_grow() -> None:
    runs = iter((True, True, False))
    numbers = iter(range(9))
    assert keeps_more(lambda: {"list": next(numbers)}, lambda: next(runs)) == frozenset()
