"""AH where there is a NAT: its ICV covers the addresses, so nothing of it passes (RFC 3948, section 1)."""

from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.choices import ah
from suites.connections import usual
from suites.create_child_sa.answers import kept
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.nat.steps import INSIDE, SOURCE, mismatch, opened
from suites.purpose import purpose

TIER = "full"
ICV = "RFC4302-3.4.4-1"


@purpose(
    "nat-ah", ICV, "RFC4302-3.3.3-1", "RFC7296-2.21.2-6", role="responder",
    needs=(Capability.NAT_T, DATA, Capability.AH), connection=usual(esp=ah),
)  # fmt: skip
def test_ah(peer: Peer, dut: Dut) -> None:
    """A peer behind a NAT asks for AH: the device refuses the Child SA, or drops what comes through it.

    The ICV of our packets is one for our address behind the NAT, and the device sees another one.
    """
    sa = opened(peer, "RFC7296-2.23-16", mismatch(SOURCE))
    sa.float_port()
    sa.auth()
    if not sa.children:
        peer.note(f"the device makes no Child SA with AH behind a NAT: {sa.problem}")
        kept(peer, sa, "RFC7296-1.2-16")
        return
    with sa.traffic.silence(ICV, prove=sa.must_be_up, bypass=True):
        for _ in range(2):
            sa.traffic.translated(sa.traffic.echo_request(), INSIDE)
