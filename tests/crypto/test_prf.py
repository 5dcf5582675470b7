"""prf and prf+ against RFC 2202, RFC 4868, RFC 4434, RFC 4615 and the key derivation cases of NIST."""

from typing import Any

import pytest

from conformance.crypto import CryptoError, UnsupportedAlgorithm
from conformance.crypto.prf import prf, prfs
from conformance.wire import Prf
from tests.crypto.loading import label, unhex, vectors


@pytest.mark.parametrize("case", vectors("prf"), ids=label)
def test_prf(case: dict[str, Any]) -> None:
    function = prf(Prf[case["prf"]])
    output = function(unhex(case["key"]), unhex(case["data"]))
    assert output.hex() == case["output"]
    assert function.output_size == len(output)


def test_every_prf_has_a_vector() -> None:
    assert {Prf[case["prf"]] for case in vectors("prf")} == prfs()


@pytest.mark.parametrize("case", vectors("key_derivation"), ids=label)
def test_keys_of_an_ike_sa_and_its_children(case: dict[str, Any]) -> None:
    """RFC 7296, sections 2.14, 2.17 and 2.18, written out with prf and prf+ alone."""
    function = prf(Prf[case["prf"]])
    nonces = unhex(case["ni"]) + unhex(case["nr"])
    seed = function(nonces, unhex(case["shared"]))
    assert seed.hex() == case["skeyseed"]

    def derived(key: bytes, data: bytes, expected: str) -> None:
        assert function.plus(key, data, len(expected) // 2).hex() == expected

    derived(seed, nonces + unhex(case["spi_i"]) + unhex(case["spi_r"]), case["keys"])
    sk_d = unhex(case["keys"])[: function.key_size]
    derived(sk_d, nonces, case["child"])
    derived(sk_d, unhex(case["new_shared"]) + nonces, case["child_with_ke"])
    assert function(sk_d, unhex(case["new_shared"]) + nonces).hex() == case["rekeyed_skeyseed"]


@pytest.mark.parametrize("id_", sorted(prfs()))
def test_prf_plus_is_the_chain_of_blocks(id_: Prf) -> None:
    function = prf(id_)
    key, seed = bytes(function.key_size), b"seed"
    first = function(key, seed + b"\x01")
    second = function(key, first + seed + b"\x02")
    third = function(key, second + seed + b"\x03")
    stream = first + second + third
    for length in (0, 1, function.output_size, function.output_size + 1, len(stream)):
        assert function.plus(key, seed, length) == stream[:length]


def test_prf_plus_ends_after_255_blocks() -> None:
    function = prf(Prf.HMAC_SHA2_256)
    assert len(function.plus(b"key", b"seed", 255 * 32)) == 255 * 32
    with pytest.raises(CryptoError, match="8160 octets, 8161"):
        function.plus(b"key", b"seed", 255 * 32 + 1)


@pytest.mark.parametrize("id_", [Prf.HMAC_TIGER, Prf.HMAC_STREEBOG_512, Prf(40000)])
def test_unsupported_prf_is_named(id_: Prf) -> None:
    with pytest.raises(UnsupportedAlgorithm, match=str(id_)):
        prf(id_)
