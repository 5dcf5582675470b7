"""Whether a certificate has been revoked: by CRLs (RFC 5280, section 6.3) and by OCSP responses (RFC 6960)."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, CRLEntryExtensionOID, ExtendedKeyUsageOID, ExtensionOID

from conformance.crypto.errors import CertificateError
from conformance.crypto.x509 import UNREADABLE, name_text

OCSP_REQUEST = "application/ocsp-request"
"""The media type of a request (RFC 6960, appendix A.1)."""


class Status(Enum):
    """What is known of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


_UNDERSTOOD = {
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.CRL_NUMBER,
    ExtensionOID.ISSUING_DISTRIBUTION_POINT,
    ExtensionOID.ISSUER_ALTERNATIVE_NAME,
}
_UNDERSTOOD_IN_ENTRIES = {CRLEntryExtensionOID.CRL_REASON, CRLEntryExtensionOID.INVALIDITY_DATE}


def load_crl(der: bytes) -> x509.CertificateRevocationList:
    """A CRL that can be read. Raises CertificateError for anything else."""
    try:
        found = x509.load_der_x509_crl(der)
        list(found.extensions)
    except UNREADABLE as problem:
        raise CertificateError(f"no CRL that can be read: {problem}") from problem
    return found


def load_ocsp(der: bytes) -> ocsp.OCSPResponse:
    """An OCSP response of its basic type that can be read. Raises CertificateError for anything else."""
    try:
        found = ocsp.load_der_ocsp_response(der)
        if found.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL:
            list(found.responses)
            list(found.extensions)
    except UNREADABLE as problem:
        raise CertificateError(f"no OCSP response that can be read: {problem}") from problem
    return found


def lists_named_in(certificate: x509.Certificate) -> list[str]:
    """The URLs of its CRLs, in order (RFC 5280, section 4.2.1.13); none where its extensions cannot be read."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return []
    return [name.value for point in points for name in point.full_name or () if _is_url(name)]


def responders_named_in(certificate: x509.Certificate) -> list[str]:
    """The URLs of its OCSP responders, in order (RFC 5280, section 4.2.2.1); none where that cannot be read."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return []
    asked = (one.access_location for one in found if one.access_method == AuthorityInformationAccessOID.OCSP)
    return [name.value for name in asked if _is_url(name)]


def _is_url(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.UniformResourceIdentifier)


def ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes) -> bytes:
    """A request for the status of a certificate, DER."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # all responders know it
    return builder.add_extension(x509.OCSPNonce(nonce), critical=False).build().public_bytes(Encoding.DER)


class RevocationChecks:
    """What CRLs and OCSP responses must stand before they count. All raise CertificateError unless said otherwise."""

    # --- CRLs (RFC 5280, section 6.3.3) -----------------------------------------------------------------------------

    def by_list(
        self,
        crl: x509.CertificateRevocationList,
        certificate: x509.Certificate,
        issuer: x509.Certificate,
        now: datetime,
    ) -> Status:
        """What a CRL says about a certificate; ``issuer`` is that above it. Delta and indirect CRLs are not used."""
        try:
            self.list_issuer(crl, certificate)
            self.list_extensions(crl)
            self.list_scope(crl, certificate)
            self.list_signer(issuer)
            self.list_signature(crl, issuer)
            self.list_time(crl, now)
            if self.is_listed(crl, certificate):
                return Status.REVOKED
            return Status.GOOD if self.covers_all_reasons(crl) else Status.UNKNOWN
        except UNREADABLE as problem:
            raise CertificateError(f"a CRL is malformed: {problem}") from problem

    def list_issuer(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> None:
        """It is issued by whoever issued the certificate."""
        if crl.issuer != certificate.issuer:
            raise CertificateError(f"the CRL is of {name_text(crl.issuer)}")

    def list_extensions(self, crl: x509.CertificateRevocationList) -> None:
        """Its critical extensions and those of its entries can be processed; a delta CRL has one that cannot."""
        for extension in crl.extensions:
            if extension.critical and extension.oid not in _UNDERSTOOD:
                raise CertificateError(f"the CRL has the critical extension {extension.oid.dotted_string}")
        self.entry_extensions(crl)

    def entry_extensions(self, crl: x509.CertificateRevocationList) -> None:
        """No entry has a critical extension that cannot be processed."""
        for entry in crl:
            for extension in entry.extensions:
                if extension.critical and extension.oid not in _UNDERSTOOD_IN_ENTRIES:
                    raise CertificateError(f"an entry has the critical extension {extension.oid.dotted_string}")

    def list_scope(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> None:
        """It is for certificates of this kind, and of this distribution point."""
        point = _point(crl)
        if point is None:
            return
        if point.only_contains_user_certs and _is_authority(certificate):
            raise CertificateError("the CRL is not for authorities")
        if point.only_contains_ca_certs and not _is_authority(certificate):
            raise CertificateError("the CRL is for authorities only")
        if point.only_contains_attribute_certs or point.indirect_crl:
            raise CertificateError("the CRL is for attribute certificates, or indirect")
        named = {name.value for name in point.full_name or () if _is_url(name)}
        self.list_place(named, certificate)

    def list_place(self, named: set[str], certificate: x509.Certificate) -> None:
        """Where it says from where it is, the certificate says so, too."""
        if named and not named.intersection(lists_named_in(certificate)):
            raise CertificateError(f"the CRL is that of {', '.join(sorted(named))}")

    def list_signer(self, issuer: x509.Certificate) -> None:
        """Who has keyUsage has cRLSign in it."""
        try:
            usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            return
        if not usage.crl_sign:
            raise CertificateError("its issuer may not sign CRLs")

    def list_signature(self, crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
        """It is signed with the key of its issuer."""
        if not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
            raise CertificateError("the signature of the CRL is wrong")

    def list_time(self, crl: x509.CertificateRevocationList, now: datetime) -> None:
        """It has begun, and there is no newer one yet."""
        if now < crl.last_update_utc or (crl.next_update_utc is not None and now > crl.next_update_utc):
            raise CertificateError(f"the CRL is for {crl.last_update_utc} to {crl.next_update_utc}")

    def is_listed(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
        """Whether the certificate is on it, for whatever reason (RFC 5280, section 5.3.1)."""
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        return entry is not None and self.reason(entry) != x509.ReasonFlags.remove_from_crl

    def reason(self, entry: x509.RevokedCertificate) -> x509.ReasonFlags:
        """Why it is on the list."""
        try:
            return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        except x509.ExtensionNotFound:
            return x509.ReasonFlags.unspecified

    def covers_all_reasons(self, crl: x509.CertificateRevocationList) -> bool:
        """Whether whoever is not on it is not revoked at all."""
        point = _point(crl)
        return point is None or point.only_some_reasons is None

    # --- OCSP (RFC 6960, sections 3.2 and 4.2.2) --------------------------------------------------------------------

    def by_response(
        self,
        response: ocsp.OCSPResponse,
        certificate: x509.Certificate,
        issuer: x509.Certificate,
        now: datetime,
        nonce: bytes | None = None,
    ) -> Status:
        """What an OCSP response says about a certificate; ``nonce`` is that of the request, None: there was none."""
        try:
            self.is_successful(response)
            self.response_signature(response, self.signer(response, issuer, now))
            self.response_nonce(response, nonce)
            for one in response.responses:
                if self.is_about(one, certificate, issuer):
                    self.response_time(one, now)
                    return self.status(one)
        except (InvalidSignature, UnsupportedAlgorithm, *UNREADABLE) as problem:
            raise CertificateError(f"the OCSP response cannot be used: {problem}") from problem
        raise CertificateError("the OCSP response is about another certificate")

    def is_successful(self, response: ocsp.OCSPResponse) -> None:
        """It is no error message."""
        if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise CertificateError(f"the OCSP responder says {response.response_status.name}")

    def status(self, found: ocsp.OCSPSingleResponse) -> Status:
        """What a single response says."""
        return Status(found.certificate_status.name.lower())

    def signer(self, response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate:
        """Who must have signed it: the issuer, or whom the issuer has made a responder (RFC 6960, section 4.2.2.2)."""
        if self.is_named(response, issuer):
            return issuer
        for one in response.certificates:
            if self.is_named(response, one):
                self.delegate(one, issuer, now)
                return one
        raise CertificateError("nobody knows who has signed the OCSP response")

    def is_named(self, response: ocsp.OCSPResponse, one: x509.Certificate) -> bool:
        """Whether this is who the response says has signed it."""
        key = x509.SubjectKeyIdentifier.from_public_key(one.public_key()).digest
        return response.responder_name == one.subject or response.responder_key_hash == key

    def delegate(self, one: x509.Certificate, issuer: x509.Certificate, now: datetime) -> None:
        """The issuer has issued its certificate directly, for signing OCSP, and it is valid now."""
        self.delegate_issuer(one, issuer)
        self.delegate_usage(one)
        self.delegate_time(one, now)

    def delegate_issuer(self, one: x509.Certificate, issuer: x509.Certificate) -> None:
        """The issuer of the certificate has issued that of the responder, too."""
        one.verify_directly_issued_by(issuer)

    def delegate_usage(self, one: x509.Certificate) -> None:
        """Its extendedKeyUsage has OCSPSigning."""
        try:
            purposes = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except x509.ExtensionNotFound:
            purposes = x509.ExtendedKeyUsage([])
        if ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
            raise CertificateError("who has signed the OCSP response may not do so")

    def delegate_time(self, one: x509.Certificate, now: datetime) -> None:
        """It is valid now."""
        if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
            raise CertificateError("the certificate of the OCSP responder is not valid now")

    def response_signature(self, response: ocsp.OCSPResponse, signer: x509.Certificate) -> None:
        """It is signed with the key of the signer."""
        verify_signed(signer, response)

    def response_nonce(self, response: ocsp.OCSPResponse, nonce: bytes | None) -> None:
        """If it has a nonce it is that of the request; who makes responses beforehand knows none."""
        try:
            found = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        except x509.ExtensionNotFound:
            return
        if nonce is not None and found != nonce:
            raise CertificateError("the OCSP response is for another request")

    def is_about(self, found: ocsp.OCSPSingleResponse, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        """Whether a single response is about this certificate."""
        return self.is_number_of(found, certificate) and self.is_issuer(found, issuer)

    def is_number_of(self, found: ocsp.OCSPSingleResponse, certificate: x509.Certificate) -> bool:
        """Whether it has its serial number."""
        return found.serial_number == certificate.serial_number

    def is_issuer(self, found: ocsp.OCSPSingleResponse, issuer: x509.Certificate) -> bool:
        """Whether its hashes are those of the issuer."""
        name, key = issuer_hashes(issuer, found.hash_algorithm)
        return found.issuer_name_hash == name and found.issuer_key_hash == key

    def response_time(self, found: ocsp.OCSPSingleResponse, now: datetime) -> None:
        """It has begun, and there is no newer one yet."""
        begun, end = found.this_update_utc, found.next_update_utc
        if now < begun or (end is not None and now > end):
            raise CertificateError(f"the OCSP response is for {begun} to {end}")


def issuer_hashes(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """The hashes of the name and of the key of an authority, by which OCSP knows it (RFC 6960, section 4.1.1)."""
    found = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, algorithm).build()
    return found.issuer_name_hash, found.issuer_key_hash


def verify_signed(signer: x509.Certificate, response: ocsp.OCSPResponse) -> None:
    """Whether a key has signed a response. Raises InvalidSignature, CertificateError."""
    key, digest = signer.public_key(), response.signature_hash_algorithm
    if isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
        key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
    elif isinstance(key, rsa.RSAPublicKey) and digest is not None:
        key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(response.signature, response.tbs_response_bytes)
    else:
        raise CertificateError("the key of the OCSP responder cannot be used")


def _point(crl: x509.CertificateRevocationList) -> x509.IssuingDistributionPoint | None:
    try:
        return crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def above(certificate: x509.Certificate, candidates: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """Of several certificates that of the issuer of this one, None: it is not there."""
    for one in candidates:
        try:
            certificate.verify_directly_issued_by(one)
            return one
        except (InvalidSignature, UnsupportedAlgorithm, TypeError, *UNREADABLE):
            continue
    return None
