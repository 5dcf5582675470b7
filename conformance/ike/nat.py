"""NAT detection (RFC 7296, section 2.23)."""

from hashlib import sha1
from ipaddress import ip_address

from conformance.net.link import Address
from conformance.wire import Message, Notify, NotifyType


def nat_hash(spi_i: bytes, spi_r: bytes, address: Address) -> bytes:
    """SHA-1 of SPIi | SPIr | IP address | port: the data of a NAT_DETECTION_*_IP notify, 20 octets."""
    return sha1(
        spi_i + spi_r + ip_address(address.host).packed + address.port.to_bytes(2, "big"), usedforsecurity=False
    ).digest()


def detection(spi_i: bytes, spi_r: bytes, source: Address, destination: Address) -> list[Notify]:
    """The two notifies that a message from ``source`` to ``destination`` carries."""
    return [
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, nat_hash(spi_i, spi_r, source)),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, nat_hash(spi_i, spi_r, destination)),
    ]


def behind_nat(message: Message, source: Address, destination: Address) -> tuple[bool, bool] | None:
    """Whether (the sender, the receiver) of ``message`` is behind a NAT, as seen by the receiver.

    ``source`` and ``destination`` are the addresses of the datagram as it came. A sender may send several source
    hashes, of which one must fit. None if the sender does not do NAT detection.
    """
    sources = [n.data for n in message.notifies() if n.type == NotifyType.NAT_DETECTION_SOURCE_IP]
    destinations = [n.data for n in message.notifies() if n.type == NotifyType.NAT_DETECTION_DESTINATION_IP]
    if not sources or not destinations:
        return None
    seen_source = nat_hash(message.spi_i, message.spi_r, source)
    seen_destination = nat_hash(message.spi_i, message.spi_r, destination)
    return seen_source not in sources, seen_destination not in destinations
