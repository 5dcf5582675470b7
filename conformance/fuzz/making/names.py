"""Identities and certificates, made quickly and without a library: DER that parsers take, with keys that nobody has."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from conformance.fuzz.der import Node
from conformance.wire import CertEncoding, IdType

WORDS = ("a", "moon", "tester.ikespec.example", "carol", "CA", "x" * 63, "Zürich", "ikespec", "1", "vpn-1.example.org")
_NAMES = (b"\x55\x04\x03", b"\x55\x04\x06", b"\x55\x04\x0a", b"\x55\x04\x0b", b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")
_ED25519 = b"\x2b\x65\x70"
_EXTENSIONS: dict[bytes, tuple[bytes, ...]] = {
    b"\x55\x1d\x13": (b"0\0", b"0\x03\x01\x01\xff", b"0\x06\x01\x01\xff\x02\x01\x00"),
    b"\x55\x1d\x0f": (b"\x03\x02\x07\x80", b"\x03\x02\x01\x06", b"\x03\x02\x05\xa0"),
    b"\x55\x1d\x25": (b"0\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x11", b"0\x06\x06\x04\x55\x1d\x25\x00"),
    b"\x55\x1d\x11": (b"0\x0d\x82\x0bexample.com", b"0\x06\x87\x04\x0a\x01\x00\x01", b"0\x0d\x81\x0ba@b.example"),
    b"\x55\x1d\x0e": (b"\x04\x14" + bytes(20),),
    b"\x55\x1d\x23": (b"0\x16\x80\x14" + bytes(20),),
    b"\x55\x1d\x1f": (b"0\x1b0\x19\xa0\x17\xa0\x15\x86\x13http://example/crl1",),
    b"\x2b\x06\x01\x05\x05\x07\x01\x07": (b"0\x0e0\x0c\x04\x02\x00\x010\x06\x03\x04\x00\x0a\x01\x00",),
    b"\x55\x1d\x1e": (b"0\x0d\xa0\x0b0\x09\x82\x07example",),
    b"\x2a\x03\x04": (b"\x05\0", b"\x0c\x03abc"),
}
"""Extensions by their identifier: basic constraints, key usages, names, keys, lists, address blocks, constraints."""


def _sequence(*nodes: Node) -> Node:
    return Node(0x30, b"", list(nodes))


def _oid(content: bytes) -> Node:
    return Node(0x06, content)


def name(random: Random) -> Node:
    """A distinguished name of up to three parts."""
    parts = []
    for _ in range(random.randrange(1, 4)):
        kind = random.choice(_NAMES)
        text = b"CH" if kind[-1] == 6 else random.choice(WORDS).encode()
        tag = 0x13 if kind[-1] == 6 else 0x16 if len(kind) > 3 else 0x0C
        text = text if tag == 0x0C else text.replace("ü".encode(), b"ue")
        parts.append(Node(0x31, b"", [_sequence(_oid(kind), Node(tag, text))]))
    return _sequence(*parts)


def general_name(random: Random) -> Node:
    """A name of a domain, a mailbox, an address or a directory."""
    kind = random.randrange(4)
    if kind == 3:
        return Node(0xA4, b"", [name(random)])
    content = (random.choice(WORDS).encode(), b"a@b.example", random.randbytes(random.choice((4, 16))))[kind]
    return Node((0x82, 0x81, 0x87)[kind], content)


def certificate(random: Random) -> bytes:
    """A certificate of X.509 with an Ed25519 key; its signature is random."""
    algorithm = _sequence(_oid(_ED25519))
    extensions = [
        _sequence(
            _oid(kind), *((Node(0x01, b"\xff"),) if random.random() < 0.3 else ()), Node(0x04, random.choice(one))
        )
        for kind, one in _some(random, list(_EXTENSIONS.items()), 5)
    ]
    signed = _sequence(
        Node(0xA0, b"", [Node(0x02, b"\x02")]),
        Node(0x02, bytes((random.randrange(1, 128),)) + random.randbytes(random.randrange(0, 20))),
        algorithm,
        name(random),
        _sequence(Node(0x17, b"200101000000Z"), Node(0x17, b"491231235959Z")),
        name(random),
        public_key(random),
        *([Node(0xA3, b"", [_sequence(*extensions)])] if extensions else []),
    )
    return _sequence(signed, algorithm, Node(0x03, b"\0" + random.randbytes(64))).encode()


def _some(random: Random, found: list[tuple[bytes, Sequence[bytes]]], most: int) -> list[tuple[bytes, Sequence[bytes]]]:
    """Some of them, each once, in any order."""
    left = list(found)
    return [left.pop(random.randrange(len(left))) for _ in range(random.randrange(most))]


def public_key(random: Random) -> Node:
    """A SubjectPublicKeyInfo."""
    return _sequence(_sequence(_oid(_ED25519)), Node(0x03, b"\0" + random.randbytes(32)))


def identity(random: Random, kind: int) -> bytes:
    """The data of an identity of a type."""
    if kind in (IdType.IPV4_ADDR, IdType.IPV6_ADDR):
        return random.randbytes(4 if kind == IdType.IPV4_ADDR else 16)
    if kind == IdType.DER_ASN1_DN:
        return name(random).encode()
    if kind == IdType.DER_ASN1_GN:
        return general_name(random).encode()
    if kind == IdType.NULL:
        return b""
    word = random.choice(WORDS).encode()
    return b"user@" + word if kind == IdType.RFC822_ADDR else word


def certificate_data(random: Random, encoding: int) -> bytes:
    """The data of a CERT payload of an encoding."""
    if encoding == CertEncoding.RAW_PUBLIC_KEY:
        return public_key(random).encode()
    if encoding in (CertEncoding.HASH_URL_X509, CertEncoding.HASH_URL_BUNDLE):
        return random.randbytes(20) + b"http://" + random.choice(WORDS).encode() + b"/cert.der"
    if encoding == CertEncoding.CRL:
        algorithm = _sequence(_oid(_ED25519))
        signed = _sequence(Node(0x02, b"\x01"), algorithm, name(random), Node(0x17, b"200101000000Z"))
        return _sequence(signed, algorithm, Node(0x03, b"\0" + random.randbytes(64))).encode()
    if encoding == CertEncoding.PKCS7_X509:
        held = _sequence(_oid(b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"))
        held.nodes.append(Node(0xA0, certificate(random)))
        return held.encode()
    if encoding == CertEncoding.OCSP_CONTENT:
        return _sequence(Node(0x0A, bytes((random.randrange(7),)))).encode()
    return certificate(random)
