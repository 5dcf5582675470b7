"""Whole IP packets into SAs and out of them: tunnel and transport mode, ESP, AH, ESP in UDP."""

from dataclasses import dataclass

from conformance.crypto import Random
from conformance.ipsec import ah, esp
from conformance.ipsec.ah import AhBend
from conformance.ipsec.errors import FragmentReceived, IpsecError, MalformedPacket, PolicyViolation, TooShort
from conformance.ipsec.esp import Decapsulated, EspBend
from conformance.ipsec.flow import flow_of
from conformance.ipsec.fragments import without_fragment_header
from conformance.ipsec.ip import (
    AH,
    DESTINATION,
    ESP,
    FRAGMENT,
    HOP_BY_HOP,
    ROUTING,
    TCP,
    UDP,
    IpHeader,
    extension_headers,
    parse,
    transport_checksum,
    with_length,
)
from conformance.ipsec.sad import InboundSa, OutboundSa, Sad
from conformance.ipsec.tunnel import inner_packet, outer_header, protocol_of
from conformance.wire import ProtocolID

Bend = EspBend | AhBend


@dataclass(frozen=True, slots=True)
class Unprotected:
    """What a protected packet brought: ``packet`` is the inner one, None for a dummy (RFC 4303, section 2.6).

    ``tfc`` are the octets of padding against traffic analysis behind it (section 2.7).
    """

    sa: InboundSa
    sequence: int
    packet: bytes | None
    tfc: int = 0


def protect(
    sa: OutboundSa,
    packet: bytes,
    random: Random,
    now: float = 0.0,
    *,
    bend: Bend | None = None,
    identification: int | None = None,
) -> bytes:
    """The packet as it goes over the wire; ``identification`` is for an outer IPv4 header.

    The bend must be that of the SA's protocol. Raises MalformedPacket for what is no IP packet and where the result
    would be longer than IP allows, PolicyViolation for a fragment in transport mode (RFC 4303, section 3.3.4),
    SaExpired, SequenceOverflow.
    """
    inner = parse(packet)
    packet = packet[: inner.length]
    protocol = AH if sa.protocol == ProtocolID.AH else UDP if sa.parameters.udp else ESP
    if sa.tunnel:
        number = sa.sequence + 1 if identification is None else identification
        if protocol == AH:
            head = outer_header(sa, inner, AH, 0, number)
            return ah.encapsulate(sa, head, protocol_of(inner.version), packet, now, _for_ah(bend))
        body = esp.encapsulate(sa, protocol_of(inner.version), packet, random, now, _for_esp(bend))
        if protocol == UDP:
            body = _in_udp(sa, body)
        return outer_header(sa, inner, protocol, len(body), number) + body
    if inner.fragment:
        raise PolicyViolation("transport mode carries no fragments")
    if protocol == AH and inner.version == 6:
        packet = without_fragment_header(packet)
    protocol_at, at = insertion(packet)
    head = packet[:protocol_at] + bytes((protocol,)) + packet[protocol_at + 1 : at]
    if protocol == AH:
        return ah.encapsulate(sa, head, packet[protocol_at], packet[at:], now, _for_ah(bend))
    body = esp.encapsulate(sa, packet[protocol_at], packet[at:], random, now, _for_esp(bend))
    return with_length(head + (_in_udp(sa, body) if protocol == UDP else body), inner.payload_at)


def _for_ah(bend: Bend | None) -> AhBend | None:
    if isinstance(bend, EspBend):
        raise TypeError("a bend of ESP for an SA of AH")
    return bend


def _for_esp(bend: Bend | None) -> EspBend | None:
    if isinstance(bend, AhBend):
        raise TypeError("a bend of AH for an SA of ESP")
    return bend


def _in_udp(sa: OutboundSa, body: bytes) -> bytes:
    """Behind a UDP header, whose checksum is zero under IPv4 (RFC 3948, section 2.1) and computed under IPv6."""
    source, destination = sa.parameters.udp or (4500, 4500)
    size = 8 + len(body)
    if size > 65535:
        raise MalformedPacket(f"{size} octets do not fit into a UDP datagram")
    start = source.to_bytes(2, "big") + destination.to_bytes(2, "big") + size.to_bytes(2, "big")
    if len(sa.source) == 4:
        return start + b"\0\0" + body
    value = transport_checksum(sa.source, sa.destination, UDP, start + b"\0\0" + body)
    return start + value.to_bytes(2, "big") + body


def insertion(packet: bytes) -> tuple[int, int]:
    """Where ESP or AH goes in transport mode: the octet that will name it, and its offset.

    Behind hop-by-hop options, routing and fragment header, and behind destination options only where a routing header
    follows them: the others are for the end of the path and get protected (RFC 4303, section 3.1.1).
    """
    if packet[0] >> 4 == 4:
        return 9, (packet[0] & 15) * 4
    protocol, at, protocol_at, found = packet[6], 40, 6, (6, 40)
    while protocol in (HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION) and at + 8 <= len(packet):
        step = 8 if protocol == FRAGMENT else packet[at + 1] * 8 + 8
        kind, protocol, protocol_at, at = protocol, packet[at], at, at + step
        if kind != DESTINATION:
            found = (protocol_at, at)
    return found


def unprotect(sad: Sad, packet: bytes, now: float = 0.0) -> Unprotected:
    """The inner packet of an ESP or AH packet, or of ESP in UDP, checked against its SA (RFC 4301, section 5.2).

    Raises the subclasses of IpsecError that ESP and AH have, FragmentReceived, UnknownSpi, CongestionDrop,
    MalformedPacket, and PolicyViolation for a packet that does not fit the selectors of its SA. What concerns an SA is
    counted in it.
    """
    outer = parse(packet)
    if outer.fragment:
        raise FragmentReceived("ESP and AH are applied to whole packets")
    packet, at = packet[: outer.length], outer.payload_at
    if outer.version == 6 and _route_left(packet, at):
        raise MalformedPacket("a Routing header with segments left")
    if outer.protocol == AH and outer.version == 6:
        packet = without_fragment_header(packet)
        outer = parse(packet)
        at = outer.payload_at
    encapsulated = outer.protocol == UDP
    if encapsulated:
        at += 8
    if len(packet) < at + 8:
        raise TooShort(f"{len(packet) - at} octets behind the IP header")
    if outer.protocol == AH:
        sa = sad.find(packet[at + 4 : at + 8], ProtocolID.AH, outer.destination)
        opened = ah.decapsulate(sa, packet, at, now)
    elif outer.protocol == ESP or encapsulated:
        sa = sad.find(packet[at : at + 4], ProtocolID.ESP, outer.destination)
        opened = esp.decapsulate(sa, packet[at:], now)
    else:
        raise PolicyViolation(f"protocol {outer.protocol} is neither ESP nor AH")
    try:
        found = _inner(sa, opened, packet, outer, encapsulated)
        tfc = 0
        if found is not None and outer.protocol != AH:
            tfc = len(opened.payload) - len(found) + (0 if sa.tunnel else outer.payload_at)
        return Unprotected(sa, opened.sequence, found, tfc)
    except IpsecError as error:
        sa.drops[error.reason] += 1
        raise


def _route_left(packet: bytes, end: int) -> bool:
    """Whether an IPv6 packet has a Routing header with segments left; no type of it is heeded (RFC 8200, 4.4)."""
    return any(protocol == ROUTING and packet[at + 3] for protocol, at, _ in extension_headers(packet, end))


def _inner(sa: InboundSa, opened: Decapsulated, packet: bytes, outer: IpHeader, encapsulated: bool) -> bytes | None:
    if opened.dummy:
        return None
    if sa.tunnel:
        inner, header = inner_packet(opened.next_header, opened.payload, outer.traffic_class)
    else:
        protocol_at, start = outer.protocol_at, outer.payload_at
        head = packet[:protocol_at] + bytes((opened.next_header,)) + packet[protocol_at + 1 : start]
        # AH has no padding to take away (RFC 4302, section 2).
        payload = opened.payload if outer.protocol == AH else _without_tfc(opened.next_header, opened.payload)
        if encapsulated:
            payload = _for_other_addresses(opened.next_header, payload, outer)
        inner = with_length(head + payload, start)
        header = parse(inner)
    flow = flow_of(inner, header)
    if not sa.selects(flow):
        raise PolicyViolation(f"{flow} does not fit the selectors of {sa}")
    if header.version == 4 and header.protocol == TCP and header.fragment_offset == 8:
        # It would overwrite the flags of the first fragment's TCP header (RFC 4301 section 7.2, RFC 3128).
        raise PolicyViolation("a TCP fragment with offset 8")
    return inner


def _without_tfc(protocol: int, payload: bytes) -> bytes:
    """An ESP payload without TFC padding, where its own length tells: in transport mode for UDP only."""
    if protocol == UDP and len(payload) >= 8:
        size = payload[4] << 8 | payload[5]
        return payload[:size] if size >= 8 else payload
    return payload


def _for_other_addresses(protocol: int, payload: bytes, outer: IpHeader) -> bytes:
    """TCP and UDP with a checksum for the addresses that a NAT has put there (RFC 3948, section 3.1.2)."""
    at = {TCP: 16, UDP: 6}.get(protocol)
    if at is None or len(payload) < at + 2 or (protocol == UDP and payload[at : at + 2] == b"\0\0"):
        return payload
    bare = payload[:at] + b"\0\0" + payload[at + 2 :]
    value = transport_checksum(outer.source, outer.destination, protocol, bare)
    return payload[:at] + value.to_bytes(2, "big") + payload[at + 2 :]
