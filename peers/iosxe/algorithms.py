"""Proposals in the words of IOS XE: ``aes256-sha256-modp2048`` becomes three lines of an IKEv2 proposal.

Which of the words a release has is its own affair: the router refuses the line that has one it does not know.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from conformance.crypto import CryptoError
from conformance.crypto.suite import implied_prfs, proposal
from conformance.ike.core.proposals import protocol_of
from conformance.wire import Encr, Esn, Integ, KeMethod, Prf, ProtocolID, Transform, TransformType
from peers.algorithms import ALL, Algorithms, combined
from peers.capabilities import Capability
from peers.contract import Unsupported

_Words = Mapping[tuple[int, int | None], str]
_IKE_ENCR: _Words = {
    (Encr.TRIPLE_DES, None): "3des",
    (Encr.AES_CBC, 128): "aes-cbc-128",
    (Encr.AES_CBC, 192): "aes-cbc-192",
    (Encr.AES_CBC, 256): "aes-cbc-256",
    (Encr.AES_GCM_16, 128): "aes-gcm-128",
    (Encr.AES_GCM_16, 256): "aes-gcm-256",
}
_IKE_INTEG: _Words = {
    (Integ.HMAC_MD5_96, None): "md5",
    (Integ.HMAC_SHA1_96, None): "sha1",
    (Integ.HMAC_SHA2_256_128, None): "sha256",
    (Integ.HMAC_SHA2_384_192, None): "sha384",
    (Integ.HMAC_SHA2_512_256, None): "sha512",
}
_PRF: _Words = {
    (Prf.HMAC_MD5, None): "md5",
    (Prf.HMAC_SHA1, None): "sha1",
    (Prf.HMAC_SHA2_256, None): "sha256",
    (Prf.HMAC_SHA2_384, None): "sha384",
    (Prf.HMAC_SHA2_512, None): "sha512",
}
_GROUP: _Words = {
    (method, None): str(int(method))
    for method in (
        *(KeMethod.MODP_768, KeMethod.MODP_1024, KeMethod.MODP_1536, KeMethod.MODP_2048, KeMethod.MODP_3072),
        *(KeMethod.MODP_4096, KeMethod.ECP_256, KeMethod.ECP_384, KeMethod.ECP_521, KeMethod.MODP_2048_256),
    )
}
_ESP_ENCR: _Words = {
    (Encr.NULL, None): "esp-null",
    (Encr.TRIPLE_DES, None): "esp-3des",
    (Encr.AES_CBC, 128): "esp-aes",
    (Encr.AES_CBC, 192): "esp-aes 192",
    (Encr.AES_CBC, 256): "esp-aes 256",
    (Encr.AES_GCM_16, 128): "esp-gcm",
    (Encr.AES_GCM_16, 192): "esp-gcm 192",
    (Encr.AES_GCM_16, 256): "esp-gcm 256",
    (Encr.NULL_AUTH_AES_GMAC, 128): "esp-gmac",
    (Encr.NULL_AUTH_AES_GMAC, 192): "esp-gmac 192",
    (Encr.NULL_AUTH_AES_GMAC, 256): "esp-gmac 256",
}
_HMAC: _Words = {
    (Integ.HMAC_MD5_96, None): "md5-hmac",
    (Integ.HMAC_SHA1_96, None): "sha-hmac",
    (Integ.HMAC_SHA2_256_128, None): "sha256-hmac",
    (Integ.HMAC_SHA2_384_192, None): "sha384-hmac",
    (Integ.HMAC_SHA2_512_256, None): "sha512-hmac",
}
_NO_ESN: _Words = {(Esn.NO, None): ""}
_KINDS = (TransformType.ENCR, TransformType.INTEG)


def _tables(protocol: ProtocolID) -> dict[int, _Words]:
    if protocol == ProtocolID.IKE:
        encr, integ = _IKE_ENCR, _IKE_INTEG
    else:
        encr, integ = _ESP_ENCR, _HMAC
    tables = {TransformType.ENCR: encr, TransformType.INTEG: integ, TransformType.PRF: _PRF}
    return {
        int(kind): words for kind, words in (tables | {TransformType.KE: _GROUP, TransformType.ESN: _NO_ESN}).items()
    }


def has(one: Transform, protocol: ProtocolID) -> bool:
    """Whether there is a word for a transform."""
    return (one.id, one.key_length) in _tables(protocol).get(one.type, {})


TAKEN: Algorithms = ALL.having(has)
"""What there are words for."""


def unsupported(detail: str) -> Unsupported:
    """What to raise for something that a router cannot be configured for."""
    return Unsupported(Capability.CONFIGURABLE, "iosxe", detail)


def ike(text: str) -> tuple[str, ...]:
    """The lines of an IKEv2 proposal. With a combined cipher there is no integrity, and the PRF must be named."""
    found = _transforms(text, ProtocolID.IKE)
    words = {kind: _words(found, kind, ProtocolID.IKE, text) for kind in (1, 2, 3, 4)}
    lines = [f"encryption {words[TransformType.ENCR]}"]
    if words[TransformType.INTEG]:
        lines.append(f"integrity {words[TransformType.INTEG]}")
    prfs = [one for one in found if one.type == TransformType.PRF]
    integs = [one for one in found if one.type == TransformType.INTEG]
    if prfs != list(implied_prfs(integs)):
        lines.append(f"prf {words[TransformType.PRF]}")
    lines.append(f"group {words[TransformType.KE]}")
    return tuple(lines)


def transform_sets(texts: Sequence[str]) -> tuple[str, ...]:
    """One transform set for each suite, since IOS takes no choice within one: ``esp-aes 256 esp-sha256-hmac``."""
    return tuple(dict.fromkeys(line for text in texts for line in _sets(text)))


def _sets(text: str) -> Iterator[str]:
    try:
        protocol = protocol_of(text)
    except CryptoError as error:
        raise unsupported(str(error)) from error
    found = _transforms(text, protocol)
    if {one.id for one in found if one.type == TransformType.ESN} == {Esn.YES}:
        raise Unsupported(Capability.ESN, "iosxe", text)
    kinds = [[one for one in found if one.type == kind] for kind in _KINDS]
    for suite in product(*(kind for kind in kinds if kind)):
        words = [_word(one, protocol, text) for one in suite]
        marks = [
            "ah-" if protocol == ProtocolID.AH else "esp-" if one.type == TransformType.INTEG else "" for one in suite
        ]
        yield " ".join(mark + word for mark, word in zip(marks, words, strict=True))


def pfs(texts: Sequence[str]) -> str:
    """The group for ``set pfs``, empty for none; there is one for all transform sets."""
    groups = {
        tuple(
            _word(one, ProtocolID.IKE, text)
            for one in _transforms(text, protocol_of(text))
            if one.type == TransformType.KE
        )
        for text in texts
    }
    if len(groups) > 1 or any(len(one) > 1 for one in groups):
        raise unsupported("one group serves all Child SAs: " + ", ".join(texts))
    return "".join(one for group in groups for one in group)


def _transforms(text: str, protocol: ProtocolID) -> tuple[Transform, ...]:
    try:
        found = proposal(text, protocol=protocol).transforms
    except CryptoError as error:
        raise unsupported(str(error)) from error
    none = {TransformType.INTEG: Integ.NONE, TransformType.KE: KeMethod.NONE}
    kept = tuple(one for one in found if none.get(TransformType(one.type)) != one.id)
    if any(one.type >= TransformType.ADDKE1 for one in kept):
        raise unsupported(f"it has no additional key exchanges: {text}")
    if any(combined(one) for one in kept) and any(one.type == TransformType.INTEG for one in kept):
        raise unsupported(f"no integrity algorithm can stand beside a combined cipher: {text}")
    return kept


def _words(found: Sequence[Transform], kind: int, protocol: ProtocolID, text: str) -> str:
    return " ".join(_word(one, protocol, text) for one in found if one.type == kind)


def _word(one: Transform, protocol: ProtocolID, text: str) -> str:
    if not has(one, protocol):
        size = f" with {one.key_length} bits" if one.key_length else ""
        raise unsupported(f"IOS has no word for {one.id!s}{size}: {text}")
    return _tables(protocol)[one.type][one.id, one.key_length]
