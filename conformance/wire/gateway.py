"""Where another gateway is: the data of REDIRECT and REDIRECTED_FROM (RFC 5685, sections 9.2 and 9.3)."""

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Self

from conformance.wire.errors import WireError
from conformance.wire.registry import GatewayIdType

_SIZES = {GatewayIdType.IPV4_ADDR: 4, GatewayIdType.IPV6_ADDR: 16}


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway by its IPv4 address, IPv6 address or name; ``identity`` has the octets of that."""

    kind: GatewayIdType
    identity: bytes

    @classmethod
    def of(cls, text: str) -> Self:
        """An address, or a name if it is none."""
        for kind, address in ((GatewayIdType.IPV4_ADDR, IPv4Address), (GatewayIdType.IPV6_ADDR, IPv6Address)):
            try:
                return cls(kind, address(text).packed)
            except AddressValueError:
                continue
        return cls(GatewayIdType.FQDN, text.encode())

    @classmethod
    def decode(cls, data: bytes) -> tuple[Self, bytes]:
        """A gateway, and the nonce behind it. Raises WireError for what is cut short or no address."""
        if len(data) < 2 or len(data) < 2 + data[1]:
            raise WireError(0, "gateway identity", f"{len(data)} octets, cut short")
        found = cls(GatewayIdType(data[0]), data[2 : 2 + data[1]])
        if found.kind not in _SIZES and found.kind != GatewayIdType.FQDN:
            raise WireError(0, "gateway identity type", f"{data[0]}, expected 1, 2 or 3")
        if len(found.identity) != _SIZES.get(found.kind, len(found.identity)) or not found.identity:
            raise WireError(2, "gateway identity", f"{len(found.identity)} octets in a {found.kind}")
        return found, data[2 + data[1] :]

    def encode(self, nonce: bytes = b"") -> bytes:
        """The data of the notify; only a REDIRECT in IKE_SA_INIT has a nonce."""
        return bytes((self.kind, len(self.identity))) + self.identity + nonce

    @property
    def host(self) -> str | None:
        """The address as text, None for a name."""
        if self.kind == GatewayIdType.IPV4_ADDR:
            return str(IPv4Address(self.identity))
        return str(IPv6Address(self.identity)) if self.kind == GatewayIdType.IPV6_ADDR else None

    def __str__(self) -> str:
        """The address or name."""
        return self.host or self.identity.decode("ascii", "backslashreplace")
