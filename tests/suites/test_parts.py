"""Dealing purposes out into parts (`suites.purpose.parts`)."""

from collections import Counter

import pytest

from suites.conduct import all_purposes
from suites.purpose import parts


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_parts_have_everything_once_and_take_about_as_long(number: int) -> None:
    purposes = [one.purpose for one in all_purposes().values()]
    dealt = parts(purposes, number)
    assert len(dealt) == number and dealt == parts(purposes[::-1], number)
    assert sorted(one.id for part in dealt for one in part) == sorted(one.id for one in purposes)
    taken = [sum(one.waits + 0.2 for one in part) for part in dealt]
    assert max(taken) - min(taken) <= max(one.waits for one in purposes)
    sorts = Counter(one.id.partition("-")[0] for one in purposes)
    assert {sort for sort, members in sorts.items() if members > 2 * number} <= {
        one.id.partition("-")[0] for one in dealt[0]
    }
