"""OCSP responses that the device gets from whom our certificate names (RFC 6960).

The device takes only certificates that are known not to be revoked: a response that does not count is as good as none.
"""

from functools import partial

from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.crypto.revoking import DAY, HOUR, at, broken, failure, nonce_in, points, responders, response, single
from conformance.net.http import Asked, Page
from conformance.script.peer import Peer
from conformance.wire import AUTH
from peers.capabilities import Capability
from suites.certificates.revoking import RELAXED, STRICT, Case, Told, accepted_by, ocsp_page, refused_by
from suites.ike_auth.refusal import answer_of
from suites.ike_auth.steps import ourselves
from suites.purpose import purpose

TIER = "full"

refused = partial(refused_by, Capability.OCSP)
accepted = partial(accepted_by, Capability.OCSP)

_REVOKED = ("RFC4945-5.2-1", "RFC4945-5.2.1-1", "RFC6960-2.2-1")
_SIGNER = ("RFC6960-3.2-3", "RFC6960-4.2.2.2-1")
_ERROR, _NOTHING = ("RFC4945-5.2-1", "RFC6960-2.3-1"), "RFC4945-5.2-1"
HIGH = 0xF0 << 112 | 0x1234567
REVOKED, UNKNOWN = ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def delegate(case: Case, issuer: Authority, *purposes: x509.ObjectIdentifier, **changes: object) -> Leaf:
    """An OCSP responder that is not the authority itself.

    Its certificate need not be checked itself: where it does not say so, that is up to a device (section 4.2.2.2.1).
    """
    unchecked = x509.Extension(x509.OCSPNoCheck.oid, False, x509.OCSPNoCheck())
    made = {"key": new_key("ecdsa"), "extended_key_usage": purposes, "extensions": [unchecked], **changes}
    return issuer.issue(f"responder {case.peer.random(6).hex()}", **made)  # type: ignore[arg-type]


# --- revoked or not -------------------------------------------------------------------------------------------------


@accepted("cert-ocsp-good", "RFC4945-5.2-1", "RFC4945-5.1.3.16-1")
def test_good(case: Case) -> Told:
    """Nothing is wrong with our certificate, says the authority that issued it."""
    return case.says()


@refused("cert-ocsp-revoked", *_REVOKED)
def test_revoked(case: Case) -> Told:
    """Our certificate is revoked."""
    return case.says(REVOKED, reason=x509.ReasonFlags.key_compromise)


@refused("cert-ocsp-revoked-relaxed", *_REVOKED, **RELAXED)
def test_revoked_relaxed(case: Case) -> Told:
    """Our certificate is revoked, and the device would take one that nobody knows."""
    return case.says(REVOKED)


@refused("cert-ocsp-hold", *_REVOKED)
def test_hold(case: Case) -> Told:
    """Our certificate is revoked for a while only (certificateHold)."""
    return case.says(REVOKED, reason=x509.ReasonFlags.certificate_hold)


@accepted("cert-ocsp-high-number", "RFC4945-5.2-1", "RFC6960-3.2-1")
def test_high_number(case: Case) -> Told:
    """Nothing is wrong with our certificate, whose serial number needs a leading zero in DER, as half of all do."""
    case.serial = HIGH
    return case.says()


@refused("cert-ocsp-high-number-revoked", *_REVOKED, **RELAXED)
def test_high_number_revoked(case: Case) -> Told:
    """Our certificate, whose serial number needs a leading zero in DER, is revoked."""
    case.serial = HIGH
    return case.says(REVOKED)


@refused("cert-ocsp-unknown", "RFC4945-5.2-1", "RFC6960-2.2-2")
def test_unknown(case: Case) -> Told:
    """The responder does not know our certificate."""
    return case.says(UNKNOWN)


@refused("cert-ocsp-revoked-authority", *_REVOKED)
def test_revoked_authority(case: Case) -> Told:
    """The authority that issued our certificate has been revoked by the one above; about ours all is well."""
    upper, path = case.two_steps()
    number = case.issuer.certificate.serial_number
    case.web.put(path, case.says(REVOKED, number=number, issuer=upper, signer=upper))
    return case.says()


# --- about what and for how long ------------------------------------------------------------------------------------


@refused("cert-ocsp-number", "RFC6960-3.2-1", "RFC6960-4.2.2.3-1")
def test_number(case: Case) -> Told:
    """The response is good, and about a certificate with another serial number."""
    return case.says(number=case.number ^ 2)


@refused("cert-ocsp-issuer", "RFC6960-3.2-1", "RFC6960-4.2.2.3-1")
def test_issuer(case: Case) -> Told:
    """The response is good, and about the certificate with our serial number of another authority."""
    return case.says(issuer=case.root)


@refused("cert-ocsp-expired", "RFC6960-3.2-5", "RFC6960-4.2.2.1-1")
def test_expired(case: Case) -> Told:
    """The response is good, and its nextUpdate has passed."""
    return case.says(begun=-2 * DAY, end=-DAY)


@purpose("cert-ocsp-not-yet", "RFC6960-4.2.2.1-2", role="responder", needs=(Capability.OCSP,), **STRICT)
def test_not_yet(peer: Peer) -> None:
    """The response is good, and its thisUpdate is still to come."""
    case = Case(peer, by_ocsp=True)
    made = case.serve(case.says(begun=DAY, end=2 * DAY))
    sa = peer.sa(local=ourselves(peer, chain=made.chain, key=made.key))
    sa.init()
    answer = answer_of(peer, sa)
    peer.check(answer.first(AUTH) is None, "no AUTH in the response", answer, "RFC6960-4.2.2.1-2")


@refused("cert-ocsp-nonce", "RFC6960-4.4.1-1")
def test_nonce(case: Case) -> Told:
    """The response is good, and has another nonce than the request: it is an old one."""
    said = single(case.number, case.issuer, case.now)

    def old(asked: Asked) -> Page:
        # Who asks without a nonce can tell nothing by it.
        nonce = b"\x5a" * 16 if nonce_in(asked.body) is not None else None
        return ocsp_page(response(said, case.issuer, nonce=nonce) if nonce else b"")

    return old


# --- another source --------------------------------------------------------------------------------------------------

_BOTH = (Capability.OCSP, Capability.CRL)


def beside(case: Case, *numbers: int) -> None:
    """Our certificate names a distribution point, too, where a CRL with these serial numbers is.

    Whether it is asked for where a responder knows nothing is up to the device (section 2.2).
    """
    path = case.further = f"{case.path}-list"
    case.extensions = [*case.extensions, points(case.web.url(path))]
    case.web.put(path, lambda asked: Page(case.list(*(numbers or (7001,)))))


@accepted("cert-ocsp-then-list", "RFC4945-5.2-1", "RFC6960-2.2-2", needs=_BOTH)
def test_then_list(case: Case) -> Told:
    """The responder does not know our certificate; it is not on the CRL, which a device that fetches it believes."""
    beside(case)
    return case.says(UNKNOWN)


@refused("cert-ocsp-then-list-revoked", "RFC4945-5.2-1", "RFC4945-5.2.1-1", "RFC6960-2.2-2", needs=_BOTH, **RELAXED)
def test_then_list_revoked(case: Case) -> Told:
    """The responder does not know our certificate; it is on the CRL, which a device that fetches it believes."""
    case.serial = 0x51 << 112 | 0x7654321
    beside(case, case.serial)
    return case.says(UNKNOWN)


# --- who says so ----------------------------------------------------------------------------------------------------


@refused("cert-ocsp-signature", "RFC6960-3.2-2")
def test_signature(case: Case) -> Told:
    """The response is good, and its signature is wrong."""
    said = single(case.number, case.issuer, case.now)
    return lambda asked: ocsp_page(broken(response(said, case.issuer, nonce=nonce_in(asked.body))))


@refused("cert-ocsp-signer", "RFC6960-3.2-2", *_SIGNER)
def test_signer(case: Case) -> Told:
    """The response is good, and somebody else has signed it who has only the name of our authority."""
    return case.says(signer=Authority.create(case.issuer.name, key=new_key("ecdsa")))


@refused("cert-ocsp-stranger", *_SIGNER)
def test_stranger(case: Case) -> Told:
    """The response is good, and signed by an authority that nobody has heard of, whose certificate comes with it."""
    stranger = Authority.create("a stranger", key=new_key("ecdsa"))
    return case.says(signer=Leaf(stranger.key, stranger.certificate, ()))


@refused("cert-ocsp-itself", *_SIGNER, "RFC6960-4.2.2.2-2")
def test_itself(case: Case) -> Told:
    """The response is good, and signed with the key of our certificate, which is about itself then."""
    return case.says(signer=case.leaf)


@accepted("cert-ocsp-delegate", "RFC6960-4.2.2.2-1", "RFC4945-5.2-1")
def test_delegate(case: Case) -> Told:
    """The response is good, and signed by a responder that our authority has made one (OCSPSigning)."""
    return case.says(signer=delegate(case, case.issuer, ExtendedKeyUsageOID.OCSP_SIGNING))


@refused("cert-ocsp-delegate-usage", "RFC6960-4.2.2.2-2", "RFC6960-3.2-3")
def test_delegate_usage(case: Case) -> Told:
    """The response is good, and signed with a certificate of our authority that is for TLS servers."""
    return case.says(signer=delegate(case, case.issuer, ExtendedKeyUsageOID.SERVER_AUTH))


@refused("cert-ocsp-delegate-no-usage", "RFC6960-4.2.2.2-2", "RFC6960-3.2-3")
def test_delegate_no_usage(case: Case) -> Told:
    """The response is good, and signed with a certificate of our authority that says of no purpose what it is for."""
    return case.says(signer=delegate(case, case.issuer))


@refused("cert-ocsp-delegate-other", *_SIGNER)
def test_delegate_other(case: Case) -> Told:
    """The response is good, and signed by a responder that a sister of our authority has made one.

    Both are below the authority that the device trusts, and neither may speak for the other.
    """
    sister = case.below(case.root)
    return case.says(signer=delegate(case, sister, ExtendedKeyUsageOID.OCSP_SIGNING))


@refused("cert-ocsp-delegate-expired", "RFC6960-3.2-3", "RFC5280-6.1.3-2")
def test_delegate_expired(case: Case) -> Told:
    """The response is good, and signed by a responder whose certificate has expired."""
    end = at(case.now - HOUR)
    return case.says(signer=delegate(case, case.issuer, ExtendedKeyUsageOID.OCSP_SIGNING, not_after=end))


# --- no response ----------------------------------------------------------------------------------------------------


def error(status: ocsp.OCSPResponseStatus) -> Told:
    """An error of the responder."""
    return ocsp_page(failure(status))


@refused("cert-ocsp-malformed-request", *_ERROR)
def test_malformed_request(case: Case) -> Told:
    """The responder does not understand the request."""
    return error(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)


@refused("cert-ocsp-internal-error", *_ERROR)
def test_internal_error(case: Case) -> Told:
    """The responder is in trouble."""
    return error(ocsp.OCSPResponseStatus.INTERNAL_ERROR)


@refused("cert-ocsp-try-later", *_ERROR)
def test_try_later(case: Case) -> Told:
    """The responder is busy."""
    return error(ocsp.OCSPResponseStatus.TRY_LATER)


@refused("cert-ocsp-signature-required", *_ERROR)
def test_signature_required(case: Case) -> Told:
    """The responder wants a signed request."""
    return error(ocsp.OCSPResponseStatus.SIG_REQUIRED)


@refused("cert-ocsp-unauthorized", *_ERROR)
def test_unauthorized(case: Case) -> Told:
    """The responder has nothing to say to the device, or about this authority."""
    return error(ocsp.OCSPResponseStatus.UNAUTHORIZED)


@refused("cert-ocsp-not-der", _NOTHING)
def test_not_der(case: Case) -> Told:
    """What comes is half a response."""
    octets = response(single(case.number, case.issuer, case.now), case.issuer)
    return ocsp_page(octets[:-40])


@refused("cert-ocsp-list", _NOTHING)
def test_list(case: Case) -> Told:
    """In the place of a response comes an empty CRL."""
    return ocsp_page(case.list())


@refused("cert-ocsp-empty", _NOTHING)
def test_empty(case: Case) -> Told:
    """No octets come at all."""
    return ocsp_page(b"")


@refused("cert-ocsp-not-found", _NOTHING)
def test_not_found(case: Case) -> Told:
    """The server knows no responder, and a good response is only what its error message has in it."""
    said = single(case.number, case.issuer, case.now)
    return lambda asked: Page(response(said, case.issuer, nonce=nonce_in(asked.body)), status=404)


@refused("cert-ocsp-dead", _NOTHING)
def test_dead(case: Case) -> Told:
    """Nobody listens where the responder should be."""
    case.extensions = [responders(f"http://{case.web.address.host}:9/none.ocsp")]
    return case.says()


@accepted("cert-ocsp-no-end", "RFC6960-3.2-4")
def test_no_end(case: Case) -> Told:
    """The response is of this minute, and does not say when there is another one (no nextUpdate)."""
    return case.says(begun=-10.0, end=None)
