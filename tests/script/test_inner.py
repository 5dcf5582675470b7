"""Inner packets: scapy builds the same octets and reads the same fields."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import GRE
from scapy.packet import Raw

from conformance.script import inner

V4, V6 = ("10.1.0.1", "10.2.0.7"), ("2001:db8:1::1", "2001:db8:2::7")
ENDS = pytest.mark.parametrize("ends", [V4, V6])


def head(ends: tuple[str, str], **fields: Any) -> Any:
    """The IP header of scapy."""
    source, destination = ends
    return IPv6(src=source, dst=destination, **fields) if ":" in source else IP(src=source, dst=destination, **fields)


def data(size: int) -> bytes:
    return bytes(number & 0xFF for number in range(size))


@ENDS
@pytest.mark.parametrize("size", [0, 1, 56, 255, 256, 257, 1400, 9001])
def test_a_ping_is_scapys(ends: tuple[str, str], size: int) -> None:
    echo = (
        ICMPv6EchoRequest(id=7, seq=513, data=data(size))
        if ends is V6
        else ICMP(type=8, id=7, seq=513) / Raw(data(size))
    )
    assert inner.ping(*ends, ident=7, sequence=513, size=size) == bytes(head(ends) / echo)


def test_the_fields_of_a_ping_are_scapys() -> None:
    echo = ICMP(type=8, id=1, seq=1) / Raw(data(56))
    assert inner.ping(*V4, df=True, tos=0xB9) == bytes(head(V4, flags="DF", tos=0xB9) / echo)
    six = ICMPv6EchoRequest(id=1, seq=1, data=data(56))
    assert inner.ping(*V6, tos=0xB9) == bytes(head(V6, tc=0xB9) / six)


@ENDS
@pytest.mark.parametrize("size", [0, 1, 32, 1401])
def test_a_datagram_is_scapys(ends: tuple[str, str], size: int) -> None:
    assert inner.udp(*ends, size=size) == bytes(head(ends) / UDP(sport=40007, dport=7) / Raw(b"u" * size))


@ENDS
@pytest.mark.parametrize("flags", ["S", "SA", "PA", "R", "FA"])
@pytest.mark.parametrize("mss", [None, 1360])
def test_a_segment_is_scapys_and_read_as_by_scapy(ends: tuple[str, str], flags: str, mss: int | None) -> None:
    options = [] if mss is None else [("MSS", mss)]
    wanted = TCP(sport=40007, dport=9, flags=flags, seq=4_000_000_000, ack=5, options=options) / Raw(b"odd")
    made = inner.tcp(*ends, flags, dport=9, seq=4_000_000_000, ack=5, data=b"odd", mss=mss)
    assert made == bytes(head(ends) / wanted)
    assert inner.segment_of(made + b"trailing") == (40007, 9, 4_000_000_000, 5, flags, b"odd")


def test_what_is_no_segment() -> None:
    assert inner.segment_of(inner.udp(*V4)) is None
    later = bytes(head(V4, frag=185, proto=6) / Raw(bytes(40)))
    assert inner.segment_of(later) is None


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (inner.ping(*V4, sequence=3), "ICMP 10.1.0.1 > 10.2.0.7 echo request 3, 84 octets"),
        (inner.ping(*V6, sequence=3), "ICMPv6 2001:db8:1::1 > 2001:db8:2::7 echo request 3, 104 octets"),
        (inner.udp(*V4), "UDP 10.1.0.1 > 10.2.0.7 port 40007 > 7, 60 octets"),
        (inner.tcp(*V4, "SA"), "TCP 10.1.0.1 > 10.2.0.7 port 40007 > 7 SA, 40 octets"),
        (bytes(head(V4, proto=47) / GRE(proto=0x0800) / Raw(inner.ping(*V4))), "GRE 10.1.0.1 > 10.2.0.7, 108 octets"),
        (bytes(head(V4, proto=99) / Raw(b"x")), "IP protocol 99 10.1.0.1 > 10.2.0.7, 21 octets"),
        (
            bytes(head(V4, flags="MF") / UDP(sport=1, dport=2) / Raw(bytes(16))),
            "UDP 10.1.0.1 > 10.2.0.7 port 1 > 2, first fragment, 44 octets",
        ),
        (bytes(head(V4, frag=2, proto=17) / Raw(bytes(16))), "UDP 10.1.0.1 > 10.2.0.7, fragment at 16, 36 octets"),
        (bytes(head(V4) / ICMP(type=3, code=1) / Raw(bytes(28))),
         "ICMP 10.1.0.1 > 10.2.0.7 destination unreachable code 1, 56 octets"),
    ],
)  # fmt: skip
def test_a_packet_in_words(packet: bytes, said: str) -> None:
    assert inner.summary(packet) == said


@pytest.mark.parametrize("packet", [b"", b"\x45", bytes(20), b"\x45\0\0\x14" + bytes(15)])
def test_what_is_no_packet_is_put_into_words_too(packet: bytes) -> None:
    assert inner.summary(packet).startswith(f"{len(packet)} octets: ")
