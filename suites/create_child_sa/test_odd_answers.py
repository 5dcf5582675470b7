"""Responses to the device's requests for Child SAs that lack selectors, choose strangely, or refuse (RFC 7296)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    SA,
    Esn,
    ExchangeType,
    Notify,
    NotifyType,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
    TSi,
    TSr,
)
from peers.capabilities import Capability
from suites.choices import INTEG, esp_separate
from suites.connections import two_children, usual
from suites.create_child_sa.answers import carries, deletes_ike, kept, names, requests
from suites.create_child_sa.device_rekeys import child_rekey, ike_rekey, made, unused, unused_if_kept
from suites.dut import Dut
from suites.foreign import unoffered
from suites.purpose import purpose

CHILD, IKE, MANY = Capability.REKEY_CHILD, Capability.REKEY_IKE, Capability.MULTIPLE_CHILDREN
SELECTORS, CHOICE, STAYS = "RFC7296-1.3.3-7", "RFC7296-3.3.6-6", "RFC7296-1.3.1-14"
REFUSALS = (NotifyType.NO_ADDITIONAL_SAS, NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.TS_UNACCEPTABLE)


@purpose("child-response-without-ts", SELECTORS, "RFC7296-2.9-1", role="initiator", needs=(CHILD,))
def test_without_ts(peer: Peer, dut: Dut) -> None:
    """Responses to the device's rekey lack TSi, TSr, or both: it does not use those Child SAs.

    It may take such a response for malformed, and a malformed message may end the IKE SA without a Delete payload.
    """
    for lacking in ((TSi,), (TSr,), (TSi, TSr)):
        sa, request = child_rekey(peer, dut)
        unused_if_kept(peer, sa, made(sa, request, bend.drop(*lacking)), SELECTORS)


def choosing(change: Callable[[Proposal], Proposal], why: str) -> Bend:
    """Our choice, altered."""
    return bend.replace(SA, lambda sa: SA((change(sa.proposals[0]),)), why)


def other(one: Proposal, transform: Transform) -> Proposal:
    """The proposal with another transform of one type."""
    return replace(one, transforms=tuple(transform if each.type == transform.type else each for each in one.transforms))


@purpose("child-response-other-protocol", CHOICE, "RFC7296-3.3.6-5", role="initiator", needs=(CHILD,))
def test_other_protocol(peer: Peer, dut: Dut) -> None:
    """The response to the device's rekey says AH where ESP was offered: it does not use that Child SA."""
    sa, request = child_rekey(peer, dut)
    bent = choosing(lambda one: replace(one, protocol=ProtocolID.AH), "AH, which was not offered")
    unused_if_kept(peer, sa, made(sa, request, bent), CHOICE)


@purpose(
    "child-response-other-integrity", CHOICE, "RFC7296-3.3.6-5", role="initiator", needs=(CHILD,),
    connection=usual(esp=esp_separate),
)  # fmt: skip
def test_other_integrity(peer: Peer, dut: Dut) -> None:
    """The response to the device's rekey has an integrity algorithm that was not offered: that SA is not used."""
    sa, request = child_rekey(peer, dut)
    strange = unoffered(request.message.first(SA), INTEG)
    bent = choosing(lambda one: other(one, strange), "an integrity algorithm that was not offered")
    unused(peer, sa, made(sa, request, bent), CHOICE)


@purpose("child-response-other-esn", CHOICE, "RFC7296-3.3.6-5", role="initiator", needs=(CHILD,))
def test_other_esn(peer: Peer, dut: Dut) -> None:
    """The device offers one kind of sequence numbers and gets the other: it does not use that Child SA."""
    sa, request = child_rekey(peer, dut)
    offered = {
        each.id
        for one in peer.expect(request.message, SA).proposals
        for each in one.transforms
        if each.type == TransformType.ESN
    }
    if len(offered) > 1:
        sa.answer(request)
        raise NotApplicable("the device offers both kinds of sequence numbers")
    strange = Transform.of(Esn.NO if Esn.YES in offered else Esn.YES)
    bent = choosing(lambda one: other(one, strange), "the other kind of sequence numbers")
    unused(peer, sa, made(sa, request, bent), CHOICE)


@purpose(
    "child-new-by-device-refused", "RFC7296-2.21-4", STAYS, role="initiator", needs=(MANY,), connection=two_children()
)
def test_refused(peer: Peer, dut: Dut) -> None:
    """We refuse the second Child SA that the device asks for, by one error after the other: the rest of it stays.

    It may delete the IKE SA with a Delete payload, as policy, though a failed attempt should not end it.
    """
    for error in REFUSALS:
        dut.initiate()
        sa = peer.accept()
        first = sa.child
        dut.initiate("other")
        sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA), Notify(error))
        kept(peer, sa)
        ended = any(map(deletes_ike, requests(peer, sa)))
        peer.check(not ended, f"the IKE SA stays after N({error.name})", "a Delete payload for it", STAYS)
        carries(peer, dut, first, STAYS)
        names(peer, sa.delete_child(first), first)
        sa.delete()


@purpose("ike-rekey-refused-device", "RFC7296-2.21-4", "RFC7296-1.3-10", role="initiator", needs=(IKE,))
def test_ike_refused(peer: Peer, dut: Dut) -> None:
    """The device's rekey of the IKE SA gets NO_ADDITIONAL_SAS: it keeps the old one, or deletes it and says so."""
    sa, request = ike_rekey(peer, dut)
    sa.answer(request, Notify(NotifyType.NO_ADDITIONAL_SAS))
    kept(peer, sa)
