"""Traffic Selector payloads (RFC 7296 section 3.13)."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from struct import Struct
from typing import ClassVar, Self

from conformance.wire.errors import WireError
from conformance.wire.payloads.base import Payload
from conformance.wire.registry import Lookup, PayloadType, TsType
from conformance.wire.values import Value, quickly_made

_HEADER = Struct("!I")
_SELECTOR = Struct("!BBHHH")
_SELECTOR_START = Struct("!BBH")
_TYPES = Lookup(TsType)
_U24 = 0xFFFFFF
_ADDRESS_SIZE: dict[int, int] = {TsType.IPV4_ADDR_RANGE: 4, TsType.IPV6_ADDR_RANGE: 16}
ANY_PORT = (0, 65535)
OPAQUE_PORT = (65535, 0)
_PROTOCOL_NAMES = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6", 132: "sctp"}

Address = IPv4Address | IPv6Address


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class TrafficSelector(Value):
    """Traffic selector: a range of addresses, a range of ports, a protocol (RFC 7296 section 3.13.1).

    Attributes:
        type: IPV4_ADDR_RANGE or IPV6_ADDR_RANGE.
        protocol: IP protocol number, 0 for any.
        start_port: first port (for ICMP, type in the high and code in the low byte).
        end_port: last port; a start above the end, 65535 and 0, is OPAQUE.
        start: first address, 4 or 16 bytes.
        end: last address.
        length: a lie: Selector Length.
    """

    type: TsType
    protocol: int
    start_port: int
    end_port: int
    start: bytes
    end: bytes
    length: int | None = field(default=None, kw_only=True)

    @classmethod
    def net(cls, prefix: str, *, protocol: int = 0, ports: tuple[int, int] = ANY_PORT) -> Self:
        """The selector of a prefix such as ``10.1.0.0/24`` or of a single address.

        Raises:
            ValueError: `prefix` is none, or has bits set behind its length.
        """
        network = ip_network(prefix)
        return cls.range(str(network[0]), str(network[-1]), protocol=protocol, ports=ports)

    @classmethod
    def range(cls, first: str, last: str, *, protocol: int = 0, ports: tuple[int, int] = ANY_PORT) -> Self:
        """The selector from address `first` to address `last`, in whatever order they are.

        Raises:
            ValueError: one of them is no address, or they are of different families.
        """
        start, end = ip_address(first), ip_address(last)
        if start.version != end.version:
            raise ValueError(f"{first} and {last} are of different address families")
        kind = TsType.IPV4_ADDR_RANGE if start.version == 4 else TsType.IPV6_ADDR_RANGE
        return cls.make(kind, protocol, *ports, start.packed, end.packed)

    @property
    def first(self) -> Address:
        """First address. ValueError when `start` is of no address's size."""
        return ip_address(self.start)

    @property
    def last(self) -> Address:
        """Last address. ValueError when `end` is of no address's size."""
        return ip_address(self.end)

    def encode(self) -> bytes:
        """The selector's bytes."""
        length = 8 + len(self.start) + len(self.end) if self.length is None else self.length
        fixed = _SELECTOR.pack(self.type, self.protocol, length, self.start_port, self.end_port)
        return fixed + self.start + self.end

    def __str__(self) -> str:
        return _addresses_text(self.start, self.end) + _ports_text(self.protocol, self.start_port, self.end_port)


def _addresses_text(start: bytes, end: bytes) -> str:
    """``10.1.0.0/24``, ``10.0.0.1`` or ``10.0.0.1-10.0.0.9``; hexadecimal where the bytes are no addresses."""
    if len(start) != len(end) or len(start) not in (4, 16):
        return f"{start.hex()}-{end.hex()}"
    first, last = ip_address(start), ip_address(end)
    if first == last:
        return str(first)
    count = int(last) - int(first) + 1
    if count > 0 and count & (count - 1) == 0 and int(first) % count == 0:
        return f"{first}/{first.max_prefixlen - count.bit_length() + 1}"
    return f"{first}-{last}"


def _ports_text(protocol: int, start: int, end: int) -> str:
    """`` tcp/80``, `` udp/500-600``, `` 17``; empty for any protocol and any port."""
    ports = "" if (start, end) == ANY_PORT else "opaque" if (start, end) == OPAQUE_PORT else str(start)
    if ports and ports != "opaque" and end != start:
        ports += f"-{end}"
    if not protocol and not ports:
        return ""
    name = _PROTOCOL_NAMES.get(protocol, str(protocol)) if protocol else "any"
    return f" {name}/{ports}" if ports else f" {name}"


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class UnknownSelector(Value):
    """A selector of a type without addresses, such as a security label (RFC 9478), or of an unknown type.

    Attributes:
        type: selector type.
        body: the bytes after Selector Length.
        protocol: the second byte, IP protocol or reserved.
        length: a lie: Selector Length.
    """

    type: int
    body: bytes
    protocol: int = field(default=0, kw_only=True)
    length: int | None = field(default=None, kw_only=True)

    def encode(self) -> bytes:
        """The selector's bytes."""
        length = 4 + len(self.body) if self.length is None else self.length
        return _SELECTOR_START.pack(self.type, self.protocol, length) + self.body

    def __str__(self) -> str:
        return f"{TsType(self.type)} {self.body.hex()}"


Selector = TrafficSelector | UnknownSelector


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class TS(Payload):
    """What TSi and TSr share.

    Attributes:
        selectors: the traffic selectors.
        reserved2: the 24 reserved bits after the number of selectors.
        count: a lie: Number of TSs.
    """

    selectors: tuple[Selector, ...]
    reserved2: int = field(default=0, kw_only=True)
    count: int | None = field(default=None, kw_only=True)

    def encode_body(self) -> bytes:
        """Number of TSs, RESERVED, Traffic Selectors."""
        count = len(self.selectors) if self.count is None else self.count
        return _HEADER.pack(count << 24 | self.reserved2) + b"".join([selector.encode() for selector in self.selectors])

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """Inverse of `encode_body`."""
        size = len(body)
        if size < 4:
            raise WireError(0, "count", f"{size} bytes left, expected at least 4")
        word: int = _HEADER.unpack_from(body)[0]
        selectors: list[Selector] = []
        start = 4
        while start < size:
            selector, start = _parse_selector(body, start, f"selector[{len(selectors)}]")
            selectors.append(selector)
        if len(selectors) != word >> 24:
            raise WireError(0, "count", f"{word >> 24}, expected {len(selectors)}, the selectors there are")
        return cls.make(tuple(selectors), reserved2=word & _U24)


def _parse_selector(body: bytes, start: int, name: str) -> tuple[Selector, int]:
    """The selector at `start` and where it ends."""
    left = len(body) - start
    if left < 4:
        raise WireError(start, name, f"{left} bytes left, expected at least 4")
    kind, protocol, length = _SELECTOR_START.unpack_from(body, start)
    size = _ADDRESS_SIZE.get(kind)
    if length > left:
        raise WireError(start + 2, f"{name}.length", f"{length}, expected at most the {left} bytes left")
    end = start + length
    if size is None:
        if length < 4:
            raise WireError(start + 2, f"{name}.length", f"{length}, expected at least 4")
        return UnknownSelector(_TYPES[kind], body[start + 4 : end], protocol=protocol), end
    if length != 8 + 2 * size:
        raise WireError(start + 2, f"{name}.length", f"{length}, expected {8 + 2 * size}")
    _, _, _, start_port, end_port = _SELECTOR.unpack_from(body, start)
    middle = start + 8 + size
    return TrafficSelector(
        _TYPES[kind], protocol, start_port, end_port, body[start + 8 : middle], body[middle:end]
    ), end


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class TSi(TS):
    """Traffic Selector payload of the initiator of the exchange."""

    payload_type: ClassVar[PayloadType] = PayloadType.TSI


@quickly_made
@dataclass(frozen=True, slots=True, repr=False)
class TSr(TS):
    """Traffic Selector payload of the responder of the exchange."""

    payload_type: ClassVar[PayloadType] = PayloadType.TSR
