"""Whether the device has died, or what was built into it to find faults has found one."""

import re
from collections.abc import Iterator

from peers.contract import Death, Device
from suites.campaign.case import Problem

_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+")
_PLACE = re.compile(r" ?\([^()]*\)$")


def deaths(device: Device) -> Iterator[Problem]:
    """A problem for a death that nobody has been told of yet."""
    death = device.obituary()
    if death is not None:
        yield problem_of(death)


def gone(device: Device, refusal: str) -> tuple[Problem, ...]:
    """The problems of a device that takes no connection any more; none if it lives, so that this has another reason."""
    alive = device.alive()
    silent = () if alive else (Problem("death", "no sign of life, and no order is taken", refusal),)
    return tuple(deaths(device)) or silent


def problem_of(death: Death) -> Problem:
    """A death as a problem; its symptom has no numbers, and the frames rather than the words where there are any."""
    oracle = "hang" if death.hung else "sanitizer" if death.reported else "death"
    symptom = stable(death.words)
    if death.backtrace:
        where = " < ".join(_PLACE.sub("", frame) for frame in death.backtrace[:3])
        symptom = f"{stable(death.words.partition(':')[0].partition(' in ')[0])} in {where}"
    return Problem(oracle, symptom, death.words, backtrace=death.backtrace)


def stable(words: str) -> str:
    """Words without the numbers in them."""
    return _NUMBERS.sub("#", words)
