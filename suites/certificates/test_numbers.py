"""Serial numbers of every size, and certificates that an authority should not make, though it may have made one.

Of these a device is bound to take the longest serial number that there may be (RFC 5280, section 4.1.2.2). What else is
here it takes or refuses, as its policy has it, and is none the worse.
"""

from cryptography import x509

from conformance.crypto.pki import Leaf, new_key
from conformance.script.peer import Peer
from conformance.wire import CERT, CertEncoding
from suites.certificates.naming import named_twice, numbered
from suites.certificates.paths import ours
from suites.certificates.roles import Shown, accepted, domain_name, taken_or_refused
from suites.certificates.urls import showing
from suites.ike_auth.steps import trusted

_SERIAL, _DOUBLED = "RFC5280-4.1.2.2-1", "RFC5280-4.2-1"


def in_der(peer: Peer, made: Leaf, octets: bytes, text: str) -> Shown:
    """We sign with the key of this certificate, and these octets stand for it."""
    return showing(peer, made, CERT(CertEncoding.X509_SIGNATURE, octets), text=text)


def with_serial(peer: Peer, serial: bytes, text: str) -> Shown:
    """Our certificate has this serial number."""
    issuer = trusted(peer)
    made = ours(peer, issuer)
    return in_der(peer, made, numbered(made, issuer, serial), text)


@accepted("cert-serial-20", _SERIAL)
def test_serial_20(peer: Peer) -> Shown:
    """The serial number of our certificate has 20 octets, the most that there may be."""
    return with_serial(peer, b"\x7f" + peer.random(19), "a serial number of 20 octets")


@taken_or_refused("cert-serial-zero", _SERIAL)
def test_serial_zero(peer: Peer) -> Shown:
    """The serial number of our certificate is zero."""
    return with_serial(peer, b"\0", "a serial number of zero")


@taken_or_refused("cert-serial-negative", _SERIAL)
def test_serial_negative(peer: Peer) -> Shown:
    """The serial number of our certificate is negative."""
    return with_serial(peer, b"\x80" + peer.random(15), "a negative serial number")


@taken_or_refused("cert-serial-long", _SERIAL)
def test_serial_long(peer: Peer) -> Shown:
    """The serial number of our certificate has 1000 octets."""
    return with_serial(peer, b"\x7f" + peer.random(999), "a serial number of 1000 octets")


@taken_or_refused("cert-serial-empty", _SERIAL)
def test_serial_empty(peer: Peer) -> Shown:
    """The serial number of our certificate has no octet: that is no INTEGER."""
    return with_serial(peer, b"", "a serial number without octets")


@taken_or_refused("cert-names-twice", _DOUBLED)
def test_names_twice(peer: Peer) -> Shown:
    """Our certificate has two subjectAltName, of which the second one has our name: no extension may stand twice."""
    issuer = trusted(peer)
    made = ours(peer, issuer)
    other = x509.SubjectAlternativeName([x509.DNSName(f"not-{domain_name(peer)}")])
    return in_der(peer, made, named_twice(made, issuer, other), "two subjectAltName")


@taken_or_refused("cert-authority-ours", "RFC5280-4.2.1.9-1")
def test_authority_ours(peer: Peer) -> Leaf:
    """Our own certificate is that of an authority, and may sign certificates and everything else."""
    usage = ("digital_signature", "key_cert_sign", "crl_sign")
    return ours(peer, trusted(peer), key=new_key("ecdsa"), ca=True, key_usage=usage)
