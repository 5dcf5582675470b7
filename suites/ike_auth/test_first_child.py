"""The suite of the first Child SA, and IKE SAs without one (RFC 7296, sections 1.2 and 2.7; RFC 6023)."""

from dataclasses import replace

from conformance.crypto.suite import proposal
from conformance.ike.core.proposals import is_choice_of, of_type
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import (
    AUTH,
    CP,
    KE,
    SA,
    ExchangeType,
    IDr,
    KeMethod,
    Message,
    Nonce,
    NotifyType,
    ProtocolID,
    TransformType,
    TSi,
    TSr,
)
from peers.capabilities import Capability
from suites.choices import pfs
from suites.connections import usual
from suites.create_child_sa.answers import kept
from suites.dut import Dut
from suites.foreign import beside, other, refused
from suites.ike_auth.refusal import must_be_gone
from suites.ike_auth.steps import must_succeed
from suites.purpose import purpose


@purpose(
    "auth-sa-one-suite", "RFC7296-2.7-1", "RFC7296-2.7-2", "RFC7296-2.7-5", "RFC7296-3.3.6-4", "RFC7296-3.3.1-6",
    "RFC7296-3.3.1-9", role="responder", ordinary=True,
)  # fmt: skip
def test_one_suite(peer: Peer) -> None:
    """Out of two proposals with several transforms the device takes one of each type."""
    child = peer.connection.children[0]
    text = child.proposals[0]
    rich = (beside(text, ProtocolID.ESP), other(text, ProtocolID.ESP))
    sa = peer.sa(children=(replace(child, proposals=rich),))
    sa.init()
    chosen = peer.expect(sa.auth(), SA).proposals
    peer.check(len(chosen) == 1, "one proposal", chosen, "RFC7296-2.7-1")
    peer.check(len(chosen[0].spi) == 4, "an SPI of four octets", chosen[0].spi.hex(), "RFC7296-3.3.1-9")
    peer.check(len({one.type for one in chosen[0].transforms}) == len(chosen[0].transforms),
               "one transform of each type", chosen[0], "RFC7296-2.7-5")  # fmt: skip
    assert sa.last_sent is not None
    offered = peer.expect(sa.last_sent.message, SA).proposals
    peer.check(is_choice_of(chosen[0], offered), "one of the offered suites", chosen[0], "RFC7296-3.3.6-4")
    must_succeed(peer, sa)


@purpose(
    "auth-child-no-proposal", "RFC7296-1.2-16", "RFC7296-1.2-17", "RFC7296-2.7-4", "RFC7296-2.21.2-8", role="responder"
)
def test_no_proposal(peer: Peer, dut: Dut) -> None:
    """Algorithms that the device does not take cost the Child SA, not the IKE SA."""
    words = refused(dut, protocol=ProtocolID.ESP)[0]
    sa = peer.sa()
    sa.init()
    strange = proposal(words, 1, ProtocolID.ESP, peer.random(4))
    answer = sa.auth(bend.change(SA, proposals=(strange,), text=f"SA with {words}"))
    peer.expect(answer, IDr, "RFC7296-1.2-16")
    peer.expect(answer, AUTH, "RFC7296-1.2-16")
    peer.expect_notify(answer, NotifyType.NO_PROPOSAL_CHOSEN, "RFC7296-2.7-4")
    peer.check(answer.first(SA) is None, "no SA payload", answer)
    kept(peer, sa, "RFC7296-1.2-16")


@purpose(
    "auth-no-ke", "RFC7296-1.2-19", "RFC7296-1.2-20", "RFC7296-1.2-21", role="responder", ordinary=True,
    connection=usual(esp=pfs),
)  # fmt: skip
def test_no_ke(peer: Peer) -> None:
    """The first Child SA takes its keys from the IKE SA, also where later ones have a key exchange of their own."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    found = of_type(peer.expect(answer, SA).proposals[0], TransformType.KE)
    peer.check(all(one.id == KeMethod.NONE for one in found), "no key exchange method", found, "RFC7296-1.2-20")
    peer.check(not answer.first(KE) and not answer.first(Nonce), "neither KE nor Nonce", answer, "RFC7296-1.2-19")
    peer.check(not found, "no key exchange transform at all", found, "RFC7296-1.2-21")
    must_succeed(peer, sa)


@purpose("auth-no-cfg-reply", "RFC7296-2.19-8", role="responder")
def test_no_cfg_reply(peer: Peer) -> None:
    """Who did not ask for a configuration gets none."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    peer.expect(answer, AUTH)
    peer.check(answer.first(CP) is None, "no CP payload", answer)


@purpose("auth-ts-missing", "RFC7296-2.21-1", "RFC7296-1.2-6", "RFC7296-2.9-1", role="responder")
def test_ts_missing(peer: Peer) -> None:
    """SA without TSi, without TSr, or both without SA ask for no Child SA that could be made.

    The device may refuse the whole request or the Child SA; it must say so, and it must not make one.
    """
    for missing in (TSi, TSr, SA):
        sa = peer.sa()
        sa.init()
        answer = sa.auth(bend.drop(missing))
        peer.check(fatal(answer), f"an error notify, as {missing.__name__} is missing", answer)
        for kind in (SA, TSi, TSr):
            peer.check(answer.first(kind) is None, f"no {kind.__name__} in the response", answer)


# --- RFC 6023 ---------------------------------------------------------------------------------------------------------


@purpose(
    "auth-childless", "RFC6023-3-4", "RFC6023-3-5", "RFC6023-3-1", "RFC6023-5-1", "RFC6023-4-2", "RFC6023-4-3",
    "RFC6023-5-2", role="responder", ordinary=True, connection=usual(childless=True),
)  # fmt: skip
def test_childless(peer: Peer) -> None:
    """A device that allows it sets up an IKE SA without a Child SA."""
    sa = peer.sa()
    announced = sa.init()
    notify = peer.expect_notify(announced, NotifyType.CHILDLESS_IKEV2_SUPPORTED, "RFC6023-3-1")
    peer.check(not notify.spi, "no SPI in the notify", notify.spi.hex(), "RFC6023-4-2")
    answer = sa.auth(child=None)
    peer.expect(answer, IDr, "RFC6023-3-4")
    peer.expect(answer, AUTH, "RFC6023-3-4")
    nothing_of_a_child(peer, answer)
    sa.must_be_established("RFC6023-3-4")
    sa.must_be_up("RFC6023-3-4")


_OF_A_CHILD = (
    *(NotifyType.IPCOMP_SUPPORTED, NotifyType.USE_TRANSPORT_MODE, NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED),
    NotifyType.NON_FIRST_FRAGMENTS_ALSO,
)


def nothing_of_a_child(peer: Peer, message: Message) -> None:
    """An IKE_AUTH message that makes no Child SA says nothing about one."""
    peer.check(not any(message.first(one) for one in (SA, TSi, TSr)), "no SA, TSi, TSr", message, "RFC6023-5-1")
    found = [one.type.name for one in message.notifies() if one.type in _OF_A_CHILD]
    peer.check(not found, "no notifies about a Child SA", ", ".join(found), "RFC6023-5-2")


@purpose(
    "auth-initiator-childless", "RFC6023-5-1", "RFC6023-5-2", role="initiator", needs=(Capability.CHILDLESS_INITIATOR,),
    connection=usual(childless=True),
)  # fmt: skip
def test_initiator_childless(peer: Peer, dut: Dut) -> None:
    """The device opens an IKE SA without a Child SA, and its request says nothing about one."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    if request.message.first(SA) is not None:
        raise NotApplicable("it asks for a Child SA, which it may always do")
    nothing_of_a_child(peer, request.message)
    sa.answer(request)
    sa.must_be_established("RFC6023-5-1")
    peer.pause()
    sa.must_be_up("RFC6023-5-1")


@purpose(
    "auth-initiator-childless-unannounced", "RFC6023-3-3", role="initiator", needs=(Capability.CHILDLESS_INITIATOR,),
    connection=usual(childless=True),
)  # fmt: skip
def test_initiator_unannounced(peer: Peer, dut: Dut) -> None:
    """We do not announce that we take IKE SAs without a Child SA: the device asks for one, or gives up."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), childless=False)
    try:
        request = sa.expect_request(ExchangeType.IKE_AUTH)
    except Unexpected:
        peer.note("the device gives up")
        return
    given_up = any(one.type == NotifyType.AUTHENTICATION_FAILED for one in request.message.notifies())
    asked = given_up or request.message.first(SA) is not None
    peer.check(asked, "a request for a Child SA, or none at all", request.message, "RFC6023-3-3")
    sa.answer(request)


@purpose("auth-childless-unasked", "RFC6023-3-6", role="responder", connection=usual(childless=True))
def test_childless_unasked(peer: Peer) -> None:
    """Who asks for a Child SA gets one, also from a device that allows to do without."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    for kind in (SA, TSi, TSr):
        peer.expect(answer, kind, "RFC6023-3-6")
    must_succeed(peer, sa)


@purpose(
    "auth-childless-refused", "RFC6023-3-8", "RFC7296-1.2-18", "RFC6023-3-9", "RFC6023-3-7", role="responder",
    needs=(Capability.CHILDLESS_REFUSAL,),
)  # fmt: skip
def test_childless_refused(peer: Peer) -> None:
    """A device that does not allow childless IKE SAs does not announce them, and refuses one."""
    sa = peer.sa()
    announced = sa.init().notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED)
    peer.check(announced is None, "no N(CHILDLESS_IKEV2_SUPPORTED)", announced, "RFC6023-3-8")
    answer = sa.auth(child=None)
    peer.check(not any(answer.first(one) for one in (SA, TSi, TSr)), "no SA, TSi, TSr", answer, "RFC6023-3-9")
    peer.expect_notify(answer, NotifyType.INVALID_SYNTAX, "RFC6023-3-9")
    must_be_gone(peer, sa, told=True)
