"""Two hosts on one link: each gets what is for its address, and nobody what is for a third one."""

from collections import deque

from conformance.net import Address, Datagram, IpPacket
from conformance.net.packets import ip_packet
from conformance.net.shared import Shared

DEVICE = Address("192.0.2.2", 500)


class Line:
    """A link that gives what stands ready, and keeps what is sent."""

    def __init__(self, *ready: Datagram | IpPacket) -> None:
        self.ready, self.sent = deque(ready), list[Datagram | IpPacket]()

    def now(self) -> float:
        return 0.0

    def send(self, datagram: Datagram) -> None:
        self.sent.append(datagram)

    def send_packet(self, packet: IpPacket) -> None:
        self.sent.append(packet)

    def receive(self, until: float) -> Datagram | IpPacket | None:
        return self.ready.popleft() if self.ready else None

    def close(self) -> None:
        pass


def to(host: str, payload: bytes) -> Datagram:
    return Datagram(DEVICE, Address(host, 500), payload)


def test_each_host_gets_its_own() -> None:
    packet = IpPacket(ip_packet(to("192.0.2.9", b"third")))
    line = Line(to("192.0.2.9", b"first"), to("192.0.2.8", b"nobody's"), to("192.0.2.1", b"second"), packet)
    shared = Shared(line, "192.0.2.1", "192.0.2.9")
    one, other = shared.hosts["192.0.2.1"], shared.hosts["192.0.2.9"]
    assert one.receive(0.0) == to("192.0.2.1", b"second")
    assert [other.receive(0.0), other.receive(0.0), other.receive(0.0)] == [to("192.0.2.9", b"first"), packet, None]
    assert one.receive(0.0) is None
    one.send(to("192.0.2.2", b"out"))
    other.send_packet(packet)
    assert line.sent == [to("192.0.2.2", b"out"), packet]
