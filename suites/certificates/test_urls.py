"""Certificates by hash and URL: at the right place, in every form of URL, and at servers that lie (RFC 7296, 3.6)."""

from conformance.crypto.bundle import bundle
from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.net.http import Page
from conformance.script.peer import Peer
from conformance.wire import CERT
from suites.certificates.roles import Shown
from suites.certificates.urls import (
    BOTH_FORMATS,
    NEEDS,
    X509,
    accepted_at,
    at,
    der,
    empty,
    fresh,
    lookups,
    named,
    refused_at,
    server,
    showing,
    somewhere,
)
from suites.ike_auth.steps import must_succeed, trusted
from suites.purpose import purpose

TIER = "full"

FORMS = "RFC4945-4.3.1-1"


# --- the right certificate --------------------------------------------------------------------------------------------


@accepted_at("cert-url")
def test_right(peer: Peer) -> Shown:
    """Our certificate by hash and URL, at a web server that has it."""
    return at(peer)


@accepted_at("cert-url-bundle")
def test_bundle(peer: Peer) -> Shown:
    """Our certificate by hash and URL of a bundle that has nothing else."""
    made = fresh(peer)
    content = bundle([der(made.certificate)])
    return showing(peer, made, named(content, somewhere(peer, content), bundle=True), text="a bundle by hash and URL")


def below_intermediate(peer: Peer) -> Leaf:
    """A certificate for our name with another authority between it and the one that the device trusts."""
    name = f"CN=between {peer.random(6).hex()},O=ikespec"
    return fresh(peer, Authority.create(name, issuer=trusted(peer), key=new_key("ecdsa")))


@accepted_at("cert-url-bundle-chain")
def test_bundle_chain(peer: Peer) -> Shown:
    """A bundle of our certificate and the intermediate one above it."""
    made = below_intermediate(peer)
    content = bundle([der(one) for one in made.chain])
    return showing(peer, made, named(content, somewhere(peer, content), bundle=True), text="a chain in a bundle")


@accepted_at("cert-url-chain")
def test_chain(peer: Peer) -> Shown:
    """Our certificate and the intermediate one above it, each by a hash and URL of its own."""
    made = below_intermediate(peer)
    payloads = [named(der(one), somewhere(peer, der(one))) for one in made.chain]
    return showing(peer, made, *payloads, text="a chain by hashes and URLs")


@accepted_at("cert-url-mixed")
def test_mixed(peer: Peer) -> Shown:
    """Our certificate as it is, and the intermediate one above it by hash and URL."""
    made = below_intermediate(peer)
    own, above = (der(one) for one in made.chain)
    pair = (CERT(X509, own), named(above, somewhere(peer, above)))
    return showing(peer, made, *pair, text="our certificate, and a URL of the one above it")


@accepted_at("cert-url-slow", "RFC4945-4.2.1.1-1", "RFC7296-3.6-10")
def test_slow(peer: Peer) -> Shown:
    """The web server takes half a second for its answer, which comes in pieces."""
    made = fresh(peer)
    content = der(made.certificate)
    url = somewhere(peer, Page(content, wait=0.3, piece=100, pause=0.03))
    return showing(peer, made, named(content, url), text="at a slow web server")


@accepted_at("cert-url-beside", "RFC4945-3.3.10.5-1", "RFC7296-3.6-3")
def test_beside(peer: Peer) -> Shown:
    """Behind our certificate comes the URL of another one, and there is nothing there."""
    made = fresh(peer)
    other = named(peer.random(64), server(peer).url("/nothing-here.cer"))
    return showing(peer, made, CERT(X509, der(made.certificate)), other, text="our certificate, and a dead URL")


def at_path(peer: Peer, path: str, *also: str, authority: str = "") -> Shown:
    """A fresh certificate at this path, and where a client may look for the same after it has made it canonical."""
    made, web = fresh(peer), server(peer)
    content = der(made.certificate)
    for one in (path, *also):
        web.put(one, Page(content, kind="application/pkix-cert"))
    url = f"http://{authority}{web.address}{path}"
    return showing(peer, made, named(content, url), text=f"at {url}")


@accepted_at("cert-url-query", FORMS, "RFC7296-3.6-10")
def test_query(peer: Peer) -> Shown:
    """A URL with a query and parameters in it, as RFC 4945 gives it."""
    return at_path(peer, "/certs/cert.pl?u=foo;a=pw;valid-to=+86400")


@accepted_at("cert-url-dots", FORMS, "RFC7296-3.6-10")
def test_dots(peer: Peer) -> Shown:
    """A URL with escapes and dots in its path, as RFC 4945 gives it."""
    return at_path(peer, "/%0a/../foo/bar/zappa", "/foo/bar/zappa")


@accepted_at("cert-url-user", "RFC4945-4.3.1-3")
def test_user(peer: Peer) -> Shown:
    """A URL with a user name and a password in front of host and port."""
    return at_path(peer, "/certificate.cer", authority="user:password@")


# --- servers that lie, or have nothing -------------------------------------------------------------------------------


@refused_at("cert-url-not-found")
def test_not_found(peer: Peer) -> Shown:
    """There is nothing at the URL, and without our certificate nobody can know our key."""
    return at(peer, Page(b"nothing here\n", 404, "text/plain"), "nothing is there")


@refused_at("cert-url-refused")
def test_refused(peer: Peer) -> Shown:
    """At the port of the URL nobody listens."""
    made = fresh(peer)
    url = f"http://{server(peer).address.host}:9/certificate.cer"
    return showing(peer, made, named(der(made.certificate), url), text="nobody listens there")


@refused_at("cert-url-empty-page")
def test_empty_page(peer: Peer) -> Shown:
    """What is at the URL has no octets at all."""
    return at(peer, b"", "an empty page")


@refused_at("cert-url-cut-off")
def test_cut_off(peer: Peer) -> Shown:
    """The connection ends in the middle of our certificate."""
    made = fresh(peer)
    content = der(made.certificate)
    url = somewhere(peer, Page(content, stop=len(content) // 2))
    return showing(peer, made, named(content, url), text="half of it comes")


@refused_at("cert-url-stranger")
def test_stranger(peer: Peer) -> Shown:
    """The hash is that of a right certificate, and at the URL is that of a stranger for our name, who signs."""
    stranger = fresh(peer, Authority.create("a stranger"))
    url = somewhere(peer, der(stranger.certificate))
    return showing(peer, stranger, named(der(fresh(peer).certificate), url), text="another one is there")


@refused_at("cert-url-stranger-named")
def test_stranger_named(peer: Peer) -> Shown:
    """Hash and URL lead to a certificate for our name by an authority that the device does not know."""
    stranger = fresh(peer, Authority.create("a stranger"))
    content = der(stranger.certificate)
    return showing(peer, stranger, named(content, somewhere(peer, content)), text="a stranger by hash and URL")


@refused_at("cert-url-known-hash")
def test_known_hash(peer: Peer) -> Shown:
    """The hash is that of our ordinary certificate, which the device may know; a stranger is there, and signs."""
    ours = peer.connection.local.auth
    stranger = fresh(peer, Authority.create("a stranger"))
    known = der(ours.chain[0])  # type: ignore[union-attr]
    return showing(peer, stranger, named(known, somewhere(peer, der(stranger.certificate))), text="a known hash")


@refused_at("cert-url-other-key")
def test_other_key(peer: Peer) -> Shown:
    """Hash and URL lead to our certificate, which everybody may know, but another key has signed."""
    content = der(fresh(peer).certificate)
    return showing(peer, fresh(peer), named(content, somewhere(peer, content)), text="another one of ours")


@refused_at("cert-url-somebody-else")
def test_somebody_else(peer: Peer) -> Shown:
    """Hash and URL lead to a certificate of the right authority for somebody else, who signs in our name."""
    name = "somebody.ikespec.example"
    other = trusted(peer).issue(name, sans=[name], key=new_key("ecdsa"))
    content = der(other.certificate)
    return showing(peer, other, named(content, somewhere(peer, content)), text="somebody else")


@refused_at("cert-url-bundle-first")
def test_bundle_first(peer: Peer) -> Shown:
    """A bundle has the certificate of a stranger, who signs, before ours."""
    stranger = fresh(peer, Authority.create("a stranger"))
    content = bundle([der(stranger.certificate), der(fresh(peer).certificate)])
    payload = named(content, somewhere(peer, content), bundle=True)
    return showing(peer, stranger, payload, text="a stranger in a bundle")


@refused_at("cert-url-file")
def test_file(peer: Peer) -> Shown:
    """The URL names a file of the device itself, and there is no certificate in it."""
    return showing(peer, made := fresh(peer), named(der(made.certificate), "file:///etc/passwd"), text="a file")


@refused_at("cert-url-no-url")
def test_no_url(peer: Peer) -> Shown:
    """Behind the hash comes no URL."""
    return showing(peer, made := fresh(peer), named(der(made.certificate), ""), text="no URL")


@purpose("cert-url-renewed", BOTH_FORMATS, role="responder", needs=NEEDS, connection=lookups(), web=empty)
def test_renewed(peer: Peer) -> None:
    """At the URL of our certificate there is another one later, with another hash: what was fetched before is old."""
    first, second = fresh(peer), fresh(peer)
    url = somewhere(peer, der(first.certificate))
    for made in (first, second):
        server(peer).put(url.removeprefix(server(peer).url("")), Page(der(made.certificate)))
        shown = showing(peer, made, named(der(made.certificate), url), text="by hash and URL")
        assert shown.party is not None
        sa = peer.sa(local=shown.party)
        sa.init()
        sa.auth(shown.bent)
        must_succeed(peer, sa, BOTH_FORMATS)
        sa.delete()
