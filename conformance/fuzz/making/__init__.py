"""Messages made from the definitions of the wire by a random source: valid, nearly valid, garbage.

No Hypothesis here: this is what a campaign draws from, thousands of times a second. The strategies of
`conformance.fuzz.strategies` make the same values and shrink them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

from conformance.fuzz.forms import payload_classes
from conformance.fuzz.making.names import WORDS
from conformance.fuzz.making.values import notify, sa, value
from conformance.fuzz.mutators import MUTATORS, bend, draw
from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    EAP,
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    KE,
    SK,
    SKF,
    Delete,
    ExchangeType,
    IDi,
    IDr,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    TSi,
    TSr,
    UnknownPayload,
    encode_message,
    encode_payloads,
)

Taste = Literal["valid", "near", "garbage"]
"""A strict decoder takes it; the same with one lie; octets that look like payloads at best."""

_SEALED = (SK, SKF)
_PLAIN = tuple(cls for cls in payload_classes() if cls not in _SEALED)
_LIES = frozenset(name for name, one in MUTATORS.items() if one.place == "payloads")
_EXCHANGES = (
    ExchangeType.IKE_SA_INIT,
    ExchangeType.IKE_AUTH,
    ExchangeType.CREATE_CHILD_SA,
    ExchangeType.INFORMATIONAL,
    ExchangeType.IKE_INTERMEDIATE,
)


def payload(random: Random, cls: type[Payload] | None = None) -> Payload:
    """A valid payload of a class, or of any that can stand anywhere in a message."""
    found: Payload = value(random, random.choice(_PLAIN) if cls is None else cls)
    return found


def _init(random: Random) -> list[Payload]:
    kinds = (NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP)
    more = (NotifyType.IKEV2_FRAGMENTATION_SUPPORTED, NotifyType.SIGNATURE_HASH_ALGORITHMS, NotifyType.COOKIE)
    found: list[Payload] = [sa(random, ProtocolID.IKE), payload(random, KE), payload(random, Nonce)]
    return found + [notify(random, kind) for kind in (*kinds, *more) if random.random() < 0.6]


def _auth(random: Random) -> list[Payload]:
    found = [payload(random, IDi)]
    found += [payload(random, cls) for cls in (CERT, CERTREQ, IDr, AUTH, CP) if random.random() < 0.5]
    return [*found, sa(random, ProtocolID.ESP), payload(random, TSi), payload(random, TSr)]


def _child(random: Random) -> list[Payload]:
    found: list[Payload] = [notify(random, NotifyType.REKEY_SA)] if random.random() < 0.4 else []
    found += [sa(random, ProtocolID.ESP), payload(random, Nonce)]
    found += [payload(random, KE)] if random.random() < 0.5 else []
    return [*found, payload(random, TSi), payload(random, TSr)]


def _rekey(random: Random) -> list[Payload]:
    return [sa(random, ProtocolID.IKE), payload(random, Nonce), payload(random, KE)]


def _informational(random: Random) -> list[Payload]:
    return [payload(random, random.choice((Delete, Notify, CP, Notify))) for _ in range(random.randrange(4))]


def _eap(random: Random) -> list[Payload]:
    return [payload(random, EAP)]


def _any(random: Random) -> list[Payload]:
    return [payload(random) for _ in range(random.randrange(6))]


_SHAPES: dict[int, tuple[Callable[[Random], list[Payload]], ...]] = {
    ExchangeType.IKE_SA_INIT: (_init,),
    ExchangeType.IKE_AUTH: (_auth, _auth, _eap),
    ExchangeType.CREATE_CHILD_SA: (_child, _rekey),
    ExchangeType.INFORMATIONAL: (_informational,),
    ExchangeType.IKE_INTERMEDIATE: (lambda random: [payload(random, KE)],),
}


def chain(random: Random, exchange: ExchangeType | None = None) -> tuple[Payload, ...]:
    """Valid payloads as an exchange has them, with one or two more at times; or any payloads at all."""
    shapes = _SHAPES.get(exchange) if exchange is not None else random.choice(tuple(_SHAPES.values()))
    if shapes is None or random.random() < 0.15:
        return tuple(_any(random))
    found = random.choice(shapes)(random)
    while random.random() < 0.25:
        found.insert(random.randrange(len(found) + 1), payload(random))
    return tuple(found)


def message(random: Random, taste: Taste = "valid", exchange: ExchangeType | None = None) -> Message:
    """A message as it is before encryption. One of garbage has a header that is valid as such."""
    if exchange is None:
        exchange = random.choice(_EXCHANGES) if random.random() < 0.95 else ExchangeType(random.randrange(256))
    first = exchange == ExchangeType.IKE_SA_INIT
    flags = random.choice((FLAG_INITIATOR, FLAG_RESPONSE, FLAG_INITIATOR | FLAG_RESPONSE, 0))
    number = 0 if first else random.choice((1, 2, random.randrange(1 << 32)))
    spi_r = bytes(8) if first and not flags & FLAG_RESPONSE else random.randbytes(8)
    payloads = _noise(random) if taste == "garbage" else chain(random, exchange)
    found = Message.make(random.randbytes(8), spi_r, exchange, flags, number, payloads)
    return bent(random, found) if taste == "near" else found


def bent(random: Random, straight: Message) -> Message:
    """A message with one lie among its payloads or in its header."""
    return bend(draw(random, straight, only=_LIES)).payloads(straight)


def _noise(random: Random) -> tuple[Payload, ...]:
    """Payloads of any type whose bodies are octets: random, of one value, or the bodies of others."""
    found: list[Payload] = []
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        kind = random.choice(_PLAIN).payload_type if random.random() < 0.8 else random.randrange(1, 256)
        number = random.randrange(33, 54) if isinstance(kind, property) else int(kind)
        size = random.choice((0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 40, 200, 1000))
        roll = random.random()
        if roll < 0.5:
            body = random.randbytes(size)
        elif roll < 0.7:
            body = bytes((random.choice((0, 1, 0x7F, 0x80, 0xFF)),)) * size
        elif roll < 0.8:
            body = random.choice(WORDS).encode() * 3
        else:
            body = payload(random).encode_body()
        found.append(UnknownPayload.make(number, body))
    return tuple(found)


def content(random: Random, kind: Taste = "near", exchange: ExchangeType | None = None) -> str:
    """Payloads for a step of a case: type of the first in two hexadecimal digits, a colon, the octets in the same."""
    made = message(random, "garbage" if kind == "garbage" else "valid", exchange)
    payloads = made.payloads
    while kind == "near" and payloads is made.payloads:  # a lie in the header is none in the payloads
        payloads = bent(random, made).payloads
    first, data = encode_payloads(payloads)
    return f"{first:02x}:{data.hex()}"


def datagram(random: Random, kind: Taste = "near") -> bytes:
    """A whole message in the clear; at times one whose header is garbage as well."""
    data = encode_message(message(random, kind))
    if kind == "garbage" and random.random() < 0.3:
        return random.randbytes(random.randrange(64)) + data[28:]
    return data


__all__ = ["Taste", "bent", "chain", "content", "datagram", "message", "payload"]
