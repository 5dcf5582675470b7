"""Two endpoints that talk to each other in memory."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from conformance.ike.core.connection import Connection
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from peers.reference.device import PIXIT
from suites.connections import Setup, psk

START = 1_790_000_000.0


class Pair:
    """An initiator and a responder; `run` carries datagrams until both are quiet."""

    def __init__(self, setup: Setup | None = None, *, seed: int = 1, **theirs: object) -> None:
        ours = (setup or psk())(PIXIT)
        self.now = START
        self.initiator = Endpoint(ours, Random(seed).randbytes, START)
        self.responder = Endpoint(replace_fields(ours.mirrored(), theirs), Random(seed + 1).randbytes, START)
        self.wire: list[Datagram] = []

    def run(self, keep: Callable[[Datagram], bool] = lambda datagram: True, limit: int = 200) -> None:
        for _ in range(limit):
            moving = self.initiator.drain() + self.responder.drain()
            if not moving:
                return
            for datagram in moving:
                self.wire.append(datagram)
                if keep(datagram):
                    end = self.responder if datagram.destination.host == PIXIT.device_address else self.initiator
                    end.receive(datagram, self.now)
        raise AssertionError("the endpoints do not come to rest")

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for end in (self.initiator, self.responder):
            end.tick(self.now)
        self.run()

    def sleep(self, seconds: float) -> None:
        """Let time pass and both ends do what is due meanwhile."""
        until = self.now + seconds
        while True:
            due = [timer for end in (self.initiator, self.responder) if (timer := end.next_timer()) is not None]
            if min([until, *due]) >= until:
                return self.wait(until - self.now)
            self.wait(max(0.0, min(due) - self.now))

    def establish(self, child: str | None = None) -> tuple[IkeSa, IkeSa]:
        self.initiator.initiate(child)
        self.run()
        return self.sas()

    def sas(self) -> tuple[IkeSa, IkeSa]:
        (ours,), (theirs,) = self.initiator.established(), self.responder.established()
        assert ours.keys is not None and theirs.keys is not None
        assert ours.keys.sk_d == theirs.keys.sk_d and (ours.spi_i, ours.spi_r) == (theirs.spi_i, theirs.spi_r)
        return ours, theirs


def replace_fields(connection: Connection, fields: dict[str, object]) -> Connection:
    return replace(connection, **fields)  # type: ignore[arg-type]
