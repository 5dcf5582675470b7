"""Distinguished names: what is read is what was written, and which names are the same (RFC 5280, section 7.1)."""

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from conformance.crypto.dn import BMP_STRING, IA5_STRING, PRINTABLE_STRING, UTF8_STRING, Attribute, read, same, write

CN, OU = bytes.fromhex("550403"), bytes.fromhex("55040b")
TEXT = "CN=tester+2.5.4.5=7,OU=Conformance \u00e9,O=ikespec,C=CH,DC=example"


def name(*values: str | bytes, tag: int = UTF8_STRING, kind: bytes = CN) -> bytes:
    octets = [one.encode() if isinstance(one, str) else one for one in values]
    return write(tuple((Attribute(kind, one, tag),) for one in octets))


def test_as_the_library_has_it() -> None:
    octets = x509.Name.from_rfc4514_string(TEXT).public_bytes()
    parts = read(octets)
    assert [len(one) for one in parts] == [1, 1, 1, 1, 2]
    assert parts[0][0].tag == IA5_STRING
    assert parts[1][0] == Attribute(bytes.fromhex("550406"), b"CH", PRINTABLE_STRING)
    assert write(parts) == octets


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (name("Tester"), name("tESTER")),
        (name("of  the\ttests "), name(" of the tests")),
        (name("\u00c9cole"), name("\u00e9cole")),
        (name("e\u0301"), name("\u00e9")),
        (name("stra\u00dfe"), name("STRASSE")),
        (name("tes\u00adter"), name("tester")),
        (name("tester"), name("tester", tag=PRINTABLE_STRING)),
        (name("Example", tag=IA5_STRING), name("example", tag=IA5_STRING)),
        (name(b"\xff"), name(b"\xff")),
    ],
)
def test_same(one: bytes, other: bytes) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (name("tester"), name("testers")),
        (name("tester"), name("test er")),
        (name("tester"), name("tester\0.example")),
        (name("a", "b"), name("b", "a")),
        (name("a", "b"), name("a")),
        (name("a"), name("a", "a")),
        (name("a"), name("a", kind=OU)),
        (name("a"), name(b"\0a", tag=BMP_STRING)),
        (name("a"), b""),
        (name("a"), name("a")[:-1]),
        (name("a"), name("a") + b"\0"),
        (name(b"\xff"), name(b"\xfe")),
        (
            write(((Attribute(CN, b"a"), Attribute(OU, b"b")),)),
            write(((Attribute(CN, b"a"),), (Attribute(OU, b"b"),))),
        ),
    ],
)
def test_not_the_same(one: bytes, other: bytes) -> None:
    assert not same(one, other)
    assert not same(other, one)


@given(st.binary(max_size=40))
def test_whatever_it_is(octets: bytes) -> None:
    """Octets that are no name raise ValueError, and those of a name come out as they went in."""
    try:
        parts = read(octets)
    except ValueError:
        return
    assert len(write(parts)) == len(octets)
