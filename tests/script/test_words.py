import pytest

from conformance.net.link import Address
from conformance.script.words import in_words
from conformance.wire import ExchangeType, KeMethod, Notify, NotifyType


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (b"\x01\xff", "01ff"),
        (True, "yes"),
        (Address("192.0.2.1", 500), "192.0.2.1:500"),
        (Address("2001:db8::1", 4500), "[2001:db8::1]:4500"),
        ([Address("192.0.2.1", 500), Address("192.0.2.2", 500)], "192.0.2.1:500, 192.0.2.2:500"),
        (("10.2.0.0/24", 7), "10.2.0.0/24, 7"),
        ({"b", "a"}, "a, b"),
        (Notify(NotifyType.COOKIE), "N(COOKIE)"),
        ([KeMethod.CURVE25519, ExchangeType.IKE_AUTH], "CURVE25519, IKE_AUTH"),
        ([], "nothing"),
    ],
)
def test_what_was_seen_in_words(value: object, words: str) -> None:
    assert in_words(value) == words
