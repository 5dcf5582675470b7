"""A gateway for tests of the RADIUS server: makes requests with pyrad."""

from typing import Any

from pyrad.packet import AcctPacket, AuthPacket

from conformance.radius.bend import Answer
from conformance.radius.packet import DICTIONARY, Attribute, Packet, chunks, put, read
from conformance.radius.server import RadiusServer

SECRET = b"testing123"
HERE = ("192.0.2.1", 40000)


class Nas:
    """One client of a server, whose clock it is."""

    def __init__(self, server: RadiusServer) -> None:
        self.server, self.count, self.now = server, 0, 100.0
        self.asked = b""

    def access(
        self, *given: Attribute, password: bytes = b"", eap: bytes | None = None, secret: bytes = SECRET
    ) -> bytes:
        """The octets of an Access-Request."""
        request = AuthPacket(1, self.next(), secret, dict=DICTIONARY)
        request.authenticator = self.count.to_bytes(16, "big")
        put(request, [("NAS-IP-Address", "192.0.2.1"), *given])
        if password:
            request["User-Password"] = [request.PwCrypt(password)]
        if eap is not None:
            request["EAP-Message"] = chunks(eap)
            request.add_message_authenticator()
        octets: bytes = request.RequestPacket()
        return octets

    def accounting(self, *given: Attribute) -> bytes:
        """The octets of an Accounting-Request."""
        request = AcctPacket(4, self.next(), SECRET, dict=DICTIONARY)
        put(request, given)
        octets: bytes = request.RequestPacket()
        return octets

    def next(self) -> int:
        self.count += 1
        return self.count & 0xFF

    def raw(self, octets: bytes) -> list[Answer]:
        self.asked = octets[4:20]
        return list(self.server.receive(octets, HERE, self.now))

    def send(self, octets: bytes) -> Packet:
        """The one answer to a request, which must be genuine."""
        [answer] = self.raw(octets)
        packet = read(answer.octets, SECRET, self.asked)
        assert packet.sealed and packet.identifier == octets[1]
        return packet

    def verified(self, octets: bytes) -> Any:
        """What pyrad, as a stranger, thinks of the answer to a request."""
        request = AuthPacket(packet=octets, secret=SECRET, dict=DICTIONARY)
        [answer] = self.raw(octets)
        return request.VerifyReply(request.CreateReply(packet=answer.octets), answer.octets)
