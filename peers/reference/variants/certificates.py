"""What a device asks for and shows about certificates, where the RFCs leave it to the device."""

from dataclasses import replace

from cryptography.hazmat.primitives.serialization import Encoding

from conformance.ike.core.connection import Connection
from conformance.ike.ikesa import IkeSa
from conformance.wire import CERT, CERTREQ, CertEncoding
from peers.contract import Capability
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant

CERTIFICATES = ("certificates", "ike_auth", "eap")
"""The subjects to which this makes a difference."""

_HASH = 20  # octets by which a CERTREQ names an authority


@variant(
    "RFC 7296, 1.2 and 3.7: CERTREQ is optional",
    about=CERTIFICATES,
)
class AsksForNoCertificate(IkeSa):
    """Takes what certificate its peer shows, without CERTREQ."""

    def certificate_requests(self) -> list[CERTREQ]:
        return [one for one in super().certificate_requests() if one.encoding != CertEncoding.X509_SIGNATURE]


@variant(
    "RFC 7296, 1.2 and 3.7: there may be any number of CERTREQ payloads, for any authorities",
    advice={"RFC7296-3.7-3": "a kind of its own is none of those that are defined"},
    about=CERTIFICATES,
)
class AsksForOthers(IkeSa):
    """Has a CERTREQ for each authority, one of them for an authority of others, and one for a kind of its own."""

    def certificate_requests(self) -> list[CERTREQ]:
        found = super().certificate_requests()
        asked = [one for one in found if one.encoding == CertEncoding.X509_SIGNATURE]
        if not asked:
            return found
        each = [one.data[at : at + _HASH] for one in asked for at in range(0, len(one.data), _HASH)]
        further = [CERTREQ(CertEncoding.X509_SIGNATURE, name) for name in (*each, bytes(range(_HASH)))]
        return [*further, *(one for one in found if one not in asked), CERTREQ(CertEncoding(201), b"ikespec")]


@variant(
    "RFC 7296, 3.6: only the first of several certificates has its place",
    about=CERTIFICATES,
)
class ShowsMore(IkeSa):
    """Shows the certificates above its own in reverse order, and the authorities that it trusts."""

    def own_certificates(self) -> list[CERT]:
        found = super().own_certificates()
        if not found or found[0].encoding != CertEncoding.X509_SIGNATURE:
            return found
        roots = [CERT(CertEncoding.X509_SIGNATURE, one.public_bytes(Encoding.DER)) for one in self.connection.trust]
        return [found[0], *roots, *found[:0:-1]]


@variant(
    "RFC 7296, 3.6 and 3.7: certificates by hash and URL are an option",
    lacks=(Capability.HASH_AND_URL,),
    about=CERTIFICATES,
)
class NoHashAndUrl(ReferenceEngine):
    """Fetches no certificates."""

    def apply(self, connection: Connection) -> None:
        super().apply(replace(connection, cert_lookup=False))
