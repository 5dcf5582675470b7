"""How a run ends: what counts, and the exit code.

0: at least one purpose passed and nothing unexpected happened. 1: something unexpected happened. 2: the run could not
be made, or judged nothing, or no purpose passed though nothing unexpected happened: that is no green run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

GOOD, BAD, NOTHING = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Demands:
    """What a run has to keep beside having no surprises.

    ``max_flaky`` is how many purposes may pass at a later try only, ``expect_pass`` how many must pass; ``strict``: a
    known deviation that no longer happens is an error. After ``max_fail`` unexpected verdicts the run ends, 0: never.
    """

    max_flaky: int = 3
    expect_pass: int = 0
    strict: bool = False
    max_fail: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """The exit code of a run with its reason in one line, empty where there is nothing to say; and what counted.

    ``complete`` is false for a run that was given up.
    """

    code: int
    why: str
    complete: bool
    unexpected: int
    flaky: tuple[str, ...]
    fixed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For ``run.json``."""
        counts = {"unexpected": self.unexpected, "flaky": list(self.flaky), "fixed": list(self.fixed)}
        return {"code": self.code, "why": self.why, **counts}


def fixed_deviations(records: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The patterns of known deviations that speak of purposes which all passed: the device has lost them."""
    records = list(records)
    alive = {one["known"]["purpose"] for one in records if one["known"]}
    gone = {one["fixed"]["purpose"] for one in records if one["fixed"]}
    return tuple(sorted(gone - alive))


def ending(records: Iterable[dict[str, Any]], demands: Demands, stopped: str = "") -> Ending:
    """How a run with these records ends. ``stopped`` is why it was given up, empty if it was not."""
    records = list(records)
    passed = sum(one["verdict"] == "pass" for one in records)
    judged = sum(one["verdict"] in ("pass", "fail", "warn") for one in records)
    unexpected = sum(one["unexpected"] for one in records)
    flaky = tuple(one["purpose"] for one in records if one["flaky"])
    fixed = fixed_deviations(records)

    enough = demands.max_fail and unexpected >= demands.max_fail

    def end(code: int, why: str = "") -> Ending:
        return Ending(code, why, not stopped and not enough, unexpected, flaky, fixed)

    if stopped:
        return end(NOTHING, stopped)
    if enough:
        return end(BAD, f"ended after {unexpected} unexpected verdicts (--max-fail)")
    if not judged:
        return end(NOTHING, f"nothing was judged: {_tally(records)}")
    if unexpected:
        return end(BAD)
    if len(flaky) > demands.max_flaky:
        return end(BAD, f"{len(flaky)} purposes are flaky, more than {demands.max_flaky} (--max-flaky)")
    if demands.strict and fixed:
        return end(BAD, f"known deviations that no longer happen (--strict): {', '.join(fixed)}")
    if passed < demands.expect_pass:
        return end(BAD, f"{passed} purposes passed, fewer than {demands.expect_pass} (--expect-pass)")
    if not passed:
        return end(NOTHING, f"no purpose passed: {_tally(records)}")
    return end(GOOD)


def _tally(records: list[dict[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for one in records:
        counts[one["verdict"]] = counts.get(one["verdict"], 0) + 1
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items()) or "no purpose was run"
