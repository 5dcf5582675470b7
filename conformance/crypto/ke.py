"""Key exchange methods: MODP, ECP, Curve25519, Curve448, ML-KEM (RFC 7296 section 2.14 and transform type 4)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm as LibraryLacks
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.crypto import Random
from conformance.crypto.errors import CryptoError, UnsupportedAlgorithm
from conformance.crypto.modp import ModpPrivate, modp_group, modp_methods
from conformance.wire import KeMethod

try:
    from cryptography.hazmat.primitives.asymmetric import mlkem as _mlkem
except ImportError:  # older than the library's ML-KEM
    _ml_kem: Any = None
else:
    _ml_kem = _mlkem


class KeyExchange(ABC):
    """One ephemeral key: ``public`` is what the KE payload carries."""

    __slots__ = ("method", "public")

    def __init__(self, method: KeMethod, public: bytes) -> None:
        self.method = method
        self.public = public

    @abstractmethod
    def shared(self, peer_public: bytes) -> bytes:
        """The shared secret g^ir. Raises CryptoError when the peer's public value is invalid (RFC 6989)."""


class _Modp(KeyExchange):
    __slots__ = ("_private",)

    def __init__(self, method: KeMethod, random: Random) -> None:
        group = modp_group(method)
        self._private = ModpPrivate(method, group.private(random(group.private_size)))
        super().__init__(method, self._private.public)

    def shared(self, peer_public: bytes) -> bytes:
        return self._private.shared(peer_public)


class _Ecp(KeyExchange):
    """A random ECP group: the public value is x | y, the secret is x (RFC 5903 section 7, RFC 6954)."""

    __slots__ = ("_curve", "_key")

    def __init__(self, method: KeMethod, random: Random) -> None:
        self._curve = curve = _CURVES[method]
        bits = curve.key_size
        private = int.from_bytes(random((bits + 7) // 8), "big") & ((1 << bits) - 1)
        try:
            self._key = ec.derive_private_key(private, curve)
        except ValueError:
            # 0, or not below the order of the group: one bit less is, and no further random octets are drawn.
            self._key = ec.derive_private_key(private >> 1 or 1, curve)
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        super().__init__(method, point[1:])

    def shared(self, peer_public: bytes) -> bytes:
        if len(peer_public) != len(self.public):
            raise CryptoError(f"public value of {len(peer_public)} octets, {self.method} has {len(self.public)}")
        try:
            peer = ec.EllipticCurvePublicKey.from_encoded_point(self._curve, b"\x04" + peer_public)
        except ValueError as problem:
            raise CryptoError(f"public value is not a point on the curve of {self.method}") from problem
        return self._key.exchange(ec.ECDH(), peer)


class _X25519(KeyExchange):
    __slots__ = ("_key",)

    def __init__(self, method: KeMethod, random: Random) -> None:
        self._key = X25519PrivateKey.from_private_bytes(random(32))
        super().__init__(method, self._key.public_key().public_bytes_raw())

    def shared(self, peer_public: bytes) -> bytes:
        if len(peer_public) != 32:
            raise CryptoError(f"public value of {len(peer_public)} octets, Curve25519 has 32")
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(peer_public))
        except ValueError as problem:
            raise CryptoError("public value has small order: the shared secret is all zero") from problem


class _X448(KeyExchange):
    __slots__ = ("_key",)

    def __init__(self, method: KeMethod, random: Random) -> None:
        self._key = X448PrivateKey.from_private_bytes(random(56))
        super().__init__(method, self._key.public_key().public_bytes_raw())

    def shared(self, peer_public: bytes) -> bytes:
        if len(peer_public) != 56:
            raise CryptoError(f"public value of {len(peer_public)} octets, Curve448 has 56")
        try:
            return self._key.exchange(X448PublicKey.from_public_bytes(peer_public))
        except ValueError as problem:
            raise CryptoError("public value has small order: the shared secret is all zero") from problem


class _MlKem(KeyExchange):
    """The initiator of a key encapsulation: sends an encapsulation key, receives a ciphertext."""

    __slots__ = ("_key",)

    def __init__(self, method: KeMethod, random: Random) -> None:
        self._key = _ML_KEM_PRIVATE[method].from_seed_bytes(random(64))
        super().__init__(method, self._key.public_key().public_bytes_raw())

    def shared(self, peer_public: bytes) -> bytes:
        try:
            secret: bytes = self._key.decapsulate(peer_public)
        except ValueError as problem:
            raise CryptoError(f"ciphertext of {len(peer_public)} octets does not fit {self.method}") from problem
        return secret


_CURVES: dict[int, ec.EllipticCurve] = {
    KeMethod.ECP_256: ec.SECP256R1(),
    KeMethod.ECP_384: ec.SECP384R1(),
    KeMethod.ECP_521: ec.SECP521R1(),
    KeMethod.ECP_192: ec.SECP192R1(),
    KeMethod.ECP_224: ec.SECP224R1(),
    KeMethod.BRAINPOOL_P256R1: ec.BrainpoolP256R1(),
    KeMethod.BRAINPOOL_P384R1: ec.BrainpoolP384R1(),
    KeMethod.BRAINPOOL_P512R1: ec.BrainpoolP512R1(),
}


def _ml_kem_works() -> bool:
    if _ml_kem is None:
        return False
    try:
        _ml_kem.MLKEM768PrivateKey.from_seed_bytes(bytes(64))
    except LibraryLacks:
        return False
    return True


_ML_KEM_PRIVATE: dict[int, Any] = {}
_ML_KEM_PUBLIC: dict[int, Any] = {}
if _ml_kem_works():
    _ML_KEM_PRIVATE = {
        KeMethod.ML_KEM_768: _ml_kem.MLKEM768PrivateKey,
        KeMethod.ML_KEM_1024: _ml_kem.MLKEM1024PrivateKey,
    }
    _ML_KEM_PUBLIC = {
        KeMethod.ML_KEM_768: _ml_kem.MLKEM768PublicKey,
        KeMethod.ML_KEM_1024: _ml_kem.MLKEM1024PublicKey,
    }

_METHODS: dict[int, Callable[[KeMethod, Random], KeyExchange]] = {
    **dict.fromkeys(modp_methods(), _Modp),
    **dict.fromkeys(_CURVES, _Ecp),
    KeMethod.CURVE25519: _X25519,
    KeMethod.CURVE448: _X448,
    **dict.fromkeys(_ML_KEM_PRIVATE, _MlKem),
}


def ke_methods() -> frozenset[KeMethod]:
    """The key exchange methods that can be computed with the installed library."""
    return frozenset(KeMethod(method) for method in _METHODS)


def key_exchange(method: KeMethod, random: Random) -> KeyExchange:
    """A fresh ephemeral key of one side; with ML-KEM of the initiator's side. The same octets make the same key.

    Raises UnsupportedAlgorithm for a method that cannot be computed here.
    """
    try:
        made = _METHODS[method]
    except KeyError:
        raise UnsupportedAlgorithm(f"key exchange method {method!r}") from None
    return made(method, random)


def respond(method: KeMethod, peer_public: bytes, random: Random) -> tuple[bytes, bytes]:
    """The responder's half of any method: its public value (or ciphertext) and the shared secret.

    Raises CryptoError when the initiator's public value is invalid. Encapsulation draws its octets from the library, so
    with ML-KEM, and only there, ``random`` decides nothing.
    """
    if method in _ML_KEM_PUBLIC:
        try:
            secret, ciphertext = _ML_KEM_PUBLIC[method].from_public_bytes(peer_public).encapsulate()
        except ValueError as problem:
            raise CryptoError(f"encapsulation key of {len(peer_public)} octets does not fit {method}") from problem
        return ciphertext, secret
    own = key_exchange(method, random)
    return own.public, own.shared(peer_public)
