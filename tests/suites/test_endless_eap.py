"""Devices whose EAP never ends, or is larger than any: each comes to an end, and the verdict says where."""

from dataclasses import replace
from math import inf

import pytest

from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.ike.ikesa import IkeSa
from conformance.net.impaired import Impairment
from conformance.wire import EapCode, EapPacket, EapType
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct

LARGE = b"x" * 65000
FRAGMENT = b"\x40" + b"z" * 1000
"""A piece of TLS that is not the last one."""


class Asks(EapServer):
    """Asks the same for ever, behind what comes first."""

    kind: EapType = EapType.NOTIFICATION
    first: tuple[bytes, ...] = ()
    then = b"wait"
    count = 0

    def receive(self, data: bytes | EapPacket) -> bytes:
        self.count += 1
        said = self.first[self.count - 1] if self.count <= len(self.first) else self.then
        return EapPacket(EapCode.REQUEST, self.count & 0xFF, self.kind, said).encode()


class Identities(Asks):
    kind, then = EapType.IDENTITY, b""


class Large(Asks):
    then = LARGE


class Fragments(Asks):
    kind, first, then = EapType.TLS, (b"\x20", b"\xc0\x00\x00\xff\xff" + b"z" * 1000), FRAGMENT


class Answers(EapPeer):
    """Answers whatever it is asked, and says its name."""

    then = LARGE

    def receive(self, data: bytes | EapPacket) -> bytes:
        asked = data if isinstance(data, EapPacket) else EapPacket.decode(data)
        said = b"tester" if asked.type == EapType.IDENTITY else self.then
        return EapPacket(EapCode.RESPONSE, asked.identifier, asked.type, said).encode()


class AnswersInPieces(Answers):
    then = FRAGMENT


def device_with(**classes: type[EapServer] | type[EapPeer]) -> ReferenceDevice:
    """The reference device with another server or peer of EAP."""
    device = ReferenceDevice()
    sa = type("OtherEap", (device.model.endpoint_class.sa_class, IkeSa), classes)
    device.model = replace(device.model, endpoint_class=type("Other", (device.model.endpoint_class,), {"sa_class": sa}))
    return device


@pytest.mark.parametrize(
    ("server", "identifier", "why"),
    [
        (Asks, "eap-mschapv2", "more than 32 notifications"),
        (Identities, "eap-mschapv2", "more than 8 requests for the identity"),
        (Large, "eap-order", "more than 32 notifications"),
        (Fragments, "eap-order", "more than 1000 packets"),
        (Fragments, "eap-tls", "where an acknowledgement was due"),
    ],
)
def test_a_server_that_never_ends(server: type[EapServer], identifier: str, why: str) -> None:
    with device_with(server_class=server) as device:
        verdict, _ = conduct(all_purposes()[identifier], device)
    assert (verdict.verdict, why in verdict.reason) == ("fail", True), verdict.reason


@pytest.mark.parametrize("identifier", ["eap-order", "eap-mschapv2"])
def test_rounds_that_each_take_their_time_come_to_an_end(identifier: str) -> None:
    with device_with(server_class=Fragments) as device:
        device.model.endpoint_class.sa_class.half_open_timeout = inf
        device.model = replace(device.model, path=Impairment(delay=0.9))
        verdict, peer = conduct(all_purposes()[identifier], device)
    assert verdict.verdict in ("fail", "inconclusive") and peer is not None, verdict
    assert peer.trace.entries[-1].time - peer.trace.entries[0].time < 90, verdict


@pytest.mark.parametrize("peer", [Answers, AnswersInPieces])
@pytest.mark.parametrize("identifier", ["eap-initiator-tls", "eap-initiator-mschapv2", "eap-initiator-packets"])
def test_a_peer_that_never_ends(peer: type[EapPeer], identifier: str) -> None:
    with device_with(peer_class=peer) as device:
        verdict, _ = conduct(all_purposes()[identifier], device)
    assert verdict.verdict == "fail", verdict
    assert "IKE SA closed: EAP" in verdict.reason, verdict.reason
