"""Deviations of one answer or request on its way out, as values.

========== ================================================= ===================================
stage      what is bent                                      made by
========== ================================================= ===================================
packet     attributes and secret, before anything is coded   without, adding, setting, other_secret
unsealed   the octets without their last proof               message_authenticator, octets
sealed     the octets with a right Response Authenticator    wrong_authenticator, identifier
answers    which answers go out, when and from where         silence, late, doubled, elsewhere
========== ================================================= ===================================

Bends add up with ``|``. Each carries a text, so that the evidence says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.radius.packet import HEADER, Attribute, attributes, put


@dataclass(frozen=True, slots=True)
class Answer:
    """Octets to send.

    Attributes:
        delay: seconds to wait before.
        elsewhere: they come from another port than the one that was asked.
    """

    octets: bytes
    delay: float = 0.0
    elsewhere: bool = False


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class RadiusBend:
    """What is wrong with one packet: with the next one, or with the next one that has the code ``of``.

    ``proved``: the Message-Authenticator is right for what ``unsealed`` has made of it.
    """

    text: str = ""
    of: int | None = None
    packet: Callable[[Any], Any] = _same
    unsealed: Callable[[bytes], bytes] = _same
    sealed: Callable[[bytes], bytes] = _same
    answers: Callable[[list[Answer]], Sequence[Answer]] = _same
    proved: bool = False

    def __or__(self, other: RadiusBend) -> RadiusBend:
        """Both, this one first at every stage."""
        return RadiusBend(
            f"{self.text}; {other.text}" if self.text and other.text else self.text or other.text,
            self.of or other.of,
            lambda packet: other.packet(self.packet(packet)),
            lambda octets: other.unsealed(self.unsealed(octets)),
            lambda octets: other.sealed(self.sealed(octets)),
            lambda found: other.answers(list(self.answers(found))),
            self.proved or other.proved,
        )

    def only(self, code: int) -> RadiusBend:
        """The same for the next packet with this code."""
        return replace(self, of=code)


STRAIGHT = RadiusBend()
"""Nothing is wrong."""


def packet(text: str, change: Callable[[Any], None]) -> RadiusBend:
    """Whatever ``change`` does to pyrad's packet."""

    def changed(found: Any) -> Any:
        change(found)
        return found

    return RadiusBend(text, packet=changed)


def without(*names: str) -> RadiusBend:
    """Leaves out attributes."""

    def drop(found: Any) -> None:
        for name in names:
            if name in found:
                del found[name]
            if name == "Message-Authenticator":
                found.message_authenticator = None

    return packet(f"without {', '.join(names)}", drop)


def adding(*given: Attribute) -> RadiusBend:
    """With further attributes, beside what is there."""
    return packet(f"with {_said(given)}", lambda found: put(found, given))


def setting(*given: Attribute) -> RadiusBend:
    """With attributes in place of those of the same name."""

    def change(found: Any) -> None:
        for name, value in given:
            found[name] = value if isinstance(value, list) else [value]

    return packet(_said(given), change)


def code(value: int) -> RadiusBend:
    """As another kind of packet."""

    def change(found: Any) -> None:
        found.code = value

    return packet(f"with code {value}", change)


def other_secret(secret: bytes = b"another secret") -> RadiusBend:
    """Everything computed with a secret that the other side does not have."""

    def change(found: Any) -> None:
        found.secret = secret

    return packet("with another secret", change)


def octets(text: str, change: Callable[[bytes], bytes], *, proved: bool = True) -> RadiusBend:
    """Whatever ``change`` does to the octets before the proofs, or the Authenticator alone, are computed over them."""
    return RadiusBend(text, unsealed=change, proved=proved)


def length(value: int) -> RadiusBend:
    """With this Length, whatever there is."""
    return octets(f"with Length {value}", lambda found: found[:2] + value.to_bytes(2, "big") + found[4:])


def raw(kind: int, value: bytes, said: int | None = None) -> RadiusBend:
    """With an attribute more, whose length may be a lie."""
    one = bytes([kind, len(value) + 2 if said is None else said]) + value

    def append(found: bytes) -> bytes:
        return found[:2] + (len(found) + len(one)).to_bytes(2, "big") + found[4:] + one

    return octets(
        f"with attribute {kind} of {len(value)} octets" + ("" if said is None else f", length {said}"), append
    )


def wrong_message_authenticator() -> RadiusBend:
    """With a Message-Authenticator of which one bit is wrong, under a right Response Authenticator."""

    def flip(found: bytes) -> bytes:
        at = HEADER
        for kind, value in attributes(found):
            if kind == 80 and value:
                return found[: at + 2] + bytes([found[at + 2] ^ 1]) + found[at + 3 :]
            at += len(value) + 2
        return found

    return octets("with a wrong Message-Authenticator", flip, proved=False)


def wrong_authenticator() -> RadiusBend:
    """With an Authenticator of which one bit is wrong."""
    return RadiusBend("with a wrong Authenticator", sealed=lambda found: found[:4] + bytes([found[4] ^ 1]) + found[5:])


def identifier(plus: int = 1) -> RadiusBend:
    """With the Identifier of another request; the proofs are right for it."""
    return octets(f"with Identifier + {plus}", lambda found: found[:1] + bytes([(found[1] + plus) & 0xFF]) + found[2:])


def silence() -> RadiusBend:
    """No answer."""
    return RadiusBend("silence", answers=lambda found: [])


def late(seconds: float) -> RadiusBend:
    """After a while."""
    return RadiusBend(
        f"{seconds:g} s late", answers=lambda found: [replace(one, delay=one.delay + seconds) for one in found]
    )


def doubled(after: float = 0.0) -> RadiusBend:
    """Twice, the second time after some seconds."""
    return RadiusBend(
        "twice", answers=lambda found: [*found, *(replace(one, delay=one.delay + after) for one in found)]
    )


def elsewhere() -> RadiusBend:
    """From a port that nobody asked."""
    return RadiusBend("from another port", answers=lambda found: [replace(one, elsewhere=True) for one in found])


def _said(given: Sequence[Attribute]) -> str:
    return ", ".join(f"{name}={value.hex() if isinstance(value, bytes) else value}" for name, value in given)
