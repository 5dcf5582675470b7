"""What is written can be read, and what is read can be written."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from conformance.wire import (
    Message,
    Payload,
    WireError,
    decode_header,
    decode_message,
    decode_payloads,
    encode_message,
    encode_payloads,
)
from tests.wire.strategies import inner_payloads, lying_messages, messages, payload_lists


@given(messages)
def test_a_message_survives_the_wire(message: Message) -> None:
    data = encode_message(message)
    assert decode_message(data) == message
    assert decode_message(data, lenient=True) == message


@given(messages)
def test_decoded_values_equal_constructed_ones_in_every_way(message: Message) -> None:
    decoded = decode_message(encode_message(message))
    assert repr(decoded) == repr(message)
    assert hash(decoded) == hash(message)
    assert pickle.loads(pickle.dumps(decoded)) == message


@given(messages)
def test_the_header_alone_says_the_same(message: Message) -> None:
    data = encode_message(message)
    header = decode_header(data[:28])
    assert (header.spi_i, header.spi_r, header.version, header.exchange, header.flags, header.message_id) == (
        message.spi_i,
        message.spi_r,
        message.version,
        message.exchange,
        message.flags,
        message.message_id,
    )
    assert header.length == len(data)
    assert header.next_payload == (message.payloads[0].payload_type if message.payloads else 0)
    assert (header.is_response, header.from_initiator) == (message.is_response, message.from_initiator)


@given(payload_lists)
def test_a_chain_of_payloads_survives_on_its_own(payloads: tuple[Payload, ...]) -> None:
    first, data = encode_payloads(payloads)
    assert decode_payloads(first, data) == payloads


@given(st.lists(inner_payloads, max_size=4), st.integers(0, 255))
def test_the_type_after_the_chain_is_the_callers(payloads: list[Payload], last_next: int) -> None:
    first, data = encode_payloads(payloads, last_next=last_next)
    tail, tail_data = encode_payloads([*payloads], last_next=0)
    assert len(data) == len(tail_data)
    assert first == (payloads[0].payload_type if payloads else last_next)
    assert tail == (payloads[0].payload_type if payloads else 0)


@given(lying_messages)
def test_a_lenient_decoder_loses_no_byte(message: Message) -> None:
    data = encode_message(message)
    assert encode_message(decode_message(data, lenient=True)) == data


@given(lying_messages)
def test_a_strict_decoder_accepts_only_what_it_can_write_again(message: Message) -> None:
    data = encode_message(message)
    try:
        decoded = decode_message(data)
    except WireError as error:
        assert 0 <= error.offset <= len(data)
        return
    assert encode_message(decoded) == data
    assert decode_message(data, lenient=True) == decoded


@given(messages)
def test_any_buffer_will_do(message: Message) -> None:
    data = encode_message(message)
    assert decode_message(bytearray(data)) == message  # type: ignore[arg-type]
    assert decode_message(memoryview(data)) == message  # type: ignore[arg-type]
