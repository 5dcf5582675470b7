"""IKE_AUTH: identities, certificates, the proof of both, the first Child SA (RFC 7296, sections 1.2, 2.15, 2.16)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto import CryptoError
from conformance.crypto.sign import sign, verify
from conformance.crypto.x509 import (
    CertificateError,
    load_certificate,
    matches_identity,
    subject_key_hash,
    validate_chain,
)
from conformance.ike.core.config_mode import ConfigMode
from conformance.ike.core.connection import Party, Psk, PublicKey
from conformance.ike.core.events import Established, Refusal, Violation
from conformance.ike.core.sending import State
from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    SA,
    AuthMethod,
    CertEncoding,
    ExchangeType,
    HashAlgorithm,
    IDi,
    IDr,
    Message,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    TSi,
    TSr,
)

_KEY_PAD = b"Key Pad for IKEv2"
_ECDSA_METHODS = {256: AuthMethod.ECDSA_256, 384: AuthMethod.ECDSA_384, 521: AuthMethod.ECDSA_521}
_STRENGTH = (HashAlgorithm.SHA2_512, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_256, HashAlgorithm.SHA1)


def identity_body(payload: IDi | IDr) -> bytes:
    """RestOfIDPayload: type, reserved octets and data, as they were on the wire (RFC 7296, section 2.15)."""
    return bytes((payload.id_type,)) + payload.reserved2.to_bytes(3, "big") + payload.data


class AuthExchange(ConfigMode):
    """The two IKE_AUTH messages in both roles."""

    peer_identity: IDi | IDr | None = None
    first_child: str | None = None
    initial_contact: bool = False

    # --- what is signed -----------------------------------------------------------------------------------------

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        """InitiatorSignedOctets or ResponderSignedOctets, by whose identity it is (RFC 7296, section 2.15)."""
        assert self.keys is not None
        if isinstance(identity, IDi):
            message, nonce, key = self.init_request_raw, self.nonce_r, self.keys.sk_pi
        else:
            message, nonce, key = self.init_response_raw, self.nonce_i, self.keys.sk_pr
        return message + nonce + self.keys.suite.prf_function(key, identity_body(identity))

    def own_identity(self) -> IDi | IDr:
        """Our identity payload."""
        identity = self.connection.local.identity
        return (IDi if self.initiator else IDr)(identity.id_type, identity.data)

    def prove(self, identity: IDi | IDr) -> AUTH:
        """Our AUTH payload."""
        auth = self.connection.local.auth
        octets = self.signed_octets(identity)
        if isinstance(auth, Psk):
            return AUTH(AuthMethod.SHARED_KEY_MIC, self.shared_key_mic(auth.secret, octets))
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

    def shared_key_mic(self, secret: bytes, octets: bytes) -> bytes:
        """prf(prf(secret, "Key Pad for IKEv2"), octets) (RFC 7296, section 2.15)."""
        assert self.keys is not None
        prf = self.keys.suite.prf_function
        return prf(prf(secret, _KEY_PAD), octets)

    def signature_method(self, auth: PublicKey) -> AuthMethod:
        """RFC 7427 where the peer announced hashes, else the classic method of the key."""
        if auth.method is not None:
            return auth.method
        if self.peer_hashes and self.signature_hashes():
            return AuthMethod.DIGITAL_SIGNATURE
        return classic_method(auth.key)

    def signature_hash(self, auth: PublicKey) -> HashAlgorithm:
        """The hash of an RFC 7427 signature: as configured, fixed by the key, or the strongest that the peer takes."""
        if auth.hash is not None:
            return auth.hash
        fixed = not isinstance(auth.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        for one in (HashAlgorithm.IDENTITY,) if fixed else _STRENGTH:
            if one in self.peer_hashes:
                return one
        raise Violation("the peer announced no hash algorithm that we can sign with")

    # --- checking the peer --------------------------------------------------------------------------------------

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        """Is the peer who it must be? Raises Violation with the reason."""
        expected = self.connection.remote
        if not self.identity_matches(expected, identity):
            raise Violation(f"identity {identity.data!r} is not {expected.identity}")
        auth = message.first(AUTH)
        if auth is None:
            raise Violation("no AUTH payload")
        octets = self.signed_octets(identity)
        if isinstance(expected.auth, Psk):
            self.check_shared_key(expected.auth, auth, octets)
        else:
            self.check_signature(self.peer_public_key(identity, message), auth, octets)

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        """True if the identity is the configured one."""
        return (identity.id_type, identity.data) == (expected.identity.id_type, expected.identity.data)

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        """Check a shared key MIC."""
        if auth.method != AuthMethod.SHARED_KEY_MIC:
            raise Violation(f"authentication method {auth.method}, expected a shared key MIC")
        if not self.mic_is_valid(auth.data, self.shared_key_mic(expected.secret, octets)):
            raise Violation("the shared key MIC is wrong")

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        """Compare the MICs; constant time does not matter to a test peer."""
        return bool(received == computed)

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        """Check a signature of any method."""
        if auth.method == AuthMethod.SHARED_KEY_MIC:
            raise Violation("a shared key MIC, expected a signature")
        try:
            verify(key, auth.method, octets, auth.data)
        except CryptoError as error:
            raise Violation(f"the signature is not accepted: {error}") from None

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        """The key of the first certificate, once its chain and identity are checked (RFC 7296, section 3.6)."""
        encoded = [one.data for one in message.all(CERT) if one.encoding == CertEncoding.X509_SIGNATURE]
        try:
            chain = [load_certificate(one) for one in encoded]
        except CertificateError as error:
            raise Violation(f"CERT payload holds no certificate: {error}") from None
        if not chain:
            known = self.connection.remote.auth
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

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        """The chain must end at an authority that we trust, now."""
        try:
            validate_chain(chain, self.connection.trust, datetime.fromtimestamp(self.now, UTC))
        except CertificateError as error:
            raise Violation(str(error)) from None

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        """The identity must stand in the certificate (RFC 4945, section 3.1)."""
        return matches_identity(certificate, identity.id_type, identity.data)

    # --- as initiator -------------------------------------------------------------------------------------------

    def start_auth(self) -> None:
        """Send the IKE_AUTH request."""
        self.open_exchange(ExchangeType.IKE_AUTH, self.auth_request, self.on_auth_response)

    def auth_request(self) -> Sequence[Payload]:
        """The payloads of the request (RFC 7296, section 1.2)."""
        identity = self.own_identity()
        expected = self.connection.remote.identity
        contact = [Notify(NotifyType.INITIAL_CONTACT)] if self.connection.initial_contact else []
        child = [] if self.first_child is None else self.first_child_request(self.first_child)
        return [
            identity,
            *self.own_certificates(),
            *contact,
            *self.certificate_requests(),
            IDr(expected.id_type, expected.data),
            self.prove(identity),
            *child,
        ]

    def own_certificates(self) -> list[CERT]:
        """Our chain, end entity first (RFC 7296, section 3.6)."""
        auth = self.connection.local.auth
        chain = auth.chain if isinstance(auth, PublicKey) else ()
        return [CERT(CertEncoding.X509_SIGNATURE, one.public_bytes(Encoding.DER)) for one in chain]

    def certificate_requests(self) -> list[CERTREQ]:
        """The authorities that we trust (RFC 7296, section 3.7)."""
        if not isinstance(self.connection.remote.auth, PublicKey) or not self.connection.trust:
            return []
        hashes = b"".join(self.authority_hash(one) for one in self.connection.trust)
        return [CERTREQ(CertEncoding.X509_SIGNATURE, hashes)]

    def authority_hash(self, authority: x509.Certificate) -> bytes:
        """How a CERTREQ names an authority: SHA-1 of its Subject Public Key Info (RFC 7296, section 3.7)."""
        return subject_key_hash(authority)

    def on_auth_response(self, message: Message) -> None:
        """Check who the responder is, then take the Child SA or learn why there is none (RFC 7296, section 1.2)."""
        identity = message.first(IDr)
        error = next((one for one in message.notifies() if one.type < 16384), None)
        if identity is None or message.first(AUTH) is None:
            if error is None:
                raise Violation("IKE_AUTH response without IDr and AUTH")
            self.failed(f"IKE_AUTH refused with {error.type}", error.type)
            return
        self.check_peer(identity, message)
        self.peer_identity = identity
        self.establish()
        if self.first_child is None:
            return
        if message.first(SA) is None:
            self.child_failed(error)
        else:
            self.take_child_response(message)

    # --- as responder -------------------------------------------------------------------------------------------

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        """The IKE_SA_INIT response names the authorities that we trust already (RFC 7296, sections 1.2 and 3.7)."""
        return [*super().init_response(chosen, public), *self.certificate_requests()]

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        """Answer an IKE_AUTH request. A wrong proof ends the IKE SA (RFC 7296, section 2.21.2).

        One without SA payload is for those who allow it (RFC 6023).
        """
        if self.state != State.HALF_OPEN or self.initiator:
            raise Refusal(NotifyType.INVALID_SYNTAX, f"IKE_AUTH request in state {self.state.value}", fatal=True)
        identity = message.first(IDi)
        if identity is None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "IKE_AUTH request without IDi", fatal=True)
        own = self.own_identity()
        try:
            self.check_peer(identity, message)
            proof: list[Payload] = [own, *self.own_certificates(), self.prove(own)]
        except Violation as violation:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, str(violation), fatal=True) from None
        self.check_child_payloads(message)
        self.peer_identity = identity
        self.initial_contact = message.notify(NotifyType.INITIAL_CONTACT) is not None
        self.establish()
        if message.first(SA) is None:
            return proof
        try:
            return [*proof, *self.first_child_response(message)]
        except Refusal as refusal:
            return self.first_child_refused(proof, refusal)

    def check_child_payloads(self, message: Message) -> None:
        """SA, TSi and TSr come together; only a childless request has none of them (RFC 6023, section 3)."""
        missing = [kind.__name__ for kind in (SA, TSi, TSr) if message.first(kind) is None]
        if missing and not (len(missing) == 3 and self.connection.childless):
            raise Refusal(NotifyType.INVALID_SYNTAX, f"IKE_AUTH request without {', '.join(missing)}", fatal=True)

    def first_child_refused(self, proof: list[Payload], refusal: Refusal) -> Sequence[Payload]:
        """Without a first Child SA the IKE SA is set up all the same (RFC 7296, section 1.2)."""
        return [*proof, refusal.notify()]

    def establish(self) -> None:
        """The IKE SA is up."""
        self.state = State.ESTABLISHED
        self.events.append(Established(self))


def classic_method(key: PrivateKeyTypes | None) -> AuthMethod:
    """The authentication method of a key without RFC 7427 (RFC 7296, section 3.8; RFC 4754).

    Raises Violation where there is none.
    """
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in _ECDSA_METHODS:
        return _ECDSA_METHODS[key.curve.key_size]
    if isinstance(key, rsa.RSAPrivateKey):
        return AuthMethod.RSA_SIGNATURE
    raise Violation(f"{type(key).__name__} can only sign as RFC 7427 says, which the peer did not announce")
