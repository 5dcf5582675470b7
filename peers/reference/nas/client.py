"""The client of RADIUS in a gateway (RFC 2865, 3579), without I/O: it asks, and believes what is proved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pyrad.packet import AcctPacket, AuthPacket

from conformance.crypto import Random
from conformance.ike.core.connection import Connection
from conformance.net.link import Address, Datagram
from conformance.radius.packet import DICTIONARY, Attribute, Code, MalformedError, Packet, put, read
from peers.credentials import AAA_PORTS, AAA_SECOND_PORTS, AAA_SECOND_SECRET, AAA_SECRET

PORT = 40812
"""From which we ask."""

ANSWERS = {
    Code.ACCESS_REQUEST: (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE),
    Code.ACCOUNTING_REQUEST: (Code.ACCOUNTING_RESPONSE,),
}

Handler = Callable[[Packet | None], None]
"""Takes the answer, None: there is none."""


@dataclass(slots=True)
class Asked:
    """A request under way. ``began`` is when what it tells happened."""

    code: Code
    given: list[Attribute]
    then: Handler
    began: float
    server: int
    packet: Packet = field(init=False)
    due: float = 0.0
    tries: int = 0


class Client:
    """Asks the AAA servers of a connection, the first one that answers."""

    secret: ClassVar[bytes] = AAA_SECRET
    timeout: ClassVar[float] = 1.0
    tries: ClassVar[int] = 3

    def __init__(self, connection: Connection, random: Random, now: float) -> None:
        """Nothing is asked yet."""
        self.connection, self.random, self.now = connection, random, now
        number = connection.aaa_servers
        host, own = connection.remote_address or "", connection.local_address or ""
        self.servers = [
            (Address(host, ports[0]), Address(host, ports[1])) for ports in (AAA_PORTS, AAA_SECOND_PORTS)[:number]
        ]
        self.here = Address(own, PORT)
        self.under_way: dict[int, Asked] = {}
        self.identifier = 0
        self.outbox: list[Datagram] = []
        self.log: list[str] = []

    # --- out ------------------------------------------------------------------------------------------------------

    def ask(self, code: Code, given: Sequence[Attribute], then: Handler) -> None:
        """Ask the first server."""
        self.begin(Asked(code, list(given), then, self.now, self.first_server()))

    def first_server(self) -> int:
        """Which server is asked first."""
        return 0

    def begin(self, asked: Asked) -> None:
        """Send a request under an Identifier and an Authenticator of its own (RFC 2865, section 4.1)."""
        asked.packet = Packet(self.coded(asked), self.secret_of(asked))
        self.under_way[asked.packet.identifier] = asked
        self.transmit(asked)

    def secret_of(self, asked: Asked) -> bytes:
        """That which we share with the server that is asked (RFC 2865, section 3)."""
        return (self.secret, AAA_SECOND_SECRET)[asked.server]

    def coded(self, asked: Asked) -> bytes:
        """The octets of a new request."""
        kind = AuthPacket if asked.code == Code.ACCESS_REQUEST else AcctPacket
        packet: Any = kind(int(asked.code), self.next_identifier(), self.secret_of(asked), dict=DICTIONARY)
        if asked.code == Code.ACCESS_REQUEST:
            packet.authenticator = self.next_authenticator()
            if self.proves(asked):
                packet.add_message_authenticator()
        put(packet, [(name, self.hide(packet, one) if name == "User-Password" else one) for name, one in asked.given])
        octets: bytes = packet.RequestPacket()
        return octets

    def hide(self, packet: Any, password: bytes) -> bytes:
        """The password, padded and hidden by the secret (RFC 2865, section 5.2)."""
        hidden: bytes = packet.PwCrypt(password)
        return hidden

    def proves(self, asked: Asked) -> bool:
        """Whether the request bears a Message-Authenticator (RFC 3579, section 3.1)."""
        return True

    def next_identifier(self) -> int:
        """One that no request under way has."""
        self.identifier = (self.identifier + 1) & 0xFF
        return self.identifier if self.identifier not in self.under_way else self.next_identifier()

    def next_authenticator(self) -> bytes:
        """Nobody can foretell it (RFC 2865, section 3)."""
        return self.random(16)

    def transmit(self, asked: Asked) -> None:
        """Send a request, or send it again."""
        asked.due = self.now + self.timeout
        where = self.servers[asked.server][asked.code == Code.ACCOUNTING_REQUEST]
        self.outbox.append(Datagram(self.here, where, asked.packet.octets))

    def try_again(self, asked: Asked) -> None:
        """Repeat what got no answer, then ask the next server, then give up."""
        asked.tries += 1
        if asked.tries <= self.tries:
            self.repeat(asked)
        elif asked.server + 1 < len(self.servers):
            asked.server, asked.tries = asked.server + 1, 0
            self.anew(asked)
        else:
            self.give_up(asked)

    def repeat(self, asked: Asked) -> None:
        """The same octets (RFC 2865, section 2.5), unless they tell how late they are (RFC 2866, section 4.1)."""
        if asked.code == Code.ACCOUNTING_REQUEST:
            late = ("Acct-Delay-Time", int(self.now - asked.began))
            asked.given = [*(one for one in asked.given if one[0] != "Acct-Delay-Time"), late]
            self.anew(asked)
        else:
            self.transmit(asked)

    def anew(self, asked: Asked) -> None:
        """What is changed is another request."""
        del self.under_way[asked.packet.identifier]
        self.begin(asked)

    def give_up(self, asked: Asked) -> None:
        """Nobody answers."""
        del self.under_way[asked.packet.identifier]
        self.log.append(f"no answer to {asked.packet.words[0]}")
        asked.then(None)

    # --- in -------------------------------------------------------------------------------------------------------

    def is_answer(self, datagram: Datagram) -> bool:
        """Whether it came where answers do."""
        return datagram.destination == self.here

    def take(self, datagram: Datagram) -> None:
        """Take an answer, if it is one."""
        octets = datagram.payload
        asked = self.under_way.get(octets[1]) if len(octets) > 1 else None
        if asked is None:
            self.log.append("an answer to nothing")
            return
        try:
            answer = self.read(octets, asked)
        except MalformedError as error:
            self.log.append(f"malformed: {error}")
            return
        why = self.objection(answer, asked, datagram)
        if why:
            self.log.append(f"not believed: {why}")
            return
        del self.under_way[asked.packet.identifier]
        asked.then(answer)

    def read(self, octets: bytes, asked: Asked) -> Packet:
        """The answer. Raises MalformedError."""
        return read(octets, asked.packet.secret, asked.packet.authenticator)

    def objection(self, answer: Packet, asked: Asked, datagram: Datagram) -> str:
        """Why it is silently discarded, empty where it is not."""
        if not self.is_from(asked, datagram):
            return f"from {datagram.source}"
        if answer.code not in ANSWERS[asked.code]:
            return answer.words[0]
        if not self.is_sealed(answer):
            return "wrong Response Authenticator"
        if not self.is_authentic(answer):
            return "wrong Message-Authenticator, or none"
        return ""

    def is_from(self, asked: Asked, datagram: Datagram) -> bool:
        """Whether it comes from whom we have asked."""
        return datagram.source == self.servers[asked.server][asked.code == Code.ACCOUNTING_REQUEST]

    def is_sealed(self, answer: Packet) -> bool:
        """Whether the Response Authenticator proves the secret (RFC 2865, section 3)."""
        return answer.sealed

    def is_authentic(self, answer: Packet) -> bool:
        """Whether the Message-Authenticator is right, and there where it must be (RFC 3579, sections 3.1 and 3.2)."""
        return answer.eap is None if answer.authenticated is None else answer.authenticated

    # --- time -----------------------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """When `tick` has something to do."""
        return min((one.due for one in self.under_way.values()), default=None)

    def tick(self, now: float) -> None:
        """Repeat what is due."""
        self.now = now
        for one in [one for one in self.under_way.values() if one.due <= now]:
            self.try_again(one)
