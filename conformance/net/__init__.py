"""Links to the device, captures of what went over them, and key logs for Wireshark."""

from conformance.net.link import (
    NAT_KEEPALIVE,
    NON_ESP_MARKER,
    Address,
    Carried,
    Datagram,
    IpPacket,
    Link,
    LinkError,
    PacketLink,
    unwrap,
    wrap,
)
from conformance.net.pcapng import Captured, CaptureError, PcapngWriter, read_pcapng
from conformance.net.udp import UdpLink

__all__ = [
    "NAT_KEEPALIVE",
    "NON_ESP_MARKER",
    "Address",
    "CaptureError",
    "Captured",
    "Carried",
    "Datagram",
    "IpPacket",
    "Link",
    "LinkError",
    "PacketLink",
    "PcapngWriter",
    "UdpLink",
    "read_pcapng",
    "unwrap",
    "wrap",
]
