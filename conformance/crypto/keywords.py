"""The keywords of algorithms that the field knows from strongSwan, and the transforms that they mean.

A word that is in no table can be written by number, which every transform has: ``encr#12/192`` is AES-CBC with a key of
192 bits, likewise ``prf#``, ``integ#``, ``ke#`` and ``esn#``. A key exchange after ``ke1_`` to ``ke7_`` is an
additional one (RFC 9370).
"""

import re
from dataclasses import replace
from difflib import get_close_matches

from conformance.crypto.errors import CryptoError
from conformance.wire import Encr, Esn, Integ, KeMethod, Prf, Transform, TransformType

_KINDS = {
    "encr": TransformType.ENCR,
    "prf": TransformType.PRF,
    "integ": TransformType.INTEG,
    "ke": TransformType.KE,
    "esn": TransformType.ESN,
}
_REGISTRIES: dict[TransformType, type[Encr | Prf | Integ | KeMethod | Esn]] = {
    TransformType.ENCR: Encr,
    TransformType.PRF: Prf,
    TransformType.INTEG: Integ,
    TransformType.KE: KeMethod,
    TransformType.ESN: Esn,
}
_BY_NUMBER = re.compile(r"(encr|prf|integ|ke|esn)#(\d{1,5})(?:/(\d{1,5}))?")
_ADDITIONAL = re.compile(r"ke([1-7])_(.+)")


def _encryption() -> dict[str, Transform]:
    """The first of several words for one transform is the one that is written."""
    words: dict[str, Transform] = {}
    for bits in (128, 192, 256):
        for suffixes, encr in (
            (("", "cbc"), Encr.AES_CBC),
            (("ctr",), Encr.AES_CTR),
            (("gcm16", "gcm128", "gcm"), Encr.AES_GCM_16),
            (("gcm12", "gcm96"), Encr.AES_GCM_12),
            (("gcm8", "gcm64"), Encr.AES_GCM_8),
            (("ccm16", "ccm128", "ccm"), Encr.AES_CCM_16),
            (("ccm12", "ccm96"), Encr.AES_CCM_12),
            (("ccm8", "ccm64"), Encr.AES_CCM_8),
            (("gmac",), Encr.NULL_AUTH_AES_GMAC),
            (("gcm16iiv",), Encr.AES_GCM_16_IIV),
            (("ccm8iiv",), Encr.AES_CCM_8_IIV),
        ):
            words.update((f"aes{bits}{suffix}", Transform.of(encr, key_length=bits)) for suffix in suffixes)
        for suffix, encr in (
            ("", Encr.CAMELLIA_CBC),
            ("ctr", Encr.CAMELLIA_CTR),
            ("ccm16", Encr.CAMELLIA_CCM_16),
            ("ccm12", Encr.CAMELLIA_CCM_12),
            ("ccm8", Encr.CAMELLIA_CCM_8),
        ):
            words[f"camellia{bits}{suffix}"] = Transform.of(encr, key_length=bits)
        words[f"blowfish{bits}"] = Transform.of(Encr.BLOWFISH, key_length=bits)
    words["cast128"] = Transform.of(Encr.CAST, key_length=128)
    words["aes"] = words["aes128"]
    words["camellia"] = words["camellia128"]
    words["chacha20poly1305"] = Transform.of(Encr.CHACHA20_POLY1305)
    words["chacha20poly1305iiv"] = Transform.of(Encr.CHACHA20_POLY1305_IIV)
    words["3des"] = Transform.of(Encr.TRIPLE_DES)
    words["des"] = Transform.of(Encr.DES)
    words["null"] = Transform.of(Encr.NULL)
    return words


_OTHERS: dict[str, Prf | Integ | KeMethod | Esn] = {
    "md5": Integ.HMAC_MD5_96,
    "md5_128": Integ.HMAC_MD5_128,
    "sha1": Integ.HMAC_SHA1_96,
    "sha": Integ.HMAC_SHA1_96,
    "sha1_160": Integ.HMAC_SHA1_160,
    "sha256": Integ.HMAC_SHA2_256_128,
    "sha2_256": Integ.HMAC_SHA2_256_128,
    "sha384": Integ.HMAC_SHA2_384_192,
    "sha2_384": Integ.HMAC_SHA2_384_192,
    "sha512": Integ.HMAC_SHA2_512_256,
    "sha2_512": Integ.HMAC_SHA2_512_256,
    "aesxcbc": Integ.AES_XCBC_96,
    "aescmac": Integ.AES_CMAC_96,
    "noauth": Integ.NONE,
    "prfmd5": Prf.HMAC_MD5,
    "prfsha1": Prf.HMAC_SHA1,
    "prfsha256": Prf.HMAC_SHA2_256,
    "prfsha384": Prf.HMAC_SHA2_384,
    "prfsha512": Prf.HMAC_SHA2_512,
    "prfaesxcbc": Prf.AES128_XCBC,
    "prfaescmac": Prf.AES128_CMAC,
    "modpnone": KeMethod.NONE,
    "none": KeMethod.NONE,
    "modp768": KeMethod.MODP_768,
    "modp1024": KeMethod.MODP_1024,
    "modp1536": KeMethod.MODP_1536,
    "modp2048": KeMethod.MODP_2048,
    "modp3072": KeMethod.MODP_3072,
    "modp4096": KeMethod.MODP_4096,
    "modp6144": KeMethod.MODP_6144,
    "modp8192": KeMethod.MODP_8192,
    "modp1024s160": KeMethod.MODP_1024_160,
    "modp2048s224": KeMethod.MODP_2048_224,
    "modp2048s256": KeMethod.MODP_2048_256,
    "ecp192": KeMethod.ECP_192,
    "ecp224": KeMethod.ECP_224,
    "ecp256": KeMethod.ECP_256,
    "ecp384": KeMethod.ECP_384,
    "ecp521": KeMethod.ECP_521,
    "ecp224bp": KeMethod.BRAINPOOL_P224R1,
    "ecp256bp": KeMethod.BRAINPOOL_P256R1,
    "ecp384bp": KeMethod.BRAINPOOL_P384R1,
    "ecp512bp": KeMethod.BRAINPOOL_P512R1,
    "x25519": KeMethod.CURVE25519,
    "curve25519": KeMethod.CURVE25519,
    "x448": KeMethod.CURVE448,
    "curve448": KeMethod.CURVE448,
    "mlkem512": KeMethod.ML_KEM_512,
    "mlkem768": KeMethod.ML_KEM_768,
    "mlkem1024": KeMethod.ML_KEM_1024,
    "noesn": Esn.NO,
    "esn": Esn.YES,
}
_TRANSFORMS: dict[str, Transform] = {**_encryption(), **{word: Transform.of(which) for word, which in _OTHERS.items()}}
_WORDS: dict[Transform, str] = {transform: word for word, transform in reversed(_TRANSFORMS.items())}


def transform(word: str) -> Transform:
    """The transform of one keyword. Raises CryptoError for a word that is none, naming it."""
    word = word.strip().lower()
    if word in _TRANSFORMS:
        return _TRANSFORMS[word]
    if match := _BY_NUMBER.fullmatch(word):
        kind = _KINDS[match[1]]
        if int(match[2]) < 65536 and int(match[3] or 0) < 65536:
            return Transform.of(_REGISTRIES[kind](int(match[2])), key_length=int(match[3]) if match[3] else None)
    elif match := _ADDITIONAL.fullmatch(word):
        inner = transform(match[2])
        if inner.type == TransformType.KE:
            return replace(inner, type=TransformType(TransformType.ADDKE1 + int(match[1]) - 1))
    close = get_close_matches(word, _TRANSFORMS, n=1)
    raise CryptoError(f"unknown algorithm keyword {word!r}" + (f"; did you mean {close[0]}?" if close else ""))


def keyword(one: Transform) -> str:
    """The keyword of a transform, by number where it has no word. Attributes other than Key Length do not show."""
    if one in _WORDS:
        return _WORDS[one]
    if TransformType.ADDKE1 <= one.type <= TransformType.ADDKE7:
        return f"ke{one.type - TransformType.ADDKE1 + 1}_{keyword(replace(one, type=TransformType.KE))}"
    prefix = next((name for name, kind in _KINDS.items() if kind == one.type), f"type{int(one.type)}")
    bits = "" if one.key_length is None else f"/{one.key_length}"
    return f"{prefix}#{int(one.id)}{bits}"
