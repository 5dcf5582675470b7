"""A peer that restarts while the device opens an IKE SA to it (RFC 7296, sections 2.1 and 2.4)."""

from conformance.script.peer import Peer
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries
from suites.dut import Dut
from suites.purpose import purpose

LIVES, NEW = "RFC7296-2.4-9", "RFC7296-2.1-8"
BOTH = (Capability.RESPONDER, Capability.INITIATOR)
LONG = 8.0
"""Seconds until a device with short timers has given up what nobody answers."""


@purpose("auth-restart-amid-init", LIVES, role="initiator", needs=BOTH, waits=LONG)
def test_amid_init(peer: Peer, dut: Dut) -> None:
    """We are gone when the device's IKE_SA_INIT request comes, and then open an IKE SA ourselves: that lives on.

    The device gives up its own attempt, or we answer a later one.
    """
    own = dut.retransmission
    dut.initiate()
    peer.expect_init()
    ours = peer.establish()
    carries(peer, dut)
    peer.idle(1.1 * own.patience + 1)
    ours.must_be_up(LIVES)
    carries(peer, dut, ours.child, LIVES)


@purpose("auth-restart-amid-auth", LIVES, role="initiator", needs=BOTH, waits=LONG)
def test_amid_auth(peer: Peer, dut: Dut) -> None:
    """We restart when the device's IKE_AUTH request comes, know nothing of it any more, and open an IKE SA ourselves.

    What we have opened lives on when the device gives up its own, which nobody has authenticated.
    """
    own = dut.retransmission
    dut.initiate()
    theirs = peer.respond_init(peer.expect_init())
    theirs.expect_request(ExchangeType.IKE_AUTH)
    ours = peer.establish()
    carries(peer, dut)
    peer.idle(1.1 * own.patience + 1)
    ours.must_be_up(LIVES)
    carries(peer, dut, ours.child, LIVES)
