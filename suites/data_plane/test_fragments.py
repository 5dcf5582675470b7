"""Fragments of ESP packets that never become whole, come late or belong to two; large packets in transport and GRE."""

from conformance.ipsec.esp import EspBend
from conformance.ipsec.fragments import Reassembler, fragment
from conformance.ipsec.ip import parse, with_checksum
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived, SentPacket
from conformance.script.verdict import NotApplicable, Unexpected
from peers.capabilities import Capability
from suites.data_plane.sizes import FRAGMENTED, MTU, REASSEMBLED, fits, reply_of
from suites.data_plane.steps import DATA, bent, between, discarded, flows, unanswered, up
from suites.data_plane.test_replay import FAR, FORGED, LEFT, WINDOW
from suites.data_plane.test_sizes import must_reassemble
from suites.data_plane.tunnels import BETWEEN, Way, for_ipv4, opened
from suites.dut import Dut
from suites.purpose import purpose

TIER = "full"

ICV, APART, ONLY_WHOLE = "RFC4303-3.4.4-1", "RFC4303-3.4.1-1", "RFC4303-3.3.4-3"
ATTEMPTS = 3
UNFINISHED = 100
"""Packets of which one half comes."""
OCTETS = 700
"""Data of a ping that is cut into two."""
BETWEEN_HALVES = 24
"""Packets that come between two halves; the window has 32 at least."""


def halves(sent: SentPacket, identification: int | None = None) -> tuple[bytes, bytes]:
    """An ESP packet in two fragments, perhaps with another identification. Raises NotApplicable under UDP."""
    if sent.channel.outbound.parameters.udp is not None:
        raise NotApplicable("ESP in UDP goes through a socket, which makes fragments as it likes")
    wire = sent.wire
    if identification is not None:
        wire = with_checksum(wire[:4] + identification.to_bytes(2, "big") + wire[6:20]) + wire[20:]
    first, last = fragment(wire, 20 + (len(wire) - 20) // 16 * 8 + 8, forced=True)
    return first, last


@purpose("data-fragments-never-whole", FORGED, APART, REASSEMBLED, role="responder", needs=(DATA,))
def test_never_whole(peer: Peer) -> None:
    """The first halves of a hundred ESP packets, and the last ones of others, stop nothing that comes after them.

    Nobody has seen their ICVs: their sequence numbers, which are far ahead, do not move the window. At the end the
    other halves come, each with a wrong bit, so that the device need not keep anything. Whether it puts others
    together meanwhile depends on its memory, so whole packets prove that it goes on.
    """
    sa = up(peer)

    def goes_on() -> None:
        flows(peer, requirement=FORGED)

    unfinished: list[tuple[SentPacket, bytes]] = []
    with sa.traffic.silence(APART, prove=goes_on):
        for number in range(2 * UNFINISHED):
            packet = sa.traffic.echo_request(size=200)
            sent = sa.traffic.make(packet, bend=EspBend(sequence=FAR + number))
            first, last = halves(sent)
            if number % 2:
                first, last = last, first
            sa.traffic.resend(sent, first, "half of it")
            unfinished.append((sent, last))
    with sa.traffic.silence(ICV, prove=goes_on, bypass=True):
        for sent, other in unfinished:
            sa.traffic.resend(sent, bent(other, -1), "the other half with a wrong bit")


@purpose("data-fragments-window", LEFT, WINDOW, REASSEMBLED, role="responder", needs=(DATA,))
def test_window(peer: Peer) -> None:
    """An ESP packet counts when its last fragment has come: with 24 others in between it arrives, after very many not.

    The replay window has 32 packets at least, and nobody's has a hundred thousand.
    """
    sa = up(peer)
    for _ in range(ATTEMPTS):
        asked = sa.traffic.echo_request(size=OCTETS)
        sent = sa.traffic.make(asked)
        first, last = halves(sent)
        sa.traffic.resend(sent, first, "its first half")
        others = [sa.traffic.echo_request() for _ in range(BETWEEN_HALVES)]
        for packet in others:
            sa.traffic.send(packet)
        sa.traffic.resend(sent, last, "its last half")
        missing = unanswered(peer, [asked])
        unanswered(peer, others)
        if not missing:
            break
    peer.check(not missing, "an answer to a packet whose halves came apart", f"none in {ATTEMPTS} attempts", WINDOW)
    sent = sa.traffic.make(sa.traffic.echo_request(size=OCTETS))
    first, last = halves(sent)
    sa.traffic.resend(sent, first, "its first half")
    sa.traffic.jump(FAR)
    sa.traffic.ping()
    with discarded(sa, LEFT):
        sa.traffic.resend(sent, last, "its last half, left of the window by now")


@purpose("data-fragments-one-identification", ICV, FORGED, REASSEMBLED, role="responder", needs=(DATA,))
def test_one_identification(peer: Peer) -> None:
    """Halves of two ESP packets with the same identification make one that has no right ICV: it is dropped.

    The number in it is not taken for one that has come: the packet itself arrives afterwards. When the halves of two
    come by turns, at most these two packets come out.
    """
    sa = up(peer)
    missing = {0}
    for attempt in range(ATTEMPTS):
        asked, sent = _one(sa)
        _, other = _one(sa)
        (first, _), (_, last) = halves(sent, 9000 + attempt), halves(other, 9000 + attempt)
        with discarded(sa, ICV):
            sa.traffic.resend(sent, first, "its first half")
            sa.traffic.resend(other, last, "its last half, with the identification of the packet before")
        sa.traffic.resend(sent, bent="whole, for the first time")
        missing = unanswered(peer, [asked])
        if not missing:
            break
    peer.check(not missing, "an answer to the whole packet", f"none in {ATTEMPTS} attempts", FORGED)
    (_, one), (_, two) = _one(sa), _one(sa)
    for each, part in [(sent, number) for number in (0, 1) for sent in (one, two)]:
        sa.traffic.resend(each, halves(each, 9100)[part], f"half {part + 1} of it, both with one identification")
    flows(peer, requirement=REASSEMBLED)


def _one(sa: ScriptedSa) -> tuple[bytes, SentPacket]:
    """A ping of two halves, and its packet for the wire, which is still to be sent."""
    asked = sa.traffic.echo_request(size=OCTETS)
    return asked, sa.traffic.make(asked)


@purpose(
    "data-large-transport-whole", ONLY_WHOLE, REASSEMBLED, role="responder", needs=(DATA, Capability.TRANSPORT),
    connection=between(),
)  # fmt: skip
def test_transport_whole(peer: Peer) -> None:
    """In transport mode ESP is applied to whole packets: a large reply comes in fragments of one ESP packet.

    Fragmentation before encryption is for tunnels: nobody could tell such fragments from those that a router makes.
    """
    sa = up(peer)
    mark = len(peer.traffic.arrived)
    for octets in (1600, 3000):
        try:
            reply_of(sa, octets)
        except Unexpected as missing:
            must_reassemble(sa, octets)
            raise Unexpected(missing.expected, missing.got, FRAGMENTED) from None
    parts = [one for one in peer.traffic.arrived[mark:] if one.channel and one.inner and parse(one.inner).fragment]
    peer.check(not parts, "whole packets in ESP", "; ".join(map(str, parts)), ONLY_WHOLE)
    came = max(size for one in peer.traffic.arrived[mark:] for size in (one.pieces or (len(one.wire),)))
    peer.check(came <= MTU, f"no piece larger than {MTU}", f"{came} octets", FRAGMENTED)


@purpose("data-gre-large", BETWEEN, FRAGMENTED, role="responder", needs=(DATA,), connection=for_ipv4)
def test_gre_large(peer: Peer, dut: Dut) -> None:
    """Packets that GRE and ESP make larger than the link get through, and so do their replies.

    The device may cut them before GRE, or the ESP packet of the whole; no piece is larger than the link carries. Twice
    as much as a link carries is more than a device need put together.
    """
    way = opened(peer, dut)
    for octets in (1450, 1500, 2900):
        mark = len(peer.traffic.arrived)
        try:
            _gre_reply(way, octets)
        except Unexpected:
            if octets < 2 * 1450:
                raise
            peer.note(f"there is no answer to {octets} octets")
            break
        fits(peer, mark, MTU, FRAGMENTED, split=octets > MTU - 28)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


def _gre_reply(way: Way, octets: int) -> None:
    """A ping of so many octets in GRE gets its reply in GRE, put together where it comes in fragments."""
    asked = way.question(size=octets - 28)
    answers, pieces = inner.answers(asked), Reassembler()

    def put_together(one: Arrived) -> bool:
        found = way.came(one)
        whole = None if found is None else pieces.add(found.payload, one.time)
        return whole is not None and answers(whole)

    def send() -> None:
        way.send(way.header(asked))

    send()
    what = f"the answer to {inner.summary(asked)} in GRE"
    way.sa.traffic.expect(put_together, what, requirement=FRAGMENTED, again=send)
