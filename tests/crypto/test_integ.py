"""Integrity algorithms against RFC 2202, RFC 3566, RFC 4494 and RFC 4868."""

from typing import Any

import pytest

from conformance.crypto import CryptoError, UnsupportedAlgorithm
from conformance.crypto.integ import integrities, integrity
from conformance.wire import Integ
from tests.crypto.loading import label, unhex, vectors


@pytest.mark.parametrize("case", vectors("integrity"), ids=label)
def test_icv(case: dict[str, Any]) -> None:
    algorithm = integrity(Integ[case["integ"]])
    key = unhex(case["key"])
    icv = algorithm.mac(key, unhex(case["data"]))
    assert icv.hex() == case["icv"]
    assert (algorithm.key_size, algorithm.icv_size) == (len(key), len(icv))


def test_every_algorithm_has_a_vector() -> None:
    assert {Integ[case["integ"]] for case in vectors("integrity")} == integrities() - {Integ.NONE}


def test_none_yields_nothing() -> None:
    none = integrity(Integ.NONE)
    assert (none.key_size, none.icv_size, none.mac(b"", b"data")) == (0, 0, b"")


@pytest.mark.parametrize("id_", [Integ.AES_XCBC_96, Integ.AES_CMAC_96])
def test_aes_macs_refuse_other_key_lengths(id_: Integ) -> None:
    with pytest.raises(CryptoError, match="16 octets, got 15"):
        integrity(id_).mac(bytes(15), b"data")


@pytest.mark.parametrize("id_", [Integ.DES_MAC, Integ.AES_128_GMAC, Integ(1024)])
def test_unsupported_integrity_is_named(id_: Integ) -> None:
    with pytest.raises(UnsupportedAlgorithm, match=str(id_)):
        integrity(id_)
