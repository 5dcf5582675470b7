"""The payloads of a message from the device by themselves (RFC 7296, sections 2.5 and 3.2 to 3.16)."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from conformance.wire import (
    AUTH,
    CP,
    EAP,
    KE,
    SA,
    Delete,
    ExchangeType,
    IDi,
    IDr,
    Message,
    Nonce,
    Notify,
    NotifyType,
    ProtocolID,
    TSi,
    TSr,
    UnknownPayload,
)
from suites.invariants.asked import Ours, selectors_of
from suites.invariants.broken import Findings

ONCE = (SA, KE, Nonce, IDi, IDr, AUTH, TSi, TSr, EAP)
"""Payloads that no exchange has twice in one message."""

_FORMS = {
    (ExchangeType.IKE_SA_INIT, False): "RFC7296-1.2-2",
    (ExchangeType.IKE_SA_INIT, True): "RFC7296-1.2-3",
    (ExchangeType.IKE_AUTH, False): "RFC7296-1.2-6",
    (ExchangeType.IKE_AUTH, True): "RFC7296-1.2-10",
    (ExchangeType.CREATE_CHILD_SA, False): "RFC7296-1.3.1-1",
    (ExchangeType.CREATE_CHILD_SA, True): "RFC7296-1.3.1-2",
}
"""The requirement that says what is in a message, by exchange and whether it is a response."""

_SIZES: dict[NotifyType, tuple[range, str]] = {
    NotifyType.COOKIE: (range(1, 65), "RFC7296-2.6-7"),
    NotifyType.INVALID_KE_PAYLOAD: (range(2, 3), "RFC7296-1.3-7"),
    NotifyType.INVALID_MESSAGE_ID: (range(4, 5), "RFC7296-2.3-14"),
    NotifyType.IPCOMP_SUPPORTED: (range(3, 1 << 16), "RFC7296-2.22-4"),
    NotifyType.NAT_DETECTION_DESTINATION_IP: (range(20, 21), "RFC7296-2.23-14"),
    NotifyType.NAT_DETECTION_SOURCE_IP: (range(20, 21), "RFC7296-2.23-12"),
    NotifyType.REKEY_SA: (range(1), "RFC7296-1.3.3-5"),
    NotifyType.SET_WINDOW_SIZE: (range(4, 5), "RFC7296-2.3-1"),
    NotifyType.SIGNATURE_HASH_ALGORITHMS: (range(0, 1 << 16, 2), "RFC7427-4-5"),
    NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD: (range(1, 2), "RFC7296-2.5-12"),
    NotifyType.IKEV2_FRAGMENTATION_SUPPORTED: (range(1), "RFC7383-2.3-6"),
    NotifyType.MULTIPLE_AUTH_SUPPORTED: (range(1), "RFC4739-3.1-1"),
    NotifyType.ANOTHER_AUTH_FOLLOWS: (range(1), "RFC4739-3.2-1"),
}
"""How many octets of data a notify has."""

_OF_CHILDREN = (NotifyType.REKEY_SA, NotifyType.CHILD_SA_NOT_FOUND, NotifyType.INVALID_SELECTORS)
"""Notifies that name a Child SA by its SPI; those of later RFCs may do so, too, and are not judged."""

_LATEST = NotifyType.NON_FIRST_FRAGMENTS_ALSO
"""The last status notify of RFC 7296."""

_OPAQUE = (65535, 0)

_PLACES = {
    "reserved": "RFC7296-3.2-8",
    "reserved of Proposal": "RFC7296-3.3.1-2",
    "reserved of CfgAttr": "RFC7296-3.15.1-1",
}
"""The requirements of reserved fields that have one of their own."""


def payloads(
    message: Message, spis: Mapping[bytes, Collection[ProtocolID]], found: Findings, *, straight: bool = True
) -> None:
    """What is true of payloads by themselves, and of how often they are there.

    ``spis`` are those that the device has chosen for Child SAs, with their protocols. ``straight``: what it answers, if
    anything, was not bent.
    """
    for payload in message.payloads:
        where = _reserved(payload)
        rule = "RFC7296-3.15-1" if isinstance(payload, CP) else "RFC7296-2.5-7"
        rule = _PLACES.get(where, rule) if where is not None else rule
        found.must("reserved", rule, where is None, "reserved fields of zero", _place(where, payload))
        if not isinstance(payload, UnknownPayload):
            rule = "RFC7296-2.5-14" if message.is_response else "RFC7296-3.2-6"
            got = f"critical {type(payload).__name__}"
            found.must("critical", rule, not payload.critical, "the critical flag cleared", got)
        if isinstance(payload, Nonce):
            size = len(payload.data)
            found.must(
                "nonce-size", "RFC7296-3.9-1", 16 <= size <= 256, "a nonce of 16 to 256 octets", f"{size} octets"
            )
        elif isinstance(payload, Notify):
            _notify(payload, found, straight=straight)
        elif isinstance(payload, Delete):
            _delete(payload, spis, found)
    form = _FORMS.get((message.exchange, message.is_response))
    for kind in ONCE if form is not None else ():
        count = len(message.all(kind))
        if form is not None and count:
            found.must("once", form, count == 1, f"one {kind.__name__} payload", f"{count} of them")
    if message.notify(NotifyType.IPCOMP_SUPPORTED) is not None:
        expected = "N(IPCOMP_SUPPORTED) beside an SA payload only"
        found.must("ipcomp", "RFC7296-2.22-3", message.first(SA), expected, "it without one")


def _notify(notify: Notify, found: Findings, *, straight: bool) -> None:
    size = len(notify.data)
    sizes, rule = _SIZES.get(notify.type, (None, ""))
    if sizes is not None:
        last = "more" if sizes[-1] > 1 << 15 else f"{sizes[-1]}"
        wanted = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {last}"
        expected = f"N({notify.type.name}) with {wanted} octets of data"
        found.must("notify-size", rule, size in sizes, expected, f"{size} octets")
    if notify.type == NotifyType.CHILD_SA_NOT_FOUND and not straight:
        return  # it names what we have named, which may have been no SPI
    if notify.type in _OF_CHILDREN:
        expected = f"N({notify.type.name}) with the protocol of a Child SA"
        right = notify.protocol in (ProtocolID.AH, ProtocolID.ESP)
        found.must("notify-spi", "RFC7296-3.10-1", right or not notify.spi, expected, f"protocol {notify.protocol}")
        expected, got = f"N({notify.type.name}) with an SPI of 4 octets", f"{len(notify.spi)} octets"
        found.must("notify-spi", "RFC7296-3.10-2", len(notify.spi) == 4, expected, got)
    elif notify.type <= NotifyType.FAILED_CP_REQUIRED or NotifyType.INITIAL_CONTACT <= notify.type <= _LATEST:
        expected, got = f"N({notify.type.name}) without an SPI", notify.spi.hex()
        found.must("notify-spi", "RFC7296-3.10-2", not notify.spi, expected, got)


def _delete(delete: Delete, spis: Mapping[bytes, Collection[ProtocolID]], found: Findings) -> None:
    if delete.protocol == ProtocolID.IKE:
        got = f"{len(delete.spis)} of them"
        found.must("delete", "RFC7296-3.11-4", not delete.spis, "Delete of the IKE SA without SPIs", got)
        return
    right = delete.protocol in (ProtocolID.AH, ProtocolID.ESP) and all(len(one) == 4 for one in delete.spis)
    got = f"protocol {delete.protocol}, {', '.join(one.hex() for one in delete.spis) or 'no SPI'}"
    found.must("delete", "RFC7296-3.11-5", right, "Delete with the protocol and SPIs of Child SAs", got)
    fits = all(delete.protocol in spis[one] for one in delete.spis if one in spis)
    found.must("delete", "RFC7296-3.11-2", fits, "the SPIs of one protocol, which the Delete names", got)


def selectors(message: Message, ours: Ours, found: Findings) -> None:
    """Ports of traffic selectors; a part of what ``ours`` said is no invention of the device."""
    for one in selectors_of(message):
        ports = (one.start_port, one.end_port)
        got = f"protocol {one.protocol}, ports {ports[0]} to {ports[1]}"
        ordered = ports[0] <= ports[1] or ports == _OPAQUE
        found.must("selectors", "RFC7296-3.13.1-7", ordered, "ports in order, or 65535 to 0 for OPAQUE", got)
        if not one.protocol and not ours.explains(*ports):
            expected = "ports 0 to 65535 for any protocol"
            found.must("selectors", "RFC7296-3.13.1-3", not ports[0], expected, got)
            found.must("selectors", "RFC7296-3.13.1-5", ports[1] == 65535, expected, got)


def _place(where: str | None, payload: object) -> str:
    return f"{where} of {type(payload).__name__} is not zero"


def _reserved(value: Any) -> str | None:
    """The name of a reserved field that is not zero."""
    for name in _reserved_fields(value.__class__):
        if getattr(value, name):
            return name
    for name in _inner(value.__class__):
        for one in getattr(value, name):
            if hasattr(one, "__dataclass_fields__") and (found := _reserved(one)) is not None:
                return f"{found} of {type(one).__name__}"
    return None


@lru_cache(maxsize=256)
def _reserved_fields(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.name.startswith("reserved"))


@lru_cache(maxsize=256)
def _inner(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if str(one.type).startswith("tuple["))
