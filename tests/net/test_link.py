from conformance.net import NON_ESP_MARKER, Address, Carried, unwrap, wrap


def test_wrap_and_unwrap_are_inverse_on_both_ports() -> None:
    for encapsulated in (False, True):
        payload = wrap(b"message", encapsulated=encapsulated)
        assert unwrap(payload, encapsulated=encapsulated) == (Carried.IKE, b"message")
    assert wrap(b"m", encapsulated=True) == NON_ESP_MARKER + b"m"
    assert wrap(b"m", encapsulated=False) == b"m"


def test_the_nat_traversal_port_carries_more_than_ike() -> None:
    assert unwrap(b"\xff", encapsulated=True)[0] is Carried.KEEPALIVE
    assert unwrap(b"\xff\xff", encapsulated=True)[0] is Carried.SHORT
    assert unwrap(b"", encapsulated=True)[0] is Carried.SHORT
    assert unwrap(b"\x00\x00\x00\x01esp", encapsulated=True) == (Carried.ESP, b"\x00\x00\x00\x01esp")


def test_an_address_is_written_with_brackets_for_ipv6() -> None:
    assert str(Address("192.0.2.1", 500)) == "192.0.2.1:500"
    assert str(Address("2001:db8::1", 4500)) == "[2001:db8::1]:4500"
