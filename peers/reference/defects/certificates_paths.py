"""Defects of the validation of certification paths (RFC 5280, section 6; RFC 4945, section 5.1)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import ClassVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtensionOID

from conformance.crypto.x509 import CertificateError, Checks
from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, CERT, IDi, IDr, Message
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect


class Lax(IkeSa):
    """Checks certificates in a way of its own."""

    checks: ClassVar[type[Checks]]

    def certificate_checks(self) -> Checks:
        return self.checks()


@defect(*both("path-no-constraints", "path-no-authority"))
class AnybodyIsAuthority(Lax):
    """Reads no basicConstraints."""

    class _Checks(Checks):
        def authority(self, issuer: x509.Certificate) -> None:
            pass

    checks = _Checks


@defect(*both("path-no-signing"))
class IgnoresKeyCertSign(Lax):
    """Reads no keyUsage of an authority."""

    class _Checks(Checks):
        def may_sign(self, issuer: x509.Certificate) -> None:
            pass

    checks = _Checks


@defect(*both("path-too-long"))
class IgnoresPathLength(Lax):
    """Counts no authorities."""

    class _Checks(Checks):
        def path_length(self, issuer: x509.Certificate, below: list[x509.Certificate]) -> None:
            pass

    checks = _Checks


@defect(*both("path-long-enough"))
class CountsOneTooMany(Lax):
    """Counts our certificate for an authority."""

    class _Checks(Checks):
        def path_length(self, issuer: x509.Certificate, below: list[x509.Certificate]) -> None:
            super().path_length(issuer, [*below, below[-1]])

    checks = _Checks


@defect(*both("path-not-yet", "path-expired"))
class DatesOfFirstOnly(Lax):
    """Looks at the dates of the first certificate only."""

    class _Checks(Checks):
        first: x509.Certificate | None = None

        def validity(self, certificate: x509.Certificate, now: datetime) -> None:
            if self.first is None:
                self.first = certificate
                super().validity(certificate, now)

    checks = _Checks


@defect(*both("path-signature", "path-self-signed", "chain-other-branch"))
class NamesMakePaths(Lax):
    """Takes the name of the issuer for its signature."""

    class _Checks(Checks):
        def issued(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
            pass

        def named(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
            return super().named(certificate, issuer) or certificate.issuer == certificate.subject

    checks = _Checks


@defect(*both("path-issuer", *(f"issuer-{one}" for one in ("shorter", "longer", "order", "kind", "joined", "empty"))))
class SignaturesMakePaths(Lax):
    """Does not look at the name of the issuer."""

    class _Checks(Checks):
        def named(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
            return True

        def issued(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
            key = issuer.public_key()
            try:
                assert isinstance(key, ec.EllipticCurvePublicKey)
                key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
            except (AssertionError, InvalidSignature):
                raise CertificateError("another key") from None

    checks = _Checks


@defect(*both("path-foreign", "path-twice", "chain-reversed", "chain-twins"))
class EachIssuesTheOneBefore(IkeSa):
    """Wants no certificate that does not belong to the path."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        if any(one.issuer != issuer.subject for one, issuer in pairwise(chain)):
            raise Violation("a certificate that does not belong to the path")
        super().check_chain(chain)


@defect(
    *both(
        "critical-unknown", "path-critical-unknown", "constraint-dns", "constraint-dns-excluded", "constraint-dns-case",
        "constraint-above", "constraint-widened", "constraint-mail", "constraint-address", "constraint-dn",
        "constraint-mail-excluded", "constraint-address-permitted", "constraint-address6", "constraint-dn-excluded",
        "constraint-uri", "constraint-both", "policy-required", "policy-other", "policy-any-inhibited", "policy-above",
        "policy-mapping-inhibited", "policy-mapping-any",
        "malformed-mappings",
    )
)  # fmt: skip
class IgnoresCriticalExtensions(Lax):
    """Skips extensions that it does not know, critical or not: among them constraints."""

    class _Checks(Checks):
        def extensions(self, certificate: x509.Certificate) -> None:
            pass

    checks = _Checks


@defect(*both("chain-three"))
class TwoIntermediates(IkeSa):
    """Takes three certificates and no more."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        if len(chain) > 3:
            raise Violation("too many certificates")
        super().check_chain(chain)


@defect(*both("chain-without-first", "chain-without-middle", "chain-without-last", "chain-four-without-last"))
class NeedsNoPath(IkeSa):
    """Takes every certificate for our name."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        pass


@defect(*both("absent"))
class VerifiesWithCertificateOnly(IkeSa):
    """Takes a signature for right where it has no certificate to verify it."""

    shows: bool = True

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        self.shows = message.first(CERT) is not None
        return super().peer_public_key(identity, message)

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if self.shows:
            super().check_signature(key, auth, octets)


@defect(*both("date-just-ended", "date-begins-soon"))
class DaysOnly(Lax):
    """Compares days, and leaves out the time."""

    class _Checks(Checks):
        def validity(self, certificate: x509.Certificate, now: datetime) -> None:
            begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            if not begin - timedelta(days=1) <= now <= end + timedelta(days=1):
                super().validity(certificate, now)

    checks = _Checks


@defect(*both("date-ends-soon"))
class WantsADay(Lax):
    """Takes no certificate that ends within a day."""

    class _Checks(Checks):
        def validity(self, certificate: x509.Certificate, now: datetime) -> None:
            super().validity(certificate, now + timedelta(days=1))

    checks = _Checks


@defect(*both("unknown-extension"))
class KnowsAllExtensions(Lax):
    """Takes no certificate with an extension that it does not know."""

    class _Checks(Checks):
        def extensions(self, certificate: x509.Certificate) -> None:
            super().extensions(certificate)
            unknown = [one for one in certificate.extensions if isinstance(one.value, x509.UnrecognizedExtension)]
            if unknown:
                raise CertificateError(f"unknown extension {unknown[0].oid.dotted_string}")

    checks = _Checks


@defect(*both("key-usage", "extended-usage-critical", "extended-usage-tls-critical"))
class IgnoresUsage(Lax):
    """Takes every key for signatures in IKE."""

    class _Checks(Checks):
        def end_entity(self, certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> None:
            pass

    checks = _Checks


@defect(*both("key-usage-absent", "non-repudiation"))
class DigitalSignatureDemanded(Lax):
    """Takes no certificate without digitalSignature in its keyUsage."""

    class _Checks(Checks):
        def end_entity(self, certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> None:
            super().end_entity(certificate, purpose)
            try:
                usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
            except x509.ExtensionNotFound:
                raise CertificateError("no keyUsage") from None
            if not usage.digital_signature:
                raise CertificateError("no digitalSignature")

    checks = _Checks


@defect(*both("extended-usage-ike", "extended-usage-any"))
class NoExtendedUsage(Lax):
    """Takes no certificate that is limited in what it is for."""

    class _Checks(Checks):
        def end_entity(self, certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> None:
            super().end_entity(certificate, purpose)
            if any(one.oid == ExtensionOID.EXTENDED_KEY_USAGE for one in certificate.extensions):
                raise CertificateError("extendedKeyUsage")

    checks = _Checks
