"""What an invariant says of a message that breaks it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.script.verdict import Unexpected
from suites.requirements import load


@dataclass(frozen=True, slots=True)
class Broken:
    """A requirement that a message breaks.

    Attributes:
        name: which invariant, a word that purposes switch it off by.
        requirement: the identifier of the requirement.
        expected: what should have been, the same each time.
        got: what was, in words.
        bypass: authentication or policy was got round.
    """

    name: str
    requirement: str
    expected: str
    got: str
    bypass: bool = False

    @property
    def mandatory(self) -> bool:
        """Whether no correct device does so: what only should be is advice."""
        return self.bypass or load().get(self.requirement).mandatory


@dataclass(slots=True)
class Findings:
    """What a look at messages has found: the requirements that it could judge, and what is broken."""

    judged: set[str] = field(default_factory=set)
    broken: list[Broken] = field(default_factory=list)

    def must(
        self, name: str, requirement: str, holds: object, expected: str, got: object = "", *, bypass: bool = False
    ) -> None:
        """State what an invariant demands of a message; ``got`` is what was seen, in words or to be put into them."""
        self.judged.add(requirement)
        if not holds:
            self.broken.append(Broken(name, requirement, expected, str(got), bypass))


class Noticed(Unexpected):
    """An invariant is broken in a conversation that is about something else. ``invariant`` is its name."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.expected, broken.got, broken.requirement, bypass=broken.bypass)
        self.invariant = broken.name


def worst(found: Iterable[Broken]) -> Broken | None:
    """The one that a verdict is about: a bypass, else the first of the strongest requirements; None: there is none."""
    return min(found, key=lambda one: (not one.bypass, load().get(one.requirement).level.rank), default=None)
