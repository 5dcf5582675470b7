"""Signatures with our key that are nearly right (RFC 8017, sections 8.1.2, 8.2.2 and 9; FIPS 186-5, section 6.4).

Each is made with the private key, so that nothing but its form is wrong.
"""

from hashlib import sha1, sha256, sha384

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from conformance.crypto.bundle import element
from conformance.crypto.pki import Key
from conformance.crypto.sigalg import Scheme, SignatureAlgorithm, encode_algorithm
from conformance.wire import AuthMethod, HashAlgorithm
from suites.certificates.forging import forged, genuine
from suites.connections import certificates
from suites.ike_auth.steps import mixed, pss

TIER = "full"

_RSA, _PSS, _EC = certificates("rsa"), pss(), certificates("ecdsa")
_WRONG = ("RFC7296-1.2-11", "RFC7427-3-3")
_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2)."""
_INFO_SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")
_INFO_SHA384 = bytes.fromhex("3041300d060960864801650304020205000430")
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the base point of P-256."""


def named(scheme: Scheme, signature: bytes) -> bytes:
    """The data of AUTH: the name of the algorithm, with SHA-256, and the signature."""
    algorithm = SignatureAlgorithm(scheme, HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_256, 32)
    if scheme is not Scheme.PSS:
        algorithm = SignatureAlgorithm(scheme, HashAlgorithm.SHA2_256)
    name = encode_algorithm(algorithm)
    return bytes((len(name),)) + name + signature


# --- RSASSA-PKCS1-v1_5 ----------------------------------------------------------------------------------------------


def raised(key: Key, block: bytes) -> bytes:
    """What our private key makes of an encoded message."""
    assert isinstance(key, rsa.RSAPrivateKey)
    n, value = key.private_numbers(), int.from_bytes(block, "big")
    of_p, of_q = pow(value, n.dmp1, n.p), pow(value, n.dmq1, n.q)
    return (of_q + (of_p - of_q) * n.iqmp % n.p * n.q).to_bytes(key.key_size // 8, "big")


def block(key: Key, content: bytes, *, kind: int = 1, fill: bytes = b"\xff", behind: bytes = b"") -> bytes:
    """An encoded message: 0, the kind, filling octets, 0, the content, and what comes ``behind`` it."""
    assert isinstance(key, rsa.RSAPrivateKey)
    filling = fill * (key.key_size // 8 - 3 - len(content) - len(behind))
    return bytes((0, kind)) + filling + bytes(1) + content + behind


def encoded(key: Key, *args: bytes, **changes: bytes) -> bytes:
    """AUTH with such an encoded message, raised to the power of our private key."""
    return named(Scheme.RSA, raised(key, block(key, *args, **changes)))  # type: ignore[arg-type]


@forged("cert-signature-garbage-behind", *_WRONG, connection=_RSA)
def test_garbage_behind(key: Key, octets: bytes) -> bytes:
    """The padding is short, and behind the digest come octets that nobody accounts for.

    With a small public exponent that is all that is needed for a signature without the private key.
    """
    return encoded(key, _INFO + sha256(octets).digest(), behind=b"\x5a" * 64)


@forged("cert-signature-garbage-inside", *_WRONG, connection=_RSA)
def test_garbage_inside(key: Key, octets: bytes) -> bytes:
    """The parameters of the hash algorithm in DigestInfo hold 64 octets of anything, in place of NULL."""
    algorithm = bytes.fromhex("304d0609608648016503040201") + b"\x04\x40" + b"\x5a" * 64
    info = b"\x30\x71" + algorithm + b"\x04\x20" + sha256(octets).digest()
    return encoded(key, info)


@forged("cert-signature-no-digest-info", *_WRONG, connection=_RSA)
def test_no_digest_info(key: Key, octets: bytes) -> bytes:
    """The digest stands behind the padding without saying which one it is."""
    return encoded(key, sha256(octets).digest())


@forged("cert-signature-other-digest-info", *_WRONG, connection=_RSA)
def test_other_digest_info(key: Key, octets: bytes) -> bytes:
    """AUTH names SHA-256, DigestInfo SHA-384 with a digest that is right for that."""
    return encoded(key, _INFO_SHA384 + sha384(octets).digest())


@forged("cert-signature-sha1-inside", *_WRONG, connection=_RSA)
def test_sha1_inside(key: Key, octets: bytes) -> bytes:
    """AUTH names SHA-256, DigestInfo SHA-1 with a digest that is right for that."""
    return encoded(key, _INFO_SHA1 + sha1(octets, usedforsecurity=False).digest())


@forged("cert-signature-digest-short", *_WRONG, connection=_RSA)
def test_digest_short(key: Key, octets: bytes) -> bytes:
    """Of the digest there are the first eight octets, and the lengths say so: nobody compares the rest."""
    return encoded(key, shortened(octets, 8))


@forged("cert-signature-digest-none", *_WRONG, connection=_RSA)
def test_digest_none(key: Key, octets: bytes) -> bytes:
    """DigestInfo names SHA-256 and holds no octet of a digest, so that it fits whatever was signed."""
    return encoded(key, shortened(octets, 0))


def shortened(octets: bytes, size: int) -> bytes:
    """A DigestInfo of SHA-256 that is well-formed but for the size of the digest."""
    return bytes((_INFO[0], _INFO[1] - 32 + size)) + _INFO[2:-1] + bytes((size,)) + sha256(octets).digest()[:size]


@forged("cert-signature-block-type", *_WRONG, connection=_RSA)
def test_block_type(key: Key, octets: bytes) -> bytes:
    """The encoded message is of type 2, that of encryption."""
    return named(Scheme.RSA, raised(key, block(key, _INFO + sha256(octets).digest(), kind=2)))


@forged("cert-signature-filling", *_WRONG, connection=_RSA)
def test_filling(key: Key, octets: bytes) -> bytes:
    """The padding is of other octets than 0xff."""
    return encoded(key, _INFO + sha256(octets).digest(), fill=b"\xfe")


@forged("cert-signature-long", *_WRONG, connection=_RSA)
def test_long(key: Key, octets: bytes) -> bytes:
    """The right signature, and an octet behind it: it is longer than the modulus."""
    return named(Scheme.RSA, raised(key, block(key, _INFO + sha256(octets).digest())) + b"\0")


@forged("cert-signature-one", *_WRONG, connection=_RSA)
def test_one(key: Key, octets: bytes) -> bytes:
    """The number 1, which is its own power, whatever the key."""
    assert isinstance(key, rsa.RSAPrivateKey)
    return named(Scheme.RSA, (1).to_bytes(key.key_size // 8, "big"))


def modulus(key: Key, octets: bytes) -> bytes:
    """The modulus."""
    assert isinstance(key, rsa.RSAPrivateKey)
    return named(Scheme.RSA, key.public_key().public_numbers().n.to_bytes(key.key_size // 8, "big"))


@forged("cert-signature-zero", *_WRONG, connection=_RSA, also=(modulus,))
def test_zero(key: Key, octets: bytes) -> bytes:
    """The number 0, in as many octets as the modulus has, and the modulus, which is 0 for all that follows.

    Both are their own powers; the modulus is out of range as well (RFC 8017, section 5.2.2).
    """
    assert isinstance(key, rsa.RSAPrivateKey)
    return named(Scheme.RSA, bytes(key.key_size // 8))


@forged("cert-signature-absent", *_WRONG, connection=_RSA)
def test_absent(key: Key, octets: bytes) -> bytes:
    """The name of the algorithm and no signature behind it."""
    return named(Scheme.RSA, b"")


# --- RSASSA-PSS -----------------------------------------------------------------------------------------------------


@forged("cert-signature-salt-short", *_WRONG, connection=_PSS)
def test_salt_short(key: Key, octets: bytes) -> bytes:
    """AUTH says that the salt has 32 octets; it has 20."""
    return salted(key, octets, 20)


@forged("cert-signature-salt-none", *_WRONG, connection=_PSS)
def test_salt_none(key: Key, octets: bytes) -> bytes:
    """AUTH says that the salt has 32 octets; there is none."""
    return salted(key, octets, 0)


@forged("cert-signature-salt-long", *_WRONG, connection=_PSS)
def test_salt_long(key: Key, octets: bytes) -> bytes:
    """AUTH says that the salt has 32 octets; it has 64."""
    return salted(key, octets, 64)


def salted(key: Key, octets: bytes, salt: int) -> bytes:
    """AUTH under the name of RSASSA-PSS with 32 octets of salt, with another number of them."""
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    return named(Scheme.PSS, key.sign(octets, scheme, hashes.SHA256()))


@forged("cert-signature-pss-named-rsa", *_WRONG, connection=_PSS)
def test_pss_named_rsa(key: Key, octets: bytes) -> bytes:
    """AUTH names RSASSA-PSS, the signature is one of PKCS #1 1.5."""
    return named(Scheme.PSS, raised(key, block(key, _INFO + sha256(octets).digest())))


@genuine("cert-signature-leading-zero", "RFC7296-1.2-11", "RFC7427-3-2", connection=_PSS)
def test_leading_zero(key: Key, octets: bytes) -> bytes:
    """The right signature, which begins with an octet of zeros, as one of 256 does."""
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = b"\1"
    while signature[0]:
        signature = key.sign(octets, scheme, hashes.SHA256())
    return named(Scheme.PSS, signature)


# --- ECDSA ----------------------------------------------------------------------------------------------------------


def pair(key: Key, octets: bytes) -> tuple[int, int]:
    """r and s of the right signature."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))


@forged("cert-signature-r-zero", *_WRONG, connection=_EC)
def test_r_zero(key: Key, octets: bytes) -> bytes:
    """r is zero, s that of the right signature."""
    return named(Scheme.ECDSA, encode_dss_signature(0, pair(key, octets)[1]))


@forged("cert-signature-s-zero", *_WRONG, connection=_EC)
def test_s_zero(key: Key, octets: bytes) -> bytes:
    """s is zero, r that of the right signature."""
    return named(Scheme.ECDSA, encode_dss_signature(pair(key, octets)[0], 0))


@forged("cert-signature-r-high", *_WRONG, connection=_EC)
def test_r_high(key: Key, octets: bytes) -> bytes:
    """r is greater by the order of the curve: the same number for all that follows, but out of range."""
    r, s = pair(key, octets)
    return named(Scheme.ECDSA, encode_dss_signature(r + _ORDER, s))


@forged("cert-signature-s-high", *_WRONG, connection=_EC)
def test_s_high(key: Key, octets: bytes) -> bytes:
    """s is greater by the order of the curve: the same number for all that follows, but out of range."""
    r, s = pair(key, octets)
    return named(Scheme.ECDSA, encode_dss_signature(r, s + _ORDER))


@forged("cert-signature-order", *_WRONG, connection=_EC)
def test_order(key: Key, octets: bytes) -> bytes:
    """r and s are the order of the curve, which is zero once more."""
    return named(Scheme.ECDSA, encode_dss_signature(_ORDER, _ORDER))


@forged("cert-signature-r-negative", *_WRONG, connection=_EC)
def test_r_negative(key: Key, octets: bytes) -> bytes:
    """r is less by the order of the curve and so negative: the same number for all that follows, but out of range."""
    r, s = pair(key, octets)
    return named(Scheme.ECDSA, element(0x30, integer(r - _ORDER) + integer(s)))


def integer(value: int) -> bytes:
    """An INTEGER of DER, in two's complement and as short as can be."""
    bits = (value if value >= 0 else ~value).bit_length()
    return element(0x02, value.to_bytes(bits // 8 + 1, "big", signed=True))


@forged("cert-signature-swapped", *_WRONG, connection=_EC)
def test_swapped(key: Key, octets: bytes) -> bytes:
    """r and s have changed places."""
    r, s = pair(key, octets)
    return named(Scheme.ECDSA, encode_dss_signature(s, r))


def with_zeros(key: Key, octets: bytes) -> tuple[int, int]:
    """r and s of a right signature where one of them begins with an octet of zeros, as one of 128 signatures does."""
    while True:
        r, s = pair(key, octets)
        if min(r, s) >> 248 == 0:
            return r, s


@genuine("cert-signature-ecdsa-short", "RFC7296-1.2-11", "RFC7427-3-2", connection=_EC)
def test_ecdsa_short(key: Key, octets: bytes) -> bytes:
    """The right signature, of which r or s is so small that it has an octet less than the order of the curve in DER."""
    return named(Scheme.ECDSA, encode_dss_signature(*with_zeros(key, octets)))


@genuine(
    "cert-signature-ecdsa-padded", "RFC7296-1.2-11", "RFC4754-7-2", "RFC4754-7-1",
    connection=mixed(our_certificate=True, kind="ecdsa"), method=AuthMethod.ECDSA_256,
)  # fmt: skip
def test_ecdsa_padded(key: Key, octets: bytes) -> bytes:
    """Under method 9, the right signature, of which r or s begins with an octet of zeros as it is so small.

    The device has a shared key, so nothing depends on how it signs itself.
    """
    return b"".join(one.to_bytes(32, "big") for one in with_zeros(key, octets))
