"""The device initiates (RFC 7296, section 1.2)."""

from conformance.script.peer import Peer
from conformance.wire import AUTH, SA, ExchangeType, IDi, TSi, TSr
from suites.dut import Dut
from suites.purpose import purpose


@purpose("auth-initiator", "RFC7296-1.2-7", role="initiator")
def test_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator proves its identity and asks for its first Child SA in one request."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    for kind in (IDi, AUTH, SA, TSi, TSr):
        peer.check(request.message.first(kind), f"{kind.__name__} in the request", request.message)
    sa.answer(request)
    sa.must_be_established()
    sa.must_be_up()
