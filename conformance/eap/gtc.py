"""EAP-GTC (RFC 3748 section 5.6): the password itself, so for use within a tunnel or an authenticated IKE SA only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from conformance.eap.errors import Failed
from conformance.eap.kind import Kind
from conformance.eap.layout import Body, Rest
from conformance.eap.method import Decision, PeerMethod, ServerMethod
from conformance.wire import EapPacket, EapType

KIND = Kind(0, EapType.GTC)


@dataclass(frozen=True, slots=True, repr=False)
class Gtc(Body):
    """The body of both directions: a text to show, or what the user typed."""

    text: Rest = b""


class GtcPeer(PeerMethod):
    """Answers each prompt with the password, or with the next of several answers."""

    kind = KIND

    def __init__(self, *answers: str) -> None:
        super().__init__()
        self.answers = [one.encode() for one in answers]
        self.prompts: list[bytes] = []

    def receive(self, data: bytes, packet: EapPacket) -> Gtc:
        """The answer to a prompt."""
        self.prompts.append(Gtc.decode(data).text)
        self.decision = Decision.MAYBE
        return Gtc(self.answer(len(self.prompts) - 1))

    def answer(self, number: int) -> bytes:
        """The answer to the prompt with this number; the last one for all that follow."""
        if not self.answers:
            raise Failed("no password to type")
        return self.answers[min(number, len(self.answers) - 1)]


class GtcServer(ServerMethod):
    """Prompts once."""

    kind = KIND

    def __init__(self, users: Mapping[bytes, str], prompt: bytes = b"Password: ") -> None:
        super().__init__()
        self.users = users
        self.prompt = prompt

    def start(self) -> Gtc:
        """The prompt."""
        return Gtc(self.prompt)

    def receive(self, data: bytes, packet: EapPacket) -> None:
        """Ends the method."""
        self.end(self.is_right(Gtc.decode(data).text))

    def is_right(self, answer: bytes) -> bool:
        """Whether it is the password."""
        return self.identity in self.users and compare_digest(answer, self.users[self.identity].encode())
