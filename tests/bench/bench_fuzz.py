"""How fast mutated messages are made, beside boofuzz and scapy's ``fuzz()``: ``python -m tests.bench.bench_fuzz``.

All three make the same IKE_SA_INIT request of 232 bytes with 8 payloads, each time with something else wrong, and write
it; and the same under AES-GCM as the content of an Encrypted payload. Ours draws a mutation of any kind for it, bends
it and encodes that. boofuzz renders mutations of a request whose blocks have sizes. scapy takes the layers through
``fuzz()`` and builds them for each message; and ("scapy once") builds again and again what went through it once, as
its ``loop=1`` does. boofuzz is measured where it is installed (``pip install boofuzz``); nothing else needs it.
"""

from __future__ import annotations

import gc
import random
import struct
import sys
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from rich.console import Console
from rich.table import Table
from scapy.contrib.ikev2 import IKEv2
from scapy.packet import NoPayload, Packet, fuzz

from conformance.crypto.suite import IkeSuite, proposal
from conformance.fuzz.mutators import MUTATORS, bend, draw
from conformance.ike.core import protection
from conformance.wire import (
    FLAG_INITIATOR,
    ExchangeType,
    Message,
    PayloadType,
    ProtocolID,
    decode_message,
    encode_message,
    encode_payloads,
)
from tests.bench.bench_wire import request

TARGET = 20
COUNT = {"ikespec": 2000, "boofuzz": 200, "scapy": 100, "scapy once": 200}
"""Messages in a round."""

ROUNDS = 9
"""The best of so many counts."""

KEY = bytes(range(16))
SALT = b"salt"
CLEAR, PROTECTED = "in the clear", "under AES-GCM"

Make = Callable[[], bytes]


def rate(make: Make, count: int) -> float:
    """Messages per second of ``count`` messages, in CPU time and without garbage collection."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    for _ in range(count):
        make()
    took = time.process_time() - start
    gc.enable()
    return count / took


def sealed(content: bytes) -> bytes:
    """What a tool without IKEv2 has to do by hand: an IKE_AUTH request with SK around ``content``."""
    text = content[:65_000] + b"\0"  # boofuzz makes longer ones, which no payload holds
    head = struct.pack("!8s8sBBBBII", bytes(8), bytes(8), 46, 0x20, 35, 8, 1, 28 + 4 + 8 + len(text) + 16)
    aad = head + struct.pack("!BBH", 33, 0, 4 + 8 + len(text) + 16)
    iv = random.randbytes(8)
    return aad + iv + AESGCM(KEY).encrypt(SALT + iv, text, aad)


def ours(message: Message, seed: int = 1) -> dict[str, Make]:
    """Mutations of the message in the clear, and of the same payloads in IKE_AUTH."""
    source = random.Random(seed)
    suite = IkeSuite.of(proposal("aes128gcm16-prfsha256-x25519", 1, ProtocolID.IKE))
    key = suite.cipher.keyed(KEY + SALT, b"")
    in_one = frozenset(name for name in MUTATORS if name != "fragments")  # the other tools send no fragments
    inside = Message(message.spi_i, message.spi_i, ExchangeType.IKE_AUTH, FLAG_INITIATOR, 1, message.payloads)
    in_clear = frozenset(name for name, one in MUTATORS.items() if one.place in ("payloads", "datagram"))

    def clear() -> bytes:
        how = bend(draw(source, message, only=in_clear))
        return b"".join(how.datagrams([encode_message(how.payloads(message))]))

    def protected() -> bytes:
        how = bend(draw(source, inside, only=in_one))
        bent = how.payloads(inside)
        inner, data = encode_payloads(bent.payloads)
        block = how.padded(protection.padded(how.plaintext(data), suite.cipher.block_size))
        raw = protection.seal(bent, inner, block, suite.cipher, key, source.randbytes)
        return b"".join(how.datagrams([how.ciphertext(raw)]))

    return {CLEAR: clear, PROTECTED: protected}


_DATA = ("load", "ke", "nonce", "notify", "SPI", "prop", "trans")


def leave_numbers_open(packet: Packet) -> None:
    """Makes scapy forget the numbers of a layer and of all within and behind it: `fuzz` fills what is not set."""
    while packet is not None and not isinstance(packet, NoPayload):
        packet.raw_packet_cache = None
        packet.fields = {name: value for name, value in packet.fields.items() if name in _DATA}
        for name, value in packet.fields.items():
            if isinstance(value, Packet):  # a field of one packet `fuzz` leaves alone
                leave_numbers_open(value)
                packet.fields[name] = fuzz(value)
        packet = packet.payload


def by_scapy(data: bytes, *, once: bool) -> dict[str, Make]:
    """The message dissected by scapy, with its data as they are and all numbers random, other ones in each message.

    ``once``: it goes through ``fuzz()`` only once.
    """
    layer = IKEv2(data)
    leave_numbers_open(layer)
    packet = fuzz(layer)

    def clear() -> bytes:
        while True:
            try:
                built: bytes = (packet if once else fuzz(layer)).build()
            except (ValueError, struct.error, OverflowError, TypeError, AttributeError):
                continue  # scapy's own random values do not always fit its fields
            return built

    return {CLEAR: clear, PROTECTED: lambda: sealed(clear()[28:])}


def by_boofuzz(message: Message) -> dict[str, Make] | None:
    """The message as a request of boofuzz: each payload a block with its size; None where boofuzz is not installed."""
    try:
        import boofuzz
        from boofuzz.mutation_context import MutationContext
    except ImportError:
        return None

    def payload(number: int, body: bytes, following: int) -> Any:
        name = f"payload{number}"
        parts = (
            boofuzz.Byte("next", following),
            boofuzz.Byte("flags", 0),
            boofuzz.Size("length", block_name=f"body{number}", offset=4, length=2, endian=">", fuzzable=True),
            boofuzz.Block(f"body{number}", children=fields(body)),
        )
        return boofuzz.Block(name, children=parts)

    def fields(body: bytes) -> tuple[Any, ...]:
        head = tuple(boofuzz.Byte(f"octet{at}", body[at]) for at in range(min(4, len(body))))
        return (*head, boofuzz.Bytes("data", body[4:]))

    types = [int(one.payload_type) for one in message.payloads]
    payloads = [
        payload(at, one.encode_body(), following)
        for at, (one, following) in enumerate(zip(message.payloads, [*types[1:], 0], strict=True))
    ]
    head = (
        boofuzz.Bytes("spi_i", message.spi_i, size=8),
        boofuzz.Bytes("spi_r", message.spi_r, size=8),
        *(
            boofuzz.Byte(name, value)
            for name, value in (("next", 33), ("version", 0x20), ("exchange", 34), ("flags", 8))
        ),
        boofuzz.DWord("message_id", 0, endian=">"),
        boofuzz.Size("length", block_name="payloads", offset=28, length=4, endian=">", fuzzable=True),
    )
    whole = boofuzz.Request("init", children=(*head, boofuzz.Block("payloads", children=payloads)))
    assert whole.render() == encode_message(message)

    all_of_them = list(whole.get_mutations())
    random.Random(1).shuffle(all_of_them)  # in order, each field would be measured for long
    source = cycle(all_of_them)

    def clear() -> bytes:
        found = {one.qualified_name: one for one in next(source)}
        rendered: bytes = whole.render(MutationContext(mutations=found))
        return rendered

    return {CLEAR: clear, PROTECTED: lambda: sealed(clear()[28:])}


def measure() -> dict[str, dict[str, float]]:
    """Messages per second by tool and place."""
    message = request(random.Random(7296))
    data = encode_message(message)
    assert decode_message(data) == message and message.payloads[0].payload_type == PayloadType.SA
    tools: dict[str, dict[str, Make] | None] = {"ikespec": ours(message), "boofuzz": by_boofuzz(message)}
    tools |= {"scapy": by_scapy(data, once=False), "scapy once": by_scapy(data, once=True)}
    present = {tool: made for tool, made in tools.items() if made is not None}
    for tool in tools.keys() - present.keys():
        print(f"{tool} is not installed here, so it is not measured", file=sys.stderr)
    for tool, made in present.items():
        distinct = len({made[CLEAR]() for _ in range(200)})
        assert distinct > 100, f"{tool} does not make different messages: {distinct} of 200"
    found = {tool: dict.fromkeys(made, 0.0) for tool, made in present.items()}
    for _ in range(ROUNDS):  # in turn, so that what else the machine does hits all of them
        for tool, made in present.items():
            for place, make in made.items():
                found[tool][place] = max(found[tool][place], rate(make, COUNT[tool]))
    return found


def main() -> int:
    """Print the table; the exit code is 1 where a ratio is below its target."""
    found = measure()
    table = Table(title="mutated IKE_SA_INIT requests of 232 octets, made and written, per second of CPU time")
    for heading in ("", CLEAR, "ikespec is times as fast", PROTECTED, "ikespec is times as fast"):
        table.add_column(heading, justify="right" if heading else "left")
    ratios = []
    for tool, rates in found.items():
        cells = []
        for place, per_second in rates.items():
            ratio = found["ikespec"][place] / per_second
            ratios += [ratio] if tool != "ikespec" else []
            cells += [f"{per_second:.0f}", "" if tool == "ikespec" else f"{ratio:.1f}"]
        table.add_row(tool, *cells)
    Console().print(table)
    print(f"target: at least {TARGET} times")
    return 0 if min(ratios) >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
