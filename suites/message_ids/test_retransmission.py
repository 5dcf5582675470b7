"""Retransmission (RFC 7296, sections 2.1 and 2.2)."""

from conformance.script.peer import Peer
from suites.purpose import purpose


@purpose("mid-request-again", "RFC7296-2.1-9", role="responder")
def test_request_again(peer: Peer) -> None:
    """A repeated request gets the same response again, octet by octet.

    A liveness check is sent twice. The response must not be made anew: a rekey would otherwise be done twice.
    """
    sa = peer.establish()
    sa.liveness()
    sent = sa.last_sent
    assert sent is not None
    first = peer.inbox[-1]
    sa.resend(sent)
    again = sa.response(sent)
    peer.check(again.raw == first.raw, "the same octets as before", again)
    sa.must_be_up()
