"""Reading and changing IP packets as octets (RFC 791, RFC 8200): as much as IPsec looks at."""

import struct
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from conformance.ipsec.errors import MalformedPacket

HOP_BY_HOP, ICMP, IPV4, TCP, UDP, IPV6, ROUTING, FRAGMENT = 0, 1, 4, 6, 17, 41, 43, 44
ESP, AH, ICMPV6, NO_NEXT_HEADER, DESTINATION, MOBILITY = 50, 51, 58, 59, 60, 135

_IPV4 = Struct("!BBHHHBBH4s4s")
_IPV6 = Struct("!IHBB16s16s")
_EXTENSIONS = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION})
_DF, _MF, _OFFSET = 0x4000, 0x2000, 0x1FFF


class IpHeader(NamedTuple):
    """What a packet says of itself.

    ``protocol`` is the next layer protocol behind the extension headers of IPv6 and starts at ``payload_at``;
    ``protocol_at`` is the octet that names it. In a non-initial fragment it is what the fragment header names.
    ``length`` and ``fragment_offset`` are in octets. ``identification`` of IPv6 is that of the fragment header or 0.
    """

    version: int
    traffic_class: int
    length: int
    ttl: int
    protocol: int
    source: bytes
    destination: bytes
    payload_at: int
    protocol_at: int
    identification: int = 0
    fragment_offset: int = 0
    more_fragments: bool = False
    dont_fragment: bool = False

    @property
    def fragment(self) -> bool:
        """The packet is a part of another, the first or a later one."""
        return self.more_fragments or self.fragment_offset > 0


def parse(packet: bytes) -> IpHeader:
    """The header of a packet, which may be followed by octets that do not belong to it (``length`` tells).

    Raises MalformedPacket for what is no whole IPv4 or IPv6 packet.
    """
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        first, tos, length, ident, flags, ttl, protocol, _, source, destination = _IPV4.unpack_from(packet)
        size = (first & 15) * 4
        if not 20 <= size <= length <= len(packet):
            raise MalformedPacket(f"IPv4 header of {size}, total length {length}, octets there are: {len(packet)}")
        return IpHeader(
            4,
            tos,
            length,
            ttl,
            protocol,
            source,
            destination,
            size,
            9,
            ident,
            (flags & _OFFSET) * 8,
            bool(flags & _MF),
            bool(flags & _DF),
        )
    if version == 6 and len(packet) >= 40:
        return _parse_ipv6(packet)
    raise MalformedPacket(f"no IP packet: version {version}, {len(packet)} octets")


def _parse_ipv6(packet: bytes) -> IpHeader:
    word, size, protocol, ttl, source, destination = _IPV6.unpack_from(packet)
    length, at, protocol_at = 40 + size, 40, 6
    if length > len(packet):
        raise MalformedPacket(f"IPv6 payload length {size}, octets there are: {len(packet) - 40}")
    ident, offset, more = 0, 0, False
    while protocol in _EXTENSIONS and not offset:
        if at + 8 > length:
            raise MalformedPacket(f"IPv6 extension header {protocol} at {at} reaches over the end, {length}")
        following = packet[at]
        if protocol == FRAGMENT:
            field, ident = struct.unpack_from("!HI", packet, at + 2)
            offset, more = field & 0xFFF8, bool(field & 1)
            step = 8
        else:
            step = packet[at + 1] * 8 + 8
        protocol, protocol_at, at = following, at, at + step
    if at > length:
        raise MalformedPacket(f"IPv6 extension headers end at {at}, the packet at {length}")
    return IpHeader(
        6, word >> 20 & 255, length, ttl, protocol, source, destination, at, protocol_at, ident, offset, more, True
    )


def extension_headers(packet: bytes, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, begin and size of each extension header of an IPv6 packet that `parse` takes; ``end`` is its payload_at."""
    protocol, at = packet[6], 40
    while at < end:
        size = 8 if protocol == FRAGMENT else packet[at + 1] * 8 + 8
        yield protocol, at, size
        protocol, at = packet[at], at + size


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    # The one's complement sum is the number modulo 0xFFFF, octets taken as one big-endian integer.
    if len(data) % 2:
        data += b"\0"
    total = int.from_bytes(data, "big")
    return 0xFFFF ^ ((total - 1) % 0xFFFF + 1 if total else 0)


def with_checksum(header: bytes) -> bytes:
    """An IPv4 header with its checksum made anew."""
    bare = header[:10] + b"\0\0" + header[12:]
    return bare[:10] + checksum(bare).to_bytes(2, "big") + bare[12:]


def header(
    source: bytes,
    destination: bytes,
    protocol: int,
    size: int,
    *,
    traffic_class: int = 0,
    ttl: int = 64,
    identification: int = 0,
    dont_fragment: bool = False,
    flow_label: int = 0,
) -> bytes:
    """An IP header before ``size`` octets; the length of the addresses tells the version.

    Raises MalformedPacket for a packet that would be longer than its length field can say.
    """
    if len(source) != len(destination) or len(source) not in (4, 16):
        raise MalformedPacket(f"addresses of {len(source)} and {len(destination)} octets")
    if size > 65535 or (len(source) == 4 and size > 65515):
        raise MalformedPacket(f"{size} octets do not fit into an IP packet")
    if len(source) == 16:
        word = 6 << 28 | traffic_class << 20 | flow_label
        return _IPV6.pack(word, size, protocol, ttl, source, destination)
    flags = _DF if dont_fragment else 0
    bare = _IPV4.pack(0x45, traffic_class, 20 + size, identification, flags, ttl, protocol, 0, source, destination)
    return bare[:10] + checksum(bare).to_bytes(2, "big") + bare[12:]


def with_length(packet: bytes, header_size: int) -> bytes:
    """The packet with the length that it has, and for IPv4 the checksum of its header of ``header_size`` octets.

    Raises MalformedPacket when it is too long.
    """
    if packet[0] >> 4 == 4:
        if len(packet) > 65535:
            raise MalformedPacket(f"{len(packet)} octets do not fit into an IP packet")
        changed = packet[:2] + len(packet).to_bytes(2, "big") + packet[4:header_size]
        return with_checksum(changed) + packet[header_size:]
    if len(packet) > 65575:
        raise MalformedPacket(f"{len(packet)} octets do not fit into an IP packet")
    return packet[:4] + (len(packet) - 40).to_bytes(2, "big") + packet[6:]


def with_traffic_class(packet: bytes, value: int) -> bytes:
    """The packet with another DS and ECN field, and for IPv4 another checksum."""
    if packet[0] >> 4 == 4:
        size = (packet[0] & 15) * 4
        return with_checksum(packet[:1] + bytes((value,)) + packet[2:size]) + packet[size:]
    return bytes((6 << 4 | value >> 4, (value & 15) << 4 | packet[1] & 15)) + packet[2:]


def pseudo_header(source: bytes, destination: bytes, protocol: int, size: int) -> bytes:
    """What TCP, UDP and ICMPv6 checksums cover beside their own octets (RFC 768, RFC 8200 section 8.1)."""
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, size)
    return source + destination + struct.pack("!II", size, protocol)


def transport_checksum(source: bytes, destination: bytes, protocol: int, segment: bytes) -> int:
    """The checksum of a TCP, UDP or ICMPv6 segment whose checksum field is zero. UDP never gets 0 (RFC 768)."""
    value = checksum(pseudo_header(source, destination, protocol, len(segment)) + segment)
    return value or (0xFFFF if protocol == UDP else 0)
