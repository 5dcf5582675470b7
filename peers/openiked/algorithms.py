"""The words of iked.conf for algorithms, and which of them a device with Linux's PF_KEY really has."""

from collections.abc import Collection, Mapping, Sequence

from conformance.crypto import CryptoError
from conformance.crypto.suite import proposal
from conformance.ike.core.proposals import protocol_of
from conformance.wire import Encr, Esn, Integ, KeMethod, Prf, ProtocolID, Transform, TransformType
from peers.algorithms import ALL
from peers.capabilities import Capability
from peers.contract import Unsupported

_ENCR: dict[tuple[int, int | None], str] = {
    **{(Encr.AES_CBC, size): f"aes-{size}" for size in (128, 192, 256)},
    **{(Encr.AES_CTR, size): f"aes-{size}-ctr" for size in (128, 192, 256)},
    **{(Encr.AES_GCM_16, size): f"aes-{size}-gcm" for size in (128, 192, 256)},
    **{(Encr.AES_GCM_12, size): f"aes-{size}-gcm-12" for size in (128, 256)},
    **{(Encr.NULL_AUTH_AES_GMAC, size): f"aes-{size}-gmac" for size in (128, 192, 256)},
    (Encr.CHACHA20_POLY1305, None): "chacha20-poly1305",
    (Encr.TRIPLE_DES, None): "3des",
    (Encr.NULL, None): "null",
}
_INTEG: dict[int, str] = {
    Integ.HMAC_MD5_96: "hmac-md5",
    Integ.HMAC_SHA1_96: "hmac-sha1",
    Integ.HMAC_SHA2_256_128: "hmac-sha2-256",
    Integ.HMAC_SHA2_384_192: "hmac-sha2-384",
    Integ.HMAC_SHA2_512_256: "hmac-sha2-512",
}
_PRF: dict[int, str] = {
    Prf.HMAC_MD5: "hmac-md5",
    Prf.HMAC_SHA1: "hmac-sha1",
    Prf.HMAC_SHA2_256: "hmac-sha2-256",
    Prf.HMAC_SHA2_384: "hmac-sha2-384",
    Prf.HMAC_SHA2_512: "hmac-sha2-512",
}
_KE: dict[int, str] = {
    KeMethod.MODP_1024: "modp1024",
    KeMethod.MODP_1536: "modp1536",
    KeMethod.MODP_2048: "modp2048",
    KeMethod.MODP_3072: "modp3072",
    KeMethod.MODP_4096: "modp4096",
    KeMethod.MODP_6144: "modp6144",
    KeMethod.MODP_8192: "modp8192",
    KeMethod.ECP_256: "ecp256",
    KeMethod.ECP_384: "ecp384",
    KeMethod.ECP_521: "ecp521",
    KeMethod.BRAINPOOL_P256R1: "brainpool256",
    KeMethod.BRAINPOOL_P384R1: "brainpool384",
    KeMethod.BRAINPOOL_P512R1: "brainpool512",
    KeMethod.CURVE25519: "curve25519",
}
_IKE_CIPHERS = {
    *((Encr.AES_CBC, size) for size in (128, 192, 256)),
    *((Encr.AES_GCM_16, size) for size in (128, 256)),
    *((Encr.AES_GCM_12, size) for size in (128, 256)),
    (Encr.TRIPLE_DES, None),
}
# PF_KEY of Linux truncates HMAC-SHA2-256 to 96 bits, so iked leaves that out. Algorithms with an ICV of their own, and
# NULL, never reach the kernel. AH is padded to eight octets, which is wrong for IPv4 with ICVs of 24 and 32 octets.
_KERNEL_CIPHERS = {*((Encr.AES_CBC, size) for size in (128, 192, 256)), (Encr.TRIPLE_DES, None)}
_INTEGRITY: dict[ProtocolID, Collection[int]] = {
    ProtocolID.IKE: _INTEG,
    ProtocolID.ESP: (Integ.HMAC_SHA1_96, Integ.HMAC_SHA2_384_192, Integ.HMAC_SHA2_512_256),
    ProtocolID.AH: (Integ.HMAC_SHA1_96,),
}


def _has(one: Transform, protocol: ProtocolID) -> bool:
    if one.type == TransformType.ENCR:
        return (one.id, one.key_length) in (_IKE_CIPHERS if protocol == ProtocolID.IKE else _KERNEL_CIPHERS)
    if one.type == TransformType.INTEG:
        return one.id in _INTEGRITY[protocol]
    if one.type == TransformType.ESN:
        return one.id != Esn.YES
    return one.id in (_PRF if one.type == TransformType.PRF else _KE)


TAKEN = ALL.having(_has)
"""What it takes."""


def unsupported(detail: str) -> Unsupported:
    """What to raise for something that iked cannot be configured for."""
    return Unsupported(Capability.CONFIGURABLE, "openiked", detail)


def ike(proposals: Sequence[str]) -> str:
    """The ``ikesa`` clauses. Raises Unsupported."""
    return " ".join("ikesa " + _clause(text, ProtocolID.IKE) for text in proposals)


def has_one_group(proposals: Sequence[str]) -> bool:
    """Whether the peer can demand no other key exchange method for the IKE SA."""
    found = {one.id for text in proposals for one in proposal(text).transforms if one.type == TransformType.KE}
    return len(found) == 1


def child(proposals: Sequence[str]) -> tuple[str, str]:
    """``esp`` or ``ah``, and the ``childsa`` clauses. Raises Unsupported."""
    try:
        protocols = {protocol_of(text) for text in proposals}
    except CryptoError as error:
        raise unsupported(str(error)) from error
    if len(protocols) > 1:
        raise unsupported("ESP and AH at choice: " + ",".join(proposals))
    [protocol] = protocols
    clauses = " ".join("childsa " + _clause(text, protocol) for text in proposals)
    return "ah" if protocol == ProtocolID.AH else "esp", clauses


def _clause(text: str, protocol: ProtocolID) -> str:
    try:
        found = proposal(text, protocol=protocol).transforms
    except CryptoError as error:
        raise unsupported(str(error)) from error
    words = [word for one in found if (word := _word(one, text))]
    if protocol != ProtocolID.IKE and not any(word.startswith("group ") for word in words):
        # Without the word it adds groups of its own.
        words.append("group none")
    return " ".join(words)


def _word(one: Transform, text: str) -> str:
    tables: dict[int, tuple[str, Mapping[int, str]]] = {
        TransformType.INTEG: ("auth", _INTEG),
        TransformType.PRF: ("prf", _PRF),
        TransformType.KE: ("group", _KE),
    }
    if one.type == TransformType.ENCR:
        word = _ENCR.get((one.id, one.key_length))
        key = "enc"
    elif one.type == TransformType.ESN:
        return "esn" if one.id == Esn.YES else "noesn"
    elif one.type in tables:
        if one.id in (Integ.NONE, KeMethod.NONE):
            return ""
        key, table = tables[one.type]
        word = table.get(one.id)
    else:
        raise unsupported(f"it has no additional key exchanges: {text}")
    if word is None:
        raise unsupported(f"it has no {one.id!s}: {text}")
    return f"{key} {word}"
