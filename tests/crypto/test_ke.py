"""Key exchange methods against RFC 5114, 5903, 6932, 6954, 7748, 8031 and Wycheproof, and what they must refuse."""

import os
from random import Random as Generator
from typing import Any

import pytest

from conformance.crypto import CryptoError, UnsupportedAlgorithm
from conformance.crypto.ke import ke_methods, key_exchange, respond
from conformance.crypto.modp import ModpPrivate, modp_group, modp_methods
from conformance.wire import KeMethod
from tests.crypto.loading import fixed, label, unhex, vectors

# The library announces the end of finite-field groups at every use.
pytestmark = pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")

MODP = sorted(modp_methods())
ECP = [
    KeMethod.ECP_192,
    KeMethod.ECP_224,
    KeMethod.ECP_256,
    KeMethod.ECP_384,
    KeMethod.ECP_521,
    KeMethod.BRAINPOOL_P256R1,
    KeMethod.BRAINPOOL_P384R1,
    KeMethod.BRAINPOOL_P512R1,
]
ML_KEM = [method for method in (KeMethod.ML_KEM_768, KeMethod.ML_KEM_1024) if method in ke_methods()]


def random_octets(method: KeMethod, private: bytes) -> bytes:
    """The octets from which a key exchange makes a private value: groups with a subgroup map them to 1 .. q-1."""
    if method in modp_methods():
        return (int.from_bytes(private, "big") - 1).to_bytes(len(private), "big")
    return private


@pytest.mark.parametrize("case", vectors("key_exchange"), ids=lambda case: f"{case['method']}: {case['source']}")
def test_agreement(case: dict[str, Any]) -> None:
    method = KeMethod[case["method"]]
    initiator = key_exchange(method, fixed(random_octets(method, unhex(case["private_i"]))))
    responder = key_exchange(method, fixed(random_octets(method, unhex(case["private_r"]))))
    assert initiator.public.hex() == case["public_i"]
    assert responder.public.hex() == case["public_r"]
    assert initiator.shared(responder.public).hex() == case["shared"]
    assert responder.shared(initiator.public).hex() == case["shared"]


@pytest.mark.parametrize("case", vectors("modp_primes"), ids=lambda case: case["method"])
def test_modp_groups_are_those_of_the_rfc(case: dict[str, Any]) -> None:
    group = modp_group(KeMethod[case["method"]])
    assert group.p == int(case["prime"], 16)
    assert group.g == int(case["generator"], 16)
    assert group.size == len(case["prime"]) // 2


@pytest.mark.parametrize("method", MODP)
def test_modp_exponentiation_is_that_of_integers(method: KeMethod) -> None:
    group = modp_group(method)
    generator = Generator(int(method))
    x, y = (group.private(generator.randbytes(group.private_size)) for _ in range(2))
    ours, theirs = ModpPrivate(method, x), ModpPrivate(method, y)
    assert int.from_bytes(ours.public, "big") == pow(group.g, x, group.p)
    assert len(ours.public) == group.size
    assert int.from_bytes(ours.shared(theirs.public), "big") == pow(group.g, x * y, group.p)


def test_every_method_has_a_vector() -> None:
    seen = {KeMethod[case["method"]] for name in ("key_exchange", "modp_primes") for case in vectors(name)}
    # ML-KEM-1024 is the same code as ML-KEM-768 with another parameter set of the library.
    assert ke_methods() - seen == set(ML_KEM)


@pytest.mark.skipif(not ML_KEM, reason="the installed cryptography has no ML-KEM")
def test_ml_kem_768() -> None:
    case = vectors("ml_kem")
    initiator = key_exchange(KeMethod.ML_KEM_768, fixed(unhex(case["seed"])))
    assert len(initiator.public) == 1184
    assert initiator.public.startswith(unhex(case["encapsulation_key_starts"]))
    assert initiator.public.endswith(unhex(case["encapsulation_key_ends"]))
    assert initiator.shared(unhex(case["ciphertext"])).hex() == case["shared"]


@pytest.mark.parametrize("method", sorted(ke_methods()))
def test_both_sides_agree(method: KeMethod) -> None:
    initiator = key_exchange(method, os.urandom)
    public, shared = respond(method, initiator.public, os.urandom)
    assert initiator.method == method
    assert initiator.shared(public) == shared
    assert key_exchange(method, os.urandom).public != initiator.public


@pytest.mark.parametrize("method", sorted(ke_methods()))
def test_the_same_octets_make_the_same_key(method: KeMethod) -> None:
    first, second = (key_exchange(method, Generator(7).randbytes) for _ in range(2))
    assert first.public == second.public


@pytest.mark.parametrize("octets", [b"\x00", b"\xff"])
@pytest.mark.parametrize("method", [*MODP, *ECP])
def test_extreme_octets_still_make_a_key(method: KeMethod, octets: bytes) -> None:
    exchange = key_exchange(method, lambda size: octets * size)
    public, shared = respond(method, exchange.public, Generator(1).randbytes) if octets == b"\xff" else (b"", b"")
    assert exchange.public
    assert not public or exchange.shared(public) == shared


@pytest.mark.parametrize("method", sorted(ke_methods()))
@pytest.mark.parametrize("change", [-1, 1], ids=["shorter", "longer"])
def test_wrong_length_is_refused(method: KeMethod, change: int) -> None:
    exchange = key_exchange(method, os.urandom)
    public, _ = respond(method, exchange.public, os.urandom)
    wrong = public[:change] if change < 0 else public + b"\0"
    with pytest.raises(CryptoError, match="octets"):
        exchange.shared(wrong)
    with pytest.raises(CryptoError, match="octets"):
        respond(method, exchange.public + b"\0", os.urandom)


@pytest.mark.parametrize("method", MODP)
def test_modp_range_is_checked(method: KeMethod) -> None:
    """RFC 6989, section 2.1: 1 < r < p-1."""
    group = modp_group(method)
    exchange = key_exchange(method, os.urandom)
    for value in (0, 1, group.p - 1, group.p, group.p + 1, 256**group.size - 1):
        if value < 256**group.size:
            with pytest.raises(CryptoError, match="1 < r < p-1"):
                exchange.shared(value.to_bytes(group.size, "big"))


@pytest.mark.parametrize("method", [KeMethod.MODP_1024_160, KeMethod.MODP_2048_224, KeMethod.MODP_2048_256])
def test_small_subgroup_is_checked(method: KeMethod) -> None:
    """RFC 6989, section 2.2: r^q = 1 mod p."""
    group = modp_group(method)
    assert group.q is not None
    outsider = next(value for value in range(2, 50) if pow(value, group.q, group.p) != 1)
    with pytest.raises(CryptoError, match="subgroup"):
        key_exchange(method, os.urandom).shared(outsider.to_bytes(group.size, "big"))


@pytest.mark.parametrize("method", ECP)
def test_point_must_be_on_the_curve(method: KeMethod) -> None:
    """RFC 6989, section 2.3."""
    exchange = key_exchange(method, os.urandom)
    bent = exchange.public[:-1] + bytes((exchange.public[-1] ^ 1,))
    for public in (bent, bytes(len(bent)), b"\xff" * len(bent)):
        with pytest.raises(CryptoError, match="not a point on the curve"):
            exchange.shared(public)


@pytest.mark.parametrize(("method", "size"), [(KeMethod.CURVE25519, 32), (KeMethod.CURVE448, 56)])
@pytest.mark.parametrize("value", [0, 1])
def test_points_of_small_order_are_refused(method: KeMethod, size: int, value: int) -> None:
    """RFC 7748, section 6: the shared secret would be all zero."""
    with pytest.raises(CryptoError, match="all zero"):
        key_exchange(method, os.urandom).shared(value.to_bytes(size, "little"))


@pytest.mark.parametrize(
    "method", [KeMethod.NONE, KeMethod.BRAINPOOL_P224R1, KeMethod.GOST3410_2012_256, KeMethod.ML_KEM_512, KeMethod(999)]
)
def test_unsupported_method_is_named(method: KeMethod) -> None:
    with pytest.raises(UnsupportedAlgorithm, match=str(method)):
        key_exchange(method, os.urandom)
    with pytest.raises(UnsupportedAlgorithm, match=str(method)):
        respond(method, b"", os.urandom)
    assert method not in ke_methods()


def test_labels_name_their_source() -> None:
    assert all(label(case).startswith("RFC") for case in vectors("key_exchange"))
