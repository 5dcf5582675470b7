"""What a device has answered, by classes that are the same for all answers that mean the same."""

import re
from collections.abc import Iterable

from conformance.script.message import Received
from conformance.wire import EAP, Message, Notify, NotifyType

SILENCE = "-"
_NUMBERS = re.compile(r"0x[0-9a-f]+|(?<![0-9A-Za-z])[0-9a-fA-F]{6,}(?![0-9A-Za-z])|\d+")
_AGAIN = re.compile(r"(.{3,80}?)\1+")
_AND = " + "
_SAID = re.compile(r"([^(]*)\((.*)\)([^)]*)")
_ADDED = frozenset({"VendorID", "CERTREQ"})
_STATUS = frozenset(f"N({one.name})" for one in NotifyType if one >= 16384)
_LONGEST = 200
"""Characters of a line that count."""


def answer_class(found: Iterable[Received]) -> str:
    """The class of all that came after one message of ours; `SILENCE` if nothing did."""
    return _AND.join(dict.fromkeys(map(_class, found))) or SILENCE


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


def essence(answer: str) -> str:
    """The class of an answer without what any device may add to it, or leave out, whatever it was asked.

    That is all notifies that are no errors, Vendor IDs and CERTREQ beside other payloads, and the order of payloads.
    """
    return _AND.join(map(_essence, answer.split(_AND)))


def _essence(answer: str) -> str:
    found = _SAID.fullmatch(answer)
    if found is None:
        return answer
    parts = found[2].split()
    kept = [one for one in parts if one not in _ADDED and one not in _STATUS]
    return f"{found[1]}({' '.join(sorted(kept or parts))}){found[3]}"


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
