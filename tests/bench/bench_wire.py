"""How fast the codec is beside scapy's: ``python -m tests.bench.bench_wire``.

Both sides decode and encode the same IKE_SA_INIT requests of 232 bytes with 8 payloads. The messages differ in SPI,
public value, nonce and NAT detection hashes, and have the same proposal, as the requests of one peer do. Scapy builds
from layers whose cached bytes were dropped and whose lengths it has to find out, as the codec has to.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from scapy.contrib.ikev2 import IKEv2
from scapy.packet import NoPayload, Packet

from conformance.wire import (
    FLAG_INITIATOR,
    KE,
    SA,
    Encr,
    ExchangeType,
    HashAlgorithm,
    Integ,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Prf,
    Proposal,
    ProtocolID,
    Transform,
    decode_message,
    encode_message,
)

SIZE = 232
MESSAGES = 64
DECODE_TARGET = 20
ENCODE_TARGET = 40


def request(source: random.Random) -> Message:
    """An IKE_SA_INIT request of 232 bytes with 8 payloads."""
    transforms = (
        Transform.of(Encr.CHACHA20_POLY1305),
        Transform.of(Prf.HMAC_SHA2_256),
        Transform.of(Integ.NONE),
        Transform.of(KeMethod.CURVE25519),
    )
    hashes = (HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_512)
    return Message(
        source.randbytes(8),
        bytes(8),
        ExchangeType.IKE_SA_INIT,
        FLAG_INITIATOR,
        0,
        (
            SA((Proposal(1, ProtocolID.IKE, transforms),)),
            KE(KeMethod.CURVE25519, source.randbytes(32)),
            Nonce(source.randbytes(32)),
            Notify(NotifyType.NAT_DETECTION_SOURCE_IP, source.randbytes(20)),
            Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, source.randbytes(20)),
            Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
            Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, b"".join([int(each).to_bytes(2, "big") for each in hashes])),
            Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED),
        ),
    )


def drop_cached_bytes(packet: Packet) -> None:
    """Makes scapy build a layer, what it contains and what follows from the fields, lengths included."""
    while packet is not None and not isinstance(packet, NoPayload):
        packet.raw_packet_cache = None
        packet.fields.pop("length", None)
        for value in packet.fields.values():
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, Packet):
                    drop_cached_bytes(inner)
        packet = packet.payload


def seconds_per_call(work: Callable[[], object], calls: int, rounds: int = 7) -> float:
    """Best of some rounds of a function that does its work `calls` times."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best / calls


def all_of(function: Callable[[Any], object], values: Sequence[object], times: int = 1) -> Callable[[], None]:
    """A function that calls `function` with each of the values, some times over."""

    def work() -> None:
        for _ in range(times):
            for value in values:
                function(value)

    return work


def measure() -> dict[str, tuple[float, float]]:
    """Seconds per message: ours and scapy's, for decoding and for encoding.

    Raises:
        AssertionError: the two sides do not mean the same bytes.
    """
    source = random.Random(7296)
    messages = [request(source) for _ in range(MESSAGES)]
    datagrams = [encode_message(message) for message in messages]
    layers = [IKEv2(datagram) for datagram in datagrams]
    for layer in layers:
        drop_cached_bytes(layer)
    assert all(len(datagram) == SIZE for datagram in datagrams)
    assert [decode_message(datagram) for datagram in datagrams] == messages
    assert [layer.build() for layer in layers] == datagrams
    repeat = 20
    fresh = [decode_message(datagram) for datagram in datagrams * repeat]  # what was written lately is remembered
    return {
        "decode": (
            seconds_per_call(all_of(decode_message, datagrams, repeat), MESSAGES * repeat),
            seconds_per_call(all_of(IKEv2, datagrams), MESSAGES),
        ),
        "encode again": (
            seconds_per_call(all_of(encode_message, messages[:9], repeat), 9 * repeat),
            seconds_per_call(all_of(lambda layer: layer.build(), layers), MESSAGES),
        ),
        "encode": (
            seconds_per_call(all_of(encode_message, fresh), len(fresh)),
            seconds_per_call(all_of(lambda layer: layer.build(), layers), MESSAGES),
        ),
    }


def main() -> None:
    """Prints the table."""
    table = Table(title=f"IKE_SA_INIT request, {SIZE} bytes, 8 payloads, microseconds per message")
    for heading in ("", "ikespec", "scapy", "times faster", "target"):
        table.add_column(heading, justify="right" if heading else "left")
    targets = {"decode": DECODE_TARGET, "encode": ENCODE_TARGET, "encode again": ENCODE_TARGET}
    for name, (ours, theirs) in measure().items():
        table.add_row(name, f"{ours * 1e6:.1f}", f"{theirs * 1e6:.1f}", f"{theirs / ours:.1f}", f">= {targets[name]}")
    Console().print(table)


if __name__ == "__main__":
    main()
