"""The device wants several Child SAs at once (RFC 7296, sections 1.3.1 and 2.3)."""

from conformance.script.peer import Peer
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from suites.connections import several_children
from suites.create_child_sa.answers import carries, must_count, requests
from suites.dut import Dut
from suites.purpose import purpose

NAMES = ("net", "other", "third", "fourth")
MADE, ONE = "RFC7296-1.3.1-1", "RFC7296-2.3-3"


@purpose(
    "child-new-several-by-device", ONE, "RFC7296-2.2-3", MADE, role="initiator", needs=(Capability.MULTIPLE_CHILDREN,),
    connection=several_children(*NAMES),
)  # fmt: skip
def test_several_by_device(peer: Peer, dut: Dut) -> None:
    """The device is told to make three more Child SAs while we answer nothing: one after the other, all are made.

    Our window is one request, so each waits for our response to the one before it, and none is forgotten meanwhile.
    """
    dut.initiate()
    sa = peer.accept()
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    for name in NAMES[1:]:
        dut.initiate(name)
    for number in range(1, len(NAMES)):
        request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, requirement=MADE)
        peer.idle(peer.response_timeout / 10)
        sa.must_be_up(ONE)
        later = [one.message_id for one in requests(peer, sa) if one.message_id > request.message.message_id]
        got = ", ".join(f"message ID {one}" for one in sorted(set(later)))
        peer.check(not later, "no further request before our response", got, ONE)
        sa.answer(request)
        sa.must_be_up(MADE)
        peer.check(len(sa.children) == number + 1, f"{number + 1} Child SAs", sa.problem or len(sa.children), MADE)
    must_count(peer, sa, "RFC7296-2.2-3")
    asked = {one.local_ts for one in sa.children}
    peer.check(len(asked) == len(NAMES), f"Child SAs for {len(NAMES)} networks", len(asked), MADE)
    for child in sa.children:
        carries(peer, dut, child, MADE)
