"""Defects of serial numbers, and of certificates that no authority should make."""

from collections.abc import Sequence

from cryptography import x509

from conformance.crypto.dn import values
from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import Message
from peers.reference.defects.certificates_curves import Silent
from peers.reference.defects.certificates_keys import TakesWhatItCannotCheck
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect

_ODD = (
    "serial-zero", "serial-negative", "serial-long", "serial-empty", "names-twice", "authority-ours",
    "extended-usage-tls",
)  # fmt: skip
_NAMES, _IS_AUTHORITY = bytes.fromhex("0603551d11"), bytes.fromhex("30030101ff")
_FOR_TLS = bytes.fromhex("06082b06010505070301")


def serial_of(certificate: bytes) -> bytes:
    """The octets of the serial number."""
    (whole,) = values(certificate)
    fields = list(values(next(values(whole))))
    return fields[1]


def is_odd(certificate: bytes) -> bool:
    """Whether an authority should not have made it."""
    serial = serial_of(certificate)
    usual = int.from_bytes(serial, "big", signed=True) > 0 and len(serial) <= 20
    return not usual or certificate.count(_NAMES) > 1 or _IS_AUTHORITY in certificate or _FOR_TLS in certificate


@defect(*both("serial-20"))
class SerialsAreShort(IkeSa):
    """Reads no serial number of more than 16 octets."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        super().check_chain(chain)
        if any(one.serial_number.bit_length() > 128 for one in chain[:1]):
            raise Violation("a serial number that is too long")


@defect(*both(*_ODD))
class StumblesOverOddCertificates(TakesWhatItCannotCheck, Silent):
    """Says nothing any more to whoever has a certificate that no authority should have made."""

    def shown_certificates(self, message: Message) -> list[bytes]:
        found = super().shown_certificates(message)
        self.strange = bool(found) and is_odd(found[0])
        return found
