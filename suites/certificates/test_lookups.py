"""Hash and URL off the path: what is no URL or no bundle, pages without an end, and what the device says itself."""

from collections.abc import Callable

from conformance.crypto.bundle import SEQUENCE, element
from conformance.ike.core.connection import PublicKey
from conformance.ike.extensions.hash_and_url import hash_of
from conformance.net.http import Page
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import CERT, ExchangeType, Message, NotifyType
from suites.certificates.roles import (
    NOT_CREATED,
    TOLD,
    AsResponder,
    Shown,
    accepted,
    in_both,
    of_responder,
    take_or_refuse,
)
from suites.certificates.test_payloads import after_first
from suites.certificates.urls import (
    BOTH_FORMATS,
    BY_BUNDLE,
    BY_URL,
    LONGEST,
    NEEDS,
    REFUSED,
    der,
    empty,
    fresh,
    lookups,
    named,
    server,
    showing,
    somewhere,
)
from suites.connections import certificates
from suites.dut import Dut
from suites.ike_auth.refusal import control, must_be_a_refusal, must_be_refused
from suites.ike_auth.steps import must_be_accepted_by, must_succeed, without_notify
from suites.purpose import purpose

TIER = "full"

LOOKUP = NotifyType.HTTP_CERT_LOOKUP_SUPPORTED


# --- what is no URL, and what is no bundle ----------------------------------------------------------------------------

SCHEMES = ("ftp:", "https:", "ldap:", "gopher:", "dict:", "file:", "javascript:", "httq:", "")
MALFORMED = (
    *(b"http", b"http:", b"http:/", b"http://", b"http://[", b"http://[::g]/"),
    *(b"http://:80/", b"http://HOST:99999/", b"http://HOST:-1/", b"http://HOST:b/", b"http://HOST :9/"),
    *(b"http://HOST:9/\0b", b"\0", b"http://HOST:9/\r\nHost: b", b"\xff\xfe\xfd", b"%s%s%s%n", b"/" * 2000),
    *(b"http://HOST:9/" + b"../" * 700, b"http://" + b"@" * 300, b"http://" + b"a:a@" * 300),
)
"""``HOST`` stands for our address, where nobody listens at port 9: no name has to be looked up."""
INWARD = ("127.0.0.1:1", "127.0.0.1:500", "[::1]:1", "0.0.0.0:1", "0x7f000001:1", "2130706433:1")
NO_DER = (
    *(b"<html>no certificate</html>", b"\x30", b"\x30\x03\x02", b"\x30\x84\xff\xff\xff\xff", b"\xff" * 400),
    *(b"\x30\x82\x01\x00" + b"\x30\x80" * 128, bytes(70000)),
)
NO_BUNDLE = (
    *(element(SEQUENCE, b""), element(SEQUENCE, b"\xa0\x00"), element(SEQUENCE, b"\xa0\x84\xff\xff\xff\xff")),
    *(element(SEQUENCE, b"\xa0\x00" * 1000), element(SEQUENCE, b"\xa7\x00"), element(SEQUENCE, b"\xa0\x80" * 100)),
    *(element(SEQUENCE, element(0xA1, b"\x30\x00")), element(0x31, b"")),
)

Cases = Callable[[Peer], list[tuple[str, CERT]]]
"""CERT payloads in place of ours, each with what it is."""


def each_refused(identifier: str, cases: Cases) -> Callable[[Callable[[Peer], None]], Callable[[Peer], None]]:
    """The device as responder refuses each of these CERT payloads, in turn."""

    def register(written: Callable[[Peer], None]) -> Callable[[Peer], None]:
        def test(peer: Peer) -> None:
            made = fresh(peer)
            for text, payload in cases(peer):
                shown = showing(peer, made, payload, text=text)
                sa = peer.sa(local=shown.party)
                sa.init()
                must_be_refused(peer, sa, shown.bent)

        test.__name__, test.__module__, test.__doc__ = written.__name__, written.__module__, written.__doc__
        cited = (*REFUSED, NOT_CREATED, TOLD)
        return purpose(identifier, *cited, role="responder", connection=lookups(), needs=NEEDS, web=empty)(test)

    return register


def elsewhere(peer: Peer, scheme: str) -> tuple[str, CERT]:
    """A URL of this scheme at our address, where nobody listens at that port."""
    url = f"{scheme}//{server(peer).address.host}:9/certificate.cer"
    return scheme or "no scheme", named(peer.random(64), url)


def malformed(peer: Peer, url: bytes) -> tuple[str, CERT]:
    """What is no URL, with our address in it."""
    found = url.replace(b"HOST", server(peer).address.host.encode())
    return repr(found[:40]), named(peer.random(64), found)


def page(peer: Peer, content: bytes, *, bundled: bool) -> tuple[str, CERT]:
    """A page with these octets."""
    text = f"{len(content)} octets, {content[:12].hex() or 'nothing'}"
    return text, named(content, somewhere(peer, content), bundle=bundled)


@each_refused("cert-url-schemes", lambda peer: [elsewhere(peer, one) for one in SCHEMES])
def test_schemes(peer: Peer) -> None:
    """URLs of other schemes than http, at our address: nothing is there, whatever the device speaks."""


@each_refused("cert-url-malformed", lambda peer: [malformed(peer, one) for one in MALFORMED])
def test_malformed(peer: Peer) -> None:
    """What stands behind the hash is no URL: cut off, too long, with NUL, line ends, and what no host can be."""


@each_refused("cert-url-inward", lambda peer: [(one, named(peer.random(64), f"http://{one}/x")) for one in INWARD])
def test_inward(peer: Peer) -> None:
    """URLs that lead to the device itself: there is no certificate there, and it is none the worse.

    No RFC says that a device must not ask itself what anybody tells it to ask.
    """


@each_refused(
    "cert-url-short",
    lambda _: [
        (f"{size} octets", CERT(kind, bytes(size))) for kind in (BY_URL, BY_BUNDLE) for size in (0, 1, 19, 20, 21)
    ],
)
def test_short(peer: Peer) -> None:
    """Not even a whole hash, or one without a URL, or with one octet."""


@each_refused("cert-url-no-certificate", lambda peer: [page(peer, one, bundled=False) for one in NO_DER])
def test_no_certificate(peer: Peer) -> None:
    """What is at the URL is no certificate: text, half a header, a nest, a length without end."""


@each_refused("cert-url-no-bundle", lambda peer: [page(peer, one, bundled=True) for one in (*NO_DER, *NO_BUNDLE)])
def test_no_bundle(peer: Peer) -> None:
    """What is at the URL is no bundle: nothing in it, wrong tags, lengths, a nest, a thousand members of nothing."""


# --- what a device may do in one way or the other ---------------------------------------------------------------------


def either(peer: Peer, shown: Shown) -> None:
    """The device takes what we show, or refuses it as it must refuse anything."""
    sa = peer.sa(local=shown.party)
    sa.init()
    take_or_refuse(peer, sa, shown.bent)


@purpose("cert-url-wrong-hash", "RFC7296-3.6-5", TOLD, role="responder", connection=lookups(), needs=NEEDS, web=empty)
def test_wrong_hash(peer: Peer) -> None:
    """The right certificate is at the URL, but the hash is another one.

    That the hash is right binds the sender; a receiver has the signatures. It takes us or it does not.
    """
    made = fresh(peer)
    url = somewhere(peer, der(made.certificate))
    either(peer, showing(peer, made, named(peer.random(64), url), text="a wrong hash"))


@purpose("cert-url-redirected", "RFC7296-3.6-10", TOLD, role="responder", connection=lookups(), needs=NEEDS, web=empty)
def test_redirected(peer: Peer) -> None:
    """The web server says that our certificate is elsewhere: a device may follow, or not."""
    made = fresh(peer)
    content = der(made.certificate)
    url = somewhere(peer, Page(status=302, location=somewhere(peer, content)))
    either(peer, showing(peer, made, named(content, url), text="a redirection"))


# --- servers without an end -------------------------------------------------------------------------------------------


def gives_up(
    identifier: str, endless: Callable[[Peer], Page]
) -> Callable[[Callable[[Peer], None]], Callable[[Peer], None]]:
    """The device gives up this page: it refuses us in bounded time, and then serves others as before."""

    def register(written: Callable[[Peer], None]) -> Callable[[Peer], None]:
        def test(peer: Peer) -> None:
            must_give_up(peer, endless(peer))

        test.__name__, test.__module__, test.__doc__ = written.__name__, written.__module__, written.__doc__
        usual = purpose(
            identifier, NOT_CREATED, TOLD,
            role="responder", connection=lookups(), needs=NEEDS, web=empty, waits=LONGEST,
        )  # fmt: skip
        return usual(test)

    return register


def must_give_up(peer: Peer, endless: Page) -> None:
    """Our certificate is at a page without an end. A device that is busy with it may answer nobody meanwhile."""
    made = fresh(peer)
    shown = showing(peer, made, named(der(made.certificate), somewhere(peer, endless)), text="at a page without an end")
    sa = peer.sa(local=shown.party, retransmit_timeout=LONGEST / 32)
    sa.init()
    sa.first_child = sa.connection.children[0].name
    sent, begun = sa.begin(sa.start_auth, shown.bent), peer.link.now()
    try:
        answer = sa.response(sent, LONGEST).message
    except Unexpected as silent:
        sa.pending = None
        control(peer)
        raise Unexpected(f"an error notify within {LONGEST:g} s", silent.got, TOLD) from None
    peer.note(f"it has given up after {peer.link.now() - begun:.1f} s")
    must_be_a_refusal(peer, sa, answer)


@gives_up("cert-url-silent", lambda _: Page(silent=True))
def test_silent(peer: Peer) -> None:
    """The web server takes the request and never answers."""


@gives_up("cert-url-endless", lambda _: Page(bytes(16384), endless=True, pause=0.01))
def test_endless(peer: Peer) -> None:
    """The answer of the web server has no end."""


@gives_up("cert-url-dripping", lambda _: Page(bytes(4000), piece=1, pause=1.0))
def test_dripping(peer: Peer) -> None:
    """The answer of the web server comes at an octet each second."""


@gives_up("cert-url-redirected-to-itself", lambda peer: around(peer, "/again.cer"))
def test_redirected_to_itself(peer: Peer) -> None:
    """The web server sends the device back to the same URL, for ever."""


def around(peer: Peer, path: str) -> Page:
    """A redirection to a path where the same redirection is."""
    found = Page(status=302, location=server(peer).url(path))
    server(peer).put(path, found)
    return found


# --- what the device says and shows itself ----------------------------------------------------------------------------


@purpose("cert-url-announced", BOTH_FORMATS, role="responder", connection=lookups(), needs=NEEDS)
def test_announced(peer: Peer) -> None:
    """In its IKE_SA_INIT response, which asks for certificates, the device says that it fetches them."""
    sa = peer.sa()
    peer.expect_notify(sa.init(), LOOKUP, BOTH_FORMATS)
    sa.auth()
    must_succeed(peer, sa, BOTH_FORMATS)


@purpose("cert-responder-url-announced", BOTH_FORMATS, role="initiator", connection=lookups(), needs=NEEDS)
def test_announced_by_initiator(peer: Peer, dut: Dut) -> None:
    """In its IKE_AUTH request, which asks for certificates, the device says that it fetches them."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    peer.expect_notify(request.message, LOOKUP, BOTH_FORMATS)
    sa.answer(request)
    must_be_accepted_by(sa, BOTH_FORMATS)


def must_be_by_url(peer: Peer, message: Message) -> None:
    """The device shows its certificate by hash and URL."""
    known = peer.connection.remote.auth
    assert isinstance(known, PublicKey)
    encodings = [one.encoding.name for one in message.all(CERT)]
    shown = [one.data for one in message.all(CERT) if one.encoding == BY_URL]
    peer.check(shown, "a hash and URL", encodings, "RFC7296-3.6-2")
    digest, url = shown[0][:20], shown[0][20:]
    peer.check(digest == hash_of(der(known.chain[0])), "the hash of its certificate", digest.hex(), "RFC7296-3.6-5")
    peer.check(url.startswith(b"http://"), "a URL of the http scheme", url, "RFC7296-3.6-11")


def must_be_whole(peer: Peer, message: Message) -> None:
    """The device shows its certificate itself: nobody has said that we fetch any."""
    found = [one.encoding for one in message.all(CERT)]
    peer.check(not {BY_URL, BY_BUNDLE} & {*found}, "no hash and URL", [one.name for one in found], "RFC7296-3.6-2")


def own(
    identifier: str, must: Callable[[Peer, Message], None], *, told: bool
) -> Callable[[Callable[[], None]], AsResponder]:
    """The device, whose certificate is at a URL, shows it in this way; ``told``: we have said that we fetch any."""
    bent = None if told else without_notify(LOOKUP)

    def first(peer: Peer) -> None:
        sa = peer.sa()
        sa.init()
        answer = sa.auth(bent)
        must_succeed(peer, sa, "RFC7296-3.6-5")
        must(peer, answer)

    def second(peer: Peer, dut: Dut) -> None:
        dut.initiate()
        sa = peer.respond_init(peer.expect_init(), bent)
        request = sa.expect_request(ExchangeType.IKE_AUTH)
        must(peer, request.message)
        sa.answer(request)
        must_be_accepted_by(sa, "RFC7296-3.6-5")

    def register(written: Callable[[], None]) -> AsResponder:
        cited, setup = ("RFC7296-3.6-5", "RFC7296-3.6-2", "RFC7296-3.6-11"), lookups(own=True)
        return in_both(
            written,
            purpose(identifier, *cited, role="responder", connection=setup, needs=NEEDS, ordinary=True),
            purpose(of_responder(identifier), *cited, role="initiator", connection=setup, needs=NEEDS),
            first,
            second,
        )

    return register


@own("cert-url-own", must_be_by_url, told=True)
def test_own() -> None:
    """We say that we fetch certificates: the device shows its own by hash and URL."""


@own("cert-url-own-untold", must_be_whole, told=False)
def test_own_untold() -> None:
    """We do not say that we fetch certificates: the device shows its own as it is."""


# --- devices that do not fetch ----------------------------------------------------------------------------------------


@accepted("cert-url-unasked", "RFC4945-3.3.10.1-1", "RFC7296-3.6-3", connection=certificates())
def test_unasked(peer: Peer) -> Shown:
    """Behind our certificate come a hash and URL of both sorts, and the device has not said that it fetches any."""
    url = f"http://{peer.connection.local_address}:9/nothing-here"
    behind = [named(peer.random(64), url), named(peer.random(64), url, bundle=True)]
    return Shown(bent=after_first(CERT, behind, "two hashes and URLs behind our certificate"))
