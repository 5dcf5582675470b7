"""Mistakes that nobody wrote a purpose for: small changes of the reference device, and whether the purposes see them.

This is a sample; ``python -m tests.mutation`` has the whole.
"""

import ast
from pathlib import Path
from random import Random

import pytest

from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct
from tests.mutation.install import HOUSE, installed
from tests.mutation.mutants import mutants
from tests.mutation.score import Fate, Reach, judge, reach, share_killed

SUBJECTS = ("ike_sa_init", "message_ids")
FILES = ("sa_init", "receiving", "sending")
SAMPLE = 16
CORE = HOUSE / "conformance" / "ike" / "core"


@pytest.fixture(scope="module")
def known() -> Reach:
    wanted = (written for written in all_purposes().values() if written.subject in SUBJECTS)
    return reach([one.purpose.id for one in wanted if not one.purpose.waits])


def test_a_mutant_is_one_change(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    lines = ("class A:", " def f(self, x):", "  if x < 1 and self.ok:", "   raise ValueError", "  return True")
    path.write_text("\n".join(lines))
    found = {one.text: ast.unparse(one.tree) for one in mutants(path)}
    assert "x <= 1" in found["<= instead of < in x < 1"]
    assert "x < 1 or self.ok" in found["or in x < 1 and self.ok"]
    assert "if not (x < 1 and self.ok)" in found["if not (x < 1 and self.ok)"]
    assert "pass" in found["without raise ValueError"]
    assert "return False" in found["return False"]
    assert "x < 2" in found["2 instead of 1"]
    assert len(found) == 6 and {one.function for one in mutants(path)} == {"A.f"}


def test_only_the_device_is_changed(known: Reach) -> None:
    chosen = (one for one in mutants(CORE / "sa_init.py") if (str(one.path), one.function) in known.purposes)
    killed = next(one for one in (judge(mutant, known) for mutant in chosen) if one.fate is Fate.KILLED)
    with installed(killed.mutant), ReferenceDevice() as device:  # nobody says when the device runs
        assert conduct(all_purposes()[killed.purpose], device)[0].verdict == "pass"
    assert judge(killed.mutant, Reach({}, {}, {})).fate is Fate.UNREACHED


def test_purposes_see_most_of_what_a_peer_could_see(known: Reach) -> None:
    reached = {place for place, found in known.purposes.items() if found}
    found = [one for name in FILES for one in mutants(CORE / f"{name}.py")]
    chosen = Random(1).sample([one for one in found if (str(one.path), one.function) in reached], SAMPLE)
    judged = [judge(one, known) for one in chosen]
    fates = [one.fate for one in judged]
    assert fates.count(Fate.KILLED) >= 3, "the sample says nothing"
    survivors = "\n".join(str(one.mutant) for one in judged if one.fate is Fate.SURVIVED)
    assert share_killed(judged) >= 0.5, f"these change what a peer can see, and no purpose minds:\n{survivors}"
