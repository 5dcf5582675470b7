"""Which values a run has sent in which fields, and whether they were taken or refused: made from all conversations."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from reports.records import Result
from suites.tried import Fate, How, Tried


class Place(NamedTuple):
    """A field of a payload in a message; ``field`` is empty for the payload as a whole."""

    exchange: str
    role: str
    payload: str
    field: str


@dataclass(frozen=True, slots=True)
class Value:
    """What became of the values in one place: the purposes, sorted, in which right ones were accepted, wrong refused.

    ``other`` are those in which an unusual value was accepted, and that was right; ``hows`` how wrong ones were wrong.
    """

    place: Place
    right: tuple[str, ...]
    other: tuple[str, ...]
    wrong: tuple[str, ...]
    hows: tuple[How, ...]

    def to_json(self) -> dict[str, Any]:
        """For other programs."""
        counts = {"right accepted": self.right, "unusual accepted": self.other, "wrong refused": self.wrong}
        return {
            **self.place._asdict(),
            **{key.replace(" ", "_"): len(found) for key, found in counts.items()},
            "how": [str(one) for one in self.hows],
        }


def accepts(result: Result) -> bool:
    """Whether something right was accepted in a purpose that passed."""
    return result.standing.passed and any(one.fate is Fate.TAKEN for one in result.tried or ())


def refuses(result: Result) -> bool:
    """Whether something wrong was sent, and not taken, in a purpose that passed."""
    return result.standing.passed and any(map(_wrong, result.tried or ()))


def goes_wrong(result: Result) -> bool:
    """Whether something else than what is usual was sent in a purpose that passed, whatever became of it."""
    return result.standing.passed and any(one.how is not How.RIGHT for one in result.tried or ())


def _wrong(one: Tried) -> bool:
    return one.how is not How.RIGHT and one.fate is not Fate.TAKEN


def values(results: Iterable[Result]) -> list[Value]:
    """What was sent in the purposes that passed, by place. ``role`` is that of the device."""
    right: dict[Place, set[str]] = {}
    other: dict[Place, set[str]] = {}
    wrong: dict[Place, set[str]] = {}
    hows: dict[Place, set[How]] = {}
    for result in results:
        for one in result.tried or () if result.standing.passed else ():
            place = Place(one.exchange, result.role, one.payload, one.field)
            kind = wrong if _wrong(one) else right if one.how is How.RIGHT else other
            kind.setdefault(place, set()).add(result.purpose)
            if kind is wrong:
                hows.setdefault(place, set()).add(one.how)
    return [
        Value(
            one,
            right=tuple(sorted(right.get(one, ()))),
            other=tuple(sorted(other.get(one, ()))),
            wrong=tuple(sorted(wrong.get(one, ()))),
            hows=tuple(sorted(hows.get(one, ()))),
        )
        for one in sorted({*right, *other, *wrong})
    ]
