"""EAP over RADIUS (RFC 3579), as little as it takes: our server behind it, and our peer in front of it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from pyrad.client import Client
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessChallenge, AccessReject, AuthPacket

from conformance.eap.conversation import Outcome
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.wire import EapPacket

SECRET = b"testing123"
WORDS = Dictionary(str(Path(__file__).with_name("dictionary")))


def chunks(packet: bytes) -> list[bytes]:
    """The EAP-Message attributes of a packet."""
    return [packet[start : start + 253] for start in range(0, len(packet), 253)]


class PassThrough:
    """A RADIUS server on loopback with an `EapServer` for each conversation; used with ``with``."""

    def __init__(self, make: Callable[[], EapServer]) -> None:
        self.make = make
        self.conversations: list[EapServer] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.thread = Thread(target=self.serve, daemon=True)

    def __enter__(self) -> PassThrough:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.socket.close()

    def serve(self) -> None:
        while True:
            data, origin = self.socket.recvfrom(4096)
            if not data:
                return
            request = AuthPacket(packet=data, secret=SECRET, dict=WORDS)
            assert request.verify_message_authenticator()
            self.socket.sendto(self.answer(request).ReplyPacket(), origin)

    def answer(self, request: AuthPacket) -> AuthPacket:
        state = request["State"][0] if "State" in request else b""
        if not state:
            self.conversations.append(self.make())
        server = self.conversations[int.from_bytes(state, "big") if state else -1]
        packet = EapPacket.decode(b"".join(request["EAP-Message"]))
        following = server.receive(packet) if state else server.take_over(packet)
        assert following is not None, server.notes
        reply = request.CreateReply()
        reply["EAP-Message"] = chunks(following)
        reply.code = {
            Outcome.ONGOING: AccessChallenge,
            Outcome.SUCCESS: AccessAccept,
            Outcome.FAILURE: AccessReject,
        }[server.outcome]
        if server.outcome is Outcome.ONGOING:
            reply["State"] = [state or (len(self.conversations) - 1).to_bytes(4, "big")]
        if server.msk is not None and server.method is not None:
            received, sent = server.method.mppe_keys
            reply["MS-MPPE-Recv-Key"], reply["MS-MPPE-Send-Key"] = [received], [sent]
        reply.add_message_authenticator()
        return reply


def ask(port: int, peer: EapPeer) -> bytes | None:
    """Lets our peer talk to a RADIUS server on loopback until it is over; the key that the server gives."""
    client = Client("127.0.0.1", authport=port, secret=SECRET, dict=WORDS, timeout=5, retries=1)
    packet = peer.receive(b"\1\0\0\5\1")
    state: list[bytes] = []
    while packet is not None:
        request = client.CreateAuthPacket(code=1, User_Name=peer.identity.decode())
        request["NAS-IP-Address"] = "127.0.0.1"
        request["EAP-Message"] = chunks(packet)
        if state:
            request["State"] = state
        request.add_message_authenticator()
        reply = client.SendPacket(request)
        state = reply.get("State", [])
        packet = peer.receive(b"".join(reply["EAP-Message"]))
        if reply.code == AccessAccept and "MS-MPPE-Recv-Key" in reply:
            reply.request_authenticator = request.authenticator
            both: bytes = reply["MS-MPPE-Recv-Key"][0] + reply["MS-MPPE-Send-Key"][0]
            return both
    return None
