"""Deviations of one EAP packet on its way out, as values.

============ ====================================================== ==========================
stage        what is bent                                           for example
============ ====================================================== ==========================
body         the fields, before anything is computed over them      `change`
sealed       the fields with their MACs and encrypted parts         `change_sealed`
packet       code, identifier, length, type, data                   `header`
octets       the bytes                                              `octets`
============ ====================================================== ==========================

Bends add up with ``|``. Each carries a text, so that the evidence says what was done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.eap.layout import Body
from conformance.wire import EapPacket


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class EapBend:
    """What is wrong with one packet: with the next one, or the next one whose body is of the class ``of``.

    With a ``number`` it waits for the packet of the method with that number, counted from 1.
    """

    text: str = ""
    of: type[Body] | None = None
    number: int | None = field(default=None, kw_only=True)
    body: Callable[[Body], Body] = _same
    sealed: Callable[[Body], Body] = _same
    packet: Callable[[EapPacket], EapPacket] = _same
    octets: Callable[[bytes], bytes] = _same

    def __or__(self, other: EapBend) -> EapBend:
        """Both, this one first at every stage."""
        return EapBend(
            f"{self.text}; {other.text}" if self.text and other.text else self.text or other.text,
            self.of or other.of,
            lambda body: other.body(self.body(body)),
            lambda body: other.sealed(self.sealed(body)),
            lambda packet: other.packet(self.packet(packet)),
            lambda data: other.octets(self.octets(data)),
            number=self.number or other.number,
        )


STRAIGHT = EapBend()
"""Nothing is wrong."""


def _said(of: type[Body], values: dict[str, Any]) -> str:
    return f"{of.__name__} with " + ", ".join(f"{name}={value!r}" for name, value in values.items())


def change(of: type[Body], text: str = "", **values: Any) -> EapBend:
    """Set fields of the next body of a class, lengths included, before MACs are made: ``change(Challenge, id=3)``."""
    return EapBend(text or _said(of, values), of, body=lambda body: replace(body, **values))  # type: ignore[type-var]


def change_sealed(of: type[Body], text: str = "", **values: Any) -> EapBend:
    """As `change`, when MACs are computed already."""
    return EapBend(text or _said(of, values), of, sealed=lambda body: replace(body, **values))  # type: ignore[type-var]


def instead(of: type[Body] | None, body: Body, text: str = "") -> EapBend:
    """Send another body instead of the next one of a class."""
    return EapBend(text or f"{type(body).__name__} instead", of, body=lambda _: body)


def header(text: str = "", of: type[Body] | None = None, **values: Any) -> EapBend:
    """Set fields of the packet: ``header(identifier=7)``, ``header(length=3)``, ``header(type=EapType.TLS)``."""
    said = text or "EAP packet with " + ", ".join(f"{name}={value!r}" for name, value in values.items())
    return EapBend(said, of, packet=lambda packet: replace(packet, **values))


def octets(change_it: Callable[[bytes], bytes], text: str, of: type[Body] | None = None) -> EapBend:
    """Change the bytes of a packet."""
    return EapBend(text, of, octets=change_it)
