"""Defects of a gateway with two servers, each with a secret of its own (RFC 2865, section 3)."""

from conformance.net.link import Datagram
from conformance.radius.packet import MalformedError, Packet, read
from peers.credentials import AAA_SECOND_SECRET
from peers.reference.defects.registry import defect
from peers.reference.nas.client import Asked
from peers.reference.nas.gateway import Nas


@defect("aaa-failover", "aaa-psk-failover")
class OneSecretForAll(Nas):
    """Has one secret for all servers, that of the first one."""

    def secret_of(self, asked: Asked) -> bytes:
        return self.secret


@defect("aaa-false-accept-second", "aaa-false-reject-second")
class AnySecretWillDo(Nas):
    """Takes an answer that proves the secret of whatever server."""

    def read(self, octets: bytes, asked: Asked) -> Packet:
        before = asked.packet.authenticator
        for secret in (self.secret, AAA_SECOND_SECRET):
            try:
                answer = read(octets, secret, before)
            except MalformedError:
                continue
            if answer.sealed:
                return answer
        return super().read(octets, asked)

    def is_from(self, asked: Asked, datagram: Datagram) -> bool:
        return datagram.source.host == self.servers[0][0].host
