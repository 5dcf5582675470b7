"""Sizes of packets: what goes into an MTU, in how many pieces it comes, and what is told of a path."""

from collections.abc import Sequence

from conformance.ipsec import icmp
from conformance.ipsec.ip import parse
from conformance.ipsec.overhead import Encapsulation
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived
from conformance.script.verdict import Unexpected
from conformance.wire import ProtocolID
from suites.data_plane.conversation import Conversation
from suites.data_plane.steps import up, visible

REASSEMBLED, INSIDE, BOTH = "RFC4303-3.3.4-1", "RFC4303-3.3.4-2", "RFC4301-7.1-1"
FRAGMENTED, PATH = "RFC4301-8.2.1-3", "RFC4301-8.2.1-1"
TOLD, TOLD6 = "RFC4301-8.2.1-2", "RFC4301-8.2.1-4"
MTU = 1500


def reply_of(sa: ScriptedSa, octets: int) -> Arrived:
    """The reply, of exactly so many octets inside, to a ping of the same size."""
    plain = len(sa.traffic.echo_request(size=0))
    return sa.traffic.ask(sa.traffic.echo_request(size=octets - plain))


def sizes(peer: Peer, sa: ScriptedSa, octets: tuple[int, ...], requirement: str) -> None:
    """Replies of these inner sizes have on the wire what the formula says, or whole blocks more."""
    for size in octets:
        measured(peer, reply_of(sa, size), size, sa.traffic.channel().encapsulation, requirement)


def measured(peer: Peer, found: Arrived, size: int, arithmetic: Encapsulation, requirement: str) -> None:
    """A packet of ``size`` octets has the right size on the wire, unless it was fragmented before encryption.

    ESP may have more padding than it takes, up to 255 octets, and padding against traffic analysis (RFC 4303, sections
    2.4 and 2.7), but fills whole blocks with it. AH has none to spare.
    """
    if found.packet != found.inner:
        peer.note(f"{size} octets come in fragments: nothing to measure")
        return
    wanted, got = arithmetic.size(size), len(found.wire)
    more = got - wanted
    if arithmetic.protocol == ProtocolID.AH:
        peer.check(not more, f"{size} octets become {wanted}", f"{got} octets", requirement)
    block = arithmetic.alignment
    right = more >= 0 and more % block == 0
    peer.check(right, f"{size} octets become {wanted}, or blocks of {block} more", f"{got} octets", requirement)
    if more:
        peer.note(f"{more} octets more than needed for {size}")


def in_pieces(sizes: Sequence[int]) -> str:
    """Sizes of pieces in words."""
    return f"pieces of {', '.join(map(str, sizes))} octets"


def fits(peer: Peer, mark: int, mtu: int, requirement: str, *, split: bool) -> None:
    """What came since ``mark`` came in pieces of at most ``mtu`` octets; ``split``: in more than one."""
    came = [size for one in peer.traffic.arrived[mark:] for size in (one.pieces or (len(one.wire),))]
    peer.check(max(came) <= mtu, f"no piece larger than {mtu}", in_pieces(came), requirement)
    peer.check(not split or len(came) > 1, "more than one piece", in_pieces(came), requirement)


def must_tell(peer: Peer, mtus: tuple[int, ...], segment: int, requirement: str) -> None:
    """Reports about the SA come: TCP behind the device, which wants no fragments, sends smaller segments then.

    It does so only if it is told; else its segments are lost, or cut against its will.
    """
    sa = up(peer)
    visible(sa.traffic.ping())
    channel, mark = sa.traffic.channel(), len(peer.traffic.arrived)
    data = bytes(number & 0xFF for number in range(3 * segment))
    with peer.preamble("a TCP connection to port 7"):
        got = Conversation(peer, channel).echo(data, segment, mss=1440)
        peer.check(got == data, f"{len(data)} octets back", f"{len(got)} octets")
    for step, mtu in enumerate(mtus, 1):
        came = [one for one in peer.traffic.arrived[mark:] if one.channel is not None]
        sa.traffic.clear(icmp.too_big(max(came, key=lambda one: len(one.wire)).wire, mtu))
        peer.pause()
        mark = len(peer.traffic.arrived)
        try:
            got = Conversation(peer, channel, sequence=500_000, port=40100 + step).echo(data, segment, mss=1440)
        except Unexpected as missing:
            raise Unexpected(missing.expected, missing.got, requirement) from None
        peer.check(got == data, f"{len(data)} octets back", f"{len(got)} octets", requirement)
        fits(peer, mark, mtu, PATH, split=False)
        largest = channel.encapsulation.largest(mtu)  # who adds more padding than it takes has less room
        carried = [(one, one.inner) for one in peer.traffic.arrived[mark:] if one.inner]
        cut = [one for one, packet in carried if parse(packet).fragment or (one.pieces and len(packet) > largest)]
        peer.check(not cut, "whole segments that fit", "; ".join(map(str, cut)), requirement)
