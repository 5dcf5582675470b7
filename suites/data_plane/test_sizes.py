"""How large packets become: overhead, MTU, fragments before and after encryption, path MTU.

The expected sizes are those of the formulas of RFC 4302 and RFC 4303 (`conformance.ipsec.overhead`), which give the
tables and examples of chapter 15 of "IKEv2 IPsec Virtual Private Networks" (Bartlett, Inamdar).
"""

from conformance.ipsec import icmp
from conformance.ipsec.esp import EspBend
from conformance.ipsec.fragments import fragment
from conformance.ipsec.ip import parse
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived
from conformance.script.verdict import NotApplicable, Unexpected
from peers.capabilities import Capability
from suites.choices import AH, ESP, those
from suites.connections import usual
from suites.data_plane.conversation import Conversation
from suites.data_plane.sizes import (
    BOTH,
    FRAGMENTED,
    INSIDE,
    MTU,
    PATH,
    REASSEMBLED,
    TOLD,
    TOLD6,
    fits,
    in_pieces,
    measured,
    must_tell,
    reply_of,
    sizes,
)
from suites.data_plane.steps import CLOSED_PORT, DATA, between, each_suite, flows, inside6, unanswered, up, visible
from suites.purpose import purpose

BLOCKS, ICV_SIZE, AH_SIZE = "RFC4303-2.4-2", "RFC4303-2.8-1", "RFC4302-2.6-1"
VERSIONS = "RFC4303-3.1.2-1"
BOOK = {1421: 1480, 1422: 1480, 1423: 1496, 1430: 1496, 1431: 1496, 1438: 1496}
"""Table 15-6: ESP in tunnel mode with AES-CBC and HMAC-SHA-1-96, octets of the inner packet and on the wire."""
ESP_SUITES = (
    *("aes128gcm16", "aes256gcm16", "aes128gcm12", "aes128gcm8", "aes128ccm16", "aes256ccm8", "chacha20poly1305"),
    *("aes128-sha1", "aes256-sha256", "aes192-sha384", "aes256-sha512", "aes128-aesxcbc", "aes128ctr-sha1"),
    *("aes128-aescmac", "aes128-md5"),
    *("3des-sha1", "null-sha1", "null-sha256", "aes128gmac"),
)
AH_SUITES = ("sha1", "sha256", "sha384", "sha512", "aesxcbc")


def must_reassemble(sa: ScriptedSa, octets: int) -> None:
    """A datagram of so many octets to a closed port gets its short ICMP error: what is long has arrived whole.

    Nobody need put together more than a link carries whole (RFC 1122, section 3.3.2, and RFC 8200, section 5). Raises
    NotApplicable where the device does that, and no more.
    """
    channel = sa.traffic.channel()
    with sa.peer.preamble("a short datagram to a closed port"):
        sa.traffic.ask(inner.udp(channel.ours, channel.theirs, dport=CLOSED_PORT, size=32))
    try:
        datagram = inner.udp(channel.ours, channel.theirs, dport=CLOSED_PORT, size=octets - 28)
        sa.traffic.ask(datagram, requirement=REASSEMBLED)
    except Unexpected:
        if not puts_together(sa):
            raise
        raise NotApplicable(f"the device puts together less than {octets} octets, if it is only enough") from None


def puts_together(sa: ScriptedSa) -> bool:
    """Whether a ping is answered that comes in two fragments, and whose packet a link carries whole.

    Under UDP it is a socket that makes fragments, and so it is a packet that is just too large.
    """
    in_udp = sa.traffic.channel().outbound.parameters.udp is not None
    octets = sa.traffic.channel().encapsulation.largest(MTU) + 1 if in_udp else 1228
    for number in range(2):
        asked = sa.traffic.echo_request(size=octets - 28)
        sent = sa.traffic.make(asked)
        for one in (sent.wire,) if in_udp else fragment(sent.wire, 800, 4711 + number, forced=True):
            sa.traffic.resend(sent, one, "in two fragments")
        if not unanswered(sa.peer, [asked]):
            return True
    return False


@purpose(
    "data-overhead-table", BLOCKS, ICV_SIZE, role="responder", needs=(DATA,), connection=usual(esp=("aes128-sha1",))
)
def test_table(peer: Peer) -> None:
    """AES-CBC with HMAC-SHA-1-96 in tunnel mode: the sizes on the wire are at least those of table 15-6 of the book.

    With UDP encapsulation each has 8 octets more. The overhead is largest, 73 octets, for a packet of 31.
    """
    sa = up(peer)
    arithmetic = sa.traffic.channel().encapsulation
    more = 8 if arithmetic.udp else 0
    for size, wanted in {31: 104, **{size: wire for size, wire in BOOK.items() if wire + more <= MTU}}.items():
        assert arithmetic.size(size) == wanted + more
        measured(peer, reply_of(sa, size), size, arithmetic, BLOCKS)


@purpose(
    "data-overhead-esp",
    BLOCKS,
    ICV_SIZE,
    "RFC7296-2.17-5",
    "RFC4106-6-1",
    "RFC4543-3.5-1",
    "RFC4868-2.3-1",
    "RFC8221-5-5",
    role="responder",
    needs=(DATA,),
    connection=usual(esp=those(ESP_SUITES, ESP)),
)
def test_overhead_esp(peer: Peer) -> None:
    """For each cipher and integrity algorithm packets have the size that header, IV, padding and ICV make."""
    for _, sa in each_suite(peer):
        sizes(peer, sa, (28, *range(60, 77, 3), 576, 1400), ICV_SIZE)


@purpose(
    "data-overhead-ah",
    AH_SIZE,
    role="responder",
    needs=(DATA, Capability.AH),
    connection=usual(esp=those(AH_SUITES, AH)),
)
def test_overhead_ah(peer: Peer) -> None:
    """For each integrity algorithm AH adds its 12 octets, the ICV, and no more padding than needed."""
    for _, sa in each_suite(peer):
        sizes(peer, sa, (28, 61, 84, 1400), AH_SIZE)


@purpose(
    "data-overhead-transport",
    BLOCKS,
    "RFC4303-3.1.1-1",
    role="responder",
    needs=(DATA, Capability.TRANSPORT),
    connection=between(),
)
def test_overhead_transport(peer: Peer) -> None:
    """In transport mode there is no second IP header: 20 octets less than in tunnel mode, but for the padding."""
    sizes(peer, peer.establish(), (28, 60, 61, 74, 75, 84, 1400), BLOCKS)


@purpose(
    "data-overhead-udp",
    BLOCKS,
    "RFC7296-2.23-9",
    role="responder",
    needs=(DATA, Capability.NAT_T),
    connection=usual(force_encapsulation=True),
    device={"force_encapsulation": False},
)
def test_overhead_udp(peer: Peer) -> None:
    """UDP encapsulation adds 8 octets."""
    sizes(peer, up(peer), (28, 60, 61, 62, 63, 84, 1400), BLOCKS)


@purpose(
    "data-overhead-ipv6",
    BLOCKS,
    role="responder",
    needs=(DATA, Capability.IPV6),
    connection=inside6(ipv6=True),
)
def test_overhead_ipv6(peer: Peer) -> None:
    """IPv6 in IPv6: 40 octets of outer header, and no more within than every link of IPv6 carries."""
    sizes(peer, up(peer), (48, 80, 81, 82, 83, 104, 1280), BLOCKS)


@purpose("data-mtu-largest", FRAGMENTED, role="responder", needs=(DATA, Capability.PATH_MTU))
def test_largest(peer: Peer) -> None:
    """The largest inner packet that fits comes in one piece of at most 1500 octets, one octet more makes two.

    Whether the device fragments before or after encryption is its own choice; the packet has no DF bit. Who adds more
    padding than it takes, or has a narrower link, has less room: then no piece may be larger than 1500 octets.
    """
    sa = up(peer)
    largest = sa.traffic.channel().encapsulation.largest(MTU)
    visible(reply_of(sa, 1000))
    mark = len(peer.traffic.arrived)
    found = reply_of(sa, largest)
    if cut(found):
        peer.note(f"{largest} octets do not fit into what the device's link carries, or into what it takes for that")
    fits(peer, mark, MTU, FRAGMENTED, split=False)
    mark = len(peer.traffic.arrived)
    reply_of(sa, largest + 1)
    fits(peer, mark, MTU, FRAGMENTED, split=True)


@purpose("data-large", REASSEMBLED, FRAGMENTED, role="responder", needs=(DATA,))
def test_large(peer: Peer) -> None:
    """A ping of 4000 octets, sent in fragments of one ESP packet, is put together, and its reply arrives whole."""
    in_fragments(peer, up(peer))


def in_fragments(peer: Peer, sa: ScriptedSa) -> None:
    """Large pings, and their replies."""
    for octets in (2000, 4000):
        try:
            found = reply_of(sa, octets)
        except Unexpected as missing:
            must_reassemble(sa, octets)
            raise Unexpected(missing.expected, missing.got, FRAGMENTED) from None
        peer.check(found.packet is not None and len(found.packet) == octets, f"{octets} octets", found, REASSEMBLED)


@purpose(
    "data-large-transport", REASSEMBLED, FRAGMENTED, role="responder", needs=(DATA, Capability.TRANSPORT),
    connection=between(),
)  # fmt: skip
def test_large_transport(peer: Peer) -> None:
    """The same in transport mode, where an ESP packet is made of a whole packet and cut thereafter."""
    in_fragments(peer, up(peer))


@purpose(
    "data-large-ipv6", REASSEMBLED, FRAGMENTED, VERSIONS, role="responder", needs=(DATA, Capability.IPV6),
    connection=usual(ipv6=True),
)  # fmt: skip
def test_large_ipv6(peer: Peer) -> None:
    """The same between IPv6 addresses, where fragments have a header of their own and no router makes any."""
    sa = peer.establish()
    flows(peer, requirement=VERSIONS)
    in_fragments(peer, sa)


@purpose("data-tcp-mss", FRAGMENTED, role="responder", needs=(DATA, Capability.ECHO))
def test_tcp_mss(peer: Peer) -> None:
    """A TCP connection whose MSS ignores the overhead of ESP works all the same: whatever is sent comes back whole.

    We announce an MSS of 1460, so that a full segment with the headers of ESP does not fit into 1500 octets. The device
    may send smaller segments, or fragments before or after encryption, but no packet larger than the link.
    """
    sa = up(peer)
    mark = len(peer.traffic.arrived)
    data = bytes(number & 0xFF for number in range(4 * 1440))
    got = Conversation(peer, sa.traffic.channel()).echo(data, 1440, mss=1460)
    peer.check(got == data, f"{len(data)} octets back", f"{len(got)} octets", FRAGMENTED)
    if not sa.traffic.channel().outbound.parameters.udp:
        fits(peer, mark, MTU, FRAGMENTED, split=True)


@purpose("data-fragments-inside", INSIDE, BOTH, role="responder", needs=(DATA,))
def test_fragments_inside(peer: Peer) -> None:
    """Fragments of an inner packet, each in an ESP packet of its own and the last one first, reach the inner host."""
    sa = up(peer)
    packet = sa.traffic.echo_request(size=3000)
    for part in reversed(fragment(packet, 1000, 77)):
        sa.traffic.send(part)
    sa.traffic.answer(packet, INSIDE)


@purpose("data-fragments-inside-missing", BOTH, role="responder", needs=(DATA,))
def test_fragments_missing(peer: Peer) -> None:
    """Of a packet whose fragment was dropped for its ICV nothing arrives."""
    sa = up(peer)
    packet = sa.traffic.echo_request(size=1000)
    with sa.traffic.silence("RFC4303-3.4.4-1"):
        for number, part in enumerate(fragment(packet, 600, 78)):
            sa.traffic.send(part, bend=EspBend(flip=0) if number else None)


def cut(found: Arrived) -> bool:
    """Whether it came in pieces, made before encryption or after it."""
    return bool(found.pieces) or found.packet != found.inner


def report(sa: ScriptedSa, mtu: int, spi: bytes | None = None) -> bytes:
    """ICMP from a router on the way: the device's largest ESP packet, or one with another SPI, exceeds ``mtu``."""
    wire = max((one.wire for one in sa.traffic.arrived if one.channel is not None), key=len)
    at = parse(wire).payload_at
    quoted = wire if spi is None else wire[:at] + spi + wire[at + 4 :]
    return icmp.too_big(quoted, mtu)


@purpose("data-path-mtu", PATH, FRAGMENTED, role="responder", needs=(DATA, Capability.PATH_MTU))
def test_path_mtu(peer: Peer) -> None:
    """A router reports that the path carries 1200 octets: from then on the device's packets are no larger."""
    sa = up(peer)
    visible(sa.traffic.ping())
    reply_of(sa, 1400)
    sa.traffic.clear(report(sa, 1200))
    peer.pause()
    mark = len(peer.traffic.arrived)
    reply_of(sa, 1400)
    fits(peer, mark, 1200, PATH, split=True)
    flows(peer)


@purpose("data-path-mtu-foreign", PATH, role="responder", needs=(DATA, Capability.PATH_MTU))
def test_path_mtu_foreign(peer: Peer) -> None:
    """A report about an SPI that the device does not send on changes nothing: it is mapped to no SA."""
    sa = up(peer)
    visible(sa.traffic.ping())
    if cut(reply_of(sa, 1100)):
        raise NotApplicable("the device cuts packets of 1100 octets")
    sa.traffic.clear(report(sa, 1000, b"\x12\x34\x56\x78"))
    peer.pause()
    found = reply_of(sa, 1100)
    peer.check(not cut(found), "one packet", in_pieces(found.pieces or (len(found.wire),)), PATH)


@purpose("data-path-mtu-tcp", PATH, TOLD, role="responder", needs=(DATA, Capability.PATH_MTU, Capability.ECHO))
def test_path_mtu_tcp(peer: Peer) -> None:
    """The path carries 800 octets: hosts behind the device are told, and send TCP segments that fit."""
    must_tell(peer, (800,), 1000, TOLD)


@purpose(
    "data-path-mtu-tcp-ipv6", PATH, TOLD6, role="responder",
    needs=(DATA, Capability.PATH_MTU, Capability.ECHO, Capability.IPV6), connection=inside6(ipv6=True),
)  # fmt: skip
def test_path_mtu_tcp_ipv6(peer: Peer) -> None:
    """The path carries 1400 octets: IPv6 hosts behind the device are told, and send TCP segments that fit."""
    must_tell(peer, (1400,), 1300, TOLD6)
