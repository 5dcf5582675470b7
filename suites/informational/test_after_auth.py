"""The INFORMATIONAL exchange right after IKE_AUTH, in which an initiator rejects the responder (RFC 7296, 2.21.2)."""

from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.wire import Notify, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import kept
from suites.create_child_sa.test_crossing_ends import carries_nothing
from suites.dut import Dut
from suites.purpose import purpose

ENDS = "RFC7296-2.21.2-8"


def rejects(peer: Peer, dut: Dut, kind: NotifyType) -> None:
    """An error of ours right after IKE_AUTH must end the IKE SA and its Child SA, without a Delete payload."""
    sa = peer.establish()
    child = sa.child
    answer = sa.informational(Notify(kind))
    peer.check(fatal(answer) is None, "a response without an error", answer, "RFC7296-2.21.3-2")
    sa.must_be_gone(ENDS)
    if Capability.LIST_SAS in dut.device.capabilities:
        peer.check(dut.child(child) is None, "the Child SA is gone, too", f"it lists {child.spi_out.hex()}", ENDS)
    carries_nothing(peer, dut, child, ENDS)


def keeps(peer: Peer, sa: ScriptedSa, kind: NotifyType) -> None:
    """An error of ours is answered, and the IKE SA lives, or is deleted as it has to be."""
    answer = sa.informational(Notify(kind))
    peer.check(fatal(answer) is None, "a response without an error", answer, "RFC7296-2.21.3-2")
    kept(peer, sa, ENDS)


@purpose("info-after-auth-failed", ENDS, "RFC7296-1.4-4", role="responder")
def test_authentication_failed(peer: Peer, dut: Dut) -> None:
    """The initiator does not accept the responder: N(AUTHENTICATION_FAILED) right after IKE_AUTH ends the IKE SA.

    No Delete payload is needed. A responder that keeps such IKE SAs collects one with each attempt of an initiator that
    does not trust its certificate.
    """
    rejects(peer, dut, NotifyType.AUTHENTICATION_FAILED)


@purpose("info-after-auth-invalid-syntax", ENDS, "RFC7296-1.4-4", role="responder")
def test_invalid_syntax(peer: Peer, dut: Dut) -> None:
    """The initiator cannot read the IKE_AUTH response: N(INVALID_SYNTAX) right after it ends the IKE SA."""
    rejects(peer, dut, NotifyType.INVALID_SYNTAX)


@purpose("info-after-auth-other-error", ENDS, "RFC7296-1.4-4", role="responder")
def test_other_error(peer: Peer) -> None:
    """NO_PROPOSAL_CHOSEN and TS_UNACCEPTABLE right after IKE_AUTH are no reason to forget the IKE SA."""
    for kind in (NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.TS_UNACCEPTABLE):
        keeps(peer, peer.establish(), kind)
