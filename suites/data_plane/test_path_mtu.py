"""What reports of routers do to a tunnel: how much they quote, absurd sizes, one after the other, another SA."""

from conformance.ipsec import icmp
from conformance.ipsec.ip import parse
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived
from conformance.script.verdict import NotApplicable, Unexpected
from peers.capabilities import Capability
from suites.connections import usual
from suites.data_plane.sizes import FRAGMENTED, PATH, TOLD, TOLD6, fits, in_pieces, must_tell, reply_of
from suites.data_plane.steps import DATA, flows, inside6, moved, up, visible
from suites.purpose import purpose

TIER = "full"

LOWERED, UNSAID, LEAST, LARGER = "RFC1191-3-1", "RFC1191-3-3", "RFC1191-3-4", "RFC1191-3-5"
KEPT = "RFC1191-3-2"
DISCARDED6, LEAST6, LOWERED6 = "RFC8201-4-1", "RFC8201-4-2", "RFC8201-4-3"
NEEDS = (DATA, Capability.PATH_MTU)
LARGE, USUAL = 1150, 84
"""Octets of an inner packet that fits into 1500 octets with all the padding that ESP may have, and of a usual ping."""
SMALLEST, SMALLEST6 = 68, 1280
"""Octets that every link carries (RFC 791, section 3.2, and RFC 8200, section 5)."""


def largest(peer: Peer, octets: int = LARGE) -> Arrived:
    """The largest packet on the wire of the reply to a ping: one of its fragments, if it was cut before encryption."""
    mark = len(peer.traffic.arrived)
    sa = peer.traffic
    sa.ask(sa.echo_request(size=octets - len(sa.echo_request(size=0))))
    found = max((one for one in sa.arrived[mark:] if one.channel is not None), key=lambda one: len(one.wire))
    visible(found)
    return found


def told(sa: ScriptedSa, wire: bytes, mtu: int, quote: int | None = None) -> None:
    """A router reports that this packet exceeds ``mtu``, and quotes so many octets; twice, for one may be lost."""
    for _ in range(2):
        sa.traffic.clear(icmp.too_big(wire, mtu, quote))
    sa.peer.pause()


def heeds(peer: Peer, sa: ScriptedSa, mtu: int, requirement: str, octets: int = LARGE) -> None:
    """The reply to a large ping comes in packets of at most ``mtu`` octets."""
    mark = len(peer.traffic.arrived)
    reply_of(sa, octets)
    fits(peer, mark, mtu, requirement, split=True)


@purpose("data-path-mtu-quoted", PATH, LOWERED, FRAGMENTED, role="responder", needs=NEEDS)
def test_quoted(peer: Peer) -> None:
    """A report counts whether it quotes 8 octets of ESP, SPI and sequence number, or as much as 576 octets hold.

    RFC 792 has routers quote the IP header and 64 bits, RFC 1812 (section 4.3.2.3) as much as there is room for.
    """
    sa = up(peer)
    wire = largest(peer).wire
    for mtu, quote in ((1000, 28), (800, 548)):
        told(sa, wire, mtu, quote)
        heeds(peer, sa, mtu, PATH)
    flows(peer)


@purpose("data-path-mtu-least", LEAST, UNSAID, FRAGMENTED, role="responder", needs=(DATA,))
def test_least(peer: Peer) -> None:
    """Reports of 68, 20 and 0 octets, which anybody may forge, cost speed at most: a ping is answered all the same.

    The device may ignore them, or fragment, but makes no fragments for links that carry less than 68 octets. Who sets
    DF outside can send nothing through a path of 68 octets, and who fragments before encryption only has no room in it.
    """
    sa = up(peer)
    found = largest(peer, 400)
    if parse(found.wire).dont_fragment:
        raise NotApplicable("the device sets DF in outer headers, and so fragments nothing after encryption")
    for mtu, broken in ((SMALLEST, FRAGMENTED), (20, LEAST), (0, UNSAID)):
        told(sa, found.wire, mtu)
        mark = len(peer.traffic.arrived)
        flows(peer, requirement=broken)
        came = [size for one in peer.traffic.arrived[mark:] for size in (one.pieces or (len(one.wire),))]
        peer.check(max(came) >= SMALLEST, f"pieces of {SMALLEST} octets or more", in_pieces(came), LEAST)


@purpose("data-path-mtu-larger", LARGER, PATH, FRAGMENTED, role="responder", needs=NEEDS)
def test_larger(peer: Peer) -> None:
    """A path carries 1000 octets; later reports of 1100 and of 9000, late or forged, do not make it carry more."""
    sa = up(peer)
    wire = largest(peer).wire
    told(sa, wire, 1000)
    heeds(peer, sa, 1000, PATH)
    for mtu in (1100, 9000):
        told(sa, wire, mtu)
        heeds(peer, sa, 1000, LARGER)


@purpose("data-path-mtu-kept", KEPT, PATH, FRAGMENTED, role="responder", needs=NEEDS, waits=8)
def test_kept(peer: Peer) -> None:
    """What a report says is believed for a while: 8 seconds later the device does not try larger packets yet.

    It may do so after 5 minutes, and should after 10. Of an SA that it has made meanwhile it may know nothing.
    """
    sa = up(peer)
    told(sa, largest(peer).wire, 1000)
    heeds(peer, sa, 1000, PATH)
    channel = reply_of(sa, USUAL).channel
    peer.idle(8)
    mark = len(peer.traffic.arrived)
    if reply_of(sa, LARGE).channel is not channel:
        raise NotApplicable("the device has another SA by now")
    fits(peer, mark, 1000, KEPT, split=True)


@purpose("data-path-mtu-rekey", PATH, FRAGMENTED, role="responder", needs=(*NEEDS, Capability.REKEY_CHILD))
def test_rekey(peer: Peer) -> None:
    """The SA whose path carries 1000 octets is rekeyed: large packets go on, and reports about the new SA count.

    Whether the new SA begins with what is known of the path, or with what the link carries, is up to the device.
    """
    sa = up(peer)
    told(sa, largest(peer).wire, 1000)
    heeds(peer, sa, 1000, PATH)
    sa.rekey_child()
    sa.finish()
    moved(peer, sa.child, FRAGMENTED)
    try:
        found = largest(peer)
    except Unexpected as missing:
        raise Unexpected(missing.expected, missing.got, FRAGMENTED) from None
    told(sa, found.wire, 800)
    heeds(peer, sa, 800, PATH)


@purpose("data-path-mtu-steps", PATH, LOWERED, TOLD, role="responder", needs=(*NEEDS, Capability.ECHO))
def test_steps(peer: Peer) -> None:
    """Two routers on the way, one behind the other, carry 1200 and 800 octets: hosts are told of each.

    For each step a packet is lost, and TCP behind the device then sends segments that fit.
    """
    must_tell(peer, (1200, 800), 1300, TOLD)


@purpose(
    "data-path-mtu-steps-ipv6", PATH, LOWERED6, TOLD6, role="responder",
    needs=(*NEEDS, Capability.ECHO, Capability.IPV6), connection=inside6(ipv6=True),
)  # fmt: skip
def test_steps_ipv6(peer: Peer) -> None:
    """The same with IPv6 inside and outside: 1430 octets, then 1400."""
    must_tell(peer, (1430, 1400), 1300, TOLD6)


@purpose(
    "data-path-mtu-ipv6", LOWERED6, PATH, FRAGMENTED, role="responder", needs=(*NEEDS, Capability.IPV6),
    connection=usual(ipv6=True),
)  # fmt: skip
def test_ipv6(peer: Peer) -> None:
    """Between IPv6 addresses Packet Too Big with 1300 octets counts: IPv4 packets inside come in smaller ones."""
    sa = up(peer)
    told(sa, largest(peer, 1380).wire, 1300)
    heeds(peer, sa, 1300, LOWERED6, 1380)
    flows(peer)


@purpose(
    "data-path-mtu-least-ipv6", LEAST6, DISCARDED6, role="responder", needs=(DATA, Capability.IPV6),
    connection=usual(ipv6=True),
)  # fmt: skip
def test_least_ipv6(peer: Peer) -> None:
    """Reports of less than 1280 octets, which every link for IPv6 carries, are no reason to cut smaller packets."""
    sa = up(peer)
    octets = 900

    def whole() -> tuple[Arrived, bool]:
        found = reply_of(sa, octets)
        return found, len(found.pieces) <= 1 and found.packet == found.inner

    before, fitted = whole()
    visible(before)
    if not fitted or len(before.wire) > SMALLEST6:
        raise NotApplicable(f"the device cuts packets of {octets} octets")
    for mtu in (600, SMALLEST, 0):
        told(sa, before.wire, mtu)
        found, fitted = whole()
        peer.check(fitted, "one packet", in_pieces(found.pieces or (len(found.wire),)), LEAST6)
