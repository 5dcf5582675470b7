"""Ways to carry packets: transport mode, GRE, no encryption, AH, UDP, and every pair of IP versions."""

from conformance.ike.connection import Connection
from conformance.ipsec.ip import parse
from conformance.script import inner
from conformance.script.peer import Peer
from peers.contract import Capability, Pixit
from suites.connections import psk
from suites.data_plane.steps import DATA, THROUGH, between, flows, tcp_syn, up
from suites.purpose import purpose

BETWEEN, VERSIONS = "RFC4303-3.1.1-1", "RFC4303-3.1.2-1"


def inside6(pixit: Pixit) -> Connection:
    """A tunnel for IPv6 between IPv4 addresses."""
    return psk(local_ts=("fd01::/64",), remote_ts=("fd02::/64",))(pixit)


@purpose(
    "data-transport",
    BETWEEN,
    "RFC7296-1.3.1-7",
    "RFC4301-4.4.1-2",
    role="responder",
    needs=(DATA, Capability.TRANSPORT),
    connection=between(),
)
def test_transport(peer: Peer) -> None:
    """Transport mode between the two hosts: ESP follows the IP header, and what it carries is ICMP, UDP and TCP."""
    sa = peer.establish()
    channel = sa.traffic.channel()
    with peer.preamble("transport mode"):
        peer.check(not channel.inbound.tunnel, "transport mode", sa.child.mode)
    found = flows(peer, requirement=BETWEEN)
    peer.check(len(found.wire) == channel.encapsulation.size(84), "no second IP header", len(found.wire), BETWEEN)
    sa.traffic.ask(inner.udp(channel.ours, channel.theirs), requirement=BETWEEN)
    sa.traffic.ask(tcp_syn(channel), requirement=BETWEEN)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "data-transport-rekey",
    BETWEEN,
    "RFC7296-2.8-14",
    role="responder",
    needs=(DATA, Capability.TRANSPORT, Capability.REKEY_CHILD),
    connection=between(),
)
def test_transport_rekey(peer: Peer) -> None:
    """A Child SA in transport mode is rekeyed, stays in transport mode and carries traffic."""
    sa = up(peer)
    sa.rekey_child()
    sa.finish()
    peer.check(not sa.traffic.channel().inbound.tunnel, "transport mode again", sa.child.mode, "RFC7296-1.3.1-7")
    flows(peer, sa.child, BETWEEN)


@purpose("data-null", "RFC4303-3.2.1-1", THROUGH, role="responder", needs=(DATA,), connection=psk(esp=("null-sha256",)))
def test_null(peer: Peer) -> None:
    """Without encryption the inner packet can be read on the wire."""
    sa = peer.establish()
    found = flows(peer, requirement=THROUGH)
    readable = found.inner is not None and found.inner in found.wire
    peer.check(readable, "the inner packet as it is", found.wire.hex(), "RFC4303-3.2.1-1")
    peer.check(sa.child.suite.cipher.icv_size == 16, "an ICV of 16 octets", sa.child.suite)


@purpose(
    "data-ah", "RFC4302-3.3.3-1", "RFC4302-2.2-1", "RFC4302-2.3-1", "RFC4302-2.5-1", "RFC4302-2.6-1",
    role="responder", needs=(DATA, Capability.AH), connection=psk(esp=("sha256",)),
)  # fmt: skip
def test_ah(peer: Peer) -> None:
    """AH in tunnel mode: each field of the device's header is right, and the ICV fits."""
    sa = peer.establish()
    for number in (1, 2, 3):
        found = flows(peer, requirement="RFC4302-3.3.3-1")
        start = parse(found.wire).payload_at
        head = found.wire[start : start + 12]
        peer.check(found.sequence == number, f"sequence number {number}", found.sequence, "RFC4302-2.5-1")
        peer.check(head[0] == 4, "Next Header 4", head[0])
        peer.check(head[2:4] == b"\0\0", "Reserved 0", head[2:4].hex(), "RFC4302-2.3-1")
        # Some align to 64 bits under IPv4 as well; the ICV of 16 octets then is followed by 4 of padding.
        size = len(found.wire) - start - 84
        peer.check(head[1] == size // 4 - 2, f"Payload Len {size // 4 - 2}", head[1], "RFC4302-2.2-1")
        peer.check(size == 28, "28 octets without padding", size, "RFC4302-2.6-1")
    channel = sa.traffic.channel()
    sa.traffic.ask(tcp_syn(channel), requirement="RFC4302-3.3.3-1")


@purpose(
    "data-ah-transport",
    "RFC4302-3.3.3-1",
    role="responder",
    needs=(DATA, Capability.AH, Capability.TRANSPORT),
    connection=between(esp=("sha1",)),
)
def test_ah_transport(peer: Peer) -> None:
    """AH in transport mode: traffic between the two hosts is authentic."""
    sa = peer.establish()
    channel = sa.traffic.channel()
    flows(peer, requirement="RFC4302-3.3.3-1")
    sa.traffic.ask(inner.udp(channel.ours, channel.theirs), requirement="RFC4302-3.3.3-1")
    sa.traffic.ask(tcp_syn(channel), requirement="RFC4302-3.3.3-1")
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "data-udp",
    "RFC3948-2.1-1",
    "RFC7296-2.23-9",
    role="responder",
    needs=(DATA, Capability.NAT_T),
    connection=psk(force_encapsulation=True),
    device={"force_encapsulation": False},
)
def test_udp(peer: Peer) -> None:
    """Where a NAT seems to be, ESP goes in UDP between the ports of IKE."""
    sa = up(peer)
    found = flows(peer, requirement="RFC7296-2.23-9")
    peer.check(parse(found.wire).protocol == 17, "ESP in UDP", found.wire[:20].hex(), "RFC7296-2.23-9")
    ports = (int.from_bytes(found.wire[20:22], "big"), int.from_bytes(found.wire[22:24], "big"))
    wanted = (sa.remote.port, sa.local.port)
    peer.check(ports == wanted, f"the ports {wanted} of IKE", ports, "RFC3948-2.1-1")


@purpose("data-ipv6-inside", VERSIONS, role="responder", needs=(DATA, Capability.IPV6), connection=inside6)
def test_ipv6_inside(peer: Peer) -> None:
    """IPv6 goes through a tunnel between IPv4 addresses: ICMPv6, UDP and TCP."""
    sa = peer.establish()
    channel = sa.traffic.channel()
    flows(peer, requirement=VERSIONS)
    sa.traffic.ask(inner.udp(channel.ours, channel.theirs), requirement=VERSIONS)
    sa.traffic.ask(tcp_syn(channel), requirement=VERSIONS)


@purpose("data-ipv6-outside", VERSIONS, role="responder", needs=(DATA, Capability.IPV6), connection=psk(ipv6=True))
def test_ipv6_outside(peer: Peer) -> None:
    """IPv4 goes through a tunnel between IPv6 addresses."""
    peer.establish()
    found = flows(peer, requirement=VERSIONS)
    peer.check(found.wire[0] >> 4 == 6 and found.inner and found.inner[0] >> 4 == 4, "IPv4 in IPv6", found, VERSIONS)


@purpose("data-dscp", "RFC4301-5.1.2.1-1", role="responder", needs=(DATA,))
def test_dscp(peer: Peer) -> None:
    """The outer header has the DSCP of the inner packet."""
    sa = up(peer)
    for tos in (0xB8, 0x28):
        found = sa.traffic.ask(sa.traffic.echo_request(tos=tos))
        assert found.inner is not None
        got = found.wire[1] & 0xFC
        peer.check(got == found.inner[1] & 0xFC, f"DSCP of the inner {found.inner[1]:#x}", got, "RFC4301-5.1.2.1-1")
