"""Messages in words: trees for transcripts and pages, one-line summaries in the notation of the RFCs."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from conformance.wire.message import Message
from conformance.wire.payloads import SK, SKF, Nonce, Notify, Payload

_GENERIC = {"critical", "reserved", "length", "next_payload"}


def summary(payload: Payload) -> str:
    """The payload as the charts of the RFCs write it, such as ``N(COOKIE)``."""
    if isinstance(payload, Notify):
        return f"N({payload.type})"
    return payload.payload_type.notation


def summary_message(message: Message) -> str:
    """One line: exchange, direction, message ID, payloads."""
    kind = "response" if message.is_response else "request"
    inside = ", ".join(summary(payload) for payload in message.payloads)
    return f"{message.exchange} {kind} {message.message_id}: {inside}"


def describe(payload: Payload) -> dict[str, Any]:
    """The payload as a JSON tree: name, fields in words, children."""
    shown = {}
    for item in fields(payload):
        value = getattr(payload, item.name)
        if item.name not in _GENERIC:
            shown[item.name] = value.hex() if isinstance(value, bytes) else str(value)
    return {"name": payload.payload_type.notation, "fields": shown, "children": []}


def describe_message(message: Message) -> dict[str, Any]:
    """The message as a JSON tree."""
    return {
        "name": str(message.exchange),
        "fields": {"message_id": str(message.message_id)},
        "children": [describe(payload) for payload in message.payloads],
    }


__all__ = ["SK", "SKF", "Nonce", "describe", "describe_message", "summary", "summary_message"]
