"""What purposes and their checks cite: the strongest requirement first, and nothing that cannot be broken."""

import re
from pathlib import Path

import pytest

import suites
from suites.conduct import all_purposes
from suites.requirements import load

PURPOSES = all_purposes()
DECORATOR = re.compile(r"^@purpose\(.*?^def ", re.MULTILINE | re.DOTALL)
CITATION = re.compile(r"\bRFC\d+-[0-9A-Z.]+-\d+\b")


@pytest.mark.parametrize("identifier", PURPOSES)
def test_the_strongest_requirement_stands_first(identifier: str) -> None:
    ranks = [load().get(one).level.rank for one in PURPOSES[identifier].purpose.requirements]
    assert ranks[0] == min(ranks), "what a purpose is judged by stands first"
    assert ranks[0] < 2, "what may be done cannot be broken: cite the MUST or SHOULD that a failure breaks"


def test_no_check_names_what_may_be_done() -> None:
    """A MAY may be cited by a purpose, but a check that fails breaks something else, and should say what."""
    for path in sorted(Path(suites.__file__).parent.rglob("*.py")):
        text = DECORATOR.sub("", path.read_text(encoding="utf-8"))
        named = set(CITATION.findall(text)) & {one.id for one in load()}
        assert not {one for one in named if load().get(one).level.rank == 2}, path
