"""Whether a device keeps more and more: memory, descriptors, threads.

Where its clock is ours the reference device says exactly what it keeps, so a case that makes it keep more is tried
again and again at once. Of a daemon the operating system knows only roughly what it uses, so samples are compared: each
is taken when it has just forgotten all its SAs.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from suites.campaign.case import Case, Problem
from suites.pulse import Growth

AGAIN = 16
"""So often a case must make the device keep more, each time: a window of five, with requests and responses, is full."""


def keeps_more(
    kept: Callable[[], Mapping[str, int]], again: Callable[[], bool], suspects: frozenset[str] | None = None
) -> frozenset[str]:
    """The places where each repetition of a case makes the device keep more; ``again`` runs it, False: it cannot be.

    Only ``suspects`` are asked about, if there are any, and as long as one of them is left.
    """
    found = suspects
    before: Mapping[str, int] = {}
    for at in range(AGAIN):
        if not again():
            return frozenset()
        now = kept()
        if at:
            found = more(before, now) if found is None else found & more(before, now)
            if not found:
                return frozenset()
        before = now
    return found or frozenset()


class Growing:
    """What is known of a device that says what it keeps: where that grows, and which cases were innocent."""

    def __init__(self, kept: Callable[[], Mapping[str, int]]) -> None:
        """Nothing grows."""
        self.kept = kept
        self.places: set[str] = set()
        self.innocent: Counter[tuple[object, ...]] = Counter()

    def is_suspect(self, case: Case, grown: frozenset[str], *, fresh: bool) -> bool:
        """Whether to look closely: in replays always, else where it is news, and less often at what was innocent."""
        if fresh:
            return bool(grown)
        grown -= self.places
        key = (case.state, grown, *(step.kind for step in case.steps))
        self.innocent[key] += bool(grown)
        return bool(grown) and self.innocent[key].bit_count() == 1

    def look(self, case: Case, grown: frozenset[str], again: Callable[[], bool], *, fresh: bool) -> Iterator[Problem]:
        """The problems of a case after which more is kept in the places ``grown``."""
        for place in sorted(keeps_more(self.kept, again, None if fresh else grown - self.places)):
            self.places.add(place)
            yield grows(place, case.state)


def more(before: Mapping[str, int], now: Mapping[str, int]) -> frozenset[str]:
    """The places where there is more than before."""
    return frozenset(place for place, count in now.items() if count > before.get(place, 0))


def grows(place: str, state: str) -> Problem:
    """The problem of a device that does: as with a leak, it is where it is kept that tells findings apart."""
    return Problem(
        "growth",
        f"what is kept grows in {state}",
        f"each time that this is sent the device keeps more in {place}, {AGAIN} times of {AGAIN}",
        "RFC7383-5-1" if "fragments" in state else "",
        backtrace=(place,),
    )


def rises(growth: Growth) -> Problem:
    """The problem of a daemon that uses more and more."""
    return Problem("growth", f"{growth.what} grows in {growth.worst}", str(growth))
