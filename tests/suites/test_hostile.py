"""Devices that want to get round their judge: what they send more than they must changes no verdict."""

from dataclasses import replace
from functools import partial

import pytest

from conformance.ike.endpoint import Endpoint
from conformance.net.link import Datagram
from conformance.script import mailbox
from conformance.script.trace import Trace
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, tried
from suites.judge import Verdict


class Loud(Endpoint):
    """Sends large datagrams that mean nothing before its first answers."""

    left = 4

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if self.left:
            self.left -= 1
            self.outbox[:0] = [Datagram(datagram.destination, datagram.source, bytes(60_000))] * 25


def hostile(words: str = "", endpoint: type[Endpoint] = Endpoint) -> ReferenceDevice:
    """A built-in device whose endpoint has other habits, too."""
    device = ReferenceDevice(words)
    other = type("Hostile", (endpoint, device.model.endpoint_class), {})
    device.model = replace(device.model, endpoint_class=other)
    return device


def verdict_on(device: ReferenceDevice, identifier: str) -> Verdict:
    with device:
        return tried(all_purposes()[identifier], device).verdict


@pytest.mark.parametrize("identifier", ["info-delete-child", "child-rekey"])
def test_evidence_that_is_cut_hides_nothing(monkeypatch: pytest.MonkeyPatch, identifier: str) -> None:
    loud = verdict_on(hostile("sets-reserved-flag", Loud), identifier)
    assert (loud.verdict, loud.invariant) == ("fail", "flags"), loud
    monkeypatch.setattr(mailbox, "Trace", partial(Trace, limit=0))
    unseen = verdict_on(ReferenceDevice("sets-reserved-flag"), identifier)
    assert (unseen.verdict, unseen.invariant) == ("fail", "flags"), unseen
