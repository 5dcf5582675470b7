"""How fast ESP is beside scapy's IPsec layer: ``python -m tests.bench.bench_esp``.

Both sides protect and open the same inner packets in tunnel mode with AES-GCM-128, whole IP packets in and out. Ours
also checks sequence numbers, selectors, padding and ECN, which scapy's does not. Scapy gets packets that it has parsed
already, so its own dissection of the inner packet is not counted when it protects.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table
from scapy.layers.inet import ICMP, IP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

from conformance.crypto.suite import ChildSuite, proposal
from conformance.ipsec.packets import protect, unprotect
from conformance.ipsec.sad import InboundSa, OutboundSa, Sad, SaParameters
from conformance.wire import ProtocolID, TrafficSelector

TARGET = 10
SIZES = (64, 1400)
SPI = 0xC0FFEE01
OURS, THEIRS = 4000, 200


def best(work: Callable[[], object], packets: int, rounds: int = 5) -> float:
    """Packets per second in the best of some rounds of a function that handles `packets` of them."""
    shortest = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - start)
    return packets / shortest


def ping(size: int) -> bytes:
    """An inner packet of `size` octets."""
    return bytes(IP(src="10.1.0.1", dst="10.2.0.1") / ICMP() / Raw(random.Random(size).randbytes(size - 28)))


def ours(inner: bytes, key: bytes) -> float:
    """Packets per second that we protect and open."""
    suite = ChildSuite.of(proposal("aes128gcm16", 1, ProtocolID.ESP))
    nets = (TrafficSelector.net("10.1.0.0/24"),), (TrafficSelector.net("10.2.0.0/24"),)
    parameters = SaParameters(SPI.to_bytes(4, "big"), suite, key, b"", source_ts=nets[0], destination_ts=nets[1])
    sender, sad, source = OutboundSa(parameters), Sad(), random.Random(1).randbytes
    sad.add(InboundSa(parameters))
    assert unprotect(sad, protect(sender, inner, source)).packet == inner

    def work() -> None:
        for _ in range(OURS):
            unprotect(sad, protect(sender, inner, source))

    return best(work, OURS)


def scapys(inner: bytes, key: bytes) -> float:
    """Packets per second that scapy protects and opens."""
    make: Any = SecurityAssociation
    header = IP(src="192.0.2.1", dst="192.0.2.2")
    sa = make(ESP, SPI, crypt_algo="AES-GCM", crypt_key=key, tunnel_header=header)
    packet = IP(inner)
    assert bytes(sa.decrypt(IP(bytes(sa.encrypt(packet))))) == inner

    def work() -> None:
        for _ in range(THEIRS):
            bytes(sa.decrypt(IP(bytes(sa.encrypt(packet)))))

    return best(work, THEIRS)


def measure() -> dict[int, tuple[float, float]]:
    """Packets per second by size of the inner packet: ours and scapy's.

    Raises:
        AssertionError: a packet did not come back as it was.
    """
    key = random.Random(4106).randbytes(20)
    return {size: (ours(ping(size), key), scapys(ping(size), key)) for size in SIZES}


def main() -> None:
    """Prints the table."""
    table = Table(title="ESP tunnel mode, AES-GCM-128, packets per second protected and opened")
    for heading in ("inner octets", "ikespec", "scapy", "times faster", "target"):
        table.add_column(heading, justify="right")
    for size, (mine, theirs) in measure().items():
        table.add_row(str(size), f"{mine:,.0f}", f"{theirs:,.0f}", f"{mine / theirs:.1f}", f">= {TARGET}")
    Console().print(table)


if __name__ == "__main__":
    main()
