"""ICMP and ICMPv6 messages that a host with IPsec makes and reads (RFC 792, RFC 4443, RFC 1191, RFC 8201)."""

import struct
from typing import Any, NamedTuple

from conformance.ipsec.errors import MalformedPacket
from conformance.ipsec.ip import ICMP, ICMPV6, IpHeader, checksum, header, parse, transport_checksum

ECHO_REPLY, UNREACHABLE, ECHO_REQUEST = 0, 3, 8
UNREACHABLE6, TOO_BIG6, ECHO_REQUEST6, ECHO_REPLY6 = 1, 2, 128, 129
_PORT_UNREACHABLE, _PORT_UNREACHABLE6, _FRAGMENTATION_NEEDED = 3, 4, 4
_QUOTE, _QUOTE6 = 548, 1232


def message(source: bytes, destination: bytes, kind: int, code: int, rest: bytes, **fields: Any) -> bytes:
    """A packet with an ICMP message; ``rest`` stands behind the checksum, ``fields`` are those of `header`."""
    protocol = ICMP if len(source) == 4 else ICMPV6
    bare = bytes((kind, code, 0, 0)) + rest
    value = checksum(bare) if protocol == ICMP else transport_checksum(source, destination, protocol, bare)
    body = bare[:2] + value.to_bytes(2, "big") + rest
    return header(source, destination, protocol, len(body), **fields) + body


def port_unreachable(packet: bytes, received: IpHeader) -> bytes:
    """The answer of a host to a UDP datagram that nobody waits for."""
    if received.version == 4:
        rest = bytes(4) + packet[:_QUOTE]
        return message(received.destination, received.source, UNREACHABLE, _PORT_UNREACHABLE, rest)
    rest = bytes(4) + packet[:_QUOTE6]
    return message(received.destination, received.source, UNREACHABLE6, _PORT_UNREACHABLE6, rest)


def too_big(packet: bytes, mtu: int, quote: int | None = None) -> bytes:
    """What the sender of a packet is told that exceeds the path MTU (RFC 4301, section 8.2.1).

    It quotes the first ``quote`` octets of the packet, None: as many as may be. It comes from the address that the
    packet was for: an IPsec host has no other inside. Raises MalformedPacket.
    """
    sent = parse(packet)
    if sent.version == 4:
        rest = struct.pack("!HH", 0, min(mtu, 65535)) + packet[: quote or _QUOTE]
        return message(sent.destination, sent.source, UNREACHABLE, _FRAGMENTATION_NEEDED, rest)
    return message(sent.destination, sent.source, TOO_BIG6, 0, struct.pack("!I", mtu) + packet[: quote or _QUOTE6])


class PathMtu(NamedTuple):
    """A report that ``quoted`` (its first octets) was too large; ``header`` is what it says of itself."""

    mtu: int
    quoted: bytes
    header: IpHeader


def path_mtu(packet: bytes, received: IpHeader) -> PathMtu | None:
    """The report in an ICMP message, None: it is none. The message's checksum is not looked at."""
    at = received.payload_at
    body = packet[at : received.length]
    if received.fragment or len(body) < 8:
        return None
    if received.protocol == ICMP and body[:2] == bytes((UNREACHABLE, _FRAGMENTATION_NEEDED)):
        mtu = body[6] << 8 | body[7]
    elif received.protocol == ICMPV6 and body[:2] == bytes((TOO_BIG6, 0)):
        mtu = int.from_bytes(body[4:8], "big")
    else:
        return None
    quoted = body[8:]
    size = int.from_bytes(quoted[2:4] if received.version == 4 else quoted[4:6], "big") + 40 * (received.version == 6)
    try:
        # Only its first octets are quoted; the rest is of no interest but for its length.
        return PathMtu(mtu, quoted, parse(quoted.ljust(size, b"\0")))
    except MalformedPacket:
        return None
