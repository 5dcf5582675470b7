"""What a device has answered, by classes that are the same for all answers that mean the same."""

import re
from collections.abc import Iterable

from conformance.script.message import Received
from conformance.wire import EAP, Message, Notify

SILENCE = "-"
_NUMBERS = re.compile(r"0x[0-9a-f]+|(?<![0-9A-Za-z])[0-9a-fA-F]{6,}(?![0-9A-Za-z])|\d+")
_AGAIN = re.compile(r"(.{3,80}?)\1+")
_LONGEST = 200
"""Characters of a line that count."""


def answer_class(found: Iterable[Received]) -> str:
    """The class of all that came after one message of ours; `SILENCE` if nothing did."""
    return " + ".join(dict.fromkeys(map(_class, found))) or SILENCE


def _class(received: Received) -> str:
    message = received.message
    parts = dict.fromkeys(_part(message))
    said = f"{message.exchange.name}{'' if message.is_response else '?'}({' '.join(parts)})"
    if received.sa is not None and not received.protected and message.exchange.name != "IKE_SA_INIT":
        said += " in the clear"
    return said + (" ignored" if received.problem else "")


def _part(message: Message) -> Iterable[str]:
    for payload in message.payloads:
        if isinstance(payload, Notify):
            yield f"N({payload.type.name})"
        elif isinstance(payload, EAP):
            yield f"EAP({payload.packet.code.name})"
        else:
            yield type(payload).__name__


def log_classes(text: str, limit: int = 40) -> tuple[str, ...]:
    """The lines of a log without what differs from time to time, each once, in order."""
    found: dict[str, None] = {}
    for line in text.splitlines():
        told = _NUMBERS.sub("#", line[: 10 * _LONGEST]).strip()
        if len(told) > _LONGEST:
            told = _AGAIN.sub(r"\1", told)[:_LONGEST]
        if told:
            found[told] = None
        if len(found) == limit:
            break
    return tuple(found)
