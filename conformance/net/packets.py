"""IP and UDP headers around a datagram and off again (RFC 791, RFC 8200, RFC 768): as much as a capture needs."""

import struct
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from conformance.ipsec.ip import UDP, header, transport_checksum
from conformance.net.link import Address, Datagram

LARGEST_PAYLOAD = 65535 - 20 - 8
"""Octets that a UDP datagram can carry in one IPv4 packet; the limit of a capture for IPv6 as well."""


def ip_packet(datagram: Datagram, identification: int = 0) -> bytes:
    """The IPv4 or IPv6 packet of a datagram, whole, with correct lengths and checksums.

    ``identification`` goes into an IPv4 header. Raises ValueError for an address that is not numeric, for two
    families in one datagram, and for more than `LARGEST_PAYLOAD` octets.
    """
    if len(datagram.payload) > LARGEST_PAYLOAD:
        raise ValueError(f"a UDP payload of {len(datagram.payload)} octets, the largest has {LARGEST_PAYLOAD}")
    source, destination = _packed(datagram.source.host), _packed(datagram.destination.host)
    if len(source) != len(destination):
        raise ValueError(f"a datagram from {datagram.source} to {datagram.destination}: two address families")
    size = 8 + len(datagram.payload)
    udp = struct.pack("!HHHH", datagram.source.port, datagram.destination.port, size, 0) + datagram.payload
    value = transport_checksum(source, destination, UDP, udp)
    udp = udp[:6] + value.to_bytes(2, "big") + udp[8:]
    return header(source, destination, UDP, size, identification=identification & 0xFFFF) + udp


@lru_cache(maxsize=1024)
def _packed(host: str) -> bytes:
    return ip_address(host).packed


def udp_datagram(packet: bytes) -> Datagram | None:
    """The datagram of a whole IP packet; None for a fragment, for another protocol than UDP, for a cut packet."""
    if len(packet) < 20:
        return None
    source: IPv4Address | IPv6Address
    if packet[0] >> 4 == 4:
        start, protocol, fragment = (packet[0] & 15) * 4, packet[9], packet[6:8] not in (b"\0\0", b"\x40\0")
        source, destination = IPv4Address(packet[12:16]), ip_address(packet[16:20])
    elif packet[0] >> 4 == 6 and len(packet) >= 40:
        start, protocol, fragment = 40, packet[6], False
        source, destination = IPv6Address(packet[8:24]), ip_address(packet[24:40])
    else:
        return None
    if protocol != UDP or fragment or len(packet) < start + 8:
        return None
    source_port, destination_port, size, checksum = struct.unpack_from("!HHHH", packet, start)
    if size < 8 or len(packet) < start + size:
        return None
    payload = packet[start + 8 : start + size]
    ends = Address(str(source), source_port), Address(str(destination), destination_port)
    return Datagram(*ends, payload, checksum)
