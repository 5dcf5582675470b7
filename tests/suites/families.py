"""Of purposes that are made of one text for several methods one stands for all, where there are many devices to try."""

from collections.abc import Iterable
from random import Random

from suites.conduct import all_purposes


def one_of_each(identifiers: Iterable[str], random: Random) -> list[str]:
    """One of each family, another one each time, of those that take least; and all that have none."""
    families: dict[str, list[str]] = {}
    for one in identifiers:
        families.setdefault(all_purposes()[one].purpose.family or one, []).append(one)
    return [random.choice(_quickest(found)) for found in families.values()]


def _quickest(identifiers: list[str]) -> list[str]:
    least = min(all_purposes()[one].purpose.waits for one in identifiers)
    return [one for one in identifiers if all_purposes()[one].purpose.waits == least]
