"""What the Notification Data of each notify type says, as text for people.

A reader takes the data and returns named fields; where the data does not have the form its RFC gives, it raises
ValueError (or struct.error, IndexError) and the data is shown in hexadecimal.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from conformance.wire.errors import WireError
from conformance.wire.gateway import Gateway
from conformance.wire.meaning import address_text, algorithm_oid, hex_text, text_or_hex
from conformance.wire.registry import (
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

Reader = Callable[[bytes], dict[str, str]]


def notification_fields(kind: int, data: bytes) -> dict[str, str]:
    """The fields in the data of a notify, empty for empty data."""
    if not data:
        return {}
    reader = _READERS.get(kind)
    if reader is not None:
        try:
            return reader(data)
        except (ValueError, IndexError, struct.error, WireError):
            pass
    return {"data": hex_text(data)}


def _hex(name: str) -> Reader:
    return lambda data: {name: hex_text(data)}


def _number(name: str, size: int, unit: str = "") -> Reader:
    """One number of `size` bytes."""

    def read(data: bytes) -> dict[str, str]:
        if len(data) != size:
            raise ValueError(f"{size} bytes are due")
        return {name: f"{int.from_bytes(data, 'big')}{unit}"}

    return read


def _member(name: str, size: int, registry: type[OpenEnum]) -> Reader:
    """One number of a registry, with the number beside its name."""

    def read(data: bytes) -> dict[str, str]:
        if len(data) != size:
            raise ValueError(f"{size} bytes are due")
        number = registry(int.from_bytes(data, "big"))
        return {name: f"{number} ({int(number)})" if number.known else str(number)}

    return read


def _members(name: str, registry: type[OpenEnum]) -> Reader:
    """Numbers of a registry, two bytes each."""

    def read(data: bytes) -> dict[str, str]:
        if len(data) % 2:
            raise ValueError("pairs of bytes are due")
        numbers = struct.unpack(f"!{len(data) // 2}H", data)
        return {name: ", ".join([str(registry(number)) for number in numbers])}

    return read


def _address(data: bytes) -> dict[str, str]:
    return {"address": address_text(data)}


def _ipcomp(data: bytes) -> dict[str, str]:
    cpi, transform = struct.unpack("!HB", data)
    return {"cpi": f"{cpi:#06x}", "transform": str(IpCompTransform(transform))}


def _gateway(data: bytes) -> dict[str, str]:
    """Gateway identity of REDIRECT and REDIRECTED_FROM, and the nonce behind it in the former (RFC 5685 section 7)."""
    gateway, nonce = Gateway.decode(data)
    return {"gateway": gateway.host or text_or_hex(gateway.identity), **({"nonce": nonce.hex()} if nonce else {})}


def _ticket(data: bytes) -> dict[str, str]:
    (seconds,) = struct.unpack_from("!I", data)
    return {"lifetime": f"{seconds} s", "ticket": hex_text(data[4:])}


def _message_id_sync(data: bytes) -> dict[str, str]:
    nonce, send, receive = struct.unpack("!4sII", data)
    return {"nonce": nonce.hex(), "expected_send_request": str(send), "expected_receive_request": str(receive)}


def _rohc(data: bytes) -> dict[str, str]:
    """Attributes in the short form of two numbers (RFC 5857 section 3.1.2)."""
    words = []
    for kind, value in struct.iter_unpack("!HH", data):
        if not kind & 0x8000:
            raise ValueError("long form")
        words.append(f"{RohcAttribute(kind & 0x7FFF)}={value}")
    return {"attributes": ", ".join(words)}


def _puzzle(data: bytes) -> dict[str, str]:
    prf, difficulty = struct.unpack("!HB", data)
    return {"prf": str(Prf(prf)), "difficulty": str(difficulty)}


def _ppk_identity(data: bytes) -> dict[str, str]:
    return {"type": str(PpkIdType(data[0])), "id": text_or_hex(data[1:])}


def _ppk_identity_key(data: bytes) -> dict[str, str]:
    if len(data) < 9:
        raise ValueError("cut short")
    return {**_ppk_identity(data[:-8]), "confirmation": data[-8:].hex()}


def _aggfrag(data: bytes) -> dict[str, str]:
    if len(data) != 1:
        raise ValueError("1 byte is due")
    flags = [name for bit, name in ((2, "congestion control"), (1, "no fragmentation")) if data[0] & bit]
    return {"flags": ", ".join(flags) or "none"}


def _announcements(data: bytes) -> dict[str, str]:
    """Supported authentication methods (RFC 9593 section 3.2)."""
    return {"methods": ", ".join(_announcement_words(data))}


def _announcement_words(data: bytes) -> Iterator[str]:
    start = 0
    while start < len(data):
        size, method = data[start], AuthMethod(data[start + 1])
        if size < 2 or start + size > len(data):
            raise ValueError("bad length")
        words = str(method)
        if size > 2:
            words += f" certreq {data[start + 2]}"
        if size > 3:
            words += f" {algorithm_oid(data[start + 3 : start + size]) or data[start + 3 : start + size].hex()}"
        yield words
        start += size


_READERS: dict[int, Reader] = {
    NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD: _member("payload", 1, PayloadType),
    NotifyType.INVALID_MESSAGE_ID: _number("message_id", 4),
    NotifyType.INVALID_KE_PAYLOAD: _member("method", 2, KeMethod),
    NotifyType.SET_WINDOW_SIZE: _number("window", 4),
    NotifyType.IPCOMP_SUPPORTED: _ipcomp,
    NotifyType.NAT_DETECTION_SOURCE_IP: _hex("hash"),
    NotifyType.NAT_DETECTION_DESTINATION_IP: _hex("hash"),
    NotifyType.COOKIE: _hex("cookie"),
    NotifyType.COOKIE2: _hex("cookie"),
    NotifyType.ADDITIONAL_IP4_ADDRESS: _address,
    NotifyType.ADDITIONAL_IP6_ADDRESS: _address,
    NotifyType.AUTH_LIFETIME: _number("lifetime", 4, " s"),
    NotifyType.REDIRECT_SUPPORTED: _hex("data"),
    NotifyType.REDIRECT: _gateway,
    NotifyType.REDIRECTED_FROM: _gateway,
    NotifyType.TICKET_LT_OPAQUE: _ticket,
    NotifyType.TICKET_OPAQUE: _hex("ticket"),
    NotifyType.ROHC_SUPPORTED: _rohc,
    NotifyType.QUICK_CRASH_DETECTION: _hex("token"),
    NotifyType.IKEV2_MESSAGE_ID_SYNC: _message_id_sync,
    NotifyType.SECURE_PASSWORD_METHODS: _members("methods", SecurePasswordMethod),
    NotifyType.SIGNATURE_HASH_ALGORITHMS: _members("algorithms", HashAlgorithm),
    NotifyType.PUZZLE: _puzzle,
    NotifyType.PPK_IDENTITY: _ppk_identity,
    NotifyType.PPK_IDENTITY_KEY: _ppk_identity_key,
    NotifyType.ADDITIONAL_KEY_EXCHANGE: _hex("link"),
    NotifyType.USE_AGGFRAG: _aggfrag,
    NotifyType.SUPPORTED_AUTH_METHODS: _announcements,
    NotifyType.SA_RESOURCE_INFO: lambda data: {"resource": text_or_hex(data)},
}

KNOWN_DATA = frozenset(NotifyType(kind) for kind in _READERS)
"""The notify types whose data has a form that is known here."""
