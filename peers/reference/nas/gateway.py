"""`Nas`: all that makes the reference device a gateway with an AAA server."""

from conformance.crypto import Random
from conformance.ike.core.connection import Connection
from conformance.ike.endpoint import Endpoint
from conformance.net.link import Datagram
from peers.reference.dataplane import DeviceHost
from peers.reference.nas.dynamic import Dynamic


class Nas(Dynamic):
    """Asks for the IKE SAs of an endpoint, tells what they carry, and ends them."""

    def __init__(self, connection: Connection, random: Random, now: float) -> None:
        """No session yet."""
        super().__init__(connection, random, now)
        self.changed, self.sessions, self.known = [], [], {}

    def receive(self, datagram: Datagram, endpoint: Endpoint, now: float) -> bool:
        """Take a datagram if it is RADIUS; whether it was."""
        self.now = endpoint.now = now
        if self.is_order(datagram):
            self.obey(datagram, endpoint.sas.values())
        elif self.is_answer(datagram):
            self.take(datagram)
        else:
            return False
        return True

    def step(self, endpoint: Endpoint, host: DeviceHost, now: float) -> None:
        """See what has become of the IKE SAs, and let them send what follows."""
        self.follow(list(endpoint.sas.values()), host, now)
        while self.changed:
            sa = self.changed.pop(0)
            sa.now = now
            endpoint.collect(sa)
            self.follow(list(endpoint.sas.values()), host, now)
        for line in self.log:
            endpoint.note(f"RADIUS: {line}")
        self.log.clear()

    def drain(self) -> list[Datagram]:
        """What is to be sent."""
        found, self.outbox = self.outbox, []
        return found
