"""charon as a gateway whose AAA server is ours: who comes in, with which address and key, and how sessions end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import pytest

from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.server import EapServer
from conformance.ike.core.sending import State
from conformance.net.link import Address
from conformance.radius import bend, grant
from conformance.radius.bend import STRAIGHT, RadiusBend
from conformance.radius.dynamic import DynamicClient
from conformance.radius.link import RadiusLink
from conformance.radius.packet import Code
from conformance.radius.server import RadiusServer
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import EAP, EapCode, Message, NotifyType
from peers.contract import Device
from peers.credentials import AAA_PORTS, AAA_SECRET, EAP_IDENTITY, EAP_SECRET
from peers.places.netns import NetnsPlace
from peers.strongswan.device import StrongSwan
from suites.connections import eap

pytestmark = pytest.mark.peer
INNER = "10.77.9.7"


@dataclass
class Scene:
    """A gateway between us and our AAA server."""

    device: StrongSwan
    peer: Peer
    link: RadiusLink
    server: RadiusServer
    password: bytes

    def rounds(self, sa: ScriptedSa) -> Message:
        """EAP until its end, or until there is none in a response."""
        sa.init()
        answer = sa.auth(follow=False)
        while (found := answer.first(EAP)) is not None and found.packet.code == EapCode.REQUEST:
            answer = sa.proceed(answer)
        return answer

    def establish(self) -> ScriptedSa:
        sa = self.peer.sa()
        answer = self.rounds(sa)
        found = answer.first(EAP)
        assert found is not None and found.packet.code == EapCode.SUCCESS, self.device.log()
        sa.conclude(sa.proceed(answer))
        sa.must_be_established()
        return sa

    def ends(self, answer: Message) -> NotifyType | EapCode | None:
        """What an answer ends the attempt with."""
        found = answer.first(EAP)
        if found is not None:
            return EapCode(found.packet.code)
        return NotifyType.AUTHENTICATION_FAILED if answer.notify(NotifyType.AUTHENTICATION_FAILED) else None


@contextmanager
def scene(charon: Device, always: RadiusBend = STRAIGHT, password: bytes = EAP_SECRET) -> Iterator[Scene]:
    assert isinstance(charon, StrongSwan) and isinstance(charon._place, NetnsPlace)
    users = {EAP_IDENTITY.encode(): password.decode()}
    random = Random(11)
    server = RadiusServer(
        AAA_SECRET,
        random=random.randbytes,
        make=lambda: EapServer([Mschapv2Server(users)], random=random.randbytes),
        granted=[*grant.address(INNER), *grant.dns("10.77.9.1"), ("Class", b"gold")],
        always=always,
    )
    asking = eap("mschapv2", eap_changes={"aaa": True}, remote_pool="10.77.9.0/24", local_ts=("0.0.0.0/0",))
    ours = asking(charon.pixit)
    charon.apply(ours.mirrored())
    with RadiusLink(
        server, charon.pixit.tester_address, ports=AAA_PORTS[:2], netns=charon._place.tester_namespace
    ) as link:
        wire = charon.open_link()
        try:
            yield Scene(charon, Peer(wire, ours, Random(5).randbytes, 4.0), link, server, password)
            charon.clear()
        finally:
            wire.close()


def test_a_session_from_accept_to_disconnect(charon: Device) -> None:
    with scene(charon) as found:
        sa = found.establish()
        assert sa.virtual_address is not None and ".".join(map(str, sa.virtual_address)) == INNER
        [first, *_] = found.server.requests()
        assert first.text("User-Name") == EAP_IDENTITY and first.authenticated
        assert found.link.until(lambda server: bool(server.ledger.records), 3)
        client, dae = DynamicClient(AAA_SECRET), Address(found.device.pixit.device_address, AAA_PORTS[2])
        told = found.link.ask(client, client.disconnect(("User-Name", "nobody")), dae)
        assert told and not told.accepted and not told.faults
        wrong = client.disconnect(("User-Name", EAP_IDENTITY), bend=bend.wrong_authenticator())
        assert found.link.ask(client, wrong, dae, 0.5) is None
        sa.liveness()
        told = found.link.ask(client, client.change(("User-Name", EAP_IDENTITY), ("Session-Timeout", 600)), dae)
        assert told and told.accepted and not told.faults
        told = found.link.ask(client, client.disconnect(("User-Name", EAP_IDENTITY)), dae)
        assert told and told.accepted and not told.faults
        found.peer.idle(0.5)
        assert sa.state is State.CLOSED, "the Delete came"
        assert found.link.until(lambda server: not server.ledger.running(), 3)
        start, stop = found.server.ledger.of(found.server.ledger.sessions[0])
        assert (start.status, stop.status, start.address, start.classes) == (1, 2, INNER, (b"gold",))
        assert found.server.ledger.faults() == []


def test_a_reject_ends_eap_with_a_failure(charon: Device) -> None:
    with scene(charon, password=b"another password") as found:
        assert found.ends(found.rounds(found.peer.sa())) == EapCode.FAILURE
        assert found.server.ledger.records == []


@pytest.mark.parametrize(
    "wrong",
    [bend.without("MS-MPPE-Recv-Key", "MS-MPPE-Send-Key"), bend.setting(("MS-MPPE-Recv-Key", b"x" * 16))],
    ids=lambda one: one.text.split("=")[0],
)
def test_without_the_keys_nobody_comes_in(charon: Device, wrong: RadiusBend) -> None:
    with scene(charon, wrong.only(Code.ACCESS_ACCEPT)) as found:
        sa = found.peer.sa()
        answer = sa.proceed(found.rounds(sa))
        assert found.ends(answer) == NotifyType.AUTHENTICATION_FAILED


@pytest.mark.parametrize(
    "wrong", [bend.wrong_message_authenticator(), bend.wrong_authenticator()], ids=lambda one: one.text
)
def test_an_accept_without_proof_lets_nobody_in(charon: Device, wrong: RadiusBend) -> None:
    with scene(charon, wrong.only(Code.ACCESS_ACCEPT)) as found:
        assert found.ends(found.rounds(found.peer.sa())) != EapCode.SUCCESS
        assert found.server.ledger.records == []
