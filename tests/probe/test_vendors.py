"""Vendor IDs by name, and the answers of IKEv1."""

import struct

import pytest

from conformance.probe.ikev1 import MAIN, _answer, _proposals
from conformance.probe.vendors import vendor


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (bytes.fromhex("882fe56d6fd20dbc2251613b2ebe5beb"), "strongSwan"),
        (bytes.fromhex("8299031757a36082c6a621de00000000"), "Fortinet FortiGate"),
        (bytes.fromhex("1e2b516905991c7d7c96fcbfb587e46100000009"), "Microsoft Windows"),
        (bytes.fromhex("4048b7d56ebce88525e7de7f00d6c2d3c0000000"), "fragmentation of IKEv1"),
        (bytes.fromhex("12f5f28c457168a9702d9fe274cc0100"), "Cisco Unity"),
        (b"CISCO(COPYRIGHT)&Copyright (c) 2009 Cisco Systems, Inc.", "Cisco (CISCO(COPYRIGHT)"),
        (b"FLEXVPN-SUPPORTED", "Cisco FlexVPN (FLEXVPN-SUPPORTED)"),
        (b"OpenIKED-7.4", "OpenIKED (OpenIKED-7.4)"),
        (b"OE-Libreswan-5.2", "libreswan (OE-Libreswan-5.2)"),
        (b"something else", "something else"),
        (bytes(range(200, 240)), "unknown: c8c9cacb"),
        (b"", "unknown: "),
    ],
)
def test_names(data: bytes, name: str) -> None:
    assert vendor(data).startswith(name)


def answer(kind: int, body: bytes, exchange: int = MAIN, version: int = 0x10) -> bytes:
    payload = struct.pack("!BBH", 0, 0, len(body) + 4) + body
    return struct.pack("!8s8sBBBBII", b"1" * 8, b"2" * 8, kind, version, exchange, 0, 0, 28 + len(payload)) + payload


def test_a_chosen_transform_of_ikev1() -> None:
    found = _answer(answer(1, _proposals([14])), MAIN)
    assert found is not None and str(found) == "Main Mode is answered with AES-CBC-256, SHA2-256, MODP-2048, shared key"


def test_a_refusal_of_ikev1() -> None:
    found = _answer(answer(11, struct.pack("!IBBH", 1, 1, 0, 14), exchange=5), MAIN)
    assert found is not None and str(found) == "Main Mode gets NO-PROPOSAL-CHOSEN"


def test_ikev1_in_pieces() -> None:
    whole = answer(1, _proposals([14]))
    for size in range(len(whole)):
        _answer(whole[:size], MAIN)
    for at in range(len(whole)):
        _answer(whole[:at] + b"\xff" + whole[at + 1 :], MAIN)
