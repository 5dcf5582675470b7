"""Mistakes that nobody wrote a purpose for: small changes of the reference device, and whether the purposes see them.

This is a sample; ``python -m tests.mutation`` has the whole.
"""

import ast
from pathlib import Path
from random import Random

import pytest

from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct
from tests.mutation.install import HOUSE, installed, make
from tests.mutation.many import Many
from tests.mutation.mutants import mutants
from tests.mutation.reach import Reach, reach
from tests.mutation.score import Fate, bounds, judge, share_killed

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


def test_whoever_runs_its_statement_comes_by_a_mutant(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    lines = ("def f(x=1):", " if (x > 2", "   or x < 0):", "  x = g(3,", "    4)", " match x:", "  case 5:", "   h()")
    path.write_text("\n".join(lines))
    found = {one.text: (one.lines.start, one.lines.stop - 1) for one in mutants(path)}
    assert "2 instead of 1" not in found, "a default stands outside of the code that is changed"
    assert found["3 instead of 2"] == found["<= instead of < in x < 0"] == (2, 3)
    assert found["4 instead of 3"] == found["5 instead of 4"] == (4, 5)
    assert found["6 instead of 5"] == (6, 6) and found["without h()"] == (8, 8)


def test_only_the_device_is_changed(known: Reach) -> None:
    chosen = (one for one in mutants(CORE / "sa_init.py") if known.purposes(one))
    killed = next(one for one in (judge(mutant, known) for mutant in chosen) if one.fate is Fate.KILLED)
    with installed(make(killed.mutant)), ReferenceDevice() as device:  # nobody says when the device runs
        assert conduct(all_purposes()[killed.purpose], device)[0].verdict == "pass"
    assert judge(killed.mutant, Reach({}, {})).fate is Fate.UNREACHED


def test_purposes_see_most_of_what_a_peer_could_see(known: Reach) -> None:
    found = [one for name in FILES for one in mutants(CORE / f"{name}.py") if known.purposes(one)]
    many = Many(known)
    many.judge(Random(1).sample(found, SAMPLE))
    fates = [one.fate for one in many.judged]
    assert len(fates) == SAMPLE and fates.count(Fate.KILLED) >= 3, "the sample says nothing"
    survivors = "\n".join(str(one.mutant) for one in many.judged if one.fate is Fate.SURVIVED)
    assert share_killed(many.judged) >= 0.5, f"these change what a peer can see, and no purpose minds:\n{survivors}"
    low, high = bounds(many.judged)
    assert 0 < low < share_killed(many.judged) <= high <= 1
