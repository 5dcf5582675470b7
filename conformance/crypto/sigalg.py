"""Signature algorithms as RFC 7427 names them: DER AlgorithmIdentifiers before the signature."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from conformance.crypto.errors import CryptoError, UnsupportedAlgorithm
from conformance.wire import HashAlgorithm

_SEQUENCE, _OID, _INTEGER, _NULL = 0x30, 0x06, 0x02, b"\x05\x00"
_RSA = "1.2.840.113549.1.1."
_PSS_OID, _MGF1_OID = _RSA + "10", _RSA + "8"


class Scheme(Enum):
    """A family of signatures; the value is how it is called in texts."""

    RSA = "RSA PKCS#1 v1.5"
    PSS = "RSASSA-PSS"
    ECDSA = "ECDSA"
    ED25519 = "Ed25519"
    ED448 = "Ed448"


_HASH_NAMES: dict[HashAlgorithm | None, str] = {
    HashAlgorithm.SHA1: "SHA-1",
    HashAlgorithm.SHA2_256: "SHA-256",
    HashAlgorithm.SHA2_384: "SHA-384",
    HashAlgorithm.SHA2_512: "SHA-512",
}
_HASH_OIDS = {
    "1.3.14.3.2.26": HashAlgorithm.SHA1,
    "2.16.840.1.101.3.4.2.1": HashAlgorithm.SHA2_256,
    "2.16.840.1.101.3.4.2.2": HashAlgorithm.SHA2_384,
    "2.16.840.1.101.3.4.2.3": HashAlgorithm.SHA2_512,
}
_SIGNATURE_OIDS = {
    _RSA + "5": (Scheme.RSA, HashAlgorithm.SHA1),
    _RSA + "11": (Scheme.RSA, HashAlgorithm.SHA2_256),
    _RSA + "12": (Scheme.RSA, HashAlgorithm.SHA2_384),
    _RSA + "13": (Scheme.RSA, HashAlgorithm.SHA2_512),
    "1.2.840.10045.4.1": (Scheme.ECDSA, HashAlgorithm.SHA1),
    "1.2.840.10045.4.3.2": (Scheme.ECDSA, HashAlgorithm.SHA2_256),
    "1.2.840.10045.4.3.3": (Scheme.ECDSA, HashAlgorithm.SHA2_384),
    "1.2.840.10045.4.3.4": (Scheme.ECDSA, HashAlgorithm.SHA2_512),
    "1.3.101.112": (Scheme.ED25519, HashAlgorithm.IDENTITY),
    "1.3.101.113": (Scheme.ED448, HashAlgorithm.IDENTITY),
}


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """A scheme with its hash; ``mgf_hash`` and ``salt`` (octets) matter to RSASSA-PSS only."""

    scheme: Scheme
    hash: HashAlgorithm
    mgf_hash: HashAlgorithm | None = None
    salt: int = 0

    def __str__(self) -> str:
        if self.hash == HashAlgorithm.IDENTITY:
            return self.scheme.value
        text = f"{self.scheme.value} with {_HASH_NAMES.get(self.hash, self.hash)}"
        if self.scheme is not Scheme.PSS:
            return text
        mgf = (
            "" if self.mgf_hash in (self.hash, None) else f", MGF1 with {_HASH_NAMES.get(self.mgf_hash, self.mgf_hash)}"
        )
        return f"{text}{mgf}, salt {self.salt}"


def _tlv(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    if len(body) > 127:
        raise CryptoError(f"AlgorithmIdentifier of more than 127 octets ({len(body)})")
    return bytes((tag, len(body))) + body


def _oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    body = bytearray()
    for arc in (40 * first + second, *rest):
        digits = [arc & 127]
        while arc := arc >> 7:
            digits.append(arc & 127 | 128)
        body += bytes(reversed(digits))
    return _tlv(_OID, bytes(body))


def _oid_of_hash(wanted: HashAlgorithm) -> bytes:
    return next(_oid(text) for text, value in _HASH_OIDS.items() if value == wanted)


@lru_cache(maxsize=64)
def encode_algorithm(algorithm: SignatureAlgorithm) -> bytes:
    """The DER AlgorithmIdentifier (RFC 7427 appendix A, RFC 8420 appendix A)."""
    if algorithm.scheme is Scheme.PSS:
        digest = _tlv(_SEQUENCE, _oid_of_hash(algorithm.hash), _NULL)
        mgf = _tlv(_SEQUENCE, _oid_of_hash(algorithm.mgf_hash or algorithm.hash), _NULL)
        generator = _tlv(_SEQUENCE, _oid(_MGF1_OID), mgf)
        salt = _tlv(_INTEGER, bytes((algorithm.salt,)))
        # DER leaves out what has its default value: SHA-1 and a salt of 20 octets (RFC 4055, section 3.1).
        parts = [
            _tlv(0xA0, digest) if algorithm.hash != HashAlgorithm.SHA1 else b"",
            _tlv(0xA1, generator) if algorithm.mgf_hash not in (None, HashAlgorithm.SHA1) else b"",
            _tlv(0xA2, salt) if algorithm.salt != 20 else b"",
        ]
        return _tlv(_SEQUENCE, _oid(_PSS_OID), _tlv(_SEQUENCE, *parts))
    wanted = (algorithm.scheme, algorithm.hash)
    oid = next((text for text, value in _SIGNATURE_OIDS.items() if value == wanted), None)
    if oid is None:
        raise UnsupportedAlgorithm(f"signature algorithm {algorithm.scheme.value} with hash {algorithm.hash}")
    return _tlv(_SEQUENCE, _oid(oid), _NULL if algorithm.scheme is Scheme.RSA else b"")


def _take(data: bytes, tag: int | None = None) -> tuple[int, bytes, bytes]:
    """The first element of DER data: its tag, its content, the rest. Only lengths below 128 occur here."""
    if len(data) < 2 or data[1] > 127 or len(data) < 2 + data[1]:
        raise CryptoError(f"AlgorithmIdentifier is no DER: {data.hex() or 'empty'}")
    if tag is not None and data[0] != tag:
        raise CryptoError(f"AlgorithmIdentifier has tag 0x{data[0]:02x} where 0x{tag:02x} belongs")
    end = 2 + data[1]
    return data[0], data[2:end], data[end:]


def _take_oid(data: bytes) -> tuple[str, bytes]:
    _, body, rest = _take(data, _OID)
    arcs, value = [], 0
    for octet in body:
        value = value << 7 | octet & 127
        if octet < 128:
            arcs.append(value)
            value = 0
    if not arcs or body[-1] > 127:
        raise CryptoError(f"AlgorithmIdentifier has a malformed OID {body.hex()}")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:]))), rest


def _take_hash(data: bytes) -> HashAlgorithm:
    _, body, _ = _take(data, _SEQUENCE)
    oid, parameters = _take_oid(body)
    if parameters not in (b"", _NULL) or oid not in _HASH_OIDS:
        raise UnsupportedAlgorithm(f"hash algorithm {oid} in RSASSA-PSS")
    return _HASH_OIDS[oid]


def _pss(parameters: bytes) -> SignatureAlgorithm:
    digest, mgf_hash, salt = HashAlgorithm.SHA1, HashAlgorithm.SHA1, 20
    _, rest, after = _take(parameters, _SEQUENCE)
    if after:
        raise CryptoError("octets after the parameters of RSASSA-PSS")
    while rest:
        tag, content, rest = _take(rest)
        if tag == 0xA0:
            digest = _take_hash(content)
        elif tag == 0xA1:
            oid, inner = _take_oid(_take(content, _SEQUENCE)[1])
            if oid != _MGF1_OID:
                raise UnsupportedAlgorithm(f"mask generation function {oid} in RSASSA-PSS")
            mgf_hash = _take_hash(inner)
        elif tag == 0xA2:
            salt = int.from_bytes(_take(content, _INTEGER)[1], "big", signed=True)
        elif tag != 0xA3 or content != b"\x02\x01\x01":
            raise CryptoError(f"RSASSA-PSS parameters hold tag 0x{tag:02x} with {content.hex()}")
    if not 0 <= salt < 65536:
        raise CryptoError(f"RSASSA-PSS with a salt of {salt} octets")
    return SignatureAlgorithm(Scheme.PSS, digest, mgf_hash, salt)


@lru_cache(maxsize=64)
def decode_algorithm(der: bytes) -> SignatureAlgorithm:
    """Read an AlgorithmIdentifier. Raises CryptoError for bad DER, UnsupportedAlgorithm for an unknown OID."""
    _, body, after = _take(der, _SEQUENCE)
    if after:
        raise CryptoError(f"{len(after)} octets after the AlgorithmIdentifier")
    oid, parameters = _take_oid(body)
    if oid == _PSS_OID:
        return _pss(parameters)
    if oid not in _SIGNATURE_OIDS:
        raise UnsupportedAlgorithm(f"signature algorithm {oid}")
    scheme, digest = _SIGNATURE_OIDS[oid]
    if parameters not in ((b"", _NULL) if scheme is Scheme.RSA else (b"",)):
        raise CryptoError(f"parameters {parameters.hex()} with {scheme.value}, which has none")
    return SignatureAlgorithm(scheme, digest)
