"""Payloads that replace those of a message, as a `Bend`: the ``content`` of a `suites.campaign.case.Step`."""

from dataclasses import replace

from conformance.script.bend import STRAIGHT, Bend
from conformance.wire import (
    HEADER_SIZE,
    ExchangeType,
    Message,
    Payload,
    UnknownPayload,
    WireError,
    decode_payloads,
    encode_payloads,
)

_EXCHANGE = 18


def instead(content: str) -> Bend:
    """The bend that puts these payloads in place of those of a message, to the last bit.

    Raises:
        ValueError: it is no type in two hexadecimal digits, a colon and octets in hexadecimal.
    """
    if not content:
        return STRAIGHT
    kind, found, octets = content.partition(":")
    try:
        first, data = int(kind, 16), bytes.fromhex(octets)
    except ValueError:
        first, data = -1, b""
    if not found or len(kind) != 2 or first < 0:
        raise ValueError(f"content {content[:40]!r}, expected the first payload's type, a colon and octets: 29:0000...")
    payloads = _whole(first, data)
    if payloads is not None:
        return Bend("other payloads", lambda message: replace(message, payloads=payloads))
    return Bend("other content", lambda message: _hollow(message, first), lambda _: data, ciphertext=_filled(data))


def octets_of(content: str) -> bytes:
    """The datagram that is the content of a step of the kind ``octets``. Raises ValueError."""
    try:
        return bytes.fromhex(content)
    except ValueError:
        raise ValueError(f"content {content[:40]!r}, expected octets in hexadecimal") from None


def _whole(first: int, data: bytes) -> tuple[Payload, ...] | None:
    """The payloads, where these say all: then they can be bent, too."""
    try:
        payloads = decode_payloads(first, data)
    except WireError:
        return None
    return payloads if encode_payloads(payloads) == (first, data) else None


def _hollow(message: Message, first: int) -> Message:
    """Room for octets that begin with a payload of this type."""
    return replace(message, payloads=(UnknownPayload(first, b""),))


def _filled(data: bytes) -> "Fill":
    return Fill(data)


class Fill:
    """Puts octets behind the header of a message that goes in the clear."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __call__(self, raw: bytes) -> bytes:
        """The datagram with the octets, if it is one of IKE_SA_INIT."""
        if len(raw) < HEADER_SIZE or raw[_EXCHANGE] != ExchangeType.IKE_SA_INIT:
            return raw
        return raw[:24] + (HEADER_SIZE + len(self.data)).to_bytes(4, "big") + self.data
