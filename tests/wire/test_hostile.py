"""No bytes hurt the decoder: nothing but `WireError`, and work in proportion to the size."""

from __future__ import annotations

import json
import sys
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.wire import (
    Message,
    WireError,
    decode_header,
    decode_message,
    decode_payloads,
    describe_message,
    encode_message,
    summary_message,
)
from tests.wire.strategies import lying_messages, messages


def survives(data: bytes) -> None:
    """Decodes both ways, describes and writes again."""
    try:
        decoded = decode_message(data)
    except WireError as error:
        assert 0 <= error.offset <= len(data)
        assert str(error).startswith(f"offset {error.offset}: {error.field}: ")
        assert "\n" not in str(error)
        decoded = decode_message(data, lenient=True)
    assert encode_message(decoded) == data
    json.dumps(describe_message(decoded))
    assert "\n" not in summary_message(decoded)


@given(st.binary(min_size=28, max_size=200))
def test_random_bytes(data: bytes) -> None:
    survives(data)


@given(st.binary(max_size=27))
def test_less_than_a_header_is_the_only_thing_a_lenient_decoder_refuses(data: bytes) -> None:
    for decode in (decode_header, decode_message, lambda short: decode_message(short, lenient=True)):
        with pytest.raises(WireError) as caught:
            decode(data)
        assert str(caught.value) == f"offset 0: header: {len(data)} bytes, expected at least 28"


@given(st.integers(0, 255), st.binary(max_size=120), st.integers(0, 5000))
def test_random_bytes_as_payloads(first: int, data: bytes, offset: int) -> None:
    try:
        decode_payloads(first, data, offset=offset)
    except WireError as error:
        assert offset <= error.offset <= offset + len(data)
    decode_payloads(first, data, offset=offset, lenient=True)


@settings(max_examples=300)
@given(messages, st.data())
def test_mutated_messages(message: Message, data: st.DataObject) -> None:
    raw = bytearray(encode_message(message))
    for _ in range(data.draw(st.integers(1, 4), "mutations")):
        place = data.draw(st.integers(0, len(raw) - 1), "place")
        match data.draw(st.sampled_from(["set", "cut", "insert", "double"]), "kind"):
            case "set":
                raw[place] = data.draw(st.integers(0, 255), "byte")
            case "cut":
                del raw[place : place + data.draw(st.integers(1, 8), "size")]
            case "insert":
                raw[place:place] = data.draw(st.binary(min_size=1, max_size=8), "bytes")
            case "double":
                raw += raw[place:]
        if len(raw) < 28:
            return
        if data.draw(st.booleans(), "mend the length"):
            raw[24:28] = len(raw).to_bytes(4, "big")
    survives(bytes(raw))


@given(lying_messages)
def test_lies_can_be_described(message: Message) -> None:
    json.dumps(describe_message(message))
    assert "\n" not in summary_message(message)


def calls_made(data: bytes) -> int:
    """How many functions a lenient decoder calls, those written in C included."""
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        decode_message(data, lenient=True)
    finally:
        sys.setprofile(None)
    return count


def framed(first: int, content: bytes) -> bytes:
    return bytes(16) + bytes([first, 0x20, 34, 0]) + bytes(4) + (28 + len(content)).to_bytes(4, "big") + content


def proposals(count: int) -> bytes:
    return framed(33, b"\0\0" + (4 + 8 * count).to_bytes(2, "big") + b"\2\0\0\x08\1\1\0\0" * count)


def transforms(count: int) -> bytes:
    content = b"\0\0" + (8 + 8 * count).to_bytes(2, "big") + b"\1\1\0\xff" + b"\3\0\0\x08\1\0\0\x0c" * count
    return framed(33, b"\0\0" + (4 + len(content)).to_bytes(2, "big") + content)


def tiny_payloads(count: int) -> bytes:
    return framed(43, b"\x2b\x80\0\4" * count)


def selectors(count: int) -> bytes:
    return framed(44, b"\0\0" + (8 + 4 * count).to_bytes(2, "big") + b"\xff\0\0\0" + b"\x0b\0\0\4" * count)


def cfg_attributes(count: int) -> bytes:
    return framed(47, b"\0\0" + (8 + 4 * count).to_bytes(2, "big") + b"\1\0\0\0" + b"\0\1\0\0" * count)


def claimed_spis(count: int) -> bytes:
    return framed(42, b"\0\0\0\x08\1\0" + count.to_bytes(2, "big"))


@pytest.mark.parametrize("shape", [proposals, transforms, tiny_payloads, selectors, cfg_attributes, claimed_spis])
def test_work_grows_no_faster_than_the_message(shape: object) -> None:
    assert callable(shape)
    small, large = calls_made(shape(1000)), calls_made(shape(8000))
    assert large <= 8.1 * small
