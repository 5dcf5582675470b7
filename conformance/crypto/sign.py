"""Signatures of the AUTH payload (RFC 7296 section 2.15, RFC 4754, RFC 7427, RFC 8420)."""

from cryptography.exceptions import InvalidSignature
from cryptography.exceptions import UnsupportedAlgorithm as LibraryLacks
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from conformance.crypto.errors import CryptoError, UnsupportedAlgorithm
from conformance.crypto.sigalg import Scheme, SignatureAlgorithm, decode_algorithm, encode_algorithm
from conformance.wire import AuthMethod, HashAlgorithm

_HASHES: dict[int, hashes.HashAlgorithm] = {
    HashAlgorithm.SHA1: hashes.SHA1(),
    HashAlgorithm.SHA2_256: hashes.SHA256(),
    HashAlgorithm.SHA2_384: hashes.SHA384(),
    HashAlgorithm.SHA2_512: hashes.SHA512(),
}
# RFC 4754, section 7: the method fixes curve and hash; the last column is the size of r and of s in octets.
_RFC4754: dict[int, tuple[str, HashAlgorithm, int]] = {
    AuthMethod.ECDSA_256: ("secp256r1", HashAlgorithm.SHA2_256, 32),
    AuthMethod.ECDSA_384: ("secp384r1", HashAlgorithm.SHA2_384, 48),
    AuthMethod.ECDSA_521: ("secp521r1", HashAlgorithm.SHA2_512, 66),
}
_CURVE_HASH = {curve: digest for curve, digest, _ in _RFC4754.values()}


def _library_hash(which: HashAlgorithm) -> hashes.HashAlgorithm:
    if which not in _HASHES:
        raise UnsupportedAlgorithm(f"hash algorithm {which!r} in this signature")
    return _HASHES[which]


def kind_of(key: PrivateKeyTypes | PublicKeyTypes) -> str:
    """What sort of key it is, in words: ``RSA 2048``, ``ECDSA secp256r1``, ``Ed25519``, ``Ed448``."""
    match key:
        case rsa.RSAPrivateKey() | rsa.RSAPublicKey():
            return f"RSA {key.key_size}"
        case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey():
            return f"ECDSA {key.curve.name}"
        case Ed25519PrivateKey() | Ed25519PublicKey():
            return "Ed25519"
        case Ed448PrivateKey() | Ed448PublicKey():
            return "Ed448"
    return type(key).__name__


def classic_method(key: PrivateKeyTypes | PublicKeyTypes) -> AuthMethod | None:
    """The authentication method older than RFC 7427 that fits the key, None if there is none."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return AuthMethod.RSA_SIGNATURE
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return next((AuthMethod(m) for m, row in _RFC4754.items() if row[0] == key.curve.name), None)
    return None


def sign(
    key: PrivateKeyTypes,
    method: AuthMethod,
    data: bytes,
    *,
    hash: HashAlgorithm | None = None,  # noqa: A002
    pss: bool = False,
) -> bytes:
    """The data of an AUTH payload: the signature of ``data`` and what the method puts before it.

    Without ``hash``, RSA_SIGNATURE takes SHA-1 (RFC 7296, section 3.8) and DIGITAL_SIGNATURE the hash that suits the
    key; ``pss`` asks for RSASSA-PSS there. ECDSA takes its nonces from RFC 6979, so only RSASSA-PSS differs from one
    time to the next. Raises CryptoError when the key does not fit the method.
    """
    try:
        if method == AuthMethod.DIGITAL_SIGNATURE:
            algorithm = _algorithm_for(key, hash, pss)
            identifier = encode_algorithm(algorithm)
            return bytes((len(identifier),)) + identifier + _sign(key, algorithm, data)
        if method == AuthMethod.RSA_SIGNATURE:
            return _sign(key, SignatureAlgorithm(Scheme.RSA, hash or HashAlgorithm.SHA1), data)
        if method in _RFC4754:
            curve, digest, size = _RFC4754[method]
            _need_curve(key, method, curve)
            r, s = decode_dss_signature(_sign(key, SignatureAlgorithm(Scheme.ECDSA, hash or digest), data))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    except (ValueError, LibraryLacks) as problem:
        raise CryptoError(f"{kind_of(key)} cannot sign for {method}: {problem}") from problem
    raise UnsupportedAlgorithm(f"signing for authentication method {method!r}")


def verify(public_key: PublicKeyTypes, method: AuthMethod, data: bytes, auth_data: bytes) -> None:
    """Check the data of an AUTH payload. Raises CryptoError when the signature is not one of ``data`` by this key."""
    if method == AuthMethod.DIGITAL_SIGNATURE:
        identifier, signature = _split(auth_data)
        algorithms = [decode_algorithm(identifier)]
    elif method == AuthMethod.RSA_SIGNATURE:
        signature = auth_data
        algorithms = [SignatureAlgorithm(Scheme.RSA, HashAlgorithm(digest)) for digest in _HASHES]
    elif method in _RFC4754:
        curve, digest, size = _RFC4754[method]
        _need_curve(public_key, method, curve)
        if len(auth_data) != 2 * size:
            raise CryptoError(f"signature of {len(auth_data)} octets, {method} has {2 * size}")
        r, s = int.from_bytes(auth_data[:size], "big"), int.from_bytes(auth_data[size:], "big")
        signature = encode_dss_signature(r, s)
        algorithms = [SignatureAlgorithm(Scheme.ECDSA, digest)]
    else:
        raise UnsupportedAlgorithm(f"verifying authentication method {method!r}")
    for algorithm in algorithms:
        try:
            return _verify(public_key, algorithm, data, signature)
        except InvalidSignature:
            continue
        except (ValueError, LibraryLacks) as problem:
            raise CryptoError(f"{kind_of(public_key)} cannot verify {algorithm}: {problem}") from problem
    raise CryptoError("the signature does not verify")


def signature_algorithm(auth_data: bytes) -> SignatureAlgorithm:
    """The algorithm that the AUTH payload of a DIGITAL_SIGNATURE names.

    Raises CryptoError for a malformed prefix, UnsupportedAlgorithm for an unknown algorithm.
    """
    return decode_algorithm(_split(auth_data)[0])


def signature_name(auth_data: bytes) -> str:
    """The same for a person to read, such as ``RSASSA-PSS with SHA-256, salt 32``; never raises."""
    try:
        return str(signature_algorithm(auth_data))
    except CryptoError as problem:
        return str(problem)


def _split(auth_data: bytes) -> tuple[bytes, bytes]:
    """AlgorithmIdentifier and signature (RFC 7427, section 3)."""
    if not auth_data or len(auth_data) <= auth_data[0]:
        raise CryptoError("the AlgorithmIdentifier reaches beyond the AUTH payload")
    end = 1 + auth_data[0]
    return auth_data[1:end], auth_data[end:]


def _need_curve(key: PrivateKeyTypes | PublicKeyTypes, method: AuthMethod, curve: str) -> None:
    fits = isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) and key.curve.name == curve
    if not fits:
        raise CryptoError(f"{method} needs a key on {curve}, got {kind_of(key)}")


def _algorithm_for(key: PrivateKeyTypes, wanted: HashAlgorithm | None, pss: bool) -> SignatureAlgorithm:
    match key:
        case rsa.RSAPrivateKey():
            digest = wanted or HashAlgorithm.SHA2_256
            if pss:
                return SignatureAlgorithm(Scheme.PSS, digest, digest, _library_hash(digest).digest_size)
            return SignatureAlgorithm(Scheme.RSA, digest)
        case ec.EllipticCurvePrivateKey():
            return SignatureAlgorithm(Scheme.ECDSA, wanted or _CURVE_HASH.get(key.curve.name, HashAlgorithm.SHA2_256))
        case Ed25519PrivateKey():
            return SignatureAlgorithm(Scheme.ED25519, wanted or HashAlgorithm.IDENTITY)
        case Ed448PrivateKey():
            return SignatureAlgorithm(Scheme.ED448, wanted or HashAlgorithm.IDENTITY)
    raise UnsupportedAlgorithm(f"signing with a key of type {kind_of(key)}")


def _rsa_padding(algorithm: SignatureAlgorithm) -> padding.AsymmetricPadding:
    if algorithm.scheme is Scheme.RSA:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(_library_hash(algorithm.mgf_hash or algorithm.hash)), algorithm.salt)


def _sign(key: PrivateKeyTypes, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
    match algorithm.scheme, key:
        case ((Scheme.RSA | Scheme.PSS), rsa.RSAPrivateKey()):
            return key.sign(data, _rsa_padding(algorithm), _library_hash(algorithm.hash))
        case Scheme.ECDSA, ec.EllipticCurvePrivateKey():
            return key.sign(data, ec.ECDSA(_library_hash(algorithm.hash), deterministic_signing=True))
        case Scheme.ED25519, Ed25519PrivateKey():
            return key.sign(data)
        case Scheme.ED448, Ed448PrivateKey():
            return key.sign(data)
    raise CryptoError(f"{algorithm} needs another key than {kind_of(key)}")


def _verify(key: PublicKeyTypes, algorithm: SignatureAlgorithm, data: bytes, signature: bytes) -> None:
    match algorithm.scheme, key:
        case ((Scheme.RSA | Scheme.PSS), rsa.RSAPublicKey()):
            key.verify(signature, data, _rsa_padding(algorithm), _library_hash(algorithm.hash))
        case Scheme.ECDSA, ec.EllipticCurvePublicKey():
            key.verify(signature, data, ec.ECDSA(_library_hash(algorithm.hash)))
        case Scheme.ED25519, Ed25519PublicKey():
            key.verify(signature, data)
        case Scheme.ED448, Ed448PublicKey():
            key.verify(signature, data)
        case _:
            raise CryptoError(f"{algorithm} needs another key than {kind_of(key)}")
