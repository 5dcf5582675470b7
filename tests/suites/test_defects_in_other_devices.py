"""Each defect in a device that is slow, crashes, sends errors in the clear or speaks first: its purposes still see it.

With ``--all-variants`` all of them, else those that the seed chooses.
"""

from collections.abc import Callable
from random import Random

import pytest

from peers.reference.defects import all_defects
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct
from tests.suites.families import one_of_each

SEED, SHARE = 1, 0.25
BESIDE = ("slow-verification", "errors-in-clear", "crashes-and-restarts", "liveness-at-once")
SUBJECTS = tuple(dict.fromkeys(written.subject for written in all_purposes().values()))


@pytest.mark.grows
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("beside", BESIDE)
def test_is_still_seen(
    beside: str, subject: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    claims = [
        (defect.name, purpose)
        for defect in all_defects().values()
        for purpose in defect.breaks
        if all_purposes()[purpose].subject == subject and defect.name != beside
    ]
    if not pytestconfig.getoption("--all-variants"):
        random = Random(f"{SEED}/{beside}/{subject}")
        chosen = set(one_of_each((purpose for _, purpose in claims), random))
        claims = [one for one in claims if one[1] in chosen]
        claims = random.sample(claims, round(len(claims) * SHARE))
    unseen = []
    for defect, purpose in claims:
        with ReferenceDevice(f"{defect}+{beside}") as device:
            verdict, _ = conduct(all_purposes()[purpose], device)
        if verdict.verdict not in ("fail", "warn"):
            unseen.append(f"{purpose} on reference:{defect}+{beside}: {verdict.verdict} {verdict.reason}")
    record_property("defects in other devices: tried", len(claims))
    record_property("defects in other devices: missed", len(unseen))
    assert not unseen, "\n".join(unseen)
