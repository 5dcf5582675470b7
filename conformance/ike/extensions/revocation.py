"""Revocation of the peer's certificates, by what it shows itself and by what their URLs lead to (RFC 5280, 6.3)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain as one_by_one

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from conformance.crypto.errors import CertificateError
from conformance.crypto.revocation import (
    OCSP_REQUEST,
    RevocationChecks,
    Status,
    above,
    lists_named_in,
    load_crl,
    load_ocsp,
    ocsp_request,
    responders_named_in,
)
from conformance.crypto.x509 import name_text
from conformance.ike.core.connection import Revocation
from conformance.ike.core.events import Violation
from conformance.ike.core.signatures import Signatures
from conformance.net.fetching import FetchError
from conformance.wire import CERT, CertEncoding, IDi, IDr, Message

MOST_POINTS = 4
"""So many URLs of one certificate are tried."""


class RevocationChecking(Signatures):
    """Checks each certificate between the peer's and the trust anchor as the connection says.

    What stands in CERT payloads comes first: OCSP responses (RFC 4806) and CRLs; then OCSP, then CRLs are fetched. The
    first that tells the status decides, but that a certificate is revoked is believed whoever of the peer's payloads
    tells it (RFC 4945, section 5.2.1).
    """

    shown: Message | None = None

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        """Remember what was shown beside the certificates."""
        self.shown = message
        return super().peer_public_key(identity, message)

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        """A valid path first, then its revocation."""
        super().check_chain(chain)
        if self.connection.revocation is not Revocation.OFF:
            self.check_revocation(chain)

    def revocation_checks(self) -> RevocationChecks:
        """What CRLs and OCSP responses must stand."""
        return RevocationChecks()

    def check_revocation(self, chain: Sequence[x509.Certificate]) -> None:
        """No certificate below the trust anchor is revoked, or with a strict policy of unknown status."""
        for certificate, issuer in self.path(chain):
            found = self.revocation_status(certificate, issuer)
            name = name_text(certificate.subject)
            if found is Status.REVOKED:
                raise Violation(f"certificate {name} is revoked")
            if found is Status.UNKNOWN and not self.tolerates_unknown():
                raise Violation(f"nobody tells whether certificate {name} is revoked")

    def tolerates_unknown(self) -> bool:
        """Whether a certificate is taken about which nothing is known."""
        return self.connection.revocation is not Revocation.STRICT

    def path(self, chain: Sequence[x509.Certificate]) -> Iterator[tuple[x509.Certificate, x509.Certificate]]:
        """The certificates from that of the peer up to the trust anchor, each with that above it."""
        one, left = chain[0], [*self.connection.trust, *chain[1:]]
        while one not in self.connection.trust and (issuer := above(one, left)) is not None:
            yield one, issuer
            left.remove(issuer)
            one = issuer

    def revocation_status(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Status:
        """What the first source says that knows something."""
        shown = list(self.told_by_peer(certificate, issuer))
        if Status.REVOKED in shown:
            return Status.REVOKED
        if Status.GOOD in shown:
            return Status.GOOD
        asked = one_by_one(self.told_by_responders(certificate, issuer), self.told_by_lists(certificate, issuer))
        return next((one for one in asked if one is not Status.UNKNOWN), Status.UNKNOWN)

    def told_by_peer(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        """What stands in the CERT payloads."""
        for one in self.shown.all(CERT) if self.shown is not None else ():
            if one.encoding == CertEncoding.CRL:
                yield self.said_by_list(one.data, certificate, issuer)
            elif one.encoding == CertEncoding.OCSP_CONTENT and self.connection.ocsp_in_ike:
                yield self.said_by_response(one.data, certificate, issuer, None)

    def told_by_responders(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        """What OCSP responders say; each is asked when its turn comes."""
        for url in responders_named_in(certificate)[:MOST_POINTS]:
            nonce = self.random(16)
            found = self.fetched(url, ocsp_request(certificate, issuer, nonce), OCSP_REQUEST)
            yield self.said_by_response(found, certificate, issuer, nonce)

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        """What CRLs say; each is fetched when its turn comes."""
        for url in lists_named_in(certificate)[:MOST_POINTS]:
            yield self.said_by_list(self.fetched(url), certificate, issuer)

    def said_by_list(self, der: bytes, certificate: x509.Certificate, issuer: x509.Certificate) -> Status:
        """What a CRL says, in DER; one that is empty or does not count says nothing."""
        if not der:
            return Status.UNKNOWN
        try:
            return self.revocation_checks().by_list(load_crl(der), certificate, issuer, self.today())
        except CertificateError:
            return Status.UNKNOWN

    def said_by_response(
        self, der: bytes, certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes | None
    ) -> Status:
        """The same for an OCSP response; ``nonce`` is that of our request, None: there was none."""
        if not der:
            return Status.UNKNOWN
        try:
            return self.revocation_checks().by_response(load_ocsp(der), certificate, issuer, self.today(), nonce)
        except CertificateError:
            return Status.UNKNOWN

    def fetched(self, url: str, body: bytes | None = None, kind: str = "") -> bytes:
        """What is at a URL, nothing where that cannot be had."""
        try:
            return self.web.fetch(url, body, kind) if self.web is not None else b""
        except FetchError:
            return b""

    def today(self) -> datetime:
        """The time."""
        return datetime.fromtimestamp(self.now, UTC)
