"""NAT keepalives (RFC 3948, sections 2.3 and 4)."""

from conformance.net.link import Address
from conformance.script.message import says_nothing
from conformance.script.peer import Peer
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from suites.connections import usual
from suites.dut import Dut
from suites.nat.steps import (
    DESTINATION,
    SOURCE,
    behind_nat,
    established_behind,
    mismatch,
    must_keep_alive,
    own_request,
    send_keepalive,
)
from suites.purpose import purpose

NAT, DELETES = Capability.NAT_T, Capability.DELETE_IKE


@purpose("nat-keepalive-ignored", "RFC3948-2.3-3", "RFC3948-2.3-5", role="responder", needs=(NAT,))
def test_ignored(peer: Peer) -> None:
    """Keepalives get no answer: before IKE_AUTH, after it, and from a port that nobody knows.

    Ours leave a socket, which writes the UDP checksum: on whether that is zero a receiver does not depend.
    """
    send_keepalive(peer, Address(peer.local.host, 4500), Address(peer.remote.host, peer.connection.remote_ports[1]))
    sa = established_behind(peer, SOURCE)
    with sa.silence("RFC3948-2.3-5"):
        for port in (sa.local.port, sa.local.port, 45001):
            send_keepalive(peer, Address(sa.local.host, port), sa.remote)
    sa.must_be_up("RFC3948-2.3-3")


@purpose(
    "nat-keepalive-moves-nothing", "RFC3948-2.3-5", "RFC7296-2.23-25", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_moves_nothing(peer: Peer, dut: Dut) -> None:
    """A keepalive is not authentic: one from another port does not move the peer there."""
    sa = established_behind(peer, SOURCE)
    send_keepalive(peer, Address(sa.local.host, 45001), sa.remote)
    own_request(dut, sa, "RFC7296-2.23-25")


@purpose(
    "nat-keepalive-sent", "RFC3948-2.3-1", "RFC3948-2.3-4", "RFC3948-4-3", "RFC7296-2.23-18", role="responder",
    needs=(NAT,), connection=usual(keepalive=2.0), waits=4.0,
)  # fmt: skip
def test_sent(peer: Peer) -> None:
    """A responder that is behind a NAT sends keepalives while nothing else is sent."""
    sa = established_behind(peer, DESTINATION)
    must_keep_alive(peer, sa)
    sa.must_be_up()


@purpose(
    "nat-keepalive-sent-initiator", "RFC3948-2.3-1", "RFC3948-2.3-4", "RFC3948-4-3", "RFC7296-2.23-18",
    role="initiator", needs=(NAT,), connection=usual(keepalive=2.0), waits=4.0,
)  # fmt: skip
def test_sent_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator that is behind a NAT sends keepalives while nothing else is sent."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), mismatch(DESTINATION))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()
    peer.pause()
    sa.liveness()
    must_keep_alive(peer, sa)


@purpose(
    "nat-keepalive-no-liveness", "RFC3948-4-1", role="responder", needs=(NAT, Capability.DPD),
    connection=usual(keepalive=0.5), device={"dpd_delay": 2.0, "keepalive": 20.0}, waits=5.0,
)  # fmt: skip
def test_no_liveness(peer: Peer, dut: Dut) -> None:
    """Keepalives do not tell that the peer is alive: a device that hears nothing else checks liveness.

    Our side is behind a NAT and sends a keepalive each half second; the device's check is due after two seconds.
    """
    behind_nat(peer, dut)
    sa = peer.establish()
    peer.idle(1.0)
    peer.forget()
    sa.expect_request(ExchangeType.INFORMATIONAL, timeout=5.0, where=says_nothing)
