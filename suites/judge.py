"""From what happened to a verdict: the requirement that was broken decides between *fail* and *warn*."""

from dataclasses import dataclass

from conformance.net.link import LinkError
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from peers.contract import DeviceError, Unsupported
from suites.purpose import Purpose
from suites.requirements import Catalogue


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one purpose with its reason in one line; ``requirement`` is the one that was broken."""

    verdict: str
    reason: str = ""
    expected: str = ""
    got: str = ""
    requirement: str | None = None


PASS = Verdict("pass")


def judge(purpose: Purpose, error: BaseException | None, catalogue: Catalogue) -> Verdict:
    """The verdict for what a purpose raised; None means that it ran to its end."""
    if error is None:
        return PASS
    if isinstance(error, Unexpected):
        requirement = error.requirement or purpose.requirements[0]
        advice = catalogue.get(requirement).level.startswith(("SHOULD", "MAY"))
        return Verdict("warn" if advice else "fail", str(error), error.expected, error.got, requirement)
    if isinstance(error, Unsupported | NotApplicable):
        return Verdict("n/a", str(error))
    if isinstance(error, Inconclusive | DeviceError | LinkError):
        return Verdict("inconclusive", str(error))
    return Verdict("inconclusive", f"the purpose itself is broken: {type(error).__name__}: {error}")


def level(purpose: Purpose, catalogue: Catalogue) -> str:
    """MUST if one of the requirements of a purpose is one, else SHOULD, else MAY."""
    levels = {catalogue.get(one).level.split()[0] for one in purpose.requirements}
    return next((word for word in ("MUST", "SHOULD", "MAY") if word in levels), "MAY")
