"""EAP-MD5-Challenge (RFC 3748 section 5.4): CHAP with MD5. It makes no key and does not authenticate the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from hmac import compare_digest
from typing import Annotated

from conformance.eap.errors import Discard, Failed
from conformance.eap.kind import Kind
from conformance.eap.layout import Body, Length, Octets, Rest
from conformance.eap.method import Decision, PeerMethod, ServerMethod
from conformance.wire import EapPacket, EapType

KIND = Kind(0, EapType.MD5_CHALLENGE)


@dataclass(frozen=True, slots=True, repr=False)
class Md5(Body):
    """The body of both directions (RFC 1994 section 4.1).

    Attributes:
        value: the challenge, or the hash of Identifier, password and challenge.
        name: of the sender.
    """

    value_size: Annotated[int | None, Length(1, of="value")] = None
    value: Annotated[bytes, Octets(16)] = bytes(16)
    name: Rest = b""


def answer(identifier: int, password: bytes, challenge: bytes) -> bytes:
    """The response to a challenge."""
    return md5(bytes((identifier,)) + password + challenge, usedforsecurity=False).digest()


class Md5Peer(PeerMethod):
    """Answers the challenge."""

    kind = KIND

    def __init__(self, password: str) -> None:
        super().__init__()
        self.password = password.encode()

    def receive(self, data: bytes, packet: EapPacket) -> Md5:
        """The response."""
        challenge = Md5.decode(data).value
        if not challenge:
            raise Discard("empty MD5 challenge")
        self.decision = Decision.MAYBE
        return Md5(value=self.answer(packet.identifier, challenge), name=self.name())

    def answer(self, identifier: int, challenge: bytes) -> bytes:
        """What it answers to a challenge."""
        return answer(identifier, self.password, challenge)

    def name(self) -> bytes:
        """Name, which no server needs."""
        return b""


class Md5Server(ServerMethod):
    """Challenges the peer once."""

    kind = KIND

    def __init__(self, users: Mapping[bytes, str]) -> None:
        super().__init__()
        self.users = users
        self.challenge = b""
        self.asked = 0

    def start(self) -> Md5:
        """The challenge."""
        self.challenge, self.asked = self.random(16), self.identifier
        return Md5(value=self.challenge)

    def receive(self, data: bytes, packet: EapPacket) -> None:
        """Ends the method."""
        self.end(self.is_right(Md5.decode(data).value))

    def is_right(self, value: bytes) -> bool:
        """Whether it is the answer to the challenge."""
        if self.identity not in self.users:
            raise Failed(f"no user {self.identity!r}")
        return compare_digest(value, answer(self.asked, self.users[self.identity].encode(), self.challenge))
