"""Integrity algorithms: truncated message authentication codes (RFC 7296, section 3.3.2, transform type 3)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import digest as hmac_digest

from conformance.crypto.errors import UnsupportedAlgorithm
from conformance.crypto.mac import aes_cmac, aes_xcbc
from conformance.wire import Integ


@dataclass(frozen=True, slots=True)
class Integrity:
    """An integrity algorithm. ``key_size`` and ``icv_size`` (what goes into the packet) are in octets."""

    id: Integ
    key_size: int
    icv_size: int
    _full: Callable[[bytes, bytes], bytes] = field(repr=False)

    def mac(self, key: bytes, data: bytes) -> bytes:
        """The integrity check value of ``data``, truncated to ``icv_size`` octets."""
        return self._full(key, data)[: self.icv_size]


def _hmac(name: str) -> Callable[[bytes, bytes], bytes]:
    return lambda key, data: hmac_digest(key, data, name)


_ALGORITHMS: dict[int, Integrity] = {
    algorithm.id: algorithm
    for algorithm in (
        Integrity(Integ.NONE, 0, 0, lambda _key, _data: b""),
        Integrity(Integ.HMAC_MD5_96, 16, 12, _hmac("md5")),
        Integrity(Integ.HMAC_MD5_128, 16, 16, _hmac("md5")),
        Integrity(Integ.HMAC_SHA1_96, 20, 12, _hmac("sha1")),
        Integrity(Integ.HMAC_SHA1_160, 20, 20, _hmac("sha1")),
        Integrity(Integ.HMAC_SHA2_256_128, 32, 16, _hmac("sha256")),
        Integrity(Integ.HMAC_SHA2_384_192, 48, 24, _hmac("sha384")),
        Integrity(Integ.HMAC_SHA2_512_256, 64, 32, _hmac("sha512")),
        Integrity(Integ.AES_XCBC_96, 16, 12, aes_xcbc),
        Integrity(Integ.AES_CMAC_96, 16, 12, aes_cmac),
    )
}


def integrity(id: Integ) -> Integrity:  # noqa: A002
    """The algorithm of an integrity transform; NONE yields empty values.

    Raises UnsupportedAlgorithm for one that cannot be computed here. AES-GMAC is among them: in AH it takes an IV.
    """
    try:
        return _ALGORITHMS[id]
    except KeyError:
        raise UnsupportedAlgorithm(f"integrity algorithm {id!r}") from None


def integrities() -> frozenset[Integ]:
    """The integrity algorithms that can be computed, NONE among them."""
    return frozenset(algorithm.id for algorithm in _ALGORITHMS.values())
