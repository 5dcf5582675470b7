"""Extensions that cannot be read (RFC 5280, section 4.2): what is critical and cannot be processed is refused.

Each extension that a daemon reads is broken in the ways of DER in turn: in our certificate, or where it says something
about an authority, in that of an intermediate one. All signatures are those of the authority that the device trusts.
"""

from collections.abc import Callable

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from conformance.script.peer import Peer
from suites.certificates.test_paths import between, ours
from suites.connections import certificates
from suites.ike_auth.refusal import must_be_refused
from suites.ike_auth.steps import ourselves, trusted
from suites.purpose import purpose

BROKEN = (
    b"",
    b"\x30",
    b"\x30\x03\x02",
    b"\x30\x84\xff\xff\xff\xff",
    b"\xff" * 40,
    b"\x30\x82\x01\x00" + b"\x30\x80" * 128,
)
"""Nothing, half a header, a length beyond the end, one of four gigabytes, no DER, a deep nest."""


Mark = Callable[[Callable[[Peer], None]], Callable[[Peer], None]]


def unreadable(identifier: str, oid: x509.ObjectIdentifier, *, of_authority: bool = False) -> Mark:
    """A certificate has this extension, critical, in each of the `BROKEN` forms; the device refuses all of them."""

    def register(written: Callable[[Peer], None]) -> Callable[[Peer], None]:
        def test(peer: Peer) -> None:
            for octets in BROKEN:
                found = x509.Extension(oid, True, x509.UnrecognizedExtension(oid, octets))
                made = (
                    ours(peer, between(peer, found)) if of_authority else ours(peer, trusted(peer), extensions=[found])
                )
                sa = peer.sa(local=ourselves(peer, chain=made.chain, key=made.key))
                sa.init()
                must_be_refused(peer, sa)

        test.__name__, test.__module__, test.__doc__ = written.__name__, written.__module__, written.__doc__
        cited = ("RFC5280-4.2-1", "RFC7296-1.2-18", "RFC7296-2.21.2-1")
        return purpose(identifier, *cited, role="responder", connection=certificates())(test)

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
