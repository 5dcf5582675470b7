"""Every purpose passes on the reference device, and fails on each defective one that claims to break it."""

import re

import pytest

from peers.reference.defects import all_defects
from peers.reference.defects.fuzz import all_fuzz_defects
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct

PURPOSES = all_purposes()
PYTHON = re.compile(r"\w\(\w*=|\bb['\"]|<\S* object\b|\bNone\b|\bTrue\b|\bFalse\b|\[\]|\[<|['\"]\]|\w<\w+[.:]|^$")
"""What a reason looks like where somebody printed a value instead of saying what it means."""
BROKEN = [(one.name, one.breaks) for one in all_defects().values()]
BROKEN += [(one.name, one.breaks) for one in all_fuzz_defects().values()]
CLAIMS = [(name, purpose) for name, breaks in BROKEN for purpose in breaks]


@pytest.mark.grows
@pytest.mark.parametrize("identifier", PURPOSES)
def test_passes_on_the_reference(identifier: str) -> None:
    with ReferenceDevice() as device:
        verdict, peer = conduct(PURPOSES[identifier], device)
    assert verdict.verdict == "pass", f"{verdict.reason}\n{peer.trace.transcript() if peer else ''}"


@pytest.mark.grows
@pytest.mark.parametrize(("defect", "identifier"), CLAIMS)
def test_fails_on_the_defect(defect: str, identifier: str) -> None:
    with ReferenceDevice(defect) as device:
        verdict, _ = conduct(PURPOSES[identifier], device)
    assert verdict.verdict in ("fail", "warn"), f"{verdict.verdict}: {verdict.reason}"
    assert not PYTHON.search(verdict.reason), f"no words: {verdict.reason}"
    assert verdict.expected and verdict.got


@pytest.mark.parametrize("identifier", PURPOSES)
def test_has_a_defect(identifier: str) -> None:
    assert identifier in {purpose for _, purpose in CLAIMS}, f"no defect breaks {identifier}"


def test_defects_name_purposes_that_exist() -> None:
    assert {purpose for _, purpose in CLAIMS} <= set(PURPOSES)
