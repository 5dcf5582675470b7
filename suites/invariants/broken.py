"""What an invariant says of a message that breaks it."""

from dataclasses import dataclass


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
