"""CRLs and OCSP responses in CERT payloads beside our certificate (RFC 7296, section 3.6; RFC 4806)."""

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.x509 import ocsp

from conformance.crypto.errors import CertificateError
from conformance.crypto.pki import Authority, new_key
from conformance.crypto.revocation import RevocationChecks, load_ocsp
from conformance.crypto.revoking import DAY, at, broken, crl, response, single
from conformance.ike.core.connection import PublicKey, Revocation
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import CERT, CERTREQ, CertEncoding, ExchangeType, Message
from peers.capabilities import Capability
from suites.certificates.paths import key_usage
from suites.certificates.revoking import RELAXED, STRICT, Case, all_is_well, two_anchors
from suites.certificates.roles import AsResponder, Shown, accepted, refused
from suites.certificates.test_payloads import after_first
from suites.connections import authority, second_authority
from suites.dut import Dut
from suites.ike_auth.steps import ourselves
from suites.purpose import purpose

_REVOKED, _COUNTS = ("RFC4945-5.2-1", "RFC4945-5.2.1-1"), "RFC4806-4.1-4"
BY_LIST: dict[str, Any] = {**STRICT, "needs": (Capability.CRL_IN_IKE,)}
BY_RESPONSE: dict[str, Any] = {
    **STRICT,
    "needs": (Capability.OCSP_IN_IKE,),
    "device": {"revocation": Revocation.STRICT, "ocsp_in_ike": True},
}
Say = Callable[[Case], bytes]
Decorator = Callable[[Callable[[Peer], Shown]], AsResponder]


def shown(encoding: CertEncoding, say: Say) -> Callable[[Peer], Shown]:
    """Our certificate, which names nobody to ask, and a CRL or an OCSP response about it."""

    def make(peer: Peer) -> Shown:
        case = Case(peer, by_ocsp=encoding == CertEncoding.OCSP_CONTENT)
        case.extensions = []
        octets = say(case)
        beside = after_first(CERT, [CERT(encoding, octets)], f"{encoding.name} of {len(octets)} octets behind it")
        return Shown(ourselves(peer, chain=case.leaf.chain, key=case.leaf.key), beside)

    make.__name__, make.__doc__, make.__module__ = say.__name__, say.__doc__, say.__module__
    return make


def with_list(decorator: Decorator) -> Callable[[Say], AsResponder]:
    """A purpose that shows a CRL."""
    return lambda say: decorator(shown(CertEncoding.CRL, say))


def with_response(decorator: Decorator) -> Callable[[Say], AsResponder]:
    """A purpose that shows an OCSP response."""
    return lambda say: decorator(shown(CertEncoding.OCSP_CONTENT, say))


# --- CRLs -----------------------------------------------------------------------------------------------------------


@with_list(accepted("cert-crl-shown", "RFC5280-6.3-1", "RFC7296-3.6-4", **BY_LIST))
def test_list(case: Case) -> bytes:
    """An empty CRL beside our certificate, which names no distribution point."""
    return case.list()


@with_list(refused("cert-crl-shown-revoked", *_REVOKED, "RFC7296-3.6-4", **{**RELAXED, "needs": BY_LIST["needs"]}))
def test_list_revoked(case: Case) -> bytes:
    """Our certificate is on the CRL beside it; the device would take one that nobody knows."""
    return case.list(case.number)


@with_list(refused("cert-crl-shown-expired", "RFC5280-6.3-1", "RFC5280-6.3.3-1", **BY_LIST))
def test_list_expired(case: Case) -> bytes:
    """The CRL beside our certificate is empty, and its nextUpdate has passed."""
    return case.list(begun=-2 * DAY, end=-DAY)


@with_list(refused("cert-crl-shown-signer", "RFC5280-6.3-1", "RFC5280-6.3.3-10", **BY_LIST))
def test_list_signer(case: Case) -> bytes:
    """The CRL beside our certificate is empty, and signed by somebody who has only the name of its issuer."""
    return case.list(key=new_key("ecdsa"))


@accepted("cert-crl-shown-foreign", "RFC4945-3.3.10.5-1")
def test_list_foreign(peer: Peer) -> Shown:
    """Beside our certificate is the CRL of an authority that nobody has heard of."""
    stranger = Authority.create("a stranger", key=new_key("ecdsa"))
    octets = crl(stranger, peer.link.now(), [7001])
    return Shown(None, after_first(CERT, [CERT(CertEncoding.CRL, octets)], "the CRL of a stranger behind it"))


# --- OCSP -----------------------------------------------------------------------------------------------------------


def said(case: Case, status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD, **changes: Any) -> bytes:
    """The OCSP response of our issuer about our certificate."""
    return response(single(changes.pop("number", case.number), case.issuer, case.now, status, **changes), case.issuer)


@with_response(accepted("cert-ocsp-shown", _COUNTS, "RFC4945-5.2-1", **BY_RESPONSE))
def test_response(case: Case) -> bytes:
    """Nothing is wrong with our certificate, says the OCSP response beside it."""
    return said(case)


@with_response(refused("cert-ocsp-shown-revoked", _COUNTS, *_REVOKED, "RFC6960-2.2-1", **BY_RESPONSE))
def test_response_revoked(case: Case) -> bytes:
    """Our certificate is revoked, says the OCSP response beside it."""
    return said(case, ocsp.OCSPCertStatus.REVOKED)


@with_response(refused("cert-ocsp-shown-unknown", "RFC4945-5.2-1", "RFC6960-2.2-2", **BY_RESPONSE))
def test_response_unknown(case: Case) -> bytes:
    """The OCSP response beside our certificate says that the responder does not know it."""
    return said(case, ocsp.OCSPCertStatus.UNKNOWN)


@with_response(refused("cert-ocsp-shown-expired", "RFC6960-3.2-5", "RFC6960-4.2.2.1-1", **BY_RESPONSE))
def test_response_expired(case: Case) -> bytes:
    """The OCSP response beside our certificate is good, and its nextUpdate has passed."""
    return said(case, begun=-2 * DAY, end=-DAY)


@with_response(refused("cert-ocsp-shown-number", "RFC6960-3.2-1", **BY_RESPONSE))
def test_response_number(case: Case) -> bytes:
    """The OCSP response beside our certificate is good, and about another one of the same issuer."""
    return said(case, number=case.number ^ 2)


@with_response(refused("cert-ocsp-shown-signature", "RFC6960-3.2-2", **BY_RESPONSE))
def test_response_signature(case: Case) -> bytes:
    """The OCSP response beside our certificate is good, and its signature is wrong."""
    return broken(said(case))


@with_response(refused("cert-ocsp-shown-itself", "RFC6960-3.2-3", "RFC6960-4.2.2.2-2", **BY_RESPONSE))
def test_response_itself(case: Case) -> bytes:
    """The OCSP response beside our certificate is good, and signed with the key of that certificate."""
    return response(single(case.number, case.issuer, case.now), case.leaf)


@with_response(refused("cert-ocsp-shown-not-der", "RFC4945-5.2-1", **BY_RESPONSE))
def test_response_not_der(case: Case) -> bytes:
    """Beside our certificate is half an OCSP response."""
    return said(case)[:-40]


@refused(
    "cert-crl-other-anchor", "RFC5280-6.3.3-8", "RFC5280-6.3-1",
    **{**STRICT, "needs": (Capability.CRL,), "connection": two_anchors},
)  # fmt: skip
def test_other_anchor(peer: Peer) -> Shown:
    """The CRL about our certificate is signed by somebody of the name of our issuer, whom another authority trusts.

    The device trusts that one as well, and his certificate comes behind ours. What he says counts below his own anchor.
    """
    case = Case(peer, by_ocsp=False)
    name = case.issuer.certificate.subject.rfc4514_string()
    may_sign = key_usage("digital_signature", "key_cert_sign", "crl_sign")
    twin = Authority.create(name, issuer=second_authority(), key=new_key("ecdsa"), extensions=(*case.sources, may_sign))
    leaf = case.serve(case.list(key=twin.key))
    return Shown(ourselves(peer, chain=(*leaf.chain, twin.certificate), key=leaf.key))


# --- what the device asks for, and what it sends --------------------------------------------------------------------

ASKING: dict[str, Any] = {
    "connection": two_anchors,
    "web": all_is_well,
    "needs": (Capability.OCSP_IN_IKE,),
    "device": {"ocsp_in_ike": True},
}


def must_ask(peer: Peer, message: Message) -> None:
    """It asks for OCSP in a CERTREQ of its own, which names no or more responders by hashes of 20 octets."""
    asked = [one for one in message.all(CERTREQ) if one.encoding == CertEncoding.OCSP_CONTENT]
    peer.check(len(asked) == 1, "one CERTREQ for an OCSP response", message, "RFC4806-4.1-1")
    sizes = [len(one.data) for one in asked]
    peer.check(all(one % 20 == 0 for one in sizes), "hashes of 20 octets", sizes, "RFC4806-4.1-3")


_ASKS = ("RFC4806-4.1-1", "RFC4806-4.1-3", "RFC4806-3.1-1", "RFC4806-4.1-2")


@purpose("cert-ocsp-asked", *_ASKS, role="responder", **ASKING)
def test_asked(peer: Peer) -> None:
    """A device that is to check certificates by OCSP in IKE asks for that in its IKE_SA_INIT response."""
    sa = peer.sa()
    must_ask(peer, sa.init())


@purpose("cert-responder-ocsp-asked", *_ASKS, role="initiator", **ASKING)
def test_asked_of_responder(peer: Peer, dut: Dut) -> None:
    """The same in its IKE_AUTH request."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    must_ask(peer, sa.expect_request(ExchangeType.IKE_AUTH).message)


def asking() -> Bend:
    """We ask for an OCSP response, too."""
    return after_first(CERTREQ, [CERTREQ(CertEncoding.OCSP_CONTENT, b"")], "a request for an OCSP response")


def must_show(peer: Peer, message: Message) -> None:
    """It has sent an OCSP response about its certificate. Other ones, about its authorities, may be beside it."""
    found = [one.data for one in message.all(CERT) if one.encoding == CertEncoding.OCSP_CONTENT]
    peer.check(found, "an OCSP response in a CERT payload", message, "RFC4806-4.2-1")
    auth = peer.connection.remote.auth
    assert isinstance(auth, PublicKey)
    problems = [_wrong(one, auth, peer.link.now()) for one in found]
    readable = [one for one in problems if "can be read" not in one]
    peer.check(readable, "OCSPResponse in DER", problems, "RFC4806-4.2-3")
    peer.check("" in problems, "an OCSP response about its certificate", problems, "RFC4806-4.2-1")


def _wrong(octets: bytes, auth: PublicKey, now: float) -> str:
    """What is wrong with an OCSP response about the certificate of the device; empty: nothing."""
    try:
        found = load_ocsp(octets)
        RevocationChecks().by_response(found, auth.chain[0], authority().certificate, at(now))
    except (CertificateError, InvalidSignature) as error:
        return str(error)
    return ""


@purpose("cert-ocsp-sent", "RFC4806-4.2-3", "RFC4806-4.2-1", "RFC4806-4.2-2", role="responder", **ASKING)
def test_sent(peer: Peer) -> None:
    """Asked for an OCSP response, the device sends that of its responder with its certificate."""
    sa = peer.sa()
    sa.init()
    must_show(peer, sa.auth(asking()))


@purpose("cert-responder-ocsp-sent", "RFC4806-4.2-3", "RFC4806-4.2-1", "RFC4806-4.2-2", role="initiator", **ASKING)
def test_sent_of_responder(peer: Peer, dut: Dut) -> None:
    """The same as initiator, asked in IKE_SA_INIT."""
    dut.initiate()
    request = bend.append(CERTREQ(CertEncoding.OCSP_CONTENT, b""))
    sa = peer.respond_init(peer.expect_init(), request)
    must_show(peer, sa.expect_request(ExchangeType.IKE_AUTH).message)
