"""Signatures of AUTH payloads against RFC 4754, 6979, 7427, 8032, 8420 and Wycheproof."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from conformance.crypto import CryptoError, UnsupportedAlgorithm
from conformance.crypto.pki import cached_key
from conformance.crypto.sigalg import Scheme, SignatureAlgorithm, decode_algorithm, encode_algorithm
from conformance.crypto.sign import classic_method, kind_of, sign, signature_algorithm, signature_name, verify
from conformance.wire import AuthMethod, HashAlgorithm
from tests.crypto.loading import label, unhex, vectors

VECTORS = vectors("signatures")
CURVES: dict[str, ec.EllipticCurve] = {
    "ECDSA_256": ec.SECP256R1(),
    "ECDSA_384": ec.SECP384R1(),
    "ECDSA_521": ec.SECP521R1(),
}
DIGITAL = AuthMethod.DIGITAL_SIGNATURE
SHA1, SHA256 = HashAlgorithm.SHA1, HashAlgorithm.SHA2_256
SHA384, SHA512 = HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_512


def key_of(kind: str) -> PrivateKeyTypes:
    return cached_key(kind, "tests of signatures")


def wycheproof_key() -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(VECTORS["rsa"]["exponent"], int(VECTORS["rsa"]["modulus"], 16)).public_key()


def prefixed(algorithm: SignatureAlgorithm, signature: bytes) -> bytes:
    der = encode_algorithm(algorithm)
    return bytes((len(der),)) + der + signature


@pytest.mark.parametrize("case", VECTORS["rfc4754"], ids=lambda case: case["method"])
def test_ecdsa_of_rfc_4754(case: dict[str, Any]) -> None:
    method, curve = AuthMethod[case["method"]], CURVES[case["method"]]
    public = ec.EllipticCurvePublicNumbers(int(case["x"], 16), int(case["y"], 16), curve).public_key()
    verify(public, method, unhex(case["data"]), unhex(case["auth"]))
    with pytest.raises(CryptoError, match="does not verify"):
        verify(public, method, b"abd", unhex(case["auth"]))
    private = ec.derive_private_key(int(case["private"], 16), curve)
    assert private.public_key().public_numbers() == public.public_numbers()
    ours = sign(private, method, unhex(case["data"]))
    assert len(ours) * 2 == len(case["auth"])
    verify(public, method, unhex(case["data"]), ours)


@pytest.mark.parametrize("case", VECTORS["rfc6979"], ids=label)
def test_ecdsa_is_deterministic(case: dict[str, Any]) -> None:
    private = ec.derive_private_key(int(case["private"], 16), CURVES[case["method"]])
    assert sign(private, AuthMethod[case["method"]], unhex(case["data"])).hex() == case["auth"]


@pytest.mark.parametrize("case", VECTORS["rsa"]["pkcs1_sha256"], ids=label)
def test_rsa_pkcs1(case: dict[str, Any]) -> None:
    data, signature = unhex(case["data"]), unhex(case["signature"])
    named = prefixed(SignatureAlgorithm(Scheme.RSA, SHA256), signature)
    for method, auth in ((AuthMethod.RSA_SIGNATURE, signature), (DIGITAL, named)):
        if case["valid"]:
            verify(wycheproof_key(), method, data, auth)
        else:
            with pytest.raises(CryptoError, match="does not verify"):
                verify(wycheproof_key(), method, data, auth)


@pytest.mark.parametrize("case", VECTORS["rsa"]["pss_sha256_salt32"], ids=label)
def test_rsa_pss(case: dict[str, Any]) -> None:
    data, signature = unhex(case["data"]), unhex(case["signature"])
    verify(wycheproof_key(), DIGITAL, data, prefixed(SignatureAlgorithm(Scheme.PSS, SHA256, SHA256, 32), signature))
    for other in (
        SignatureAlgorithm(Scheme.RSA, SHA256),
        SignatureAlgorithm(Scheme.PSS, SHA256, SHA256, 20),
        SignatureAlgorithm(Scheme.PSS, SHA256, SHA1, 32),
        SignatureAlgorithm(Scheme.PSS, SHA384, SHA384, 32),
    ):
        with pytest.raises(CryptoError, match="does not verify"):
            verify(wycheproof_key(), DIGITAL, data, prefixed(other, signature))


@pytest.mark.parametrize("case", VECTORS["eddsa"], ids=label)
def test_eddsa(case: dict[str, Any]) -> None:
    octets = unhex(case["private"])
    key: Ed25519PrivateKey | Ed448PrivateKey
    if case["kind"] == "Ed25519":
        key = Ed25519PrivateKey.from_private_bytes(octets)
    else:
        key = Ed448PrivateKey.from_private_bytes(octets)
    auth = sign(key, DIGITAL, unhex(case["data"]))
    assert auth[8:].hex() == case["signature"]
    assert signature_name(auth) == case["kind"]
    verify(key.public_key(), DIGITAL, unhex(case["data"]), auth)


@pytest.mark.parametrize("case", VECTORS["identifiers"], ids=label)
def test_algorithm_identifiers(case: dict[str, Any]) -> None:
    algorithm = decode_algorithm(unhex(case["der"]))
    assert algorithm.scheme is Scheme[case["scheme"]]
    assert algorithm.hash == HashAlgorithm[case["hash"]]
    assert algorithm.salt == case["salt"]
    again = encode_algorithm(algorithm)
    # The RFC writes the trailer field of RSASSA-PSS, which DER leaves out because it has its default value.
    assert (again.hex() == case["der"]) == case["canonical"]
    assert decode_algorithm(again) == algorithm


@pytest.mark.parametrize("case", VECTORS["unsupported_identifiers"], ids=label)
def test_unsupported_identifiers_are_named(case: dict[str, Any]) -> None:
    der = unhex(case["der"])
    with pytest.raises(UnsupportedAlgorithm, match=r"\d\.\d+\.\d+"):
        decode_algorithm(der)
    assert "signature algorithm" in signature_name(bytes((len(der),)) + der)


SIGNATURES: list[tuple[str, AuthMethod, HashAlgorithm | None, bool, str]] = [
    ("rsa", AuthMethod.RSA_SIGNATURE, None, False, ""),
    ("rsa", AuthMethod.RSA_SIGNATURE, SHA256, False, ""),
    ("rsa", AuthMethod.RSA_SIGNATURE, SHA512, False, ""),
    ("ecdsa", AuthMethod.ECDSA_256, None, False, ""),
    ("ecdsa384", AuthMethod.ECDSA_384, None, False, ""),
    ("ecdsa521", AuthMethod.ECDSA_521, None, False, ""),
    ("rsa", DIGITAL, None, False, "RSA PKCS#1 v1.5 with SHA-256"),
    ("rsa", DIGITAL, SHA1, False, "RSA PKCS#1 v1.5 with SHA-1"),
    ("rsa", DIGITAL, SHA384, False, "RSA PKCS#1 v1.5 with SHA-384"),
    ("rsa", DIGITAL, None, True, "RSASSA-PSS with SHA-256, salt 32"),
    ("rsa", DIGITAL, SHA1, True, "RSASSA-PSS with SHA-1, salt 20"),
    ("rsa", DIGITAL, SHA512, True, "RSASSA-PSS with SHA-512, salt 64"),
    ("ecdsa", DIGITAL, None, False, "ECDSA with SHA-256"),
    ("ecdsa", DIGITAL, SHA1, False, "ECDSA with SHA-1"),
    ("ecdsa", DIGITAL, SHA512, False, "ECDSA with SHA-512"),
    ("ecdsa384", DIGITAL, None, False, "ECDSA with SHA-384"),
    ("ecdsa521", DIGITAL, None, False, "ECDSA with SHA-512"),
    ("ed25519", DIGITAL, None, False, "Ed25519"),
    ("ed448", DIGITAL, HashAlgorithm.IDENTITY, False, "Ed448"),
]


@pytest.mark.parametrize(("kind", "method", "digest", "pss", "name"), SIGNATURES)
def test_what_is_signed_verifies_and_nothing_else(
    kind: str, method: AuthMethod, digest: HashAlgorithm | None, pss: bool, name: str
) -> None:
    key = key_of(kind)
    auth = sign(key, method, b"signed octets", hash=digest, pss=pss)
    verify(key.public_key(), method, b"signed octets", auth)
    if method == DIGITAL:
        assert signature_name(auth) == name
        assert str(signature_algorithm(auth)) == name
    for data, changed in ((b"Signed octets", auth), (b"signed octets", auth[:-1] + bytes((auth[-1] ^ 1,)))):
        with pytest.raises(CryptoError):
            verify(key.public_key(), method, data, changed)
    stranger = cached_key(kind, "another key of the tests of signatures")
    with pytest.raises(CryptoError, match="does not verify"):
        verify(stranger.public_key(), method, b"signed octets", auth)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("ecdsa", AuthMethod.RSA_SIGNATURE),
        ("ed25519", AuthMethod.RSA_SIGNATURE),
        ("rsa", AuthMethod.ECDSA_256),
        ("ecdsa384", AuthMethod.ECDSA_256),
        ("ecdsa", AuthMethod.ECDSA_521),
    ],
)
def test_the_key_must_fit_the_method(kind: str, method: AuthMethod) -> None:
    key = key_of(kind)
    with pytest.raises(CryptoError, match=kind_of(key)):
        sign(key, method, b"data")
    with pytest.raises(CryptoError, match=kind_of(key)):
        verify(key.public_key(), method, b"data", bytes(64))


def test_the_key_must_fit_the_identifier() -> None:
    auth = sign(key_of("ecdsa"), DIGITAL, b"data")
    with pytest.raises(CryptoError, match="ECDSA with SHA-256 needs another key than RSA 2048"):
        verify(key_of("rsa").public_key(), DIGITAL, b"data", auth)


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        ("", "reaches beyond"),
        ("0530030601", "reaches beyond"),
        ("00", "no DER"),
        ("0230ff", "no DER"),
        ("03310100aa", "tag 0x31 where 0x30"),
        ("053003060180", "malformed OID"),
        ("07300506032b65ff", "malformed OID"),
        ("0a300706032b65700500aabb", "octets after"),
        ("09300706032b65700500", "parameters 0500 with Ed25519"),
        ("0d300b06092a864886f70d01010a", "no DER"),
        ("14301206092a864886f70d01010a3005a2030201ff", "salt of -1 octets"),
        ("16301406092a864886f70d01010a3007a2050203010000", "salt of 65536 octets"),
        ("14301206092a864886f70d01010a3005a303020102", "tag 0xa3 with 020102"),
    ],
)
def test_malformed_identifiers_are_refused(auth: str, problem: str) -> None:
    with pytest.raises(CryptoError, match=problem):
        verify(key_of("ecdsa").public_key(), DIGITAL, b"data", unhex(auth))
    assert isinstance(signature_name(unhex(auth)), str)


def test_wrong_sizes_of_rfc_4754_signatures() -> None:
    with pytest.raises(CryptoError, match="63 octets, ECDSA_256 has 64"):
        verify(key_of("ecdsa").public_key(), AuthMethod.ECDSA_256, b"data", bytes(63))
    with pytest.raises(CryptoError):
        verify(key_of("ecdsa").public_key(), AuthMethod.ECDSA_256, b"data", bytes(64))


def test_methods_and_keys_without_signatures() -> None:
    key = key_of("ecdsa")
    for method in (AuthMethod.SHARED_KEY_MIC, AuthMethod.DSS_SIGNATURE, AuthMethod(99)):
        with pytest.raises(UnsupportedAlgorithm, match=str(method)):
            sign(key, method, b"data")
        with pytest.raises(UnsupportedAlgorithm, match=str(method)):
            verify(key.public_key(), method, b"data", b"")
    with pytest.raises(UnsupportedAlgorithm, match="X25519"):
        sign(x25519.X25519PrivateKey.generate(), DIGITAL, b"data")
    with pytest.raises(UnsupportedAlgorithm, match="STREEBOG"):
        sign(key_of("rsa"), DIGITAL, b"data", hash=HashAlgorithm.STREEBOG_256)
    with pytest.raises(UnsupportedAlgorithm, match="Ed25519"):
        sign(key_of("ed25519"), DIGITAL, b"data", hash=SHA256)


def test_rsa_key_too_small_for_the_salt() -> None:
    small = rsa.generate_private_key(65537, 1024)
    with pytest.raises(CryptoError, match="RSA 1024 cannot sign"):
        sign(small, DIGITAL, b"data", hash=SHA512, pss=True)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("rsa", AuthMethod.RSA_SIGNATURE),
        ("ecdsa", AuthMethod.ECDSA_256),
        ("ecdsa384", AuthMethod.ECDSA_384),
        ("ecdsa521", AuthMethod.ECDSA_521),
        ("ed25519", None),
    ],
)
def test_classic_method(kind: str, method: AuthMethod | None) -> None:
    assert classic_method(key_of(kind)) == method
    assert classic_method(key_of(kind).public_key()) == method
