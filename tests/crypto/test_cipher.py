"""Ciphers against the vectors of their RFCs, and how they refuse what was changed on the way."""

from itertools import product
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as LibraryCipher
from cryptography.hazmat.primitives.ciphers import modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from conformance.crypto import CryptoError, IntegrityError, UnsupportedAlgorithm
from conformance.crypto.cipher import KeyedCipher, cipher, ciphers
from conformance.crypto.integ import integrities, integrity
from conformance.wire import Encr, Integ
from tests.crypto.loading import unhex, vectors

CCM = {Encr.AES_CCM_8: 8, Encr.AES_CCM_8_IIV: 8, Encr.AES_CCM_12: 12, Encr.AES_CCM_16: 16}
FIXED = {Encr.NULL, Encr.DES, Encr.TRIPLE_DES, Encr.CHACHA20_POLY1305, Encr.CHACHA20_POLY1305_IIV}
MACS = (Integ.HMAC_SHA2_256_128, Integ.AES_XCBC_96, Integ.NONE)


def every_cipher() -> list[tuple[Encr, int | None, Integ]]:
    found: list[tuple[Encr, int | None, Integ]] = []
    for encr in sorted(ciphers()):
        for bits in (None,) if encr in FIXED else (128, 192, 256):
            aead = cipher(encr, bits).aead
            found += [(encr, bits, integ) for integ in ((Integ.NONE,) if aead else MACS)]
    return found


def keyed(encr: Encr, bits: int | None, integ: Integ) -> KeyedCipher:
    scheme = cipher(encr, bits, integ)
    return scheme.keyed(bytes(range(scheme.key_size)), bytes(range(100, 100 + scheme.integ_key_size)))


@pytest.mark.parametrize("case", vectors("ciphers"), ids=lambda case: f"{case['encr']}: {case['source']}")
def test_vector(case: dict[str, Any]) -> None:
    scheme = cipher(Encr[case["encr"]], case["key_bits"])
    key, iv, aad, text, sealed = (unhex(case[name]) for name in ("key", "iv", "aad", "plaintext", "sealed"))
    assert (scheme.key_size, scheme.iv_size, scheme.icv_size) == (len(key), len(iv), len(sealed) - len(text))
    made = scheme.keyed(key, b"")
    assert made.seal(iv, text, aad) == sealed
    assert made.open(iv, sealed, aad) == text


def test_every_cipher_has_a_vector() -> None:
    assert ciphers() - {Encr[case["encr"]] for case in vectors("ciphers")} == {Encr.NULL, *CCM}


def ccm_of_sp_800_38c(key: bytes, nonce: bytes, text: bytes, aad: bytes, tag_size: int) -> bytes:
    """CCM out of single AES blocks as NIST SP 800-38C, appendix A writes it; fewer than 65280 octets of aad."""

    def block(octets: bytes) -> bytes:
        return LibraryCipher(AES(key), modes.ECB()).encryptor().update(octets)

    def xor(left: bytes, right: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(left, right, strict=False))

    def padded(octets: bytes) -> bytes:
        return octets + bytes(-len(octets) % 16)

    q = 15 - len(nonce)
    flags = 64 * bool(aad) + 8 * ((tag_size - 2) // 2) + q - 1
    data = bytes((flags,)) + nonce + len(text).to_bytes(q, "big")
    data += padded(len(aad).to_bytes(2, "big") + aad if aad else b"") + padded(text)
    mac = bytes(16)
    for start in range(0, len(data), 16):
        mac = block(xor(mac, data[start : start + 16]))
    counters = [bytes((q - 1,)) + nonce + n.to_bytes(q, "big") for n in range(len(text) // 16 + 2)]
    stream = b"".join(block(one) for one in counters)
    return xor(text, stream[16:]) + xor(mac[:tag_size], stream)


@pytest.mark.parametrize(
    ("nonce", "aad", "text", "sealed"),
    [
        ("10111213141516", 8, 4, "7162015b4dac255d"),
        ("1011121314151617", 16, 16, "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd"),
        ("101112131415161718191a1b", 20, 24, "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951"),
    ],
    ids=["example 1", "example 2", "example 3"],
)
def test_the_ccm_of_this_file_is_that_of_nist(nonce: str, aad: int, text: int, sealed: str) -> None:
    """NIST SP 800-38C, appendix C."""
    key = bytes(range(0x40, 0x50))
    plaintext = bytes(range(0x20, 0x20 + text))
    made = ccm_of_sp_800_38c(key, unhex(nonce), plaintext, bytes(range(aad)), len(sealed) // 2 - text)
    assert made.hex() == sealed


@pytest.mark.parametrize(("encr", "bits"), list(product(CCM, (128, 192, 256))))
def test_ccm_with_the_nonce_of_rfc_4309(encr: Encr, bits: int) -> None:
    """RFC 4309, section 4: the nonce is the salt, the last three octets of the key material, and the IV."""
    key, salt, iv = bytes(range(bits // 8)), b"\xa1\xa2\xa3", bytes(range(0xB0, 0xB8))
    text, aad = bytes(range(37)), bytes(range(200, 212))
    scheme = cipher(encr, bits)
    sealed = scheme.keyed(key + salt, b"").seal(iv, text, aad)
    assert sealed == ccm_of_sp_800_38c(key, salt + iv, text, aad, CCM[encr])
    assert (scheme.key_size, scheme.iv_size, scheme.icv_size) == (bits // 8 + 3, 8, CCM[encr])


@pytest.mark.parametrize(("encr", "bits", "integ"), every_cipher())
def test_open_is_the_inverse_of_seal(encr: Encr, bits: int | None, integ: Integ) -> None:
    scheme = cipher(encr, bits, integ)
    made = keyed(encr, bits, integ)
    iv, tail = bytes(range(scheme.iv_size)), b"" if scheme.aead else b"\0\0\0\x01"
    for blocks in (0, 1, 5):
        text = bytes(48 * blocks)
        sealed = made.seal(iv, text, b"header", tail)
        assert len(sealed) == len(text) + scheme.icv_size
        assert made.open(iv, sealed, b"header", tail) == text


@pytest.mark.parametrize(
    ("encr", "bits", "integ"), [one for one in every_cipher() if cipher(*one).icv_size], ids=lambda one: str(one)
)
def test_every_change_is_noticed(encr: Encr, bits: int | None, integ: Integ) -> None:
    scheme = cipher(encr, bits, integ)
    made = keyed(encr, bits, integ)
    iv, tail = bytes(range(scheme.iv_size)), b"" if scheme.aead else b"\0\0\0\x01"
    sealed = made.seal(iv, bytes(48), b"header", tail)
    changed = [sealed[:place] + bytes((sealed[place] ^ 1,)) + sealed[place + 1 :] for place in range(len(sealed))]
    for data in [*changed, sealed[:-1], sealed + b"\0", sealed[: scheme.icv_size], sealed[: scheme.icv_size - 1], b""]:
        with pytest.raises(IntegrityError):
            made.open(iv, data, b"header", tail)
    with pytest.raises(IntegrityError, match="ICV is wrong"):
        made.open(iv, sealed, b"Header", tail)
    if iv:
        with pytest.raises(IntegrityError, match="ICV is wrong"):
            made.open(iv[:-1] + b"\xff", sealed, b"header", tail)
    if tail:
        with pytest.raises(IntegrityError, match="ICV is wrong"):
            made.open(iv, sealed, b"header", b"\0\0\0\x02")


@pytest.mark.parametrize("integ", sorted(integrities()))
def test_the_mac_covers_header_iv_ciphertext_and_tail(integ: Integ) -> None:
    """RFC 7296, section 3.14, and RFC 4303, section 2.2.1."""
    scheme = cipher(Encr.AES_CBC, 128, integ)
    mac_key = bytes(range(scheme.integ_key_size))
    iv = bytes(16)
    sealed = scheme.keyed(bytes(16), mac_key).seal(iv, bytes(32), b"header", b"tail")
    assert sealed[32:] == integrity(integ).mac(mac_key, b"header" + iv + sealed[:32] + b"tail")


@pytest.mark.parametrize("encr", sorted(one for one in ciphers() if one not in FIXED and cipher(one, 128).aead))
def test_combined_mode_refuses_a_tail_and_an_integrity_algorithm(encr: Encr) -> None:
    scheme = cipher(encr, 128)
    made = scheme.keyed(bytes(scheme.key_size), b"")
    with pytest.raises(CryptoError, match="associated data"):
        made.seal(bytes(8), b"", b"", b"tail")
    with pytest.raises(CryptoError, match="associated data"):
        made.open(bytes(8), bytes(16), b"", b"tail")
    with pytest.raises(CryptoError, match="takes no integrity algorithm"):
        cipher(encr, 128, Integ.HMAC_SHA2_256_128)


def test_ciphertext_that_is_no_multiple_of_the_block_is_an_integrity_error() -> None:
    made = keyed(Encr.AES_CBC, 128, Integ.HMAC_SHA2_256_128)
    mac = integrity(Integ.HMAC_SHA2_256_128).mac(bytes(range(100, 132)), b"header" + bytes(16) + b"odd")
    with pytest.raises(IntegrityError, match="3 octets"):
        made.open(bytes(16), b"odd" + mac, b"header")


def test_plaintext_and_iv_must_fit() -> None:
    with pytest.raises(CryptoError, match="plaintext of 15 octets"):
        keyed(Encr.AES_CBC, 128, Integ.NONE).seal(bytes(16), bytes(15), b"")
    with pytest.raises(CryptoError, match="IV of 8"):
        keyed(Encr.AES_CBC, 128, Integ.NONE).seal(bytes(8), bytes(16), b"")
    with pytest.raises(CryptoError, match="IV of 40 octets"):
        keyed(Encr.CHACHA20_POLY1305, None, Integ.NONE).seal(bytes(40), b"", b"")


def test_keys_must_have_their_length() -> None:
    scheme = cipher(Encr.AES_GCM_16, 128)
    with pytest.raises(CryptoError, match="20 octets of key material, got 16"):
        scheme.keyed(bytes(16), b"")
    with pytest.raises(CryptoError, match="32 octets, got 0"):
        cipher(Encr.AES_CBC, 128, Integ.HMAC_SHA2_256_128).keyed(bytes(16), b"")


def test_key_lengths() -> None:
    with pytest.raises(CryptoError, match="needs a Key Length"):
        cipher(Encr.AES_CBC, None)
    with pytest.raises(CryptoError, match="no key of 64 bits"):
        cipher(Encr.AES_CBC, 64)
    with pytest.raises(CryptoError, match="no key of 128 bits"):
        cipher(Encr.CHACHA20_POLY1305, 128)
    assert cipher(Encr.TRIPLE_DES, None).key_size == 24


def test_implicit_iv_is_marked() -> None:
    """RFC 8750."""
    marked = {encr for encr, bits, _ in every_cipher() if cipher(encr, bits).implicit_iv}
    assert marked == {Encr.AES_CCM_8_IIV, Encr.AES_GCM_16_IIV, Encr.CHACHA20_POLY1305_IIV}


@pytest.mark.parametrize("encr", [Encr.RC5, Encr.CAMELLIA_CTR, Encr.KUZNYECHIK_MGM_KTREE, Encr(1000)])
def test_unsupported_cipher_is_named(encr: Encr) -> None:
    with pytest.raises(UnsupportedAlgorithm, match=str(encr)):
        cipher(encr, 128)
