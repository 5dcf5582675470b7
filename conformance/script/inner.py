"""Packets that go through a Child SA: made, read, and put into words by scapy.

Scapy is loaded when the first packet is made or read: conversations without traffic need not wait for it.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from conformance.ipsec.errors import IpsecError
from conformance.ipsec.ip import parse
from conformance.wire import TrafficSelector

ECHO_PORT = 7
PROTOCOL_GRE = 47
OUR_PORT = 40007

Fits = Callable[[bytes], bool]


def host_of(selectors: tuple[TrafficSelector, ...]) -> str:
    """The host that speaks for a side: its only address, or the first host address of its network."""
    first = selectors[0]
    start = ip_address(first.start)
    return str(start if first.start == first.end else start + 1)


def _version(source: str, destination: str, **fields: Any) -> Any:
    """The IP header of either version; ``df`` is for IPv4 only."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    df = fields.pop("df", False)
    if ":" in source:
        return IPv6(src=source, dst=destination, **fields)
    return IP(src=source, dst=destination, flags="DF" if df else 0, **fields)


def ping(
    source: str, destination: str, *, ident: int = 1, sequence: int = 1, size: int = 56, df: bool = False, **ip: Any
) -> bytes:
    """An ICMP or ICMPv6 echo request with ``size`` octets of data; ``ip`` are further fields of the IP header."""
    from scapy.layers.inet import ICMP
    from scapy.layers.inet6 import ICMPv6EchoRequest
    from scapy.packet import Raw

    data = bytes(number & 0xFF for number in range(size))
    head = _version(source, destination, df=df, **ip)
    if ":" in source:
        return bytes(head / ICMPv6EchoRequest(id=ident, seq=sequence, data=data))
    return bytes(head / ICMP(type=8, id=ident, seq=sequence) / Raw(data))


def udp(source: str, destination: str, *, sport: int = OUR_PORT, dport: int = ECHO_PORT, size: int = 32) -> bytes:
    """A UDP datagram, by default to the echo service."""
    from scapy.layers.inet import UDP
    from scapy.packet import Raw

    return bytes(_version(source, destination) / UDP(sport=sport, dport=dport) / Raw(b"u" * size))


def tcp(
    source: str, destination: str, flags: str, *, sport: int = OUR_PORT, dport: int = ECHO_PORT, seq: int = 0,
    ack: int = 0, data: bytes = b"", mss: int | None = None,
) -> bytes:  # fmt: skip
    """A TCP segment; ``flags`` in scapy's letters, ``mss`` the option of a SYN."""
    from scapy.layers.inet import TCP
    from scapy.packet import Raw

    options = [] if mss is None else [("MSS", mss)]
    segment = TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack, options=options)
    return bytes(_version(source, destination) / segment / Raw(data))


def with_size(make: Callable[[int], bytes], octets: int) -> bytes:
    """The packet of exactly so many octets that ``make`` gives for some number of octets of data."""
    return make(octets - len(make(0)))


def in_gre(source: str, destination: str, packet: bytes, **fields: Any) -> bytes:
    """A packet in GRE (RFC 2784) between two hosts; ``fields`` are those of scapy's GRE."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import GRE
    from scapy.packet import Raw

    kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    return bytes(IP(src=source, dst=destination, proto=PROTOCOL_GRE, flags=0) / GRE(proto=kind, **fields) / Raw(packet))


def out_of_gre(packet: bytes) -> bytes | None:
    """The packet in a GRE packet, None: there is none."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import GRE

    found = IP(packet)
    return bytes(found[GRE].payload) if packet[0] >> 4 == 4 and GRE in found else None


def read(packet: bytes) -> Any:
    """The packet as scapy sees it."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    return IP(packet) if packet[0] >> 4 == 4 else IPv6(packet)


def summary(packet: bytes) -> str:
    """The packet in a line of words, with its size."""
    try:
        parse(packet)
    except IpsecError as error:
        return f"{len(packet)} octets: {error}"
    return f"{read(packet).summary()}, {len(packet)} octets"


def answers(question: bytes) -> Fits:
    """Whether a packet answers this one: an echo reply, a datagram or segment back, or ICMP unreachable about it."""
    asked = parse(question)
    body = question[asked.payload_at : asked.length]

    def fits(packet: bytes) -> bool:
        found = parse(packet)
        got = packet[found.payload_at : found.length]
        if (found.source, found.destination) != (asked.destination, asked.source):
            return False
        if asked.protocol in (1, 58):
            kind = 0 if asked.protocol == 1 else 129
            return found.protocol == asked.protocol and got[:1] == bytes((kind,)) and got[4:] == body[4:]
        if found.protocol == asked.protocol:
            return got[:4] == body[2:4] + body[:2]
        return found.protocol in (1, 58) and got[:1] in (b"\x03", b"\x01") and body[:8] in got[8:]

    return fits
