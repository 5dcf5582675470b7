"""Pseudorandom functions: prf and prf+ (RFC 7296, section 2.13)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from hmac import digest as hmac_digest

from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.hmac import HMAC

from conformance.crypto.errors import CryptoError, UnsupportedAlgorithm
from conformance.crypto.mac import BLOCK, aes_cmac, aes_xcbc
from conformance.wire import Prf

_COUNTERS = tuple(bytes((number,)) for number in range(1, 256))


class PrfFunction(ABC):
    """A negotiated pseudorandom function; calling it is prf(key, data).

    ``key_size`` is the preferred key length, ``output_size`` the length of the result, both in octets.
    """

    __slots__ = ("id", "key_size", "output_size")

    def __init__(self, id: Prf, key_size: int, output_size: int) -> None:  # noqa: A002
        self.id = id
        self.key_size = key_size
        self.output_size = output_size

    @abstractmethod
    def __call__(self, key: bytes, data: bytes) -> bytes:
        """Compute prf(key, data)."""

    def plus(self, key: bytes, seed: bytes, length: int) -> bytes:
        """``length`` octets of prf+(key, seed) (RFC 7296, section 2.13).

        Raises CryptoError when that takes more than the 255 blocks for which prf+ is defined.
        """
        if length > 255 * self.output_size:
            raise CryptoError(f"prf+ of {self.id} ends after {255 * self.output_size} octets, {length} were asked for")
        function = self._keyed(key)
        stream = block = b""
        for counter in _COUNTERS:
            if len(stream) >= length:
                break
            block = function(block + seed + counter)
            stream += block
        return stream[:length]

    def _keyed(self, key: bytes) -> Callable[[bytes], bytes]:
        """prf(key, .) for the many blocks of prf+."""
        return partial(self, key)

    def __repr__(self) -> str:
        return f"prf({self.id!r})"


class _Hmac(PrfFunction):
    """HMAC with any key length (RFC 2104): once by the standard library, many times with one key by a keyed context."""

    __slots__ = ("_hash", "_name")

    def __init__(self, id: Prf, algorithm: HashAlgorithm) -> None:  # noqa: A002
        super().__init__(id, algorithm.digest_size, algorithm.digest_size)
        self._hash = algorithm
        self._name = algorithm.name

    def __call__(self, key: bytes, data: bytes) -> bytes:
        return hmac_digest(key, data, self._name)

    def _keyed(self, key: bytes) -> Callable[[bytes], bytes]:
        keyed = HMAC(key, self._hash)

        def compute(data: bytes) -> bytes:
            context = keyed.copy()
            context.update(data)
            return context.finalize()

        return compute


class _Xcbc(PrfFunction):
    """AES-XCBC-PRF-128 (RFC 4434): any key length; short keys are padded, long ones are digested first."""

    __slots__ = ()

    def __call__(self, key: bytes, data: bytes) -> bytes:
        key = key.ljust(BLOCK, b"\0") if len(key) <= BLOCK else aes_xcbc(bytes(BLOCK), key)
        return aes_xcbc(key, data)


class _Cmac(PrfFunction):
    """AES-CMAC-PRF-128 (RFC 4615): any key that has not 128 bits is digested first."""

    __slots__ = ()

    def __call__(self, key: bytes, data: bytes) -> bytes:
        return aes_cmac(key if len(key) == BLOCK else aes_cmac(bytes(BLOCK), key), data)


_FUNCTIONS: dict[int, PrfFunction] = {
    function.id: function
    for function in (
        _Hmac(Prf.HMAC_MD5, MD5()),
        _Hmac(Prf.HMAC_SHA1, SHA1()),
        _Hmac(Prf.HMAC_SHA2_256, SHA256()),
        _Hmac(Prf.HMAC_SHA2_384, SHA384()),
        _Hmac(Prf.HMAC_SHA2_512, SHA512()),
        _Xcbc(Prf.AES128_XCBC, BLOCK, BLOCK),
        _Cmac(Prf.AES128_CMAC, BLOCK, BLOCK),
    )
}


def prf(id: Prf) -> PrfFunction:  # noqa: A002
    """The function of a PRF transform. Raises UnsupportedAlgorithm for one that cannot be computed here."""
    try:
        return _FUNCTIONS[id]
    except KeyError:
        raise UnsupportedAlgorithm(f"pseudorandom function {id!r}") from None


def prfs() -> frozenset[Prf]:
    """The pseudorandom functions that can be computed."""
    return frozenset(function.id for function in _FUNCTIONS.values())
