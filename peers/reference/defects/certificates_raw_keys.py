"""Defects that concern raw public keys (RFC 7670)."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from conformance.crypto.x509 import load_certificate
from conformance.ike.core.connection import PublicKey
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, CERT, CERTREQ, AuthMethod, CertEncoding, IDi, IDr, Message, NotifyType, Payload
from peers.reference.defects.certificates_keys import TakesWhatItCannotCheck
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect


class _OtherKey(IkeSa):
    """Takes another key for that of its peer, where it finds one."""

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        found = self.other_key(message)
        return super().peer_public_key(identity, message) if found is None else self.load_key(found)

    def other_key(self, message: Message) -> bytes | None:
        """The SubjectPublicKeyInfo of that key."""
        raise NotImplementedError

    def known(self) -> bytes:
        """The raw key that it has agreed on with its peer, empty without one."""
        auth = self.peer_party().auth
        return (auth.raw if isinstance(auth, PublicKey) else None) or b""


@defect(
    *both("raw-stranger", "raw-other-kind", "raw-two-first", "raw-of-device", "raw-for-certificate"),
    *both("raw-before-certificate", "raw-behind-certificate"),
)
class TakesAnyRawKey(_OtherKey):
    """Believes the raw key that its peer shows."""

    def other_key(self, message: Message) -> bytes | None:
        return next(iter(self.shown_keys(message)), None)


@defect(*both("raw-ours-alone", "raw-theirs-alone"))
class RawBothWays(IkeSa):
    """Wants its peer to be known by a raw key just where it is so itself."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        ours, theirs = self.connection.local.auth, self.peer_party().auth
        if isinstance(ours, PublicKey) and isinstance(theirs, PublicKey) and (ours.raw is None) != (theirs.raw is None):
            raise Violation("the peer authenticates in another way")
        super().check_peer(identity, message)


@defect(*both("raw-two-last", "raw-two-first"))
class AnyShownRawKey(_OtherKey):
    """Is content where one of the raw keys is the right one, and takes another one of them."""

    def other_key(self, message: Message) -> bytes | None:
        shown = self.shown_keys(message)
        others = [one for one in shown if one != self.known()]
        return others[0] if self.known() in shown and others else None


@defect(*both("raw-trailing", "raw-leading"))
class FindsRawKeyWithin(_OtherKey):
    """Is content where the right key stands somewhere in a payload, and takes what stands beside it."""

    def other_key(self, message: Message) -> bytes | None:
        shown, known = b"".join(self.shown_keys(message)), self.known()
        return shown.replace(known, b"") or None if known and known in shown else None


@defect(*both("raw-untrusted"))
class TakesUntrustedCertificate(_OtherKey):
    """Takes the key of any certificate where it has agreed on a raw key."""

    def other_key(self, message: Message) -> bytes | None:
        found = [one.data for one in message.all(CERT) if one.encoding == CertEncoding.X509_SIGNATURE]
        if not found or not self.known():
            return None
        return load_certificate(found[0]).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@defect(*both("raw-as-certificate"))
class TakesKeyForCertificate(_OtherKey):
    """Takes a key that is labelled as a certificate."""

    def other_key(self, message: Message) -> bytes | None:
        found = [one.data for one in message.all(CERT) if one.encoding == CertEncoding.X509_SIGNATURE]
        return next((one for one in found if len(one) < 128), None)


@defect(*both("raw-old", "raw-old-for-certificate"))
class TakesOldRsaKey(_OtherKey):
    """Believes a raw RSA key in the encoding of RFC 5996."""

    def other_key(self, message: Message) -> bytes | None:
        found = [one.data for one in message.all(CERT) if one.encoding == CertEncoding.RAW_RSA_KEY]
        return found[0] if found else None


@defect(*both("raw-signature"))
class TrustsRightRawKey(IkeSa):
    """Checks no signature where the raw key is the right one: everybody may know that."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        known = self.peer_party().auth
        if not isinstance(known, PublicKey) or known.raw is None:
            super().check_signature(key, auth, octets)


@defect(
    "cert-raw-malformed", "cert-raw-absurd", "cert-raw-malformed-for-certificate", "cert-raw-absurd-for-certificate",
    *both("raw-empty", "raw-huge"),
)  # fmt: skip
class TakesRawKeyItCannotRead(TakesWhatItCannotCheck):
    """Goes on without a proof where it can make nothing of a raw key."""

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        known, shown = self.peer_party().auth, self.shown_keys(message)
        if not isinstance(known, PublicKey) or not shown or shown[0] == known.raw:
            return super().peer_public_key(identity, message)
        self.unchecked = True
        return known.chain[0].public_key() if known.raw is None else load_der_public_key(known.raw)


@defect(*both("raw-ecdsa", "raw-rsa", "raw-ed25519"))
class ShowsHalfItsKey(IkeSa):
    """Shows its raw key without the AlgorithmIdentifier."""

    def own_certificates(self) -> list[CERT]:
        raw = CertEncoding.RAW_PUBLIC_KEY
        return [CERT(raw, one.data[24:]) if one.encoding == raw else one for one in super().own_certificates()]


@defect("cert-responder-raw-ecdsa", "cert-responder-raw-rsa")
class NamesAuthorityOfRawKey(IkeSa):
    """Puts zeros into the Certification Authority field of a request for a raw key."""

    def certificate_requests(self) -> list[CERTREQ]:
        raw = CertEncoding.RAW_PUBLIC_KEY
        return [CERTREQ(raw, bytes(20)) if one.encoding == raw else one for one in super().certificate_requests()]


@defect("cert-raw-rsa", "cert-responder-raw-rsa")
class RawRsaOldStyle(IkeSa):
    """Signs with a raw RSA key as if there were no RFC 7427."""

    def signature_method(self, auth: PublicKey) -> AuthMethod:
        return super().signature_method(auth) if auth.raw is None else AuthMethod.RSA_SIGNATURE


@defect("cert-raw-request-absent")
class WantsToBeAskedForRawKey(IkeSa):
    """Authenticates with a raw key only where it is asked for one."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        own = self.own_party().auth
        if isinstance(own, PublicKey) and own.raw is not None and message.first(CERTREQ) is None:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "nobody asks for the key", fatal=True)
        return super().handle_auth(message)


@defect(*both("raw-and-certificate"))
class NothingBesideRawKey(IkeSa):
    """Refuses whoever shows a certificate beside a raw key."""

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        if len({one.encoding for one in message.all(CERT)}) > 1:
            raise Violation("a raw key and something else")
        return super().peer_public_key(identity, message)
