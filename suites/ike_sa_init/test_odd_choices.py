"""Odd choices of a responder, and large or odd offers to one (RFC 7296, sections 2.7 and 3.3)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from conformance.ike.core.proposals import parsed
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import SA, Encr, ExchangeType, Proposal, ProtocolID, Transform
from peers.algorithms import written
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused_by
from suites.ike_sa_init.steps import goes_no_further, handshake
from suites.purpose import purpose

CONSISTENT, OTHERS = "RFC7296-3.3.6-6", "RFC7296-3.3.6-9"
FOR_IKE = "RFC7296-3.3.1-7"
UNASSIGNED = 900
"""From here on no cipher has a number."""


def chosen(change: Callable[[Proposal], Sequence[Proposal]], text: str) -> Bend:
    """Something else in SAr1 than what we have chosen."""
    return bend.replace(SA, lambda one: replace(one, proposals=tuple(change(one.proposals[0]))), text)


@purpose("init-sar-number", CONSISTENT, "RFC7296-3.3.6-5", "RFC7296-3.3.1-6", role="initiator")
def test_number(peer: Peer, dut: Dut) -> None:
    """SAr1 has the number of a proposal that was never made: the device does not go on."""
    goes_no_further(peer, dut, chosen(lambda one: [replace(one, number=99)], "proposal number 99"), CONSISTENT)


@purpose("init-sar-two-proposals", CONSISTENT, "RFC7296-3.3.6-5", role="initiator")
def test_two_proposals(peer: Peer, dut: Dut) -> None:
    """SAr1 has two proposals, the same one with two numbers: that chooses nothing."""
    twice = chosen(lambda one: [one, replace(one, number=one.number + 1)], "two proposals")
    goes_no_further(peer, dut, twice, CONSISTENT)


@purpose("init-sar-protocol", CONSISTENT, "RFC7296-3.3.6-5", role="initiator")
def test_protocol(peer: Peer, dut: Dut) -> None:
    """SAr1 has the protocol ESP where IKE was offered, with the same algorithms."""
    other = chosen(lambda one: [replace(one, protocol=ProtocolID.ESP)], "protocol ESP")
    goes_no_further(peer, dut, other, CONSISTENT)


@purpose("auth-responder-other-exchange", "RFC7296-1-1", "RFC7296-1.2-10", role="initiator")
def test_other_exchange(peer: Peer, dut: Dut) -> None:
    """Our IKE_AUTH response, right as it is, says that it belongs to INFORMATIONAL: no IKE SA comes of it."""
    attempt = begun(peer, dut)
    attempt.sa.answer(attempt.request, bend=bend.header("INFORMATIONAL", exchange=ExchangeType.INFORMATIONAL))
    must_be_refused_by(dut, peer, attempt)


@purpose("init-proposal-protocol", FOR_IKE, "RFC7296-3.3.1-6", role="responder")
def test_proposal_protocol(peer: Peer) -> None:
    """Proposals of ESP, and of a protocol that nobody knows, stand in front of the good one: neither is chosen.

    Nobody says whether they spoil the whole offer, so it may be refused.
    """

    def change(one: Proposal) -> Sequence[Proposal]:
        strange = [replace(one, protocol=ProtocolID.ESP), replace(one, protocol=ProtocolID(77), number=2)]
        return [*strange, replace(one, number=3)]

    answer = peer.sa().init(chosen(change, "ESP and protocol 77 in front"))
    found = answer.first(SA)
    if found is None:
        peer.note("the whole offer is refused")
        handshake(peer)
        return
    one = found.proposals[0]
    peer.check(one.protocol == ProtocolID.IKE, "a proposal for IKE", answer, FOR_IKE)
    peer.check(one.number == 3, "proposal number 3", one.number, "RFC7296-3.3.1-6")


@purpose("init-many-transforms", "RFC7296-3.3.6-11", "RFC7296-2-1", role="responder")
def test_many_transforms(peer: Peer) -> None:
    """A hundred ciphers that nobody knows stand in front of the good one: that is chosen."""
    unknown = tuple(Transform.of(Encr(UNASSIGNED + number)) for number in range(100))

    def change(one: Proposal) -> Sequence[Proposal]:
        return [replace(one, transforms=(*unknown, *one.transforms))]

    handshake(peer, chosen(change, "a hundred unknown ciphers"), "RFC7296-3.3.6-11")


@purpose("init-many-proposals", OTHERS, "RFC7296-3.3.1-6", "RFC7296-2-1", role="responder")
def test_many_proposals(peer: Peer) -> None:
    """Twenty proposals of ciphers that nobody knows stand in front of the good one: that is chosen, by its number."""
    good = peer.connection.proposals[0]
    kept = tuple(one for one in parsed((good,))[0].transforms if not isinstance(one.id, Encr))
    strange = [written((Transform.of(Encr(UNASSIGNED + number)), *kept)) for number in range(20)]
    answer = handshake(peer, None, OTHERS, peer.sa(proposals=(*strange, good)))
    number = peer.expect(answer, SA).proposals[0].number
    peer.check(number == len(strange) + 1, f"proposal number {len(strange) + 1}", number, "RFC7296-3.3.1-6")
