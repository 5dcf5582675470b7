"""Every purpose on every variant of the reference device: nobody who is right is accused.

With ``--all-variants`` on all pairs of variants below, else on those that the seed chooses.
"""

from collections.abc import Callable
from itertools import product
from random import Random

import pytest

from peers.reference.device import ReferenceDevice
from peers.reference.variants import all_variants
from suites.conduct import all_purposes, conduct

SEED, SAMPLE = 1, 8
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
        devices = [*((one,) for one in all_variants()), *pairs]
        metafunc.parametrize("words", devices, ids="+".join)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_accuses_nobody(words: tuple[str, ...], subject: str, record_property: Callable[[str, object], None]) -> None:
    variants = [all_variants()[word] for word in words]
    advice = {requirement for one in variants for requirement in one.advice}
    unclear = {purpose for one in variants for purpose in one.unclear}
    passed = not_for_it = 0
    wrong = []
    for identifier, written in all_purposes().items():
        if written.subject != subject:
            continue
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
