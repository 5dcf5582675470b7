"""A link that is one end of an Ethernet cable: a host in user space beside a virtual machine, without any privileges.

The cable is a datagram socket that carries frames, as virtual machines take it for a network card. The host answers
ARP, neighbour solicitations and pings for its addresses, fragments and reassembles, and is the router for everything
behind it: what the device sends in the clear to networks of ours arrives here, too, and is seen.
"""

import select
import socket
import struct
import time
from collections import deque
from collections.abc import Iterable
from ipaddress import ip_address

from conformance.ipsec.errors import IpsecError
from conformance.ipsec.fragments import Reassembler, fragment
from conformance.ipsec.ip import ICMP, ICMPV6, UDP, checksum, header, parse, transport_checksum
from conformance.net.link import Address, Datagram, IpPacket, LinkError
from conformance.net.packets import ip_packet, udp_datagram

_IPV4, _ARP, _IPV6 = b"\x08\x00", b"\x08\x06", b"\x86\xdd"
_MULTICAST6 = 0x33
_BROADCAST = b"\xff" * 6
_LARGEST = 65550
_ECHO, _ECHO_REPLY, _ECHO6, _ECHO6_REPLY, _SOLICITATION, _ADVERTISEMENT = 8, 0, 128, 129, 135, 136


class EthernetLink:
    """A host with ``addresses`` at one end of ``cable``; at the other end is the device with ``device_mac``.

    ``mtu`` is the largest IP packet in octets that goes onto the cable. The first address of each family is announced
    in neighbour discovery. Datagrams are received on every port of every address of ours.
    """

    def __init__(
        self, cable: socket.socket, addresses: Iterable[str], mac: bytes, device_mac: bytes, mtu: int = 1500
    ) -> None:
        """The socket stays its owner's: closing the link does not close it, but drops what waits in it."""
        self.cable, self.mac, self.device_mac, self.mtu = cable, mac, device_mac, mtu
        self.addresses = {ip_address(one).packed for one in addresses}
        self._arrived: deque[Datagram | IpPacket] = deque()
        self._reassembler = Reassembler()
        self._epoch = time.time() - time.monotonic()
        self._identification = 0
        self._closed = False
        self._pieces: list[int] = []

    def now(self) -> float:
        """UNIX time in seconds when the link was opened, carried on by the monotonic clock."""
        return self._epoch + time.monotonic()

    # --- out --------------------------------------------------------------------------------------------------------

    def send(self, datagram: Datagram) -> None:
        """Send from any address and port: as its router we may speak for everybody. Raises `LinkError`."""
        self._identification += 1
        try:
            packet = ip_packet(datagram, self._identification)
        except ValueError as error:
            raise LinkError(f"cannot send to {datagram.destination}: {error}") from None
        self._send_ip(packet)

    def send_packet(self, packet: IpPacket) -> None:
        """Send an IP packet, in fragments where it is larger than the cable takes."""
        self._send_ip(packet.data)

    def _send_ip(self, packet: bytes) -> None:
        kind = _IPV4 if packet[0] >> 4 == 4 else _IPV6
        try:
            for part in fragment(packet, self.mtu, self._identification, forced=True):
                self._send_frame(self.device_mac, kind, part)
        except IpsecError as error:
            raise LinkError(f"cannot send a packet of {len(packet)} octets: {error}") from None

    def _send_frame(self, to: bytes, kind: bytes, payload: bytes) -> None:
        try:
            self.cable.send(to + self.mac + kind + payload)
        except OSError as error:
            raise LinkError(f"the cable to the device is cut: {error.strerror}") from None

    # --- in ---------------------------------------------------------------------------------------------------------

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram or packet; None if none has come at ``until``."""
        if self._closed:
            raise LinkError("the link is closed")
        while not self._arrived:
            remaining = until - self.now()
            if select.select([self.cable], [], [], max(remaining, 0.0))[0]:
                self._frame(self.cable.recv(_LARGEST))
            elif remaining <= 0:
                return None
        return self._arrived.popleft()

    def _frame(self, frame: bytes) -> None:
        kind, payload = frame[12:14], frame[14:]
        if len(frame) < 14:
            return
        if frame[:6] not in (self.mac, _BROADCAST) and frame[0] != _MULTICAST6:
            return
        if kind == _ARP:
            self._arp(payload)
        elif kind in (_IPV4, _IPV6):
            try:
                head = parse(payload)
                if head.fragment:
                    self._pieces.append(head.length)
                whole = self._reassembler.add(payload, self.now())
                if whole is not None:
                    pieces, self._pieces = (tuple(self._pieces), []) if head.fragment else ((), self._pieces)
                    self._packet(whole, pieces)
            except IpsecError:
                return  # no packet, or fragments that overlap

    def _packet(self, packet: bytes, pieces: tuple[int, ...]) -> None:
        head = parse(packet)
        ours = head.destination in self.addresses
        kind = packet[head.payload_at] if head.length > head.payload_at else None
        if head.protocol == ICMPV6 and kind == _SOLICITATION:
            self._solicited(packet, head.payload_at)
        elif ours and (head.protocol, kind) in ((ICMP, _ECHO), (ICMPV6, _ECHO6)):
            self._echo(packet)
        elif head.protocol == UDP and ours:
            datagram = udp_datagram(packet)
            if datagram is not None:
                self._arrived.append(datagram)
        elif head.protocol != ICMPV6 or ours:
            self._arrived.append(IpPacket(packet, pieces))

    def _arp(self, request: bytes) -> None:
        if len(request) < 28 or request[6:8] != b"\x00\x01":
            return
        sender, asked = request[8:18], request[24:28]
        if asked in self.addresses or sender[6:] not in self.addresses:
            reply = request[:6] + b"\x00\x02" + self.mac + asked + sender
            self._send_frame(request[8:14], _ARP, reply)

    def _solicited(self, packet: bytes, at: int) -> None:
        target, source = packet[at + 8 : at + 24], packet[8:24]
        if target not in self.addresses or not any(source):
            return
        body = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, 0x60000000) + target + b"\x02\x01" + self.mac
        body = body[:2] + struct.pack("!H", transport_checksum(target, source, ICMPV6, body)) + body[4:]
        self._send_frame(self.device_mac, _IPV6, header(target, source, ICMPV6, len(body), ttl=255) + body)

    def _echo(self, packet: bytes) -> None:
        head = parse(packet)
        body = packet[head.payload_at : head.length]
        reply = bytes((_ECHO_REPLY if head.protocol == ICMP else _ECHO6_REPLY, 0, 0, 0)) + body[4:]
        if head.protocol == ICMP:
            value = checksum(reply)
        else:
            value = transport_checksum(head.destination, head.source, ICMPV6, reply)
        reply = reply[:2] + struct.pack("!H", value) + reply[4:]
        self._send_ip(header(head.destination, head.source, head.protocol, len(reply)) + reply)

    # --- life -------------------------------------------------------------------------------------------------------

    def open(self, address: Address) -> Address:
        """Any port is open."""
        return address

    def close(self) -> None:
        """Drop what came and was not taken."""
        self._closed = True
        self.drop(0.0)

    def drop(self, quiet: float) -> None:
        """Drop what comes until nothing has come for ``quiet`` seconds."""
        self._arrived.clear()
        # The guest may have ended before, and its cable with it.
        while self.cable.fileno() >= 0 and select.select([self.cable], [], [], quiet)[0]:
            if not self.cable.recv(_LARGEST):
                break
