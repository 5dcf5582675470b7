"""CRLs that the device fetches from where our certificate says (RFC 5280, sections 5 and 6.3; RFC 4945, section 5.2).

The device takes only certificates that are known not to be revoked: a CRL that does not count is as good as none.
"""

from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto.pki import new_key
from conformance.crypto.revoking import DAY, broken, points
from conformance.net.http import Page
from peers.capabilities import Capability
from suites.certificates.paths import UNKNOWN, critical, key_usage
from suites.certificates.revoking import RELAXED, Case, Told, accepted_by, refused_by

TIER = "full"

refused = partial(refused_by, Capability.CRL)
accepted = partial(accepted_by, Capability.CRL)

_SAME, _NONE = "RFC5280-6.3-1", "RFC5280-6.3.3-12"
_REVOKED = ("RFC4945-5.2-1", "RFC4945-5.2.1-1", _SAME, "RFC5280-6.3.3-11")
_OTHERS = [7001 + one for one in range(1000)]


def scope(**changes: object) -> x509.Extension[x509.ExtensionType]:
    """A critical issuingDistributionPoint."""
    usual: dict[str, object] = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False,
    }  # fmt: skip
    return critical(x509.IssuingDistributionPoint(**{**usual, **changes}))  # type: ignore[arg-type]


# --- revoked or not -------------------------------------------------------------------------------------------------


@accepted("cert-crl-good", _SAME, "RFC4945-5.2-1", "RFC4945-3.2.3-3")
def test_good(case: Case) -> Told:
    """The CRL is empty."""
    return case.list()


@accepted("cert-crl-others", _SAME, "RFC5280-6.3.3-11")
def test_others(case: Case) -> Told:
    """A thousand other certificates are on the CRL."""
    return case.list(*_OTHERS)


@accepted("cert-crl-number", "RFC5280-6.3.3-11", _SAME)
def test_number(case: Case) -> Told:
    """On the CRL are certificates whose serial numbers begin or end as ours does."""
    return case.list(case.number >> 8, case.number & 0xFFFFFFFF, case.number + 1, case.number ^ 1 << 100)


@refused("cert-crl-revoked", *_REVOKED)
def test_revoked(case: Case) -> Told:
    """Our certificate is on the CRL."""
    return case.list(case.number)


@refused("cert-crl-high-number-revoked", *_REVOKED, **RELAXED)
def test_high_number_revoked(case: Case) -> Told:
    """Our certificate is on the CRL, and its serial number needs a leading zero in DER, as that of half of all do."""
    case.serial = 0xF1 << 112 | 0x1234567
    return case.list(case.number)


@refused("cert-crl-revoked-among-others", *_REVOKED)
def test_revoked_among_others(case: Case) -> Told:
    """Our certificate is the last of a thousand on the CRL."""
    return case.list(*_OTHERS, case.number)


@refused("cert-crl-revoked-relaxed", *_REVOKED, **RELAXED)
def test_revoked_relaxed(case: Case) -> Told:
    """Our certificate is on the CRL, and the device would take one that nobody knows."""
    return case.list(case.number)


@refused("cert-crl-hold", *_REVOKED, "RFC5280-5.3.1-1")
def test_hold(case: Case) -> Told:
    """Our certificate is revoked for a while only (certificateHold)."""
    return case.list(case.number, reason=x509.ReasonFlags.certificate_hold)


@refused("cert-crl-superseded", *_REVOKED, "RFC5280-5.3.1-1")
def test_superseded(case: Case) -> Told:
    """Our certificate is on the CRL for a reason that sounds harmless (superseded)."""
    return case.list(case.number, reason=x509.ReasonFlags.superseded)


@refused("cert-crl-revoked-authority", *_REVOKED)
def test_revoked_authority(case: Case) -> Told:
    """The authority that issued our certificate has been revoked by the one above; about ours there is a good CRL."""
    upper, path = case.two_steps()
    case.web.put(path, Page(case.list(case.issuer.certificate.serial_number, issuer=upper)))
    return case.list()


# --- CRLs that do not count -----------------------------------------------------------------------------------------


@refused("cert-crl-expired", _SAME, "RFC5280-6.3.3-1")
def test_expired(case: Case) -> Told:
    """The CRL is empty, and its nextUpdate has passed."""
    return case.list(begun=-2 * DAY, end=-DAY)


@refused("cert-crl-signature", _SAME, "RFC5280-6.3.3-10")
def test_signature(case: Case) -> Told:
    """The CRL is empty, and its signature is wrong."""
    return broken(case.list())


@refused("cert-crl-signer", _SAME, "RFC5280-6.3.3-10")
def test_signer(case: Case) -> Told:
    """The CRL is empty, and somebody else has signed it who has only the name of our authority."""
    return case.list(key=new_key("ecdsa"))


@refused("cert-crl-issuer", _SAME, "RFC5280-6.3.3-2")
def test_issuer(case: Case) -> Told:
    """The CRL is empty, and issued by the authority above ours."""
    return case.list(issuer=case.root)


@refused("cert-crl-name", _SAME, "RFC5280-6.3.3-2")
def test_name(case: Case) -> Told:
    """The CRL is empty and signed with the right key, but names another issuer."""
    return case.list(name="CN=another name,O=ikespec")


@refused("cert-crl-no-signing", _SAME, "RFC5280-6.3.3-9")
def test_no_signing(case: Case) -> Told:
    """The CRL is empty; the keyUsage of its issuer has keyCertSign and no cRLSign."""
    case.issuer = case.below(case.root, *case.sources, key_usage("key_cert_sign"))
    return case.list()


@refused("cert-crl-critical", "RFC5280-5.2-1", _SAME)
def test_critical(case: Case) -> Told:
    """The CRL is empty, and has a critical extension that nobody knows."""
    return case.list(extensions=[critical(UNKNOWN)])


@accepted("cert-crl-extension", _SAME)
def test_extension(case: Case) -> Told:
    """The CRL is empty, and has an extension that nobody knows and that is not critical."""
    return case.list(extensions=[x509.Extension(UNKNOWN.oid, False, UNKNOWN)])


@refused("cert-crl-critical-entry", "RFC5280-5.3-1", _SAME)
def test_critical_entry(case: Case) -> Told:
    """Another certificate is on the CRL, and its entry has a critical extension that nobody knows.

    That extension may change whose certificate the entry is about, and those that follow it.
    """
    return case.list(7001, entry=[critical(UNKNOWN)])


@refused("cert-crl-delta", "RFC4945-5.2.2.4-1", "RFC5280-5.2-1", _SAME)
def test_delta(case: Case) -> Told:
    """Instead of a whole CRL there is an empty delta CRL; the one that it adds to is not to be had."""
    return case.list(extensions=[critical(x509.DeltaCRLIndicator(1))])


@refused("cert-crl-not-der", _SAME, _NONE)
def test_not_der(case: Case) -> Told:
    """What is there is no CRL, but half of one."""
    return case.list()[:-40]


@refused("cert-crl-certificate", _SAME, _NONE)
def test_certificate(case: Case) -> Told:
    """In the place of the CRL is the certificate of its issuer."""
    return case.issuer.certificate.public_bytes(Encoding.DER)


@refused("cert-crl-empty", _SAME, _NONE)
def test_empty(case: Case) -> Told:
    """Where the CRL should be are no octets at all."""
    case.leaf  # noqa: B018
    return b""


# --- scope ----------------------------------------------------------------------------------------------------------


@accepted("cert-crl-scope", "RFC4945-5.1.3.13-1", _SAME, "RFC5280-6.3.3-3")
def test_scope(case: Case) -> Told:
    """The CRL says that it is for end entities, and of the distribution point that our certificate names."""
    name = [x509.UniformResourceIdentifier(case.url)]
    return case.list(extensions=[scope(full_name=name, only_contains_user_certs=True)])


@refused("cert-crl-scope-place", _SAME, "RFC5280-6.3.3-3", "RFC4945-5.1.3.13-1")
def test_scope_place(case: Case) -> Told:
    """The CRL is empty, and of another distribution point: it has been put in the place of ours."""
    name = [x509.UniformResourceIdentifier(case.web.url("/elsewhere.crl"))]
    return case.list(extensions=[scope(full_name=name)])


@refused("cert-crl-scope-authorities", _SAME, "RFC5280-6.3.3-5", "RFC5280-5.2.5-1")
def test_scope_authorities(case: Case) -> Told:
    """The CRL is empty, and for authorities only."""
    return case.list(extensions=[scope(only_contains_ca_certs=True)])


@refused("cert-crl-scope-attributes", _SAME, "RFC5280-6.3.3-6", "RFC5280-5.2.5-1")
def test_scope_attributes(case: Case) -> Told:
    """The CRL is empty, and for attribute certificates only."""
    return case.list(extensions=[scope(only_contains_attribute_certs=True)])


@refused("cert-crl-scope-users", _SAME, "RFC5280-6.3.3-4")
def test_scope_users(case: Case) -> Told:
    """The CRL about our authority is for end entities only; about our certificate there is a good one."""
    upper, path = case.two_steps()
    case.web.put(path, Page(case.list(issuer=upper, extensions=[scope(only_contains_user_certs=True)])))
    return case.list()


@refused("cert-crl-reasons", _SAME, "RFC5280-6.3.3-7")
def test_reasons(case: Case) -> Told:
    """The CRL is empty, and for certificates whose keys are compromised only: ours may be revoked otherwise."""
    some = frozenset({x509.ReasonFlags.key_compromise})
    return case.list(extensions=[scope(only_some_reasons=some)])


# --- distribution points --------------------------------------------------------------------------------------------


@refused("cert-crl-not-found", _SAME, _NONE)
def test_not_found(case: Case) -> Told:
    """There is no CRL at the URL, and a good one is only what the error message has in it."""
    return Page(case.list(), status=404)


@refused("cert-crl-dead", _SAME, _NONE)
def test_dead(case: Case) -> Told:
    """Nobody listens at the distribution point."""
    case.extensions = [points(f"http://{case.web.address.host}:9/none.crl")]
    return case.list()


@refused("cert-crl-none", "RFC4945-5.2-1")
def test_none(case: Case) -> Told:
    """Our certificate names no distribution point and no OCSP responder."""
    case.extensions = []
    return case.list()


@refused("cert-crl-cut", _SAME, _NONE)
def test_cut(case: Case) -> Told:
    """The connection ends in the middle of the CRL."""
    return Page(case.list(), stop=50)


@accepted("cert-crl-second-point", _SAME, _NONE)
def test_second_point(case: Case) -> Told:
    """At the first distribution point there is nothing, at the second one a good CRL."""
    case.extensions = [points(case.web.url(f"{case.path}-none"), case.url)]
    return case.list()


@refused("cert-crl-second-point-revoked", *_REVOKED)
def test_second_point_revoked(case: Case) -> Told:
    """At the first distribution point there is nothing, and our certificate is on the CRL at the second one."""
    case.extensions = [points(case.web.url(f"{case.path}-none"), case.url)]
    return case.list(case.number)
