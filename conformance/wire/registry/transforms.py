"""Registries of the SA payload: transform types, their identifiers and attributes (RFC 7296 section 3.3)."""

from __future__ import annotations

from conformance.wire.registry.base import OpenEnum


class TransformType(OpenEnum):
    """Transform Type Values."""

    ENCR = 1
    PRF = 2
    INTEG = 3
    KE = 4
    ESN = 5
    ADDKE1 = 6
    ADDKE2 = 7
    ADDKE3 = 8
    ADDKE4 = 9
    ADDKE5 = 10
    ADDKE6 = 11
    ADDKE7 = 12
    KWA = 13
    GCAUTH = 14


class AttributeType(OpenEnum):
    """IKEv2 Transform Attribute Types."""

    KEY_LENGTH = 14
    SIGNATURE_ALGORITHM_IDENTIFIER = 18


class Encr(OpenEnum):
    """Transform Type 1: encryption algorithms, without the prefix ENCR."""

    DES_IV64 = 1
    DES = 2
    TRIPLE_DES = 3
    RC5 = 4
    IDEA = 5
    CAST = 6
    BLOWFISH = 7
    TRIPLE_IDEA = 8
    DES_IV32 = 9
    NULL = 11
    AES_CBC = 12
    AES_CTR = 13
    AES_CCM_8 = 14
    AES_CCM_12 = 15
    AES_CCM_16 = 16
    AES_GCM_8 = 18
    AES_GCM_12 = 19
    AES_GCM_16 = 20
    NULL_AUTH_AES_GMAC = 21
    CAMELLIA_CBC = 23
    CAMELLIA_CTR = 24
    CAMELLIA_CCM_8 = 25
    CAMELLIA_CCM_12 = 26
    CAMELLIA_CCM_16 = 27
    CHACHA20_POLY1305 = 28
    AES_CCM_8_IIV = 29
    AES_GCM_16_IIV = 30
    CHACHA20_POLY1305_IIV = 31
    KUZNYECHIK_MGM_KTREE = 32
    MAGMA_MGM_KTREE = 33
    KUZNYECHIK_MGM_MAC_KTREE = 34
    MAGMA_MGM_MAC_KTREE = 35


class Prf(OpenEnum):
    """Transform Type 2: pseudorandom functions, without the prefix PRF."""

    HMAC_MD5 = 1
    HMAC_SHA1 = 2
    HMAC_TIGER = 3
    AES128_XCBC = 4
    HMAC_SHA2_256 = 5
    HMAC_SHA2_384 = 6
    HMAC_SHA2_512 = 7
    AES128_CMAC = 8
    HMAC_STREEBOG_512 = 9


class Integ(OpenEnum):
    """Transform Type 3: integrity algorithms, without the prefix AUTH."""

    NONE = 0
    HMAC_MD5_96 = 1
    HMAC_SHA1_96 = 2
    DES_MAC = 3
    KPDK_MD5 = 4
    AES_XCBC_96 = 5
    HMAC_MD5_128 = 6
    HMAC_SHA1_160 = 7
    AES_CMAC_96 = 8
    AES_128_GMAC = 9
    AES_192_GMAC = 10
    AES_256_GMAC = 11
    HMAC_SHA2_256_128 = 12
    HMAC_SHA2_384_192 = 13
    HMAC_SHA2_512_256 = 14


class KeMethod(OpenEnum):
    """Transform Type 4 and the additional key exchanges: key exchange methods."""

    NONE = 0
    MODP_768 = 1
    MODP_1024 = 2
    MODP_1536 = 5
    MODP_2048 = 14
    MODP_3072 = 15
    MODP_4096 = 16
    MODP_6144 = 17
    MODP_8192 = 18
    ECP_256 = 19
    ECP_384 = 20
    ECP_521 = 21
    MODP_1024_160 = 22
    MODP_2048_224 = 23
    MODP_2048_256 = 24
    ECP_192 = 25
    ECP_224 = 26
    BRAINPOOL_P224R1 = 27
    BRAINPOOL_P256R1 = 28
    BRAINPOOL_P384R1 = 29
    BRAINPOOL_P512R1 = 30
    CURVE25519 = 31
    CURVE448 = 32
    GOST3410_2012_256 = 33
    GOST3410_2012_512 = 34
    ML_KEM_512 = 35
    ML_KEM_768 = 36
    ML_KEM_1024 = 37


class Esn(OpenEnum):
    """Transform Type 5: sequence numbers (RFC 9827 renamed them; NO and YES are the older, shorter words)."""

    NO = 0
    YES = 1
    UNSPECIFIED_32 = 2


class KeyWrap(OpenEnum):
    """Transform Type 13: key wrap algorithms of G-IKEv2 (RFC 9838)."""

    KW_5649_128 = 1
    KW_5649_192 = 2
    KW_5649_256 = 3
    KW_ARX = 4


class GroupControllerAuth(OpenEnum):
    """Transform Type 14: how a group controller authenticates its messages (RFC 9838)."""

    IMPLICIT = 1
    DIGITAL_SIGNATURE = 2


TRANSFORM_IDS: dict[TransformType, type[OpenEnum]] = {
    TransformType.ENCR: Encr,
    TransformType.PRF: Prf,
    TransformType.INTEG: Integ,
    TransformType.KE: KeMethod,
    TransformType.ESN: Esn,
    TransformType.ADDKE1: KeMethod,
    TransformType.ADDKE2: KeMethod,
    TransformType.ADDKE3: KeMethod,
    TransformType.ADDKE4: KeMethod,
    TransformType.ADDKE5: KeMethod,
    TransformType.ADDKE6: KeMethod,
    TransformType.ADDKE7: KeMethod,
    TransformType.KWA: KeyWrap,
    TransformType.GCAUTH: GroupControllerAuth,
}
"""Which registry names the identifiers of a transform type."""
