"""The same case on two devices: what they answer differently is found, told, replayed, and accuses nobody."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.fuzz.mutation import Mutation
from suites.campaign.answers import essence
from suites.campaign.bench import Bench, Examine
from suites.campaign.both import BothRunner, rig
from suites.campaign.case import Case, Step
from suites.campaign.findings import Finding
from suites.campaign.replaying import replay
from suites.campaign.store import read_settings
from tests.campaign.test_command import call

HALF = Case("init-done", 1, (Step("auth", (Mutation("order", "TSi", ("dropped", 0)),)),))
AHEAD = Case("established", 1, (Step("liveness"), Step("liveness", (Mutation("number", "header", ("message_id", 4)),))))


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("-", "-"),
        ("IKE_SA_INIT(SA KE Nonce N(NAT_DETECTION_SOURCE_IP) CERTREQ VendorID)", "IKE_SA_INIT(KE Nonce SA)"),
        ("IKE_SA_INIT(N(COOKIE))", "IKE_SA_INIT(N(COOKIE))"),
        ("IKE_AUTH(EAP(REQUEST) IDr) in the clear", "IKE_AUTH(EAP(REQUEST) IDr) in the clear"),
        (
            "CREATE_CHILD_SA(N(INVALID_KE_PAYLOAD)) ignored + INFORMATIONAL?(Delete N(MOBIKE_SUPPORTED))",
            "CREATE_CHILD_SA(N(INVALID_KE_PAYLOAD)) ignored + INFORMATIONAL?(Delete)",
        ),
    ],
)
def test_what_any_device_may_add_is_no_difference(answer: str, kept: str) -> None:
    assert essence(answer) == kept


@pytest.mark.parametrize("other", ["reference", "reference:+payloads-anywhere", "reference:+notifies-anywhere"])
def test_devices_that_do_the_same(other: str) -> None:
    with BothRunner(other, "reference", 1) as both:
        for case in (HALF, AHEAD, Case("init", 1, (Step("init"),)), Case("established", 1, (Step("rekey-child"),))):
            assert not both.run(case, fresh=True).problems


@pytest.mark.parametrize(
    ("other", "case"), [("reference:selectors-by-policy", HALF), ("reference:+window-of-five", AHEAD)]
)
def test_a_difference_is_told_once_and_accuses_nobody(other: str, case: Case) -> None:
    with BothRunner(other, "reference", 1) as both:
        (problem,) = both.run(case).problems
        assert (problem.oracle, problem.requirement) == ("differential", "")
        assert both.one.device[1] in problem.words and both.other.device[1] in problem.words
        assert {"capture.pcapng", "other-capture.pcapng"} <= both.evidence().keys()
        assert not both.run(case).problems, "told already"
        assert both.run(case, fresh=True).problems == (problem,), "a replay shows it each time"


def test_what_breaks_a_requirement_is_no_mere_difference() -> None:
    with BothRunner("reference", "reference:selectors-by-policy", 1) as both:
        assert [one.oracle for one in both.run(HALF, fresh=True).problems] == ["requirement"]


def test_a_difference_is_reduced_and_replayed(tmp_path: Path) -> None:
    other = "reference:selectors-by-policy"
    bench = Bench(rig("reference", 1, other))
    long = replace(HALF, steps=(Step("clear-liveness"), *HALF.steps, Step("liveness")))
    problem = bench.run(long, fresh=True).outcome.problems[0]
    found = bench.examine(Examine(Finding(problem, HALF.state, (long,)))).finding
    bench.close()
    assert (found.happened, found.tries) == (10, 10) and [len(case.steps) for case in found.script] == [1]
    path = tmp_path / "finding.json"
    path.write_text(json.dumps(found.to_json()))
    assert replay(path, "reference", against=other).happened
    assert not replay(path, "reference", against="reference").happened
    with pytest.raises(ValueError, match="expected the other one with --against"):
        replay(path, "reference")


def test_a_campaign_of_two_devices(tmp_path: Path) -> None:
    """One that finds differences only accuses nobody, so its exit code is 0; which two they were is kept."""
    folder = tmp_path / "out"
    words = ("fuzz", "--against", "reference:+window-of-five", "--time", "2s", "--states", "established")
    code, said, _ = call(*words, "--out", str(folder))
    assert code == 0, said
    settings = read_settings(folder)
    assert settings is not None and settings["settings"]["against"] == "reference:+window-of-five"
