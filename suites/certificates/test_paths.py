"""The path from our certificate to the authority that the device trusts (RFC 5280, section 6; RFC 4945, 5.1)."""

from datetime import UTC, datetime
from ipaddress import ip_network

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.crypto.x509 import IPSEC_IKE
from conformance.script.peer import Peer
from suites.certificates.paths import UNKNOWN, between, critical, excluding, key_usage, ours, permitting
from suites.certificates.roles import accepted, certificate, domain_name, refused, taken_or_refused
from suites.ike_auth.steps import in_our_name, trusted

_CRITICAL = ("RFC4945-5.1.3-1", "RFC5280-4.2-1")


# --- authorities ----------------------------------------------------------------------------------------------------


@refused("cert-path-no-constraints", "RFC4945-5.1.3.9-2", "RFC5280-6.1.4-1", "RFC4945-5.1.3.9-1")
def test_no_constraints(peer: Peer) -> Leaf:
    """An intermediate certificate without basicConstraints is none of an authority."""
    name = f"CN=between {peer.random(6).hex()}"
    above = trusted(peer)
    basic = (ExtensionOID.BASIC_CONSTRAINTS,)
    return ours(peer, Authority.create(name, issuer=above, key=new_key("ecdsa"), without=basic))


@refused("cert-path-no-authority", "RFC5280-4.2.1.9-1", "RFC5280-6.1.4-1")
def test_no_authority(peer: Peer) -> Leaf:
    """An intermediate certificate may have keyCertSign: it is none of an authority where cA is not set."""
    return ours(peer, between(peer, critical(x509.BasicConstraints(ca=False, path_length=None))))


@refused("cert-path-no-signing", "RFC5280-6.1.4-3")
def test_no_signing(peer: Peer) -> Leaf:
    """The keyUsage of an intermediate certificate is without keyCertSign: it signs no certificates."""
    return ours(peer, between(peer, key_usage("digital_signature", "crl_sign")))


@refused("cert-path-too-long", "RFC5280-6.1.4-2")
def test_too_long(peer: Peer) -> Leaf:
    """Below an authority whose pathLenConstraint is 0 stands another one."""
    return ours(peer, between(peer, issuer=between(peer, path_length=0)))


@accepted("cert-path-long-enough", "RFC5280-6.1.4-2", "RFC7296-3.6-6")
def test_long_enough(peer: Peer) -> Leaf:
    """Two authorities, the upper one with a pathLenConstraint of 1, the lower one with 0: as many as they allow."""
    return ours(peer, between(peer, issuer=between(peer, path_length=1), path_length=0))


@refused("cert-path-not-yet", "RFC5280-6.1.3-2")
def test_not_yet(peer: Peer) -> Leaf:
    """An intermediate certificate is not valid yet."""
    return ours(peer, between(peer, not_before=datetime(2048, 1, 1, tzinfo=UTC)))


@refused("cert-path-expired", "RFC5280-6.1.3-2")
def test_expired(peer: Peer) -> Leaf:
    """An intermediate certificate has expired."""
    return ours(peer, between(peer, not_after=datetime(2021, 1, 1, tzinfo=UTC)))


@refused("cert-path-signature", "RFC5280-6.1.3-1")
def test_signature(peer: Peer) -> Leaf:
    """An intermediate certificate is signed by somebody else who has only the name of the trusted authority."""
    name = trusted(peer).certificate.subject.rfc4514_string()
    return ours(peer, between(peer, issuer=Authority.create(name, key=new_key("ecdsa"))))


@refused("cert-path-issuer", "RFC5280-6.1.3-3")
def test_issuer(peer: Peer) -> Leaf:
    """Our certificate is signed with the key of the trusted authority, but names another issuer."""
    right = trusted(peer)
    other = Authority.create("CN=another name,O=ikespec", key=right.key)
    return ours(peer, Authority(other.name, right.key, other.certificate))


@refused("cert-path-self-signed", "RFC5280-6.1.3-1")
def test_self_signed(peer: Peer) -> Leaf:
    """Our certificate is signed with its own key and names itself as issuer."""
    key = new_key("ecdsa")
    subject = in_our_name(peer, trusted(peer)).certificate.subject
    return ours(peer, Authority.create(subject.rfc4514_string(), key=key), key=key)


@accepted("cert-path-foreign", "RFC7296-3.6-9", "RFC4945-3.3.10.5-1")
def test_foreign(peer: Peer) -> Leaf:
    """Behind ours come a certificate that has nothing to do with it, the intermediate that is needed, and the root."""
    issuer = between(peer)
    made = ours(peer, issuer)
    stranger = Authority.create("a stranger").certificate
    return Leaf(made.key, made.certificate, (made.certificate, stranger, *issuer.chain, trusted(peer).certificate))


@accepted("cert-path-twice", "RFC4945-3.3.10.4-1", "RFC7296-3.6-9")
def test_twice(peer: Peer) -> Leaf:
    """Our certificate and the intermediate one come twice each."""
    made = ours(peer, between(peer))
    return Leaf(made.key, made.certificate, made.chain * 2)


# --- extensions -----------------------------------------------------------------------------------------------------


@refused("cert-critical-unknown", *_CRITICAL)
def test_critical_unknown(peer: Peer) -> Leaf:
    """Our certificate has a critical extension that nobody knows."""
    return ours(peer, trusted(peer), critical=[UNKNOWN])


@refused("cert-path-critical-unknown", *_CRITICAL, "RFC5280-6.1.4-4")
def test_path_critical_unknown(peer: Peer) -> Leaf:
    """An intermediate certificate has a critical extension that nobody knows."""
    return ours(peer, between(peer, critical(UNKNOWN)))


@accepted("cert-unknown-extension", "RFC4945-5.1.3-2")
def test_unknown_extension(peer: Peer) -> Leaf:
    """Our certificate has an extension that nobody knows and that is not critical."""
    return ours(peer, trusted(peer), extensions=[x509.Extension(UNKNOWN.oid, False, UNKNOWN)])


@refused("cert-key-usage", "RFC4945-5.1.3.2-2")
def test_key_usage(peer: Peer) -> Leaf:
    """The keyUsage of our certificate has neither digitalSignature nor nonRepudiation."""
    return ours(peer, trusted(peer), key_usage=("key_encipherment", "key_agreement"))


@accepted("cert-key-usage-absent", "RFC4945-5.1.3.2-1")
def test_key_usage_absent(peer: Peer) -> Leaf:
    """Our certificate has no keyUsage."""
    return ours(peer, trusted(peer), key_usage=None)


@accepted("cert-non-repudiation", "RFC4945-5.1.3.2-3")
def test_non_repudiation(peer: Peer) -> Leaf:
    """The keyUsage of our certificate has nonRepudiation and no digitalSignature."""
    return ours(peer, trusted(peer), key_usage=("content_commitment",))


@refused("cert-extended-usage-critical", "RFC4945-5.1.3.12-1", "RFC4945-5.1.3.12-3", "RFC5280-4.2-1")
def test_extended_usage_critical(peer: Peer) -> Leaf:
    """Our certificate is for time stamps only, and that is critical.

    Who does not support extendedKeyUsage rejects it because it is critical, all others because of what it says.
    """
    return ours(peer, trusted(peer), critical=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])])


@accepted("cert-extended-usage-ike", "RFC4945-5.1.3.12-2")
def test_extended_usage_ike(peer: Peer) -> Leaf:
    """The extendedKeyUsage of our certificate has ipsecIKE behind another purpose."""
    return ours(peer, trusted(peer), extended_key_usage=[ExtendedKeyUsageOID.EMAIL_PROTECTION, IPSEC_IKE])


@accepted("cert-extended-usage-any", "RFC4945-5.1.3.12-2")
def test_extended_usage_any(peer: Peer) -> Leaf:
    """The extendedKeyUsage of our certificate has anyExtendedKeyUsage and nothing else."""
    return ours(peer, trusted(peer), extended_key_usage=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])


@refused("cert-extended-usage-tls-critical", "RFC4945-5.1.3.12-1", "RFC4945-5.1.3.12-3", "RFC5280-4.2-1")
def test_extended_usage_tls_critical(peer: Peer) -> Leaf:
    """Our certificate is for servers and clients of TLS only, and that is critical."""
    tls = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return ours(peer, trusted(peer), critical=[x509.ExtendedKeyUsage(tls)])


@taken_or_refused("cert-extended-usage-tls", "RFC4945-5.1.3.12-3")
def test_extended_usage_tls(peer: Peer) -> Leaf:
    """Our certificate is for servers and clients of TLS only: who does not support extendedKeyUsage takes it."""
    tls = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return ours(peer, trusted(peer), extended_key_usage=tls)


# --- constraints ----------------------------------------------------------------------------------------------------

_CONSTRAINT = "RFC5280-4.2.1.10-1"
_PERMITTED, _EXCLUDED = (_CONSTRAINT, "RFC5280-6.1.3-4"), (_CONSTRAINT, "RFC5280-6.1.3-5")


@refused("cert-constraint-dns", *_PERMITTED)
def test_constraint_dns(peer: Peer) -> Leaf:
    """The authority that signed our certificate may do so for domain names in another domain only."""
    issuer = permitting(peer, x509.DNSName("elsewhere.example"))
    return certificate(peer, issuer, domain_name(peer))


@refused("cert-constraint-dns-excluded", *_EXCLUDED)
def test_constraint_dns_excluded(peer: Peer) -> Leaf:
    """The authority that signed our certificate may do so for all domain names, but not in our domain."""
    _, _, domain = domain_name(peer).partition(".")
    return certificate(peer, excluding(peer, x509.DNSName(domain)), domain_name(peer))


@refused("cert-constraint-dns-case", *_EXCLUDED)
def test_constraint_dns_case(peer: Peer) -> Leaf:
    """Our domain, which is excluded, stands there in capitals: labels are compared without regard to case."""
    _, _, domain = domain_name(peer).partition(".")
    return certificate(peer, excluding(peer, x509.DNSName(domain.upper())), domain_name(peer))


@refused("cert-constraint-above", *_PERMITTED)
def test_constraint_above(peer: Peer) -> Leaf:
    """A constraint binds all below it: it stands in an authority two steps above our certificate."""
    issuer = between(peer, issuer=permitting(peer, x509.DNSName("elsewhere.example")))
    return certificate(peer, issuer, domain_name(peer))


@refused("cert-constraint-widened", *_PERMITTED)
def test_constraint_widened(peer: Peer) -> Leaf:
    """An authority that is bound to another domain cannot permit ours to one below it: the intersection is empty."""
    names = x509.NameConstraints([x509.DNSName(domain_name(peer))], None)
    issuer = between(peer, critical(names), issuer=permitting(peer, x509.DNSName("elsewhere.example")))
    return certificate(peer, issuer, domain_name(peer))


@refused("cert-constraint-mail", *_PERMITTED)
def test_constraint_mail(peer: Peer) -> Leaf:
    """Our certificate has a mail address, too, outside of what its authority may sign: each name counts."""
    issuer = permitting(peer, x509.RFC822Name("elsewhere.example"))
    return certificate(peer, issuer, domain_name(peer), "tester@ikespec.example")


@refused("cert-constraint-address", *_EXCLUDED)
def test_constraint_address(peer: Peer) -> Leaf:
    """Our certificate has an address, too, in a network for which its authority may not sign."""
    issuer = excluding(peer, x509.IPAddress(ip_network("192.0.2.0/24")))
    return certificate(peer, issuer, domain_name(peer), "192.0.2.7")


@refused("cert-constraint-dn", *_PERMITTED)
def test_constraint_dn(peer: Peer) -> Leaf:
    """The subject of our certificate is not of the organization for which its authority may sign."""
    issuer = permitting(peer, x509.DirectoryName(x509.Name.from_rfc4514_string("O=elsewhere,C=CH")))
    return certificate(peer, issuer, domain_name(peer), subject="CN=tester,O=ikespec,C=CH")


@refused("cert-policy-required", "RFC5280-4.2-1", "RFC5280-6.1.3-6")
def test_policy_required(peer: Peer) -> Leaf:
    """The authority demands a policy at once (policyConstraints, critical), and our certificate has none.

    Who does not support policies rejects the path because of the critical extension, all others for want of a policy.
    """
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.3.6.1.4.1.37476.2.5.2.1"), None)
    demands = critical(x509.PolicyConstraints(0, None))
    return ours(
        peer,
        between(
            peer, demands, x509.Extension(ExtensionOID.CERTIFICATE_POLICIES, False, x509.CertificatePolicies([policy]))
        ),
    )
