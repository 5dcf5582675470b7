"""ESP: round trips, what is refused and for what reason, and packets that lie."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.crypto import CryptoError
from conformance.ipsec import esp
from conformance.ipsec.errors import (
    BadPadding,
    IpsecError,
    Misaligned,
    Reason,
    Replayed,
    SaExpired,
    SequenceOverflow,
    TooOld,
    TooShort,
    WrongIcv,
)
from conformance.ipsec.esp import Decapsulated, EspBend
from conformance.ipsec.sad import Expiry, InboundSa, Lifetime, OutboundSa
from tests.ipsec.making import ESP_SUITES, SPI, pair, random

Ends = tuple[OutboundSa, InboundSa]


def send(ends: Ends, payload: bytes = b"payload", now: float = 0.0, **bend: Any) -> bytes:
    return esp.encapsulate(ends[0], 17, payload, random, now, EspBend(**bend) if bend else None)


@pytest.mark.parametrize("esn", ["", "-esn"])
@pytest.mark.parametrize("words", ESP_SUITES)
def test_round_trip(words: str, esn: str) -> None:
    ends, counted = pair(words + esn), 0
    for size in (0, 1, 2, 13, 14, 15, 16, 64, 1400):
        payload = random(size)
        packet = send(ends, payload)
        assert packet[:4] == SPI and int.from_bytes(packet[4:8], "big") == ends[0].sequence
        assert (len(packet) - ends[0].cipher.icv_size) % 4 == 0
        assert esp.decapsulate(ends[1], packet) == Decapsulated(ends[0].sequence, 17, payload)
        counted += len(packet) - 8 - ends[0].explicit_iv_size - ends[0].cipher.icv_size
    assert ends[0].packets == ends[1].packets == 9
    assert ends[0].octets == ends[1].octets == counted > 1525, "with padding (RFC 4301, section 4.4.2.1)"


@given(st.sampled_from(ESP_SUITES), st.binary(max_size=200), st.integers(0, 255), st.integers(1, 2**32 - 1))
def test_round_trip_of_anything(words: str, payload: bytes, protocol: int, sequence: int) -> None:
    ends = pair(words)
    packet = esp.encapsulate(ends[0], protocol, payload, random, bend=EspBend(sequence=sequence))
    assert esp.decapsulate(ends[1], packet) == Decapsulated(sequence, protocol, payload)


@settings(max_examples=300)
@given(st.sampled_from(ESP_SUITES), st.booleans(), st.binary(max_size=300))
def test_any_octets_raise_nothing_else(words: str, esn: bool, data: bytes) -> None:
    receiver = pair(words + "-esn" * esn)[1]
    try:
        esp.decapsulate(receiver, data)
    except IpsecError as error:
        assert receiver.drops[error.reason] == 1
        assert receiver.packets == 0
    else:
        assert receiver.cipher.icv_size == 0


@given(
    st.sampled_from([each for each in ESP_SUITES if "noauth" not in each]), st.integers(0, 10**6), st.integers(1, 255)
)
def test_no_octet_can_be_changed(words: str, at: int, change: int) -> None:
    ends = pair(words)
    packet = bytearray(send(ends))
    packet[at % len(packet)] ^= change
    if at % len(packet) < 4:
        return  # the SPI chooses the SA
    with pytest.raises((WrongIcv, TooOld)):
        esp.decapsulate(ends[1], bytes(packet))
    assert ends[1].window is not None and ends[1].window.top == 0


@pytest.mark.parametrize("words", ["aes128gcm16", "aes128-sha256", "null-sha1"])
@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        ({"flip": 0}, WrongIcv),
        ({"flip": -1}, WrongIcv),
        ({"truncate": 4}, (WrongIcv, Misaligned)),
        ({"truncate": 16}, (WrongIcv, TooShort, Misaligned)),
        ({"append": bytes(16)}, (WrongIcv, Misaligned)),
        ({"truncate": 1}, Misaligned),
        ({"truncate": 1000}, TooShort),
        ({"sequence": 0}, TooOld),
        ({"pad_length": 255}, BadPadding),
        ({"padding": b"\0" * 7}, BadPadding),
        ({"padding": b"\1\2\3\4\5\6\0"}, BadPadding),
    ],
)
def test_broken_packets_and_their_reasons(words: str, bend: dict[str, Any], expected: Any) -> None:
    ends = pair(words)
    with pytest.raises(expected) as caught:
        esp.decapsulate(ends[1], send(ends, **bend))
    assert ends[1].drops == {caught.value.reason: 1}
    assert esp.decapsulate(ends[1], send(ends)).payload == b"payload"


def test_more_padding_than_needed_is_right() -> None:
    ends = pair()
    packet = send(ends, padding=bytes(range(1, 256)))
    assert esp.decapsulate(ends[1], packet).payload == b"payload"


def test_a_pad_length_that_lies_within_the_payload() -> None:
    ends = pair("null-sha1")
    # Three octets of padding that are said to be two: one of them is taken for payload, the rest is not 1, 2.
    with pytest.raises(BadPadding):
        esp.decapsulate(ends[1], send(ends, pad_length=2))
    assert esp.decapsulate(ends[1], send(ends, pad_length=0)).payload == b"payload\1\2\3"


def test_padding_that_does_not_fill_a_block() -> None:
    with pytest.raises(CryptoError):
        send(pair("aes128-sha1"), padding=b"\1")


def test_replay() -> None:
    ends = pair()
    packet = send(ends)
    esp.decapsulate(ends[1], packet)
    with pytest.raises(Replayed):
        esp.decapsulate(ends[1], packet)
    assert ends[1].drops == {Reason.REPLAYED: 1}


def test_a_lied_sequence_number_leaves_the_counter_alone() -> None:
    ends = pair()
    assert send(ends, sequence=1000)[4:8] == (1000).to_bytes(4, "big")
    assert send(ends)[4:8] == bytes((0, 0, 0, 1))


def test_the_same_sequence_number_never_gets_the_same_iv() -> None:
    ends = pair("aes128gcm16")
    packets = [send(ends, sequence=5) for _ in range(3)]
    assert len({packet[8:16] for packet in packets}) == 3


def test_left_of_the_window() -> None:
    ends = pair(window=32)
    esp.decapsulate(ends[1], send(ends, sequence=100))
    esp.decapsulate(ends[1], send(ends, sequence=69))
    with pytest.raises(TooOld):
        esp.decapsulate(ends[1], send(ends, sequence=68))


def test_without_anti_replay_everything_passes_again() -> None:
    ends = pair(window=0)
    packet = send(ends, sequence=9)
    assert esp.decapsulate(ends[1], packet) == esp.decapsulate(ends[1], packet)


def test_sequence_numbers_do_not_cycle() -> None:
    ends = pair()
    ends[0].sequence = 2**32 - 2
    send(ends)
    with pytest.raises(SequenceOverflow):
        send(ends)
    assert ends[0].drops == {Reason.OVERFLOW: 1}


def test_sequence_numbers_cycle_where_nobody_looks() -> None:
    ends = pair(window=0)
    ends[0].sequence = 2**32 - 1
    assert send(ends)[4:8] == bytes(4)


@pytest.mark.parametrize("words", ["aes128gcm16-esn", "aes128-sha256-esn", "aes128gcm16iiv-esn", "aes128gmac-esn"])
def test_extended_sequence_numbers_go_on(words: str) -> None:
    ends = pair(words)
    ends[0].sequence = 2**32 - 3
    assert ends[1].window is not None
    ends[1].window.accept(2**32 - 3)
    numbers = [esp.decapsulate(ends[1], send(ends)).sequence for _ in range(5)]
    assert numbers == list(range(2**32 - 2, 2**32 + 3))
    with pytest.raises(WrongIcv):
        esp.decapsulate(ends[1], send(ends, high=0))
    ends[0].sequence = 2**64 - 1
    with pytest.raises(SequenceOverflow):
        send(ends)


def test_a_lost_subspace_is_found_again() -> None:
    ends = pair("aes128gcm16-esn")
    ends[0].sequence = 2 * 2**32
    for _ in range(InboundSa.resync_after - 1):
        with pytest.raises(WrongIcv):
            esp.decapsulate(ends[1], send(ends))
    assert esp.decapsulate(ends[1], send(ends)).sequence == ends[0].sequence == 2 * 2**32 + 8
    assert esp.decapsulate(ends[1], send(ends)).sequence == 2 * 2**32 + 9
    assert ends[1].failures == 0


@pytest.mark.parametrize(("words", "zeros"), [("aes128gcm16iiv", 4), ("aes128gcm16iiv-esn", 0)])
def test_implicit_iv_is_not_on_the_wire(words: str, zeros: int) -> None:
    ends = pair(words)
    high = 0 if zeros else 7
    packet = esp.encapsulate(ends[0], 17, b"payload", random, bend=EspBend(sequence=high << 32 | 3))
    iv = high.to_bytes(4, "big") + bytes((0, 0, 0, 3))
    aad = SPI + (b"" if zeros else iv[:4]) + iv[4:]
    assert packet[8:] == ends[0].keyed.seal(iv, b"payload\1\2\3\3\x11", aad)


def test_tfc_padding_and_dummy_packets() -> None:
    ends = pair(tfc=200)
    packet = send(ends)
    assert esp.decapsulate(ends[1], packet).payload == b"payload" + bytes(193)
    hidden = esp.dummy(ends[0], 200, random)
    assert len(hidden) == len(packet)
    assert esp.decapsulate(ends[1], hidden).dummy
    assert esp.decapsulate(ends[1], send(ends, tfc=300)).payload == b"payload" + bytes(300)


@pytest.mark.parametrize(
    "limit", [Lifetime(packets=3), Lifetime(octets=36), Lifetime(octets=25), Lifetime(seconds=30.0)]
)
def test_lifetimes(limit: Lifetime) -> None:
    for end, work in enumerate[Callable[[Ends, float], object]](
        (lambda ends, now: send(ends, now=now), lambda ends, now: esp.decapsulate(ends[1], send(ends), now))
    ):
        limited, free = pair(hard=limit), pair()
        ends = (limited[0], free[1]) if end == 0 else (free[0], limited[1])
        for number in range(3):
            work(ends, 10.0 * number)
        assert limited[end].expiry(30.0) == Expiry.HARD
        with pytest.raises(SaExpired):
            work(ends, 30.0)
        assert limited[end].drops == {Reason.EXPIRED: 1}


def test_soft_before_hard() -> None:
    ends = pair(soft=Lifetime(packets=1), hard=Lifetime(packets=2))
    seen = []
    for _ in range(2):
        seen.append(ends[0].expiry(0.0))
        send(ends)
    assert [*seen, ends[0].expiry(0.0)] == [Expiry.NONE, Expiry.SOFT, Expiry.HARD]
