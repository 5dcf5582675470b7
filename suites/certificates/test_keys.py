"""Public keys that are absurd, in certificates that nobody trusts: refused, and no harm done (RFC 8017, RFC 5480).

A device reads the key of a certificate before it knows whether it trusts it. That it is none the worse for that shows
the IKE SA that lives beside each of these.
"""

from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.crypto.bundle import element
from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.script.peer import Peer
from suites.certificates.roles import AsResponder, refused
from suites.ike_auth.steps import in_our_name

TIER = "full"

_RSA = bytes.fromhex("06092a864886f70d0101010500")
_EC = bytes.fromhex("06072a8648ce3d0201")
_P256 = bytes.fromhex("06082a8648ce3d030107")
_ED25519 = bytes.fromhex("06032b6570")
_ODD = (1 << 2047) + 1


def key_info(algorithm: bytes, key: bytes) -> bytes:
    """A SubjectPublicKeyInfo of these parts."""
    return element(0x30, element(0x30, algorithm) + element(0x03, b"\0" + key))


def integer(value: int) -> bytes:
    """An INTEGER that is not negative."""
    return element(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def rsa_key(modulus: int, exponent: int) -> bytes:
    """An RSA key of any numbers."""
    return key_info(_RSA, element(0x30, integer(modulus) + integer(exponent)))


def with_key(certificate: x509.Certificate, info: bytes) -> x509.Certificate:
    """The same certificate with other octets for its SubjectPublicKeyInfo; its signature fits no longer."""
    usual = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    tbs = certificate.tbs_certificate_bytes
    behind = certificate.public_bytes(Encoding.DER).split(tbs, 1)[1]
    header = 4 if tbs[1] == 0x82 else 3
    return x509.load_der_x509_certificate(element(0x30, element(0x30, tbs[header:].replace(usual, info)) + behind))


ABSURD: dict[str, Callable[[Peer], bytes]] = {}
"""Each of these keys by its name: makers of a SubjectPublicKeyInfo."""


def absurd(identifier: str, *requirements: str) -> Callable[[Callable[[Peer], bytes]], AsResponder]:
    """The device gets a certificate for our name with this key, by an authority that it does not know."""

    def register(make: Callable[[Peer], bytes]) -> AsResponder:
        def certified(peer: Peer) -> Leaf:
            made = in_our_name(peer, Authority.create("a stranger"), key=new_key("ecdsa"))
            return Leaf(made.key, bent := with_key(made.certificate, make(peer)), (bent,))

        certified.__name__, certified.__module__ = make.__name__, make.__module__
        certified.__doc__ = make.__doc__
        ABSURD[identifier.removeprefix("cert-key-")] = make
        return refused(identifier, "RFC7296-1.2-11", *requirements)(certified)

    return register


@absurd("cert-key-rsa-512")
def test_rsa_512(peer: Peer) -> bytes:
    """An RSA modulus of 512 bits."""
    return rsa_key((1 << 511) + 111, 65537)


@absurd("cert-key-rsa-tiny")
def test_rsa_tiny(peer: Peer) -> bytes:
    """An RSA modulus of 8 bits."""
    return rsa_key(143, 3)


@absurd("cert-key-rsa-zero")
def test_rsa_zero(peer: Peer) -> bytes:
    """Modulus and exponent of an RSA key are zero."""
    return rsa_key(0, 0)


@absurd("cert-key-rsa-negative")
def test_rsa_negative(peer: Peer) -> bytes:
    """Modulus and exponent of an RSA key are negative numbers."""
    return key_info(_RSA, element(0x30, element(0x02, b"\xff" * 256) + element(0x02, b"\xff")))


@absurd("cert-key-rsa-even")
def test_rsa_even(peer: Peer) -> bytes:
    """An even RSA modulus: what multiplies after Montgomery cannot deal with that."""
    return rsa_key(1 << 2047, 65537)


@absurd("cert-key-rsa-exponent-one")
def test_rsa_exponent_one(peer: Peer) -> bytes:
    """The public exponent of an RSA key is 1."""
    return rsa_key(_ODD, 1)


@absurd("cert-key-rsa-exponent-even")
def test_rsa_exponent_even(peer: Peer) -> bytes:
    """The public exponent of an RSA key is 2."""
    return rsa_key(_ODD, 2)


@absurd("cert-key-rsa-exponent-huge")
def test_rsa_exponent_huge(peer: Peer) -> bytes:
    """The public exponent of an RSA key is as long as its modulus."""
    return rsa_key(_ODD, _ODD - 2)


@absurd("cert-key-rsa-huge")
def test_rsa_huge(peer: Peer) -> bytes:
    """An RSA modulus of 24576 bits, with an exponent of that size: each use of it takes long."""
    return rsa_key((1 << 24575) + 1, (1 << 24574) + 1)


@absurd("cert-key-rsa-empty")
def test_rsa_empty(peer: Peer) -> bytes:
    """The octets of an RSA key are an empty sequence."""
    return key_info(_RSA, element(0x30, b""))


@absurd("cert-key-none")
def test_none(peer: Peer) -> bytes:
    """A key of no bits at all."""
    return key_info(_RSA, b"")


@absurd("cert-key-ec-off-curve")
def test_ec_off_curve(peer: Peer) -> bytes:
    """A point that is not on P-256."""
    return key_info(_EC + _P256, b"\x04" + (1).to_bytes(32, "big") * 2)


@absurd("cert-key-ec-infinity")
def test_ec_infinity(peer: Peer) -> bytes:
    """The point at infinity, which is one octet of zero."""
    return key_info(_EC + _P256, b"\0")


@absurd("cert-key-ec-short")
def test_ec_short(peer: Peer) -> bytes:
    """A point whose second coordinate is missing."""
    return key_info(_EC + _P256, b"\x04" + peer.random(32))


@absurd("cert-key-ec-explicit")
def test_ec_explicit(peer: Peer) -> bytes:
    """A curve that is described in place of being named, over a field of one element (RFC 5480 forbids the form)."""
    field = element(0x30, bytes.fromhex("06072a8648ce3d0101") + integer(1))
    curve = element(0x30, element(0x04, b"\0") + element(0x04, b"\0"))
    numbers = integer(1) + field + curve + element(0x04, b"\x04\0\0") + integer(0) + integer(0)
    return key_info(_EC + element(0x30, numbers), b"\x04\0\0")


@absurd("cert-key-ec-no-curve")
def test_ec_no_curve(peer: Peer) -> bytes:
    """A point with NULL in place of the name of its curve."""
    return key_info(_EC + b"\x05\0", b"\x04" + peer.random(64))


@absurd("cert-key-ed25519-short")
def test_ed25519_short(peer: Peer) -> bytes:
    """An Ed25519 key of 31 octets."""
    return key_info(_ED25519, peer.random(31))


@absurd("cert-key-unknown", "RFC7427-5-1")
def test_unknown(peer: Peer) -> bytes:
    """A key for an algorithm that nobody knows."""
    return key_info(bytes.fromhex("06092b06010401829a7f01"), peer.random(64))
