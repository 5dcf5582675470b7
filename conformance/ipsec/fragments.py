"""Fragmentation and reassembly of IPv4 and IPv6 packets (RFC 791, RFC 8200 section 4.5, RFC 5722)."""

import struct
from dataclasses import dataclass, field

from conformance.ipsec.errors import MalformedPacket, TooBig
from conformance.ipsec.ip import (
    FRAGMENT,
    HOP_BY_HOP,
    ROUTING,
    IpHeader,
    parse,
    with_checksum,
    with_length,
)

_COPIED = 0x80


def _later_options(options: bytes) -> bytes:
    """The IPv4 options that every fragment carries: those with the copied flag (RFC 791, section 3.1)."""
    kept, at = b"", 0
    while at < len(options) and options[at]:
        size = 1 if options[at] == 1 else max(options[at + 1], 2) if at + 1 < len(options) else 1
        if options[at] & _COPIED:
            kept += options[at : at + size]
        at += size
    return kept + bytes(-len(kept) % 4)


def _fragments_of_ipv4(packet: bytes, header: IpHeader, mtu: int) -> list[bytes]:
    """Fragments without the DF bit."""
    data, at, parts = packet[header.payload_at : header.length], 0, []
    head = packet[: header.payload_at]
    while at < len(data):
        room = (mtu - len(head)) & ~7 if len(head) + len(data) - at > mtu else len(data) - at
        if room <= 0:
            raise TooBig(f"an IPv4 header of {len(head)} octets leaves no room", mtu)
        more = header.more_fragments or at + room < len(data)
        word = more << 13 | (header.fragment_offset + at) // 8
        size = len(head) + room
        start = bytes((0x40 | len(head) // 4, head[1])) + struct.pack("!HHH", size, header.identification, word)
        parts.append(with_checksum(start + head[8:]) + data[at : at + room])
        at += room
        if len(parts) == 1:
            head = head[:20] + _later_options(head[20:])
    return parts


def unfragmentable(packet: bytes) -> tuple[int, int]:
    """Where the unfragmentable part of an IPv6 packet ends, and the octet in it that names what follows."""
    protocol, at, protocol_at, end = packet[6], 40, 6, (40, 6)
    while protocol in (HOP_BY_HOP, ROUTING, 60) and at + 2 <= len(packet):
        following, size = packet[at], packet[at + 1] * 8 + 8
        protocol_at, at = at, at + size
        if protocol != 60:
            end = (at, protocol_at)
        protocol = following
    return end


def _fragments_of_ipv6(packet: bytes, header: IpHeader, mtu: int, identification: int) -> list[bytes]:
    if header.fragment:
        raise TooBig("an IPv6 fragment is not fragmented again", mtu)
    whole = without_fragment_header(packet[: header.length])
    end, protocol_at = unfragmentable(whole)
    head, data = whole[:end], whole[end:]
    following = head[protocol_at]
    head = head[:protocol_at] + bytes((FRAGMENT,)) + head[protocol_at + 1 :]
    room = (mtu - len(head) - 8) & ~7
    if room <= 0:
        raise TooBig(f"IPv6 headers of {len(head)} octets leave no room", mtu)
    parts = []
    for at in range(0, len(data), room):
        word = at | (at + room < len(data))
        part = head + struct.pack("!BBHI", following, 0, word, identification) + data[at : at + room]
        parts.append(with_length(part, 40))
    return parts


def fragment(packet: bytes, mtu: int, identification: int = 0, *, forced: bool = False) -> list[bytes]:
    """The packet in parts of at most ``mtu`` octets, or as it is where it fits.

    ``identification`` is for IPv6; IPv4 packets have their own. Raises TooBig for an IPv4 packet with the DF bit,
    unless ``forced``, MalformedPacket for what is no packet. An IPv6 packet is taken for one of our own, which we
    may fragment.
    """
    header = parse(packet)
    if header.length <= mtu:
        return [packet[: header.length]]
    if header.version == 6:
        return _fragments_of_ipv6(packet, header, mtu, identification)
    if header.dont_fragment and not forced:
        raise TooBig(f"{header.length} octets and the DF bit", mtu)
    return _fragments_of_ipv4(packet, header, mtu)


def without_fragment_header(packet: bytes) -> bytes:
    """An IPv6 packet without the fragment header of a datagram that has only one fragment (RFC 4302, appendix A2)."""
    protocol, at, protocol_at = packet[6], 40, 6
    while protocol in (HOP_BY_HOP, ROUTING, 60) and at + 2 <= len(packet):
        protocol, protocol_at, at = packet[at], at, at + packet[at + 1] * 8 + 8
    if protocol != FRAGMENT or at + 8 > len(packet):
        return packet
    following = packet[at]
    shorter = packet[:protocol_at] + bytes((following,)) + packet[protocol_at + 1 : at] + packet[at + 8 :]
    return with_length(shorter, 40)


@dataclass(slots=True)
class _Datagram:
    """The parts of a datagram that have come, by offset; ``size`` is known when the last has."""

    since: float
    parts: dict[int, bytes] = field(default_factory=dict)
    first: bytes = b""
    size: int | None = None


_Key = tuple[bytes, bytes, int, int]


class Reassembler:
    """Puts datagrams together again. Those not complete after ``timeout`` seconds are forgotten.

    A datagram whose fragments overlap is thrown away with all of them, for IPv6 as RFC 5722 wants it and for IPv4 as
    well: there the overlap serves attacks on selectors (RFC 4301, section 7.2). ``limit`` datagrams wait at a time,
    the oldest makes room.
    """

    def __init__(self, timeout: float = 60.0, limit: int = 64) -> None:
        self.timeout = timeout
        self.limit = limit
        self._waiting: dict[_Key, _Datagram] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, packet: bytes, now: float) -> bytes | None:
        """A packet that is no fragment, or the datagram that this fragment completes; None: it waits for others.

        Raises MalformedPacket for what cannot be a fragment, and for an overlap.
        """
        header = parse(packet)
        if not header.fragment:
            return packet[: header.length]
        # The protocol does not belong to the key of IPv6 (RFC 8200); fragments of one datagram may name others.
        protocol = header.protocol if header.version == 4 else -1
        key = (header.source, header.destination, protocol, header.identification)
        for old in [each for each, one in self._waiting.items() if now - one.since >= self.timeout]:
            del self._waiting[old]
        if key not in self._waiting and len(self._waiting) >= self.limit:
            del self._waiting[next(iter(self._waiting))]
        waiting = self._waiting.setdefault(key, _Datagram(now))
        try:
            whole = _grow(waiting, packet, header)
        except MalformedPacket:
            del self._waiting[key]
            raise
        if whole is not None:
            del self._waiting[key]
        return whole


def _fragment_data_at(packet: bytes, header: IpHeader) -> tuple[int, int]:
    """Where the data of a fragment starts, and the octet before it that names what is first in it."""
    if header.version == 4:
        return header.payload_at, header.protocol_at
    protocol, at, protocol_at = packet[6], 40, 6
    while protocol != FRAGMENT:
        protocol, protocol_at, at = packet[at], at, at + packet[at + 1] * 8 + 8
    return at + 8, protocol_at


def _grow(waiting: _Datagram, packet: bytes, header: IpHeader) -> bytes | None:
    start, protocol_at = _fragment_data_at(packet, header)
    data, offset = packet[start : header.length], header.fragment_offset
    end = offset + len(data)
    if header.more_fragments and (len(data) % 8 or not data):
        raise MalformedPacket(f"a fragment of {len(data)} octets that is not the last")
    if end > 65535 or (waiting.size is not None and end > waiting.size):
        raise MalformedPacket(f"a fragment that ends at {end}")
    known = waiting.parts.get(offset)
    if known == data and (not header.more_fragments) == (waiting.size == end):
        return None
    if any(at < end and offset < at + len(part) for at, part in waiting.parts.items()):
        raise MalformedPacket(f"a fragment from {offset} to {end} overlaps another")
    if not header.more_fragments:
        if waiting.size is not None or any(at + len(part) > end for at, part in waiting.parts.items()):
            raise MalformedPacket(f"another last fragment, ending at {end}")
        waiting.size = end
    if not offset:
        if header.version == 6:
            # The fragment header goes; what it names is named by the header before it.
            first = packet[:protocol_at] + packet[start - 8 : start - 7] + packet[protocol_at + 1 : start - 8]
        else:
            first = packet[:6] + b"\0\0" + packet[8:start]
        waiting.first = first
    waiting.parts[offset] = data
    if waiting.size is None or sum(map(len, waiting.parts.values())) != waiting.size:
        return None
    head = waiting.first
    body = b"".join(waiting.parts[at] for at in sorted(waiting.parts))
    return with_length(head + body, len(head) if header.version == 4 else 40)
