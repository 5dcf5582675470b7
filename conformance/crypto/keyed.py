"""Ciphers that hold their keys: one object for each direction of an SA."""

from abc import ABC, abstractmethod
from hmac import compare_digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as LibraryCipher
from cryptography.hazmat.primitives.ciphers import CipherAlgorithm, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from conformance.crypto.errors import CryptoError, IntegrityError
from conformance.crypto.integ import Integrity


class KeyedCipher(ABC):
    """Protects and opens what stands after the IV. ``aad`` is everything before the IV.

    ``tail`` are the high-order 32 bits of an extended sequence number, which a separate integrity algorithm covers
    after the ciphertext (RFC 4303, section 2.2.1). Combined-mode ciphers have them inside ``aad`` and refuse a tail.
    """

    __slots__ = ()

    @abstractmethod
    def seal(self, iv: bytes, plaintext: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """Ciphertext | ICV. Raises CryptoError for a plaintext or an IV that does not fit the mode."""

    @abstractmethod
    def open(self, iv: bytes, data: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """The plaintext of ciphertext | ICV. Raises IntegrityError when the ICV is wrong or missing."""


def _refuse(tail: bytes) -> None:
    if tail:
        raise CryptoError("a combined-mode cipher has the extended sequence number in its associated data")


class Aead(KeyedCipher):
    """GCM with a full tag, CCM, ChaCha20-Poly1305: the nonce is salt | IV (RFC 4106, RFC 4309, RFC 7634)."""

    __slots__ = ("_cipher", "_salt")

    def __init__(self, cipher: AESGCM | AESCCM | ChaCha20Poly1305, salt: bytes) -> None:
        self._cipher = cipher
        self._salt = salt

    def seal(self, iv: bytes, plaintext: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """Ciphertext and tag as the library makes them."""
        if tail:
            _refuse(tail)
        try:
            return self._cipher.encrypt(self._salt + iv, plaintext, aad)
        except ValueError as problem:
            raise CryptoError(f"IV of {len(iv)} octets: {problem}") from problem

    def open(self, iv: bytes, data: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """The plaintext, once the library has accepted the tag."""
        if tail:
            _refuse(tail)
        try:
            return self._cipher.decrypt(self._salt + iv, data, aad)
        except (InvalidTag, ValueError) as problem:
            raise IntegrityError("the ICV is wrong") from problem


class ShortGcm(KeyedCipher):
    """GCM with an ICV of 8 or 12 octets (RFC 4106, section 6)."""

    __slots__ = ("_full", "_icv_size", "_key", "_salt")

    def __init__(self, key: bytes, salt: bytes, icv_size: int) -> None:
        self._full = Aead(AESGCM(key), salt)
        self._key = AES(key)
        self._salt = salt
        self._icv_size = icv_size

    def seal(self, iv: bytes, plaintext: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """As with a full tag, of which the first octets are kept."""
        return self._full.seal(iv, plaintext, aad, tail)[: len(plaintext) + self._icv_size]

    def open(self, iv: bytes, data: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """The plaintext, once the octets of the tag that came have been accepted."""
        _refuse(tail)
        size = self._icv_size
        if len(data) < size:
            raise IntegrityError(f"{len(data)} octets cannot hold an ICV of {size}")
        text, icv = data[:-size], data[-size:]
        try:
            context = LibraryCipher(self._key, modes.GCM(self._salt + iv, icv, min_tag_length=size)).decryptor()
            context.authenticate_additional_data(aad)
            return context.update(text) + context.finalize()
        except (InvalidTag, ValueError) as problem:
            raise IntegrityError("the ICV is wrong") from problem


class Gmac(KeyedCipher):
    """ENCR_NULL_AUTH_AES_GMAC: no encryption, an ICV over everything including the IV (RFC 4543, section 3)."""

    __slots__ = ("_cipher",)

    def __init__(self, cipher: AESGCM, salt: bytes) -> None:
        self._cipher = Aead(cipher, salt)

    def seal(self, iv: bytes, plaintext: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """The plaintext as it is, and the ICV."""
        return plaintext + self._cipher.seal(iv, b"", aad + iv + plaintext, tail)

    def open(self, iv: bytes, data: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """What came, without the ICV."""
        text, icv = data[:-16], data[-16:]
        self._cipher.open(iv, icv, aad + iv + text, tail)
        return text


class _WithMac(KeyedCipher):
    """Encrypt, then authenticate aad | IV | ciphertext | tail (RFC 7296 section 3.14, RFC 4303 section 3.3.2)."""

    __slots__ = ("_icv_size", "_mac", "_mac_key")

    def __init__(self, mac_key: bytes, integrity: Integrity) -> None:
        self._mac = integrity.mac
        self._mac_key = mac_key
        self._icv_size = integrity.icv_size

    def _encrypt(self, iv: bytes, plaintext: bytes) -> bytes:
        return plaintext

    def _decrypt(self, iv: bytes, ciphertext: bytes) -> bytes:
        return ciphertext

    def seal(self, iv: bytes, plaintext: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """Encrypt and append the ICV."""
        try:
            ciphertext = self._encrypt(iv, plaintext)
        except ValueError as problem:
            raise CryptoError(f"IV of {len(iv)}, plaintext of {len(plaintext)} octets: {problem}") from problem
        return ciphertext + self._mac(self._mac_key, aad + iv + ciphertext + tail)

    def open(self, iv: bytes, data: bytes, aad: bytes, tail: bytes = b"") -> bytes:
        """Check the ICV, then decrypt."""
        end = len(data) - self._icv_size
        if end < 0:
            raise IntegrityError(f"{len(data)} octets cannot hold an ICV of {self._icv_size}")
        ciphertext = data[:end]
        if not compare_digest(self._mac(self._mac_key, aad + iv + ciphertext + tail), data[end:]):
            raise IntegrityError("the ICV is wrong")
        try:
            return self._decrypt(iv, ciphertext)
        except ValueError as problem:
            raise IntegrityError(f"IV of {len(iv)}, ciphertext of {len(ciphertext)} octets: {problem}") from problem


class Null(_WithMac):
    """ENCR_NULL (RFC 2410) with an integrity algorithm."""

    __slots__ = ()


class BlockCbc(_WithMac):
    """A block cipher in CBC mode (RFC 2451, RFC 3602, RFC 5529)."""

    __slots__ = ("_algorithm",)

    def __init__(self, algorithm: CipherAlgorithm, mac_key: bytes, integrity: Integrity) -> None:
        super().__init__(mac_key, integrity)
        self._algorithm = algorithm

    def _encrypt(self, iv: bytes, plaintext: bytes) -> bytes:
        context = LibraryCipher(self._algorithm, modes.CBC(iv)).encryptor()
        return context.update(plaintext) + context.finalize()

    def _decrypt(self, iv: bytes, ciphertext: bytes) -> bytes:
        context = LibraryCipher(self._algorithm, modes.CBC(iv)).decryptor()
        return context.update(ciphertext) + context.finalize()


class AesCtr(_WithMac):
    """AES in counter mode: the counter block is nonce | IV | 1 (RFC 3686, RFC 5930)."""

    __slots__ = ("_algorithm", "_nonce")

    def __init__(self, key: bytes, nonce: bytes, mac_key: bytes, integrity: Integrity) -> None:
        super().__init__(mac_key, integrity)
        self._algorithm = AES(key)
        self._nonce = nonce

    def _encrypt(self, iv: bytes, plaintext: bytes) -> bytes:
        block = self._nonce + iv + b"\x00\x00\x00\x01"
        return LibraryCipher(self._algorithm, modes.CTR(block)).encryptor().update(plaintext)

    def _decrypt(self, iv: bytes, ciphertext: bytes) -> bytes:
        return self._encrypt(iv, ciphertext)
