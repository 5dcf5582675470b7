"""AnyConnect-EAP, Cisco's aggregate authentication (an extra): documents of XML in a method of expanded type.

There is no specification, only descriptions of its six messages: hello, init, auth-request, auth-reply, complete, ack;
the certificate that some servers ask for before that is not in here. The number of the
method, and what is in a document besides its kind and the user's name and password, was not seen on the wire by us: the
number is an argument, and what is not known is neither demanded nor refused. It makes no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest
from xml.etree import ElementTree

from conformance.eap.errors import Failed, LimitExceeded
from conformance.eap.kind import Kind
from conformance.eap.layout import Body, Rest
from conformance.eap.method import Decision, PeerMethod, ServerMethod
from conformance.wire import EapPacket

CISCO = 9
MOST_OCTETS = 65535
"""In one document: what fits into a packet."""


class Step(StrEnum):
    """The kinds of documents, in their order."""

    HELLO = "hello"
    INIT = "init"
    AUTH_REQUEST = "auth-request"
    AUTH_REPLY = "auth-reply"
    COMPLETE = "complete"
    ACK = "ack"


@dataclass(frozen=True, slots=True, repr=False)
class Document(Body):
    """The body of both directions."""

    xml: Rest = b""


def write(step: Step, **values: str) -> Document:
    """A document of a kind, with the elements below ``auth``."""
    root = ElementTree.Element("config-auth", {"client": "vpn", "type": step, "aggregate-auth-version": "2"})
    if values:
        auth = ElementTree.SubElement(root, "auth")
        for name, value in values.items():
            ElementTree.SubElement(auth, name).text = value
    return Document(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def read(data: bytes) -> ElementTree.Element:
    """The root of a document.

    Raises:
        LimitExceeded: it is too long.
        Failed: it is malformed, or declares entities, which nobody needs and which may grow without end.
    """
    if len(data) > MOST_OCTETS:
        raise LimitExceeded(f"document of {len(data)} octets, more than {MOST_OCTETS}")
    if b"<!" in data or b"\0" in data:
        raise Failed("document with a declaration")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as problem:
        raise Failed(f"malformed document: {problem}") from None


def expect(data: bytes, step: Step) -> ElementTree.Element:
    """The root of a document of the kind that is due."""
    root = read(data)
    told = root.get("type")
    if told != step:
        raise Failed(f"document {told!r}, expected {step.value!r}")
    return root


class AnyConnectPeer(PeerMethod):
    """The client: tells name and password when it is asked."""

    def __init__(self, number: int, name: str, password: str) -> None:
        super().__init__()
        self.kind = Kind(CISCO, number)  # type: ignore[misc]  # the one method whose number is not known
        self.name = name
        self.password = password
        self.due = Step.HELLO

    def receive(self, data: bytes, packet: EapPacket) -> Document:
        """The next document."""
        expect(data, self.due)
        match self.due:
            case Step.HELLO:
                self.due = Step.AUTH_REQUEST
                return write(Step.INIT)
            case Step.AUTH_REQUEST:
                self.due = Step.COMPLETE
                return write(Step.AUTH_REPLY, username=self.name, password=self.password)
            case _:
                self.decision, self.done = Decision.MAYBE, True
                return write(Step.ACK)


class AnyConnectServer(ServerMethod):
    """The server: asks for name and password."""

    def __init__(self, number: int, users: Mapping[str, str]) -> None:
        super().__init__()
        self.kind = Kind(CISCO, number)  # type: ignore[misc]  # see the peer
        self.users = users
        self.due = Step.INIT

    def start(self) -> Document:
        """Hello."""
        return write(Step.HELLO)

    def receive(self, data: bytes, packet: EapPacket) -> Document | None:
        """The next document, or the end."""
        root = expect(data, self.due)
        match self.due:
            case Step.INIT:
                self.due = Step.AUTH_REPLY
                return write(Step.AUTH_REQUEST, username="", password="")
            case Step.AUTH_REPLY:
                if not self.is_right(root.findtext("auth/username") or "", root.findtext("auth/password") or ""):
                    raise Failed("wrong name or password")
                self.due = Step.ACK
                return write(Step.COMPLETE)
            case _:
                self.end(True)
                return None

    def is_right(self, name: str, password: str) -> bool:
        """Whether the password is that of the user."""
        return name in self.users and compare_digest(self.users[name].encode(), password.encode())
