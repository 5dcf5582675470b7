"""Sweeps send every number, and name the one that a device minds or dies of."""

import pytest

from conformance.wire import CP, CfgType, UnknownPayload
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct


@pytest.mark.parametrize("place", ["init", "info"])
def test_every_payload_type_is_sent(place: str) -> None:
    with ReferenceDevice() as device:
        verdict, peer = conduct(all_purposes()[f"sweep-payload-types-{place}-whole"], device)
    assert verdict.verdict == "pass" and peer is not None
    messages = [entry.message for entry in peer.trace.entries if entry.sent and entry.message is not None]
    sent = {int(one.type) for message in messages for one in message.payloads if isinstance(one, UnknownPayload)}
    assert sent == set(range(256))


def test_names_the_number_that_is_refused() -> None:
    with ReferenceDevice("no-case-for-notify-type") as device:
        verdict, _ = conduct(all_purposes()["sweep-notify-types-child"], device)
    assert verdict.expected == "an ordinary answer to N(32768) with nothing"


def test_names_the_number_that_kills_when_it_is_tried_again() -> None:
    purpose = all_purposes()["sweep-config-types-info"]
    with ReferenceDevice("dies-at-the-last-number") as device:
        first, _ = conduct(purpose, device)
        device.stop()
        device.start()
        again, peer = conduct(purpose, device)
    assert first.kind == again.kind == "crash"
    assert "nothing after CFG type 255 with no attribute)" in again.reason
    assert peer is not None
    kinds = [one.message.first(CP) for one in peer.trace.entries if one.sent and one.message is not None]
    assert CfgType(1) not in [one.cfg_type for one in kinds if one is not None], "it does not begin with the suspects"
