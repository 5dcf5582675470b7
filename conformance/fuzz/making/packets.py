"""ESP packets and IKE fragments, right and wrong, for those who hold the keys and those who do not."""

from __future__ import annotations

from random import Random

from conformance.crypto import CryptoError
from conformance.fuzz.numbers import borders
from conformance.ipsec.errors import IpsecError
from conformance.ipsec.esp import EspBend, encapsulate
from conformance.ipsec.ip import UDP, header, transport_checksum
from conformance.ipsec.sad import OutboundSa
from conformance.wire import SKF, PayloadType

IPV4, IPV6, DUMMY = 4, 41, 59


def inner(random: Random) -> tuple[int, bytes]:
    """A next header and what it promises: a UDP packet with true checksums in IPv4 or IPv6."""
    six = random.random() < 0.4
    size = 16 if six else 4
    source, destination = (bytes((10, end, 0)).ljust(size - 1, b"\0") + b"\1" for end in (1, 2))
    data = random.randbytes(random.choice((0, 1, 18, 64, 500)))
    start = random.randbytes(2) + b"\0\7" + (8 + len(data)).to_bytes(2, "big")
    value = transport_checksum(source, destination, UDP, start + b"\0\0" + data)
    body = start + value.to_bytes(2, "big") + data
    return (IPV6 if six else IPV4), header(source, destination, UDP, len(body)) + body


def esp_bend(random: Random) -> EspBend:
    """One thing wrong with a packet that the SA protects."""
    kind = random.randrange(10)
    if kind == 0:
        return EspBend(spi=random.choice((bytes(4), b"\0\0\0\1", b"\xff" * 4, random.randbytes(4))))
    if kind == 1:
        return EspBend(sequence=random.choice((0, 1, 2, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32)))
    if kind == 2:
        return EspBend(next_header=random.randrange(256))
    if kind == 3:
        return EspBend(pad_length=random.choice((0, 1, 2, 127, 128, 254, 255)))
    if kind == 4:
        return EspBend(padding=random.choice((b"", bytes(4), random.randbytes(16), bytes(range(255, 0, -1)))))
    if kind == 5:
        return EspBend(flip=random.randrange(-16, 16))
    if kind == 6:
        return EspBend(truncate=random.choice((1, 2, 4, 8, 12, 16, 20, 24, 32)))
    if kind == 7:
        return EspBend(append=random.randbytes(random.choice((1, 4, 16, 1000))))
    if kind == 8:
        return EspBend(high=random.randrange(4))
    return EspBend(tfc=random.choice((1, 4, 64, 1000)))


def esp_packet(random: Random, sa: OutboundSa, kind: str = "valid") -> bytes:
    """An ESP packet of an SA; nearly valid: bent, or right around a wrong inner packet; garbage: its SPI at most."""
    if kind == "garbage":
        head = sa.spi if random.random() < 0.7 else random.randbytes(4)
        return (head + random.choice(borders(32)).to_bytes(4, "big") + random.randbytes(random.randrange(120)))[
            : random.choice((0, 3, 4, 7, 8, 9, 16, 24, 200))
        ]
    protocol, packet = inner(random)
    if kind == "valid":
        return encapsulate(sa, protocol, packet, random.randbytes)
    if random.random() < 0.5:
        at = random.randrange(len(packet))
        bent = packet[:at] + bytes((packet[at] ^ 1 << random.randrange(8),)) + packet[at + 1 :]
        cut = random.choice((len(packet), len(packet), 0, 1, 19, 20, 27, 28, 39, 40))
        return encapsulate(sa, protocol, bent[:cut], random.randbytes)
    for _ in range(20):
        try:
            return encapsulate(sa, protocol, packet, random.randbytes, bend=esp_bend(random))
        except (CryptoError, IpsecError):  # the cipher does not take such padding
            continue
    return encapsulate(sa, DUMMY, b"", random.randbytes)


def fragments(random: Random, kind: str = "valid") -> tuple[SKF, ...]:
    """The Encrypted Fragment payloads of one message, still sealed; nearly valid: one lie; garbage: any numbers."""
    total = random.choice((1, 2, 3, 8))
    found = [
        SKF(PayloadType.NO_NEXT_PAYLOAD if at else PayloadType.SA, at + 1, total, random.randbytes(48))
        for at in range(total)
    ]
    if kind == "garbage":
        return tuple(
            SKF(PayloadType(random.randrange(256)), random.randrange(1 << 16), random.randrange(1 << 16), one.body)
            for one in found
        )
    if kind == "near":
        at = random.randrange(total)
        one, number = found[at], random.choice(borders(16))
        lies = (
            [*found[:at], SKF(one.inner, number, total, one.body), *found[at + 1 :]],
            [*found[:at], SKF(one.inner, one.number, number, one.body), *found[at + 1 :]],
            [*found[:at], *found[at + 1 :]],
            [*found, one],
            found[::-1],
            [*found[:at], SKF(one.inner, one.number, total, b""), *found[at + 1 :]],
        )
        found = random.choice(lies)
    return tuple(found)
