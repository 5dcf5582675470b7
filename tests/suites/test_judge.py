"""From what a purpose raised to its verdict."""

import pytest

from conformance.script.verdict import Inconclusive, NotApplicable, Unanswered, Unexpected
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from peers.contract import DeviceError, Unsupported
from suites.judge import Kind, judge
from suites.purpose import Purpose
from suites.requirements import load

MUST, SHOULD, MAY = "RFC7296-2.6-9", "RFC7296-2.6-6", "RFC7296-2.8-17"


def verdict(error: BaseException | None, *requirements: str, claimed: tuple[Capability, ...] = ()) -> tuple[str, ...]:
    purpose = Purpose("a-purpose", requirements or (SHOULD, MAY, MUST), "responder")
    found = judge(purpose, error, load(), claimed)
    return found.verdict, found.kind, found.requirement or ""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, ("pass", Kind.NONE, "")),
        (Unexpected("a", "b", MUST), ("fail", Kind.VIOLATION, MUST)),
        (Unexpected("a", "b", SHOULD), ("warn", Kind.ADVICE, SHOULD)),
        (Unexpected("a", "b"), ("fail", Kind.VIOLATION, MUST)),
        (Unexpected("a", "b", MAY), ("fail", Kind.VIOLATION, MUST)),
        (Unexpected("a", "b", SHOULD, bypass=True), ("fail", Kind.BYPASS, SHOULD)),
        (Unanswered("a", "b", ExchangeType.CREATE_CHILD_SA), ("fail", Kind.VIOLATION, "RFC7296-1-4")),
        (Unanswered("a", "b", ExchangeType.INFORMATIONAL), ("fail", Kind.VIOLATION, "RFC7296-1.4-4")),
        (Inconclusive("a"), ("inconclusive", Kind.UNTRIED, "")),
        (NotApplicable("a"), ("n/a", Kind.NONE, "")),
        (Unsupported(Capability.ESN), ("n/a", Kind.NONE, "")),
        (DeviceError("router", "is in the cellar"), ("inconclusive", Kind.UNTRIED, "")),
        (IndexError("list index out of range"), ("inconclusive", Kind.FLAW, "")),
    ],
)
def test_verdicts(error: BaseException | None, expected: tuple[str, ...]) -> None:
    assert verdict(error) == expected


def test_where_only_advice_is_cited_a_failure_is_a_warning() -> None:
    assert verdict(Unexpected("a", "b"), SHOULD) == ("warn", Kind.ADVICE, SHOULD)
    silent = Unanswered("a", "b", ExchangeType.CREATE_CHILD_SA)
    assert verdict(silent, SHOULD) == ("fail", Kind.VIOLATION, "RFC7296-1-4")


def test_a_claim_that_the_device_does_not_keep_is_no_excuse() -> None:
    error = Unsupported(Capability.REKEY_IKE, "router")
    assert verdict(error, claimed=(Capability.ESN,))[0] == "n/a"
    assert verdict(error, claimed=(Capability.REKEY_IKE,)) == ("inconclusive", Kind.FLAW, "")
