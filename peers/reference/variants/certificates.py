"""What a device asks for and shows about certificates, where the RFCs leave it to the device."""

from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto.dn import BMP_STRING, UTF8_STRING, Attribute, read, same, write
from conformance.crypto.errors import CertificateError
from conformance.crypto.revocation import load_crl
from conformance.ike.core.connection import Connection
from conformance.ike.core.events import Violation
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.fetching import Limits
from conformance.net.link import Address
from conformance.wire import AUTH, CERT, CERTREQ, CertEncoding, IDi, IDr, IdType, Message
from peers.capabilities import Capability
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
    "RFC 4806, 3.1 and RFC 7670, 3: OCSP responses and raw public keys have a CERTREQ of their own",
    about=CERTIFICATES,
)
class AsksForAllSorts(IkeSa):
    """Has a CERTREQ for OCSP responses and one for raw public keys, too."""

    def certificate_requests(self) -> list[CERTREQ]:
        found = super().certificate_requests()
        known = {one.encoding for one in found}
        further = (CertEncoding.OCSP_CONTENT, CertEncoding.RAW_PUBLIC_KEY) if found else ()
        return [*found, *(CERTREQ(one, b"") for one in further if one not in known)]


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


@variant(
    "RFC 4945, 3.1.5 and RFC 5280, 7.1: names are compared as texts, and a BMPString may be read",
    about=CERTIFICATES,
)
class ReadsNames(IkeSa):
    """Takes a subject for the identity of its peer where both are the same text, in strings of whatever type."""

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        if identity.id_type != IdType.DER_ASN1_DN:
            return super().certificate_matches(certificate, identity)
        return same(_as_texts(certificate.subject.public_bytes()), _as_texts(identity.data))


def _as_texts(name: bytes) -> bytes:
    """The name with an UTF8String for each BMPString; what cannot be read stays as it is."""
    try:
        return write(tuple(tuple(map(_as_text, part)) for part in read(name)))
    except ValueError:
        return name


def _as_text(one: Attribute) -> Attribute:
    return replace(one, tag=UTF8_STRING, value=one.value.decode("utf-16-be").encode()) if one.tag == BMP_STRING else one


@variant(
    "RFC 7427, 5: a peer that does not support a type of keys refuses it",
    lacks=(Capability.BRAINPOOL,),
    about=CERTIFICATES,
)
class NistCurves(IkeSa):
    """Knows no Brainpool curves."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if isinstance(key, ec.EllipticCurvePublicKey) and not key.curve.name.startswith("secp"):
            raise Violation(f"a key on {key.curve.name}")
        super().check_signature(key, auth, octets)


@variant(
    "RFC 7296, 3.6: encoding 7 is a CRL in DER; what is supported, and cannot be read, is malformed",
    about=CERTIFICATES,
)
class ReadsAllLists(IkeSa):
    """Refuses a peer that shows something as a CRL that is none."""

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        try:
            for one in message.all(CERT):
                if one.encoding == CertEncoding.CRL:
                    load_crl(one.data)
        except CertificateError as error:
            raise Violation(str(error)) from None
        return super().peer_public_key(identity, message)


@variant(
    "RFC 7296, 3.6: that a certificate is DER binds who sends it",
    about=CERTIFICATES,
)
class ReadsText(IkeSa):
    """Takes a certificate that is text between two lines for the same in DER."""

    def shown_certificates(self, message: Message) -> list[bytes]:
        return [_from_text(one) for one in super().shown_certificates(message)]


def _from_text(octets: bytes) -> bytes:
    if not octets.startswith(b"-----BEGIN CERTIFICATE-----"):
        return octets
    try:
        return x509.load_pem_x509_certificate(octets).public_bytes(Encoding.DER)
    except ValueError:
        return octets


@variant(
    "RFC 7296, 3.6: certificates are fetched, and nothing says how long a device may ask a web server",
    about=CERTIFICATES,
)
class PatientWithTheWeb(Endpoint):
    """Stays with a web server that comes to no end for a minute, and does nothing else meanwhile."""

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        if self.web is not None:
            self.web.limits = Limits(seconds=60.0)
        return super().new_sa(initiator=initiator, local=local, remote=remote)
