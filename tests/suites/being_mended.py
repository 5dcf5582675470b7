"""What is known to go wrong in `test_other_correct_devices` and `test_defects_in_other_devices`, from a table.

The table is ``being_mended.toml``. It only shrinks: whoever mends a purpose takes it out of there.
"""

import tomllib
from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).with_suffix(".toml")


@lru_cache(maxsize=2)
def _table(name: str) -> dict[str, list[str]]:
    return dict(tomllib.loads(TABLE.read_text()).get(name, {}))


def accuses(purpose: str, variants: tuple[str, ...]) -> bool:
    """Whether it is known that the purpose accuses one of these variants, which are correct."""
    return not set(variants).isdisjoint(_table("accused").get(purpose, ()))


def misses(purpose: str, beside: str) -> bool:
    """Whether it is known that the purpose misses a defect of its own when ``beside`` comes along with that."""
    return beside in _table("missed").get(purpose, ())
