"""Chains of several intermediates, and what an authority may sign, kind by kind (RFC 5280, sections 4.2.1 and 6.1)."""

from ipaddress import ip_network

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from conformance.crypto.bundle import element
from conformance.crypto.dn import values
from conformance.crypto.pki import Authority, Extension, Leaf
from conformance.crypto.revoking import at
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import CERT
from suites.certificates.paths import between, critical, excluding, ours, permitting
from suites.certificates.roles import Shown, accepted, certificate, domain_name, refused, taken_or_refused
from suites.ike_auth.steps import ourselves, trusted

_FOUR = ("RFC7296-3.6-6", "RFC7296-3.6-9")
_STRANGERS = 9
"""As many as fit into the 3000 octets of a message that a device should take (RFC 7296, section 2)."""
_EXTENSIONS = (x509.BasicConstraints, x509.KeyUsage, x509.SubjectKeyIdentifier)
"""Those that an authority has otherwise."""
_CONSTRAINT = "RFC5280-4.2.1.10-1"
_PERMITTED, _EXCLUDED = (_CONSTRAINT, "RFC5280-6.1.3-4"), (_CONSTRAINT, "RFC5280-6.1.3-5")
_POLICY = ("RFC5280-4.2-1", "RFC5280-6.1.3-6")
_OURS, _OTHER = (x509.ObjectIdentifier(f"1.3.6.1.4.1.37476.2.5.2.{one}") for one in (1, 2))


# --- chains ---------------------------------------------------------------------------------------------------------


def below(peer: Peer, depth: int) -> Leaf:
    """Our certificate with so many intermediates above it, all of them new."""
    issuer = trusted(peer)
    for _ in range(depth):
        issuer = between(peer, issuer=issuer)
    return ours(peer, issuer)


def shown(made: Leaf, *order: int) -> Leaf:
    """The same with its certificates in another order, or without some of them."""
    return Leaf(made.key, made.certificate, tuple(made.chain[one] for one in order))


@accepted("cert-chain-three", *_FOUR)
def test_three(peer: Peer) -> Leaf:
    """Three intermediates, in order: four certificates, as many as everybody takes."""
    return below(peer, 3)


@accepted("cert-chain-reversed", "RFC7296-3.6-9", "RFC7296-3.6-6")
def test_reversed(peer: Peer) -> Leaf:
    """Our certificate and three intermediates, those in reverse order."""
    return shown(below(peer, 3), 0, 3, 2, 1)


@taken_or_refused("cert-many", "RFC7296-3.6-6")
def test_many(peer: Peer) -> Leaf:
    """Behind our certificate come nine small ones of strangers, more than a device may have room for."""
    made, plain = ours(peer, trusted(peer)), [one.oid for one in _EXTENSIONS]
    strangers = [Authority.create(f"{at}", "ed25519", without=plain) for at in range(_STRANGERS)]
    return Leaf(made.key, made.certificate, (made.certificate, *(one.certificate for one in strangers)))


@refused("cert-chain-without-first", "RFC5280-6.1.3-1")
def test_without_first(peer: Peer) -> Leaf:
    """Of three intermediates the one that has signed our certificate is missing."""
    return shown(below(peer, 3), 0, 2, 3)


@refused("cert-chain-without-middle", "RFC5280-6.1.3-1")
def test_without_middle(peer: Peer) -> Leaf:
    """Of three intermediates the second one is missing."""
    return shown(below(peer, 3), 0, 1, 3)


@refused("cert-chain-without-last", "RFC5280-6.1.3-1")
def test_without_last(peer: Peer) -> Leaf:
    """Of three intermediates that which the trusted authority has signed is missing."""
    return shown(below(peer, 3), 0, 1, 2)


@refused("cert-chain-four-without-last", "RFC5280-6.1.3-1")
def test_four_without_last(peer: Peer) -> Leaf:
    """Four intermediates, which is one more than everybody takes, in any order: that below the authority is missing."""
    return shown(below(peer, 4), 0, 3, 1, 2)


@refused("cert-chain-other-branch", "RFC5280-6.1.3-1")
def test_other_branch(peer: Peer) -> Leaf:
    """The intermediate beside our certificate belongs to another one: the same name, another key."""
    issuer = between(peer)
    name = issuer.certificate.subject.rfc4514_string()
    twin = Authority.create(name, issuer=trusted(peer), key=between(peer).key)
    made = ours(peer, issuer)
    return Leaf(made.key, made.certificate, (made.certificate, *twin.chain))


@accepted("cert-chain-twins", "RFC7296-3.6-9", "RFC5280-6.1.3-1")
def test_twins(peer: Peer) -> Leaf:
    """Two intermediates of the same name come, first that with another key: the second one is the right one."""
    issuer = between(peer)
    name = issuer.certificate.subject.rfc4514_string()
    twin = Authority.create(name, issuer=trusted(peer), key=between(peer).key)
    made = ours(peer, issuer)
    return Leaf(made.key, made.certificate, (made.certificate, *twin.chain, *issuer.chain))


@refused("cert-absent", "RFC7296-1.2-11")
def test_absent(peer: Peer) -> Shown:
    """We sign with a key that the device has never seen, and show no certificate."""
    made = ours(peer, trusted(peer))
    return Shown(ourselves(peer, chain=made.chain, key=made.key), bend.drop(CERT))


# --- dates ------------------------------------------------------------------------------------------------------------

_NEAR = 300.0
"""Seconds by which the clocks of the two may differ, and more."""


@accepted("cert-date-ends-soon", "RFC5280-6.1.3-2")
def test_ends_soon(peer: Peer) -> Leaf:
    """Our certificate ends in five minutes, and is still good."""
    return ours(peer, trusted(peer), not_after=at(peer.link.now() + _NEAR))


@refused("cert-date-just-ended", "RFC5280-6.1.3-2")
def test_just_ended(peer: Peer) -> Leaf:
    """Our certificate ended five minutes ago."""
    return ours(peer, trusted(peer), not_after=at(peer.link.now() - _NEAR))


@refused("cert-date-begins-soon", "RFC5280-6.1.3-2")
def test_begins_soon(peer: Peer) -> Leaf:
    """Our certificate begins in five minutes."""
    return ours(peer, trusted(peer), not_before=at(peer.link.now() + _NEAR))


# --- constraints ----------------------------------------------------------------------------------------------------


@refused("cert-constraint-mail-excluded", *_EXCLUDED)
def test_mail_excluded(peer: Peer) -> Leaf:
    """Our certificate has a mail address, too, at a host for which its authority may not sign."""
    issuer = excluding(peer, x509.RFC822Name("ikespec.example"))
    return certificate(peer, issuer, domain_name(peer), "tester@ikespec.example")


@refused("cert-constraint-address-permitted", *_PERMITTED)
def test_address_permitted(peer: Peer) -> Leaf:
    """Our certificate has an address, too, outside of the network for which its authority may sign."""
    issuer = permitting(peer, x509.IPAddress(ip_network("198.51.100.0/24")))
    return certificate(peer, issuer, domain_name(peer), "192.0.2.7")


@refused("cert-constraint-address6", *_EXCLUDED)
def test_address6(peer: Peer) -> Leaf:
    """Our certificate has an IPv6 address, too, in a network for which its authority may not sign."""
    issuer = excluding(peer, x509.IPAddress(ip_network("2001:db8::/32")))
    return certificate(peer, issuer, domain_name(peer), "2001:db8::7")


@refused("cert-constraint-dn-excluded", *_EXCLUDED)
def test_dn_excluded(peer: Peer) -> Leaf:
    """The subject of our certificate is of the organization for which its authority may not sign."""
    issuer = excluding(peer, x509.DirectoryName(x509.Name.from_rfc4514_string("O=ikespec,C=CH")))
    return certificate(peer, issuer, domain_name(peer), subject="CN=tester,O=ikespec,C=CH")


@refused("cert-constraint-uri", *_PERMITTED)
def test_uri(peer: Peer) -> Leaf:
    """Our certificate has a URI, too, at a host for which its authority may not sign."""
    issuer = permitting(peer, x509.UniformResourceIdentifier("elsewhere.example"))
    uri = x509.UniformResourceIdentifier("http://www.ikespec.example/")
    return certificate(peer, issuer, domain_name(peer), uri)


@refused("cert-constraint-both", *_EXCLUDED)
def test_both(peer: Peer) -> Leaf:
    """Our domain is permitted and our name in it excluded: what is excluded counts."""
    name = domain_name(peer)
    _, _, domain = name.partition(".")
    issuer = between(peer, critical(x509.NameConstraints([x509.DNSName(domain)], [x509.DNSName(name)])))
    return certificate(peer, issuer, name)


# --- policies -------------------------------------------------------------------------------------------------------


def policies(*numbers: x509.ObjectIdentifier) -> Extension:
    """A certificatePolicies with these policies."""
    found = [x509.PolicyInformation(one, None) for one in numbers]
    return x509.Extension(ExtensionOID.CERTIFICATE_POLICIES, False, x509.CertificatePolicies(found))


_ANY = x509.ObjectIdentifier("2.5.29.32.0")
DEMANDS = critical(x509.PolicyConstraints(0, None))
"""A policy is demanded from here on."""


@refused("cert-policy-other", *_POLICY)
def test_policy_other(peer: Peer) -> Leaf:
    """The authority demands a policy and has one; our certificate has another one."""
    return ours(peer, between(peer, DEMANDS, policies(_OURS)), extensions=[policies(_OTHER)])


@refused("cert-policy-any-inhibited", *_POLICY)
def test_any_inhibited(peer: Peer) -> Leaf:
    """The authority demands a policy and takes anyPolicy for none (inhibitAnyPolicy); our certificate has only that."""
    inhibits = critical(x509.InhibitAnyPolicy(0))
    any_policy = policies(_ANY)
    return ours(peer, between(peer, DEMANDS, inhibits, policies(_OURS)), extensions=[any_policy])


@refused("cert-policy-above", *_POLICY)
def test_policy_above(peer: Peer) -> Leaf:
    """An authority two steps above demands a policy; the one between has none, so that of our certificate is void."""
    upper = between(peer, DEMANDS, policies(_OURS))
    return ours(peer, between(peer, issuer=upper), extensions=[policies(_OURS)])


def mapping(issuers: x509.ObjectIdentifier, subjects: x509.ObjectIdentifier) -> Extension:
    """A policyMappings: who has the policy of the issuer has that of the subject below (RFC 5280, section 4.2.1.5)."""
    pair = b"".join(_identifier(one) for one in (issuers, subjects))
    octets = element(0x30, element(0x30, pair))
    return critical(x509.UnrecognizedExtension(ExtensionOID.POLICY_MAPPINGS, octets))


def _identifier(one: x509.ObjectIdentifier) -> bytes:
    """An OBJECT IDENTIFIER in DER, as certificatePolicies has it."""
    ((whole,),) = (list(values(octets)) for octets in values(x509.CertificatePolicies([_policy(one)]).public_bytes()))
    return element(0x06, next(values(whole)))


def _policy(one: x509.ObjectIdentifier) -> x509.PolicyInformation:
    return x509.PolicyInformation(one, None)


@refused("cert-policy-mapping-inhibited", *_POLICY)
def test_mapping_inhibited(peer: Peer) -> Leaf:
    """A policy is demanded and may not be mapped; below, that of our certificate is mapped to it."""
    upper = between(peer, critical(x509.PolicyConstraints(0, 0)), policies(_OURS))
    lower = between(peer, policies(_OURS), mapping(_OURS, _OTHER), issuer=upper)
    return ours(peer, lower, extensions=[policies(_OTHER)])


@refused("cert-policy-mapping-any", *_POLICY)
def test_mapping_any(peer: Peer) -> Leaf:
    """A policy is demanded, and anyPolicy is mapped to that which our certificate has: nobody may map anyPolicy."""
    issuer = between(peer, DEMANDS, policies(_OURS), mapping(_ANY, _OTHER))
    return ours(peer, issuer, extensions=[policies(_OTHER)])
