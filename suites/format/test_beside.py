"""Unknown payloads beside the Encrypted payload of IKE_AUTH: they are part of the message (RFC 7296, section 2.5)."""

from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import UnknownPayload
from suites.dut import Dut
from suites.format.beside import beside
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_a_refusal, must_be_gone, must_be_refused_by
from suites.ike_auth.steps import must_be_accepted_by, must_succeed
from suites.purpose import purpose

CRITICAL = UnknownPayload(200, b"ikespec", critical=True)
HARMLESS = UnknownPayload(200, b"ikespec")
REJECTED, SKIPPED = "RFC7296-2.5-10", "RFC7296-2.5-13"


@purpose("auth-beside-critical", REJECTED, "RFC7296-2.21.2-4", role="responder")
def test_critical(peer: Peer) -> None:
    """An unknown critical payload stands in clear in front of the Encrypted payload: no IKE SA comes of the request."""
    sa = peer.sa(fragment_size=0)
    sa.init()
    sa.first_child = sa.connection.children[0].name
    sent = sa.begin(sa.start_auth, beside(sa, CRITICAL))
    try:
        answer = sa.response(sent).message
    except Unexpected:
        sa.pending = None
        must_be_gone(peer, sa, told=False)
    else:
        must_be_a_refusal(peer, sa, answer)


@purpose("auth-beside-unknown", SKIPPED, "RFC7296-2.5-9", role="responder")
def test_unknown(peer: Peer) -> None:
    """One that is not critical is skipped there as well: IKE_AUTH succeeds."""
    sa = peer.sa(fragment_size=0)
    sa.init()
    try:
        sa.auth(beside(sa, HARMLESS))
    except Unexpected as silent:
        raise Unexpected(silent.expected, silent.got, SKIPPED) from None
    must_succeed(peer, sa, SKIPPED)


@purpose("auth-responder-beside-critical", REJECTED, "RFC7296-1.2-18", role="initiator")
def test_responder_critical(peer: Peer, dut: Dut) -> None:
    """An unknown critical payload in clear in front of the Encrypted payload of our response: the device rejects it."""
    attempt = begun(peer, dut, fragment_size=0)
    attempt.sa.answer(attempt.request, bend=beside(attempt.sa, CRITICAL))
    must_be_refused_by(dut, peer, attempt)


@purpose("auth-responder-beside-unknown", SKIPPED, "RFC7296-2.5-9", role="initiator")
def test_responder_unknown(peer: Peer, dut: Dut) -> None:
    """One that is not critical is skipped in our response as well: the IKE SA works."""
    attempt = begun(peer, dut, fragment_size=0)
    attempt.sa.answer(attempt.request, bend=beside(attempt.sa, HARMLESS))
    must_be_accepted_by(attempt.sa, SKIPPED)
