"""Every MUST and SHOULD of the core RFCs that can be tested has a purpose or an invariant, but for a shrinking list."""

from pathlib import Path

from suites.conduct import all_purposes
from suites.invariants import INVARIANTS
from suites.requirements import Level, load

CORE = {3948, 4301, 4302, 4303, 6989, 7296, 7383, 7427, 8247}
OPEN = Path(__file__).with_name("untested.txt")
"""The requirements that still have no purpose, one id a line."""


def untested() -> set[str]:
    """What neither purposes nor invariants cite, and nobody says why it cannot be tested."""
    cited = {one for each in all_purposes().values() for one in each.purpose.requirements}
    cited |= {one for each in INVARIANTS.values() for one in each.requirements}
    demanded = (one for one in load() if one.rfc in CORE and one.testable and one.level is not Level.MAY)
    return {one.id for one in demanded if one.id not in cited}


def still_open() -> list[str]:
    return OPEN.read_text(encoding="utf-8").split()


def test_no_requirement_loses_its_last_purpose() -> None:
    lost = untested() - set(still_open())
    assert not lost, f"write a purpose for {', '.join(sorted(lost))}, or say in suites/requirements why nobody can"


def test_what_is_tested_now_leaves_the_list() -> None:
    done = set(still_open()) - untested()
    assert not done, f"take {', '.join(sorted(done))} out of {OPEN.name}: nothing shall bring them back"


def test_the_list_is_in_order() -> None:
    found = still_open()
    assert found == sorted(set(found))
