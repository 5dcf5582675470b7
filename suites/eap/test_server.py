"""The device authenticates by EAP: what it must not believe of us (RFC 7296, section 2.16; RFC 3748, section 4.2)."""

from dataclasses import replace

from conformance.crypto.pki import Authority
from conformance.ike.core.connection import Identity, Party, Psk
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, EAP, AuthMethod, EapCode, EapPacket, EapType, ExchangeType, NotifyType
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap.steps import KEYED, auth_with, packet, tampered
from suites.ike_auth.initiating import Attempt, begun
from suites.ike_auth.refusal import must_be_refused_by
from suites.ike_auth.steps import in_our_name, must_be_accepted_by, ourselves, trusted
from suites.purpose import purpose

NEEDS = (Capability.EAP_PEER,)
SERVES = eap(device="initiator")
PROVED = ("RFC7296-2.16-1", "RFC7296-1.2-11", "RFC7296-1.2-18")


def rounds(peer: Peer, attempt: Attempt) -> list[Received]:
    """The IKE_AUTH requests that followed the first one."""
    first = attempt.request.message.message_id
    return [
        one
        for one in peer.inbox
        if one.sa is attempt.sa and one.protected and not one.message.is_response
        and one.message.exchange == ExchangeType.IKE_AUTH and one.message.message_id > first
    ]  # fmt: skip


def must_keep_silent(
    peer: Peer, dut: Dut, attempt: Attempt, bent: Bend | None = None, requirement: str = "RFC7296-2.16-1"
) -> None:
    """After this first response of ours the device must not take part in EAP, nor take us for anybody."""
    attempt.sa.answer(attempt.request, bend=bent)
    must_be_refused_by(dut, peer, attempt)
    told = [one for one in rounds(peer, attempt) if one.message.first(EAP) is not None]
    shown = str(told[0]) if told else ""
    peer.check(not told, "nothing said in EAP to who has proved nothing", shown, requirement, bypass=True)


def must_not_go_on(peer: Peer, dut: Dut, attempt: Attempt, request: Received, bent: Bend, requirement: str) -> None:
    """After this response of ours the device must not prove itself, nor take us for anybody."""
    attempt.sa.answer(request, bend=bent)
    must_be_refused_by(dut, peer, attempt)
    proofs = [one for one in rounds(peer, attempt) if one.message.first(AUTH) is not None]
    peer.check(not proofs, "no AUTH payload", str(proofs[0]) if proofs else "", requirement)


def as_somebody(peer: Peer, dut: Dut, us: Party) -> None:
    """We answer as somebody else."""
    must_keep_silent(peer, dut, begun(peer, dut, local=us))


# --- before we have proved anything -----------------------------------------------------------------------------------


@purpose(
    "eap-server-unsigned", *PROVED, "RFC5998-3-6", "RFC5998-6.1-1", "RFC5998-4-1", role="initiator", needs=NEEDS,
    connection=eap("mschapv2", "md5", "gtc", "peap", device="initiator"),
)  # fmt: skip
def test_unsigned(peer: Peer, dut: Dut) -> None:
    """A responder that proves nothing itself and asks by a method that is not safe gets no response of the method.

    A device that has said EAP_ONLY_AUTHENTICATION may tell who it is before it knows the method, any other may not.
    """
    attempt = begun(peer, dut)
    named = attempt.request.message.notify(NotifyType.EAP_ONLY_AUTHENTICATION) is not None
    allowed = (EapType.IDENTITY, EapType.NOTIFICATION, EapType.NAK) if named else ()
    attempt.sa.answer(attempt.request, bend=bend.drop(AUTH))
    for _ in range(3):
        try:
            request = attempt.sa.expect_request(ExchangeType.IKE_AUTH)
        except Unexpected:
            break
        told = request.message.first(EAP)
        harmless = told is None or told.packet.type in allowed
        requirement = "RFC5998-3-6" if named else "RFC7296-2.16-1"
        peer.check(harmless, "no response of the method to who has proved nothing", request, requirement, bypass=True)
        attempt.sa.answer(request)
    must_be_refused_by(dut, peer, attempt)


@purpose("eap-server-signature-wrong", *PROVED, role="initiator", needs=NEEDS, connection=SERVES)
def test_signature_wrong(peer: Peer, dut: Dut) -> None:
    """A responder whose signature is wrong learns nothing by EAP."""
    must_keep_silent(peer, dut, begun(peer, dut), bend.replace(AUTH, tampered, "the signature changed"))


@purpose("eap-server-untrusted", *PROVED, role="initiator", needs=NEEDS, connection=SERVES)
def test_untrusted(peer: Peer, dut: Dut) -> None:
    """A responder with a certificate of an unknown authority learns nothing by EAP."""
    made = in_our_name(peer, Authority.create("a stranger"))
    as_somebody(peer, dut, ourselves(peer, chain=made.chain, key=made.key))


@purpose("eap-server-other-name", *PROVED, "RFC7296-2.15-7", role="initiator", needs=NEEDS, connection=SERVES)
def test_other_name(peer: Peer, dut: Dut) -> None:
    """A responder with a trusted certificate of somebody else learns nothing by EAP."""
    name = "stranger.ikespec.example"
    made = trusted(peer).issue(name, sans=[name])
    as_somebody(peer, dut, ourselves(peer, chain=made.chain, key=made.key))


@purpose("eap-server-other-identity", *PROVED, role="initiator", needs=NEEDS, connection=SERVES)
def test_other_identity(peer: Peer, dut: Dut) -> None:
    """A responder that is somebody else by name and certificate learns nothing by EAP."""
    name = "stranger.ikespec.example"
    made = trusted(peer).issue(name, sans=[name])
    us = ourselves(peer, chain=made.chain, key=made.key)
    as_somebody(peer, dut, replace(us, identity=Identity.of(name)))


@purpose("eap-server-shared-key", *PROVED, "RFC7296-5-7", role="initiator", needs=NEEDS, connection=SERVES)
def test_shared_key(peer: Peer, dut: Dut) -> None:
    """A responder with a shared key MIC in place of its signature learns nothing by EAP."""
    as_somebody(peer, dut, Party(peer.connection.local.identity, Psk(b"a key that nobody has agreed on")))


@purpose("eap-server-null", *PROVED, "RFC7619-2-2", role="initiator", needs=NEEDS, connection=SERVES)
def test_null(peer: Peer, dut: Dut) -> None:
    """A responder with NULL authentication learns nothing by EAP."""
    attempt = begun(peer, dut)
    keys = attempt.sa.keys
    assert keys is not None
    mic = auth_with(attempt.sa, keys.sk_pr).data
    must_keep_silent(peer, dut, attempt, bend.replace(AUTH, lambda _: AUTH(AuthMethod.NULL, mic), "NULL AUTH"))


# --- results ----------------------------------------------------------------------------------------------------------


def results(code: EapCode) -> Bend:
    """A result in place of the request of EAP."""
    return packet(lambda one: EapPacket(code, one.identifier), f"EAP {code.name} in place of a request")


@purpose(
    "eap-success-at-once", "RFC3748-4.2-4", "RFC7296-1.2-18", role="initiator", needs=NEEDS, connection=SERVES,
)  # fmt: skip
def test_success_at_once(peer: Peer, dut: Dut) -> None:
    """A Success before any method convinces nobody: the device does not go on to AUTH."""
    attempt = begun(peer, dut)
    must_not_go_on(peer, dut, attempt, attempt.request, results(EapCode.SUCCESS), "RFC3748-4.2-4")


@purpose(
    "eap-success-amid", "RFC3748-4.2-3", "RFC7296-1.2-18", role="initiator", needs=NEEDS,
    connection=eap("mschapv2", "aka", "sim", "tls", device="initiator"),
)  # fmt: skip
def test_success_amid(peer: Peer, dut: Dut) -> None:
    """A Success before the method has authenticated us, too, convinces nobody."""
    attempt = begun(peer, dut)
    must_not_go_on(peer, dut, attempt, in_method(peer, attempt), results(EapCode.SUCCESS), "RFC3748-4.2-3")


@purpose(
    "eap-failure", "RFC7296-1.2-18", "RFC7296-2.16-13", role="initiator", needs=NEEDS, connection=SERVES,
)  # fmt: skip
def test_failure(peer: Peer, dut: Dut) -> None:
    """A Failure ends it: the device proves nothing any more, and has no IKE SA."""
    attempt = begun(peer, dut)
    must_not_go_on(peer, dut, attempt, in_method(peer, attempt), results(EapCode.FAILURE), "RFC7296-1.2-18")


def in_method(peer: Peer, attempt: Attempt) -> Received:
    """Answer up to the device's first response of the method, which waits for our answer."""
    request = attempt.request
    with peer.preamble("EAP"):
        while True:
            attempt.sa.answer(request)
            request = attempt.sa.expect_request(ExchangeType.IKE_AUTH)
            if peer.expect(request.message, EAP).packet.type not in (EapType.IDENTITY, EapType.NOTIFICATION):
                return request


def last_request(peer: Peer, attempt: Attempt) -> Received:
    """Answer up to the device's proof, which waits for ours."""
    request = attempt.request
    with peer.preamble("EAP"):
        while True:
            attempt.sa.answer(request)
            request = attempt.sa.expect_request(ExchangeType.IKE_AUTH)
            if request.message.first(AUTH) is not None:
                return request


# --- our proof after EAP ----------------------------------------------------------------------------------------------


def must_not_believe(peer: Peer, dut: Dut, made: Bend | None = None) -> None:
    """Our last response, bent, must not make an IKE SA; without a bend AUTH is made with SK_pr."""
    attempt = begun(peer, dut)
    request = last_request(peer, attempt)
    keys = attempt.sa.keys
    assert keys is not None
    with_own = bend.replace(AUTH, lambda _: auth_with(attempt.sa, keys.sk_pr), "AUTH with SK_pr in place of the MSK")
    attempt.sa.answer(request, bend=with_own if made is None else made)
    must_be_refused_by(dut, peer, attempt)


@purpose(
    "eap-server-auth-wrong", "RFC7296-1.2-11", "RFC7296-2.16-14", "RFC7296-1.2-18", role="initiator", needs=NEEDS,
    connection=SERVES,
)  # fmt: skip
def test_auth_wrong(peer: Peer, dut: Dut) -> None:
    """A wrong AUTH payload of ours after EAP is not believed, although the first one was right."""
    must_not_believe(peer, dut, bend.replace(AUTH, tampered, "AUTH changed"))


@purpose(
    "eap-server-auth-without-msk", "RFC7296-2.16-6", "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator", needs=NEEDS,
    connection=eap(*KEYED, device="initiator"),
)  # fmt: skip
def test_auth_without_msk(peer: Peer, dut: Dut) -> None:
    """An AUTH payload of ours made with SK_pr is not believed where the method has made a key."""
    must_not_believe(peer, dut)


@purpose(
    "eap-server-auth-none", "RFC7296-2.16-14", "RFC7296-1.2-18", role="initiator", needs=NEEDS, connection=SERVES,
)  # fmt: skip
def test_auth_none(peer: Peer, dut: Dut) -> None:
    """A last response without AUTH makes no IKE SA."""
    must_not_believe(peer, dut, bend.drop(AUTH))


# --- what the device must answer --------------------------------------------------------------------------------------


def replies(peer: Peer, attempt: Attempt, request: Received, asked: EapPacket, requirement: str) -> Received:
    """The request by which the device answers this EAP packet in place of ours."""
    if request is attempt.request:
        attempt.sa.answer(request, bend=bend.replace(EAP, lambda _: EAP(asked), f"EAP {asked}"))
    else:
        attempt.sa.answer(request, EAP(asked))
    found = attempt.sa.expect_request(ExchangeType.IKE_AUTH, requirement=requirement)
    reply = peer.expect(found.message, EAP, requirement).packet
    peer.check(reply.code == EapCode.RESPONSE, "a Response", reply, requirement)
    same = reply.identifier == asked.identifier
    peer.check(same, f"Identifier {asked.identifier}", reply.identifier, "RFC3748-4.1-6")
    return found


@purpose(
    "eap-many-notifications", "RFC7296-2.16-10", "RFC3748-5.2-1", "RFC3748-5.2-2", "RFC3748-4.1-6", role="initiator",
    needs=NEEDS, connection=eap("mschapv2", "md5", "gtc", "sim", "aka", "aka-prime", device="initiator"),
)  # fmt: skip
def test_many_notifications(peer: Peer, dut: Dut) -> None:
    """Five notifications before the method are answered one by one, and the IKE SA comes up after them.

    With the name, the longest of these methods and AUTH these are ten IKE_AUTH exchanges, as many as there must be.
    """
    attempt = begun(peer, dut)
    request = attempt.request
    for number in range(100, 105):
        asked = EapPacket(EapCode.REQUEST, number, EapType.NOTIFICATION, b"please wait")
        request = replies(peer, attempt, request, asked, "RFC7296-2.16-10")
        reply = peer.expect(request.message, EAP).packet
        peer.check(reply.type == EapType.NOTIFICATION, "a Notification response", reply, "RFC3748-5.2-1")
    go_on(attempt, request)
    must_be_accepted_by(attempt.sa, "RFC7296-2.16-10")


def go_on(attempt: Attempt, request: Received) -> None:
    """Ask what we would have asked in place of what the device has just answered, and come to the end."""
    server = attempt.sa.as_server
    assert server is not None
    asked = EapPacket.decode(server.proceed())
    attempt.sa.answer(request, EAP(asked))
    attempt.sa.answer_auth()


@purpose(
    "eap-unknown-method", "RFC3748-5.3.1-2", "RFC3748-5.3.1-1", "RFC3748-4.1-2", role="initiator", needs=NEEDS,
    connection=SERVES,
)  # fmt: skip
def test_unknown_method(peer: Peer, dut: Dut) -> None:
    """A method that the device does not have is answered by a Nak that names what it has, or 0."""
    attempt = begun(peer, dut)
    asked = EapPacket(EapCode.REQUEST, 77, EapType(191), b"ikespec")
    found = replies(peer, attempt, attempt.request, asked, "RFC3748-4.1-2")
    reply = peer.expect(found.message, EAP).packet
    peer.check(reply.type == EapType.NAK, "a Nak", reply, "RFC3748-5.3.1-2")
    named = bool(reply.data) and all(one >= 4 for one in reply.data)
    peer.check(named or reply.data == b"\0", "types from 4 on, or a single 0", reply.data.hex(), "RFC3748-5.3.1-2")
