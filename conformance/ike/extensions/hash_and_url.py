"""Certificates by hash and URL, fetched over HTTP (RFC 7296, section 3.6)."""

from collections.abc import Iterator
from hashlib import sha1

from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto.bundle import certificates_of
from conformance.crypto.errors import CertificateError
from conformance.ike.core.connection import PublicKey
from conformance.ike.core.events import Violation
from conformance.ike.core.signatures import Signatures
from conformance.net.fetching import FetchError
from conformance.wire import CERT, CertEncoding, Message, Notify, NotifyType

SUPPORTED = NotifyType.HTTP_CERT_LOOKUP_SUPPORTED
_LOOKUPS = (CertEncoding.HASH_URL_X509, CertEncoding.HASH_URL_BUNDLE)
HASH_SIZE = 20
MOST_LOOKUPS = 4
"""As many certificates as everybody must be able to take."""


def hash_of(der: bytes) -> bytes:
    """The hash of what a URL leads to."""
    return sha1(der, usedforsecurity=False).digest()


class HashAndUrl(Signatures):
    """CERT payloads of the encodings 12 and 13, and the notify by which a side says that it takes them.

    ``peer_looks_up``: the peer of an initiator has said so in IKE_SA_INIT.
    """

    peer_looks_up: bool = False

    # --- what is announced ----------------------------------------------------------------------------------------

    def init_notifies(self) -> list[Notify]:
        """A responder says it where it may ask for certificates, too."""
        return [*super().init_notifies(), *([] if self.initiator else self.lookup_notifies())]

    def init_announced(self, message: Message) -> None:
        """What a responder says."""
        super().init_announced(message)
        self.peer_looks_up = message.notify(SUPPORTED) is not None

    def auth_notifies(self) -> list[Notify]:
        """An initiator says it in its request."""
        return [*super().auth_notifies(), *(self.lookup_notifies() if self.initiator else [])]

    def lookup_notifies(self) -> list[Notify]:
        """That we fetch certificates, where the peer shows any."""
        wanted = self.connection.cert_lookup and isinstance(self.connection.remote.auth, PublicKey)
        return [Notify(SUPPORTED)] if wanted else []

    def looks_up(self) -> bool:
        """Whether the peer fetches certificates."""
        if self.initiator:
            return self.peer_looks_up
        return self.opening is not None and self.opening.notify(SUPPORTED) is not None

    # --- what is shown --------------------------------------------------------------------------------------------

    def own_certificates(self) -> list[CERT]:
        """The URLs of our certificates, where we have any and the peer fetches."""
        auth = self.asked_for(self.own_party().auth)
        if not isinstance(auth, PublicKey) or not auth.url or not self.looks_up():
            return super().own_certificates()
        return [self.by_url(auth.url, one.public_bytes(Encoding.DER)) for one in auth.chain]

    def by_url(self, base: str, der: bytes) -> CERT:
        """One certificate by hash and URL: its name is its hash."""
        found = hash_of(der)
        return CERT(CertEncoding.HASH_URL_X509, found + f"{base}{found.hex()}".encode())

    def shown_certificates(self, message: Message) -> list[bytes]:
        """Those in the message and those that it refers to, in this order."""
        if not self.connection.cert_lookup:
            return super().shown_certificates(message)
        return list(self.looked_up(message))

    def looked_up(self, message: Message) -> Iterator[bytes]:
        """All certificates of a message. Raises Violation where the first cannot be had, without which all is lost."""
        seen = lookups = 0
        for one in message.all(CERT):
            if one.encoding == CertEncoding.X509_SIGNATURE:
                seen += 1
                yield one.data
            elif one.encoding in _LOOKUPS and lookups < MOST_LOOKUPS:
                lookups += 1
                try:
                    found = self.found_at(one.data[:HASH_SIZE], one.data[HASH_SIZE:])
                    yield from [found] if one.encoding == CertEncoding.HASH_URL_X509 else self.unpacked(found)
                    seen += 1
                except Violation:
                    if not seen:
                        raise

    def found_at(self, digest: bytes, url: bytes) -> bytes:
        """What has this hash: a certificate that we know, or what is at the URL. Raises Violation."""
        known = self.peer_party().auth
        for one in known.chain if isinstance(known, PublicKey) else ():
            if hash_of(der := one.public_bytes(Encoding.DER)) == digest:
                return der
        found = self.fetched_from(url)
        self.check_hash(found, digest)
        return found

    def fetched_from(self, url: bytes) -> bytes:
        """What is at a URL. Raises Violation."""
        if self.web is None:
            raise Violation("nobody here fetches certificates")
        try:
            return self.web.fetch(url.decode("ascii"))
        except (FetchError, UnicodeDecodeError) as error:
            raise Violation(f"a certificate cannot be fetched: {error}") from None

    def check_hash(self, found: bytes, digest: bytes) -> None:
        """What was fetched is what the peer has named. Raises Violation."""
        if hash_of(found) != digest:
            raise Violation("what is at the URL has another hash")

    def unpacked(self, bundle: bytes) -> list[bytes]:
        """The certificates of a bundle. Raises Violation."""
        try:
            return certificates_of(bundle)
        except CertificateError as error:
            raise Violation(str(error)) from None
