"""Our certificate by hash and URL, at a web server of ours that may be right or wrong (RFC 7296, section 3.6).

What stands under `refused_at` or `accepted_at` makes what we show. Certificates have a key of their own each, so a
device that keeps what it has fetched knows nothing of them.
"""

from collections.abc import Callable
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.ike.core.connection import Connection, PublicKey
from conformance.ike.extensions.hash_and_url import hash_of
from conformance.net.http import Page, WebServer
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import CERT, CertEncoding
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.certificates.roles import AsResponder, Make, Shown, accepted, refused
from suites.certificates.test_payloads import after_first
from suites.connections import Setup, certificates
from suites.ike_auth.steps import in_our_name, ourselves, trusted

NEEDS = (Capability.HASH_AND_URL,)
BOTH_FORMATS = "RFC7296-3.6-7"
REFUSED = ("RFC7296-1.2-11",)
LONGEST = 150.0
"""Seconds for which a device may be busy with a web server: no RFC names a limit, but by then its peer has given up.

Longer than TCP tries to connect; RFC 7296, section 2.4 suggests that one repeats its request for several minutes.
"""
X509, BY_URL, BY_BUNDLE = CertEncoding.X509_SIGNATURE, CertEncoding.HASH_URL_X509, CertEncoding.HASH_URL_BUNDLE


def lookups(*, own: bool = False) -> Setup:
    """Certificates, and both fetch what the other shows by hash and URL. ``own``: so the device shows its own."""

    def setup(pixit: Pixit) -> Connection:
        found = certificates("ecdsa", cert_lookup=True)(pixit)
        if not own or not isinstance(found.remote.auth, PublicKey):
            return found
        base = WebServer(pixit.tester_address, pixit.web_port).url("/device/")
        return replace(found, remote=replace(found.remote, auth=replace(found.remote.auth, url=base)))

    return setup


def empty(web: WebServer) -> None:
    """A web server without any page; the purpose puts them there."""


def refused_at(identifier: str, *requirements: str) -> Callable[[Make], AsResponder]:
    """The device must not authenticate us, in either role."""
    return refused(identifier, *(requirements or REFUSED), connection=lookups(), needs=NEEDS, web=empty)


def accepted_at(identifier: str, *requirements: str) -> Callable[[Make], AsResponder]:
    """The device must authenticate us, in either role."""
    return accepted(identifier, *(requirements or (BOTH_FORMATS,)), connection=lookups(), needs=NEEDS, web=empty)


# --- what we show -----------------------------------------------------------------------------------------------------


def server(peer: Peer) -> WebServer:
    """The web server of this purpose."""
    assert peer.web is not None
    return peer.web


def fresh(peer: Peer, issuer: Authority | None = None) -> Leaf:
    """A certificate for our name that no device has seen, by default of the authority that it trusts."""
    return in_our_name(peer, issuer or trusted(peer), key=new_key("ecdsa"))


def der(certificate: x509.Certificate) -> bytes:
    """The octets of a certificate."""
    return certificate.public_bytes(Encoding.DER)


def somewhere(peer: Peer, page: Page | bytes) -> str:
    """The URL of a new page."""
    page = Page(page, kind="application/pkix-cert") if isinstance(page, bytes) else page
    return server(peer).put(f"/{peer.random(6).hex()}.cer", page)


def named(content: bytes, url: str | bytes, *, bundle: bool = False) -> CERT:
    """A CERT payload with the hash of this content, and a URL."""
    where = url if isinstance(url, bytes) else url.encode()
    return CERT(BY_BUNDLE if bundle else BY_URL, hash_of(content) + where)


def showing(peer: Peer, made: Leaf, *payloads: CERT, text: str) -> Shown:
    """We sign with this key, and these CERT payloads stand in the place of ours."""
    first, behind = payloads[0], payloads[1:]
    bent = bend.replace(CERT, lambda _: first, text)
    if behind:
        bent = bent | after_first(CERT, behind, "")
    return Shown(ourselves(peer, chain=(made.certificate,), key=made.key), bent)


def at(peer: Peer, page: Page | bytes | None = None, text: str = "by hash and URL") -> Shown:
    """A fresh certificate by hash and URL; what is there is it, or another page."""
    made = fresh(peer)
    content = der(made.certificate)
    return showing(peer, made, named(content, somewhere(peer, content if page is None else page)), text=text)
