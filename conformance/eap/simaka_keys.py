"""Keys of EAP-SIM (RFC 4186 section 7), EAP-AKA (RFC 4187 section 7) and EAP-AKA' (RFC 9048 section 3.3)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from hashlib import sha1, sha256

from conformance.eap.fips186 import expand

PRIME_LABEL, PRIME_REAUTH_LABEL = b"EAP-AKA'", b"EAP-AKA' re-auth"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a full authentication gives; ``root`` is what fast re-authentications start from (MK, or K_re of AKA')."""

    k_encr: bytes
    k_aut: bytes
    root: bytes
    msk: bytes
    emsk: bytes


def _cut(stream: bytes, *sizes: int) -> list[bytes]:
    parts, offset = [], 0
    for size in sizes:
        parts.append(stream[offset : offset + size])
        offset += size
    return parts


def _from_master(master: bytes) -> Keys:
    k_encr, k_aut, msk, emsk = _cut(expand(master, 160), 16, 16, 64, 64)
    return Keys(k_encr, k_aut, master, msk, emsk)


def sim_keys(identity: bytes, kcs: tuple[bytes, ...], nonce: bytes, versions: bytes, selected: int) -> Keys:
    """Keys of EAP-SIM; ``versions`` as in AT_VERSION_LIST."""
    seed = identity + b"".join(kcs) + nonce + versions + selected.to_bytes(2, "big")
    return _from_master(sha1(seed, usedforsecurity=False).digest())


def aka_keys(identity: bytes, ik: bytes, ck: bytes) -> Keys:
    """Keys of EAP-AKA."""
    return _from_master(sha1(identity + ik + ck, usedforsecurity=False).digest())


def reauthenticated(keys: Keys, identity: bytes, counter: int, nonce: bytes) -> Keys:
    """Keys of EAP-SIM and EAP-AKA after a fast re-authentication."""
    seed = identity + counter.to_bytes(2, "big") + nonce + keys.root
    msk, emsk = _cut(expand(sha1(seed, usedforsecurity=False).digest(), 128), 64, 64)
    return replace(keys, msk=msk, emsk=emsk)


# --- AKA' -------------------------------------------------------------------------------------------------------------


def prime_ck_ik(ck: bytes, ik: bytes, network: bytes, hidden_sqn: bytes) -> tuple[bytes, bytes]:
    """CK' and IK' (3GPP TS 33.402 annex A.2); ``hidden_sqn`` is SQN xor AK, the first 6 octets of AUTN."""
    text = b"\x20" + network + len(network).to_bytes(2, "big") + hidden_sqn + len(hidden_sqn).to_bytes(2, "big")
    both = hmac.digest(ck + ik, text, sha256)
    return both[:16], both[16:]


def prime_expand(key: bytes, text: bytes, size: int) -> bytes:
    """PRF' of RFC 9048 section 3.4."""
    out = block = b""
    while len(out) < size:
        block = hmac.digest(key, block + text + bytes((len(out) // 32 + 1,)), sha256)
        out += block
    return out[:size]


def prime_keys(identity: bytes, ck_prime: bytes, ik_prime: bytes) -> Keys:
    """Keys of EAP-AKA'."""
    stream = prime_expand(ik_prime + ck_prime, PRIME_LABEL + identity, 208)
    return Keys(*_cut(stream, 16, 32, 32, 64, 64))


def prime_reauthenticated(keys: Keys, identity: bytes, counter: int, nonce: bytes) -> Keys:
    """Keys of EAP-AKA' after a fast re-authentication."""
    text = PRIME_REAUTH_LABEL + identity + counter.to_bytes(2, "big") + nonce
    msk, emsk = _cut(prime_expand(keys.root, text, 128), 64, 64)
    return replace(keys, msk=msk, emsk=emsk)
