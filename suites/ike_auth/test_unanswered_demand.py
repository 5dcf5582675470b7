"""Packets ask for a Child SA, and the peer does not answer (RFC 7296, section 2.9; RFC 4301, section 4.4.1)."""

from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.dut import Dut
from suites.ike_auth.test_on_demand import PATIENCE
from suites.purpose import purpose

TIER = "full"
PROTECTED, CHECKED = "RFC4301-4.4.1-2", "RFC4301-4.4.1-1"
PINGS = 5.0
"""Seconds within which all of the packets have been sent."""


@purpose(
    "data-on-demand-unanswered", PROTECTED, CHECKED, role="initiator",
    needs=(Capability.ON_DEMAND, Capability.DATA_PLANE), device={"retransmit_tries": 2}, waits=13,
)  # fmt: skip
def test_unanswered(peer: Peer, dut: Dut) -> None:
    """Packets from behind the device need a Child SA, and we do not answer: none of them goes out in the clear.

    Nor do any that come after the device has given up: its policy is the same as before.
    """
    dut.provoke()
    peer.expect_init(PATIENCE)
    peer.idle(max(PINGS, dut.retransmission.patience + 1))
    peer.traffic.must_not_leak(PROTECTED)
    dut.provoke()
    peer.idle(PINGS)
    peer.traffic.must_not_leak(PROTECTED)
