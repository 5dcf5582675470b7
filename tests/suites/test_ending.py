"""Exit codes: never green on nothing."""

from pathlib import Path
from typing import Any

import pytest

from ikespec import cli
from suites.ending import Demands, ending, fixed_deviations


def record(purpose: str, verdict: str = "pass", **fields: Any) -> dict[str, Any]:
    unexpected = verdict in ("fail", "inconclusive") and not fields.get("known")
    usual = {"unexpected": unexpected, "flaky": False, "known": None, "fixed": None}
    return {"purpose": purpose, "verdict": verdict, **usual, **fields}


PASS, WARN, NA = record("a"), record("b", "warn"), record("c", "n/a")
FAIL, UNTRIED = record("d", "fail"), record("e", "inconclusive")
KNOWN = record("f", "fail", known={"purpose": "f"})
FIXED = record("g", fixed={"purpose": "g"})
FLAKY = record("h", flaky=True)


@pytest.mark.parametrize(
    ("records", "demands", "code", "why"),
    [
        ([PASS, WARN, NA, KNOWN], Demands(), 0, ""),
        ([PASS, FAIL], Demands(), 1, ""),
        ([PASS, UNTRIED], Demands(), 1, ""),
        ([FAIL], Demands(), 1, ""),
        ([], Demands(), 2, "nothing was judged: no purpose was run"),
        ([NA, NA], Demands(), 2, "nothing was judged: 2 n/a"),
        ([NA, UNTRIED], Demands(), 2, "nothing was judged: 1 n/a, 1 inconclusive"),
        ([WARN, KNOWN], Demands(), 2, "no purpose passed: 1 warn, 1 fail"),
        ([PASS, FLAKY], Demands(max_flaky=1), 0, ""),
        ([PASS, FLAKY], Demands(max_flaky=0), 1, "1 purposes are flaky, more than 0 (--max-flaky)"),
        ([PASS, FIXED], Demands(), 0, ""),
        ([PASS, FIXED], Demands(strict=True), 1, "known deviations that no longer happen (--strict): g"),
        ([PASS], Demands(expect_pass=2), 1, "1 purposes passed, fewer than 2 (--expect-pass)"),
    ],
)
def test_exit_codes(records: list[dict[str, Any]], demands: Demands, code: int, why: str) -> None:
    found = ending(records, demands)
    assert (found.code, found.why, found.complete) == (code, why, True)


def test_a_run_that_was_given_up_is_never_good() -> None:
    found = ending([PASS], Demands(), "the device died and cannot be started again")
    assert (found.code, found.complete) == (2, False)


def test_a_pattern_is_fixed_when_none_of_its_purposes_fails_so() -> None:
    both = {"purpose": "mid-*"}
    still, gone = record("mid-far", "fail", known=both), record("mid-near", fixed=both)
    assert fixed_deviations([still, gone]) == ()
    assert fixed_deviations([gone]) == ("mid-*",)


def test_every_text_on_the_exit_code_says_that_a_run_without_a_pass_is_not_green() -> None:
    house = Path(__file__).resolve().parents[2]
    texts = [(house / name).read_text() for name in ("README.md", "docs/gate.md")]
    for text in (*texts, cli.run.__doc__ or ""):
        assert "or no purpose passed though nothing unexpected happened" in " ".join(text.split())
