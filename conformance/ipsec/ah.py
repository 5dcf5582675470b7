"""The Authentication Header (RFC 4302). Its ICV covers the IP header before it, so whole packets come and go."""

from dataclasses import dataclass
from struct import Struct

from conformance.ipsec.errors import IpsecError, MalformedPacket, TooShort
from conformance.ipsec.esp import Decapsulated
from conformance.ipsec.ip import DESTINATION, HOP_BY_HOP, ROUTING, extension_headers, with_length
from conformance.ipsec.sad import InboundSa, OutboundSa

_HEADER = Struct("!BBH4sI")
_FIXED = 12
_IMMUTABLE_OPTIONS = frozenset({0, 1, 0x82, 0x85, 0x86, 0x94, 0x95})  # RFC 4302, appendix A1
_SOURCE_ROUTES = frozenset({0x83, 0x89})
_CHANGES_EN_ROUTE = 0x20


@dataclass(frozen=True, slots=True)
class AhBend:
    """What is wrong with a packet; None and zero: nothing.

    Attributes:
        spi: written instead of the SA's.
        sequence: the whole number used instead of the next one; the SA's counter stays where it is.
        high: the high half of the extended sequence number that the ICV covers.
        next_header: written instead of the payload's protocol.
        payload_length: written into Payload Len instead of the truth.
        reserved: the 16 bits after Payload Len.
        padding: written behind the ICV instead of zeros; its length counts.
        flip: octet of the ICV in which a bit is turned over; negative from its end.
        truncate: octets cut from the end, while the IP header still counts them.
    """

    spi: bytes | None = None
    sequence: int | None = None
    high: int | None = None
    next_header: int | None = None
    payload_length: int | None = None
    reserved: int = 0
    padding: bytes | None = None
    flip: int | None = None
    truncate: int = 0


_CORRECT = AhBend()


def header_size(icv_size: int, version: int) -> int:
    """Octets of an AH: whole words of 32 bits for IPv4 and of 64 bits for IPv6 (RFC 4302, section 3.3.3.2.1)."""
    alignment = 4 if version == 4 else 8
    return (_FIXED + icv_size + alignment - 1) // alignment * alignment


def encapsulate(
    sa: OutboundSa, head: bytes, next_header: int, payload: bytes, now: float = 0.0, bend: AhBend | None = None
) -> bytes:
    """The packet with an AH between ``head``, which names AH as what follows, and the payload.

    Raises SaExpired, SequenceOverflow and MalformedPacket.
    """
    bend = bend or _CORRECT
    try:
        sa.check_lifetime(now)
        sequence = sa.next_sequence() if bend.sequence is None else bend.sequence
    except IpsecError as error:
        sa.drops[error.reason] += 1
        raise
    icv_size = sa.cipher.icv_size
    version = head[0] >> 4
    padding = bytes(header_size(icv_size, version) - _FIXED - icv_size) if bend.padding is None else bend.padding
    size = _FIXED + icv_size + len(padding)
    fixed = _HEADER.pack(
        next_header if bend.next_header is None else bend.next_header,
        size // 4 - 2 if bend.payload_length is None else bend.payload_length,
        bend.reserved,
        sa.spi if bend.spi is None else bend.spi,
        sequence & 0xFFFFFFFF,
    )
    start = len(head) + _FIXED
    packet = with_length(head + fixed + bytes(icv_size) + padding + payload, len(head))
    covered = sequence if bend.high is None else bend.high << 32 | sequence & 0xFFFFFFFF
    icv = sa.keyed.seal(b"", b"", immutable(packet, len(head)), _tail(sa, covered))
    if bend.flip is not None:
        at = bend.flip % icv_size
        icv = icv[:at] + bytes((icv[at] ^ 1,)) + icv[at + 1 :]
    sa.count(len(payload))
    packet = packet[:start] + icv + packet[start + icv_size :]
    return packet[: len(packet) - bend.truncate]


def _tail(sa: OutboundSa | InboundSa, sequence: int) -> bytes:
    return (sequence >> 32 & 0xFFFFFFFF).to_bytes(4, "big") if sa.esn else b""


def decapsulate(sa: InboundSa, packet: bytes, at: int, now: float = 0.0) -> Decapsulated:
    """Check the AH at ``at`` of a whole packet (RFC 4302, section 3.4).

    Raises, and counts in the SA: SaExpired, TooShort, MalformedPacket, TooOld, Replayed, WrongIcv.
    """
    try:
        sa.check_lifetime(now)
        return _opened(sa, packet, at)
    except IpsecError as error:
        sa.drops[error.reason] += 1
        raise


def _opened(sa: InboundSa, packet: bytes, at: int) -> Decapsulated:
    icv_size = sa.cipher.icv_size
    if len(packet) < at + _FIXED + icv_size:
        raise TooShort(f"an AH of {len(packet) - at} octets")
    next_header, words, _, _, low = _HEADER.unpack_from(packet, at)
    size = words * 4 + 8
    # Some senders align to 64 bits under IPv4 as well; what the ICV covers is clear all the same.
    if not _FIXED + icv_size <= size < _FIXED + icv_size + 8 or at + size > len(packet):
        raise MalformedPacket(f"AH payload length {words}, the ICV has {icv_size} octets")
    sequence = sa.sequence_of(low)
    sa.check_sequence(sequence)
    start = at + _FIXED
    icv = packet[start : start + icv_size]
    covered = immutable(packet[:start] + bytes(icv_size) + packet[start + icv_size :], at)
    sequence, _ = sa.authentic(sequence, lambda number: sa.keyed.open(b"", icv, covered, _tail(sa, number)))
    sa.accept_sequence(sequence)
    payload = packet[at + size :]
    sa.count(len(payload))
    return Decapsulated(sequence, next_header, payload)


def immutable(packet: bytes, at: int) -> bytes:
    """The packet as the ICV sees it: mutable fields zero, predictable ones as they arrive (RFC 4302, section 3.3.3.1).

    ``at`` is where the AH starts; the ICV itself must be zero already.
    """
    return _immutable_ipv4(packet, at) if packet[0] >> 4 == 4 else _immutable_ipv6(packet, at)


def _immutable_ipv4(packet: bytes, at: int) -> bytes:
    destination, options = packet[16:20], b""
    start = 20
    while start < at:
        kind = packet[start]
        size = 1 if kind in (0, 1) else max(packet[start + 1], 2) if start + 1 < at else 1
        option = packet[start : min(start + size, at)]
        if kind in _SOURCE_ROUTES and len(option) >= 7 and option[2] <= len(option) - 3:
            destination = option[-4:]
        options += option if kind in _IMMUTABLE_OPTIONS else bytes(len(option))
        start += size
    fixed = packet[:1] + b"\0" + packet[2:6] + b"\0\0\0" + packet[9:10] + b"\0\0" + packet[12:16]
    return fixed + destination + options + packet[at:]


def _immutable_ipv6(packet: bytes, at: int) -> bytes:
    destination, headers = packet[24:40], b""
    for protocol, start, size in extension_headers(packet, at):
        extension = packet[start : start + size]
        if protocol in (HOP_BY_HOP, DESTINATION):
            extension = _immutable_options(extension)
        elif protocol == ROUTING and extension[2] == 0:
            extension, destination = _as_it_arrives(extension, destination)
        headers += extension
    return b"\x60\0\0\0" + packet[4:7] + b"\0" + packet[8:24] + destination + headers + packet[at:]


def _immutable_options(extension: bytes) -> bytes:
    kept, at = extension[:2], 2
    while at < len(extension):
        if not extension[at]:  # Pad1
            size, shown = 1, 1
        else:
            size = 2 + extension[at + 1] if at + 1 < len(extension) else 1
            shown = 2 if extension[at] & _CHANGES_EN_ROUTE else size
        option = extension[at : at + size]
        kept += option[:shown] + bytes(max(len(option) - shown, 0))
        at += size
    return kept


def _as_it_arrives(routing: bytes, destination: bytes) -> tuple[bytes, bytes]:
    """A Routing header of type 0, and the destination address, once all segments have been visited."""
    left, count = routing[3], (len(routing) - 8) // 16
    if not 0 < left <= count:
        return routing, destination
    done = 8 + (count - left) * 16
    visited = destination + routing[done : len(routing) - 16]
    return routing[:3] + b"\0" + routing[4:done] + visited, routing[-16:]
