"""What answers behind the tunnel: ICMP echo, UDP echo, and as much of TCP as an echo needs (RFC 792, 862, 9293)."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from conformance.crypto import Random
from conformance.ipsec import icmp
from conformance.ipsec.fragments import Reassembler
from conformance.ipsec.ip import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    IpHeader,
    checksum,
    header,
    parse,
    pseudo_header,
    transport_checksum,
    with_length,
)

ECHO_PORT = 7
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16
_TCP = struct.Struct("!HHIIBBHHH")
_WRAP = 1 << 32


@dataclass(slots=True)
class _Connection:
    """A TCP connection: the next sequence number of either side, and the last answer to repeat when asked again."""

    ours: int
    theirs: int
    asked: tuple[int, int, int]
    answer: bytes
    closing: bool = False


class InnerHost:
    """A host with some addresses. It echoes ICMP, and UDP and TCP on the ports of ``services``.

    Packets for other addresses and packets with wrong checksums get no answer. A closed UDP port is answered with port
    unreachable, a closed TCP port with RST.
    """

    def __init__(self, addresses: Iterable[str], random: Random, services: Iterable[int] = (ECHO_PORT,)) -> None:
        self.addresses = frozenset(ip_address(each).packed for each in addresses)
        self.services = frozenset(services)
        self.random = random
        self.reassembler = Reassembler()
        self._connections: dict[tuple[bytes, bytes, int, int], _Connection] = {}
        self._identification = 0

    def answer(self, packet: bytes, now: float) -> list[bytes]:
        """The packets that answer this one. Raises MalformedPacket for what is no packet, or fragments of none."""
        whole = self.reassembler.add(packet, now)
        if whole is None:
            return []
        received = parse(whole)
        if received.destination not in self.addresses:
            return []
        if received.version == 4 and checksum(whole[: (whole[0] & 15) * 4]):
            return []
        answers: dict[int, Callable[[bytes, IpHeader], bytes | None]] = {
            ICMP: self._icmp,
            ICMPV6: self._icmp,
            UDP: self._udp,
            TCP: self._tcp,
        }
        make = answers.get(received.protocol)
        if make is None or not _intact(whole, received):
            return []
        made = make(whole, received)
        return [] if made is None else [made]

    def told_too_big(self, packet: bytes, mtu: int) -> list[bytes]:
        """What is sent instead of a packet that does not fit: the data of a TCP segment in smaller ones (RFC 1191)."""
        sent = parse(packet)
        at = sent.payload_at + (packet[sent.payload_at + 12] >> 4) * 4 if sent.protocol == TCP else sent.length
        data, room = packet[at : sent.length], mtu - at
        if not data or room <= 0:
            return []
        source, port, sequence, acknowledged, words, flags, window, _, urgent = _TCP.unpack_from(
            packet, sent.payload_at
        )
        made: list[bytes] = []
        for offset in range(0, len(data), room):
            last = offset + room >= len(data)
            kept = flags if last else flags & ~(_FIN | _PSH)
            number = (sequence + offset) % _WRAP
            head = _TCP.pack(source, port, number, acknowledged, words, kept, window, 0, urgent)
            options = packet[sent.payload_at + _TCP.size : at]
            bare = head + options + data[offset : offset + room]
            value = transport_checksum(sent.source, sent.destination, TCP, bare).to_bytes(2, "big")
            whole = packet[: sent.payload_at] + bare[:16] + value + bare[18:]
            made.append(with_length(whole, sent.payload_at))
        return made

    def packet(
        self, received: IpHeader, protocol: int, body: bytes, *, dont_fragment: bool = False, ecn: int = 0
    ) -> bytes:
        """A packet back to where one came from, with its DSCP."""
        self._identification = self._identification + 1 & 0xFFFF
        head = header(
            received.destination,
            received.source,
            protocol,
            len(body),
            traffic_class=received.traffic_class & 0xFC | ecn,
            identification=self._identification,
            dont_fragment=dont_fragment,
        )
        return head + body

    def _icmp(self, packet: bytes, received: IpHeader) -> bytes | None:
        body = packet[received.payload_at : received.length]
        asked, answer = (icmp.ECHO_REQUEST, icmp.ECHO_REPLY)
        if received.version == 6:
            asked, answer = icmp.ECHO_REQUEST6, icmp.ECHO_REPLY6
        if body[:2] != bytes((asked, 0)) or len(body) < 8:
            return None
        ends = received.destination, received.source
        made = icmp.message(*ends, answer, 0, body[4:])
        at = (made[0] & 15) * 4 if received.version == 4 else 40
        # An echo reply has the whole field of its request (RFC 1812, section 4.3.2.5), as hosts do it.
        return self.packet(received, received.protocol, made[at:], ecn=received.traffic_class & 3)

    def _udp(self, packet: bytes, received: IpHeader) -> bytes | None:
        at = received.payload_at
        source, destination, size = struct.unpack_from("!HHH", packet, at)
        if destination not in self.services:
            return icmp.port_unreachable(packet[: received.length], received)
        bare = struct.pack("!HHHH", destination, source, size, 0) + packet[at + 8 : at + size]
        value = transport_checksum(received.destination, received.source, UDP, bare)
        return self.packet(received, UDP, bare[:6] + value.to_bytes(2, "big") + bare[8:])

    def _tcp(self, packet: bytes, received: IpHeader) -> bytes | None:
        at = received.payload_at
        source, port, sequence, acknowledged, offset, flags, *_ = _TCP.unpack_from(packet, at)
        data = packet[at + (offset >> 4) * 4 : received.length]
        key = (received.source, received.destination, source, port)
        if flags & _RST:
            self._connections.pop(key, None)
            return None
        known = self._connections.get(key)
        if known is None:
            return self._open(received, key, sequence, acknowledged, flags, len(data))
        if (sequence, flags, len(data)) == known.asked and (data or flags & (_SYN | _FIN)):
            return known.answer
        if sequence != known.theirs:
            return self._segment(received, key, known.ours, known.theirs, _ACK)
        if not data and not flags & _FIN:
            if known.closing and acknowledged == known.ours:
                del self._connections[key]
            return None
        fin = flags & _FIN
        known.theirs = (sequence + len(data) + bool(fin)) % _WRAP
        answer = self._segment(received, key, known.ours, known.theirs, _ACK | fin | (_PSH if data else 0), data)
        known.ours = (known.ours + len(data) + bool(fin)) % _WRAP
        known.asked, known.answer, known.closing = (sequence, flags, len(data)), answer, bool(fin)
        return answer

    def _open(
        self,
        received: IpHeader,
        key: tuple[bytes, bytes, int, int],
        sequence: int,
        acknowledged: int,
        flags: int,
        size: int,
    ) -> bytes:
        """A segment without a connection: SYN for a service opens one, all else is reset (RFC 9293, 3.10.7.1-2)."""
        if flags & (_SYN | _ACK) == _SYN and key[3] in self.services:
            ours, theirs = int.from_bytes(self.random(4), "big"), (sequence + 1) % _WRAP
            answer = self._segment(received, key, ours, theirs, _SYN | _ACK)
            self._connections[key] = _Connection((ours + 1) % _WRAP, theirs, (sequence, flags, size), answer)
            return answer
        if flags & _ACK:
            return self._segment(received, key, acknowledged, 0, _RST)
        end = (sequence + size + bool(flags & _SYN) + bool(flags & _FIN)) % _WRAP
        return self._segment(received, key, 0, end, _RST | _ACK)

    def _segment(
        self,
        received: IpHeader,
        key: tuple[bytes, bytes, int, int],
        sequence: int,
        acknowledged: int,
        flags: int,
        data: bytes = b"",
    ) -> bytes:
        bare = _TCP.pack(key[3], key[2], sequence, acknowledged, 5 << 4, flags, 65535, 0, 0) + data
        value = transport_checksum(key[1], key[0], TCP, bare)
        segment = bare[:16] + value.to_bytes(2, "big") + bare[18:]
        # Segments ask for no fragments, as those of hosts that discover the path MTU do.
        return self.packet(received, TCP, segment, dont_fragment=True)


def _intact(packet: bytes, received: IpHeader) -> bool:
    """Lengths and checksum of the transport header are right."""
    at, protocol = received.payload_at, received.protocol
    body = packet[at : received.length]
    if protocol == ICMP:
        return len(body) >= 4 and not checksum(body)
    if protocol == UDP:
        size = body[4] << 8 | body[5] if len(body) >= 8 else 0
        if not 8 <= size <= len(body):
            return False
        body = body[:size]
        if received.version == 4 and body[6:8] == b"\0\0":
            return True
    if protocol == TCP and (len(body) < 20 or not 20 <= (body[12] >> 4) * 4 <= len(body)):
        return False
    covered = pseudo_header(received.source, received.destination, protocol, len(body)) + body
    return len(body) >= 4 and not checksum(covered)
