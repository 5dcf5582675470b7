"""Defects that concern certificates by hash and URL (RFC 7296, section 3.6)."""

from collections.abc import Iterator, Sequence
from typing import ClassVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from conformance.crypto.errors import CertificateError
from conformance.crypto.x509 import load_certificate
from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.net.fetching import Limits, WebClient
from conformance.wire import AUTH, CERT, CertEncoding, IDi, IDr, Message, Notify, Payload
from peers.reference.defects.certificates_keys import TakesWhatItCannotCheck
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect

BY_URL, BY_BUNDLE = CertEncoding.HASH_URL_X509, CertEncoding.HASH_URL_BUNDLE


@defect(*both("url", "url-chain", "url-mixed", "url-slow", "url-query", "url-dots", "url-user"))
class FetchesNothing(IkeSa):
    """Says that it fetches certificates, and does not."""

    def fetched_from(self, url: bytes) -> bytes:
        raise Violation("a certificate that is elsewhere")


@defect(*both("url-bundle", "url-bundle-chain"))
class KnowsNoBundles(IkeSa):
    """Fetches certificates, but no bundles of them."""

    def unpacked(self, bundle: bytes) -> list[bytes]:
        raise Violation("a bundle")


@defect(*both("url-bundle-chain"))
class FirstOfBundle(IkeSa):
    """Takes the first certificate of a bundle only."""

    def unpacked(self, bundle: bytes) -> list[bytes]:
        return super().unpacked(bundle)[:1]


@defect(*both("url-beside"))
class NeedsAllUrls(IkeSa):
    """Gives up where any URL leads to nothing."""

    def looked_up(self, message: Message) -> Iterator[bytes]:
        for one in message.all(CERT):
            if one.encoding == BY_URL:
                self.found_at(one.data[:20], one.data[20:])
        yield from super().looked_up(message)


@defect(*both("url-query", "url-dots"))
class PlainPathsOnly(IkeSa):
    """Fetches only what has a plain path that ends with .cer."""

    def fetched_from(self, url: bytes) -> bytes:
        if not url.endswith(b".cer"):
            raise Violation("a URL that looks strange")
        return super().fetched_from(url)


@defect(*both("url-user"))
class NoUserInUrl(IkeSa):
    """Fetches nothing where a user stands in the URL."""

    def fetched_from(self, url: bytes) -> bytes:
        if urlsplit(url).username is not None:
            raise Violation("a URL with a user")
        return super().fetched_from(url)


@defect(
    "cert-url-schemes", "cert-url-malformed", "cert-url-inward", "cert-url-short", "cert-url-no-certificate",
    "cert-url-no-bundle", "cert-url-silent", "cert-url-endless", "cert-url-dripping", "cert-url-redirected-to-itself",
    *both("url-not-found", "url-refused", "url-empty-page", "url-cut-off", "url-file", "url-no-url"),
)  # fmt: skip
class TakesWhatCannotBeHad(TakesWhatItCannotCheck):
    """Goes on without a proof where a certificate cannot be had from its URL."""

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        found = super().peer_public_key(identity, message)
        elsewhere = any(one.encoding in (BY_URL, BY_BUNDLE) for one in message.all(CERT))
        self.unchecked = self.unchecked and elsewhere
        return found


@defect(*both("url-stranger", "url-stranger-named", "url-known-hash", "url-bundle-first"))
class TrustsTheWeb(IkeSa):
    """Believes a certificate that it has fetched, whoever has issued it."""

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        for one in message.all(CERT):
            if one.encoding in (BY_URL, BY_BUNDLE):
                found = self.fetched_from(one.data[20:])
                try:
                    return load_certificate(
                        self.unpacked(found)[0] if one.encoding == BY_BUNDLE else found
                    ).public_key()
                except CertificateError as error:
                    raise Violation(str(error)) from None
        return super().peer_public_key(identity, message)


@defect(*both("url-other-key", "url-somebody-else"))
class HashIsEnough(IkeSa):
    """Takes the right hash for a proof: checks no signature, and no name."""

    by_hash: bool = False

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        if self.connection.cert_lookup and any(one.encoding == BY_URL for one in message.all(CERT)):
            self.by_hash = True
            return load_certificate(self.shown_certificates(message)[0]).public_key()
        return super().peer_public_key(identity, message)

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if not self.by_hash:
            super().check_signature(key, auth, octets)


@defect("cert-url-wrong-hash", "cert-url-redirected")
class SilentAboutLookups(IkeSa):
    """Does not answer a request with a certificate that it cannot have."""

    lost: bool = False

    def found_at(self, digest: bytes, url: bytes) -> bytes:
        assert self.web is not None
        self.web.limits = Limits(redirects=0)
        try:
            return super().found_at(digest, url)
        except Violation:
            self.lost = True
            raise

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        if not self.lost:
            super().respond(request, payloads)


@defect(*both("url-announced"))
class SaysNothingOfLookups(IkeSa):
    """Fetches certificates, but does not say so."""

    def lookup_notifies(self) -> list[Notify]:
        return []


@defect(*both("url-own"))
class ShowsAnotherHash(IkeSa):
    """Shows the hash of its public key in place of that of its certificate."""

    def by_url(self, base: str, der: bytes) -> CERT:
        found = super().by_url(base, der)
        return CERT(found.encoding, bytes(20) + found.data[20:])


@defect(*both("url-own-untold"))
class AlwaysByUrl(IkeSa):
    """Shows its certificate by hash and URL whether the peer fetches any or not."""

    def looks_up(self) -> bool:
        return True


@defect(*both("url-own"))
class NeverByUrl(IkeSa):
    """Shows its certificate as it is, also where the peer would like to fetch it."""

    def looks_up(self) -> bool:
        return False


@defect(*both("url-unasked"))
class FetchesUnasked(IkeSa):
    """Gives up where a certificate is elsewhere, though it has not said that it fetches any."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if any(one.encoding in (BY_URL, BY_BUNDLE) for one in message.all(CERT)):
            raise Violation("a certificate that is elsewhere")
        super().check_peer(identity, message)


@defect("cert-url-renewed")
class KeepsByUrl(IkeSa):
    """Keeps what it has fetched by its URL alone."""

    kept: ClassVar[WeakKeyDictionary[WebClient, dict[bytes, bytes]]] = WeakKeyDictionary()

    def fetched_from(self, url: bytes) -> bytes:
        kept = self.kept.setdefault(self.web, {}) if self.web is not None else {}
        if url not in kept:
            kept[url] = super().fetched_from(url)
        return kept[url]
