"""IKE_SA_INIT with a cookie and another group, with proposals of two sorts, with what is unfamiliar (RFC 7296)."""

from conformance.crypto.suite import proposal
from conformance.ike.core.connection import Connection, CookiePolicy
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    SA,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    Proposal,
    TransformType,
    UnknownPayload,
    VendorID,
)
from peers.algorithms import combined, written
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.choices import ENCR, aead, separate, two_groups
from suites.connections import usual
from suites.dut import Dut
from suites.foreign import foreign, own
from suites.ike_sa_init.steps import ask_for_group, group_of, handshake, normal, other_group, those_with
from suites.ike_sa_init.test_responses import goes_on
from suites.purpose import purpose

COOKIE, GROUP, SKIPPED, CHOICE = "RFC7296-2.6-8", "RFC7296-1.2-13", "RFC7296-2.5-9", "RFC7296-3.3.1-6"
ROUNDS = 5
"""A cookie, another group, and a new cookie for that: no correct responder asks for more."""
UNASSIGNED = (1, 32, 100, 127)
"""Payload types that IKEv2 has not defined: one of IKEv1, the last reserved one, free ones; no private ones.

These are few: a device may take only so many of them in a message, lest it be flooded.
"""


@purpose(
    "init-ke-and-cookie", "RFC7296-2.6-10", COOKIE, "RFC7296-2.6-9", "RFC7296-1.2-14", role="initiator",
    connection=usual(proposals=two_groups),
)  # fmt: skip
def test_ke_and_cookie(peer: Peer, dut: Dut) -> None:
    """Another group first and then a cookie: the third request is the second one with the cookie in front of it."""
    cookie = Notify(NotifyType.COOKIE, peer.random(20))
    dut.initiate()
    first = peer.expect_init()
    wanted = other_group(peer, first)
    peer.refuse_init(first, ask_for_group(wanted))
    second = peer.expect_init()
    peer.check(group_of(second) == wanted, f"KE of {wanted.name}", second.message, "RFC7296-1.2-14")
    peer.refuse_init(second, cookie)
    third = peer.expect_init()
    payloads = third.message.payloads
    peer.check(payloads[:1] == (cookie,), "the cookie as first payload", third.message, "RFC7296-2.6-9")
    peer.check(payloads[1:] == second.message.payloads, "the others unchanged", third.message, "RFC7296-2.6-10")
    sa = peer.respond_init(third, proposals=those_with(peer, wanted))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established(COOKIE)


@purpose(
    "init-cookie-other-group", GROUP, "RFC7296-2.6-6", "RFC7296-2.6-13", role="responder",
    needs=(Capability.COOKIE_ALWAYS,), device={"cookies": CookiePolicy.ALWAYS},
)  # fmt: skip
def test_cookie_other_group(peer: Peer, dut: Dut) -> None:
    """A device that wants a cookie and another group gets both, one after the other, and goes on with that.

    It may ask for them in any order, and for a new cookie where that depends on KE.
    """
    unwanted = foreign(dut, TransformType.KE)
    sa = peer.sa(proposals=(written((unwanted, *own(dut))),))
    answer = sa.init(follow=False)
    refusals: list[Message] = []
    while answer.first(SA) is None and len(refusals) < ROUNDS:
        refusals.append(answer)
        answer = sa.obey(answer)
    asked = any(one.notify(NotifyType.INVALID_KE_PAYLOAD) for one in refusals)
    peer.check(asked, "N(INVALID_KE_PAYLOAD) on the way", answer, GROUP)
    wary = any(one.notify(NotifyType.COOKIE) for one in refusals)
    peer.check(wary, "N(COOKIE) on the way", answer, "RFC7296-2.6-6")
    normal(peer, answer, GROUP)
    sa.auth()
    sa.must_be_established(GROUP)


def of_both_sorts(pixit: Pixit) -> Connection:
    """A suite with a separate integrity algorithm, and one with a combined-mode cipher."""
    return usual(proposals=(*separate(pixit.algorithms), *aead(pixit.algorithms)))(pixit)


def last_of(peer: Peer, request: Received) -> Proposal:
    """The last proposal that the device offers. Raises NotApplicable where there is one only."""
    offered = peer.expect(request.message, SA).proposals
    if len(offered) < 2:
        raise NotApplicable("the device offers one proposal only")
    return offered[-1]


@purpose("init-offer-both-sorts", "RFC7296-3.3-9", "RFC7296-3.3-7", CHOICE, role="initiator", connection=of_both_sorts)
def test_offer_both_sorts(peer: Peer, dut: Dut) -> None:
    """The device takes combined-mode and other ciphers: it offers them apart, and we choose the last proposal.

    Its IKE SA is up then, with the number of that proposal in our response. A device may offer one sort only.
    """
    dut.initiate()
    first = peer.expect_init()
    for one in peer.expect(first.message, SA).proposals:
        sorts = {combined(each) for each in one.transforms if each.type == ENCR}
        peer.check(len(sorts) == 1, "ciphers of one sort in a proposal", one, "RFC7296-3.3-9")
    last = last_of(peer, first)
    ours = [
        text
        for text in peer.connection.proposals
        if set(proposal(text, 1).transforms) <= set(last.transforms) and group_of(first) in _groups(text)
    ]
    if not ours:
        raise NotApplicable("our algorithms are in another proposal than the last one, or with another group")
    sa = peer.respond_init(first, proposals=tuple(ours[:1]))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established(CHOICE)


def _groups(text: str) -> list[int]:
    return [one.id for one in proposal(text, 1).transforms if one.type == TransformType.KE]


def strange_payloads() -> Bend:
    """Payloads of undefined types in front, between and at the end."""
    strange = bend.append(UnknownPayload(UNASSIGNED[0], b"ikespec"))
    for number in UNASSIGNED[1:]:
        strange |= bend.insert(UnknownPayload(number, b"ikespec"), at=number % 4)
    return strange


@purpose("init-payload-types", SKIPPED, "RFC7296-2.5-13", role="responder")
def test_payload_types(peer: Peer) -> None:
    """Payloads of types that IKEv2 has not defined, those of IKEv1 among them, are skipped, wherever they stand."""
    handshake(peer, strange_payloads(), SKIPPED)


@purpose("init-response-payload-types", SKIPPED, "RFC7296-2.5-13", role="initiator")
def test_response_payload_types(peer: Peer, dut: Dut) -> None:
    """The same in our IKE_SA_INIT response to a device that initiates."""
    goes_on(peer, dut, strange_payloads(), SKIPPED)


@purpose("init-response-vendor-id", "RFC7296-3.12-5", role="initiator")
def test_response_vendor_id(peer: Peer, dut: Dut) -> None:
    """Unfamiliar Vendor IDs in our IKE_SA_INIT response, an empty and a long one among them, are ignored."""
    ids = bend.insert(VendorID(b"ikespec 1")) | bend.insert(VendorID(b""), at=2) | bend.append(VendorID(bytes(300)))
    goes_on(peer, dut, ids, "RFC7296-3.12-5")
