import time
from collections.abc import Callable, Iterator
from contextlib import closing
from queue import Empty, SimpleQueue

import pytest

from conformance.net.link import Address, Datagram, IpPacket
from conformance.net.relay import Cut, LosesFirst, Passed, PortNat, Relay, SecondGateway, Side, Third

ONE, OTHER = "10.91.0.2", "10.91.0.1"
ESP = IpPacket(bytes.fromhex("450000180000000040320000") + bytes((10, 91, 0, 2, 10, 91, 0, 1)) + b"spi!")


class FakeLink:
    """A device's side: `says` is what it sends, ``heard`` what reached it."""

    def __init__(self) -> None:
        self._says: SimpleQueue[Datagram | IpPacket] = SimpleQueue()
        self.heard: list[Datagram | IpPacket] = []
        self.closed = False

    def says(self, item: Datagram | IpPacket) -> None:
        self._says.put(item)

    def now(self) -> float:
        return time.time()

    def send(self, datagram: Datagram) -> None:
        self.heard.append(datagram)

    def receive(self, until: float) -> Datagram | IpPacket | None:
        try:
            return self._says.get(timeout=max(0.0, until - self.now()))
        except Empty:
            return None

    def close(self) -> None:
        self.closed = True


class FakePacketLink(FakeLink):
    def send_packet(self, packet: IpPacket) -> None:
        self.heard.append(packet)


def datagram(source: str, destination: str, ports: tuple[int, int] = (500, 500), payload: bytes = b"ike") -> Datagram:
    return Datagram(Address(source, ports[0]), Address(destination, ports[1]), payload)


def soon(condition: Callable[[], object]) -> bool:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.002)
    return False


class Lab:
    def __init__(self, kind: type[FakeLink] = FakePacketLink, peer_of_other: str = ONE) -> None:
        self.links = kind(), kind()
        self.passed: list[Passed] = []
        sides = Side(self.links[0], (ONE,), (OTHER,)), Side(self.links[1], (OTHER,), (peer_of_other,))
        self.relay = Relay(sides, self.passed.append)
        self.relay.start()

    def close(self) -> None:
        self.relay.close()

    def says(self, side: int, item: Datagram | IpPacket) -> Passed:
        count = len(self.passed)
        self.links[side].says(item)
        assert soon(lambda: len(self.passed) > count)
        return self.passed[count]


@pytest.fixture
def lab() -> Iterator[Lab]:
    with closing(Lab()) as made:
        yield made
    assert all(link.closed for link in made.links)


def test_what_is_for_the_other_device_arrives_as_it_is(lab: Lab) -> None:
    there, back = datagram(ONE, OTHER), datagram(OTHER, ONE, payload=b"answer")
    lab.says(0, there)
    lab.says(1, back)
    lab.says(0, ESP)
    assert soon(lambda: lab.links[1].heard == [there, ESP] and lab.links[0].heard == [back])
    assert not lab.relay.translates
    assert [(one.side, one.arrived == one.left) for one in lab.passed] == [(0, True), (1, True), (0, True)]


def test_what_is_for_others_is_seen_but_not_carried(lab: Lab) -> None:
    passed = lab.says(0, datagram(ONE, "10.1.0.1"))
    assert passed.left is None
    assert passed.why == "is not for the other device"
    assert lab.links[1].heard == []


def test_a_third_device_is_found_by_both(lab: Lab) -> None:
    third, address = FakePacketLink(), "10.91.0.9"
    lab.relay.third = Third(third, address)
    asked = datagram(ONE, address)
    assert lab.says(0, asked).left == asked
    answer, push = datagram(address, ONE, payload=b"answer"), datagram(address, OTHER)
    third.says(answer)
    third.says(push)
    assert soon(lambda: lab.links[0].heard == [answer] and lab.links[1].heard == [push])
    assert third.heard == [asked]
    lab.relay.third = None
    assert lab.says(0, asked).left is None


def test_a_nat_gives_the_device_behind_it_other_ports(lab: Lab) -> None:
    lab.relay.path = PortNat(0)
    assert lab.says(1, datagram(OTHER, ONE, (500, 40500))).left is None, "nothing went out yet"
    lab.says(0, datagram(ONE, OTHER))
    assert soon(lambda: lab.links[1].heard == [datagram(ONE, OTHER, (40500, 500))])
    lab.says(1, datagram(OTHER, ONE, (500, 40500)))
    assert soon(lambda: lab.links[0].heard == [datagram(OTHER, ONE)])
    assert lab.says(0, ESP).left is None, "a NAT of ports knows UDP only"


def test_a_losing_line_carries_what_is_repeated(lab: Lab) -> None:
    lab.relay.path = LosesFirst()
    assert lab.says(0, datagram(ONE, OTHER)).why == "loses each datagram once"
    assert lab.says(0, datagram(ONE, OTHER)).left is not None
    assert lab.says(0, datagram(ONE, OTHER, payload=b"next")).left is None


def test_a_cut_wire_carries_nothing(lab: Lab) -> None:
    lab.relay.path = Cut()
    assert lab.says(0, ESP).why == lab.says(1, datagram(OTHER, ONE)).why == "cut"


def test_held_messages_cross(lab: Lab) -> None:
    with lab.relay.holding():
        lab.links[0].says(datagram(ONE, OTHER))
        time.sleep(0.03)
        assert lab.links[1].heard == []
        lab.links[1].says(datagram(OTHER, ONE))
    assert soon(lambda: lab.links[0].heard and lab.links[1].heard)


def test_a_link_without_packets_gets_no_esp() -> None:
    with closing(Lab(FakeLink)) as lab:
        assert lab.says(0, ESP).why == "the other device's link carries UDP only"


def test_addresses_are_translated_where_the_devices_know_each_other_under_others() -> None:
    with closing(Lab(peer_of_other="10.91.0.9")) as lab:
        assert lab.relay.translates
        lab.says(0, datagram(ONE, OTHER))
        assert soon(lambda: lab.links[1].heard == [datagram("10.91.0.9", OTHER)])
        lab.says(1, datagram(OTHER, "10.91.0.9"))
        assert soon(lambda: lab.links[0].heard == [datagram(OTHER, ONE)])
        assert lab.says(0, ESP).why == "only UDP goes through address translation"


def test_ports_are_translated_where_a_device_has_others() -> None:
    links = FakeLink(), FakeLink()
    passed: list[Passed] = []
    sides = Side(links[0], (ONE,), (OTHER,)), Side(links[1], (OTHER,), (ONE,), (5000, 5001), (5002, 5003))
    with closing(Relay(sides, passed.append)) as relay:
        relay.start()
        links[0].says(datagram(ONE, OTHER, (4500, 4500)))
        assert soon(lambda: links[1].heard == [datagram(ONE, OTHER, (5003, 5001))])
        links[1].says(datagram(OTHER, ONE, (5000, 5002)))
        assert soon(lambda: links[0].heard == [datagram(OTHER, ONE)])
        links[0].says(datagram(ONE, OTHER, (500, 501)))
        assert soon(lambda: passed and passed[-1].why.startswith("goes to port 501"))


def test_a_second_gateway_is_the_same_device_under_another_address(lab: Lab) -> None:
    lab.relay.path = SecondGateway(0, OTHER, "192.0.2.77")
    assert lab.says(0, datagram(ONE, OTHER)).left is None, "the first one is dead"
    assert lab.says(0, datagram(ONE, "192.0.2.77")).left == datagram(ONE, OTHER)
    assert lab.says(1, datagram(OTHER, ONE)).left == datagram("192.0.2.77", ONE)
    assert lab.says(0, ESP).left is None
