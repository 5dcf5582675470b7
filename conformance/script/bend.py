"""Deviations as values: a `Bend` says what is wrong with one message on its way out (DESIGN.md).

There are four places where a message can be bent, and a bend may use several of them:

========== ============================================= ============================================
stage      what is bent                                  made by
========== ============================================= ============================================
payloads   the message with its list of payloads         drop, double, replace, insert, header, order
plaintext  encoded payloads before encryption            plaintext, padding, fragments
ciphertext one protected message after encryption        flip_icv, truncate, ciphertext
datagram   the list of datagrams: which, in what order    datagrams, twice, only
========== ============================================= ============================================

Bends add up with ``|``. Each carries a text, so that the evidence says what was done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import replace as _replace
from typing import Any

from conformance.ike.core.protection import Fragment
from conformance.wire import Message, Payload

ToMessage = Callable[[Message], Message]
ToBytes = Callable[[bytes], bytes]
Piece = tuple[Fragment | None, bytes]
"""The plaintext of one datagram, and which fragment of its message that is."""
ToPieces = Callable[[list[Piece]], Sequence[Piece]]
ToDatagrams = Callable[[list[bytes]], Sequence[bytes]]


def _same(value: Any) -> Any:
    return value


@dataclass(slots=True, eq=False)
class Bend:
    """What is wrong with one outgoing message, in words and at up to four stages.

    Nobody changes one. It is not frozen, since a frozen one takes four times as long to make, and a fuzzer makes many.
    """

    text: str = ""
    payloads: ToMessage = _same
    plaintext: ToBytes = _same
    padded: ToBytes = _same
    ciphertext: ToBytes = _same
    datagrams: ToDatagrams = _same
    fragments: ToPieces = _same

    def __or__(self, other: "Bend") -> "Bend":
        """Both, this one first at every stage."""
        return Bend(
            f"{self.text}; {other.text}" if self.text and other.text else self.text or other.text,
            lambda message: other.payloads(self.payloads(message)),
            lambda data: other.plaintext(self.plaintext(data)),
            lambda data: other.padded(self.padded(data)),
            lambda data: other.ciphertext(self.ciphertext(data)),
            lambda found: other.datagrams(list(self.datagrams(found))),
            lambda found: other.fragments(list(self.fragments(found))),
        )


STRAIGHT = Bend()
"""Nothing is wrong."""


def _payloads(text: str, change: Callable[[list[Payload]], Sequence[Payload]]) -> Bend:
    return Bend(text, lambda message: _replace(message, payloads=tuple(change(list(message.payloads)))))


def _name(kind: type[Payload]) -> str:
    return kind.__name__


def drop(*kinds: type[Payload]) -> Bend:
    """Leave out all payloads of these classes."""
    return _payloads(
        f"without {', '.join(map(_name, kinds))}", lambda found: [one for one in found if not isinstance(one, kinds)]
    )


def double(kind: type[Payload]) -> Bend:
    """Send the payloads of a class twice."""
    return _payloads(
        f"{_name(kind)} twice", lambda found: [copy for one in found for copy in [one] * (1 + isinstance(one, kind))]
    )


def replace(kind: type[Payload], change: Callable[[Any], Payload], text: str = "") -> Bend:
    """Replace each payload of a class by what ``change`` makes of it."""
    return _payloads(
        text or f"{_name(kind)} changed", lambda found: [change(one) if isinstance(one, kind) else one for one in found]
    )


def change(kind: type[Payload], text: str = "", **fields: object) -> Bend:
    """Set fields of the payloads of a class, its lies included: ``change(KE, length=3)``."""
    said = text or f"{_name(kind)} with " + ", ".join(f"{name}={_short(value)}" for name, value in fields.items())
    return replace(kind, lambda one: _replace(one, **fields), said)


def _short(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} octets" if len(value) > 8 else value.hex() or "nothing"
    return str(value)


def insert(payload: Payload, at: int = 0) -> Bend:
    """Put a payload in, by default as the first one."""
    return _payloads(
        f"with {_name(type(payload))} at {at}", lambda found: [*found[:at], payload, *found[at:]] if at >= 0 else found
    )


def append(payload: Payload) -> Bend:
    """Put a payload at the end."""
    return _payloads(f"with {_name(type(payload))} at the end", lambda found: [*found, payload])


def order(arrange: Callable[[list[Payload]], Sequence[Payload]], text: str = "payloads in another order") -> Bend:
    """Rearrange the payloads, for example with ``reversed``."""
    return _payloads(text, lambda found: list(arrange(found)))


def header(text: str = "", **fields: object) -> Bend:
    """Set fields of the IKE header: ``header(version=0x30)``, ``header(message_id=7)``, ``header(length=27)``."""
    said = text or "header with " + ", ".join(
        f"{name}={value.hex() if isinstance(value, bytes) else value}" for name, value in fields.items()
    )
    return Bend(said, lambda message: _replace(message, **fields))  # type: ignore[arg-type]


def plaintext(change_it: ToBytes, text: str) -> Bend:
    """Change the encoded payloads before they are encrypted."""
    return Bend(text, plaintext=change_it)


def fragments(change_it: ToPieces, text: str) -> Bend:
    """Change, repeat or rearrange the pieces of a message before each is encrypted, their fragment numbers included."""
    return Bend(text, fragments=change_it)


def padding(change_it: ToBytes, text: str) -> Bend:
    """Change the plaintext with its padding and Pad Length, the last octet, before it is encrypted."""
    return Bend(text, padded=change_it)


def ciphertext(change_it: ToBytes, text: str) -> Bend:
    """Change a protected message after encryption; the ICV is not computed again."""
    return Bend(text, ciphertext=change_it)


def flip_icv() -> Bend:
    """Make the integrity check value wrong by one bit."""
    return ciphertext(lambda raw: raw[:-1] + bytes((raw[-1] ^ 1,)), "one bit of the ICV flipped")


def truncate(octets: int) -> Bend:
    """Cut octets from the end of each datagram."""
    return datagrams(lambda found: [raw[:-octets] for raw in found], f"{octets} octets cut off the end")


def datagrams(change_it: ToDatagrams, text: str) -> Bend:
    """Choose, change, repeat or rearrange the datagrams of a message."""
    return Bend(text, datagrams=change_it)


def twice() -> Bend:
    """Send each datagram twice."""
    return datagrams(lambda found: [copy for raw in found for copy in (raw, raw)], "every datagram twice")


def only(*numbers: int) -> Bend:
    """Send only these of the datagrams, counted from 1: a part of the fragments of a message."""
    return datagrams(
        lambda found: [found[number - 1] for number in numbers], f"only fragments {', '.join(map(str, numbers))}"
    )
