"""Extensions that cannot be read (RFC 5280, section 4.2): what is critical and cannot be processed is refused.

Each extension that a daemon reads is broken in the ways of DER in turn: in our certificate, or where it says something
about an authority, in that of an intermediate one. All signatures are those of the authority that the device trusts.
"""

from collections.abc import Callable

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from conformance.ike.core.connection import Party
from conformance.script.peer import Peer
from suites.certificates.paths import between, ours
from suites.certificates.roles import NOT_CREATED, TOLD, AsResponder, in_both, of_responder
from suites.connections import certificates
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused, must_be_refused_by
from suites.ike_auth.steps import ourselves, trusted
from suites.purpose import purpose

TIER = "full"

BROKEN = (
    b"",
    b"\x30",
    b"\x30\x03\x02",
    b"\x30\x84\xff\xff\xff\xff",
    b"\xff" * 40,
    b"\x30\x82\x01\x00" + b"\x30\x80" * 128,
)
"""Nothing, half a header, a length beyond the end, one of four gigabytes, no DER, a deep nest."""


FEW = BROKEN[3], BROKEN[5]
"""Those that a device gets as initiator, where each takes longer."""


def unreadable(
    identifier: str, oid: x509.ObjectIdentifier, *, of_authority: bool = False
) -> Callable[[AsResponder], AsResponder]:
    """A certificate has this extension, critical, in each of the `BROKEN` forms; the device refuses all of them.

    As initiator it gets a few of them.
    """

    def bent(peer: Peer, octets: bytes) -> Party:
        found = x509.Extension(oid, True, x509.UnrecognizedExtension(oid, octets))
        made = ours(peer, between(peer, found)) if of_authority else ours(peer, trusted(peer), extensions=[found])
        return ourselves(peer, chain=made.chain, key=made.key)

    def as_responder(peer: Peer) -> None:
        for octets in BROKEN:
            sa = peer.sa(local=bent(peer, octets))
            sa.init()
            must_be_refused(peer, sa)

    def as_initiator(peer: Peer, dut: Dut) -> None:
        for octets in FEW:
            attempt = begun(peer, dut, local=bent(peer, octets))
            attempt.sa.answer(attempt.request)
            must_be_refused_by(dut, peer, attempt)

    def register(written: AsResponder) -> AsResponder:
        cited, connection = ("RFC5280-4.2-1", NOT_CREATED), certificates()
        return in_both(
            written,
            purpose(identifier, *cited, TOLD, role="responder", connection=connection),
            purpose(of_responder(identifier), *cited, role="initiator", connection=connection),
            as_responder,
            as_initiator,
        )

    return register


@unreadable("cert-malformed-constraints", ExtensionOID.BASIC_CONSTRAINTS, of_authority=True)
def test_constraints(peer: Peer) -> None:
    """The basicConstraints of an intermediate certificate cannot be read."""


@unreadable("cert-malformed-key-usage", ExtensionOID.KEY_USAGE)
def test_key_usage(peer: Peer) -> None:
    """The keyUsage of our certificate cannot be read."""


@unreadable("cert-malformed-extended-usage", ExtensionOID.EXTENDED_KEY_USAGE)
def test_extended_usage(peer: Peer) -> None:
    """The extendedKeyUsage of our certificate cannot be read."""


@unreadable("cert-malformed-names", ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
def test_names(peer: Peer) -> None:
    """The subjectAltName of our certificate cannot be read."""


@unreadable("cert-malformed-name-constraints", ExtensionOID.NAME_CONSTRAINTS, of_authority=True)
def test_name_constraints(peer: Peer) -> None:
    """An intermediate certificate has nameConstraints that cannot be read."""


@unreadable("cert-malformed-policies", ExtensionOID.CERTIFICATE_POLICIES)
def test_policies(peer: Peer) -> None:
    """The certificatePolicies of our certificate cannot be read."""


@unreadable("cert-malformed-policy-constraints", ExtensionOID.POLICY_CONSTRAINTS, of_authority=True)
def test_policy_constraints(peer: Peer) -> None:
    """An intermediate certificate has policyConstraints that cannot be read."""


@unreadable("cert-malformed-crl-points", ExtensionOID.CRL_DISTRIBUTION_POINTS)
def test_crl_points(peer: Peer) -> None:
    """The cRLDistributionPoints of our certificate cannot be read."""


@unreadable("cert-malformed-authority-key", ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
def test_authority_key(peer: Peer) -> None:
    """The authorityKeyIdentifier of our certificate cannot be read."""


@unreadable("cert-malformed-subject-key", ExtensionOID.SUBJECT_KEY_IDENTIFIER, of_authority=True)
def test_subject_key(peer: Peer) -> None:
    """The subjectKeyIdentifier of an intermediate certificate cannot be read."""


@unreadable("cert-malformed-access", ExtensionOID.AUTHORITY_INFORMATION_ACCESS)
def test_access(peer: Peer) -> None:
    """The authorityInformationAccess of our certificate cannot be read."""


@unreadable("cert-malformed-any-policy", ExtensionOID.INHIBIT_ANY_POLICY, of_authority=True)
def test_any_policy(peer: Peer) -> None:
    """An intermediate certificate has an inhibitAnyPolicy that cannot be read."""


@unreadable("cert-malformed-mappings", ExtensionOID.POLICY_MAPPINGS, of_authority=True)
def test_mappings(peer: Peer) -> None:
    """An intermediate certificate has policyMappings that cannot be read."""


@unreadable("cert-malformed-issuer-names", ExtensionOID.ISSUER_ALTERNATIVE_NAME)
def test_issuer_names(peer: Peer) -> None:
    """The issuerAltName of our certificate cannot be read."""


@unreadable("cert-malformed-freshest", ExtensionOID.FRESHEST_CRL)
def test_freshest(peer: Peer) -> None:
    """The freshestCRL of our certificate cannot be read."""
