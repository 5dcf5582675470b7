"""How a test purpose ends otherwise than well: the words of ISO/IEC 9646 as exceptions."""

from conformance.script.words import in_words
from conformance.wire import ExchangeType


class Unexpected(Exception):  # noqa: N818 - it is a verdict, not an error of ours
    """The device did something else than the requirement says: the verdict is *fail*, or *warn* for a SHOULD.

    ``expected`` and ``got`` are sentences for the report, ``got`` is put into words. ``requirement`` is the id that was
    broken, None: the strongest that the purpose cites. A ``bypass`` of authentication or policy is a *fail* whatever
    its level.
    """

    def __init__(self, expected: str, got: object, requirement: str | None = None, *, bypass: bool = False) -> None:
        self.expected, self.got, self.requirement, self.bypass = expected, in_words(got), requirement, bypass
        super().__init__(f"expected {expected}, got {self.got}")


class Unanswered(Unexpected):
    """A request of an established IKE SA got no response, which no device may leave undone (RFC 7296, section 1)."""

    def __init__(self, expected: str, got: object, exchange: ExchangeType) -> None:
        super().__init__(expected, got)
        self.exchange = exchange


class Inconclusive(Exception):  # noqa: N818
    """The purpose could not be tried: what had to come first did not work."""


class NotApplicable(Exception):  # noqa: N818
    """The device does not claim what the purpose needs; the text says what."""
