"""Defects in what authorities do over the years: dates, keys, names."""

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from conformance.crypto.x509 import CertificateError, Checks
from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from peers.reference.defects.certificates_names import both
from peers.reference.defects.certificates_paths import Lax
from peers.reference.defects.registry import defect

_CENTURY = 100
_LAST_UTC = datetime(2049, 12, 31, tzinfo=UTC)


@defect(*both("date-2060", "date-never"))
class ReadsShortDatesOnly(Lax):
    """Cannot read a GeneralizedTime."""

    class _Checks(Checks):
        def validity(self, certificate: x509.Certificate, now: datetime) -> None:
            if certificate.not_valid_after_utc.replace(tzinfo=UTC) > _LAST_UTC.replace(hour=23, minute=59, second=59):
                raise CertificateError("a date that it cannot read")
            super().validity(certificate, now)

    checks = _Checks


@defect(*both("date-from-2060"))
class CutsLongDates(Lax):
    """Reads the first two digits of the year alone where there are four."""

    class _Checks(Checks):
        def validity(self, certificate: x509.Certificate, now: datetime) -> None:
            if certificate.not_valid_before_utc.replace(tzinfo=UTC) <= _LAST_UTC:
                super().validity(certificate, now)

    checks = _Checks


@defect(*both("date-1960"))
class EveryYearIsOfThisCentury(Lax):
    """Takes the two digits of a year for one of this century."""

    class _Checks(Checks):
        def validity(self, certificate: x509.Certificate, now: datetime) -> None:
            if certificate.not_valid_after_utc.year + _CENTURY < now.year:
                super().validity(certificate, now)

    checks = _Checks


@defect(*both("path-mixed-keys"))
class OneKindOfKeys(Lax):
    """Takes certificates of one kind of keys in a path only."""

    class _Checks(Checks):
        def issued(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
            kinds = [isinstance(one.public_key(), rsa.RSAPublicKey) for one in (certificate, issuer)]
            if kinds[0] != kinds[1]:
                raise CertificateError("another kind of key")
            super().issued(certificate, issuer)

    checks = _Checks


@defect(*both("path-circle"))
class CirclesEndWell(IkeSa):
    """Is content where there is an issuer for each certificate of the chain."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        try:
            super().check_chain(chain)
        except Violation:
            if not {one.issuer for one in chain} <= {one.subject for one in chain}:
                raise


@defect(*both("authority-new-key"))
class OneKeyForAName(Lax):
    """Knows one key only of authorities that have the same name."""

    class _Checks(Checks):
        def __init__(self) -> None:
            self.known: set[bytes] = set()

        def named(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
            name = issuer.subject.public_bytes()
            if not super().named(certificate, issuer) or name in self.known:
                return False
            self.known.add(name)
            return True

    checks = _Checks
