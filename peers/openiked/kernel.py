"""Messages to the kernel that make iked act as if a lifetime had ended: it takes such orders from PF_KEY only.

The kernel passes an XFRM_MSG_EXPIRE that somebody sends to everybody who listens, and so does Linux's PF_KEY. No
program of iproute2 sends one, but socat sends octets to any socket.
"""

import struct
from ipaddress import ip_address

_EXPIRE = 0x18
_REQUEST = 1
_FAMILIES = {4: 2, 6: 10}
_STATE = 224
"""The size of ``struct xfrm_usersa_info``."""
_IDENTIFIER, _FAMILY = 56, 212
"""Where in it there are the destination, the SPI and the protocol, and the address family."""
_NETLINK = "SOCKET-SENDTO:16:3:6:x00000000000000000000"


def expiry(destination: str, spi: bytes, protocol: int, *, hard: bool) -> bytes:
    """The message that the lifetime of an SA is over; not ``hard``: it nearly is. ``protocol`` is 50 or 51."""
    address = ip_address(destination)
    state = bytearray(_STATE)
    struct.pack_into("16s4sB", state, _IDENTIFIER, address.packed, spi, protocol)
    struct.pack_into("=H", state, _FAMILY, _FAMILIES[address.version])
    body = bytes(state) + struct.pack("=B7x", hard)
    return struct.pack("=IHHII", 16 + len(body), _EXPIRE, _REQUEST, 1, 0) + body


def script(message: bytes) -> str:
    """A shell command that sends it."""
    octets = "".join(f"\\{octet:03o}" for octet in message)
    return f"printf '{octets}' | socat -u - {_NETLINK}"
