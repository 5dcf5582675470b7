"""What was seen, in words."""

from dataclasses import dataclass

import pytest

from conformance.ike.core.sending import State
from conformance.net.link import Address
from conformance.script.words import in_words
from conformance.wire import (
    Delete,
    ExchangeType,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    ProtocolID,
    TrafficSelector,
    TSi,
)


@dataclass(frozen=True)
class Status:
    name: str
    spi_in: bytes
    bytes_in: int | None = None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        ("", "nothing"),
        (b"", "nothing"),
        ([], "nothing"),
        ({}, "nothing"),
        ("two answers", "two answers"),
        (True, "yes"),
        (0, "0"),
        (b"\xca\xfe", "cafe"),
        (State.HALF_OPEN, "half-open"),
        (NotifyType.COOKIE, "COOKIE"),
        (NotifyType(40001), "40001"),
        (ProtocolID.ESP, "ESP"),
        (Address("192.0.2.1", 500), "192.0.2.1:500"),
        (Address("2001:db8::1", 4500), "[2001:db8::1]:4500"),
        ([Address("192.0.2.1", 500), Address("192.0.2.2", 500)], "192.0.2.1:500, 192.0.2.2:500"),
        ([KeMethod.CURVE25519, ExchangeType.IKE_AUTH], "CURVE25519, IKE_AUTH"),
        ([b"\1", None, Notify(NotifyType.COOKIE)], "01, nothing, N(COOKIE)"),
        ({2, 1}, "1, 2"),
        ({"spi": b"\1"}, "spi: 01"),
        (TSi((TrafficSelector.net("10.0.0.0/8"),)), "TSi(10.0.0.0/8)"),
        (
            Message(b"\0" * 8, b"\1" * 8, ExchangeType.INFORMATIONAL, 0x20, 3, (Delete(ProtocolID.IKE),)),
            "INFORMATIONAL response 3: D",
        ),
        (Status("net", b"\xca\xfe"), "name net, spi in cafe, bytes in nothing"),
    ],
)
def test_values_in_words(value: object, words: str) -> None:
    assert in_words(value) == words
