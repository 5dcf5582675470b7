"""Encryption as SK payloads and ESP use it (RFC 7296 section 3.14, RFC 4303, RFC 5282, RFC 8221)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from conformance.crypto.errors import CryptoError, UnsupportedAlgorithm
from conformance.crypto.integ import Integrity, integrity
from conformance.crypto.keyed import Aead, AesCtr, BlockCbc, Gmac, KeyedCipher, Null, ShortGcm
from conformance.wire import Encr, Integ

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import Camellia
except ImportError:  # the library moved it in a later version than the one that suffices here
    from cryptography.hazmat.primitives.ciphers.algorithms import Camellia

__all__ = ["Cipher", "KeyedCipher", "cipher", "ciphers"]

_Maker = Callable[[bytes, bytes, Integrity], KeyedCipher]


@dataclass(frozen=True, slots=True)
class Cipher:
    """A cipher with its integrity algorithm, or a combined-mode cipher (``aead``); sizes in octets.

    ``key_size`` is what key derivation takes for SK_e or ESP: the key with the salt or nonce that follows it.
    ``block_size`` is the multiple that padding makes, 1 where there is none to make. ``implicit_iv`` says that the IV
    is the sequence number and is not sent (RFC 8750): ``iv_size`` octets go into `KeyedCipher.seal`, none into the
    packet.
    """

    encr: Encr
    key_bits: int | None
    integ: Integ
    key_size: int
    integ_key_size: int
    iv_size: int
    block_size: int
    icv_size: int
    aead: bool
    implicit_iv: bool = False
    _make: _Maker = field(repr=False, compare=False, kw_only=True)

    def keyed(self, encryption_key: bytes, integrity_key: bytes) -> KeyedCipher:
        """The cipher with the keys of one direction. Raises CryptoError when their lengths are wrong."""
        if len(encryption_key) != self.key_size:
            raise CryptoError(f"{self.encr} needs {self.key_size} octets of key material, got {len(encryption_key)}")
        if len(integrity_key) != self.integ_key_size:
            raise CryptoError(f"{self.integ} needs a key of {self.integ_key_size} octets, got {len(integrity_key)}")
        return self._make(encryption_key, integrity_key, integrity(self.integ))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a row of the table below says of a cipher; ``key_bits`` are the allowed key lengths, first the default."""

    key_bits: tuple[int, ...]
    salt: int
    iv_size: int
    block_size: int
    make: _Maker
    icv_size: int = 0
    variable: bool = True
    aead: bool = False
    implicit_iv: bool = False


def _des_as_triple_des(key: bytes) -> TripleDES:
    # Three equal keys make EDE a single DES, which the library has not under its own name.
    return TripleDES(key * 3)


def _gcm(icv: int) -> _Maker:
    if icv == 16:
        return lambda key, _mac_key, _mac: Aead(AESGCM(key[:-4]), key[-4:])
    return lambda key, _mac_key, _mac: ShortGcm(key[:-4], key[-4:], icv)


def _ccm(icv: int) -> _Maker:
    return lambda key, _mac_key, _mac: Aead(AESCCM(key[:-3], icv), key[-3:])


def _chacha(key: bytes, _mac_key: bytes, _mac: Integrity) -> KeyedCipher:
    return Aead(ChaCha20Poly1305(key[:-4]), key[-4:])


_AES = (128, 192, 256)
_GMAC: _Maker = lambda key, _mac_key, _mac: Gmac(AESGCM(key[:-4]), key[-4:])  # noqa: E731
_CTR: _Maker = lambda key, mac_key, mac: AesCtr(key[:-4], key[-4:], mac_key, mac)  # noqa: E731


def _cbc(algorithm: Callable[[bytes], AES | Camellia | TripleDES]) -> _Maker:
    return lambda key, mac_key, mac: BlockCbc(algorithm(key), mac_key, mac)


_SHAPES: dict[int, _Shape] = {
    Encr.NULL: _Shape((0,), 0, 0, 1, lambda _key, mac_key, mac: Null(mac_key, mac), variable=False),
    Encr.DES: _Shape((64,), 0, 8, 8, _cbc(_des_as_triple_des), variable=False),
    Encr.TRIPLE_DES: _Shape((192,), 0, 8, 8, _cbc(TripleDES), variable=False),
    Encr.AES_CBC: _Shape(_AES, 0, 16, 16, _cbc(AES)),
    Encr.CAMELLIA_CBC: _Shape(_AES, 0, 16, 16, _cbc(Camellia)),
    Encr.AES_CTR: _Shape(_AES, 4, 8, 1, _CTR),
    Encr.AES_GCM_8: _Shape(_AES, 4, 8, 1, _gcm(8), 8, aead=True),
    Encr.AES_GCM_12: _Shape(_AES, 4, 8, 1, _gcm(12), 12, aead=True),
    Encr.AES_GCM_16: _Shape(_AES, 4, 8, 1, _gcm(16), 16, aead=True),
    Encr.AES_GCM_16_IIV: _Shape(_AES, 4, 8, 1, _gcm(16), 16, aead=True, implicit_iv=True),
    Encr.AES_CCM_8: _Shape(_AES, 3, 8, 1, _ccm(8), 8, aead=True),
    Encr.AES_CCM_8_IIV: _Shape(_AES, 3, 8, 1, _ccm(8), 8, aead=True, implicit_iv=True),
    Encr.AES_CCM_12: _Shape(_AES, 3, 8, 1, _ccm(12), 12, aead=True),
    Encr.AES_CCM_16: _Shape(_AES, 3, 8, 1, _ccm(16), 16, aead=True),
    Encr.NULL_AUTH_AES_GMAC: _Shape(_AES, 4, 8, 1, _GMAC, 16, aead=True),
    Encr.CHACHA20_POLY1305: _Shape((256,), 4, 8, 1, _chacha, 16, variable=False, aead=True),
    Encr.CHACHA20_POLY1305_IIV: _Shape((256,), 4, 8, 1, _chacha, 16, variable=False, aead=True, implicit_iv=True),
}


@lru_cache(maxsize=256)
def cipher(encr: Encr, key_bits: int | None, integ: Integ = Integ.NONE) -> Cipher:
    """The cipher of an encryption transform and its Key Length attribute, with an integrity transform beside it.

    ``key_bits`` is None for ciphers with a fixed key length, and must not be for others (RFC 7296, section 3.3.5).
    Raises UnsupportedAlgorithm for a transform that cannot be computed here, CryptoError for a key length that the
    cipher does not have and for a combined-mode cipher with an integrity algorithm (RFC 5282, section 8). A plain
    cipher with ``Integ.NONE`` is allowed, for tests: it has no ICV.
    """
    try:
        shape = _SHAPES[encr]
    except KeyError:
        raise UnsupportedAlgorithm(f"encryption algorithm {encr!r}") from None
    mac = integrity(integ)
    if shape.aead and integ != Integ.NONE:
        raise CryptoError(f"{encr} is a combined-mode cipher and takes no integrity algorithm, got {integ}")
    if key_bits is None and shape.variable:
        raise CryptoError(f"{encr} needs a Key Length attribute")
    bits = shape.key_bits[0] if key_bits is None else key_bits
    if bits not in shape.key_bits:
        allowed = ", ".join(map(str, shape.key_bits))
        raise CryptoError(f"{encr} has no key of {bits} bits, only of {allowed}")
    return Cipher(
        encr,
        key_bits,
        integ,
        key_size=bits // 8 + shape.salt,
        integ_key_size=mac.key_size,
        iv_size=shape.iv_size,
        block_size=shape.block_size,
        icv_size=shape.icv_size or mac.icv_size,
        aead=shape.aead,
        implicit_iv=shape.implicit_iv,
        _make=shape.make,
    )


def ciphers() -> frozenset[Encr]:
    """The encryption algorithms that can be computed."""
    return frozenset(Encr(number) for number in _SHAPES)
