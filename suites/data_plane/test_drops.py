"""Packets that a device must drop, and odd ones that it must take."""

from conformance.ike.core.connection import Connection
from conformance.ipsec.ah import AhBend
from conformance.ipsec.esp import EspBend
from conformance.ipsec.fragments import fragment
from conformance.ipsec.ip import with_checksum
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import said
from conformance.script.verdict import NotApplicable
from conformance.wire import NotifyType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.choices import ah, esp_null, esp_separate
from suites.connections import two_children, usual
from suites.data_plane.steps import CLOSED_PORT, DATA, NO_SA, THROUGH, bent, between, discarded, flows, tcp_syn, up
from suites.dut import Dut
from suites.purpose import purpose

ICV, PADDING = "RFC4303-3.4.4-1", "RFC4303-2.4-4"
STRANGER = "203.0.113.77"
"""In nobody's network (RFC 5737)."""
SELECTORS, UNPROTECTED = "RFC4301-5.2-3", "RFC4301-5.2-2"


def one_port(pixit: Pixit) -> Connection:
    """A Child SA for one TCP port behind the device."""
    ours, theirs = f"{pixit.tester_networks[0]}[tcp]", f"{pixit.device_networks[0]}[tcp/{CLOSED_PORT}]"
    return usual(local_ts=(ours,), remote_ts=(theirs,))(pixit)


@purpose("data-wrong-icv", ICV, "RFC4303-3.4.4-2", role="responder", needs=(DATA,))
def test_wrong_icv(peer: Peer) -> None:
    """One bit of the ICV is wrong, in its first octet, in the middle, in the last: the packet is dropped."""
    sa = up(peer)
    with discarded(sa, ICV):
        for octet in (0, 8, -1):
            sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(flip=octet))


@purpose("data-drops-counted", "RFC4303-4-1", role="responder", needs=(DATA, Capability.DROP_COUNTERS))
def test_counted(peer: Peer, dut: Dut) -> None:
    """Packets with an unknown SPI, a wrong ICV, a replayed or old number, a foreign source are counted as dropped."""
    sa = up(peer)
    sa.traffic.jump(100_000)
    sa.traffic.ping()
    stranger = inner.ping(STRANGER, sa.traffic.channel().theirs)
    for bend, packet in (
        (EspBend(spi=b"\x12\x34\x56\x78"), None),
        (EspBend(flip=0), None),
        (EspBend(sequence=100_000), None),
        (EspBend(sequence=9), None),
        (None, stranger),
    ):
        before = dut.drops()
        with sa.traffic.silence():
            for _ in range(3):
                sa.traffic.send(packet or sa.traffic.echo_request(), bend=bend)
        found = dut.drops() - before
        peer.check(found >= 3, f"3 packets more dropped ({said(bend) or 'foreign source'})", found, "RFC4303-4-1")


@purpose("data-wrong-icv-cbc", ICV, role="responder", needs=(DATA,), connection=usual(esp=esp_separate))
def test_wrong_icv_cbc(peer: Peer) -> None:
    """The same with a separate integrity algorithm."""
    sa = up(peer)
    with discarded(sa, ICV):
        for octet in (0, 8, -1):
            sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(flip=octet))


@purpose("data-changed", ICV, "RFC4303-2.8-1", role="responder", needs=(DATA,))
def test_changed(peer: Peer) -> None:
    """The ICV covers sequence number, IV and ciphertext: a packet with one bit of these changed is dropped."""
    sa = up(peer)
    for place in (6, 8, 20, 60):
        sent = sa.traffic.make(sa.traffic.echo_request())
        at = sent.wire.index(sent.channel.outbound.spi) + place
        with discarded(sa, ICV):
            sa.traffic.resend(sent, bent(sent.wire, at), f"one bit of octet {place} changed")


@purpose("data-truncated", ICV, role="responder", needs=(DATA,))
def test_truncated(peer: Peer) -> None:
    """Packets with octets cut from the end, down to a bare ESP header, are dropped and harm nobody."""
    sa = up(peer)
    wire = sa.traffic.make(sa.traffic.echo_request()).wire
    size = len(wire) - wire.index(sa.child.spi_out)
    with discarded(sa, ICV):
        for octets in (1, 4, 16, 17, 32, 64, size - 24, size - 16, size - 9, size - 8):
            sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(truncate=octets))


@purpose("data-appended", ICV, role="responder", needs=(DATA,))
def test_appended(peer: Peer) -> None:
    """A packet with octets behind its ICV is dropped: what stands at the end is no ICV."""
    sa = up(peer)
    with discarded(sa, ICV):
        for octets in (1, 4, 16):
            sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(append=bytes(octets)))


@purpose("data-wrong-spi", NO_SA, role="responder", needs=(DATA,))
def test_wrong_spi(peer: Peer) -> None:
    """Packets with an SPI of no SA are dropped: a neighbour of the right one, a reserved one, our own."""
    sa = up(peer)
    spi = int.from_bytes(sa.child.spi_out, "big")
    with discarded(sa, NO_SA):
        for wrong in ((spi ^ 1).to_bytes(4, "big"), b"\0\0\0\1", sa.child.spi_in):
            sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(spi=wrong))


def paddings(sa: ScriptedSa, packet: bytes) -> range:
    """The numbers of octets of padding, at least one, that make whole blocks of a packet in tunnel mode.

    Behind them are Pad Length and Next Header.
    """
    align = sa.traffic.channel().encapsulation.alignment
    least = -(len(packet) + 2) % align
    return range(least or align, 256, align)


@purpose("data-padding-contents", PADDING, role="responder", needs=(DATA,))
def test_padding_contents(peer: Peer) -> None:
    """Padding of other octets than 1, 2, 3 ... is found by a receiver that inspects it, as it should."""
    sa = up(peer)
    with sa.traffic.silence(PADDING):
        packet = sa.traffic.echo_request(size=56)
        sa.traffic.send(packet, bend=EspBend(padding=b"\x05" * paddings(sa, packet)[0]))


@purpose("data-pad-length", PADDING, role="responder", needs=(DATA,))
def test_pad_length(peer: Peer) -> None:
    """A Pad Length larger than the packet points to nowhere: the packet is dropped."""
    sa = up(peer)
    with sa.traffic.silence(PADDING):
        sa.traffic.send(sa.traffic.echo_request(size=56), bend=EspBend(pad_length=255))


@purpose("data-padding-long", "RFC4303-2.4-1", role="responder", needs=(DATA,))
def test_padding_long(peer: Peer) -> None:
    """More padding than needed, up to 255 octets, is consumed: the packet arrives."""
    sa = up(peer)
    possible = paddings(sa, sa.traffic.echo_request(size=56))
    for size in (possible[1], *possible[-2:]):
        packet = sa.traffic.echo_request(size=56)
        sa.traffic.send(packet, bend=EspBend(padding=bytes(range(1, size + 1))))
        sa.traffic.answer(packet, "RFC4303-2.4-1")


@purpose("data-dummy", "RFC4303-2.6-1", role="responder", needs=(DATA,))
def test_dummy(peer: Peer) -> None:
    """Dummy packets, Next Header 59, well-formed inside or not, get no answer, and traffic goes on."""
    sa = up(peer)
    with sa.traffic.silence("RFC4303-2.6-1"):
        for size in (0, 56, 1000):
            sa.traffic.send(sa.traffic.echo_request(size=size), bend=EspBend(next_header=59))


@purpose("data-tfc", "RFC4303-2.7-1", role="responder", needs=(DATA,))
def test_tfc(peer: Peer) -> None:
    """Padding for traffic flow confidentiality is cut off, unless the device has said that it wants none."""
    sa = up(peer)
    if any(one.message.notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED) for one in peer.inbox):
        raise NotApplicable("the device wants no TFC padding")
    for size in (1, 100, 1000):
        packet = sa.traffic.echo_request()
        sa.traffic.send(packet, bend=EspBend(tfc=size))
        sa.traffic.answer(packet, "RFC4303-2.7-1")


@purpose("data-selector-source", SELECTORS, role="responder", needs=(DATA,))
def test_selector_source(peer: Peer) -> None:
    """An inner packet whose source lies outside of the selectors is dropped, and not answered in the clear either."""
    sa = up(peer)
    channel = sa.traffic.channel()
    with sa.traffic.silence(SELECTORS, bypass=True):
        sa.traffic.send(inner.ping(STRANGER, channel.theirs, ident=9))


@purpose(
    "data-selector-child",
    SELECTORS,
    role="responder",
    needs=(DATA, Capability.MULTIPLE_CHILDREN),
    connection=two_children(),
)
def test_selector_child(peer: Peer) -> None:
    """An inner packet that another Child SA is for is dropped on this one."""
    sa = up(peer)
    with peer.preamble("CREATE_CHILD_SA"):
        sa.create_child("other")
        first, second = sa.children
        sa.traffic.ping(second)
    with sa.traffic.silence(SELECTORS, bypass=True):
        sa.traffic.send(sa.traffic.echo_request(second), first)


@purpose("data-selector-port", SELECTORS, role="responder", needs=(DATA, Capability.NARROWING), connection=one_port)
def test_selector_port(peer: Peer) -> None:
    """On an SA for one TCP port a segment for another port, and a ping, are dropped."""
    sa = peer.establish()
    channel = sa.traffic.channel()

    def good() -> None:
        sa.traffic.ask(tcp_syn(channel))

    with peer.preamble("a TCP segment through the Child SA"):
        good()
    with sa.traffic.silence(SELECTORS, prove=good, bypass=True):
        sa.traffic.send(tcp_syn(channel, 8))
        sa.traffic.send(sa.traffic.echo_request())


@purpose("data-fragment-port", "RFC4301-7.3-1", role="responder", needs=(DATA,), connection=one_port)
def test_fragment_port(peer: Peer) -> None:
    """On an SA with selectors for ports, fragments without ports are dropped: nobody has agreed to them."""
    sa = peer.establish()
    channel = sa.traffic.channel()
    segment = inner.tcp(channel.ours, channel.theirs, "S", dport=CLOSED_PORT, seq=5, data=bytes(100))

    def good() -> None:
        sa.traffic.ask(tcp_syn(channel))

    with sa.traffic.silence("RFC4301-7.3-1", prove=good):
        for part in fragment(segment, 80):
            sa.traffic.send(part)


@purpose("data-clear", UNPROTECTED, role="responder", needs=(DATA,))
def test_clear(peer: Peer) -> None:
    """A packet in the clear from our inner network, that must come protected, is dropped."""
    sa = up(peer)
    with sa.traffic.silence(UNPROTECTED):
        sa.traffic.clear(sa.traffic.echo_request())


@purpose(
    "data-clear-transport", UNPROTECTED, role="responder", needs=(DATA, Capability.TRANSPORT), connection=between()
)
def test_clear_transport(peer: Peer) -> None:
    """A ping in the clear between hosts whose traffic must be protected is dropped."""
    sa = up(peer)
    with sa.traffic.silence(UNPROTECTED):
        sa.traffic.clear(sa.traffic.echo_request())


@purpose("data-null-icv", ICV, "RFC4303-3.2.1-1", role="responder", needs=(DATA,), connection=usual(esp=esp_null))
def test_null_icv(peer: Peer) -> None:
    """Without encryption the ICV alone protects: a packet with a changed payload is dropped."""
    sa = up(peer)
    packet = sa.traffic.echo_request()
    with discarded(sa, ICV):
        sa.traffic.send(packet, bend=EspBend(flip=3))
    flows(peer, requirement=THROUGH)


@purpose(
    "data-ah-icv", "RFC4302-3.4.4-1", "RFC4302-3.3.3-1", role="responder", needs=(DATA, Capability.AH),
    connection=usual(esp=ah),
)  # fmt: skip
def test_ah_icv(peer: Peer) -> None:
    """AH with a wrong ICV, a changed payload, or another identification in the outer header is dropped."""
    sa = up(peer)
    with discarded(sa, "RFC4302-3.4.4-1"):
        sa.traffic.send(sa.traffic.echo_request(), bend=AhBend(flip=0))
        sa.traffic.send(sa.traffic.echo_request(), bend=AhBend(flip=-1))
    for at in (5, 60, -1):
        sent = sa.traffic.make(sa.traffic.echo_request())
        with discarded(sa, "RFC4302-3.3.3-1"):
            sa.traffic.resend(sent, changed_at(sent.wire, at), f"one bit of octet {at} changed")


@purpose(
    "data-ah-mutable", "RFC4302-3.3.3.1.1-1", role="responder", needs=(DATA, Capability.AH),
    connection=usual(esp=ah),
)  # fmt: skip
def test_ah_mutable(peer: Peer) -> None:
    """What routers may change, DSCP and TTL, is not covered: the packet arrives."""
    sa = up(peer)
    for at in (1, 8):
        packet = sa.traffic.echo_request()
        sent = sa.traffic.make(packet)
        sa.traffic.resend(sent, changed_at(sent.wire, at, 0x20), "another " + ("DSCP" if at == 1 else "TTL"))
        sa.traffic.answer(packet, "RFC4302-3.3.3.1.1-1")


def changed_at(wire: bytes, at: int, bits: int = 1) -> bytes:
    """An IPv4 packet with an octet changed on its way, and the checksum of its header right again."""
    changed = bytearray(wire)
    changed[at] ^= bits
    return with_checksum(bytes(changed[:20])) + bytes(changed[20:])


@purpose("data-ah-replay", "RFC4302-3.4.3-1", role="responder", needs=(DATA, Capability.AH), connection=usual(esp=ah))
def test_ah_replay(peer: Peer) -> None:
    """AH packets that come twice, or are too old, are dropped."""
    sa = up(peer)
    packet = sa.traffic.echo_request()
    sent = sa.traffic.send(packet)
    sa.traffic.answer(packet)
    with discarded(sa, "RFC4302-3.4.3-1"):
        sa.traffic.resend(sent)
    sa.traffic.jump(100_000)
    sa.traffic.ping()
    with discarded(sa, "RFC4302-3.4.3-1"):
        sa.traffic.send(sa.traffic.echo_request(), bend=AhBend(sequence=7))


@purpose(
    "data-ah-wrong-spi", "RFC4302-3.4.2-1", role="responder", needs=(DATA, Capability.AH),
    connection=usual(esp=ah),
)  # fmt: skip
def test_ah_wrong_spi(peer: Peer) -> None:
    """AH packets with an SPI of no SA are dropped."""
    sa = up(peer)
    with discarded(sa, "RFC4302-3.4.2-1"):
        sa.traffic.send(sa.traffic.echo_request(), bend=AhBend(spi=b"\x12\x34\x56\x78"))
