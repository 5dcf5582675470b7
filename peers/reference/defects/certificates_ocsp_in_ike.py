"""Defects that concern CRLs and OCSP responses in CERT payloads, and web servers that hold a device up."""

from collections.abc import Iterator

from cryptography import x509

from conformance.crypto.errors import CertificateError
from conformance.crypto.revocation import Status, load_crl
from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.net.fetching import Limits
from conformance.wire import CERT, CERTREQ, CertEncoding, IDi, IDr, Message, NotifyType
from peers.reference.defects.certificates_revocation import hostile, lists, responses
from peers.reference.defects.registry import defect


@defect(*lists("shown", "shown-revoked"), *responses("shown"))
class FetchesAll(IkeSa):
    """Does not look at what stands beside a certificate."""

    def told_by_peer(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        yield Status.UNKNOWN


@defect(*lists("shown-foreign"))
class RelatedListsOnly(IkeSa):
    """Takes no CRL beside a certificate that is not of an authority that it trusts."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        known = {one.subject for one in self.connection.trust}
        for one in message.all(CERT):
            if one.encoding == CertEncoding.CRL and self.issuer_of(one.data) not in known:
                raise Refusal(NotifyType.AUTHENTICATION_FAILED, "a CRL of a stranger", fatal=True)
        super().check_peer(identity, message)

    def issuer_of(self, octets: bytes) -> x509.Name | None:
        """Who has issued a CRL."""
        try:
            return load_crl(octets).issuer
        except CertificateError:
            return None


@defect(*responses("asked"))
class AsksInOne(IkeSa):
    """Puts its authorities into the request for an OCSP response, short of an octet."""

    def certificate_requests(self) -> list[CERTREQ]:
        found = super().certificate_requests()
        hashes = b"".join(one.data for one in found)[:-1]
        return [
            CERTREQ(one.encoding, hashes if one.encoding == CertEncoding.OCSP_CONTENT else one.data) for one in found
        ]


@defect(*responses("sent"))
class SendsNoResponse(IkeSa):
    """Has no OCSP response for whoever asks for one."""

    def own_response(self) -> bytes:
        return b""


@defect(*responses("sent"))
class SendsHalfAResponse(IkeSa):
    """Sends an OCSP response without its end."""

    def own_response(self) -> bytes:
        return super().own_response()[:-5]


@defect(*hostile("silent", "slow", "held"))
class WaitsForEver(IkeSa):
    """Gives no server up, and does nothing else meanwhile."""

    def fetched(self, url: str, body: bytes | None = None, kind: str = "") -> bytes:
        if self.web is not None:
            self.web.limits = Limits(seconds=86400.0)
        return super().fetched(url, body, kind)
