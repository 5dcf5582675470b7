"""EAP that ends well (RFC 7296, section 2.16)."""

from conformance.ike.extensions.eap_auth import SAFE
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    AUTH,
    CERT,
    EAP,
    SA,
    AuthMethod,
    EapCode,
    EapPacket,
    EapType,
    ExchangeType,
    Notify,
    NotifyType,
    TSi,
    TSr,
)
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap import roles
from suites.eap.roles import Way, as_peer, as_server
from suites.eap.steps import KEYED, asked, must_be_up, nothing_yet, succeeded
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

SERVER, PEER = (Capability.EAP,), (Capability.EAP_PEER,)
UNSIGNED = (AuthMethod.SHARED_KEY_MIC, AuthMethod.NULL)
"""The methods of authentication that prove nothing by a public key."""


@purpose(
    "eap-order", "RFC7296-2.16-4", "RFC7296-2.16-1", "RFC7296-2.16-2", "RFC7296-2.16-5", "RFC7296-2.16-11",
    "RFC7296-2.16-14", "RFC7296-5-7", role="responder", needs=SERVER, connection=eap(), ordinary=True,
)  # fmt: skip
def test_order(peer: Peer) -> None:
    """An initiator that leaves AUTH out gets IDr, AUTH and EAP, and the Child SA only when it has proved itself.

    No response before the last one holds SA, TSi or TSr; EAP ends with a Success, and after it both send AUTH.
    """
    sa = peer.sa()
    answer = asked(peer, sa)
    method = peer.expect(answer, AUTH, "RFC7296-5-7").method
    peer.check(method not in UNSIGNED, "AUTH by a public key", method.name, "RFC7296-5-7")
    while (found := peer.expect(answer, EAP, "RFC7296-2.16-11").packet).code == EapCode.REQUEST:
        nothing_yet(peer, answer)
        answer = sa.proceed(answer)
    peer.check(found.code == EapCode.SUCCESS, "EAP-Success", found, "RFC7296-2.16-11")
    nothing_yet(peer, answer)
    answer = sa.proceed(answer)
    sa.conclude(answer)
    for kind in (AUTH, SA, TSi, TSr):
        peer.expect(answer, kind, "RFC7296-2.16-14")
    must_be_up(peer, sa)


@purpose(
    "eap-msk", "RFC7296-2.16-6", "RFC7296-2.15-15", "RFC7296-2.16-14", role="responder", needs=SERVER,
    connection=eap(*KEYED), ordinary=True,
)  # fmt: skip
def test_msk(peer: Peer) -> None:
    """Where the method makes a key, the device takes an AUTH payload made with it, and makes its own with it."""
    sa = peer.sa()
    answer = sa.proceed(succeeded(peer, sa))
    sa.conclude(answer)
    peer.expect(answer, AUTH, "RFC7296-2.16-14")
    sa.must_be_established("RFC7296-2.15-15")


@purpose(
    "eap-repeated-round", "RFC7296-2.1-2", "RFC7296-2.16-5", role="responder", needs=SERVER, connection=eap(),
)  # fmt: skip
def test_repeated_round(peer: Peer) -> None:
    """A request in the midst of EAP that comes again gets the same response again, and EAP goes on."""
    sa = peer.sa()
    answer = sa.proceed(asked(peer, sa))
    first = sa.received
    assert first is not None
    again = sa.repeat()
    peer.check(again.raw == first.raw, "the same response again", again, "RFC7296-2.1-2")
    while (found := peer.expect(answer, EAP).packet).code == EapCode.REQUEST:
        answer = sa.proceed(answer)
    peer.check(found.code == EapCode.SUCCESS, "EAP-Success", found)
    sa.conclude(sa.proceed(answer))
    must_be_up(peer, sa)


@purpose(
    "eap-repeated-rounds", "RFC7296-2.1-2", "RFC7296-2.16-5", role="responder", needs=SERVER, connection=eap(),
)  # fmt: skip
def test_repeated_rounds(peer: Peer) -> None:
    """Each request behind the first one comes again, that with AUTH as well: the same responses, and an IKE SA.

    We take no IKE fragments, so that each response is one message.
    """
    sa = peer.sa(fragment_size=0)
    answer, proved = asked(peer, sa), False
    while not proved:
        answer = sa.proceed(answer)
        proved, first = answer.first(AUTH) is not None, sa.received
        assert first is not None
        again = sa.repeat()
        peer.check(again.raw == first.raw, "the same response again", again, "RFC7296-2.1-2")
    sa.conclude(answer)
    must_be_up(peer, sa)


@purpose(
    "eap-result-identifier", "RFC3748-4.2-7", "RFC7296-2.16-11", role="responder", needs=SERVER, connection=eap(),
    ordinary=True,
)  # fmt: skip
def test_result_identifier(peer: Peer) -> None:
    """The Success at the end of EAP has the Identifier of the response that it answers.

    A peer that follows the RFC discards any other, and waits for ever.
    """
    sa = peer.sa()
    found = peer.expect(answer := asked(peer, sa), EAP).packet
    while found.code == EapCode.REQUEST:
        answered = found.identifier
        found = peer.expect(answer := sa.proceed(answer), EAP).packet
    peer.check(found.code == EapCode.SUCCESS, "EAP-Success", found, "RFC7296-2.16-11")
    peer.check(found.identifier == answered, f"Identifier {answered}", found, "RFC3748-4.2-7")


def authenticates(peer: Peer, requirement: str) -> None:
    """An ordinary conversation ends with an IKE SA."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_be_up(peer, sa, requirement)


@as_server("eap-{}", "RFC7296-2.16-9", "RFC7296-2.15-16", "RFC7296-2.16-2", ways=roles.KEYLESS, ordinary=True)
def keyless(peer: Peer, way: Way) -> None:
    """{way.title} authenticates us; it makes no key, so AUTH is made with SK_pi and SK_pr."""
    authenticates(peer, "RFC7296-2.15-16")


@as_server(
    "eap-{}", "RFC7296-2.16-6", "RFC7296-2.15-15", "RFC7296-2.16-2", "RFC4186-7-1", "RFC4187-7-1", "RFC9048-3.3-1",
    "RFC5281-8-1",
    ways=(*roles.KEYED, *roles.TUNNELS), ordinary=True,
)  # fmt: skip
def keyed(peer: Peer, way: Way) -> None:
    """{way.title} authenticates us {way.means}, and AUTH is made with its key."""
    authenticates(peer, "RFC7296-2.15-15")


@purpose(
    "eap-identity-given", "RFC7296-2.16-2", "RFC7296-3.16-5", role="responder", needs=SERVER,
    connection=eap(eap_changes={"asked": False, "identity": None}), ordinary=True,
)  # fmt: skip
def test_identity_given(peer: Peer) -> None:
    """Where the device need not ask for the EAP identity, that of IKE stands for it: it had better not ask."""
    authenticates(peer, "RFC7296-2.16-2")
    found = [packet for one in peer.inbox for packet in one.message.all(EAP)]
    asked_for = any(one.packet.type == EapType.IDENTITY for one in found)
    peer.check(not asked_for, "no EAP request for the identity", "one came", "RFC7296-3.16-5")


@purpose(
    "eap-initiator", "RFC7296-2.16-3", "RFC7296-2.16-2", "RFC7296-2.16-5", "RFC7296-2.16-14", role="initiator",
    needs=PEER, connection=eap(device="initiator"), ordinary=True,
)  # fmt: skip
def test_initiator(peer: Peer, dut: Dut) -> None:
    """A device that authenticates by EAP leaves AUTH out, answers what it is asked, and proves itself at the end."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    peer.check(request.message.first(AUTH) is None, "no AUTH in the first request", request, "RFC7296-2.16-3")
    sa.answer(request)
    peer.expect(sa.answer_auth().message, AUTH, "RFC7296-2.16-14")
    must_be_accepted_by(sa, "RFC7296-2.16-2")


@purpose(
    "eap-initiator-packets", "RFC7296-3.16-1", "RFC7296-3.16-4", role="initiator", needs=PEER,
    connection=eap(device="initiator"), ordinary=True,
)  # fmt: skip
def test_initiator_packets(peer: Peer, dut: Dut) -> None:
    """Each EAP response of the device has the identifier of our request, and its type or that of a Nak."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    question: EapPacket | None = None
    while question is None or question.code is EapCode.REQUEST:
        request = sa.expect_request(ExchangeType.IKE_AUTH)
        if question is not None:
            packet = peer.expect(request.message, EAP, "RFC7296-3.16-1").packet
            wanted = f"a response with the identifier {question.identifier}"
            peer.check(packet.identifier == question.identifier, wanted, packet.identifier, "RFC7296-3.16-1")
            types = (question.type, EapType.NAK, EapType.EXPANDED)
            peer.check(packet.type in types, "the type of the request, or a Nak", packet.type, "RFC7296-3.16-4")
        question = peer.expect(sa.answer(request).message, EAP).packet
    sa.answer_auth()
    must_be_accepted_by(sa)


@purpose(
    "eap-initiator-msk", "RFC7296-2.16-6", "RFC7296-2.15-15", role="initiator", needs=PEER,
    connection=eap(*KEYED, device="initiator"), ordinary=True,
)  # fmt: skip
def test_initiator_msk(peer: Peer, dut: Dut) -> None:
    """Where the method makes a key, the device proves itself with it, and believes us because of it."""
    _is_authenticated(peer, dut, "RFC7296-2.15-15")


def _is_authenticated(peer: Peer, dut: Dut, requirement: str) -> None:
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer_auth()
    must_be_accepted_by(sa, requirement)


@as_peer("eap-initiator-{}", "RFC7296-2.16-9", "RFC7296-2.15-16", "RFC7296-2.16-2", ways=roles.KEYLESS, ordinary=True)
def keyless_initiator(peer: Peer, dut: Dut, way: Way) -> None:
    """{way.title} authenticates the device."""
    _is_authenticated(peer, dut, "RFC7296-2.15-16")


@as_peer(
    "eap-initiator-{}",
    "RFC7296-2.16-6",
    "RFC7296-2.15-15",
    "RFC7296-2.16-2",
    "RFC4186-7-1",
    "RFC4187-7-1",
    "RFC9048-3.3-1",
    "RFC5281-8-1",
    ways=(*roles.KEYED, *roles.TUNNELS),
    ordinary=True,
)
def keyed_initiator(peer: Peer, dut: Dut, way: Way) -> None:
    """{way.title} authenticates the device."""
    _is_authenticated(peer, dut, "RFC7296-2.15-15")


@purpose(
    "eap-only", "RFC5998-3-3", "RFC5998-3-8", "RFC5998-3-9", role="responder", needs=(Capability.EAP_ONLY,),
    connection=eap(*SAFE, only=True), ordinary=True,
)  # fmt: skip
def test_only(peer: Peer) -> None:
    """Who says EAP_ONLY_AUTHENTICATION is content with the method: no AUTH and no CERT before it has ended.

    Both AUTH payloads at the end are made with its key.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth(follow=False)
    peer.expect(answer, EAP, "RFC7296-2.16-4")
    for kind in (AUTH, CERT):
        peer.check(answer.first(kind) is None, f"no {kind.__name__} in the first response", answer, "RFC5998-3-3")
    while peer.expect(answer, EAP).packet.code == EapCode.REQUEST:
        answer = sa.proceed(answer)
    answer = sa.proceed(answer)
    sa.conclude(answer)
    sa.must_be_established("RFC5998-3-8")
    must_be_up(peer, sa)


@purpose(
    "eap-only-ignored", "RFC5998-3-4", "RFC7296-2.16-1", role="responder", needs=SERVER, connection=eap(),
)  # fmt: skip
def test_only_ignored(peer: Peer) -> None:
    """A device that has a certificate for this sends AUTH although the initiator says EAP_ONLY_AUTHENTICATION.

    One that leaves AUTH out all the same must use a safe method.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth(bend.append(Notify(NotifyType.EAP_ONLY_AUTHENTICATION)), follow=False)
    peer.expect(answer, EAP, "RFC7296-2.16-4")
    if answer.first(AUTH) is None:
        raise NotApplicable("it takes part in EAP-only authentication")
    sa.proceed(answer)


@purpose(
    "eap-only-initiator", "RFC5998-3-1", "RFC5998-3-2", "RFC5998-3-8", role="initiator",
    needs=(Capability.EAP_ONLY, Capability.EAP_PEER), connection=eap(*SAFE, device="initiator", only=True),
    ordinary=True,
)  # fmt: skip
def test_only_initiator(peer: Peer, dut: Dut) -> None:
    """A device that wants no other proof says EAP_ONLY_AUTHENTICATION, and believes us by the method alone."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    found = peer.expect_notify(request.message, NotifyType.EAP_ONLY_AUTHENTICATION, "RFC5998-3-1")
    empty = not found.data and not found.spi and not found.protocol
    peer.check(empty, "a notify without protocol, SPI and data", found, "RFC5998-3-2")
    sa.answer(request)
    sa.answer_auth()
    must_be_accepted_by(sa, "RFC5998-3-8")
