"""IP and UDP headers around a datagram and off again (RFC 791, RFC 8200, RFC 768): as much as a capture needs."""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

from conformance.net.link import Address, Datagram

LARGEST_PAYLOAD = 65535 - 20 - 8
"""Octets that a UDP datagram can carry in one IPv4 packet; the limit of a capture for IPv6 as well."""

_UDP = 17
_TTL = 64


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_packet(datagram: Datagram, identification: int = 0) -> bytes:
    """The IPv4 or IPv6 packet of a datagram, whole, with correct lengths and checksums.

    ``identification`` goes into an IPv4 header. Raises ValueError for an address that is not numeric, for two
    families in one datagram, and for more than `LARGEST_PAYLOAD` octets.
    """
    if len(datagram.payload) > LARGEST_PAYLOAD:
        raise ValueError(f"a UDP payload of {len(datagram.payload)} octets, the largest has {LARGEST_PAYLOAD}")
    source, destination = ip_address(datagram.source.host), ip_address(datagram.destination.host)
    if source.version != destination.version:
        raise ValueError(f"a datagram from {datagram.source} to {datagram.destination}: two address families")
    size = 8 + len(datagram.payload)
    udp = struct.pack("!HHHH", datagram.source.port, datagram.destination.port, size, 0) + datagram.payload
    if source.version == 4:
        pseudo = source.packed + destination.packed + struct.pack("!BBH", 0, _UDP, size)
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, identification & 0xFFFF, 0, _TTL, _UDP, 0)
        header += source.packed + destination.packed
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    else:
        pseudo = source.packed + destination.packed + struct.pack("!II", size, _UDP)
        header = struct.pack("!IHBB", 6 << 28, size, _UDP, _TTL) + source.packed + destination.packed
    # A computed checksum of zero is sent as all ones: zero means that there is none (RFC 768).
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
    return header + udp


def udp_datagram(packet: bytes) -> Datagram | None:
    """The datagram of a whole IP packet; None for a fragment, for another protocol than UDP, for a cut packet."""
    if len(packet) < 20:
        return None
    source: IPv4Address | IPv6Address
    if packet[0] >> 4 == 4:
        header, protocol, fragment = (packet[0] & 15) * 4, packet[9], packet[6:8] not in (b"\0\0", b"\x40\0")
        source, destination = IPv4Address(packet[12:16]), ip_address(packet[16:20])
    elif packet[0] >> 4 == 6 and len(packet) >= 40:
        header, protocol, fragment = 40, packet[6], False
        source, destination = IPv6Address(packet[8:24]), ip_address(packet[24:40])
    else:
        return None
    if protocol != _UDP or fragment or len(packet) < header + 8:
        return None
    source_port, destination_port, size = struct.unpack_from("!HHH", packet, header)
    if size < 8 or len(packet) < header + size:
        return None
    payload = packet[header + 8 : header + size]
    return Datagram(Address(str(source), source_port), Address(str(destination), destination_port), payload)
