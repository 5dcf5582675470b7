"""What a responder asks of a device that initiates before it has proved who it is (RFC 7296, section 1)."""

from collections.abc import Sequence

from conformance.crypto.ke import key_exchange
from conformance.ike.core.proposals import groups, parsed
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import AUTH, KE, SA, ExchangeType, Nonce, Payload, ProtocolID
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import answers, must_be_refused_by
from suites.purpose import purpose

NOT_YET = "RFC7296-1-5"


def for_child(sa: ScriptedSa) -> Sequence[Payload]:
    """We ask for a Child SA."""
    offer = sa.make_offer(sa.connection.children[0], with_ke=True)
    sa.offer = None
    return sa.child_request(offer)


def for_rekey(sa: ScriptedSa) -> Sequence[Payload]:
    """We ask for another IKE SA in place of this one."""
    method = groups(parsed(sa.connection.proposals))[0]
    offered = SA(parsed(sa.connection.proposals, ProtocolID.IKE, sa.random(8)))
    return offered, Nonce(sa.random(32)), KE(method, key_exchange(method, sa.random).public)


@purpose("auth-responder-early", NOT_YET, "RFC7296-1-1", "RFC7296-1.2-18", role="initiator")
def test_early(peer: Peer, dut: Dut) -> None:
    """While the device waits for our proof we ask for a Child SA, or rekey the IKE SA: neither makes an SA.

    Our IKE_AUTH response proves nothing then, and nothing comes of that either. The device may ignore what comes too
    early, refuse it, or keep it until it knows who we are, which it never will.
    """
    for ask in (for_child, for_rekey):
        attempt = begun(peer, dut)
        sa = attempt.sa
        sent = sa.send(ExchangeType.CREATE_CHILD_SA, *ask(sa))
        peer.idle(peer.response_timeout / 4)
        sa.answer(attempt.request, bend=bend.change(AUTH, data=bytes(32), text="zeros"))
        must_be_refused_by(dut, peer, attempt)
        made = [one.message for one in answers(peer, sa, sent) if one.message.first(SA) is not None]
        expected = "no SA before we have proved who we are"
        peer.check(not made, expected, made[0] if made else "", NOT_YET, bypass=True)
