"""Requests, responses and types as RFC 3748 has them, whatever the method; the device in both roles."""

from collections.abc import Callable
from itertools import pairwise

from conformance.eap.basic import ExpandedNak
from conformance.script import bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import EAP, EapCode, EapPacket, EapType, ExchangeType
from conformance.wire.errors import WireError
from peers.capabilities import Capability
from suites.choices import including
from suites.connections import eap
from suites.dut import Dut
from suites.eap import listening
from suites.eap.steps import must_be_up
from suites.eap.sweeping import next_request, part
from suites.eap.test_server import NEEDS, SERVES, go_on, in_method, replies
from suites.ike_auth.initiating import Attempt, begun
from suites.ike_auth.refusal import must_be_refused_by
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

SERVER = (Capability.EAP,)
UNKNOWN_EXPANDED = bytes.fromhex("00ab12 00000001") + b"ikespec"
"""A type of a vendor that nobody knows."""
CHALLENGE = bytes((16,)) + bytes(range(16)) + b"ikespec"
ASKED = {EapType.MD5_CHALLENGE: CHALLENGE, EapType.GTC: b"Password: ", EapType.IDENTITY: b""}
"""A request of each of these types."""
AES_PRFS = "prfaescmac-prfaesxcbc"


# --- the device as server ---------------------------------------------------------------------------------------------


@purpose(
    "eap-requests", "RFC3748-4.1-5", "RFC3748-2.1-2", "RFC3748-2.1-1", "RFC3748-5-1", "RFC3748-2-3", "RFC3748-4.2-1",
    role="responder", needs=SERVER, connection=eap(), ordinary=True,
)  # fmt: skip
def test_requests(peer: Peer) -> None:
    """Each request has another Identifier than the one before, and asks for one method; a Success without data ends it.

    Before that method others may have been asked for, which our side has answered by a Nak. A Nak is no request.
    """
    heard = listening.served(peer)
    requests = [one for one in heard.packets if one.code == EapCode.REQUEST]
    for before, one in pairwise(requests):
        peer.check(one.identifier != before.identifier, "another Identifier", one, "RFC3748-4.1-5")
    types = [one.type for one in requests]
    peer.check(EapType.NAK not in types, "no request of type Nak", heard.shown, "RFC3748-5-1")
    methods = heard.of_method
    peer.check(methods, "a request of a method", heard.shown, "RFC3748-2.1-1")
    rest = {kind for kind in types[requests.index(methods[0]) :] if kind != EapType.NOTIFICATION}
    peer.check(len(rest) == 1, "requests of one method to its end", heard.shown, "RFC3748-2.1-2")
    last = heard.packets[-1]
    peer.check(last.code == EapCode.SUCCESS, "EAP-Success", last, "RFC3748-2-3")
    peer.check(not last.data, "a Success without data", last, "RFC3748-4.2-1")
    peer.check(heard.up, "an IKE SA", heard.shown, "RFC3748-2-3")


@purpose(
    "eap-md5-challenge", "RFC3748-5.4-2", role="responder", needs=SERVER, connection=eap("md5"), ordinary=True,
)  # fmt: skip
def test_md5_challenge(peer: Peer) -> None:
    """Each MD5-Challenge is another one: who has heard an answer once cannot use it again."""
    seen: list[bytes] = []
    for _ in range(3):
        found = listening.served(peer).of_method
        peer.check(found, "a request of MD5-Challenge", "none")
        seen.append(found[0].data[1 : 1 + found[0].data[0]])
    peer.check(len(set(seen)) == len(seen), "another challenge each time", [one.hex() for one in seen], "RFC3748-5.4-2")


# --- the length of the key --------------------------------------------------------------------------------------------


@purpose(
    "eap-msk-length", "RFC3748-7.10-1", "RFC7296-2.16-6", role="responder", needs=SERVER,
    connection=eap("mschapv2", proposals=including(AES_PRFS)), ordinary=True,
)  # fmt: skip
def test_msk_length(peer: Peer) -> None:
    """MSCHAPv2 makes 32 octets; the MSK is these and zeros up to 64, and AUTH is made with all of them.

    With an HMAC nobody sees the zeros. A PRF of AES makes another key of 64 octets than of 32.
    """
    sa = peer.sa()
    sa.init()
    sa.auth()
    sa.must_be_established("RFC3748-7.10-1")
    must_be_up(peer, sa)


@purpose(
    "eap-initiator-msk-length", "RFC3748-7.10-1", "RFC7296-2.16-6", role="initiator", needs=NEEDS,
    connection=eap("mschapv2", device="initiator", proposals=including(AES_PRFS)), ordinary=True,
)  # fmt: skip
def test_initiator_msk_length(peer: Peer, dut: Dut) -> None:
    """The device as peer makes AUTH with an MSK of 64 octets, too, where MSCHAPv2 has made 32."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer_auth()
    must_be_accepted_by(sa, "RFC3748-7.10-1")


# --- the device as peer: before the method ----------------------------------------------------------------------------


@purpose(
    "eap-initiator-identity", "RFC3748-5.1-2", "RFC3748-5.1-1", "RFC3748-4.1-6", role="initiator", needs=NEEDS,
    connection=SERVES,
)  # fmt: skip
def test_initiator_identity(peer: Peer, dut: Dut) -> None:
    """A request for the identity is answered by it, and it does not end in a NUL."""
    attempt = begun(peer, dut)
    asked = EapPacket(EapCode.REQUEST, 201, EapType.IDENTITY, b"who is there?\0networkid=ikespec")
    request = replies(peer, attempt, attempt.request, asked, "RFC3748-5.1-1")
    reply = peer.expect(request.message, EAP).packet
    peer.check(reply.type == EapType.IDENTITY, "an Identity response", reply, "RFC3748-5.1-1")
    peer.check(not reply.data.endswith(b"\0"), "an identity without a NUL at its end", reply, "RFC3748-5.1-2")
    go_on(attempt, request)
    must_be_accepted_by(attempt.sa, "RFC3748-5.1-1")


@purpose(
    "eap-unknown-expanded", "RFC3748-5.3.1-4", "RFC3748-5.3.2-1", "RFC3748-4.1-2", role="initiator", needs=NEEDS,
    connection=SERVES,
)  # fmt: skip
def test_unknown_expanded(peer: Peer, dut: Dut) -> None:
    """A vendor's method that nobody knows is answered by a Nak, a legacy or an expanded one."""
    attempt = begun(peer, dut)
    asked = EapPacket(EapCode.REQUEST, 78, EapType.EXPANDED, UNKNOWN_EXPANDED)
    request = replies(peer, attempt, named(peer, attempt), asked, "RFC3748-4.1-2")
    reply = peer.expect(request.message, EAP).packet
    if reply.type != EapType.EXPANDED:
        peer.check(reply.type == EapType.NAK, "a Nak", reply, "RFC3748-5.3.1-4")
        peer.check(reply.data, "a type, or a single 0", reply.data.hex(), "RFC3748-5.3.1-4")
    else:
        peer.check(reply.data[:7] == bytes.fromhex("00000000000003"), "an expanded Nak", reply, "RFC3748-5.3.2-1")
        peer.check(_lists_expanded(reply.data[7:]), "expanded types of eight octets each", reply, "RFC3748-5.3.2-1")
    must_end(peer, dut, attempt, request)


def _lists_expanded(data: bytes) -> bool:
    try:
        found = ExpandedNak.decode(data)
    except WireError:
        return False
    return bool(found.types) and all(one.type == EapType.EXPANDED for one in found.types)


def named(peer: Peer, attempt: Attempt) -> Received:
    """The device has said its name in EAP; what it has said waits. Some need that to find their password."""
    with peer.preamble("EAP"):
        attempt.sa.answer(attempt.request)
        request = attempt.sa.expect_request(ExchangeType.IKE_AUTH)
        peer.expect(request.message, EAP)
    return request


def must_end(peer: Peer, dut: Dut, attempt: Attempt, request: Received) -> None:
    """A Failure of ours ends what has begun."""
    answered = peer.expect(request.message, EAP).packet
    attempt.sa.answer(request, EAP(EapPacket(EapCode.FAILURE, answered.identifier)))
    must_be_refused_by(dut, peer, attempt)


def offered(kind: EapType, requirement: str) -> Callable[[Peer, Dut], None]:
    """A method that everybody knows is answered in kind, or by a Nak."""

    @purpose(
        f"eap-{kind.name.split('_')[0].lower()}-or-nak", requirement, "RFC3748-4.1-8", role="initiator", needs=NEEDS,
        connection=SERVES, family="eap-or-nak",
    )  # fmt: skip
    def test(peer: Peer, dut: Dut) -> None:
        attempt = begun(peer, dut)
        asked = EapPacket(EapCode.REQUEST, 79, kind, ASKED[kind])
        request = replies(peer, attempt, named(peer, attempt), asked, requirement)
        reply = peer.expect(request.message, EAP).packet
        fits = reply.type in (kind, EapType.NAK)
        peer.check(fits, f"a response of type {kind.name}, or a Nak", reply, requirement)
        must_end(peer, dut, attempt, request)

    test.__doc__ = f"A request of {kind.name} as the first one is answered by a response of that type, or by a Nak."
    test.__module__ = __name__
    return test


test_md5_or_nak = offered(EapType.MD5_CHALLENGE, "RFC3748-5.4-1")
test_gtc_or_nak = offered(EapType.GTC, "RFC3748-5.6-1")


# --- the device as peer: amid the method ------------------------------------------------------------------------------


def said_to(peer: Peer, dut: Dut, attempt: Attempt, request: Received, sent: EapPacket) -> EapPacket | None:
    """What the device says in EAP to this packet in place of ours; None where it says nothing, or has ended it."""
    peer.note(f"EAP {sent}")
    if request is attempt.request:
        attempt.sa.answer(request, bend=bend.replace(EAP, lambda _: EAP(sent), f"EAP {sent}"))
    else:
        attempt.sa.answer(request, EAP(sent))
    found = next_request(peer, dut, attempt.sa, request)
    told = found.message.first(EAP) if found is not None else None
    part(peer, dut, attempt.sa)
    return told.packet if told is not None else None


@purpose(
    "eap-initiator-other-method", "RFC3748-2.1-3", "RFC3748-2.1-4", "RFC3748-4.1-3", role="initiator", needs=NEEDS,
    connection=SERVES,
)  # fmt: skip
def test_initiator_other_method(peer: Peer, dut: Dut) -> None:
    """A request of another type in the midst of a method is answered neither in kind nor by a Nak; nor is Identity."""
    for kind, data in ASKED.items():
        attempt = begun(peer, dut)
        request = in_method(peer, attempt)
        running = peer.expect(request.message, EAP).packet
        if running.type == kind:
            must_end(peer, dut, attempt, request)
            continue
        sent = EapPacket(EapCode.REQUEST, (running.identifier + 1) & 0xFF, kind, data)
        reply = said_to(peer, dut, attempt, request, sent)
        shown = reply or "nothing"
        text = f"to a request of {kind.name} amid the method"
        peer.check(reply is None or reply.type != kind, f"no response of that type {text}", shown, "RFC3748-2.1-3")
        peer.check(reply is None or reply.type != EapType.NAK, f"no Nak {text}", shown, "RFC3748-2.1-4")


@purpose(
    "eap-initiator-codes", "RFC3748-4.1-3", "RFC3748-4-1", role="initiator", needs=NEEDS, connection=SERVES,
)  # fmt: skip
def test_initiator_codes(peer: Peer, dut: Dut) -> None:
    """What is no request gets no response: our own Response, and codes that do not exist."""
    for code in (EapCode.RESPONSE, EapCode(0), EapCode(5), EapCode(255)):
        attempt = begun(peer, dut)
        reply = said_to(peer, dut, attempt, attempt.request, EapPacket(code, 66, EapType.IDENTITY, b"ikespec"))
        peer.check(reply is None, f"no response to code {int(code)}", reply, "RFC3748-4.1-3")


@purpose(
    "eap-initiator-repeated", "RFC3748-4.1-4", role="initiator", needs=NEEDS,
    connection=eap("mschapv2", "tls", "ttls", device="initiator"),
)  # fmt: skip
def test_initiator_repeated(peer: Peer, dut: Dut) -> None:
    """A request of the method that comes again as it was gets the response that it got, which is not made anew."""
    attempt = begun(peer, dut)
    request = in_method(peer, attempt)
    first = peer.expect(request.message, EAP).packet
    server = attempt.sa.as_server
    assert server is not None and server.sent is not None
    if first.type != server.sent.type:
        raise NotApplicable("it has answered the method by a Nak")
    again = said_to(peer, dut, attempt, request, server.sent)
    peer.check(again == first, "the same response again", again or "nothing", "RFC3748-4.1-4")
