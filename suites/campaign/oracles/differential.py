"""Two devices that answer the same messages differently, where nobody knows who is wrong."""

from collections.abc import Sequence

from suites.campaign.answers import essence
from suites.campaign.case import Case, Outcome, Problem, Step
from suites.campaign.execute import UNSENT

ORACLE = "differential"
_FATAL = ("death", "sanitizer", "hang")


def differs(case: Case, one: Outcome, other: Outcome, names: tuple[str, str]) -> Problem | None:
    """The first message of a case that two devices answer differently, if there is one; ``names`` are theirs.

    Differences are one if they are in the same state, bend the same message in the same places by the same mutators,
    and are answered by the same two classes.
    """
    mine, theirs = _said(one), _said(other)
    for step, left, right in zip(case.steps, mine, theirs, strict=False):
        if UNSENT in (left, right):  # what we can send depends on what was answered before
            return None
        if left != right:
            return _difference(step, (left, right), names)
    if len(theirs) != len(mine):
        last = case.steps[-1]
        return _difference(last, (mine[-1], theirs[-1]), names)
    return None


def _difference(step: Step, said: tuple[str, str], names: tuple[str, str]) -> Problem:
    symptom = f"{_told(step)}: {said[0]} | {said[1]}"
    words = f"{names[0]} answers {said[0]}, {names[1]} answers {said[1]}"
    return Problem(ORACLE, symptom, f"{_told(step)}: {words}; that says nothing about who is wrong")


def _told(step: Step) -> str:
    bent = dict.fromkeys(f"{one.target.partition('/')[0]} {one.mutator}" for one in step.mutations)
    content = [f"payloads of type {int(step.content[:2], 16)}"] if step.content and step.kind != "octets" else []
    return f"{step.kind} with {', '.join([*bent, *content])}" if bent or content else step.kind


def _said(outcome: Outcome) -> Sequence[str]:
    """The answers without what any device may add, and how it has ended."""
    ended = [one.oracle for one in outcome.problems if one.oracle in _FATAL]
    return [*map(essence, outcome.answers), *ended[:1]]
