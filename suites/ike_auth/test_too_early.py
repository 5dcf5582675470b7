"""What a responder asks of a device that initiates before it has proved who it is (RFC 7296, section 1)."""

from collections.abc import Callable, Sequence

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
Ask = Callable[[ScriptedSa], Sequence[Payload]]


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


def before_proof(peer: Peer, dut: Dut, ask: Ask) -> None:
    """We ask while the device waits for our IKE_AUTH response, and that proves nothing then: nothing comes of either.

    It may ignore what comes too early, refuse it, or keep it until it knows who we are, which it never will.
    """
    attempt = begun(peer, dut)
    sa = attempt.sa
    sent = sa.send(ExchangeType.CREATE_CHILD_SA, *ask(sa))
    peer.idle(peer.response_timeout / 4)
    nothing = bend.change(AUTH, data=bytes(32), text="zeros")
    sa.answer(attempt.request, bend=nothing)
    must_be_refused_by(dut, peer, attempt)
    made = [one.message for one in answers(peer, sa, sent) if one.message.first(SA) is not None]
    peer.check(not made, "no SA before we have proved who we are", made[0] if made else "", NOT_YET, bypass=True)


@purpose("auth-responder-child-early", NOT_YET, "RFC7296-1-1", "RFC7296-1.2-18", role="initiator")
def test_child(peer: Peer, dut: Dut) -> None:
    """While the device waits for our proof we ask for a Child SA: none is made, for nobody knows who we are."""
    before_proof(peer, dut, for_child)


@purpose("auth-responder-rekey-early", NOT_YET, "RFC7296-1-1", "RFC7296-1.2-18", role="initiator")
def test_rekey(peer: Peer, dut: Dut) -> None:
    """While the device waits for our proof we rekey the IKE SA: that does not make an authenticated one of it."""
    before_proof(peer, dut, for_rekey)
