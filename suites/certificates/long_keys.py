"""RSA keys of 3072 and 4096 bits for tests, whose primes would take seconds to find. Nothing is secret about them."""

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import rsa

_EXPONENT = 65537
_PRIMES = {
    3072: (
        "fd270e33f7bd7165166a0ef234db545da660e5a4707a0ecb9ccdd4bdf8470581b43b1ab3362c28da43920d29f917a84ade0576b4619f"
        "a5f6f0036e31064455fee07ffb35d3e1d820f80fff430cfaae695dc21f0cc4c3cb6638ccdcd00171de963d7959ca20532b1c72e4bfaf"
        "4a4eb0505e743cf483956e8fcaacc427bcbb2815954526f91b3c78c6647a60d5e07fa6fa59076303c0a63594e0f0497bf63b9af2d6ba"
        "adcb13f27251a1aad507a1f8a47713cbc821b5118761fd3dbfb0f772ba7f",
        "bd7cd198854676428974e9cc2f97f86d13cb680534ad3d76e84db603b69c337d0dfb8399a5e66a864c3609cafcd253dc08fe3fe0d1f7"
        "4c4b64153ddefc11680dd071672b9984d23d4e4a1a300efa34fcb43fa8ad233831d6cf2ff53065eccb9ea3ce292af0fe4f8f075c25be"
        "a72da48ab2e3f1939da4e72d82190fc176370cd59b602279700face3826c3e5ab1e53e90edf7c47c130e1415c67766878cfed22c432a"
        "3810edc0d92be4a9876a18c4e1b21eee7c3fcd23604401bbc3c8ce213113",
    ),
    4096: (
        "f353bfb0c2fdf83df5a7a91b8c2cc50895f485c6dad850134f515ed690a66b793c53effcecd8f33a91183d2bb533cd5c2011096171b6"
        "a738c47e8d9786d03006c08f3d504b5730743e3396e46b7d8a13df208daa04b8bb44a2e1de212cc931d58b78898a2228859a188907f8"
        "d962699a01ecc6b5da69cbdf37f66650086b911608f6f5ba34a7ca5eb5e74a8b4261d74848a35f758d657d32621f9b0c13d1047d3202"
        "d8111dc63ac32b207680d7663eef16a7f7220b165b49b2be25331f9f3c7cf7720ba6e779eb61d23fe6088d480a22e23d6dae8ec82941"
        "b155ed64c4a9d5436b4de111ccd4347d123684d86ad207fa73ac9bf9d22ae819af8e9754b2a1ad19",
        "e72e075be9f6c14c110f705cbde4046f0bcb5b993a8ed2819f2a798ed3bfc44ca9d0a970630e98dc06d41a2d92dcf233aabcad87db32"
        "f68f9ab767b879aa0a738b1ad7f35c5f3e8367aa9632b2b3bccfe9ad055bbee20f0da364ee95947f801d11e2e3f069fef60f6d4f7ac9"
        "1bc4fb496f17fbbb9c4235639b9d1fbe3fbcae76d7a869c3a18f103a1fc4b14fb15afbd6ab27d4bfbeea92ded3a22c399fc9bdaa9caa"
        "f8b646d4bacc9ce37bc7f086a01c722eb3e22fdcfc7d982e5519ae619f2c780c6c5d132d033573cd5f1952e8d381422fcea32879a496"
        "ff11108e848df4af84aabad94782562cda552bd0909f97688b95c1aee583b402b3d2407c4527dca1",
    ),
}  # fmt: skip
"""Of each key the two primes, by its size in bits."""


@lru_cache(maxsize=4)
def long_key(bits: int) -> rsa.RSAPrivateKey:
    """The key of this size. Raises KeyError where there is none."""
    p, q = (int(text, 16) for text in _PRIMES[bits])
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    exponents = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *exponents, rsa.RSAPublicNumbers(_EXPONENT, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)  # which takes seconds, too
