"""OCSP responses in IKE_AUTH (RFC 4806): asked for by CERTREQ, sent beside the certificate that they are about."""

from conformance.crypto.revocation import OCSP_REQUEST, above, ocsp_request, responders_named_in
from conformance.ike.core.connection import PublicKey
from conformance.ike.core.signatures import Signatures
from conformance.net.fetching import FetchError
from conformance.wire import CERT, CERTREQ, CertEncoding, Message


class OcspInIke(Signatures):
    """Asks for a response and sends one where the connection says so. ``wants_ocsp``: the peer has asked for one."""

    wants_ocsp: bool = False

    def certificate_requests(self) -> list[CERTREQ]:
        """A request of its own, which names no responders: the authority's own and its delegates will do (4.1)."""
        found = super().certificate_requests()
        wanted = self.connection.ocsp_in_ike and isinstance(self.connection.remote.auth, PublicKey)
        return [*found, CERTREQ(CertEncoding.OCSP_CONTENT, b"")] if wanted else found

    def init_announced(self, message: Message) -> None:
        """A responder asks in IKE_SA_INIT."""
        super().init_announced(message)
        self.wants_ocsp = asks(message)

    def own_certificates(self) -> list[CERT]:
        """Behind our certificates an OCSP response, in a payload of its own (section 4.2)."""
        found = super().own_certificates()
        asked = self.wants_ocsp or (self.opening is not None and asks(self.opening))
        if found and asked and self.connection.ocsp_in_ike and (response := self.own_response()):
            found.append(CERT(CertEncoding.OCSP_CONTENT, response))
        return found

    def own_response(self) -> bytes:
        """What the OCSP responder of our certificate says of it, nothing where that cannot be had."""
        auth = self.own_party().auth
        chain = auth.chain if isinstance(auth, PublicKey) else ()
        issuer = above(chain[0], (*chain[1:], *self.connection.trust)) if chain else None
        if issuer is None or self.web is None:
            return b""
        for url in responders_named_in(chain[0]):
            try:
                return self.web.fetch(url, ocsp_request(chain[0], issuer, self.random(16)), OCSP_REQUEST)
            except FetchError:
                continue
        return b""


def asks(message: Message) -> bool:
    """Whether somebody asks for an OCSP response."""
    return any(one.encoding == CertEncoding.OCSP_CONTENT for one in message.all(CERTREQ))
