"""Bundles of certificates (RFC 7296, section 3.6)."""

import pytest

from conformance.crypto.bundle import SEQUENCE, bundle, certificates_of, element
from conformance.crypto.errors import CertificateError


def test_what_is_put_in_comes_out() -> None:
    small, large = element(SEQUENCE, b"\x05\0"), element(SEQUENCE, bytes(70000))
    assert certificates_of(bundle([small, large], lists=[small])) == [small, large]
    assert certificates_of(bundle([])) == []


def test_members_are_tagged_explicitly() -> None:
    assert bundle([b"\x30\0"], [b"\x30\0"]).hex() == "3008a0023000a1023000"


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        ("", "no SEQUENCE"),
        ("3100", "no SEQUENCE"),
        ("30003000", "no SEQUENCE"),
        ("30", "cannot be read"),
        ("3080a000", "cannot be read"),
        ("3085000000000100", "cannot be read"),
        ("3003a002", "ends too early"),
        ("3002a001", "ends too early"),
        ("3002a700", "something else"),
        ("30820082" + "a000" * 65, "more than 64"),
    ],
)
def test_what_is_no_bundle_is_said_in_one_line(octets: str, problem: str) -> None:
    with pytest.raises(CertificateError, match=problem):
        certificates_of(bytes.fromhex(octets))
