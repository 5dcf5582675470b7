"""Of purposes that are made of one text for several methods one stands for all, where there are many devices to try."""

from collections.abc import Iterable
from random import Random

from suites.conduct import all_purposes


def one_of_each(identifiers: Iterable[str], random: Random) -> list[str]:
    """One of each family, another one each time, and no slow one if there are others; and all that have none."""
    families: dict[str, list[str]] = {}
    for one in identifiers:
        families.setdefault(all_purposes()[one].purpose.family or one, []).append(one)
    quick = [[one for one in found if not all_purposes()[one].purpose.waits] for found in families.values()]
    return [random.choice(few or found) for few, found in zip(quick, families.values(), strict=True)]
