"""AUTH_LIFETIME (RFC 4478): the device has opened the IKE SA, and we demand that it authenticates again."""

from conformance.script.message import rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import ExchangeType, NotifyType
from peers.capabilities import Capability
from suites.connections import eap
from suites.create_child_sa.answers import carries, successor
from suites.dut import Dut
from suites.purpose import purpose
from suites.session_life.steps import (
    EARLY,
    FROM_SCRATCH,
    LIFETIME,
    OLD_GOES,
    WITHIN,
    demand,
    must_go,
    opened_by,
    renewed,
)

HEEDS = (Capability.AUTH_LIFETIME_CLIENT,)
SECONDS = int(LIFETIME)
HOUR = 3600


def must_come_back(peer: Peer, dut: Dut, old: ScriptedSa, since: float, within: float = LIFETIME) -> ScriptedSa:
    """The device has authenticated again within this time after ``since``, and deletes what it had, before or after."""
    new = renewed(peer, dut, since + within + EARLY - peer.link.now(), WITHIN)
    must_go(peer, old, OLD_GOES)
    new.must_be_up(FROM_SCRATCH)
    return new


@purpose("auth-lifetime-client", "RFC4478-2-6", WITHIN, OLD_GOES, role="initiator", needs=HEEDS, waits=LIFETIME)
def test_client(peer: Peer, dut: Dut) -> None:
    """Told in IKE_AUTH how long it may stay, the device authenticates again in time, and the old IKE SA goes."""
    old = opened_by(peer, dut, demand(SECONDS))
    must_come_back(peer, dut, old, peer.link.now())


@purpose("auth-lifetime-client-later", "RFC4478-2-6", WITHIN, OLD_GOES, role="initiator", needs=HEEDS, waits=LIFETIME)
def test_later(peer: Peer, dut: Dut) -> None:
    """The same where it is told in the midst of a session, by an INFORMATIONAL request, which it acknowledges."""
    old = opened_by(peer, dut)
    old.informational(demand(SECONDS))
    must_come_back(peer, dut, old, peer.link.now())


@purpose("auth-lifetime-client-zero", "RFC4478-3-5", OLD_GOES, role="initiator", needs=HEEDS)
def test_zero(peer: Peer, dut: Dut) -> None:
    """A lifetime of zero means at once."""
    old = opened_by(peer, dut)
    old.informational(demand(0))
    renewed(peer, dut, 3 * peer.response_timeout, "RFC4478-3-5")
    must_go(peer, old, OLD_GOES)


@purpose("auth-lifetime-client-shorter", WITHIN, OLD_GOES, role="initiator", needs=HEEDS, waits=LIFETIME)
def test_shorter(peer: Peer, dut: Dut) -> None:
    """Told an hour in IKE_AUTH, and some seconds later on as the policy has changed: the device heeds the last word."""
    old = opened_by(peer, dut, demand(HOUR))
    old.informational(demand(SECONDS))
    must_come_back(peer, dut, old, peer.link.now())


@purpose("auth-lifetime-client-rekeyed", "RFC4478-2-4", WITHIN, role="initiator", needs=HEEDS, waits=LIFETIME)
def test_rekeyed(peer: Peer, dut: Dut) -> None:
    """We rekey the IKE SA, whose responder the device is then: it has opened the first one, and authenticates again."""
    old = opened_by(peer, dut, demand(SECONDS))
    since = peer.link.now()
    must_come_back(peer, dut, successor(peer, old), since)


@purpose(
    "auth-lifetime-client-rekeyed-by-device", "RFC4478-2-4", WITHIN, role="initiator",
    needs=(*HEEDS, Capability.REKEY_IKE), waits=LIFETIME,
)  # fmt: skip
def test_rekeyed_by_device(peer: Peer, dut: Dut) -> None:
    """The device rekeys the IKE SA itself: the time goes on."""
    old = opened_by(peer, dut, demand(SECONDS))
    since = peer.link.now()
    with peer.preamble("the device rekeys the IKE SA"):
        dut.rekey_ike()
        old.answer(old.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike))
        new = old.rekeyed
    must_come_back(peer, dut, new, since)


@purpose("auth-lifetime-client-in-clear", "RFC4478-2-8", role="initiator")
def test_in_clear(peer: Peer, dut: Dut) -> None:
    """A demand in the clear comes from anybody: the device goes on as before."""
    old = opened_by(peer, dut)
    message = old.message(ExchangeType.INFORMATIONAL, (demand(0),), old.next_id, response=False)
    peer.send_message(message, old.local, old.remote)
    peer.idle(peer.response_timeout / 2)
    came = [one for one in peer.inbox if one.sa is None and not one.message.is_response]
    peer.check(not came, "no new IKE SA", came[0] if came else "", "RFC4478-2-8")
    old.must_be_up("RFC4478-2-8")


@purpose("auth-lifetime-client-unknown", "RFC4478-4-1", role="initiator", ordinary=True)
def test_unknown(peer: Peer, dut: Dut) -> None:
    """A device that does not know AUTH_LIFETIME ignores it, in IKE_AUTH and later: the session goes on."""
    old = opened_by(peer, dut, demand(HOUR))
    answer = old.informational(demand(HOUR))
    error = next((one for one in answer.notifies() if one.type < NotifyType.INITIAL_CONTACT), None)
    peer.check(error is None, "no error notify", answer, "RFC4478-4-1")
    old.must_be_up("RFC4478-4-1")
    carries(peer, dut, old.child, "RFC4478-4-1")


@purpose(
    "auth-lifetime-client-eap", WITHIN, OLD_GOES, role="initiator", needs=(*HEEDS, Capability.EAP_PEER),
    connection=eap(device="initiator"), waits=LIFETIME,
)  # fmt: skip
def test_eap(peer: Peer, dut: Dut) -> None:
    """A device that authenticates with EAP goes through all of its rounds again."""
    dut.initiate()
    old = peer.accept()
    old.informational(demand(SECONDS))
    must_come_back(peer, dut, old, peer.link.now())
