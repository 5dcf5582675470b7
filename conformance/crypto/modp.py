"""The MODP groups of IKEv2 and their exponentiation (RFC 7296 appendix B, RFC 3526, RFC 5114)."""

import warnings
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric import dh

from conformance.crypto.errors import CryptoError
from conformance.wire import KeMethod

# The library announces that it may drop finite-field groups; IKEv2 has not dropped them.
warnings.filterwarnings("ignore", message="Diffie-Hellman over finite fields")

# Each prime of RFC 2409 and RFC 3526 is 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + k); here stand n and k,
# and the octets of a private value: at least twice the strength of the group (the estimates of RFC 3526, section 8).
_OAKLEY = {
    KeMethod.MODP_768: (768, 149686, 20),
    KeMethod.MODP_1024: (1024, 129093, 20),
    KeMethod.MODP_1536: (1536, 741804, 24),
    KeMethod.MODP_2048: (2048, 124476, 32),
    KeMethod.MODP_3072: (3072, 1690314, 36),
    KeMethod.MODP_4096: (4096, 240904, 40),
    KeMethod.MODP_6144: (6144, 929484, 48),
    KeMethod.MODP_8192: (8192, 4743158, 52),
}


_UNKNOWN_TO_THE_LIBRARY = frozenset({KeMethod.MODP_768, KeMethod.MODP_1024})


@dataclass(frozen=True, slots=True)
class ModpGroup:
    """A multiplicative group of integers: prime ``p``, generator ``g``, order ``q`` of the subgroup where it is small.

    ``size`` is the length of a public value and of the shared secret, ``private_size`` the number of random octets that
    make a private value.
    """

    p: int
    g: int
    q: int | None
    size: int
    private_size: int

    def numbers(self) -> dh.DHParameterNumbers:
        """The group as the library wants it."""
        return dh.DHParameterNumbers(self.p, self.g, self.q)

    def private(self, octets: bytes) -> int:
        """A private value in 1 .. q-1, or of the length that suits the prime, from random octets."""
        value = int.from_bytes(octets, "big")
        return value % (self.q - 1) + 1 if self.q else value or 1


def _arctan_of_inverse(n: int, one: int) -> int:
    term = total = one // n
    divisor, sign = 3, -1
    while term:
        term //= n * n
        total += sign * (term // divisor)
        divisor, sign = divisor + 2, -sign
    return total


def _pi(bits: int) -> int:
    """floor(2^bits * pi), by Machin's formula with 64 guard bits."""
    one = 1 << (bits + 64)
    return 4 * (4 * _arctan_of_inverse(5, one) - _arctan_of_inverse(239, one)) >> 64


@cache
def modp_group(method: KeMethod) -> ModpGroup:
    """The group of a MODP method; KeyError for other methods."""
    if method in _SUBGROUPS:
        p, g, q = (int("".join(text.split()), 16) for text in _SUBGROUPS[method])
        return ModpGroup(p, g, q, (p.bit_length() + 7) // 8, (q.bit_length() + 7) // 8 + 8)
    bits, k, private_size = _OAKLEY[method]
    p = 2**bits - 2 ** (bits - 64) - 1 + 2**64 * (_pi(bits - 130) + k)
    return ModpGroup(p, 2, None, bits // 8, private_size)


@cache
def _generator_as_public_value(method: KeMethod) -> dh.DHPublicKey:
    group = modp_group(method)
    return dh.DHPublicNumbers(group.g, group.numbers()).public_key()


class ModpPrivate:
    """A private value x, and what is raised to it.

    The library raises to x only in its key agreement, so g^x is the agreement with g itself. That takes a tenth of the
    time of `pow` and lets the private value come from any source. The two weakest groups are not among those that the
    library knows: it would test their primes anew at every use, which takes a hundred times as long as `pow`.
    """

    __slots__ = ("_group", "_key", "_x", "public")

    def __init__(self, method: KeMethod, x: int) -> None:
        self._group = group = modp_group(method)
        self._x = x
        self._key: dh.DHPrivateKey | None = None
        if method in _UNKNOWN_TO_THE_LIBRARY:
            self.public = pow(group.g, x, group.p).to_bytes(group.size, "big")
        else:
            stand_in = dh.DHPublicNumbers(group.g, group.numbers())
            self._key = dh.DHPrivateNumbers(x, stand_in).private_key()
            self.public = self._key.exchange(_generator_as_public_value(method))

    def shared(self, peer_public: bytes) -> bytes:
        """g^ir. Raises CryptoError unless the length is right, 1 < r < p-1, and r^q = 1 if q is known (RFC 6989)."""
        group = self._group
        if len(peer_public) != group.size:
            raise CryptoError(f"public value of {len(peer_public)} octets, the group has {group.size}")
        value = int.from_bytes(peer_public, "big")
        if not 1 < value < group.p - 1:
            raise CryptoError("public value is outside 1 < r < p-1")
        if self._key is None:
            return pow(value, self._x, group.p).to_bytes(group.size, "big")
        try:
            return self._key.exchange(dh.DHPublicNumbers(value, group.numbers()).public_key())
        except ValueError as problem:
            raise CryptoError("public value is not in the subgroup of order q") from problem


def modp_methods() -> frozenset[KeMethod]:
    """The MODP methods, strong and weak."""
    return frozenset(_OAKLEY) | frozenset(_SUBGROUPS)


# RFC 5114, section 2: prime, generator, order of the subgroup.
_SUBGROUPS: dict[KeMethod, tuple[str, str, str]] = {
    KeMethod.MODP_1024_160: (
        """
        b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c0
        13ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0
        a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371
        """,
        """
        a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f5504f213
        160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f531dbf0a0169b6a28a
        d662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5
        """,
        """
        f518aa8781a8df278aba4e7d64b7cb9d49462353
        """,
    ),
    KeMethod.MODP_2048_224: (
        """
        ad107e1e9123a9d0d660faa79559c51fa20d64e5683b9fd1b54b1597b61d0a75e6fa141df95a56dbaf9a3c407ba1df15
        eb3d688a309c180e1de6b85a1274a0a66d3f8152ad6ac2129037c9edefda4df8d91e8fef55b7394b7ad5b7d0b6c12207
        c9f98d11ed34dbf6c6ba0b2c8bbc27be6a00e0a0b9c49708b3bf8a317091883681286130bc8985db1602e714415d9330
        278273c7de31efdc7310f7121fd5a07415987d9adc0a486dcdf93acc44328387315d75e198c641a480cd86a1b9e587e8
        be60e69cc928b2b9c52172e413042e9b23f10b0e16e79763c9b53dcf4ba80a29e3fb73c16b8e75b97ef363e2ffa31f71
        cf9de5384e71b81c0ac4dffe0c10e64f
        """,
        """
        ac4032ef4f2d9ae39df30b5c8ffdac506cdebe7b89998caf74866a08cfe4ffe3a6824a4e10b9a6f0dd921f01a70c4afa
        ab739d7700c29f52c57db17c620a8652be5e9001a8d66ad7c17669101999024af4d027275ac1348bb8a762d0521bc98a
        e247150422ea1ed409939d54da7460cdb5f6c6b250717cbef180eb34118e98d119529a45d6f834566e3025e316a330ef
        bb77a86f0c1ab15b051ae3d428c8f8acb70a8137150b8eeb10e183edd19963ddd9e263e4770589ef6aa21e7f5f2ff381
        b539cce3409d13cd566afbb48d6c019181e1bcfe94b30269edfe72fe9b6aa4bd7b5a0f1c71cfff4c19c418e1f6ec0179
        81bc087f2a7065b384b890d3191f2bfa
        """,
        """
        801c0d34c58d93fe997177101f80535a4738cebcbf389a99b36371eb
        """,
    ),
    KeMethod.MODP_2048_256: (
        """
        87a8e61db4b6663cffbbd19c651959998ceef608660dd0f25d2ceed4435e3b00e00df8f1d61957d4faf7df4561b2aa30
        16c3d91134096faa3bf4296d830e9a7c209e0c6497517abd5a8a9d306bcf67ed91f9e6725b4758c022e0b1ef4275bf7b
        6c5bfc11d45f9088b941f54eb1e59bb8bc39a0bf12307f5c4fdb70c581b23f76b63acae1caa6b7902d52526735488a0e
        f13c6d9a51bfa4ab3ad8347796524d8ef6a167b5a41825d967e144e5140564251ccacb83e6b486f6b3ca3f7971506026
        c0b857f689962856ded4010abd0be621c3a3960a54e710c375f26375d7014103a4b54330c198af126116d2276e11715f
        693877fad7ef09cadb094ae91e1a1597
        """,
        """
        3fb32c9b73134d0b2e77506660edbd484ca7b18f21ef205407f4793a1a0ba12510dbc15077be463fff4fed4aac0bb555
        be3a6c1b0c6b47b1bc3773bf7e8c6f62901228f8c28cbb18a55ae31341000a650196f931c77a57f2ddf463e5e9ec144b
        777de62aaab8a8628ac376d282d6ed3864e67982428ebc831d14348f6f2f9193b5045af2767164e1dfc967c1fb3f2e55
        a4bd1bffe83b9c80d052b985d182ea0adb2a3b7313d3fe14c8484b1e052588b9b7d2bbd2df016199ecd06e1557cd0915
        b3353bbb64e0ec377fd028370df92b52c7891428cdc67eb6184b523d1db246c32f63078490f00ef8d647d148d4795451
        5e2327cfef98c582664b4c0f6cc41659
        """,
        """
        8cf83642a709a097b447997640129da299b1a47d1eb3750ba308b0fe64f5fbd3
        """,
    ),
}
