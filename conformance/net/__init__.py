"""Links to the device, captures of what went over them, and key logs for Wireshark."""

from conformance.net.link import (
    NAT_KEEPALIVE,
    NON_ESP_MARKER,
    Address,
    Carried,
    Datagram,
    Link,
    LinkError,
    unwrap,
    wrap,
)
from conformance.net.udp import UdpLink

__all__ = [
    "NAT_KEEPALIVE",
    "NON_ESP_MARKER",
    "Address",
    "Carried",
    "Datagram",
    "Link",
    "LinkError",
    "UdpLink",
    "unwrap",
    "wrap",
]
