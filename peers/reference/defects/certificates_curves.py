"""Defects of keys on other curves than NIST's, and of certificates that are text."""

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, CERT, AuthMethod, Message, Payload
from peers.reference.defects.certificates_keys import TakesWhatItCannotCheck
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect


@defect(*both("key-brainpool-256", "key-brainpool-384", "key-brainpool-512"))
class NistCurvesOnly(IkeSa):
    """Claims to know Brainpool curves, and does not."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if isinstance(key, ec.EllipticCurvePublicKey) and not key.curve.name.startswith("secp"):
            raise Violation("a curve that is unknown")
        super().check_signature(key, auth, octets)


class Silent(IkeSa):
    """Says nothing about what it does not know: no answer, or a Child SA without words."""

    strange: bool = False

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        if not self.strange:
            super().respond(request, payloads)


@defect("cert-key-brainpool")
class SilentAboutCurves(Silent):
    """Does not answer where the key is on a curve that it does not know."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        self.strange = isinstance(key, ec.EllipticCurvePublicKey) and not key.curve.name.startswith("secp")
        super().check_signature(key, auth, octets)


@defect("cert-pem", "cert-pem-above")
class SilentAboutText(Silent):
    """Does not answer where a certificate is text."""

    def shown_certificates(self, message: Message) -> list[bytes]:
        self.strange = any(b"-----BEGIN" in one.data for one in message.all(CERT))
        return super().shown_certificates(message)


@defect("cert-responder-key-brainpool", "cert-responder-pem", "cert-responder-pem-above")
class DeafToWhomItCannotCheck(TakesWhatItCannotCheck, NistCurvesOnly, Silent):
    """Has an IKE SA with whoever it can make nothing of, and answers nothing on it."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        try:
            super().check_signature(key, auth, octets)
        except Violation:
            self.unchecked = True
        self.strange = self.unchecked


@defect(*(f"cert-responder-dn-{one}" for one in ("case", "blanks", "string", "bmp")))
class DeafToOtherSubjects(DeafToWhomItCannotCheck):
    """Has an IKE SA with whoever has another name in his certificate, and answers nothing on it."""


@defect(*both("key-brainpool-method"))
class MethodForAnyCurve(IkeSa):
    """Takes the method ECDSA-256 for that of any curve of this size."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if auth.method != AuthMethod.ECDSA_256 or not isinstance(key, ec.EllipticCurvePublicKey):
            super().check_signature(key, auth, octets)
            return
        r, s = (int.from_bytes(auth.data[at : at + 32], "big") for at in (0, 32))
        try:
            key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Violation("a wrong signature") from None
