"""Certificates as text between two lines (PEM), where CERT ought to have DER (RFC 7296, section 3.6)."""

from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto.pki import Leaf
from conformance.script.peer import Peer
from conformance.wire import CERT, CertEncoding
from suites.certificates.paths import between
from suites.certificates.roles import Shown, taken_or_refused
from suites.certificates.urls import fresh, showing


def with_text(made: Leaf, *, first: bool) -> list[CERT]:
    """Our certificates for CERT payloads, of which the first one is text, or all behind it."""
    forms = (Encoding.PEM, Encoding.DER) if first else (Encoding.DER, Encoding.PEM)
    octets = (one.public_bytes(forms[min(at, 1)]) for at, one in enumerate(made.chain))
    return [CERT(CertEncoding.X509_SIGNATURE, one) for one in octets]


@taken_or_refused("cert-pem", "RFC7296-3.6-3")
def test_pem(peer: Peer) -> Shown:
    """Our certificate is text (PEM) where it ought to be DER: the device takes it all the same, or refuses it."""
    made = fresh(peer)
    return showing(peer, made, *with_text(made, first=True), text="our certificate as PEM")


@taken_or_refused("cert-pem-above", "RFC7296-3.6-3")
def test_pem_above(peer: Peer) -> Shown:
    """The intermediate certificate behind ours, without which there is no path, is text (PEM)."""
    made = fresh(peer, between(peer))
    return showing(peer, made, *with_text(made, first=False), text="an intermediate certificate as PEM")
