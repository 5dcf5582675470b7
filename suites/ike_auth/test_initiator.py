"""The device initiates: its IKE_AUTH request, and what it makes of our proof (RFC 7296, sections 1.2 and 2.15)."""

from dataclasses import replace
from datetime import UTC, datetime

from conformance.crypto.pki import Authority, Leaf
from conformance.ike.core.connection import Identity, Party, Psk
from conformance.ike.core.proposals import of_type
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import (
    AUTH,
    FLAG_INITIATOR,
    KE,
    SA,
    ExchangeType,
    IDi,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    TransformType,
    TSi,
    TSr,
    UnknownPayload,
    VendorID,
    encode_message,
)
from suites.choices import esp_several, with_pfs
from suites.connections import certificates, psk, usual
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused_by
from suites.ike_auth.steps import (
    NEARLY_RIGHT,
    in_our_name,
    must_ask_for_certificates,
    must_be_accepted_by,
    must_be_clean,
    ourselves,
    trusted,
)
from suites.purpose import purpose


@purpose(
    "auth-initiator",
    "RFC7296-1.2-6",
    "RFC7296-2.15-1",
    "RFC7296-2.15-10",
    "RFC7296-4-4",
    "RFC7296-3.5-5",
    role="initiator",
)
def test_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator proves its identity and asks for its first Child SA in one request."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    for kind in (IDi, AUTH, SA, TSi, TSr):
        peer.check(request.message.first(kind), f"{kind.__name__} in the request", request.message, "RFC7296-1.2-6")
    sa.answer(request)
    must_be_accepted_by(sa, "RFC7296-2.15-1")


@purpose(
    "auth-request-format", "RFC7296-1.2-19", "RFC7296-1.2-20", "RFC7296-1.2-21", "RFC7296-2.2-3", "RFC7296-3.3.1-9",
    "RFC7296-3.3.1-5", "RFC7296-2.9-1", "RFC7296-2.5-7", "RFC7296-3.1-15", "RFC7296-3.2-6", "RFC7296-3.4-4",
    role="initiator",
    connection=usual(esp=with_pfs(esp_several)),
)  # fmt: skip
def test_request_format(peer: Peer, dut: Dut) -> None:
    """The first Child SA is asked for without a key exchange, in well-formed proposals, under message ID 1."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    message = sa.expect_request(ExchangeType.IKE_AUTH).message
    peer.check(message.message_id == 1, "message ID 1", message.message_id, "RFC7296-2.2-3")
    peer.check(
        message.flags == FLAG_INITIATOR, "the Initiator flag alone", f"flags 0x{message.flags:02x}", "RFC7296-3.1-15"
    )
    peer.check(not message.first(KE) and not message.first(Nonce), "neither KE nor Nonce", message, "RFC7296-1.2-19")
    peer.check(len(message.all(TSi)) == len(message.all(TSr)) == 1, "one TSi and one TSr", message, "RFC7296-2.9-1")
    must_be_clean(peer, message)
    proposals = peer.expect(message, SA).proposals
    numbers = [one.number for one in proposals]
    peer.check(numbers == list(range(1, len(numbers) + 1)), "proposals 1, 2, ...", numbers, "RFC7296-3.3.1-5")
    for one in proposals:
        peer.check(len(one.spi) == 4, "an SPI of four octets", one.spi.hex(), "RFC7296-3.3.1-9")
        methods = of_type(one, TransformType.KE)
        peer.check(not any(each.id for each in methods), "no key exchange method", methods, "RFC7296-1.2-20")
        peer.check(not methods, "no key exchange transform at all", methods, "RFC7296-1.2-21")


@purpose("auth-after-cookie", "RFC7296-2.15-6", "RFC7296-2.15-1", role="initiator")
def test_after_cookie(peer: Peer, dut: Dut) -> None:
    """When a cookie made it repeat IKE_SA_INIT, the initiator signs the request with the cookie."""
    dut.initiate()
    peer.refuse_init(peer.expect_init(), Notify(NotifyType.COOKIE, peer.random(24)))
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    must_be_accepted_by(sa, "RFC7296-2.15-6")


@purpose("auth-responder-init-verbatim", "RFC7296-2.15-5", "RFC7296-2.15-2", role="initiator")
def test_init_verbatim(peer: Peer, dut: Dut) -> None:
    """Our AUTH covers the octets of our IKE_SA_INIT response, with all that the device does not know."""
    dut.initiate()
    strange = bend.append(VendorID(b"ikespec")) | bend.append(UnknownPayload(201, b"not for you", reserved=0x2A))
    sa = peer.respond_init(peer.expect_init(), strange)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    must_be_accepted_by(sa, "RFC7296-2.15-5")


@purpose("auth-responder-init-tampered", "RFC7296-2.15-2", "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator")
def test_init_tampered(peer: Peer, dut: Dut) -> None:
    """What somebody changed in our IKE_SA_INIT response on its way is found by our AUTH."""
    attempt = begun(peer, dut, bend.append(VendorID(b"ikespec A")))
    sa = attempt.sa
    sa.init_response_raw = sa.init_response_raw.replace(b"ikespec A", b"ikespec B")
    sa.answer(attempt.request)
    must_be_refused_by(dut, peer, attempt)


def refused_as(peer: Peer, dut: Dut, local: Party) -> None:
    """The device initiates, we answer as ``local``, and it refuses us."""
    attempt = begun(peer, dut, local=local)
    attempt.sa.answer(attempt.request)
    must_be_refused_by(dut, peer, attempt)


def refused_with(peer: Peer, dut: Dut, bent: Bend | None, *payloads: Payload) -> None:
    """The device initiates and refuses our answer, which is bent, or these payloads in place of the right ones."""
    attempt = begun(peer, dut)
    attempt.sa.answer(attempt.request, *payloads, bend=bent)
    must_be_refused_by(dut, peer, attempt)


@purpose("auth-wrong-responder-auth", "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator", connection=psk())
def test_wrong_auth(peer: Peer, dut: Dut) -> None:
    """A responder with another shared key is not the one that the device wants."""
    wrong = Party(peer.connection.local.identity, Psk(b"not the key that was agreed on"))
    refused_as(peer, dut, wrong)


@purpose("auth-responder-psk-bit", "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator", connection=psk())
def test_psk_bit(peer: Peer, dut: Dut) -> None:
    """A MIC of the responder that is wrong in its last bit, or that stops early, proves nothing.

    A device that compares only as many octets as it was sent would take anybody, without the shared key.
    """
    for bent in NEARLY_RIGHT:
        refused_with(peer, dut, bent)


@purpose("auth-wrong-responder-id", "RFC7296-1.2-12", "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator")
def test_wrong_id(peer: Peer, dut: Dut) -> None:
    """A responder that proves to be somebody else, with the key of the right one, is refused."""
    dut.looks_at_identities()
    stranger = replace(peer.connection.local, identity=Identity.of("stranger.ikespec.example"))
    refused_as(peer, dut, stranger)


@purpose(
    "auth-responder-signature-wrong", "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator", connection=certificates()
)
def test_wrong_signature(peer: Peer, dut: Dut) -> None:
    """A wrong signature of the responder is not accepted."""
    wrong = bend.replace(AUTH, lambda one: AUTH(one.method, one.data[:-32] + bytes(32)), "signature changed")
    refused_with(peer, dut, wrong)


def certified(peer: Peer, dut: Dut, made: Leaf) -> None:
    """We answer with this certificate, under our usual name, and the device refuses us."""
    refused_as(peer, dut, ourselves(peer, chain=made.chain, key=made.key))


_CERTIFICATE = ("RFC7296-1.2-11", "RFC7296-1.2-18")


@purpose("auth-responder-certificate-untrusted", *_CERTIFICATE, role="initiator", connection=certificates())
def test_certificate_untrusted(peer: Peer, dut: Dut) -> None:
    """A responder with a certificate of an unknown authority is refused."""
    certified(peer, dut, in_our_name(peer, Authority.create("a stranger")))


@purpose("auth-responder-certificate-expired", *_CERTIFICATE, role="initiator", connection=certificates())
def test_certificate_expired(peer: Peer, dut: Dut) -> None:
    """A responder whose certificate has expired is refused."""
    end = datetime(2021, 1, 1, tzinfo=UTC)
    certified(peer, dut, in_our_name(peer, trusted(peer), not_after=end))


@purpose(
    "auth-responder-certificate-other-name", *_CERTIFICATE, "RFC7296-2.15-7", role="initiator",
    connection=certificates(),
)  # fmt: skip
def test_certificate_other_name(peer: Peer, dut: Dut) -> None:
    """A responder with a trusted certificate for another name is not who it says."""
    name = "stranger.ikespec.example"
    certified(peer, dut, trusted(peer).issue(name, sans=[name]))


@purpose("auth-certreq-format", "RFC7296-3.7-2", "RFC7296-3.7-3", role="initiator", connection=certificates())
def test_certreq_format(peer: Peer, dut: Dut) -> None:
    """CERTREQ for X.509 is a list of SHA-1 hashes over keys of authorities, among them the configured one."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    message = sa.expect_request(ExchangeType.IKE_AUTH).message
    must_ask_for_certificates(peer, message)


@purpose("auth-responder-bad-icv", "RFC7296-1.2-11", "RFC7296-2.21-2", "RFC7296-1.2-1", role="initiator")
def test_responder_bad_icv(peer: Peer, dut: Dut) -> None:
    """A response whose integrity check fails is ignored and draws no error; the right one after it counts."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())

    kept: list[bytes] = []

    def wrong(found: list[bytes]) -> list[bytes]:
        kept.extend(found)
        return [found[0][:-1] + bytes((found[0][-1] ^ 1,))]

    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bend.datagrams(wrong, "with a wrong ICV"))
    sa.last_response = kept
    peer.pause()
    sa.retransmit_response()
    must_be_accepted_by(sa, "RFC7296-1.2-11")
    told = [one for one in peer.inbox if one.sa is sa and one.message.exchange == ExchangeType.INFORMATIONAL]
    errors = [one for one in told if not one.message.is_response and fatal(one.message)]
    peer.check(not errors, "no error message about a response", errors[0] if errors else "", "RFC7296-2.21-2")


@purpose("auth-responder-critical-known", "RFC7296-3.2-5", role="initiator")
def test_critical_known(peer: Peer, dut: Dut) -> None:
    """The critical flag in known payloads of our response means nothing."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    everywhere = bend.replace(Payload, lambda one: replace(one, critical=True), "critical flag in all payloads")
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=everywhere)
    must_be_accepted_by(sa, "RFC7296-3.2-5")


@purpose("auth-responder-unknown-critical", "RFC7296-2.5-10", "RFC7296-4-3", role="initiator")
def test_unknown_critical(peer: Peer, dut: Dut) -> None:
    """A response with an unknown critical payload is rejected: no IKE SA comes of it."""
    refused_with(peer, dut, bend.append(UnknownPayload(200, b"ikespec", critical=True)))


@purpose("auth-responder-unknown-payload", "RFC7296-2.5-13", "RFC7296-3.10.1-3", role="initiator")
def test_unknown_payload(peer: Peer, dut: Dut) -> None:
    """Unknown payloads that are not critical, and status notifies of unknown types, are skipped in a response."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    strange = bend.insert(UnknownPayload(200, b"ikespec")) | bend.append(Notify(NotifyType(40001), b"status"))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=strange)
    must_be_accepted_by(sa, "RFC7296-2.5-13")


@purpose("auth-responder-unknown-error", "RFC7296-3.10.1-1", role="initiator")
def test_unknown_error(peer: Peer, dut: Dut) -> None:
    """An error notify of an unassigned type as the whole response means that the request has failed."""
    refused_with(peer, dut, None, Notify(NotifyType(8191)))


@purpose("auth-responder-auth-missing", "RFC7296-1.2-11", "RFC7296-1.2-10", "RFC7296-1.2-18", role="initiator")
def test_auth_missing(peer: Peer, dut: Dut) -> None:
    """A responder that does not prove anything is refused, whatever else it sends."""
    refused_with(peer, dut, bend.drop(AUTH))


@purpose("auth-reflected", "RFC7296-2.15-2", "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator")
def test_reflected(peer: Peer, dut: Dut) -> None:
    """The device's own AUTH, sent back to it under our name, proves nothing."""
    attempt = begun(peer, dut)
    own = peer.expect(attempt.request.message, AUTH)
    attempt.sa.answer(attempt.request, bend=bend.replace(AUTH, lambda _: own, "AUTH of the request"))
    must_be_refused_by(dut, peer, attempt)


@purpose("auth-responder-unprotected", "RFC7296-1.2-1", "RFC7296-2.4-7", role="initiator")
def test_unprotected(peer: Peer, dut: Dut) -> None:
    """A response in clear says nothing, be it good or bad news; the protected one after it counts."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    for kind in (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX, NotifyType.NO_PROPOSAL_CHOSEN):
        bad = sa.message(ExchangeType.IKE_AUTH, [Notify(kind)], request.message.message_id, response=True)
        sa.transmit([encode_message(bad)], *sa.reply_path)
    peer.pause()
    sa.answer(request)
    must_be_accepted_by(sa, "RFC7296-1.2-1")
