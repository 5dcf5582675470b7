"""What was seen, in words: the reason of a verdict is read by people who have not read our code."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from conformance.wire import Message, OpenEnum, Payload, Proposal, Transform, summary, summary_message
from conformance.wire.meaning import printable
from conformance.wire.summary import transform_word

NOTHING = "nothing"
LONGEST = 2000
"""Characters of a text that a report tells of; a device may make it as long as it likes."""


def one_line(text: str) -> str:
    """A text for a report: in one line, printable, cut where nobody would read on."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ... ({len(line)} characters)"


def in_words(value: object) -> str:
    """A value for a sentence: octets in hexadecimal, messages and payloads as in the charts of the RFCs."""
    match value:
        case None | "" | b"":
            return NOTHING
        case str() | OpenEnum():
            return str(value)
        case bool():
            return "yes" if value else "no"
        case bytes() | bytearray():
            return value.hex()
        case Enum():
            return str(value.value)
        case Message():
            return summary_message(value)
        case Payload():
            return summary(value)
        case Transform():
            return transform_word(value)
        case Proposal():
            return " ".join(in_words(one) for one in (value.protocol, *value.transforms))
    if type(value).__str__ is not object.__str__:
        return str(value)
    match value:
        case Mapping():
            return _listed(f"{in_words(key)}: {in_words(one)}" for key, one in value.items())
        case set() | frozenset():
            return _listed(sorted(map(in_words, value)))
        case list() | tuple() if type(value).__str__ is object.__str__:
            return _listed(map(in_words, value))
    if is_dataclass(value) and not isinstance(value, type):
        return _listed(f"{one.name.replace('_', ' ')} {in_words(getattr(value, one.name))}" for one in fields(value))
    return str(value)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or NOTHING
