"""The files about known deviations, as a run reads them: each entry must speak of something that there is."""

from pathlib import Path

from peers.deviations import Deviation, load_deviations, load_private
from suites.conduct import all_purposes
from suites.interop.scenarios import SCENARIOS
from suites.invariants import INVARIANTS
from suites.requirements import load


def read_known(path: Path) -> tuple[Deviation, ...]:
    """The known deviations of a device. Raises TomlError, also for a purpose, requirement or invariant that is none."""
    return load_deviations(path, _purposes(), [one.id for one in load()], INVARIANTS)


def read_reasons(path: Path) -> dict[str, tuple[str, str]]:
    """Reason and reference of private deviations by purpose. Raises TomlError."""
    return load_private(path, _purposes())


def _purposes() -> list[str]:
    """What an entry may name: purposes, and scenarios between two devices, also in one role only."""
    scenarios = (f"{one.purpose}{role}" for one in SCENARIOS for role in ("", "-initiator", "-responder"))
    return [*all_purposes(), *scenarios]
