"""What carries datagrams between the scripted peer and the device: the contract, and what is in a UDP payload."""

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from typing import NamedTuple, Protocol, runtime_checkable

NON_ESP_MARKER = bytes(4)
"""Stands before an IKE message on the NAT traversal port, where an ESP packet has its SPI (RFC 3948 section 2.2)."""

NAT_KEEPALIVE = b"\xff"
"""The whole payload of a NAT keepalive (RFC 3948 section 2.3)."""


class LinkError(OSError):
    """A link cannot be opened or used; its text is one line that says what and, where known, how to mend it."""


class Address(NamedTuple):
    """One end of a datagram: a numeric IPv4 or IPv6 address without brackets or zone, and a UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        """The address as it is written, `192.0.2.1:500` or `[2001:db8::1]:500`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram: ``payload`` is exactly what is behind the UDP header, a non-ESP marker included.

    ``checksum`` is what has come in the header, None where only the kernel sees that.
    """

    source: Address
    destination: Address
    payload: bytes
    checksum: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class IpPacket:
    """A whole IPv4 or IPv6 packet, header included, that carries no UDP: ESP, AH, or something in the clear.

    ``pieces`` are the sizes of the fragments that it came in, IP headers included; empty: it came whole. Raises
    ValueError for what is shorter than its header.
    """

    data: bytes
    pieces: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        size = {4: 20, 6: 40}.get(self.data[0] >> 4 if self.data else 0)
        if size is None or len(self.data) < size:
            raise ValueError(f"{len(self.data)} octets are no IP packet")

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.data[0] >> 4

    @property
    def source(self) -> str:
        """The source address."""
        return str(ip_address(self.data[12:16] if self.version == 4 else self.data[8:24]))

    @property
    def destination(self) -> str:
        """The destination address."""
        return str(ip_address(self.data[16:20] if self.version == 4 else self.data[24:40]))

    @property
    def protocol(self) -> int:
        """The protocol of an IPv4 packet, the next header of an IPv6 one (50 is ESP, 51 AH)."""
        return self.data[9] if self.version == 4 else self.data[6]

    @property
    def payload(self) -> bytes:
        """What is behind the header."""
        return self.data[(self.data[0] & 15) * 4 if self.version == 4 else 40 :]


class Link(Protocol):
    """Where datagrams are sent and received. A link has the clock that its user reads."""

    def now(self) -> float:
        """The time of this link's clock: UNIX time in seconds, never going back."""

    def send(self, datagram: Datagram) -> None:
        """Send from the datagram's source address and port, opening them if need be. Raises `LinkError`."""

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram to any of our ports; None if none has come when ``now()`` is ``until``.

        A link that carries more than UDP gives other packets, too, ESP for example.
        """

    def close(self) -> None:
        """Give the ports back. Closing twice does no harm."""


@runtime_checkable
class PacketLink(Link, Protocol):
    """A link that carries whole IP packets beside datagrams: where ESP goes without UDP."""

    def send_packet(self, packet: IpPacket) -> None:
        """Send an IP packet as it is. Raises `LinkError`."""


@runtime_checkable
class OpeningLink(Link, Protocol):
    """A link that receives on the addresses that were opened only."""

    def open(self, address: Address) -> Address:
        """Receive on a further address or port; port 0 asks for any. Returns what was bound. Raises `LinkError`."""


class Carried(Enum):
    """What a UDP payload on an IKE port carries."""

    IKE = "IKE"
    ESP = "ESP"
    KEEPALIVE = "NAT keepalive"
    SHORT = "nothing known"


def wrap(message: bytes, *, encapsulated: bool) -> bytes:
    """The UDP payload for an IKE message; ``encapsulated``: for the NAT traversal port, with a non-ESP marker."""
    return NON_ESP_MARKER + message if encapsulated else message


def unwrap(payload: bytes, *, encapsulated: bool) -> tuple[Carried, bytes]:
    """Tell what a UDP payload carries, and that without a non-ESP marker (RFC 3948 section 2, RFC 7296 section 2.23).

    On the NAT traversal port (``encapsulated``) everything of four octets and more is IKE behind a marker or ESP.
    """
    if not encapsulated:
        return Carried.IKE, payload
    if payload == NAT_KEEPALIVE:
        return Carried.KEEPALIVE, payload
    if len(payload) < len(NON_ESP_MARKER):
        return Carried.SHORT, payload
    if payload.startswith(NON_ESP_MARKER):
        return Carried.IKE, payload[len(NON_ESP_MARKER) :]
    return Carried.ESP, payload
