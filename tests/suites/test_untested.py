"""Every MUST and SHOULD of the core RFCs that can be tested has a purpose or an invariant."""

from suites.conduct import all_purposes
from suites.invariants import INVARIANTS
from suites.requirements import Level, load

CORE = {3948, 4301, 4302, 4303, 6989, 7296, 7383, 7427, 8247}


def test_no_requirement_of_the_core_is_untested() -> None:
    cited = {one for each in all_purposes().values() for one in each.purpose.requirements}
    cited |= {one for each in INVARIANTS.values() for one in each.requirements}
    demanded = (one for one in load() if one.rfc in CORE and one.testable and one.level is not Level.MAY)
    left = [one.id for one in demanded if one.id not in cited]
    assert not left, f"write a purpose for {', '.join(left)}, or say in suites/requirements why nobody can"
