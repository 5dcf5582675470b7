"""Certificates as IKE uses them: CERTREQ hashes, path validation, identities (RFC 4945, RFC 5280)."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha1
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.exceptions import UnsupportedAlgorithm as LibraryLacks
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from conformance.crypto.dn import same
from conformance.crypto.errors import CertificateError
from conformance.wire import IdType
from conformance.wire.meaning import printable

__all__ = [
    "IPSEC_IKE",
    "CertificateError",
    "Checks",
    "load_certificate",
    "matches_identity",
    "subject_key_hash",
    "validate_chain",
]

IPSEC_IKE = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.17")
_PURPOSES = {
    IPSEC_IKE: ("IKE", "ipsecIKE"),
    ExtendedKeyUsageOID.CLIENT_AUTH: ("a TLS client", "clientAuth"),
    ExtendedKeyUsageOID.SERVER_AUTH: ("a TLS server", "serverAuth"),
}
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
)
UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    LibraryLacks,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises, by version, when it comes to a malformed name, key or extension."""
# A peer may send certificates that all seem to issue each other.
_MOST_STEPS = 64


def load_certificate(der: bytes) -> x509.Certificate:
    """The certificate of a CERT payload whose names and key can be read. Raises CertificateError for anything else."""
    try:
        with _quietly():
            certificate = x509.load_der_x509_certificate(der)
            certificate.public_key()
            _name(certificate)
    except UNREADABLE as problem:
        raise CertificateError(f"no certificate that can be read: {problem}") from problem
    return certificate


def subject_key_hash(certificate: x509.Certificate) -> bytes:
    """SHA-1 of the SubjectPublicKeyInfo, 20 octets: how CERTREQ names an authority (RFC 7296, section 3.7)."""
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha1(spki, usedforsecurity=False).digest()


def validate_chain(
    chain: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    now: datetime,
    purpose: x509.ObjectIdentifier = IPSEC_IKE,
    checks: "Checks | None" = None,
) -> x509.Certificate:
    """Find a valid path from ``chain[0]`` over the rest of ``chain``, in any order, to one of ``anchors``.

    ``purpose`` is what the extended key usage must have where there is any: ``IPSEC_IKE``,
    ``CLIENT_AUTH`` or ``SERVER_AUTH``. ``checks`` are what each certificate must stand, by default all of `Checks`.
    Returns the anchor. Checks signatures, names, validity of every certificate including the anchor, basic constraints
    and path length, key usage, extended key usage (RFC 4945, section 5.1.3.12) and unknown critical extensions.
    Revocation and name constraints are not processed, so critical name constraints are refused. ``now`` without a time
    zone is UTC.

    Raises:
        CertificateError: ``problem`` says which certificate and why, as ``certificate CN=moon expired 2020-01-01``.
    """
    if not chain:
        raise CertificateError("no certificate")
    if now.tzinfo is None:
        now = now.replace(tzinfo=UTC)
    checks = checks or Checks()
    try:
        chain[0].public_key()
        checks.validity(chain[0], now)
        checks.extensions(chain[0])
        checks.end_entity(chain[0], purpose)
        return _Search(chain[1:], anchors, now, checks).climb([chain[0]])
    except UNREADABLE as problem:
        raise CertificateError(f"a certificate is malformed: {problem}") from problem


def matches_identity(certificate: x509.Certificate, id_type: IdType, data: bytes) -> bool:
    """True if the certificate speaks for the identity of an ID payload (RFC 4945, section 3.1).

    FQDN, mail address and IP address must stand in the subject alternative name, a distinguished name must be the
    subject, octet by octet. Other types never match. A common name counts for nothing.
    """
    try:
        if id_type == IdType.DER_ASN1_DN:
            return certificate.subject.public_bytes() == data
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False
    try:
        match id_type:
            case IdType.FQDN:
                wanted = data.decode("ascii").lower().rstrip(".")
                return any(name.lower().rstrip(".") == wanted for name in names.get_values_for_type(x509.DNSName))
            case IdType.RFC822_ADDR:
                return _mail(data.decode("ascii")) in map(_mail, names.get_values_for_type(x509.RFC822Name))
            case IdType.IPV4_ADDR | IdType.IPV6_ADDR:
                size = 4 if id_type == IdType.IPV4_ADDR else 16
                return len(data) == size and ip_address(data) in names.get_values_for_type(x509.IPAddress)
    except UnicodeDecodeError:
        pass
    return False


def _mail(address: str) -> tuple[str, str]:
    """The local part is sensitive to case, the domain is not (RFC 5280, section 7.5)."""
    local, _, domain = address.rpartition("@")
    return local, domain.lower()


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warnings of the library: peers may send odd names and numbers, and nobody here can help it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def name_text(name: x509.Name) -> str:
    """A name for a sentence (RFC 4514)."""
    with _quietly():
        return printable(name.rfc4514_string())


def _name(certificate: x509.Certificate) -> str:
    return name_text(certificate.subject) or f"with serial number {certificate.serial_number:x}"


class _Search:
    """The search for a path from one certificate up to an anchor."""

    def __init__(
        self,
        others: Sequence[x509.Certificate],
        anchors: Sequence[x509.Certificate],
        now: datetime,
        checks: "Checks",
    ) -> None:
        self.candidates = (*anchors, *others)
        self.anchors = anchors
        self.now = now
        self.checks = checks
        self.steps = 0

    def climb(self, path: list[x509.Certificate]) -> x509.Certificate:
        """The anchor above the last of ``path``; tries every candidate and reports the first reason for failure."""
        certificate = path[-1]
        if certificate in self.anchors:
            return certificate
        failure: CertificateError | None = None
        for issuer in self.candidates:
            if issuer in path or not self.checks.named(certificate, issuer):
                continue
            self.steps += 1
            if self.steps > _MOST_STEPS:
                raise CertificateError(f"no path from certificate {_name(path[0])} after {_MOST_STEPS} steps")
            try:
                self.checks.issued(certificate, issuer)
                self.checks.validity(issuer, self.now)
                self.checks.extensions(issuer)
                self.checks.authority(issuer)
                self.checks.path_length(issuer, path)
                self.checks.may_sign(issuer)
                return self.climb([*path, issuer])
            except CertificateError as problem:
                failure = failure or problem
        if failure:
            raise failure
        if certificate.issuer == certificate.subject:
            raise CertificateError(f"certificate {_name(certificate)} is self-signed and no trust anchor")
        raise CertificateError(
            f"certificate {_name(certificate)} was issued by {name_text(certificate.issuer)}, "
            "which is neither a trust anchor nor in the chain"
        )


class Checks:
    """What each certificate of a path must stand (RFC 5280, section 6.1). All raise CertificateError."""

    def named(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        """The issuer has the name that stands in the certificate."""
        return same(issuer.subject.public_bytes(), certificate.issuer.public_bytes())

    def issued(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
        """The certificate is signed with the key of its issuer."""
        try:
            if issuer.subject.public_bytes() == certificate.issuer.public_bytes():
                certificate.verify_directly_issued_by(issuer)
            else:
                _verify(certificate, issuer.public_key())
        except InvalidSignature:
            problem = f"certificate {_name(certificate)} is not signed by the key of {_name(issuer)}"
            raise CertificateError(problem) from None
        except (ValueError, TypeError, LibraryLacks) as reason:
            problem = f"the signature of certificate {_name(certificate)} cannot be checked: {reason}"
            raise CertificateError(problem) from reason

    def validity(self, certificate: x509.Certificate, now: datetime) -> None:
        """The certificate has begun and not expired."""
        if now > certificate.not_valid_after_utc:
            raise CertificateError(
                f"certificate {_name(certificate)} expired {certificate.not_valid_after_utc:%Y-%m-%d}"
            )
        if now < certificate.not_valid_before_utc:
            raise CertificateError(
                f"certificate {_name(certificate)} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
            )

    def extensions(self, certificate: x509.Certificate) -> None:
        """All extensions can be read, and those that are critical are known."""
        try:
            extensions = list(certificate.extensions)
        except UNREADABLE as problem:
            raise CertificateError(f"certificate {_name(certificate)} has malformed extensions: {problem}") from problem
        for extension in extensions:
            if extension.critical and extension.oid not in _UNDERSTOOD:
                raise CertificateError(
                    f"certificate {_name(certificate)} has the critical extension {extension.oid.dotted_string}, "
                    "which is not processed"
                )

    def end_entity(self, certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> None:
        """The key may sign, and for this purpose."""
        usage = _key_usage(certificate)
        if usage is not None and not (usage.digital_signature or usage.content_commitment):
            raise CertificateError(
                f"certificate {_name(certificate)} may not sign: keyUsage without digitalSignature and nonRepudiation"
            )
        try:
            purposes = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        except x509.ExtensionNotFound:
            return
        if not purposes & {purpose, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}:
            user, needed = _PURPOSES[purpose]
            raise CertificateError(
                f"certificate {_name(certificate)} is not for {user}: extendedKeyUsage has no {needed}, "
                "no anyExtendedKeyUsage"
            )

    def authority(self, issuer: x509.Certificate) -> None:
        """Whoever issues certificates has basicConstraints with the flag of an authority."""
        try:
            constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            raise CertificateError(f"certificate {_name(issuer)} is no CA: basicConstraints is missing") from None
        if not constraints.ca:
            raise CertificateError(f"certificate {_name(issuer)} is no CA: the flag of basicConstraints is not set")

    def path_length(self, issuer: x509.Certificate, below: list[x509.Certificate]) -> None:
        """``below`` are the certificates under the issuer; self-issued ones do not count."""
        try:
            constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            return
        intermediates = sum(1 for one in below[1:] if one.subject != one.issuer)
        if constraints.path_length is not None and intermediates > constraints.path_length:
            allowed = f"allows {constraints.path_length} CAs below it, the path has {intermediates}"
            raise CertificateError(f"certificate {_name(issuer)} {allowed}")

    def may_sign(self, issuer: x509.Certificate) -> None:
        """An authority that has keyUsage has keyCertSign in it."""
        usage = _key_usage(issuer)
        if usage is not None and not usage.key_cert_sign:
            raise CertificateError(
                f"certificate {_name(issuer)} may not sign certificates: keyUsage without keyCertSign"
            )


def _verify(certificate: x509.Certificate, key: PublicKeyTypes) -> None:
    """The signature alone: the library wants both names to be the same, octet by octet."""
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    algorithm, digest = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
    match key, algorithm:
        case rsa.RSAPublicKey(), padding.PKCS1v15() | padding.PSS() if digest is not None:
            key.verify(signature, signed, algorithm, digest)
        case ec.EllipticCurvePublicKey(), ec.ECDSA():
            key.verify(signature, signed, algorithm)
        case ((ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey()), None):
            key.verify(signature, signed)
        case _:
            raise ValueError("the key and the algorithm of the signature are of different kinds")


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
