"""Every purpose on every variant of the reference device: nobody who is right is accused.

With ``--all-variants`` all purposes on all variants and on all pairs below, else those that the seed chooses: of each
subject a share for each device, another one for each, and of what is made for several methods one.
"""

from collections.abc import Callable
from itertools import product
from math import ceil
from random import Random

import pytest

from peers.reference.device import ReferenceDevice
from peers.reference.variants import all_variants
from suites.conduct import all_purposes, conduct
from tests.suites.families import one_of_each

SEED, SAMPLE, SHARE = 1, 8, 0.024
LONG, SELDOM = 10.0, 0.2
"""What waits for so many seconds is sampled for a share of the devices only."""
SUBJECTS = tuple(dict.fromkeys(written.subject for written in all_purposes().values()))
PAIRS = tuple(
    product(
        ("slow", "slow-verification", "single-thread", "far-away", "slow-timers"),
        ("liveness-at-once", "lazy-delete", "one-per-identity", "cookies-always", "more-notifies"),
    )
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "words" in metafunc.fixturenames:
        everything = metafunc.config.getoption("--all-variants")
        pairs = PAIRS if everything else Random(SEED).sample(PAIRS, SAMPLE)
        devices: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        devices += [((one,), found.about or SUBJECTS) for one, found in all_variants().items()]
        devices += [(pair, SUBJECTS) for pair in pairs]
        each = [(words, subject) for words, subjects in devices for subject in subjects]
        metafunc.parametrize("words, subject", each, ids=lambda one: one if isinstance(one, str) else "+".join(one))


@pytest.mark.grows
def test_accuses_nobody(
    words: tuple[str, ...], subject: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    variants = [all_variants()[word] for word in words]
    advice = {requirement for one in variants for requirement in one.advice}
    unclear = {purpose for one in variants for purpose in one.unclear}
    passed = not_for_it = 0
    wrong = []
    purposes = [identifier for identifier, written in all_purposes().items() if written.subject == subject]
    if not pytestconfig.getoption("--all-variants"):
        random = Random(f"{SEED}/{'+'.join(words)}/{subject}")
        purposes = one_of_each(purposes, random)
        if random.random() > SELDOM:
            purposes = [one for one in purposes if all_purposes()[one].purpose.waits < LONG]
        purposes = random.sample(purposes, ceil(len(purposes) * SHARE))
    for identifier in purposes:
        written = all_purposes()[identifier]
        with ReferenceDevice("+".join(("", *words))) as device:
            verdict, _ = conduct(written, device)
        passed += verdict.verdict == "pass"
        not_for_it += verdict.verdict == "n/a"
        right = {
            "pass": True,
            "n/a": True,
            "warn": verdict.requirement in advice,
            "inconclusive": identifier in unclear,
        }
        if not right.get(verdict.verdict):
            wrong.append(f"{identifier}: {verdict.verdict} {verdict.requirement or ''}: {verdict.reason}")
    record_property("purposes on other correct devices: passed", passed)
    record_property("purposes on other correct devices: n/a", not_for_it)
    record_property("purposes on other correct devices: failures", len(wrong))
    assert not wrong, f"reference:+{'+'.join(words)} is accused\n" + "\n".join(wrong)
