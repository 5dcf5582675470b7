"""Which method a packet belongs to: legacy and expanded types (RFC 3748 section 5.7)."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.eap.errors import Discard
from conformance.wire import EapCode, EapPacket, EapType

_VENDOR = 3
_EXPANDED = 8  # octets: type, vendor, vendor's type


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A method: a vendor (0: the IETF) and the number of the method there."""

    vendor: int
    number: int

    def __str__(self) -> str:
        return str(EapType(self.number)) if not self.vendor else f"{self.vendor}/{self.number}"

    @property
    def legacy(self) -> bool:
        """Whether it has a type of one octet."""
        return not self.vendor and self.number < EapType.EXPANDED

    @property
    def type(self) -> EapType:
        """The Type of a packet of this method, the expanded one where there is no other."""
        return EapType(self.number) if self.legacy else EapType.EXPANDED

    def packet(self, code: EapCode, identifier: int, data: bytes, *, expanded: bool = False) -> EapPacket:
        """A packet of this method, in the expanded form where asked for or where there is no other."""
        if self.legacy and not expanded:
            return EapPacket(code, identifier, EapType(self.number), data)
        return EapPacket(code, identifier, EapType.EXPANDED, self.encode()[1:] + data)

    def encode(self) -> bytes:
        """The eight octets of the expanded form, as an expanded Nak lists it."""
        return bytes((EapType.EXPANDED, *self.vendor.to_bytes(_VENDOR, "big"), *self.number.to_bytes(4, "big")))

    @classmethod
    def decode(cls, data: bytes) -> Kind:
        """Inverse of `encode` without its first octet: 3 of the vendor, 4 of the type."""
        return cls(int.from_bytes(data[:_VENDOR], "big"), int.from_bytes(data[_VENDOR:7], "big"))


IDENTITY, NOTIFICATION, NAK = (Kind(0, one) for one in (EapType.IDENTITY, EapType.NOTIFICATION, EapType.NAK))


def split(packet: EapPacket) -> tuple[Kind, bytes]:
    """The method of a Request or Response, and its Type-Data behind any expanded type.

    Raises:
        Discard: there is no type, or it is cut short.
    """
    if packet.type is None:
        raise Discard("no type")
    if packet.type != EapType.EXPANDED:
        return Kind(0, packet.type), packet.data
    if len(packet.data) < _EXPANDED - 1:
        raise Discard(f"expanded type of {len(packet.data)} octets, expected at least {_EXPANDED - 1}")
    return Kind.decode(packet.data), packet.data[_EXPANDED - 1 :]
