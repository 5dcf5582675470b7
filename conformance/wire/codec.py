"""Bytes to messages and back.

A strict decoder accepts exactly the bytes whose structure keeps RFC 7296 section 3: lengths that add up, substructures
that end where they say, counts that are true. What a number *means* (version, reserved bits, sizes of nonces, order of
proposals) is kept, not judged. A lenient decoder takes every datagram with a whole header and keeps what it cannot read
as it came, so that encoding gives back the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from struct import Struct

from conformance.wire.errors import WireError
from conformance.wire.message import Header, Message
from conformance.wire.payloads import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    EAP,
    KE,
    SA,
    SK,
    SKF,
    Delete,
    IDg,
    IDi,
    IDr,
    Nonce,
    Notify,
    Payload,
    TSi,
    TSr,
    UnknownPayload,
    VendorID,
)
from conformance.wire.payloads.plain import PAYLOAD_TYPES
from conformance.wire.registry import ExchangeType, Lookup, PayloadType

HEADER_SIZE = 28
_SK, _SKF = PayloadType.SK, PayloadType.SKF
_HEADER = Struct("!8s8sBBBBII")
_GENERIC = Struct("!BBH")
_EXCHANGES = Lookup(ExchangeType)

_PARSERS: dict[int, Callable[[bytes], Payload]] = {
    int(cls.payload_type): cls.parse_body
    for cls in (SA, KE, IDi, IDr, IDg, CERT, CERTREQ, AUTH, Nonce, Notify, Delete, VendorID, TSi, TSr, CP, EAP)
}
_SEALED: dict[int, Callable[[int, bytes], Payload]] = {int(cls.payload_type): cls.parse_sealed for cls in (SK, SKF)}


def decode_header(data: bytes) -> Header:
    """The IKE header at the start of `data`, whatever follows and whatever its length field says.

    Raises:
        WireError: fewer than 28 bytes.
    """
    if len(data) < HEADER_SIZE:
        raise WireError(0, "header", f"{len(data)} bytes, expected at least {HEADER_SIZE}")
    spi_i, spi_r, first, version, exchange, flags, message_id, length = _HEADER.unpack_from(data)
    return Header(spi_i, spi_r, first, version, _EXCHANGES[exchange], flags, message_id, length)


def decode_message(data: bytes, *, lenient: bool = False) -> Message:
    """The message that is exactly `data`.

    Args:
        data: a UDP payload (without non-ESP marker) or the content of a TCP frame.
        lenient: for transcripts: turn what is malformed into `UnknownPayload`, lies and `Message.trailing`; encoding
            the result gives `data` again.

    Raises:
        WireError: the header is cut short or, unless lenient, any structure is broken.
    """
    if type(data) is not bytes:
        data = bytes(data)
    if len(data) < HEADER_SIZE:
        raise WireError(0, "header", f"{len(data)} bytes, expected at least {HEADER_SIZE}")
    spi_i, spi_r, first, version, exchange, flags, message_id, length = _HEADER.unpack_from(data)
    if length == len(data):
        claimed = None
    elif lenient:
        claimed = length
    else:
        raise WireError(24, "header.length", f"{length}, expected {len(data)}, the size of the datagram")
    payloads, end, dangling = _decode_chain(first, data, HEADER_SIZE, lenient)
    return Message.make(
        spi_i,
        spi_r,
        _EXCHANGES[exchange],
        flags,
        message_id,
        payloads,
        version,
        length=claimed,
        next_payload=dangling,
        trailing=data[end:],
    )


def decode_payloads(first: int, data: bytes, *, offset: int = 0, lenient: bool = False) -> tuple[Payload, ...]:
    """The payloads that are exactly `data`, such as the decrypted inside of SK.

    Args:
        first: type of the first payload, 0 where there is none.
        data: the chain of payloads, without padding.
        offset: added to the offsets of errors: where `data` starts in the message.
        lenient: turn what is malformed into `UnknownPayload`; bytes that belong to no payload become one of type 0.

    Raises:
        WireError: unless lenient, any structure is broken.
    """
    if type(data) is not bytes:
        data = bytes(data)
    try:
        payloads, end, _ = _decode_chain(first, data, 0, lenient)
    except WireError as error:
        raise WireError(error.offset + offset, error.field, error.problem) from None
    return (*payloads, UnknownPayload(0, data[end:])) if end < len(data) else payloads


def _decode_chain(first: int, data: bytes, start: int, lenient: bool) -> tuple[tuple[Payload, ...], int, int | None]:
    """Decodes a chain of payloads.

    Returns:
        The payloads, where the last one ends, and `first` if it is a type without any payload behind it.
    """
    payloads: list[Payload] = []
    kind, position, size = first, start, len(data)
    while kind:
        left = size - position
        if left < 4:
            if not lenient:
                raise WireError(position, PAYLOAD_TYPES[kind].notation, f"{left} bytes left, expected a payload header")
            break
        following, flags, length = _GENERIC.unpack_from(data, position)
        end = position + length
        if length < 4 or end > size:
            if not lenient:
                raise _bad_length(kind, position, length, left)
            payload: Payload = UnknownPayload.make(PAYLOAD_TYPES[kind], data[position + 4 :], length=length)
            end = size
        else:
            payload = _decode_payload(kind, following, data[position + 4 : end], position + 4, lenient)
        if flags:
            payload = replace(payload, critical=flags >= 0x80, reserved=flags & 0x7F)
        payloads.append(payload)
        position = end
        if kind in _SEALED:
            if payload.__class__ is UnknownPayload and following:
                payloads[-1] = replace(payload, next_payload=following)
            kind = 0
        else:
            kind = following
    if position < size and not lenient:
        raise WireError(position, "payloads", f"{size - position} bytes after the last payload, expected none")
    if not kind:
        return tuple(payloads), position, None
    if not payloads:
        return (), position, kind
    payloads[-1] = replace(payloads[-1], next_payload=kind)
    return tuple(payloads), position, None


def _decode_payload(kind: int, following: int, body: bytes, offset: int, lenient: bool) -> Payload:
    """One payload from its body, which starts at `offset` of the message."""
    try:
        parse = _PARSERS.get(kind)
        if parse is not None:
            return parse(body)
        sealed = _SEALED.get(kind)
        if sealed is not None:
            return sealed(following, body)
    except WireError as error:
        if not lenient:
            raise error.within(_name(kind), offset) from None
    return UnknownPayload.make(PAYLOAD_TYPES[kind], body)


def _bad_length(kind: int, position: int, length: int, left: int) -> WireError:
    expected = "at least 4" if length < 4 else f"at most the {left} bytes left"
    return WireError(position + 2, f"{_name(kind)}.length", f"{length}, expected {expected}")


def _name(kind: int) -> str:
    return PAYLOAD_TYPES[kind].notation


def encode_message(message: Message) -> bytes:
    """The bytes of a message, lies included.

    Raises:
        ValueError: an SPI that is not 8 bytes, or a number that does not fit its field.
    """
    first, parts = _chained(message.payloads, 0)
    if message.trailing:
        parts.append(message.trailing)
    spi_i, spi_r = message.spi_i, message.spi_r
    if len(spi_i) != 8 or len(spi_r) != 8:
        raise ValueError(f"IKE SPIs of {len(spi_i)} and {len(spi_r)} bytes, expected 8")
    if message.next_payload is not None:
        first = message.next_payload
    length = HEADER_SIZE + sum(map(len, parts)) if message.length is None else message.length
    try:
        header = _HEADER.pack(
            spi_i, spi_r, first, message.version, message.exchange, message.flags, message.message_id, length
        )
    except struct.error as error:
        raise ValueError(f"a number of the header does not fit its field: {error}") from error
    return b"".join((header, *parts))


_written: dict[int, tuple[Payload, int, PayloadType, bytes]] = {}
"""Small payloads that were written lately, by identity: what they are, what followed, their type and octets.

A payload is a value, and most are written more than once: sent, put on record, and all but one of them again in each
mutation of a message.
"""
_lately = _written.get
_WRITTEN, _SMALL = 512, 1024
"""How many are kept, and of how many octets at most; to write what is long is to copy it."""


def encode_payloads(payloads: Sequence[Payload], *, last_next: int = 0) -> tuple[int, bytes]:
    """The bytes of a chain of payloads, lies included.

    Args:
        payloads: in order.
        last_next: Next Payload of the last one (SK and SKF name the first payload inside them instead).

    Returns:
        Type of the first payload (`last_next` where there is none), and the bytes.

    Raises:
        ValueError: a number does not fit its field.
    """
    first, parts = _chained(payloads, last_next)
    return first, b"".join(parts)


def _chained(payloads: Sequence[Payload], following: int) -> tuple[int, list[bytes]]:
    """Type of the first payload, and the bytes in pieces."""
    kind = PayloadType.NO_NEXT_PAYLOAD
    parts: list[bytes] = []
    remembered = _written
    if len(remembered) >= _WRITTEN:
        remembered.clear()
    try:
        # From the end, because every header names the type that follows; hence each body before its header.
        for payload in reversed(payloads):
            held = _lately(id(payload))
            if held is not None and held[0] is payload and held[1] is following:
                following = kind = held[2]
                parts.append(held[3])
                continue
            kind, behind = payload.payload_type, following
            if payload.next_payload is not None:
                following = payload.next_payload
            elif (kind is _SK or kind is _SKF) and isinstance(payload, SK | SKF):
                following = payload.inner
            body = payload.encode_body()
            flags = payload.reserved | 0x80 if payload.critical else payload.reserved
            length = len(body) + 4 if payload.length is None else payload.length
            head = _GENERIC.pack(following, flags, length)
            if len(body) > _SMALL:
                parts.append(body)
                parts.append(head)
            else:
                written = head + body
                parts.append(written)
                remembered[id(payload)] = (payload, behind, kind, written)
            following = kind
    except (struct.error, OverflowError) as error:
        raise ValueError(f"a number of {kind.notation} does not fit its field: {error}") from error
    parts.reverse()
    return following, parts
