"""Ways to carry packets: transport mode, GRE, no encryption, AH, UDP, and every pair of IP versions."""

from typing import Any

from conformance.ipsec.ip import parse
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived
from peers.capabilities import Capability
from suites.choices import ah, esp_null
from suites.connections import usual
from suites.create_child_sa.answers import deletes_child, deletes_ike, deletion, granted
from suites.data_plane.sizes import measured
from suites.data_plane.steps import DATA, THROUGH, between, flows, inside6, moved, tcp_syn, transports, up, visible
from suites.data_plane.test_flow import numbered
from suites.data_plane.tunnels import CLOSED, Way, for_ipv4, opened
from suites.dut import Dut
from suites.purpose import purpose

BETWEEN, VERSIONS = "RFC4303-3.1.1-1", "RFC4303-3.1.2-1"


@purpose(
    "data-transport",
    BETWEEN,
    "RFC7296-1.3.1-7",
    "RFC4301-4.4.1-2",
    "RFC4301-4.1-1",
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
    measured(peer, found, 84, channel.encapsulation, BETWEEN)
    transports(sa, BETWEEN)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "data-transport-rekey",
    BETWEEN,
    "RFC7296-2.8-14",
    CLOSED,
    role="responder",
    needs=(DATA, Capability.TRANSPORT, Capability.REKEY_CHILD),
    connection=between(),
)
def test_transport_rekey(peer: Peer) -> None:
    """A Child SA in transport mode is rekeyed, stays in transport mode and carries traffic from then on."""
    sa = up(peer)
    sa.rekey_child()
    sa.finish()
    peer.check(not sa.traffic.channel().inbound.tunnel, "transport mode again", sa.child.mode, "RFC7296-1.3.1-7")
    moved(peer, sa.child, CLOSED, lambda: flows(peer, sa.child, BETWEEN))


@purpose("data-gre", BETWEEN, "RFC4301-4.4.1-2", role="responder", needs=(DATA,), connection=for_ipv4)
def test_gre(peer: Peer, dut: Dut) -> None:
    """GRE in transport mode, as FlexVPN uses it: networks behind both ends reach each other, and the size is right.

    ESP covers the GRE header of 4 octets and the inner packet; the outer IP header is that of GRE.
    """
    way = Way.first(peer.establish(), dut)
    for size in (0, 56, 57, 1300):
        one, found = way.ping(size=size)
        measured(peer, one, 28 + size, way.arithmetic(found), "RFC4303-2.4-2")
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "data-gre-rekey",
    BETWEEN,
    "RFC7296-2.8-14",
    CLOSED,
    role="responder",
    needs=(DATA, Capability.REKEY_CHILD),
    connection=for_ipv4,
)
def test_gre_rekey(peer: Peer, dut: Dut) -> None:
    """The tunnel of GRE goes on when its Child SA is rekeyed."""
    sa = peer.establish()
    Way.first(sa, dut).ping()
    sa.rekey_child()
    sa.finish()
    Way.first(sa, dut).must_move()


@purpose("data-gre-clear", "RFC4301-5.2-2", role="responder", needs=(DATA,), connection=for_ipv4)
def test_gre_clear(peer: Peer, dut: Dut) -> None:
    """GRE in the clear between the two ends is dropped."""
    way = opened(peer, dut)
    asked = way.question()
    with peer.traffic.silence("RFC4301-5.2-2", prove=lambda: way.ping(size=58), bypass=True):
        peer.traffic.clear(way.delivered(way.header(asked)))


@purpose(
    "data-null",
    THROUGH,
    "RFC4303-3.2.1-1",
    "RFC8221-5-3",
    role="responder",
    needs=(DATA,),
    connection=usual(esp=esp_null),
)
def test_null(peer: Peer) -> None:
    """Without encryption the inner packet can be read on the wire."""
    peer.establish()
    found = flows(peer, requirement=THROUGH)
    readable = found.inner is not None and found.inner in found.wire
    peer.check(readable, "the inner packet as it is", found.wire.hex(), THROUGH)


@purpose(
    "data-ah", "RFC4302-3.3.3-1", "RFC4302-2.2-1", "RFC4302-2.3-1", "RFC4302-2.5-1", "RFC4302-2.6-1",
    role="responder", needs=(DATA, Capability.AH), connection=usual(esp=ah),
)  # fmt: skip
def test_ah(peer: Peer) -> None:
    """AH in tunnel mode: each field of the device's header is right, and the ICV fits.

    Whatever else goes through the SA has sequence numbers, too.
    """
    sa = numbered(peer, "RFC4302-2.5-1", "RFC4302-2.5-1")
    for _ in range(3):
        found = flows(peer, requirement="RFC4302-3.3.3-1")
        start = parse(found.wire).payload_at
        head = found.wire[start : start + 12]
        peer.check(head[0] == 4, "Next Header 4", head[0])
        peer.check(head[2:4] == b"\0\0", "Reserved 0", head[2:4].hex(), "RFC4302-2.3-1")
        # Some align to 64 bits under IPv4 as well; the ICV of 16 octets then is followed by 4 of padding.
        size = len(found.wire) - start - 84
        peer.check(head[1] == size // 4 - 2, f"Payload Len {size // 4 - 2}", head[1], "RFC4302-2.2-1")
        plain = 12 + sa.child.suite.cipher.icv_size
        peer.check(size == plain, f"{plain} octets without padding", size, "RFC4302-2.6-1")
    channel = sa.traffic.channel()
    sa.traffic.ask(tcp_syn(channel), requirement="RFC4302-3.3.3-1")


@purpose(
    "data-ah-transport",
    "RFC4302-3.3.3-1",
    role="responder",
    needs=(DATA, Capability.AH, Capability.TRANSPORT),
    connection=between(esp=ah),
)
def test_ah_transport(peer: Peer) -> None:
    """AH in transport mode: traffic between the two hosts is authentic."""
    sa = peer.establish()
    flows(peer, requirement="RFC4302-3.3.3-1")
    transports(sa, "RFC4302-3.3.3-1")
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "data-udp",
    "RFC3948-2.1-1",
    "RFC7296-2.23-9",
    "RFC7296-2.23-6",
    "RFC7296-2.23-7",
    "RFC3948-1-3",
    "RFC3948-2.1-4",
    role="responder",
    needs=(DATA, Capability.NAT_T),
    connection=usual(force_encapsulation=True),
    device={"force_encapsulation": False},
)
def test_udp(peer: Peer) -> None:
    """Where a NAT seems to be, ESP goes in UDP between the ports of IKE."""
    sa = up(peer)
    in_udp(sa, flows(peer, requirement="RFC7296-2.23-9"))


def in_udp(sa: ScriptedSa, found: Arrived) -> None:
    """What has come is ESP in UDP between the ports of IKE."""
    sa.peer.check(parse(found.wire).protocol == 17, "ESP in UDP", found.wire[:20].hex(), "RFC7296-2.23-9")
    ports = (int.from_bytes(found.wire[20:22], "big"), int.from_bytes(found.wire[22:24], "big"))
    wanted = (sa.remote.port, sa.local.port)
    sa.peer.check(ports == wanted, f"the ports {wanted} of IKE", ports, "RFC3948-2.1-1")


_REKEYED: dict[str, Any] = {
    "needs": (DATA, Capability.NAT_T, Capability.REKEY_IKE, Capability.REKEY_CHILD),
    "connection": usual(force_encapsulation=True),
    "device": {"force_encapsulation": False},
}


@purpose("data-udp-rekeyed", "RFC7296-2.23-9", "RFC3948-2.1-1", "RFC7296-2.8-7", role="responder", **_REKEYED)
def test_udp_rekeyed(peer: Peer, dut: Dut) -> None:
    """We rekey the IKE SA, and then its Child SA: what was found out about the NAT counts, and ESP goes in UDP.

    No NAT is detected anew in a rekey.
    """
    sa = up(peer)
    granted(peer, dut, sa.rekey(), Capability.REKEY_IKE, "RFC7296-2.8-7")
    sa.finish()
    heir = sa.rekeyed
    granted(peer, dut, heir.rekey_child(), Capability.REKEY_CHILD, "RFC7296-2.8-7")
    heir.finish()
    in_udp(heir, moved(peer, heir.child, "RFC7296-2.23-9"))


@purpose("data-udp-rekeyed-device", "RFC7296-2.23-9", "RFC3948-2.1-1", "RFC7296-2.8-7", role="initiator", **_REKEYED)
def test_udp_rekeyed_device(peer: Peer, dut: Dut) -> None:
    """The device rekeys both: ESP goes in UDP as before."""
    sa = up(peer)
    dut.rekey_ike()
    deletion(sa, deletes_ike)
    peer.pause()
    heir = sa.rekeyed
    old = heir.child
    dut.rekey_child()
    deletion(heir, deletes_child)
    peer.pause()
    peer.check(heir.child is not old, "a new Child SA", heir.problem or "the old one alone", "RFC7296-2.8-5")
    in_udp(heir, moved(peer, heir.child, "RFC7296-2.23-9"))


@purpose("data-ipv6-inside", VERSIONS, role="responder", needs=(DATA, Capability.IPV6), connection=inside6())
def test_ipv6_inside(peer: Peer) -> None:
    """IPv6 goes through a tunnel between IPv4 addresses: ICMPv6, UDP and TCP."""
    sa = peer.establish()
    flows(peer, requirement=VERSIONS)
    transports(sa, VERSIONS)


@purpose("data-ipv6-outside", VERSIONS, role="responder", needs=(DATA, Capability.IPV6), connection=usual(ipv6=True))
def test_ipv6_outside(peer: Peer) -> None:
    """IPv4 goes through a tunnel between IPv6 addresses."""
    peer.establish()
    found = flows(peer, requirement=VERSIONS)
    peer.check(found.wire[0] >> 4 == 6 and found.inner and found.inner[0] >> 4 == 4, "IPv4 in IPv6", found, VERSIONS)


@purpose("data-df", "RFC4301-8.1-1", role="responder", needs=(DATA,))
def test_df(peer: Peer) -> None:
    """The DF bit of the outer header is copied from the inner one, or always set, or always clear: one of the three.

    A host sets DF in TCP segments if it discovers the path MTU, and leaves it clear in echo replies.
    """
    sa = up(peer)
    channel = sa.traffic.channel()
    found = [sa.traffic.ask(packet) for packet in (sa.traffic.echo_request(), tcp_syn(channel), tcp_syn(channel, 8))]
    visible(found[0])
    bits = [(parse(one.inner or b"").dont_fragment, parse(one.wire).dont_fragment) for one in found]
    copied, outside = all(inside == out for inside, out in bits), {out for _, out in bits}
    said = ", ".join(f"{inside:d} inside and {out:d} outside" for inside, out in bits)
    peer.check(copied or len(outside) == 1, "DF copied, always set, or always clear", said, "RFC4301-8.1-1")
