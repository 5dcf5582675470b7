"""EAP methods that end well, the device as responder (RFC 7296, section 2.16)."""

from conformance.ike.core.sending import State
from conformance.script.peer import Peer
from conformance.wire import AUTH, EAP, SA, EapCode, ExchangeType, TSi, TSr
from peers.contract import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap.steps import first_response, must_be_up
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose


@purpose(
    "eap-order", "RFC7296-2.16-4", "RFC7296-2.16-1", "RFC7296-2.16-2", "RFC7296-2.16-5",
    role="responder", needs=(Capability.EAP,), connection=eap(),
)  # fmt: skip
def test_order(peer: Peer) -> None:
    """An initiator that leaves AUTH out gets IDr, AUTH and EAP, and the Child SA only when it has proved itself.

    The first response must hold no SA, TSi and TSr; the one with Success none either; the last one has AUTH again.
    """
    sa = peer.sa()
    sa.init()
    answer = first_response(peer, sa)
    while (packet := peer.expect(answer, EAP, "RFC7296-2.16-4").packet).code == EapCode.REQUEST:
        early = [kind.__name__ for kind in (SA, TSi, TSr) if answer.first(kind) is not None]
        peer.check(not early, "no Child SA before EAP has ended", ", ".join(early), "RFC7296-2.16-4", bypass=True)
        answer = sa.proceed(answer)
    peer.check(packet.code == EapCode.SUCCESS, "EAP-Success", packet)
    answer = sa.proceed(answer)
    sa.conclude(answer)
    peer.expect(answer, AUTH, "RFC7296-2.16-6")
    must_be_up(peer, sa)


@purpose(
    "eap-md5", "RFC7296-2.16-9", "RFC7296-2.16-2", "RFC7296-2.16-11", "RFC7296-2.16-14",
    role="responder", needs=(Capability.EAP,), connection=eap("md5"), ordinary=True,
)  # fmt: skip
def test_md5(peer: Peer) -> None:
    """EAP-MD5 authenticates us."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_be_up(peer, sa)


@purpose(
    "eap-gtc", "RFC7296-2.16-9", "RFC7296-2.16-2", "RFC7296-2.16-11", "RFC7296-2.16-14",
    role="responder", needs=(Capability.EAP,), connection=eap("gtc"), ordinary=True,
)  # fmt: skip
def test_gtc(peer: Peer) -> None:
    """EAP-GTC authenticates us."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_be_up(peer, sa)


@purpose(
    "eap-mschapv2", "RFC7296-2.16-6", "RFC7296-2.16-2", "RFC7296-2.16-11", "RFC7296-2.16-14",
    role="responder", needs=(Capability.EAP,), connection=eap("mschapv2"), ordinary=True,
)  # fmt: skip
def test_mschapv2(peer: Peer) -> None:
    """EAP-MSCHAPV2 authenticates us."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_be_up(peer, sa)


@purpose(
    "eap-initiator", "RFC7296-2.16-3", "RFC7296-2.16-2", "RFC7296-2.16-5", "RFC7296-2.16-14",
    role="initiator", needs=(Capability.EAP_PEER,), connection=eap(device="initiator"),
)  # fmt: skip
def test_initiator(peer: Peer, dut: Dut) -> None:
    """A device that authenticates by EAP leaves AUTH out, answers what it is asked, and proves itself at the end."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    peer.check(request.message.first(AUTH) is None, "no AUTH in the first request", request, "RFC7296-2.16-3")
    sa.answer(request)
    while sa.state == State.HALF_OPEN:
        request = sa.expect_request(ExchangeType.IKE_AUTH)
        sa.answer(request)
    peer.expect(request.message, AUTH, "RFC7296-2.16-14")
    must_be_accepted_by(sa, "RFC7296-2.16-2")
