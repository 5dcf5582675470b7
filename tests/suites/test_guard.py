"""What is seen beside the conversation of a purpose: devices that refuse everything, crash and come back, or hang."""

import re

import pytest

from conformance.ike.endpoint import Endpoint
from conformance.script.verdict import Inconclusive, Unexpected
from peers.reference.device import ReferenceDevice
from peers.reference.variants.pace import Slow
from suites.conduct import all_purposes, conduct, tried
from suites.gate import Gate
from suites.judge import Kind, Verdict, in_words
from suites.look import Looker
from tests.suites.strange import (
    EmptyInit,
    EndlessCookies,
    LetsGoLate,
    LosesEverything,
    OneForEach,
    RefusesEveryIkeAuth,
    ShortNonces,
    Strange,
    refuses_one_ike_auth,
)

PURPOSES = all_purposes()


def verdict_on(endpoint: type[Endpoint], identifier: str) -> Verdict:
    with Strange(endpoint) as device:
        return conduct(PURPOSES[identifier], device)[0]


def of_subject(*subjects: str, role: str = "responder") -> list[str]:
    return [
        identifier
        for identifier, one in PURPOSES.items()
        if one.subject in subjects and one.purpose.role == role and one.purpose.tier == "quick"
    ]


# --- late answers -----------------------------------------------------------------------------------------------------

LATE = "an answer to what was sent before this conversation"


def test_late_answers_to_handshakes_of_ours_accuse_nobody() -> None:
    """Not those to the looks before all purposes, to canaries, nor to what was some purposes ago."""
    purposes = [PURPOSES[one] for one in ("mid-response-id", "info-delete-child", "info-unknown-critical")]
    with ReferenceDevice("+very-slow") as device:
        gate = Looker(device, 1).look_first(one.purpose for one in purposes)
        for written in purposes:
            done = tried(written, device, gate=gate)
            assert done.verdict.verdict == "pass" and done.dut is not None, done.verdict
            assert LATE in {one.problem for one in done.dut.peer.trace.entries}


def test_only_the_last_conversations_are_remembered() -> None:
    gate = Gate()
    with ReferenceDevice() as device:
        assert tried(PURPOSES["info-liveness"], device, gate=gate).dut is not None
        first = gate.earlier
        for _ in range(8):
            tried(PURPOSES["info-unknown-critical"], device, gate=gate)
    assert len(first) == 2 and not first & gate.earlier


def test_the_canary_repeats_nothing_before_its_time() -> None:
    with ReferenceDevice("+slow") as device:
        assert tried(PURPOSES["info-delete-child"], device).verdict.verdict == "pass"
        assert isinstance(device.engine, Slow) and not device.engine.waiting


# --- quickly back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", ["format-sa-length", "format-transform-count", "format-payload-length-short"])
def test_a_device_that_crashes_and_is_quickly_back_is_seen(identifier: str) -> None:
    found = verdict_on(LosesEverything, identifier)
    assert (found.verdict, found.kind) == ("fail", Kind.CRASH), found
    assert "has lost an IKE SA from before this purpose: it restarted or dropped it" in found.reason


@pytest.mark.parametrize("identifier", ["format-sa-length", "mid-request-again", "info-unknown-critical"])
def test_a_canary_that_was_deleted_properly_is_no_accusation(identifier: str) -> None:
    assert verdict_on(OneForEach, identifier).verdict == "pass"


# --- refuses everything -----------------------------------------------------------------------------------------------


NO_CONTROL = re.compile(
    "an ordinary handshake with this connection does not work: IKE_AUTH fails|IKE_SA_INIT and IKE_AUTH did not work"
)


@pytest.mark.parametrize("role", ["responder", "initiator"])
def test_a_device_that_refuses_everything_passes_no_purpose_on_refusals(role: str) -> None:
    found = {one: verdict_on(RefusesEveryIkeAuth, one) for one in of_subject("ike_auth", role=role)}
    ordinary = {one for one in found if PURPOSES[one].purpose.ordinary}
    passed = {one for one, verdict in found.items() if verdict.verdict == "pass"}
    accused = {one for one, verdict in found.items() if verdict.verdict in ("fail", "warn")}
    assert not passed and (role == "initiator" or accused <= ordinary)
    reasons = {found[one].reason for one in found if role == "responder" and one not in ordinary and found[one].kind}
    assert all(NO_CONTROL.search(one) for one in reasons)


def test_a_purpose_without_control_is_inconclusive_whatever_it_raises() -> None:
    found = verdict_on(RefusesEveryIkeAuth, "format-truncated")
    assert (found.verdict, found.kind) == ("inconclusive", Kind.UNTRIED)
    assert "IKE_AUTH refused with AUTHENTICATION_FAILED" in found.reason


def test_a_control_that_comes_too_soon_is_tried_once_more() -> None:
    assert verdict_on(LetsGoLate, "cp-reauth").verdict == "pass"


@pytest.mark.parametrize("identifier", ["format-truncated", "format-response-auth-malformed"])
def test_a_control_that_fails_by_chance_is_tried_once_more(identifier: str) -> None:
    assert verdict_on(refuses_one_ike_auth(), identifier).verdict == "pass"


# --- wrong messages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (ShortNonces, "nonce of 8 octets, expected 16 to 256"),
        (EndlessCookies, "no progress after"),
        (EmptyInit, "IKE_SA_INIT response without SA, KE or Nonce"),
    ],
)
def test_what_is_wrong_in_a_message_is_said_with_one_voice(endpoint: type[Endpoint], words: str) -> None:
    for identifier in of_subject("ike_auth", "informational", "message_ids"):
        found = verdict_on(endpoint, identifier)
        assert "broken" not in found.reason, (identifier, found.reason)
        if found.verdict == "inconclusive":
            assert words in found.reason
        else:
            assert found.verdict == "n/a" or PURPOSES[identifier].purpose.ordinary, (identifier, found)


def test_an_exception_of_our_own_is_never_an_empty_text() -> None:
    try:
        assert not PURPOSES
    except AssertionError as error:
        words = in_words(error)
    assert words.startswith("AssertionError") and "test_guard.py, line" in words and "assert not PURPOSES" in words
    assert in_words(Unexpected("this", "that")) == "expected this, got that"
    assert in_words(Inconclusive("it is so")) == "it is so"


def test_the_conversation_says_what_was_beside_it() -> None:
    with ReferenceDevice() as device:
        verdict, peer = conduct(PURPOSES["info-unknown-critical"], device)
    assert verdict.verdict == "pass" and peer is not None
    notes = [entry.text for entry in peer.trace.entries if entry.kind == "note"]
    assert any("an ordinary handshake before this worked" in one for one in notes)
    assert "the IKE SA from before this purpose still answers" in notes
