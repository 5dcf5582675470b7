"""Whether a device keeps more and more: memory, descriptors, threads.

Where its clock is ours the reference device says exactly what it keeps, so a case that makes it keep more is tried
again and again at once. Of a daemon the operating system knows only roughly what it uses, so samples are compared: each
is taken when it has just forgotten all its SAs.
"""

from collections.abc import Callable

from suites.campaign.case import Problem
from suites.pulse import Growth

AGAIN = 16
"""So often a case must make the device keep more, each time: a window of five, with requests and responses, is full."""


def keeps_more(kept: Callable[[], int], again: Callable[[], bool]) -> bool:
    """Whether each repetition of a case makes the device keep more; ``again`` runs it, False: it cannot be repeated."""
    before = None
    for _ in range(AGAIN):
        if not again():
            return False
        now = kept()
        if before is not None and now <= before:
            return False
        before = now
    return True


def grows(state: str) -> Problem:
    """The problem of a device that does."""
    return Problem(
        "growth",
        f"what is kept grows in {state}",
        f"each time that this is sent the device keeps more, {AGAIN} times of {AGAIN}",
        "RFC7383-5-1" if "fragments" in state else "",
    )


def rises(growth: Growth) -> Problem:
    """The problem of a daemon that uses more and more."""
    return Problem("growth", f"{growth.what} grows in {growth.worst}", str(growth))
