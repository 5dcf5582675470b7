"""Defects of IKE_AUTH: certificates and signatures."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha1
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto import CryptoError
from conformance.crypto.sigalg import Scheme
from conformance.crypto.sign import signature_algorithm
from conformance.crypto.x509 import CertificateError, validate_chain
from conformance.ike.core.connection import Credential, Psk, PublicKey
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    AuthMethod,
    HashAlgorithm,
    IDi,
    IDr,
    Message,
    NotifyType,
    Payload,
)
from peers.reference.defects.registry import defect


@defect(
    "auth-certificate-untrusted",
    "auth-certificate-same-name",
    "auth-certificate-brings-root",
    "auth-certificate-expired",
    "auth-certificate-not-yet",
    "auth-certificate-no-ca",
    "auth-certificate-chain-broken",
    "auth-certificate-intermediate-expired",
    "auth-responder-certificate-untrusted",
    "auth-responder-certificate-expired",
)
class AcceptsAnyCertificate(IkeSa):
    """Does not validate the chain."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        pass


@defect("auth-certificate-brings-root")
class TrustsWhatIsSent(IkeSa):
    """Takes the last certificate that the peer sends for a trust anchor."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        try:
            validate_chain(chain, (*self.connection.trust, chain[-1]), datetime.fromtimestamp(self.now, UTC))
        except CertificateError as error:
            raise Violation(str(error)) from None


@defect("auth-certificate-expired", "auth-certificate-not-yet", "auth-responder-certificate-expired")
class IgnoresDates(IkeSa):
    """Validates the chain as of the day on which the certificate became valid."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        kept, self.now = self.now, chain[0].not_valid_before_utc.timestamp() + 1
        super().check_chain(chain)
        self.now = kept


@defect("auth-certificate-other-name", "auth-responder-certificate-other-name")
class AnyNameInCertificate(IkeSa):
    """Does not compare the certificate with the identity."""

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return True


@defect("auth-mixed-keys")
class SameAlgorithmOnly(IkeSa):
    """Wants the peer to have a key like its own."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        ours = self.connection.local.auth
        if isinstance(ours, PublicKey) and type(ours.chain[0].public_key()) is not type(key):
            raise Violation("another sort of key")
        super().check_signature(key, auth, octets)


@defect("auth-certificates-any-order")
class ChainInOrderOnly(IkeSa):
    """Wants the issuer of each certificate to be the next one."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        if any(one.issuer != issuer.subject for one, issuer in itertools.pairwise(chain)):
            raise Violation("the chain is not in order")
        super().check_chain(chain)


@defect("auth-certificate-first")
class IntermediateFirst(IkeSa):
    """Sends its chain from the authority down."""

    def own_certificates(self) -> list[CERT]:
        return super().own_certificates()[::-1]


@defect("auth-certreq-unknown")
class CertreqMustMatch(IkeSa):
    """Refuses a peer that trusts nobody whom it knows."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        known = b"".join(self.authority_hash(one) for one in self.connection.trust)
        if any(one.data not in known for one in message.all(CERTREQ)):
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "no certificate for this CERTREQ", fatal=True)
        return super().handle_auth(message)


@defect("auth-certreq-absent")
class CertreqDemanded(IkeSa):
    """Sends no certificate to a peer that did not ask, and has no way to go on."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        if not message.all(CERTREQ):
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "no CERTREQ", fatal=True)
        return super().handle_auth(message)


@defect("auth-certreq-format", "auth-certreq-responder")
class CertreqHashOfCertificate(IkeSa):
    """Hashes the whole certificate of the authority."""

    def authority_hash(self, authority: x509.Certificate) -> bytes:
        return sha1(authority.public_bytes(Encoding.DER), usedforsecurity=False).digest()


@defect("auth-certificate-garbage")
class StumblesOverCertificate(IkeSa):
    """Says nothing when it cannot read a certificate."""

    def on_request(self, message: Message) -> None:
        for one in message.all(CERT):
            try:
                x509.load_der_x509_certificate(one.data)
            except ValueError:
                return
        super().on_request(message)


@defect("auth-mixed-psk", "auth-mixed-certificate")
class SameMethodOnly(IkeSa):
    """Wants the peer to authenticate as it does itself."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        auth = message.first(AUTH)
        ours = isinstance(self.connection.local.auth, PublicKey)
        if auth is not None and ours != (auth.method != AuthMethod.SHARED_KEY_MIC):
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "the peer authenticates in another way", fatal=True)
        return super().handle_auth(message)


@defect(
    "auth-mixed-key-for-certificate", "auth-mixed-certificate-for-key", "auth-mixed-responder-key-for-certificate",
    "auth-mixed-responder-certificate-for-key",
)  # fmt: skip
class EitherMethodProves(IkeSa):
    """Takes the method from the AUTH payload of its peer, and whatever key or certificate it knows for that."""

    taken: Credential | None = None

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        auth, ours = message.first(AUTH), self.connection.local.auth
        shared = auth is not None and auth.method == AuthMethod.SHARED_KEY_MIC
        self.taken = ours if isinstance(ours, Psk) and shared else None if shared else PublicKey(())
        super().check_peer(identity, message)

    def peer_credential(self) -> Credential:
        return self.taken or super().peer_credential()


# --- signatures -------------------------------------------------------------------------------------------------------


@defect("auth-rsa", "auth-ecdsa", "auth-ecdsa-384", "auth-ecdsa-521", "auth-rsa-pss")
class ClassicMethodAlways(IkeSa):
    """Signs with the methods before RFC 7427 although both sides announced hashes."""

    def signature_method(self, auth: PublicKey) -> AuthMethod:
        self.peer_hashes = ()
        return super().signature_method(auth)


@defect(
    "auth-rsa-classic", "auth-ecdsa-classic", "auth-ecdsa-384-classic", "auth-ecdsa-521-classic",
    "auth-initiator-classic", "auth-initiator-ecdsa-classic", "auth-initiator-ecdsa-384-classic",
    "auth-initiator-ecdsa-521-classic",
)  # fmt: skip
class DigitalSignatureAlways(IkeSa):
    """Signs as RFC 7427 says although the peer did not announce that."""

    def signature_method(self, auth: PublicKey) -> AuthMethod:
        return AuthMethod.DIGITAL_SIGNATURE

    def signature_hash(self, auth: PublicKey) -> HashAlgorithm:
        return HashAlgorithm.SHA2_256


@defect(
    "auth-signature-hash-list",
    "auth-signature-hash-lists-odd",
    "auth-initiator-signature",
    "auth-responder-hash-lists-odd",
    "auth-responder-hash-lists-unknown",
)
class HashNotAnnounced(IkeSa):
    """Always signs with SHA-512."""

    def signature_hash(self, auth: PublicKey) -> HashAlgorithm:
        return HashAlgorithm.SHA2_512


@defect("auth-ed25519-unannounced")
class IdentityHashAssumed(IkeSa):
    """Signs with Ed25519 for everybody."""

    def signature_hash(self, auth: PublicKey) -> HashAlgorithm:
        return HashAlgorithm.IDENTITY


class _Identifier(IkeSa):
    wrong: ClassVar[bytes] = b""

    def signature(self, auth: PublicKey, method: AuthMethod, octets: bytes, digest: HashAlgorithm | None) -> bytes:
        data = super().signature(auth, method, octets, digest)
        return bytes((len(self.wrong),)) + self.wrong + data[1 + data[0] :]


@defect("auth-rsa", "auth-rsa-pss")
class NamesRsaSha384(_Identifier):
    """Names RSA with SHA-384 whatever it signs with."""

    wrong = bytes.fromhex("300d06092a864886f70d01010c0500")


@defect("auth-ed25519")
class Ed25519WithParameters(_Identifier):
    """Puts NULL parameters into the AlgorithmIdentifier of Ed25519."""

    wrong = bytes.fromhex("300706032b65700500")


@defect("auth-ed448")
class Ed448WithParameters(_Identifier):
    """Puts NULL parameters into the AlgorithmIdentifier of Ed448."""

    wrong = bytes.fromhex("300706032b65710500")


@defect("auth-ecdsa", "auth-ecdsa-384", "auth-ecdsa-521")
class EcdsaNamesKey(_Identifier):
    """Names the type of its key (id-ecPublicKey) in place of the signature algorithm."""

    wrong = bytes.fromhex("300906072a8648ce3d0201")


@defect("auth-ecdsa-classic", "auth-initiator-ecdsa-classic")
class EcdsaDer(IkeSa):
    """Sends the DER form of an ECDSA signature under method 9."""

    def signature(self, auth: PublicKey, method: AuthMethod, octets: bytes, digest: HashAlgorithm | None) -> bytes:
        assert isinstance(auth.key, ec.EllipticCurvePrivateKey)
        return auth.key.sign(octets, ec.ECDSA(hashes.SHA256()))


@defect("auth-rsa-pss-accepted", "auth-rsa-pss")
class NoPss(IkeSa):
    """Knows PKCS#1 signatures only."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        try:
            pss = auth.method == AuthMethod.DIGITAL_SIGNATURE and signature_algorithm(auth.data).scheme is Scheme.PSS
        except CryptoError:
            pss = False
        if pss:
            raise Violation("RSASSA-PSS")
        super().check_signature(key, auth, octets)


@defect("auth-signature-announced", "auth-rsa-pss-announced", "auth-responder-signature-announced")
class AnnouncesTooMuch(IkeSa):
    """Announces three hashes and verifies signatures with SHA2-512 only."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        signed = auth.method == AuthMethod.DIGITAL_SIGNATURE
        if signed and signature_algorithm(auth.data).hash in (HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_384):
            raise Violation("another hash than SHA2-512")
        super().check_signature(key, auth, octets)


@defect("auth-rsa-sha1")
class NoSha1(IkeSa):
    """Refuses signatures of method 1."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if auth.method == AuthMethod.RSA_SIGNATURE:
            raise Violation("method 1 uses SHA-1")
        super().check_signature(key, auth, octets)
