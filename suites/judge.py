"""From what happened to a verdict: the requirement that was broken decides between *fail* and *warn*."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from traceback import extract_tb

from conformance.net.link import LinkError
from conformance.script.verdict import Inconclusive, NotApplicable, Unanswered, Unexpected
from conformance.script.words import one_line
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from peers.contract import Death, DeviceError, Unsupported
from suites.invariants import Noticed
from suites.purpose import Purpose
from suites.requirements import Catalogue, Requirement


class Kind(StrEnum):
    """What sort of trouble a verdict tells of, worst first; reports sort by it."""

    CRASH = "crash"
    """The device died, or a sanitizer in it has found what makes devices die."""
    HANG = "hang"
    """The device runs, and IKE answers no more, or it wears itself out: it spins, or uses more and more."""
    BYPASS = "bypass"
    """Authentication or policy was got round: always *fail*, whatever level the requirement has."""
    VIOLATION = "violation"
    """A MUST is broken."""
    UNTRIED = "untried"
    """What had to come first did not work, so nothing was judged: *inconclusive*."""
    FLAW = "flaw"
    """The purpose is broken, or the device claims what it cannot do: ours or the adapter's to mend, *inconclusive*."""
    ADVICE = "advice"
    """A SHOULD is broken: *warn*."""
    NONE = ""
    """*pass* and *n/a*."""


class Died(Exception):  # noqa: N818 - it is a verdict, not an error of ours
    """The device died or hangs, which is a *fail* whatever the purpose is about.

    ``kind`` is CRASH or HANG, ``what`` a sentence, ``error`` what the purpose has raised. ``early``: it was like that
    before the purpose began. ``lives``: it goes on.
    """

    lives = False

    def __init__(
        self, kind: Kind, what: str, error: Exception | None = None, *, early: bool = False, last: str = ""
    ) -> None:
        """``last`` is what was sent to the device last, in words (`Trace.unanswered`)."""
        words = what + (f"; sent to it last: {last}" if last else "")
        super().__init__(words + (f" ({in_words(error)})" if error is not None else ""))
        self.kind, self.what, self.early = kind, what, early

    @classmethod
    def of(cls, death: Death, error: Exception | None = None, *, early: bool = False, last: str = "") -> "Died":
        """From what an adapter says."""
        if death.hung:
            return cls(Kind.HANG, f"the device hangs: {death.words}", error, early=early, last=last)
        what = "the device reports a fault of its own" if death.reported else "the device has died"
        died = cls(Kind.CRASH, f"{what}: {death.words}", error, early=early, last=last)
        died.lives = death.reported
        return died


def in_words(error: BaseException) -> str:
    """An exception in one line that is never empty: what is not a sentence of ours says where it comes from."""
    if isinstance(error, Unexpected | Inconclusive | NotApplicable | DeviceError | LinkError | Died):
        return str(error)
    text = " ".join(str(error).split())
    frames = extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    return type(error).__name__ + (f": {text}" if text else "") + where


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one purpose with its reason in one line; ``requirement`` is the one that was broken.

    ``invariant`` is the name of what is broken in a purpose that is about something else, else empty. What the device
    has said may stand in ``reason``, ``expected`` and ``got``, so they are made fit for a terminal (`one_line`).
    """

    verdict: str
    reason: str = ""
    expected: str = ""
    got: str = ""
    requirement: str | None = None
    kind: Kind = Kind.NONE
    invariant: str = ""

    def __post_init__(self) -> None:
        for name in ("reason", "expected", "got"):
            object.__setattr__(self, name, one_line(getattr(self, name)))


PASS = Verdict("pass")
ANSWERED, INFORMED = "RFC7296-1-4", "RFC7296-1.4-4"
"""Every request of an established IKE SA is answered; an INFORMATIONAL one says so with a key word."""


def judge(
    purpose: Purpose,
    error: BaseException | None,
    catalogue: Catalogue,
    claimed: Collection[Capability] = (),
) -> Verdict:
    """The verdict for what a purpose raised; None means that it ran to its end.

    ``claimed`` are the capabilities that the device claims, once the purpose itself runs: what it then says it cannot
    do is no *n/a* but a wrong claim. Before that, while its connection is loaded, the device may still decline.
    """
    if error is None:
        return PASS
    if isinstance(error, Died):
        return Verdict("fail", str(error), "a device that goes on answering", error.what, kind=error.kind)
    if isinstance(error, Unexpected):
        named = error.requirement
        if named is None and isinstance(error, Unanswered):
            named = INFORMED if error.exchange == ExchangeType.INFORMATIONAL else ANSWERED
        return _broken(error, _judged_by(purpose, named, catalogue))
    if isinstance(error, Unsupported) and error.capability in claimed:
        return Verdict("inconclusive", f"claims {error.capability}, yet {error}", kind=Kind.FLAW)
    if isinstance(error, Unsupported | NotApplicable):
        return Verdict("n/a", str(error))
    if isinstance(error, Inconclusive | DeviceError | LinkError):
        return Verdict("inconclusive", str(error), kind=Kind.UNTRIED)
    return Verdict("inconclusive", f"the purpose itself is broken: {in_words(error)}", kind=Kind.FLAW)


def _judged_by(purpose: Purpose, named: str | None, catalogue: Catalogue) -> Requirement:
    """The requirement that a failed check breaks: the one it names, else the strongest that the purpose cites.

    A MAY permits and cannot be broken, so where a check names one the strongest cited counts, too.
    """
    if named is not None and catalogue.get(named).level.rank < 2:
        return catalogue.get(named)
    return strongest(purpose, catalogue)


def strongest(purpose: Purpose, catalogue: Catalogue) -> Requirement:
    """The first of the strongest requirements that a purpose cites."""
    return min((catalogue.get(one) for one in purpose.requirements), key=lambda one: one.level.rank)


def _broken(error: Unexpected, requirement: Requirement) -> Verdict:
    if error.bypass:
        verdict, kind = "fail", Kind.BYPASS
    else:
        verdict, kind = ("fail", Kind.VIOLATION) if requirement.mandatory else ("warn", Kind.ADVICE)
    invariant = error.invariant if isinstance(error, Noticed) else ""
    return Verdict(verdict, str(error), error.expected, error.got, requirement.id, kind, invariant)
