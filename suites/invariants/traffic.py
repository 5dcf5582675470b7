"""What the device sends through Child SAs (RFC 4303, sections 2 and 3.3)."""

from conformance.ipsec.errors import IpsecError, Reason
from conformance.ipsec.ip import ESP, UDP, parse
from conformance.net.link import NAT_KEEPALIVE, Datagram
from conformance.script.traffic import Channel, Traffic
from suites.invariants.broken import Findings

_REFUSED = (
    (Reason.BAD_PADDING, "esp-padding", "RFC4303-2.4-3", "padding of the octets 1, 2, 3 and so on"),
    (Reason.MISALIGNED, "esp-length", "RFC4303-2.4-2", "whole blocks up to Next Header"),
    (Reason.WRONG_ICV, "esp-icv", "RFC4303-2.8-1", "the ICV of every packet like that of those before"),
)
"""What our side refuses a packet for, and what that breaks."""

_COUNTER = 8
"""Octets of an IV that is a counter; a longer one is drawn at random."""


class Packets:
    """The packets of a conversation: sequence numbers and IVs on each SA."""

    def __init__(self, traffic: Traffic) -> None:
        """Nothing was looked at."""
        self.traffic, self._seen = traffic, 0
        self._numbers: dict[tuple[bytes, int], bytes] = {}
        self._ivs: dict[tuple[bytes, bytes], bytes] = {}
        self._told: set[tuple[bytes, Reason]] = set()

    def look(self, found: Findings) -> None:
        """Those that have come since this was done last."""
        arrived = self.traffic.arrived[self._seen :]
        self._seen += len(arrived)
        for one in arrived:
            body = _body(one.wire)
            channel = self.traffic.channels.get(body[:4])
            if channel is not None:
                self._one(body, channel, found)
        for spi, channel in self.traffic.channels.items() if arrived else ():
            for reason, name, rule, expected in _REFUSED if channel.inbound.packets else ():
                count = channel.inbound.drops[reason]
                found.must(name, rule, not count or (spi, reason) in self._told, expected, f"{count} packets without")
                if count:
                    self._told.add((spi, reason))

    def _one(self, body: bytes, channel: Channel, found: Findings) -> None:
        inbound = channel.inbound
        number = int.from_bytes(body[4:8], "big")
        fresh = self._numbers.setdefault((inbound.spi, number), body) == body
        expected, got = "a sequence number for each packet", f"number {number} for two packets"
        found.must("sequence", "RFC4303-2.2-1", fresh, expected, got)
        size = inbound.explicit_iv_size
        if size:
            iv = body[8 : 8 + size]
            fresh = self._ivs.setdefault((inbound.spi, iv), body) == body
            rule = "RFC3602-3-2" if size > _COUNTER else "RFC4106-2-1"
            found.must("esp-iv", rule, fresh, "an IV that was not used before", iv.hex())


def checksum(datagram: Datagram, found: Findings) -> None:
    """Of a datagram that carries no IKE, on the port where that has a marker (RFC 3948, sections 2.1 and 2.3)."""
    if ":" in datagram.source.host or not datagram.payload:
        return
    alive = datagram.payload == NAT_KEEPALIVE
    rule = "RFC3948-2.3-2" if alive else "RFC3948-2.1-2"
    expected = f"a UDP checksum of zero around {'a NAT keepalive' if alive else 'ESP'}"
    found.must("udp-checksum", rule, not datagram.checksum, expected, f"{datagram.checksum:#06x}")


def _body(wire: bytes) -> bytes:
    """An ESP packet from its SPI on, nothing for others."""
    try:
        outer = parse(wire)
    except IpsecError:
        return b""
    if outer.protocol not in (ESP, UDP):
        return b""
    return wire[outer.payload_at + (8 if outer.protocol == UDP else 0) :]
