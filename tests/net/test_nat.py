"""The NAT of ours: mappings, filtering, rebinding, expiry, forwarding, on both sides."""

import pytest

from conformance.net import Address, Datagram, LinkError
from conformance.net.nat import DeviceNat, Mappings, Nat
from tests.net.test_impaired import Echo

OUTER = "203.0.113.1"
INNER, SERVER = Address("192.168.1.2", 500), Address("198.51.100.1", 500)


class Wire(Echo):
    """Keeps what is sent and sends it back on request only."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[Datagram] = []

    def send(self, datagram: Datagram) -> None:
        self.out.append(datagram)

    def bring(self, source: Address, destination: Address, payload: bytes = b"x") -> None:
        self.arriving.append((self.clock, len(self.arriving), Datagram(source, destination, payload)))


def test_addresses_are_translated_out_and_back() -> None:
    wire = Wire()
    host = Nat(wire, Mappings(OUTER)).inside()
    host.send(Datagram(INNER, SERVER, b"x"))
    host.send(Datagram(INNER, SERVER, b"y"))
    seen = wire.out[0].source
    assert seen.host == OUTER and seen.port >= 20000
    assert wire.out[1].source == seen
    wire.bring(SERVER, seen, b"answer")
    assert host.receive(1.0) == Datagram(SERVER, INNER, b"answer")


def test_each_inner_port_has_an_outer_one() -> None:
    wire = Wire()
    host = Nat(wire, Mappings(OUTER)).inside()
    host.send(Datagram(INNER, SERVER, b"x"))
    host.send(Datagram(Address(INNER.host, 4500), SERVER, b"x"))
    assert wire.out[0].source != wire.out[1].source


def test_only_those_who_were_asked_may_answer() -> None:
    wire, notes = Wire(), list[str]()
    mappings = Mappings(OUTER, note=notes.append)
    host = Nat(wire, mappings).inside()
    host.send(Datagram(INNER, SERVER, b"x"))
    wire.bring(Address(SERVER.host, 4500), wire.out[0].source)
    assert host.receive(1.0) is None
    assert len(mappings.refused) == 1
    assert "no mapping" in notes[-1]


def test_two_hosts_may_have_the_same_address() -> None:
    wire = Wire()
    nat = Nat(wire, Mappings(OUTER))
    one, other = nat.inside(), nat.inside()
    one.send(Datagram(INNER, SERVER, b"x"))
    other.send(Datagram(INNER, SERVER, b"x"))
    wire.bring(SERVER, wire.out[1].source, b"for the other")
    wire.bring(SERVER, wire.out[0].source, b"for the one")
    found = one.receive(1.0)
    assert isinstance(found, Datagram) and found.payload == b"for the one"
    found = other.receive(1.0)
    assert isinstance(found, Datagram) and found.payload == b"for the other"


def test_a_rebound_nat_takes_another_port_and_address_and_knows_the_old_one_no_more() -> None:
    wire = Wire()
    mappings = Mappings(OUTER)
    host = Nat(wire, mappings).inside()
    host.send(Datagram(INNER, SERVER, b"x"))
    mappings.rebind("203.0.113.9")
    host.send(Datagram(INNER, SERVER, b"x"))
    old, new = (one.source for one in wire.out)
    assert (new.host, new.port == old.port) == ("203.0.113.9", False)
    wire.bring(SERVER, old)
    assert host.receive(1.0) is None


def test_mappings_expire_in_silence_only() -> None:
    wire = Wire()
    host = Nat(wire, Mappings(OUTER, timeout=30.0)).inside()
    for wire.clock in (0.0, 20.0, 40.0, 71.0):
        host.send(Datagram(INNER, SERVER, b"x"))
    first, second, third, fourth = (one.source for one in wire.out)
    assert first == second == third != fourth


def test_a_nat_without_ports_says_so() -> None:
    host = Nat(Wire(), Mappings(OUTER, range(1, 2))).inside()
    host.send(Datagram(INNER, SERVER, b"x"))
    with pytest.raises(LinkError, match="no port left"):
        host.send(Datagram(Address(INNER.host, 4500), SERVER, b"x"))


def test_a_nat_in_front_of_the_device() -> None:
    wire, us, device = Wire(), Address("192.0.2.1", 500), Address("10.0.0.2", 500)
    mappings = Mappings(OUTER)
    link = DeviceNat(wire, mappings)
    link.send(Datagram(us, Address(OUTER, 500), b"unasked"))
    assert not wire.out
    wire.bring(device, us)
    found = link.receive(1.0)
    assert isinstance(found, Datagram) and found.source.host == OUTER and found.source.port >= 20000
    link.send(Datagram(us, found.source, b"answer"))
    assert wire.out == [Datagram(us, device, b"answer")]


def test_forwarded_ports_let_everybody_in_and_survive_a_rebind() -> None:
    wire, device = Wire(), Address("10.0.0.2", 500)
    mappings = Mappings(OUTER)
    link = DeviceNat(wire, mappings)
    mappings.forward(link, device, 500)
    mappings.rebind()
    link.send(Datagram(SERVER, Address(OUTER, 500), b"x"))
    assert wire.out == [Datagram(SERVER, device, b"x")]
    wire.bring(device, SERVER)
    found = link.receive(1.0)
    assert isinstance(found, Datagram) and found.source == Address(OUTER, 500)
