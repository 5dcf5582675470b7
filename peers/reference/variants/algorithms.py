"""Worlds of algorithms in which devices live, and how these offer and choose what is in them."""

from collections.abc import Sequence
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from conformance.crypto.x509 import CertificateError, Checks
from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig, PublicKey
from conformance.ike.core.events import Violation
from conformance.ike.core.proposals import groups, half_keys, of_type, parsed
from conformance.ike.core.signatures import OUR_HASHES
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    AUTH,
    AuthMethod,
    HashAlgorithm,
    KeMethod,
    Message,
    Nonce,
    Prf,
    Proposal,
    Transform,
    TransformType,
)
from peers.algorithms import MUSTS, Algorithms
from peers.capabilities import Capability
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant

_CHOICE = "RFC 7296, 3.3.4: which algorithms are configured is up to the device"


@variant(
    "RFC 8247, 2 and RFC 8221, 5: AES-CBC, HMAC-SHA2-256 and group 14 are what everybody must have",
    lacks=(Capability.ESN,),
    pixit={"algorithms": MUSTS},
)
class MustAlgorithms(ReferenceEngine):
    """Takes the algorithms that RFC 8247 and RFC 8221 demand, and no other."""


@variant(
    _CHOICE,
    lacks=(Capability.ESN,),
    pixit={"algorithms": Algorithms(ike=("aes128-sha1-modp2048",), esp=("aes128-sha1",), ah=("sha1",))},
)
class OldRouter(ReferenceEngine):
    """Takes AES-CBC-128 with SHA-1 and group 14, as routers have it that have been in service for years."""


@variant(
    _CHOICE,
    pixit={
        "algorithms": Algorithms(
            ike=("aes256-sha384-ecp384",), esp=("aes256-sha384-noesn-esn",), ah=("sha384-noesn-esn",)
        )
    },
)
class StrongAlgorithms(ReferenceEngine):
    """Takes AES-CBC-256 with SHA-384 and group 20."""


class _HalfKeyNonces(IkeSa):
    """Takes no nonce that has less than half the octets of a key of its PRFs (RFC 7296, 2.10)."""

    def bad_nonce(self, nonce: Nonce) -> str | None:
        half = min(half_keys(parsed(self.connection.proposals)), default=16)
        short = f"nonce of {len(nonce.data)} octets, expected {half} at least"
        return short if len(nonce.data) < half else super().bad_nonce(nonce)


@variant(
    _CHOICE,
    _HalfKeyNonces,
    pixit={
        "algorithms": Algorithms(
            ike=("chacha20poly1305-prfsha512-x448",), esp=("chacha20poly1305-noesn-esn",), ah=("sha512-noesn-esn",)
        )
    },
)
class ChaCha(ReferenceEngine):
    """Takes ChaCha20-Poly1305 with PRF-HMAC-SHA2-512 and Curve448, and nonces of half its keys at least."""


@variant(
    "RFC 8247, 3.2: with an RSA key RSASSA-PSS is what everybody must have, and PKCS #1 v1.5 what one may have",
    about=("ike_auth", "certificates", "eap"),
)
class SignsByPss(IkeSa):
    """Signs by RSASSA-PSS with an RSA key wherever its peer announces hashes."""

    def signature(self, auth: PublicKey, method: AuthMethod, octets: bytes, digest: HashAlgorithm | None) -> bytes:
        by_pss = isinstance(auth.key, rsa.RSAPrivateKey) and method == AuthMethod.DIGITAL_SIGNATURE
        return super().signature(replace(auth, pss=True) if by_pss else auth, method, octets, digest)


class _NoRsa(Checks):
    def issued(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
        if any(isinstance(one.public_key(), rsa.RSAPublicKey) for one in (certificate, issuer)):
            raise CertificateError("an RSA key")
        super().issued(certificate, issuer)


@variant(
    "RFC 7296, 4: an implementation may be configured with restrictions concerning algorithms and authorities",
    lacks=(Capability.RSA, Capability.RSA_PSS),
    about=("ike_auth", "certificates"),
)
class NoRsa(IkeSa):
    """Takes no RSA keys, in no certificate of a path."""

    def certificate_checks(self) -> Checks:
        return _NoRsa()


@variant(
    "RFC 8247, 3.1: ECDSA on each of three curves is a method of its own, and none of them a MUST",
    lacks=(Capability.ECDSA_384, Capability.ECDSA_521, Capability.BRAINPOOL),
    about=("ike_auth", "certificates"),
)
class OneCurve(IkeSa):
    """Has ECDSA on P-256 only, under whatever method."""

    def sign(self, auth: PublicKey, octets: bytes) -> AUTH:
        self.check_curve(auth.key)
        return super().sign(auth, octets)

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        self.check_curve(key)
        super().check_signature(key, auth, octets)

    def check_curve(self, key: object) -> None:
        """Raises Violation for a key on another curve."""
        curve = key.curve if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) else None
        if curve is not None and curve.name != "secp256r1":
            raise Violation(f"a key on {curve.name}")


_BY_CURVE = (AuthMethod.ECDSA_256, AuthMethod.ECDSA_384, AuthMethod.ECDSA_521)


@variant(
    "RFC 8247, 3.1: the methods 9 to 11 are a SHOULD, and expected to give way to Digital Signature",
    advice={"RFC8247-3.1-4": "that is what it does not follow"},
    about=("ike_auth", "certificates"),
)
class DigitalSignatureOnly(IkeSa):
    """Knows ECDSA under the method Digital Signature only, which it always announces."""

    def signature_hashes(self) -> tuple[HashAlgorithm, ...]:
        return OUR_HASHES

    def signature_method(self, auth: PublicKey) -> AuthMethod:
        return self.known(super().signature_method(auth))

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        self.known(auth.method)
        super().check_signature(key, auth, octets)

    def known(self, method: AuthMethod) -> AuthMethod:
        """The method. Raises Violation for those of RFC 4754."""
        if method in _BY_CURVE:
            raise Violation(f"the method {method.name}")
        return method


@variant("RFC 8247, 3.2: SHA2-256 is the one hash for signatures that everybody must have")
class SignsWithSha256(IkeSa):
    """Signs with SHA2-256 where its key leaves a choice, and with nothing for a peer that does not announce that."""

    def signature_hash(self, auth: PublicKey) -> HashAlgorithm:
        found = super().signature_hash(auth)
        if found == HashAlgorithm.IDENTITY:
            return found
        if HashAlgorithm.SHA2_256 not in self.peer_hashes:
            raise Violation("the peer did not announce SHA2-256")
        return HashAlgorithm.SHA2_256


_NO_GROUP = Transform.of(KeMethod.NONE)


def _with_no_group(one: Proposal) -> Proposal:
    return replace(one, transforms=(*one.transforms, _NO_GROUP))


_PRIVATE = 1030
"""In each registry of transforms an ID for private use."""


@variant(
    "RFC 7296, 3.3.2 and 3.3.6: transforms for private use may be offered, and who does not know them takes others",
    about=("ike_sa_init",),
)
class OffersItsOwn(IkeSa):
    """Offers a PRF and a group of its maker behind those that everybody knows."""

    def start_init(self) -> None:
        own = Transform.of(Prf(_PRIVATE)), Transform.of(KeMethod(_PRIVATE))
        known = parsed(self.connection.proposals)
        self.offered = tuple(replace(one, transforms=(*one.transforms, *own)) for one in known)
        self.request_init(groups(known)[0])


@variant(
    "RFC 7296, 1.2: in IKE_AUTH there is no group but NONE; that it is left out altogether is a SHOULD",
    advice={"RFC7296-1.2-21": "that is what it does not follow"},
)
class OffersNoneInAuth(IkeSa):
    """Offers NONE for the group of the first Child SA."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        offer = super().make_offer(config, with_ke=with_ke, rekeys=rekeys)
        if not with_ke:
            offer.proposals = tuple(_with_no_group(one) for one in offer.proposals)
        return offer


@variant(
    "RFC 7296, 2.7: what is accepted has one transform of each type that was offered, so NONE where that is chosen"
)
class ChoosesNoGroup(IkeSa):
    """Says NONE for the group of a Child SA where that was offered and it takes no other."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        chosen = super().choose_child(config, proposals, message)
        offered = next(one for one in proposals if one.number == chosen.number)
        left_out = _NO_GROUP in of_type(offered, TransformType.KE) and not of_type(chosen, TransformType.KE)
        return _with_no_group(chosen) if left_out else chosen
