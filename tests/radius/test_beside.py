"""RADIUS servers on the link of another conversation: what they take, when they answer, and what is left alone."""

from collections import deque

import pytest

from conformance.net.link import Address, Datagram
from conformance.radius import bend, beside
from conformance.radius.beside import BesideLink
from conformance.radius.packet import Code, read
from conformance.radius.server import RadiusServer
from tests.radius.nas import SECRET, Nas

SERVER, OWN, GATEWAY = Address("192.0.2.1", 1812), Address("192.0.2.1", 20000), Address("192.0.2.2", 40000)


class Wire:
    """A link whose clock goes on while somebody waits."""

    def __init__(self) -> None:
        self.clock = 100.0
        self.sent: list[tuple[float, Datagram]] = []
        self.coming: deque[Datagram] = deque()

    def now(self) -> float:
        return self.clock

    def send(self, datagram: Datagram) -> None:
        self.sent.append((self.clock, datagram))

    def receive(self, until: float) -> Datagram | None:
        if self.coming:
            return self.coming.popleft()
        self.clock = max(self.clock, until)
        return None

    def close(self) -> None:
        pass


def request() -> bytes:
    return Nas(server()).access(("User-Name", "carol"), password=b"secret")


def server() -> RadiusServer:
    return RadiusServer(SECRET, random=bytes, users={"carol": b"secret"})


def test_serves_while_somebody_waits_and_leaves_the_rest() -> None:
    wire, asked = Wire(), server()
    link = BesideLink(wire, {SERVER: asked}, OWN)
    ike = Datagram(GATEWAY, Address("192.0.2.1", 500), b"IKE")
    octets = request()
    wire.coming += [Datagram(GATEWAY, SERVER, octets), Datagram(GATEWAY, OWN, b"told"), ike]
    assert link.receive(101.0) == ike
    assert [one.payload for one in link.told] == [b"told"]
    [came] = link.came
    assert came.datagram.payload == octets
    assert link.receive(100.5) is None
    [(at, answer)] = wire.sent
    assert (at, answer.source, answer.destination) == (100.0, SERVER, GATEWAY)
    assert read(answer.payload, SECRET, octets[4:20]).code == Code.ACCESS_ACCEPT


def test_answers_when_it_is_time_and_from_where_it_is_bent_to() -> None:
    wire, asked = Wire(), server()
    link = BesideLink(wire, {SERVER: asked}, OWN)
    asked.bends.append(bend.late(0.7) | bend.elsewhere())
    wire.coming.append(Datagram(GATEWAY, SERVER, request()))
    assert link.receive(100.5) is None and not wire.sent
    assert link.receive(102.0) is None
    [(at, answer)] = wire.sent
    assert round(at, 3) == 100.7 and answer.source.port == OWN.port + 1


def test_bent_octets_are_proved() -> None:
    asked, octets = server(), request()
    asked.bends.append(bend.identifier(3))
    [answer] = asked.receive(octets, ("192.0.2.2", 40000), 1.0)
    found = read(answer.octets, SECRET, octets[4:20])
    assert found.identifier == octets[1] + 3 and found.sealed and found.authenticated


def test_a_flood_is_left_to_whoever_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "MOST_SERVED", 3)
    wire, said = Wire(), list[str]()
    link = BesideLink(wire, {SERVER: RadiusServer(SECRET, random=bytes)}, OWN, said.append)
    wire.coming.extend([Datagram(GATEWAY, SERVER, b"nonsense"), Datagram(GATEWAY, OWN, b"nonsense")] * 3)
    assert link.receive(101.0) is not None and len(wire.coming) == 2
    assert len(link.came) == 2 and len(said) == 2
