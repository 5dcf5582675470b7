"""What selectors look at in a packet, and whether one selects it (RFC 4301, section 4.4.1.1)."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

from conformance.ipsec.ip import ICMP, ICMPV6, MOBILITY, TCP, UDP, IpHeader
from conformance.wire import TrafficSelector, TsType

_PORTS = frozenset({TCP, UDP, 33, 132, 136})  # 33 is DCCP, 132 SCTP, 136 UDP-Lite
_TYPED = frozenset({ICMP, ICMPV6, MOBILITY})
_ADDRESS_SIZE = {int(TsType.IPV4_ADDR_RANGE): 4, int(TsType.IPV6_ADDR_RANGE): 16}
_ANY, _OPAQUE = (0, 65535), (65535, 0)


class Flow(NamedTuple):
    """Addresses, protocol and ports of a packet. A port is None where the packet has none or does not show it.

    ``source_port`` of ICMP is the type in the high and the code in the low octet, of a Mobility Header its type in the
    high one. Those have no second port: ``single`` says that the destination's selector is not asked for one
    (RFC 4301, section 4.4.1.3). ``later`` marks a fragment that is not the first.
    """

    protocol: int
    source: bytes
    destination: bytes
    source_port: int | None = None
    destination_port: int | None = None
    single: bool = False
    later: bool = False

    def __str__(self) -> str:
        ports = "" if self.source_port is None else f" {self.source_port} > {self.destination_port}"
        return f"{ip_address(self.source)} > {ip_address(self.destination)} protocol {self.protocol}{ports}"


def flow_of(packet: bytes, header: IpHeader) -> Flow:
    """The flow of a parsed packet."""
    protocol, at = header.protocol, header.payload_at
    if header.fragment_offset:
        return Flow(protocol, header.source, header.destination, later=True, single=protocol in _TYPED)
    if protocol in _PORTS and at + 4 <= header.length:
        first = packet[at] << 8 | packet[at + 1]
        return Flow(protocol, header.source, header.destination, first, packet[at + 2] << 8 | packet[at + 3])
    if protocol in _TYPED:
        # A Mobility Header has its type in the third octet, ICMP has type and code in the first two.
        shown = packet[at + 2 : at + 3] + b"\0" if protocol == MOBILITY else packet[at : at + 2]
        whole = len(shown) == 2 and at + 4 <= header.length
        kind = int.from_bytes(shown, "big") if whole else None
        return Flow(protocol, header.source, header.destination, kind, single=True)
    return Flow(protocol, header.source, header.destination)


def _selects_end(one: TrafficSelector, protocol: int, address: bytes, port: int | None, asked: bool) -> bool:
    if _ADDRESS_SIZE.get(one.type) != len(address) or not one.start <= address <= one.end:
        return False
    if one.protocol not in (0, protocol):
        return False
    ports = (one.start_port, one.end_port)
    if ports == _ANY or not asked:
        return True
    if ports == _OPAQUE or port is None:
        return ports == _OPAQUE and port is None
    return one.start_port <= port <= one.end_port


def selected(
    flow: Flow, source: Iterable[TrafficSelector], destination: Iterable[TrafficSelector], *, fragments: bool = False
) -> bool:
    """A selector on either side matches the flow; no selectors on a side match everything.

    ``fragments``: a later fragment passes although the selectors name ports (RFC 4301, section 7.3).
    """
    source, destination = tuple(source), tuple(destination)
    asked = not (flow.later and fragments)
    protocol = flow.protocol
    return (
        not source or any(_selects_end(one, protocol, flow.source, flow.source_port, asked) for one in source)
    ) and (
        not destination
        or any(
            _selects_end(one, protocol, flow.destination, flow.destination_port, asked and not flow.single)
            for one in destination
        )
    )
