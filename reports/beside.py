"""The same purpose on other devices: three against one is how one knows who is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.records import Result, Results, Standing


@dataclass(frozen=True, slots=True)
class Other:
    """What another device made of a purpose; ``result`` is None where its run did not have it."""

    device: str
    result: Result | None

    @property
    def label(self) -> str:
        """The verdict in words."""
        return self.result.label if self.result else "not run"

    @property
    def slug(self) -> str:
        """The standing as a class of the page."""
        return self.result.standing.slug if self.result else "na"


def others(purpose: str, beside: Sequence[Results]) -> list[Other]:
    """The purpose in other results folders, in their order."""
    return [Other(one.run.device.full_name, one.by_purpose.get(purpose)) for one in beside]


def conclusion(one: Result, beside: Sequence[Other]) -> str:
    """What the others say about a purpose that did not pass, in a sentence; empty where they say nothing."""
    said = [other.result for other in beside if other.result is not None]
    said = [result for result in said if result.standing is not Standing.NOT_APPLICABLE]
    passed = sum(result.standing.passed for result in said)
    if _is_clean(one.standing) or not said:
        return ""
    if passed == len(said):
        return f"Only this device: it passes on {_count(passed, 'other')}."
    if passed == 0:
        fails = "fails" if len(said) == 1 else "fail"
        return f"No device passes: {_count(len(said), 'other')} {fails} as well; the purpose may be wrong, or all are."
    return f"It passes on {passed} of {_count(len(said), 'other')}."


def text(results: Results, beside: Sequence[Results]) -> str:
    """For a terminal: each purpose that did not pass, with the verdicts of the others."""
    lines = []
    for standing, members in results.groups.items():
        for one in members if not _is_clean(standing) else ():
            found = others(one.purpose, beside)
            lines.append(f"{one.label:<13} {one.purpose}: " + ", ".join(f"{it.device} {it.label}" for it in found))
            lines += [f"{'':13} {said}"] if (said := conclusion(one, found)) else []
    return "\n".join(lines)


def _is_clean(standing: Standing) -> bool:
    return standing.passed or standing is Standing.NOT_APPLICABLE


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
