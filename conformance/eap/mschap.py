"""The computations of MS-CHAP-V2 (RFC 2759 section 8) and of its keys (RFC 3079 section 3).

Names are those of RFC 2759. Passwords are text; RFC 2759 hashes their UTF-16.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha1

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB

from conformance.eap.md4 import md4

_SIGN_1 = b"Magic server to client signing constant"
_SIGN_2 = b"Pad to make it do more than one iteration"
_MASTER = b"This is the MPPE Master Key"
_CLIENT_SENDS = b"On the client side, this is the send key; on the server side, it is the receive key."
_SERVER_SENDS = b"On the client side, this is the receive key; on the server side, it is the send key."
_PAD_1, _PAD_2 = bytes(40), b"\xf2" * 40
_PASSWORD = 512  # octets of the password in an encrypted block, its length follows


def sha(*parts: bytes) -> bytes:
    """SHA-1 of the parts, one after the other."""
    return sha1(b"".join(parts), usedforsecurity=False).digest()


@lru_cache(maxsize=64)  # MD4 is ours, in Python, and a conversation needs the hash of its password several times
def nt_password_hash(password: str) -> bytes:
    """NtPasswordHash: 16 octets."""
    return md4(password.encode("utf-16-le"))


@lru_cache(maxsize=64)
def hash_of_hash(password: str) -> bytes:
    """HashNtPasswordHash of the former: 16 octets."""
    return md4(nt_password_hash(password))


def challenge_hash(peer_challenge: bytes, authenticator_challenge: bytes, user: bytes) -> bytes:
    """ChallengeHash: 8 octets; ``user`` without any domain."""
    return sha(peer_challenge, authenticator_challenge, bare_name(user))[:8]


def bare_name(name: bytes) -> bytes:
    """The user name without the domain before its backslash (RFC 2759 section 4)."""
    return name.rpartition(b"\\")[2]


def des(key: bytes, block: bytes) -> bytes:
    """DesEncrypt of one block: the 56 bits of ``key`` without parity."""
    bits = int.from_bytes(key, "big")
    spread = bytes((bits >> 49 - 7 * place & 0x7F) << 1 for place in range(8))
    cipher = Cipher(TripleDES(spread * 3), ECB()).encryptor()
    return cipher.update(block) + cipher.finalize()


def challenge_response(challenge: bytes, password_hash: bytes) -> bytes:
    """ChallengeResponse: 24 octets from the 8 of the challenge."""
    padded = password_hash.ljust(21, b"\0")
    return b"".join(des(padded[start : start + 7], challenge) for start in (0, 7, 14))


def nt_response(auth_challenge: bytes, peer_challenge: bytes, user: bytes, password: str) -> bytes:
    """GenerateNTResponse: 24 octets."""
    return challenge_response(challenge_hash(peer_challenge, auth_challenge, user), nt_password_hash(password))


def authenticator_response(
    password: str, response: bytes, peer_challenge: bytes, auth_challenge: bytes, user: bytes
) -> bytes:
    """GenerateAuthenticatorResponse: "S=" and 40 hexadecimal digits."""
    digest = sha(hash_of_hash(password), response, _SIGN_1)
    digest = sha(digest, challenge_hash(peer_challenge, auth_challenge, user), _SIGN_2)
    return b"S=" + digest.hex().upper().encode()


def master_key(password: str, response: bytes) -> bytes:
    """GetMasterKey of RFC 3079: 16 octets."""
    return sha(hash_of_hash(password), response, _MASTER)[:16]


def start_key(master: bytes, *, client_sends: bool) -> bytes:
    """GetAsymmetricStartKey of RFC 3079 for 128 bits: 16 octets, of one direction."""
    return sha(master, _PAD_1, _CLIENT_SENDS if client_sends else _SERVER_SENDS, _PAD_2)[:16]


def msk(password: str, response: bytes) -> bytes:
    """The method's key: both start keys, what the server receives first, and zeros up to the 64 octets of an MSK."""
    master = master_key(password, response)
    return (start_key(master, client_sends=True) + start_key(master, client_sends=False)).ljust(64, b"\0")


def rc4(key: bytes, data: bytes) -> bytes:
    """RC4, both directions."""
    cipher = Cipher(ARC4(key), mode=None).encryptor()
    return cipher.update(data) + cipher.finalize()


def encrypt_new_password(new: str, old: str, padding: bytes) -> bytes:
    """NewPasswordEncryptedWithOldNtPasswordHash: 516 octets; ``padding`` is random, at least 512 octets."""
    text = new.encode("utf-16-le")
    block = (padding + text)[-_PASSWORD:] + len(text).to_bytes(4, "little")
    return rc4(nt_password_hash(old), block)


def decrypt_new_password(block: bytes, old: str) -> str | None:
    """The new password, or None where the block was not made with the old one."""
    clear = rc4(nt_password_hash(old), block)
    size = int.from_bytes(clear[_PASSWORD:], "little")
    if size > _PASSWORD or size % 2:
        return None
    try:
        return clear[_PASSWORD - size : _PASSWORD].decode("utf-16-le")
    except UnicodeDecodeError:
        return None


def old_hash_encrypted(new: str, old: str) -> bytes:
    """OldNtPasswordHashEncryptedWithNewNtPasswordHash: 16 octets."""
    hashed, key = nt_password_hash(old), nt_password_hash(new)
    return des(key[:7], hashed[:8]) + des(key[7:14], hashed[8:])
