"""EAP over RADIUS (RFC 3579), as little as it takes: our server behind it, and our peer in front of it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from pyrad.client import Client
from pyrad.packet import AccessAccept

from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.radius.link import RadiusLink
from conformance.radius.packet import DICTIONARY, chunks
from conformance.radius.server import RadiusServer

SECRET = b"testing123"


class PassThrough(RadiusLink):
    """A RADIUS server on loopback with an `EapServer` for each conversation; used with ``with``."""

    def __init__(self, make: Callable[[], EapServer]) -> None:
        super().__init__(RadiusServer(SECRET, random=Random(9).randbytes, make=make))
        self.port = self.authentication.port

    @property
    def conversations(self) -> list[EapServer]:
        return list(self.server.conversations.values())


def ask(port: int, peer: EapPeer) -> bytes | None:
    """Lets our peer talk to a RADIUS server on loopback until it is over; the key that the server gives."""
    client = Client("127.0.0.1", authport=port, secret=SECRET, dict=DICTIONARY, timeout=5, retries=1)
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
