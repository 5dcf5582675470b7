"""Exchanges that collide (RFC 7296, sections 2.8.1 and 2.25)."""

from conformance.script.peer import Peer
from conformance.wire import SA, ExchangeType
from peers.contract import Capability
from suites.dut import Dut
from suites.purpose import purpose


@purpose(
    "child-rekey-collision", "RFC7296-2.25.1-2", "RFC7296-2.8.1-2", role="responder", needs=(Capability.REKEY_CHILD,)
)
def test_child_rekey_collision(peer: Peer, dut: Dut) -> None:
    """Both ends rekey the same Child SA at once: both exchanges are answered, one Child SA is left.

    The device's request waits while ours goes out. It should answer as usual. Then the SA with the lowest of the four
    nonces is deleted by the side that asked for it, the old one by the other side.
    """
    sa = peer.accept() if Capability.RESPONDER not in dut.device.capabilities else peer.establish()
    old = sa.child
    dut.rekey_child()
    theirs = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    ours = sa.begin(lambda: sa.start_child_rekey(old))
    answer = sa.response(ours).message
    peer.check(answer.first(SA), "our rekey is answered as usual", answer, "RFC7296-2.25.1-2")
    sa.answer(theirs)
    sa.must_be_up()
    peer.check(len(sa.children) == 1, "one Child SA is left", [str(one) for one in sa.children], "RFC7296-2.8.1-3")
