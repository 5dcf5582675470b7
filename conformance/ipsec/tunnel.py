"""The outer header of tunnel mode, and the inner one after it (RFC 4301 section 5.1.2, RFC 6040)."""

from conformance.ipsec.errors import CongestionDrop, MalformedPacket
from conformance.ipsec.ip import IPV4, IPV6, IpHeader, header, parse, with_traffic_class
from conformance.ipsec.sad import DfPolicy, OutboundSa, OuterHeader

NOT_ECT, ECT_1, ECT_0, CE = 0, 1, 2, 3
_ECN = 3
_SEVERITY = {NOT_ECT: 0, ECT_0: 1, ECT_1: 2, CE: 3}


def protocol_of(version: int) -> int:
    """What names an IP packet of this version in another packet."""
    return IPV4 if version == 4 else IPV6


def outer_traffic_class(policy: OuterHeader, inner: int) -> int:
    """DSCP and ECN of the outer header (RFC 4301 section 5.1.2, RFC 6040 section 4.1)."""
    dscp = inner & ~_ECN if policy.dscp is None else policy.dscp << 2
    return dscp | (inner & _ECN if policy.ecn else NOT_ECT)


def outer_df(policy: OuterHeader, inner: IpHeader) -> bool:
    """The DF bit of an outer IPv4 header (RFC 4301, section 8.1). An inner IPv6 packet counts as one with DF."""
    return inner.dont_fragment if policy.df == DfPolicy.COPY else policy.df == DfPolicy.SET


def outer_header(sa: OutboundSa, inner: IpHeader, protocol: int, size: int, identification: int) -> bytes:
    """The header before ``size`` octets of ``protocol``: ESP, AH or UDP. Raises MalformedPacket if that is too much."""
    policy = sa.parameters.outer
    return header(
        sa.source,
        sa.destination,
        protocol,
        size,
        traffic_class=outer_traffic_class(policy, inner.traffic_class),
        ttl=policy.ttl,
        identification=identification & 0xFFFF,
        dont_fragment=outer_df(policy, inner),
        flow_label=policy.flow_label,
    )


def ecn_after(inner: int, outer: int) -> int:
    """The ECN field of the inner header at the end of the tunnel (RFC 6040, section 4.2).

    Raises CongestionDrop where the packet itself is the only way left to tell of congestion.
    """
    if inner == NOT_ECT:
        if outer == CE:
            raise CongestionDrop("the outer header says CE, the inner one Not-ECT")
        return NOT_ECT
    return max(inner, outer, key=_SEVERITY.__getitem__)


def inner_packet(protocol: int, payload: bytes, outer: int) -> tuple[bytes, IpHeader]:
    """The packet that came through a tunnel, without TFC padding; ``outer`` is the traffic class outside.

    Raises MalformedPacket for what is no packet of the version that ``protocol`` names, CongestionDrop.
    """
    inner = parse(payload)
    if protocol_of(inner.version) != protocol:
        raise MalformedPacket(f"IPv{inner.version} under the next header {protocol}")
    packet = payload[: inner.length]
    before = inner.traffic_class & _ECN
    after = ecn_after(before, outer & _ECN)
    if after != before:
        changed = inner.traffic_class & ~_ECN | after
        return with_traffic_class(packet, changed), inner._replace(traffic_class=changed)
    return packet, inner
