"""Headers inside and outside: DSCP, ECN, what a tunnel leaves alone, checksums, and fragments of ESP packets."""

from collections.abc import Sequence

from conformance.ike.core.connection import Mode
from conformance.ipsec.ah import AhBend
from conformance.ipsec.fragments import fragment
from conformance.ipsec.ip import ICMP, UDP, parse, transport_checksum, with_checksum, with_traffic_class
from conformance.ipsec.tunnel import CE, ECT_0, ECT_1, NOT_ECT
from conformance.net.link import IpPacket, PacketLink
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.trace import Entry
from conformance.script.traffic import Arrived
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from suites.choices import ah
from suites.connections import usual
from suites.data_plane.steps import CLOSED_PORT, DATA, bent, between, flows, tcp_syn, unanswered, up, visible
from suites.data_plane.test_drops import STRANGER
from suites.dut import Dut
from suites.nat.steps import behind_nat
from suites.nat.test_transport import host_selectors
from suites.purpose import purpose

EF, AF11 = 0xB8, 0x28
COPIED, ECN, KEPT, MARKED = "RFC4301-5.1.2.1-1", "RFC4301-5.1.2.1-2", "RFC4301-5.1.2.1-3", "RFC4301-5.1.2.1-4"
ONLY = "RFC4301-5.1.2-2"
WHOLE, POLICIES, ERRORS = "RFC4301-5.2-1", "RFC4301-4.4.1-1", "RFC4301-6.2-1"
TUNNEL, SOURCE, MENDED = "RFC3948-3.1.2-4", "RFC3948-3.1.1-1", "RFC3948-3.1.2-1"
IN_UDP = usual(force_encapsulation=True)
DEVICE = {"force_encapsulation": False}


def field_of(packet: bytes | None) -> int:
    """The DS and ECN field of a packet."""
    assert packet is not None
    return parse(packet).traffic_class


def mirrored(sa: ScriptedSa, field: int, *, outside: int | None = None, requirement: str | None = None) -> Arrived:
    """The answer to a ping with this DS and ECN field, and perhaps another one in the outer header."""
    asked = sa.traffic.echo_request(tos=field)
    sent = sa.traffic.make(asked)

    def again() -> None:
        sa.traffic.resend(sent, with_traffic_class(sent.wire, field if outside is None else outside), said)

    said = "" if outside is None else f"{field:#04x} inside and {outside:#04x} outside"
    again()
    return sa.traffic.answer(asked, requirement)


def must_mirror(sa: ScriptedSa, *fields: int) -> None:
    """The host behind the device answers with the field of the question: else nothing can be seen of what arrived."""
    for field in fields:
        found = mirrored(sa, field)
        visible(found)
        if field_of(found.inner) != field:
            raise NotApplicable("the host behind the device does not answer with the DS and ECN field of the question")


def copied(sa: ScriptedSa, *fields: int) -> None:
    """The ECN field of an inner packet of the device stands in its outer header, too."""
    must_mirror(sa, *fields)
    for field in fields:
        got = field_of(mirrored(sa, field).wire) & 3
        sa.peer.check(got == field & 3, f"ECN {field & 3} outside as inside", f"{got} outside", ECN)


@purpose("data-ecn", ECN, role="responder", needs=(DATA,))
def test_ecn(peer: Peer) -> None:
    """An inner packet that is ECN-capable has an outer header that is, with the same of the two marks."""
    copied(up(peer), ECT_0, ECT_1)


@purpose("data-ecn-congested", ECN, role="responder", needs=(DATA,))
def test_ecn_congested(peer: Peer) -> None:
    """An inner packet that has met congestion before the tunnel says so in its outer header as well.

    RFC 3168 wrote ECT(0) there; RFC 4301 copies the field, and RFC 6040 (section 4.1) says why.
    """
    copied(up(peer), CE)


@purpose("data-dscp", COPIED, role="responder", needs=(DATA,))
def test_dscp(peer: Peer) -> None:
    """The outer header has the DSCP of the inner packet.

    A device that writes the same one for two classes is configured so: section 4.4.2.1 lets it hide them from the path.
    """
    sa = up(peer)
    must_mirror(sa, EF, AF11)
    outside = {field: field_of(mirrored(sa, field).wire) & 0xFC for field in (EF, AF11)}
    if len(set(outside.values())) == 1:
        raise NotApplicable(f"the device gives all outer headers the DSCP {outside[EF]:#04x}")
    for field, got in outside.items():
        peer.check(got == field, f"DSCP {field:#04x} outside as inside", f"{got:#04x}", COPIED)


@purpose("data-dscp-inside", KEPT, role="responder", needs=(DATA,))
def test_dscp_inside(peer: Peer) -> None:
    """Routers on the way have changed the DSCP of the outer header: the inner packet keeps its own."""
    sa = up(peer)
    must_mirror(sa, EF, 0)
    for inside, outside in ((EF, 0), (EF, AF11), (0, EF)):
        got = field_of(mirrored(sa, inside, outside=outside, requirement=KEPT).inner) & 0xFC
        peer.check(got == inside, f"DSCP {inside:#04x} as in the inner packet", f"{got:#04x}", KEPT)


@purpose("data-ecn-mark", MARKED, role="responder", needs=(DATA,))
def test_ecn_mark(peer: Peer) -> None:
    """A router on the way marks congestion in the outer header: it goes into an inner packet that is ECN-capable.

    What is not ECN-capable is never marked; where the outer header says so all the same, RFC 4301 delivers and RFC 6040
    drops the packet.
    """
    sa = up(peer)
    must_mirror(sa, ECT_0, ECT_1, NOT_ECT)
    for inside, outside, wanted in ((ECT_0, CE, CE), (ECT_1, CE, CE), (NOT_ECT, ECT_0, NOT_ECT)):
        got = field_of(mirrored(sa, inside, outside=outside, requirement=MARKED).inner) & 3
        peer.check(got == wanted, f"ECN {wanted} of {inside} inside and {outside} outside", got, MARKED)


@purpose("data-inner-kept", ONLY, ERRORS, role="responder", needs=(DATA,))
def test_inner_kept(peer: Peer) -> None:
    """What comes out of the tunnel is what went in, but for TTL, DS and ECN: an ICMP error quotes it.

    The error of the host behind the device comes through the Child SA, whose selectors fit it.
    """
    sa = up(peer)
    channel = sa.traffic.channel()
    for identification, flags in ((0x1234, 0x40), (0xFFFE, 0), (7, 0x40)):
        asked = inner.udp(channel.ours, channel.theirs, dport=CLOSED_PORT, size=40)
        head = asked[:4] + identification.to_bytes(2, "big") + bytes((flags,)) + asked[7:20]
        asked = with_checksum(head) + asked[20:]
        error = sa.traffic.ask(asked, requirement=ERRORS).packet
        assert error is not None
        found = parse(error)
        if found.protocol != ICMP:
            raise NotApplicable("the host behind the device has a service at port 9, and so quotes nothing")
        got, wanted = unchanged(error[found.payload_at + 8 :]), unchanged(asked)
        peer.check(got == wanted, f"the header {wanted.hex()}, TTL and DS left out", got.hex(), ONLY)


def unchanged(packet: bytes) -> bytes:
    """The IPv4 header, without what a tunnel or a router changes, and the 8 octets behind it."""
    return packet[:1] + packet[2:8] + packet[9:10] + packet[12:28]


@purpose("data-policies", POLICIES, role="responder", needs=(DATA,))
def test_policies(peer: Peer) -> None:
    """What crosses the boundary is protected, dropped or, as IKE itself, let through: each packet by its policy."""
    sa = up(peer)
    channel = sa.traffic.channel()
    flows(peer, requirement=POLICIES)
    with sa.traffic.silence(POLICIES, prove=lambda: flows(peer, requirement=POLICIES), bypass=True):
        sa.traffic.clear(sa.traffic.echo_request())
        sa.traffic.send(inner.ping(STRANGER, channel.theirs, ident=9))
    sa.liveness()
    sa.must_be_up(POLICIES)


# --- fragments --------------------------------------------------------------------------------------------------------


def parts_of(sa: ScriptedSa, packet: bytes, mtu: int) -> Sequence[bytes]:
    """The fragments of an ESP packet, as a router on the way makes them. Raises NotApplicable under UDP."""
    if sa.traffic.channel().outbound.parameters.udp is not None:
        raise NotApplicable("ESP in UDP goes through a socket, which makes fragments as it likes")
    return fragment(sa.traffic.make(packet).wire, mtu, 4711, forced=True)


@purpose("data-fragments-outside", WHOLE, "RFC4303-3.3.4-1", role="responder", needs=(DATA,))
def test_fragments_outside(peer: Peer) -> None:
    """Fragments of an ESP packet in whatever order are put together before it is looked at; alone they are nothing."""
    sa = up(peer)
    for mtu in (68, 300):
        asked = sa.traffic.echo_request(size=700)
        parts = parts_of(sa, asked, mtu)
        missing = {0}
        for _ in range(3):
            for part in reversed(parts):
                sa.traffic.resend(sa.traffic.make(asked), part, f"a fragment, {len(part)} octets")
            missing = unanswered(peer, [asked])
            if not missing:
                break
            parts = parts_of(sa, asked, mtu)
        peer.check(not missing, f"an answer to fragments of {mtu} octets", "none in three attempts", WHOLE)
    with sa.traffic.silence(WHOLE):
        asked = sa.traffic.echo_request(size=700)
        first, *_ = parts_of(sa, asked, 300)
        sa.traffic.resend(sa.traffic.make(asked), first, "the first fragment alone")


@purpose("data-fragments-late", "RFC4301-4.4.2.1-5", role="responder", needs=(DATA,))
def test_fragments_late(peer: Peer) -> None:
    """Half of an ESP packet comes before its SA is deleted and half of it afterwards: it is dropped."""
    sa = up(peer)
    child = sa.child
    asked = sa.traffic.echo_request(child, size=700)
    sent = sa.traffic.make(asked, child)
    first, *others = parts_of(sa, asked, 500)
    sa.traffic.resend(sent, first, "the first fragment")
    sa.delete_child()
    peer.idle(peer.response_timeout / 4)
    with sa.traffic.silence("RFC4301-4.4.2.1-5", prove=lambda: up(peer, initial_contact=False)):
        for part in others:
            sa.traffic.resend(sent, part, "the rest of its fragments")
        peer.pause()


@purpose(
    "data-ah-reserved", "RFC4302-2.3-2", role="responder", needs=(DATA, Capability.AH), connection=usual(esp=ah)
)  # fmt: skip
def test_ah_reserved(peer: Peer) -> None:
    """The field Reserved of AH is no matter to the receiver, whatever it contains, as long as the ICV covers it."""
    sa = up(peer)
    for value in (0x0001, 0xFFFF):
        asked = sa.traffic.echo_request()
        sa.traffic.send(asked, bend=AhBend(reserved=value))
        sa.traffic.answer(asked, "RFC4302-2.3-2")
    for octet in (2, 3):
        sent = sa.traffic.make(sa.traffic.echo_request())
        at = parse(sent.wire).payload_at + octet
        with sa.traffic.silence("RFC4302-2.3-2", bypass=True):
            sa.traffic.resend(sent, bent(sent.wire, at), "Reserved changed on the way")


# --- UDP encapsulation and checksums ----------------------------------------------------------------------------------


def spoiled(packet: bytes) -> bytes:
    """A TCP segment whose checksum is wrong."""
    at = parse(packet).payload_at + 16
    return packet[:at] + bytes((packet[at] ^ 0x55,)) + packet[at + 1 :]


@purpose(
    "data-inner-checksum", TUNNEL, "RFC3948-3.1.2-3", role="responder", needs=(DATA, Capability.NAT_T),
    connection=IN_UDP, device=DEVICE,
)  # fmt: skip
def test_inner_checksum(peer: Peer) -> None:
    """In tunnel mode a NAT changes nothing inside: a TCP segment with a wrong checksum is dropped."""
    sa = up(peer)
    channel = sa.traffic.channel()
    with peer.preamble("a TCP segment to a closed port"):
        sa.traffic.ask(tcp_syn(channel))
    with sa.traffic.silence(TUNNEL):
        sa.traffic.send(spoiled(tcp_syn(channel, 8)))


@purpose(
    "data-udp-source", SOURCE, "RFC4301-5.2-3", role="responder", needs=(DATA, Capability.NAT_T),
    connection=IN_UDP, device=DEVICE,
)  # fmt: skip
def test_udp_source(peer: Peer) -> None:
    """A peer behind a NAT may not send from whatever inner address it likes: what does not fit its SA is dropped."""
    sa = up(peer)
    channel = sa.traffic.channel()
    with sa.traffic.silence(SOURCE, bypass=True):
        sa.traffic.send(inner.ping(STRANGER, channel.theirs, ident=9))
        sa.traffic.send(inner.udp(STRANGER, channel.theirs))


@purpose(
    "data-udp-checksum", "RFC3948-2.1-3", "RFC3948-1-2", role="responder", needs=(DATA, Capability.NAT_T),
    connection=IN_UDP, device=DEVICE,
)  # fmt: skip
def test_udp_checksum(peer: Peer) -> None:
    """ESP in UDP is taken with the checksum zero and with the right one alike."""
    sa = peer.establish()
    link = peer.link
    if not isinstance(link, PacketLink):
        raise NotApplicable("the link to this device carries UDP only, and makes the checksums itself")
    for summed in (False, True):
        # The answer of IKE_AUTH may come before the Child SA is ready.
        came = any(not unanswered(peer, [ping_in_udp(link, sa, summed=summed)]) for _ in range(2))
        wanted = f"an answer to ESP in UDP with {'its checksum' if summed else 'the checksum zero'}"
        peer.check(came, wanted, "none in two attempts", "RFC3948-2.1-3")


def ping_in_udp(link: PacketLink, sa: ScriptedSa, *, summed: bool) -> bytes:
    """Send a ping in ESP in UDP with the right checksum, or with zero for it; returns the ping."""
    asked = sa.traffic.echo_request()
    packet = IpPacket(with_udp_checksum(sa.traffic.make(asked).wire, summed=summed))
    checksum = "its checksum" if summed else "the checksum zero"
    said = f"{sa.traffic.channel().outbound} in UDP with {checksum}: {inner.summary(asked)}"
    sa.peer.trace.add(Entry(link.now(), "message", said, sent=True, packet=packet, bent="octets of UDP"))
    link.send_packet(packet)
    return asked


def with_udp_checksum(packet: bytes, *, summed: bool) -> bytes:
    """A UDP packet with the right checksum, or with zero for it."""
    found = parse(packet)
    assert found.protocol == UDP
    body = packet[found.payload_at : found.length]
    bare = body[:6] + b"\0\0" + body[8:]
    value = transport_checksum(found.source, found.destination, UDP, bare) if summed else 0
    return packet[: found.payload_at] + bare[:6] + value.to_bytes(2, "big") + bare[8:]


@purpose(
    "nat-transport-checksum", MENDED, "RFC7296-2.23.1-7", role="responder",
    needs=(DATA, Capability.NAT_T, Capability.TRANSPORT), connection=between(),
)  # fmt: skip
def test_transport_checksum(peer: Peer, dut: Dut) -> None:
    """Transport mode from behind a NAT: checksums for our inner address are no obstacle."""
    behind_nat(peer, dut)
    host_selectors(peer)
    sa = peer.sa()
    sa.init()
    sa.auth()
    if not sa.children or sa.child.mode != Mode.TRANSPORT:
        raise NotApplicable("the device makes no Child SA in transport mode through a NAT: nat-transport judges that")
    channel = sa.traffic.channel()
    with peer.preamble("a ping through the Child SA"):
        sa.traffic.ping()
    sa.traffic.ask(tcp_syn(channel), requirement=MENDED)
    datagram = inner.udp(channel.ours, channel.theirs, dport=CLOSED_PORT)
    head = datagram[parse(datagram).payload_at :][:6]  # the checksum behind it may be quoted as it was mended

    def again() -> None:
        sa.traffic.send(datagram)

    def fits(one: Arrived) -> bool:
        return one.channel is not None and one.packet is not None and head in one.packet

    again()
    sa.traffic.expect(fits, f"an ICMP error about {inner.summary(datagram)}", requirement=MENDED, again=again)


@purpose("data-counters-differ", "RFC4301-4.4.2.1-3", role="responder", needs=(DATA, Capability.REKEY_CHILD))
def test_counters_differ(peer: Peer) -> None:
    """Most of our packets are lost, so that we have counted what the device has not: it bears that, and our rekey."""
    sa = up(peer)
    for _ in range(200):
        sa.traffic.make(sa.traffic.echo_request(size=1000))
    flows(peer, requirement="RFC4301-4.4.2.1-3")
    sa.rekey_child()
    sa.finish()
    flows(peer, sa.child, "RFC4301-4.4.2.1-3")
