"""Proposals in the words of libreswan: ``aes128-sha256-ecp256`` becomes ``aes128-sha2_256;dh19``.

libreswan takes several algorithms of a kind in one proposal, joined by a plus. It has one word for the integrity
algorithm and the PRF of an IKE SA, and one key exchange method for all proposals of a Child SA.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from conformance.crypto import CryptoError
from conformance.crypto.suite import proposal
from conformance.ike.core.proposals import protocol_of
from conformance.wire import Encr, Esn, Integ, KeMethod, Prf, ProtocolID, Transform, TransformType
from peers.algorithms import ALL, Algorithms, written
from peers.capabilities import Capability
from peers.contract import Unsupported

_ENCR: dict[int, str] = {
    Encr.AES_CBC: "aes",
    Encr.AES_CTR: "aes_ctr",
    Encr.AES_GCM_16: "aes_gcm_16_",
    Encr.AES_GCM_12: "aes_gcm_12_",
    Encr.AES_GCM_8: "aes_gcm_8_",
    Encr.AES_CCM_16: "aes_ccm_16_",
    Encr.AES_CCM_12: "aes_ccm_12_",
    Encr.AES_CCM_8: "aes_ccm_8_",
    Encr.CAMELLIA_CBC: "camellia",
    Encr.CHACHA20_POLY1305: "chacha20_poly1305",
    Encr.TRIPLE_DES: "3des",
    Encr.NULL: "null",
    Encr.NULL_AUTH_AES_GMAC: "null_auth_aes_gmac_",
}
_INTEG: dict[int, str] = {
    Integ.HMAC_MD5_96: "md5",
    Integ.HMAC_SHA1_96: "sha1",
    Integ.HMAC_SHA2_256_128: "sha2_256",
    Integ.HMAC_SHA2_384_192: "sha2_384",
    Integ.HMAC_SHA2_512_256: "sha2_512",
    Integ.AES_XCBC_96: "aes_xcbc",
    Integ.AES_CMAC_96: "aes_cmac_96",
}
_PRF: dict[int, str] = {
    Prf.HMAC_MD5: "md5",
    Prf.HMAC_SHA1: "sha1",
    Prf.HMAC_SHA2_256: "sha2_256",
    Prf.HMAC_SHA2_384: "sha2_384",
    Prf.HMAC_SHA2_512: "sha2_512",
    Prf.AES128_XCBC: "aes_xcbc",
}
_KE: dict[int, str] = {
    KeMethod.MODP_1536: "dh5",
    KeMethod.MODP_2048: "dh14",
    KeMethod.MODP_3072: "dh15",
    KeMethod.MODP_4096: "dh16",
    KeMethod.MODP_6144: "dh17",
    KeMethod.MODP_8192: "dh18",
    KeMethod.ECP_256: "dh19",
    KeMethod.ECP_384: "dh20",
    KeMethod.ECP_521: "dh21",
    KeMethod.CURVE25519: "dh31",
}
_NOT_FOR_IKE = {Encr.AES_CCM_16, Encr.AES_CCM_12, Encr.AES_CCM_8, Encr.NULL, Encr.NULL_AUTH_AES_GMAC}


def _has(one: Transform, protocol: ProtocolID) -> bool:
    tables: dict[TransformType, Mapping[int, str]] = {
        TransformType.ENCR: _ENCR,
        TransformType.INTEG: _INTEG,
        TransformType.PRF: _PRF,
        TransformType.KE: _KE,
    }
    if one.type == TransformType.ENCR and protocol == ProtocolID.IKE and one.id in _NOT_FOR_IKE:
        return False
    return one.type not in tables or one.id in tables[one.type]


def _tied() -> Algorithms:
    """What it has words for, each integrity algorithm of IKE with the PRF that shares its word."""
    whole = ALL.having(_has)
    *combined, separate = whole.ike
    found = proposal(separate).transforms
    integs = [one for one in found if one.type == TransformType.INTEG and _INTEG[one.id] in _PRF.values()]
    others = [one for one in found if one.type in (TransformType.ENCR, TransformType.KE)]
    return replace(whole, ike=(*combined, *(written((*others, one)) for one in integs)))


TAKEN = _tied()
"""What it takes."""


def unsupported(detail: str) -> Unsupported:
    """What to raise for something that libreswan cannot be configured for."""
    return Unsupported(Capability.CONFIGURABLE, "libreswan", detail)


def ike(proposals: Sequence[str]) -> str:
    """The value of ``ike=``. Raises Unsupported."""
    return ",".join(_ike(text) for text in proposals)


def _ike(text: str) -> str:
    found = _ids(text, ProtocolID.IKE)
    bad = [one for one in found[TransformType.ENCR] if one.id in _NOT_FOR_IKE]
    if bad:
        raise unsupported(f"{bad[0].id!s} is for Child SAs only: {text}")
    prfs, integs = _names(found[TransformType.PRF], _PRF, text), _names(found[TransformType.INTEG], _INTEG, text)
    if integs and prfs != integs:
        raise unsupported(f"one word stands for the integrity algorithm and the PRF, not two: {text}")
    return _joined(found, prfs, text)


def child(proposals: Sequence[str]) -> dict[str, str]:
    """The settings for the algorithms of a Child SA, which uses either ESP or AH. Raises Unsupported."""
    try:
        protocols = {protocol_of(text) for text in proposals}
    except CryptoError as error:
        raise unsupported(str(error)) from error
    if len(protocols) > 1:
        raise unsupported("ESP and AH at choice: " + ",".join(proposals))
    found = [_ids(text, *protocols) for text in proposals]
    methods = {tuple(_names(each[TransformType.KE], _KE, ",".join(proposals))) for each in found}
    if len(methods) > 1 or any(len(one) > 1 for one in methods):
        raise unsupported("all proposals of a Child SA must have the same key exchange: " + ",".join(proposals))
    sequences = {one.id for each in found for one in each[TransformType.ESN]}
    words = ",".join(_child(each, text) for each, text in zip(found, proposals, strict=True))
    return {
        **({"phase2": "ah", "ah": words} if protocols == {ProtocolID.AH} else {"esp": words}),
        "pfs": "yes" if any(methods) else "no",
        "esn": "either" if len(sequences) > 1 else "yes" if Esn.YES in sequences else "no",
    }


def _child(found: Mapping[int, Sequence[Transform]], text: str) -> str:
    return _joined(found, _names(found[TransformType.INTEG], _INTEG, text), text)


def _ids(text: str, protocol: ProtocolID) -> defaultdict[int, list[Transform]]:
    """The transforms of a proposal by type, without those that say NONE."""
    try:
        one = proposal(text, protocol=protocol)
    except CryptoError as error:
        raise unsupported(str(error)) from error
    found: defaultdict[int, list[Transform]] = defaultdict(list)
    for each in one.transforms:
        if each.id not in (Integ.NONE, KeMethod.NONE) or each.type not in (TransformType.INTEG, TransformType.KE):
            found[each.type].append(each)
    if any(kind >= TransformType.ADDKE1 for kind in found):
        raise unsupported(f"it has no additional key exchanges: {text}")
    return found


def _names(found: Sequence[Transform], known: Mapping[int, str], text: str) -> list[str]:
    for one in found:
        if one.id not in known:
            raise unsupported(f"it has no {one.id!s}: {text}")
    return [known[one.id] for one in found]


def _joined(found: Mapping[int, Sequence[Transform]], second: Sequence[str], text: str) -> str:
    encrs = found[TransformType.ENCR]
    sizes = ["" if one.key_length is None else str(one.key_length) for one in encrs]
    ciphers = [name + size for name, size in zip(_names(encrs, _ENCR, text), sizes, strict=True)]
    methods = _names(found[TransformType.KE], _KE, text)
    words = "-".join("+".join(each) for each in (ciphers, second) if each)
    return words + (";" + "+".join(methods) if methods else "")
