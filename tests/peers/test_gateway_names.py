"""Names for the AAA server, and grants that are put together: what the reference device as a gateway decides by."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from pyrad.packet import AuthPacket

from conformance.radius import grant
from conformance.radius.packet import DICTIONARY, Attribute, Code, Packet, put
from conformance.wire import IDi, IdType
from peers.reference.nas.merging import bare, merged
from peers.reference.nas.names import mangled, parts_of, parts_of_eap

_UNIT = NameOID.ORGANIZATIONAL_UNIT_NAME
DN = x509.Name(
    [
        x509.NameAttribute(_UNIT, "Eng"),
        x509.NameAttribute(_UNIT, "Sales"),
        x509.NameAttribute(NameOID.COMMON_NAME, "spoke1"),
    ]
).public_bytes()


@pytest.mark.parametrize(
    ("kind", "data", "rule", "name"),
    [
        (IdType.FQDN, b"router1.domain1.example", "fqdn:host", b"router1"),
        (IdType.FQDN, b"router1.domain1.example", "fqdn:domain", b"domain1.example"),
        (IdType.FQDN, b"router1", "fqdn:host", None),
        (IdType.FQDN, b"router1.", "fqdn:domain", None),
        (IdType.FQDN, b".example", "fqdn:host", None),
        (IdType.RFC822_ADDR, b"alice@example.org", "email:user", b"alice"),
        (IdType.RFC822_ADDR, b"alice@example.org", "email:domain", b"example.org"),
        (IdType.RFC822_ADDR, b"alice", "email:domain", None),
        (IdType.RFC822_ADDR, b"alice@example.org", "fqdn:host email:user", b"alice"),
        (IdType.KEY_ID, b"router1.domain1.example", "fqdn:host", None),
        (IdType.KEY_ID, b"router1", "all", b"router1"),
        (IdType.KEY_ID, b"router1", "=everybody", b"everybody"),
        (IdType.DER_ASN1_DN, DN, "dn:organization-unit", b"Eng"),
        (IdType.DER_ASN1_DN, DN, "dn:common-name", b"spoke1"),
        (IdType.DER_ASN1_DN, DN, "dn:country", None),
        (IdType.DER_ASN1_DN, DN[:-3], "dn:common-name", None),
        (IdType.DER_ASN1_DN, b"\x30\x84\xff", "dn:common-name", None),
    ],
)
def test_names_of_identities(kind: IdType, data: bytes, rule: str, name: bytes | None) -> None:
    assert mangled(rule, data, parts_of(IDi(kind, data))) == name


def test_names_in_eap() -> None:
    assert mangled("eap:realm", b"carol@realm", parts_of_eap(b"carol@realm")) == b"realm"
    assert mangled("eap:realm", b"carol", parts_of_eap(b"carol")) is None


def accept(*given: Attribute) -> Packet:
    packet: Any = AuthPacket(int(Code.ACCESS_ACCEPT), 7, b"secret", bytes(16), dict=DICTIONARY)
    put(packet, given)
    return Packet(packet.ReplyPacket(), b"secret", bytes(16))


def test_the_first_grant_counts_and_the_rest_is_added() -> None:
    strong = accept(("Framed-IP-Address", "10.0.0.1"), ("Class", b"a"), ("Class", b"b"))
    weak = accept(("Framed-IP-Address", "10.0.0.2"), ("Class", b"c"), ("Session-Timeout", 60))
    found = merged([strong, weak])
    assert found is not None
    assert (found.text("Framed-IP-Address"), found.raw(25), found.number("Session-Timeout")) == (
        "10.0.0.1", [b"a", b"b"], 60,
    )  # fmt: skip


def test_pairs_are_told_apart_by_their_names() -> None:
    found = merged([accept(grant.pair("dns-servers", "10.0.0.1")), accept(grant.pair("route-accept", "any"))])
    assert found is not None
    assert found.pairs == {"ipsec:dns-servers": "10.0.0.1", "ipsec:route-accept": "any"}
    assert merged([]) is None


def test_a_bare_grant_grants_nothing() -> None:
    found = bare(accept(("Framed-IP-Address", "10.0.0.1")))
    assert found is not None
    assert (found.code, len(found.octets)) == (Code.ACCESS_ACCEPT, 20)
    assert bare(None) is None
