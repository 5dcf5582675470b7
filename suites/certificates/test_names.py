"""The certificate must be for the identity that we show (RFC 4945, sections 3.1 and 5.1.3; RFC 5280, section 7)."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from conformance.crypto.pki import Leaf
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from suites.certificates.roles import accepted, called, certificate, domain_name, mail_address, refused
from suites.ike_auth.steps import trusted

MAIL = "tester@ikespec.example"
_DOMAIN = ("RFC4945-3.1.2-4", "RFC4945-3.1.2-1")
_PART = ("RFC4945-3.1.2-3", "RFC4945-3.1.2-4", "RFC5280-7.2-1")
_MAIL_PART = ("RFC4945-3.1.3-3", "RFC4945-3.1.3-4")
_ADDRESS = ("RFC4945-3.1.1-2", "RFC4945-3.1.1-1")


# --- domain names -----------------------------------------------------------------------------------------------------


@accepted("cert-name-case", "RFC4945-3.1.2-2", "RFC5280-7.2-1")
def test_case(peer: Peer) -> Leaf:
    """Upper and lower case in the dNSName make no difference to an FQDN."""
    return certificate(peer, trusted(peer), domain_name(peer).swapcase())


@accepted("cert-name-among-others", "RFC4945-3.1.8-1")
def test_among_others(peer: Peer) -> Leaf:
    """Our name stands behind names of other types and of other hosts, and the subject is somebody else's."""
    others = ("first.ikespec.example", "somebody@ikespec.example", "192.0.2.77", "2001:db8::77")
    return certificate(peer, trusted(peer), *others, domain_name(peer), subject="O=ikespec,CN=several")


@accepted("cert-name-empty-subject", "RFC4945-5.1.2.1-1", "RFC4945-3.1.8-1")
def test_empty_subject(peer: Peer) -> Leaf:
    """A certificate may have no subject; the subjectAltName is critical then (RFC 5280, section 4.1.2.6)."""
    names = x509.SubjectAlternativeName([x509.DNSName(domain_name(peer))])
    return certificate(peer, trusted(peer), subject="", critical=[names])


@refused("cert-name-in-subject", "RFC4945-3.1.9-1", *_DOMAIN)
def test_in_subject(peer: Peer) -> Leaf:
    """Our name stands only in the subject, as common name, and there is no subjectAltName: that is no identity."""
    return certificate(peer, trusted(peer), subject=domain_name(peer))


@refused("cert-name-in-subject-beside", "RFC4945-3.1.9-1", *_DOMAIN)
def test_in_subject_beside(peer: Peer) -> Leaf:
    """Our name stands only in the subject, and the subjectAltName names another host."""
    return certificate(peer, trusted(peer), "stranger.ikespec.example", subject=domain_name(peer))


@refused("cert-name-wildcard", *_PART)
def test_wildcard(peer: Peer) -> Leaf:
    """A dNSName with a star for the first label is no pattern: ``*.ikespec.example`` is nobody's name."""
    _, _, domain = domain_name(peer).partition(".")
    return certificate(peer, trusted(peer), f"*.{domain}", subject="CN=a pattern")


@refused("cert-name-star", *_PART)
def test_star(peer: Peer) -> Leaf:
    """A dNSName that is nothing but a star does not stand for everybody."""
    domain_name(peer)
    return certificate(peer, trusted(peer), "*", subject="CN=a star")


@refused("cert-name-longer", *_PART)
def test_longer(peer: Peer) -> Leaf:
    """A dNSName that begins with our name and goes on belongs to somebody else."""
    return certificate(peer, trusted(peer), f"{domain_name(peer)}.stranger.example", subject="CN=longer")


@refused("cert-name-shorter", *_PART)
def test_shorter(peer: Peer) -> Leaf:
    """A dNSName that is the beginning of our name belongs to somebody else."""
    return certificate(peer, trusted(peer), domain_name(peer)[:-1], subject="CN=shorter")


@refused("cert-name-parent", *_PART)
def test_parent(peer: Peer) -> Leaf:
    """The domain that our name lies in does not speak for the hosts in it."""
    _, _, domain = domain_name(peer).partition(".")
    return certificate(peer, trusted(peer), domain, subject="CN=parent")


@refused("cert-name-leading-dot", *_PART)
def test_leading_dot(peer: Peer) -> Leaf:
    """A dot before the domain makes it no pattern; only name constraints know something like that."""
    _, _, domain = domain_name(peer).partition(".")
    return certificate(peer, trusted(peer), f".{domain}", subject="CN=dot")


@refused("cert-name-nul", *_PART)
def test_nul(peer: Peer) -> Leaf:
    """A dNSName goes on after a NUL: who compares strings of C takes what stands before it for all of it."""
    return certificate(peer, trusted(peer), f"{domain_name(peer)}\0.stranger.example", subject="CN=nul")


@refused("cert-name-mail", *_DOMAIN)
def test_as_mail(peer: Peer) -> Leaf:
    """Our domain name stands in an rfc822Name, which is no dNSName."""
    return certificate(peer, trusted(peer), x509.RFC822Name(domain_name(peer)), subject="CN=mail")


@refused("cert-name-uri", *_DOMAIN)
def test_as_uri(peer: Peer) -> Leaf:
    """Our domain name stands in a uniformResourceIdentifier, which is no dNSName."""
    return certificate(peer, trusted(peer), x509.UniformResourceIdentifier(domain_name(peer)), subject="CN=uri")


@refused("cert-name-empty", *_PART)
def test_empty(peer: Peer) -> Leaf:
    """A dNSName without any octet is the beginning of every name, and nobody's."""
    return certificate(peer, trusted(peer), x509.DNSName(""), subject="CN=empty")


# --- mail addresses ---------------------------------------------------------------------------------------------------


@accepted("cert-mail-case", "RFC4945-3.1.3-2", "RFC4945-3.1.3-1", connection=called(MAIL))
def test_mail_case(peer: Peer) -> Leaf:
    """Upper and lower case in the domain of an rfc822Name make no difference."""
    local, _, domain = mail_address(peer).partition("@")
    return certificate(peer, trusted(peer), f"{local}@{domain.swapcase()}")


@refused("cert-mail-domain", *_MAIL_PART, connection=called(MAIL))
def test_mail_domain(peer: Peer) -> Leaf:
    """An rfc822Name that is only a domain speaks for no mail address in it."""
    _, _, domain = mail_address(peer).partition("@")
    return certificate(peer, trusted(peer), x509.RFC822Name(domain), subject="CN=domain")


@refused("cert-mail-wildcard", *_MAIL_PART, connection=called(MAIL))
def test_mail_wildcard(peer: Peer) -> Leaf:
    """An rfc822Name with a star before the @ is no pattern."""
    _, _, domain = mail_address(peer).partition("@")
    return certificate(peer, trusted(peer), f"*@{domain}", subject="CN=star")


@refused("cert-mail-nul", *_MAIL_PART, connection=called(MAIL))
def test_mail_nul(peer: Peer) -> Leaf:
    """An rfc822Name goes on after a NUL."""
    return certificate(peer, trusted(peer), x509.RFC822Name(f"{mail_address(peer)}\0.stranger"), subject="CN=nul")


@refused("cert-mail-longer", *_MAIL_PART, connection=called(MAIL))
def test_mail_longer(peer: Peer) -> Leaf:
    """An rfc822Name that begins with our address and goes on belongs to somebody else."""
    return certificate(peer, trusted(peer), f"{mail_address(peer)}.stranger", subject="CN=longer")


@refused("cert-mail-shorter", *_MAIL_PART, connection=called(MAIL))
def test_mail_shorter(peer: Peer) -> Leaf:
    """An rfc822Name that is the beginning of our address belongs to somebody else."""
    return certificate(peer, trusted(peer), mail_address(peer)[:-1], subject="CN=shorter")


@refused("cert-mail-name", *_MAIL_PART, connection=called(MAIL))
def test_mail_name(peer: Peer) -> Leaf:
    """Our mail address stands in a dNSName, which is no rfc822Name."""
    return certificate(peer, trusted(peer), x509.DNSName(mail_address(peer)), subject="CN=name")


# --- addresses --------------------------------------------------------------------------------------------------------


def our_address(peer: Peer) -> IPv4Address | IPv6Address:
    """Our identity, an address."""
    return ip_address(str(peer.connection.local.identity))


@refused("cert-address-text", *_ADDRESS, connection=called())
def test_address_text(peer: Peer) -> Leaf:
    """Our address stands in a dNSName, as text: that is no iPAddress."""
    return certificate(peer, trusted(peer), x509.DNSName(str(our_address(peer))), subject="CN=text")


@refused("cert-address-in-subject", "RFC4945-3.1.9-1", *_ADDRESS, connection=called())
def test_address_in_subject(peer: Peer) -> Leaf:
    """Our address stands in the subject alone."""
    return certificate(peer, trusted(peer), subject=str(our_address(peer)))


@refused("cert-address-network", *_ADDRESS, connection=called())
def test_address_network(peer: Peer) -> Leaf:
    """An iPAddress of an address and a mask, as in name constraints, speaks for no address of that network."""
    packed = our_address(peer).packed
    value = packed + bytes((255,)) * (len(packed) - 1) + bytes(1)
    names = bytes((0x30, 2 + len(value), 0x87, len(value))) + value
    network = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
    return certificate(
        peer, trusted(peer), subject="CN=network", extensions=[x509.Extension(network.oid, False, network)]
    )


@refused("cert-address-mapped", *_ADDRESS, connection=called())
def test_address_mapped(peer: Peer) -> Leaf:
    """Our IPv4 address, mapped into an IPv6 address, is another one: the comparison is bit by bit."""
    address = our_address(peer)
    if address.version != 4:
        raise NotApplicable("our address is no IPv4 address")
    return certificate(peer, trusted(peer), f"::ffff:{address}", subject="CN=mapped")


@refused("cert-address-neighbour", *_ADDRESS, connection=called())
def test_address_neighbour(peer: Peer) -> Leaf:
    """The iPAddress differs from our address in its last bit."""
    neighbour = ip_address(int(our_address(peer)) ^ 1)
    return certificate(peer, trusted(peer), str(neighbour), subject="CN=neighbour")
