"""Malformed responses to a device that initiates (RFC 7296, sections 2.21 and 3)."""

from dataclasses import replace

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.wire import KE, SA, ExchangeType, Nonce
from peers.capabilities import Capability
from suites.dut import Dut
from suites.ike_auth.initiating import answered, children, described
from suites.purpose import purpose


def _ignored(peer: Peer, dut: Dut, requirement: str, how: Bend) -> None:
    """A malformed IKE_SA_INIT response, then a correct one with other keys and another SPI.

    The device may go on with the correct one or give up, but not go on with the first, nor answer it by an error.
    """
    dut.initiate()
    request = peer.expect_init()
    wrong = peer.respond_init(request, how)
    right = peer.respond_init(request)

    def follows() -> Received | None:
        ours = (
            one for one in peer.inbox if one.message.spi_i == request.message.spi_i
        )  # not what an IKE SA before left
        return next((one for one in ours if one.message.exchange != ExchangeType.IKE_SA_INIT), None)

    dut.watch(request.message.spi_i, follows)
    found = follows()
    if found is None:
        return  # it has given up, or waits for another response
    peer.check(found.sa is not wrong, "the malformed response is not used", found, requirement)
    peer.check(found.message.exchange == ExchangeType.IKE_AUTH, "no error message", found, "RFC7296-2.21-2")
    right.answer(found)
    right.must_be_established()


def _proposal(**lies: int) -> Bend:
    return bend.replace(SA, lambda sa: replace(sa, proposals=(replace(sa.proposals[0], **lies),)), f"proposal {lies}")


@purpose("format-response-sa-length", "RFC7296-3.3-4", "RFC7296-2.21-2", role="initiator")
def test_sa_length(peer: Peer, dut: Dut) -> None:
    """An initiator does not go on with a proposal that is longer than the SA payload that it stands in."""
    _ignored(peer, dut, "RFC7296-3.3-4", _proposal(length=200))


@purpose("format-response-transform-count", "RFC7296-3.3-4", "RFC7296-2.21-2", role="initiator")
def test_transform_count(peer: Peer, dut: Dut) -> None:
    """An initiator does not go on with a proposal that has fewer transforms than it counts."""
    _ignored(peer, dut, "RFC7296-3.3-4", _proposal(transform_count=9))


@purpose("format-response-payload-length", "RFC7296-5-1", "RFC7296-2.21-2", role="initiator")
def test_payload_length(peer: Peer, dut: Dut) -> None:
    """An initiator does not go on with a KE payload that claims to reach beyond the end of the message."""
    _ignored(peer, dut, "RFC7296-5-1", bend.change(KE, length=2000))


@purpose("format-response-length-zero", "RFC7296-5-1", "RFC7296-2.21-2", role="initiator")
def test_length_zero(peer: Peer, dut: Dut) -> None:
    """An initiator does not hang on a Nonce payload of length 0."""
    _ignored(peer, dut, "RFC7296-5-1", bend.change(Nonce, length=0))


@purpose(
    "format-response-auth-malformed", "RFC7296-3.3-4", "RFC7296-2.21-2", role="initiator", needs=(Capability.LIST_SAS,)
)
def test_auth_malformed(peer: Peer, dut: Dut) -> None:
    """An initiator does not set up a Child SA from an authentic IKE_AUTH response that is malformed.

    The SA payload counts nine transforms. The device may say N(INVALID_SYNTAX) in an INFORMATIONAL exchange right
    after it (RFC 7296, section 2.21.2), delete the IKE SA, or keep it.
    """

    def says(one: Received) -> bool:
        return one.message.exchange == ExchangeType.INFORMATIONAL and not one.message.is_response

    sa, spis = answered(peer, dut, _proposal(transform_count=9))
    dut.watch(sa.spi_i, lambda: any(says(one) for one in peer.inbox if one.sa is sa))
    found = children(peer, dut, spis)
    peer.check(not found, "no such Child SA", described(found), "RFC7296-3.3-4")
