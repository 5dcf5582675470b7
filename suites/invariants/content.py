"""The payloads of a message from the device: reserved fields, nonces, notifies, the choice from an offer."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import lru_cache
from typing import Any

from conformance.ike.core.proposals import is_choice_of
from conformance.wire import (
    AUTH,
    EAP,
    KE,
    SA,
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
from suites.invariants.broken import Broken

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
    NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD: (range(1, 2), "RFC7296-2.5-12"),
    NotifyType.NAT_DETECTION_SOURCE_IP: (range(20, 21), "RFC7296-2.23-12"),
    NotifyType.NAT_DETECTION_DESTINATION_IP: (range(20, 21), "RFC7296-2.23-14"),
}
"""How many octets of data a notify has."""


def payloads(message: Message) -> Iterator[Broken]:
    """What is true of payloads by themselves."""
    for payload in message.payloads:
        if (where := _reserved(payload)) is not None:
            name = type(payload).__name__
            rule = "RFC7296-3.2-8" if where == "reserved" else "RFC7296-2.5-7"
            yield Broken("reserved", rule, "reserved fields of zero", f"{where} of {name} is not zero")
        if payload.critical and not isinstance(payload, UnknownPayload):
            rule = "RFC7296-2.5-14" if message.is_response else "RFC7296-3.2-6"
            yield Broken("critical", rule, "the critical flag cleared", f"critical {type(payload).__name__}")
        if isinstance(payload, Nonce) and not 16 <= len(payload.data) <= 256:
            yield Broken("nonce-size", "RFC7296-3.9-1", "a nonce of 16 to 256 octets", f"{len(payload.data)} octets")
        if isinstance(payload, Notify):
            yield from _notify(payload)
    form = _FORMS.get((message.exchange, message.is_response))
    for kind in ONCE if form is not None else ():
        count = len(message.all(kind))
        if form is not None and count > 1:
            yield Broken("once", form, f"one {kind.__name__} payload", f"{count} of them")


def _notify(notify: Notify) -> Iterator[Broken]:
    known = _SIZES.get(notify.type)
    if known is not None and len(notify.data) not in known[0]:
        sizes = known[0]
        wanted = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        got = f"{len(notify.data)} octets"
        yield Broken("notify-size", known[1], f"N({notify.type.name}) with {wanted} octets of data", got)


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


def choice(message: Message, offers: Iterable[Message]) -> Iterator[Broken]:
    """What was chosen is one of the offers, with one transform of each type, and an SPI of the right size."""
    chosen = message.first(SA)
    offered = [found for one in offers if (found := one.first(SA)) is not None]
    if chosen is None or not offered:
        return
    if len(chosen.proposals) != 1:
        yield Broken("choice", "RFC7296-2.7-5", "one proposal", f"{len(chosen.proposals)} of them")
        return
    one = chosen.proposals[0]
    if not any(is_choice_of(one, offer.proposals) for offer in offered):
        yield Broken("choice", "RFC7296-2.7-5", "one of our proposals, with one transform of each type", str(one))
    size = 4 if one.protocol != ProtocolID.IKE else 0 if message.exchange == ExchangeType.IKE_SA_INIT else 8
    if len(one.spi) != size or (size and not any(one.spi)):
        yield Broken("choice", "RFC7296-3.3.1-11", "an SPI of the protocol", one.spi.hex() or "none")
