"""What a conversation shows as a whole is seen: on a device with the defect, and not on the correct one."""

from collections.abc import Sequence

import pytest

from conformance.fuzz.mutation import Mutation
from peers.registry import open_device
from suites.campaign.case import Case, Problem, Step
from suites.campaign.runner import Runner

LIVENESS = Case("established", 1, (Step("liveness"),))
CRITICAL = Case("established", 1, (Step("liveness", content="c8:0080000801020304"),))


def bent(state: str, kind: str, *mutation: object) -> Case:
    return Case(state, 1, (Step(kind, (Mutation.from_json(list(mutation)),)),))


def problems(device: str, cases: Sequence[Case], *, fresh: bool) -> tuple[Problem, ...]:
    with Runner(open_device(device), seed=1) as runner:
        return [runner.run(one, fresh=fresh and at == 0) for at, one in enumerate(cases)][-1].problems


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(
    ("defect", "requirement", "cases"),
    [
        ("accepts-ahead", "RFC7296-2.3-13", [bent("established", "liveness", "number", "header", "message_id", 9)]),
        ("deletes-twice", "RFC7296-1.4.1-8", [Case("device-deletes-child", 1, (Step("delete-child"),))]),
        ("selectors-by-policy", "RFC7296-2.21-1", [bent("init-done", "auth", "order", "TSi", "dropped", 0)]),
        ("ends-at-critical", "RFC7296-2.21-4", [LIVENESS, CRITICAL]),
        ("trusts-silent-responder", "RFC7296-1.2-11", [bent("asked-auth", "answer", "order", "AUTH", "dropped", 0)]),
    ],
)
def test_a_defect_is_seen(defect: str, requirement: str, cases: Sequence[Case], fresh: bool) -> None:
    assert requirement in [one.requirement for one in problems(f"reference:{defect}", cases, fresh=fresh)]
    assert not problems("reference", cases, fresh=fresh)


def test_a_window_of_five_may_be_used() -> None:
    """Five requests at once are four message IDs ahead; a sixth is outside."""
    ahead = [bent("established", "liveness", "number", "header", "message_id", number) for number in (6, 7)]
    for one in ahead:
        assert not problems("reference:window-of-five", [one], fresh=True)


def test_a_part_of_a_child_sa_in_a_later_request_asks_for_nothing() -> None:
    """With EAP the first IKE_AUTH request has asked for the Child SA (RFC 7296, section 2.16)."""
    assert not problems("reference", [bent("eap-md5-end", "eap", "splice", "AUTH", "last", 33, "")], fresh=True)


def test_an_unknown_critical_payload_may_end_what_has_just_begun() -> None:
    """In the INFORMATIONAL exchange right after IKE_AUTH (RFC 7296, section 2.21.2)."""
    assert not problems("reference:ends-at-critical", [CRITICAL], fresh=True)


def test_a_late_answer_to_a_proof_of_before_is_no_answer_to_none() -> None:
    """A device that needs a second answers when the next case is under way in the same state."""
    elsewhere = Case("established-certificates", 1, ())
    proof = [Case("auth-fragments", 1, (Step(kind),)) for kind in ("rest", "auth")]
    none = bent("auth-fragments", "auth", "order", "CERTREQ", "none", 0)
    cases = [elsewhere, *proof, elsewhere, none]
    assert not problems("reference:+very-slow", cases, fresh=True)
