"""Message authentication codes on AES: XCBC (RFC 3566) and CMAC (RFC 4493, RFC 4494), 128 bits each."""

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from conformance.crypto.errors import CryptoError

BLOCK = 16
_ZERO_IV = modes.CBC(bytes(BLOCK))
_CONSTANTS = b"\x01" * BLOCK + b"\x02" * BLOCK + b"\x03" * BLOCK


def aes_xcbc(key: bytes, data: bytes) -> bytes:
    """AES-XCBC-MAC with a 128-bit key, all 16 octets of it (RFC 3566, section 4). Raises CryptoError on other keys.

    XCBC is CBC-MAC under K1 whose last block is combined with K2 when it is full and with K3 when it is padded.
    """
    if len(key) != BLOCK:
        raise CryptoError(f"AES-XCBC needs a key of 16 octets, got {len(key)}")
    keys = Cipher(AES(key), modes.ECB()).encryptor().update(_CONSTANTS)
    full = (max(len(data), 1) - 1) // BLOCK * BLOCK
    last = data[full:]
    if len(last) == BLOCK:
        mask = keys[BLOCK : 2 * BLOCK]
    else:
        last = last + b"\x80" + bytes(BLOCK - 1 - len(last))
        mask = keys[2 * BLOCK :]
    combined = (int.from_bytes(last, "big") ^ int.from_bytes(mask, "big")).to_bytes(BLOCK, "big")
    chain = Cipher(AES(keys[:BLOCK]), _ZERO_IV).encryptor().update(data[:full] + combined)
    return chain[-BLOCK:]


def aes_cmac(key: bytes, data: bytes) -> bytes:
    """AES-CMAC with a 128-bit key, all 16 octets of it (RFC 4493). Raises CryptoError on other keys."""
    if len(key) != BLOCK:
        raise CryptoError(f"AES-CMAC needs a key of 16 octets, got {len(key)}")
    mac = CMAC(AES(key))
    mac.update(data)
    return mac.finalize()
