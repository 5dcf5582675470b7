"""Signatures and certificates: what IKE_AUTH needs of them (RFC 7296, sections 3.6 to 3.8; RFC 4754; RFC 7427)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto import CryptoError
from conformance.crypto.sigalg import SignatureAlgorithm
from conformance.crypto.sign import classic_method, sign, signature_algorithm, verify
from conformance.crypto.x509 import (
    CertificateError,
    Checks,
    load_certificate,
    matches_identity,
    subject_key_hash,
    validate_chain,
)
from conformance.ike.core.connection import Credential, PublicKey
from conformance.ike.core.events import Violation
from conformance.ike.core.spine import Spine
from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    AuthMethod,
    CertEncoding,
    HashAlgorithm,
    IDi,
    IDr,
    Message,
    Notify,
    NotifyType,
)

OUR_HASHES = (
    HashAlgorithm.SHA2_256,
    HashAlgorithm.SHA2_384,
    HashAlgorithm.SHA2_512,
    HashAlgorithm.IDENTITY,
)
SHORTEST_RSA = 2048
_STRENGTH = (HashAlgorithm.SHA2_512, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_256)


def hashes(message: Message) -> tuple[HashAlgorithm, ...]:
    """The hash algorithms for signatures that the sender of ``message`` announces (RFC 7427, section 4)."""
    found = message.notify(NotifyType.SIGNATURE_HASH_ALGORITHMS)
    data = found.data if found else b""
    return tuple(HashAlgorithm(int.from_bytes(data[at : at + 2], "big")) for at in range(0, len(data) - 1, 2))


class Signatures(Spine):
    """Signing, and checking signatures and certificates.

    ``peer_hashes`` are those that the peer announced, ``init_requests`` what its IKE_SA_INIT message asks for.
    """

    peer_hashes: tuple[HashAlgorithm, ...] = ()
    init_requests: tuple[CERTREQ, ...] = ()

    def pass_on(self, new: Self) -> None:
        """What was announced stays."""
        super().pass_on(new)
        new.peer_hashes = self.peer_hashes

    # --- what is announced ----------------------------------------------------------------------------------------

    def init_notifies(self) -> list[Notify]:
        """SIGNATURE_HASH_ALGORITHMS (RFC 7427, section 4)."""
        found, ours = super().init_notifies(), self.signature_hashes()
        if ours:
            data = b"".join(int(one).to_bytes(2, "big") for one in ours)
            found.append(Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, data))
        return found

    def init_announced(self, message: Message) -> None:
        """The hash algorithms of the peer."""
        super().init_announced(message)
        self.peer_hashes = hashes(message)
        self.init_requests = tuple(message.all(CERTREQ))

    def signature_hashes(self) -> tuple[HashAlgorithm, ...]:
        """The hash algorithms that we announce, none where no signature is expected."""
        wants = any(isinstance(party.auth, PublicKey) for party in (self.connection.local, self.connection.remote))
        return OUR_HASHES if wants else ()

    def certificate_requests(self) -> list[CERTREQ]:
        """The authorities that we trust (RFC 7296, section 3.7)."""
        if not isinstance(self.connection.remote.auth, PublicKey) or not self.connection.trust:
            return []
        hashes = b"".join(self.authority_hash(one) for one in self.connection.trust)
        return [CERTREQ(CertEncoding.X509_SIGNATURE, hashes)]

    def authority_hash(self, authority: x509.Certificate) -> bytes:
        """How a CERTREQ names an authority: SHA-1 of its Subject Public Key Info (RFC 7296, section 3.7)."""
        return subject_key_hash(authority)

    # --- what we are asked for ------------------------------------------------------------------------------------

    def own_credential(self) -> Credential:
        """Of several the one that the peer asks for."""
        return self.asked_for(super().own_credential())

    def asked_for(self, auth: Credential) -> Credential:
        """Of several certificates the first one of an authority that CERTREQ names (RFC 7296, section 3.7)."""
        if not isinstance(auth, PublicKey) or not auth.others:
            return auth
        wanted = {one.data[at : at + 20] for one in self.requests() for at in range(0, len(one.data), 20)}
        return next((one for one in (auth, *auth.others) if wanted & self.authorities(one)), auth)

    def requests(self) -> list[CERTREQ]:
        """The requests for X.509 certificates that the peer has sent."""
        opening = self.opening.all(CERTREQ) if self.opening is not None else ()
        found = self.init_requests if self.initiator else opening
        return [one for one in found if one.encoding == CertEncoding.X509_SIGNATURE]

    def authorities(self, auth: PublicKey) -> set[bytes]:
        """The hashes of those who are above a certificate, as far as we know them."""
        known = {one.subject: one for one in (*auth.chain[1:], *self.connection.trust)}
        above = [known[one.issuer] for one in auth.chain if one.issuer in known]
        return {self.authority_hash(one) for one in above}

    # --- signing --------------------------------------------------------------------------------------------------

    def own_certificates(self) -> list[CERT]:
        """Our chain, end entity first (RFC 7296, section 3.6)."""
        auth = self.asked_for(self.own_party().auth)
        chain = auth.chain if isinstance(auth, PublicKey) else ()
        return [CERT(CertEncoding.X509_SIGNATURE, one.public_bytes(Encoding.DER)) for one in chain]

    def sign(self, auth: PublicKey, octets: bytes) -> AUTH:
        """Our AUTH payload with a signature. Raises Violation where the peer takes none that we can make."""
        assert auth.key is not None
        method = self.signature_method(auth)
        digest = self.signature_hash(auth) if method == AuthMethod.DIGITAL_SIGNATURE else None
        try:
            return AUTH(method, self.signature(auth, method, octets, digest))
        except CryptoError as error:
            raise Violation(f"we cannot sign: {error}") from None

    def signature(self, auth: PublicKey, method: AuthMethod, octets: bytes, digest: HashAlgorithm | None) -> bytes:
        """The data of an AUTH payload with a signature (RFC 7296, section 3.8; RFC 4754; RFC 7427)."""
        assert auth.key is not None
        return sign(auth.key, method, octets, hash=digest, pss=auth.pss)

    def signature_method(self, auth: PublicKey) -> AuthMethod:
        """RFC 7427 where the peer announced hashes, else the classic method of the key."""
        if auth.method is not None:
            return auth.method
        if self.peer_hashes and self.signature_hashes():
            return AuthMethod.DIGITAL_SIGNATURE
        classic = classic_method(auth.key) if auth.key is not None else None
        if classic is None:
            kind = type(auth.key).__name__
            raise Violation(f"{kind} can only sign as RFC 7427 says, which the peer did not announce")
        return classic

    def signature_hash(self, auth: PublicKey) -> HashAlgorithm:
        """The hash of an RFC 7427 signature: as configured, fixed by the key, or the strongest that the peer takes."""
        if auth.hash is not None:
            return auth.hash
        fixed = not isinstance(auth.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        for one in (HashAlgorithm.IDENTITY,) if fixed else _STRENGTH:
            if one in self.peer_hashes:
                return one
        raise Violation("the peer announced no hash algorithm that we can sign with")

    # --- checking -------------------------------------------------------------------------------------------------

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        """Check a signature of any method."""
        if auth.method in (AuthMethod.SHARED_KEY_MIC, AuthMethod.NULL):
            raise Violation(f"authentication method {auth.method}, expected a signature")
        try:
            if auth.method == AuthMethod.DIGITAL_SIGNATURE:
                self.check_algorithm(signature_algorithm(auth.data))
            self.check_size(key)
            verify(key, auth.method, octets, auth.data)
        except CryptoError as error:
            raise Violation(f"the signature is not accepted: {error}") from None

    def check_algorithm(self, algorithm: SignatureAlgorithm) -> None:
        """It has another hash than SHA-1 (RFC 8247, section 3.2). Raises Violation."""
        if algorithm.hash == HashAlgorithm.SHA1:
            raise Violation(f"{algorithm} is not to be used with the method Digital Signature")

    def check_size(self, key: PublicKeyTypes) -> None:
        """An RSA key has 2048 bits or more (RFC 8247, section 3.1.1). Raises Violation."""
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < SHORTEST_RSA:
            raise Violation(f"an RSA key of {key.key_size} bits")

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        """The key of the first certificate, once its chain and identity are checked (RFC 7296, section 3.6)."""
        try:
            chain = [load_certificate(one) for one in self.shown_certificates(message)]
        except CertificateError as error:
            raise Violation(f"CERT payload holds no certificate: {error}") from None
        if not chain:
            known = self.peer_party().auth
            chain = list(known.chain) if isinstance(known, PublicKey) else []
        if not chain:
            raise Violation("no certificate")
        self.check_chain(chain)
        if not self.certificate_matches(chain[0], identity):
            raise Violation(f"the certificate is not for {identity.data!r}")
        try:
            return chain[0].public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Violation(f"the certificate holds no usable public key: {error}") from None

    def shown_certificates(self, message: Message) -> list[bytes]:
        """The certificates that the peer shows, in DER. Raises Violation where one cannot be had."""
        return [one.data for one in message.all(CERT) if one.encoding == CertEncoding.X509_SIGNATURE]

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        """The chain must end at an authority that we trust, now."""
        try:
            now = datetime.fromtimestamp(self.now, UTC)
            validate_chain(chain, self.connection.trust, now, checks=self.certificate_checks())
        except CertificateError as error:
            raise Violation(str(error)) from None

    def certificate_checks(self) -> Checks:
        """What each certificate of a chain must stand."""
        return Checks()

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        """The identity must stand in the certificate (RFC 4945, section 3.1)."""
        return matches_identity(certificate, identity.id_type, identity.data)
