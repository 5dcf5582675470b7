"""GRE packets: bytes <-> values (RFC 2784, with the fields that RFC 2890 adds)."""

import struct
from dataclasses import dataclass

from conformance.ipsec.errors import MalformedPacket
from conformance.ipsec.ip import checksum

GRE = 47
"""The protocol number of what delivers it."""
IPV4, IPV6, NHRP, MPLS = 0x0800, 0x86DD, 0x2001, 0x8847
"""Protocol types."""
CHECKSUM, ROUTING, KEY, SEQUENCE = 0x8000, 0x4000, 0x2000, 0x1000
REFUSED, IGNORED, VERSION = 0x4C00, 0x03F8, 0x0007
"""Bits that a receiver without RFC 1701 refuses, such that every receiver ignores, and the version (RFC 2784, 2.3)."""


@dataclass(frozen=True, slots=True)
class GrePacket:
    """A GRE header and what it carries. ``key`` and ``sequence`` None: the field is not there.

    ``checksum``: there is one, right, or wrong with ``spoiled``. ``reserved`` are the two octets behind it.
    ``flags`` are further bits of the first two octets, which decide over no field here.
    """

    payload: bytes
    protocol: int
    key: int | None = None
    sequence: int | None = None
    checksum: bool = False
    spoiled: bool = False
    reserved: int = 0
    flags: int = 0

    def encode(self) -> bytes:
        """The octets."""
        bits = self.flags | CHECKSUM * self.checksum
        bits |= KEY * (self.key is not None) | SEQUENCE * (self.sequence is not None)
        fields = b"".join(one.to_bytes(4, "big") for one in (self.key, self.sequence) if one is not None)
        head = struct.pack("!HH", bits, self.protocol)
        if not self.checksum:
            return head + fields + self.payload
        value = checksum(head + struct.pack("!HH", 0, self.reserved) + fields + self.payload)
        value ^= 0x5555 if self.spoiled else 0
        return head + struct.pack("!HH", value, self.reserved) + fields + self.payload

    @classmethod
    def decode(cls, data: bytes) -> "GrePacket":
        """Read a header with its fields. Raises MalformedPacket where one of them is cut off."""
        if len(data) < 4:
            raise MalformedPacket(f"a GRE header in {len(data)} octets")
        bits, protocol = struct.unpack_from("!HH", data)
        present = [bool(bits & one) for one in (CHECKSUM, KEY, SEQUENCE)]
        size = 4 + 4 * sum(present)
        if len(data) < size:
            raise MalformedPacket(f"a GRE header of {size} octets in {len(data)}")
        found = list(struct.unpack_from(f"!{size // 4 - 1}I", data, 4))
        reserved = found.pop(0) & 0xFFFF if present[0] else 0
        key = found.pop(0) if present[1] else None
        sequence = found.pop(0) if present[2] else None
        wrong = present[0] and checksum(data) != 0
        flags = bits & ~(CHECKSUM | KEY | SEQUENCE)
        return cls(data[size:], protocol, key, sequence, present[0], wrong, reserved, flags)
