"""The Notification Data of each notify type, as its RFC wants it; every form that `notify_data` reads has a maker."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random

from conformance.wire import (
    AuthMethod,
    HashAlgorithm,
    IpCompTransform,
    KeMethod,
    NotifyType,
    OpenEnum,
    PayloadType,
    PpkIdType,
    Prf,
    RohcAttribute,
    SecurePasswordMethod,
)
from conformance.wire.gateway import Gateway

Maker = Callable[[Random], bytes]


def _octets(*sizes: int) -> Maker:
    return lambda random: random.randbytes(random.choice(sizes))


def _members(registry: type[OpenEnum], size: int, most: int = 1, least: int = 1) -> Maker:
    numbers: Sequence[int] = [int(one) for one in registry]
    return lambda random: b"".join(
        random.choice(numbers).to_bytes(size, "big") for _ in range(random.randrange(least, most + 1))
    )


def _gateway(random: Random) -> bytes:
    host = random.choice(("192.0.2.7", "2001:db8::7", "other.example"))
    return Gateway.of(host).encode(random.choice((b"", random.randbytes(32))))


def _rohc(random: Random) -> bytes:
    found = [(random.choice(list(RohcAttribute)), random.randrange(1 << 15)) for _ in range(random.randrange(1, 6))]
    return b"".join(struct.pack("!HH", kind | 0x8000, value) for kind, value in found)


def _announcements(random: Random) -> bytes:
    """Methods of two, three and more octets, the last with an AlgorithmIdentifier (RFC 9593 section 3.2)."""
    found = []
    for _ in range(random.randrange(1, 4)):
        rest = random.choice((b"", b"\1", b"\1" + b"\x30\x05\x06\x03\x2b\x65\x70"))
        found.append(bytes((2 + len(rest), random.choice(list(AuthMethod)))) + rest)
    return b"".join(found)


DATA: dict[NotifyType, Maker] = {
    NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD: _members(PayloadType, 1),
    NotifyType.INVALID_MESSAGE_ID: _octets(4),
    NotifyType.INVALID_KE_PAYLOAD: _members(KeMethod, 2),
    NotifyType.SET_WINDOW_SIZE: lambda random: random.choice((1, 4, 64, 0xFFFFFFFF)).to_bytes(4, "big"),
    NotifyType.IPCOMP_SUPPORTED: lambda random: random.randbytes(2) + _members(IpCompTransform, 1)(random),
    NotifyType.NAT_DETECTION_SOURCE_IP: _octets(20),
    NotifyType.NAT_DETECTION_DESTINATION_IP: _octets(20),
    NotifyType.COOKIE: _octets(1, 20, 32, 64),
    NotifyType.COOKIE2: _octets(8, 16, 64),
    NotifyType.ADDITIONAL_IP4_ADDRESS: _octets(4),
    NotifyType.ADDITIONAL_IP6_ADDRESS: _octets(16),
    NotifyType.AUTH_LIFETIME: lambda random: random.choice((1, 3600, 1 << 31)).to_bytes(4, "big"),
    NotifyType.REDIRECT_SUPPORTED: _octets(0, 16),
    NotifyType.REDIRECT: _gateway,
    NotifyType.REDIRECTED_FROM: lambda random: Gateway.of("192.0.2.8").encode(),
    NotifyType.TICKET_LT_OPAQUE: lambda random: b"\0\0\x0e\x10" + random.randbytes(64),
    NotifyType.TICKET_OPAQUE: _octets(64, 200),
    NotifyType.ROHC_SUPPORTED: _rohc,
    NotifyType.QUICK_CRASH_DETECTION: _octets(16, 64, 128),
    NotifyType.IKEV2_MESSAGE_ID_SYNC: _octets(12),
    NotifyType.IPSEC_REPLAY_COUNTER_SYNC: _octets(4, 8),
    NotifyType.SECURE_PASSWORD_METHODS: _members(SecurePasswordMethod, 2, 3),
    NotifyType.SIGNATURE_HASH_ALGORITHMS: _members(HashAlgorithm, 2, 5),
    NotifyType.PUZZLE: lambda random: _members(Prf, 2)(random) + bytes((random.randrange(30),)),
    NotifyType.PPK_IDENTITY: lambda random: _members(PpkIdType, 1)(random) + b"ppk-1",
    NotifyType.PPK_IDENTITY_KEY: lambda random: _members(PpkIdType, 1)(random) + b"ppk-1" + random.randbytes(8),
    NotifyType.ADDITIONAL_KEY_EXCHANGE: _octets(1, 8, 32),
    NotifyType.USE_AGGFRAG: lambda random: bytes((random.randrange(4),)),
    NotifyType.SUPPORTED_AUTH_METHODS: _announcements,
    NotifyType.SA_RESOURCE_INFO: lambda random: random.choice((b"", b"cpu-1", b"queue 7")),
}


def data(random: Random, kind: int) -> bytes:
    """The data of a notify of a type; of one without a form: mostly none."""
    maker = DATA.get(NotifyType(kind))
    if maker is not None:
        return maker(random)
    return random.randbytes(random.choice((1, 4, 8))) if random.random() < 0.1 else b""
