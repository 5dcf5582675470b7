"""The client of dynamic authorization (RFC 5176), without I/O: Disconnect-Request and CoA-Request out, ACK or NAK in.

Which attributes name a session depends on the gateway: ``User-Name``, ``Acct-Session-Id``, ``Framed-IP-Address``, or
Cisco's ``audit-session-id`` (`conformance.radius.grant.session`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyrad.packet import CoAPacket

from conformance.radius.bend import STRAIGHT, Answer, RadiusBend
from conformance.radius.packet import DICTIONARY, Attribute, Code, MalformedError, Packet, prove, put, read, seal

ANSWERS: dict[int, tuple[Code, Code]] = {
    Code.DISCONNECT_REQUEST: (Code.DISCONNECT_ACK, Code.DISCONNECT_NAK),
    Code.COA_REQUEST: (Code.COA_ACK, Code.COA_NAK),
}


REMOVED = 201
"""Error-Cause: the context is gone with all that belonged to it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that went out.

    Attributes:
        datagrams: what to send: one, none or several, as it was bent.
        said: what was wrong with it.
    """

    packet: Packet
    datagrams: tuple[Answer, ...]
    said: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer of a gateway.

    Attributes:
        faults: what RFC 5176 does not allow in it, a line each.
    """

    packet: Packet
    accepted: bool
    faults: tuple[str, ...] = ()

    @property
    def error(self) -> int:
        """Error-Cause as a number, 0 where there is none."""
        return self.packet.number("Error-Cause")

    @property
    def words(self) -> tuple[str, ...]:
        """The packet in words."""
        return self.packet.words


class DynamicClient:
    """Makes requests and judges answers; one secret, one sequence of Identifiers.

    Attributes:
        authenticated: whether requests bear a Message-Authenticator.
        notes: what came and was no answer, the newest 64.
    """

    def __init__(self, secret: bytes, *, authenticated: bool = True) -> None:
        self.secret, self.authenticated = secret, authenticated
        self.identifier = 0
        self.notes: list[str] = []

    def disconnect(self, *given: Attribute, bend: RadiusBend = STRAIGHT) -> Asked:
        """Asks to end the sessions that the attributes name."""
        return self.ask(Code.DISCONNECT_REQUEST, given, bend)

    def change(self, *given: Attribute, bend: RadiusBend = STRAIGHT) -> Asked:
        """Asks to change what the sessions that the attributes name may do."""
        return self.ask(Code.COA_REQUEST, given, bend)

    def ask(self, code: Code, given: Sequence[Attribute], bend: RadiusBend = STRAIGHT) -> Asked:
        """A request. Raises KeyError, ValueError or TypeError for attributes that cannot be coded."""
        self.identifier = (self.identifier + 1) & 0xFF
        request: Any = CoAPacket(int(code), self.identifier, self.secret, dict=DICTIONARY)
        if self.authenticated:
            request.add_message_authenticator()
        put(request, given)
        request = bend.packet(request)
        octets = bend.unsealed(request.RequestPacket())
        if bend.proved:
            octets = prove(octets, bytes(16), request.secret)
        octets = seal(octets, bytes(16), request.secret)
        datagrams = tuple(bend.answers([Answer(bend.sealed(octets))]))
        return Asked(Packet(octets, self.secret), datagrams, bend.text)

    def receive(self, octets: bytes, asked: Asked) -> Told | None:
        """The answer to a request, None for what is none: another Identifier, or a wrong proof of the secret."""
        try:
            found = read(octets, self.secret, asked.packet.authenticator)
        except MalformedError as error:
            why = f"no packet: {error}"
        else:
            why = objection(found, asked.packet)
        if why:
            self.notes = [*self.notes[-63:], why]
            return None
        return Told(found, found.code in (Code.DISCONNECT_ACK, Code.COA_ACK), tuple(faults(found, asked.packet)))


def objection(answer: Packet, asked: Packet) -> str:
    """Why something is to be ignored as the answer to a request, empty where it is not."""
    if answer.identifier != asked.identifier or answer.code not in ANSWERS.get(asked.code, ()):
        return f"{answer.words[0]} to {asked.words[0]}"
    if not answer.sealed:
        return "wrong Response Authenticator"
    if answer.authenticated is False:
        return "wrong Message-Authenticator"
    return ""


def faults(answer: Packet, asked: Packet) -> list[str]:
    """What an answer does that it must not."""
    found = []
    causes = [int.from_bytes(one, "big") for one in answer.raw(101)]
    accepted = answer.code in (Code.DISCONNECT_ACK, Code.COA_ACK)
    for cause in causes:
        if accepted and not 200 <= cause < 300:
            found.append(f"Error-Cause {cause} in an ACK")
        elif cause == REMOVED and answer.code == Code.COA_ACK:
            found.append(f"Error-Cause {cause} in another answer than Disconnect-ACK")
        if not accepted and not 400 <= cause < 600:
            found.append(f"Error-Cause {cause} in a NAK")
    if answer.raw(33) != asked.raw(33):
        found.append("Proxy-State is not that of the request")
    return found
