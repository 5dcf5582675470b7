"""Packets that go through a Child SA: made, read, and put into words."""

import struct
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from conformance.ipsec import icmp
from conformance.ipsec.errors import IpsecError
from conformance.ipsec.ip import (
    AH,
    ESP,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    TCP,
    UDP,
    IpHeader,
    header,
    parse,
    transport_checksum,
)
from conformance.wire import TrafficSelector

ECHO_PORT = 7
PROTOCOL_GRE = 47
OUR_PORT = 40007

_IDENTIFICATION = 1
_WINDOW = 8192
_MSS = b"\2\4"
_TCP = struct.Struct("!HHIIBBHHH")
_FLAGS = "FSRPAUEC"
_NAMES = {ICMP: "ICMP", ICMPV6: "ICMPv6", TCP: "TCP", UDP: "UDP", ESP: "ESP", AH: "AH", PROTOCOL_GRE: "GRE",
          IPV4: "IPv4 in it", IPV6: "IPv6 in it"}  # fmt: skip
_MESSAGES = {
    (ICMP, icmp.ECHO_REQUEST): "echo request",
    (ICMP, icmp.ECHO_REPLY): "echo reply",
    (ICMP, icmp.UNREACHABLE): "destination unreachable",
    (ICMPV6, icmp.ECHO_REQUEST6): "echo request",
    (ICMPV6, icmp.ECHO_REPLY6): "echo reply",
    (ICMPV6, icmp.UNREACHABLE6): "destination unreachable",
    (ICMPV6, icmp.TOO_BIG6): "packet too big",
}

Fits = Callable[[bytes], bool]


def host_of(selectors: tuple[TrafficSelector, ...]) -> str:
    """The host that speaks for a side: its only address, or the first host address of its network."""
    first = selectors[0]
    start = ip_address(first.start)
    return str(start if first.start == first.end else start + 1)


@lru_cache(maxsize=256)
def _octets(address: str) -> bytes:
    return ip_address(address).packed


def _header(source: bytes, destination: bytes, protocol: int, size: int) -> bytes:
    return header(source, destination, protocol, size, identification=_IDENTIFICATION)


def _with_checksum(source: str, destination: str, protocol: int, segment: bytes, at: int) -> bytes:
    """The packet of a UDP datagram or TCP segment whose checksum, still zero, stands ``at`` this octet of it."""
    ends = _octets(source), _octets(destination)
    value = transport_checksum(*ends, protocol, segment).to_bytes(2, "big")
    return _header(*ends, protocol, len(segment)) + segment[:at] + value + segment[at + 2 :]


def ping(
    source: str, destination: str, *, ident: int = 1, sequence: int = 1, size: int = 56, df: bool = False, tos: int = 0
) -> bytes:
    """An ICMP or ICMPv6 echo request with ``size`` octets of data; ``tos`` is the DS and ECN field."""
    ends = _octets(source), _octets(destination)
    kind = icmp.ECHO_REQUEST if len(ends[0]) == 4 else icmp.ECHO_REQUEST6
    rest = struct.pack("!HH", ident, sequence) + (bytes(range(256)) * (size // 256 + 1))[:size]
    return icmp.message(*ends, kind, 0, rest, traffic_class=tos, identification=_IDENTIFICATION, dont_fragment=df)


def udp(source: str, destination: str, *, sport: int = OUR_PORT, dport: int = ECHO_PORT, size: int = 32) -> bytes:
    """A UDP datagram, by default to the echo service."""
    datagram = struct.pack("!HHHH", sport, dport, 8 + size, 0) + b"u" * size
    return _with_checksum(source, destination, UDP, datagram, 6)


def tcp(
    source: str, destination: str, flags: str, *, sport: int = OUR_PORT, dport: int = ECHO_PORT, seq: int = 0,
    ack: int = 0, data: bytes = b"", mss: int | None = None,
) -> bytes:  # fmt: skip
    """A TCP segment; ``flags`` as the initials of their names, such as SA, ``mss`` the option of a SYN."""
    options = b"" if mss is None else _MSS + mss.to_bytes(2, "big")
    bits = sum(1 << _FLAGS.index(flag) for flag in flags)
    words = 5 + len(options) // 4
    head = _TCP.pack(sport, dport, seq, ack, words << 4, bits, _WINDOW, 0, 0)
    return _with_checksum(source, destination, TCP, head + options + data, 16)


class Segment(NamedTuple):
    """A TCP segment; ``flags`` as the initials of their names in the order FSRPAUEC."""

    sport: int
    dport: int
    seq: int
    ack: int
    flags: str
    data: bytes

    def __str__(self) -> str:
        return f"TCP {self.sport} > {self.dport} {self.flags}, seq {self.seq}, ack {self.ack}, {len(self.data)} octets"


def segment_of(packet: bytes) -> Segment | None:
    """The TCP segment in a packet, None: there is none. Raises MalformedPacket for what is no packet."""
    outer = parse(packet)
    body = packet[outer.payload_at : outer.length]
    if outer.protocol != TCP or outer.fragment or len(body) < _TCP.size:
        return None
    sport, dport, seq, ack, words, bits, *_ = _TCP.unpack_from(body)
    flags = "".join(flag for at, flag in enumerate(_FLAGS) if bits >> at & 1)
    return Segment(sport, dport, seq, ack, flags, body[(words >> 4) * 4 :])


def summary(packet: bytes) -> str:
    """The packet in a line of words, with its size."""
    try:
        found = parse(packet)
    except IpsecError as error:
        return f"{len(packet)} octets: {error}"
    source, destination = str(ip_address(found.source)), str(ip_address(found.destination))
    name = _NAMES.get(found.protocol, f"IP protocol {found.protocol}")
    if found.fragment_offset:
        return f"{name} {source} > {destination}, fragment at {found.fragment_offset}, {len(packet)} octets"
    said = _said(found, packet)
    first = ", first fragment" if found.more_fragments else ""
    return f"{name} {source} > {destination}{said}{first}, {len(packet)} octets"


def _said(found: IpHeader, packet: bytes) -> str:
    """What kind of message it is, or between which ports; empty where that cannot be told."""
    body = packet[found.payload_at : found.length]
    if found.protocol in (ICMP, ICMPV6) and len(body) >= 8:
        kind = _MESSAGES.get((found.protocol, body[0]), f"type {body[0]}")
        number = f" {int.from_bytes(body[6:8], 'big')}" if kind.startswith("echo") else ""
        return f" {kind}{number}{f' code {body[1]}' if body[1] else ''}"
    if found.protocol in (TCP, UDP) and len(body) >= 8:
        ports = f" port {int.from_bytes(body[:2], 'big')} > {int.from_bytes(body[2:4], 'big')}"
        segment = segment_of(packet[: found.length]) if not found.fragment else None
        return f"{ports} {segment.flags}" if segment else ports
    return ""


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
