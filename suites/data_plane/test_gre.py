"""GRE over IPsec: the optional fields of its header, what it carries, and what its end must not take."""

from dataclasses import replace
from functools import partial

from conformance.ike.core.connection import Connection
from conformance.ipsec.gre import IGNORED, IPV4, MPLS, NHRP, ROUTING, VERSION, GrePacket
from conformance.ipsec.ip import ICMPV6, parse
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.traffic import Arrived
from peers.contract import Pixit
from suites.data_plane.sizes import measured
from suites.data_plane.steps import DATA
from suites.data_plane.tunnels import BETWEEN, Way, opened, through_gre
from suites.dut import Dut
from suites.ike_auth.some_peers import part
from suites.purpose import purpose

TIER = "full"
CHECKSUM, KEYED, BITS = "RFC2784-2.2-1", "RFC2890-2.1-2", "RFC2784-2.3-1"
SIZE = "RFC4303-2.4-2"
KEY = 0x01CE
LINK_LOCAL, ALL_NODES = "fe80::1", "ff02::1"
UNLISTED = 0x6600
"""A protocol type that nobody has registered."""

gre = partial(purpose, role="responder", needs=(DATA,))


# --- optional fields ------------------------------------------------------------------------------------------------


@gre("data-gre-checksum", CHECKSUM, "RFC2784-2.5-1", "RFC2784-2.6-1", SIZE, connection=through_gre(checksum=True))
def test_checksum(peer: Peer, dut: Dut) -> None:
    """A tunnel with checksums: packets with the right one are answered, one with a wrong one is not.

    Inner packets of even and odd lengths: the sum is one of whole 16-bit words. If the device writes a checksum it is
    right.
    """
    way = Way.first(peer.establish(), dut)
    for size in (56, 57):
        one, found = way.ping(CHECKSUM, size=size)
        measured(peer, one, 28 + size, way.arithmetic(found), SIZE)
        peer.check(not found.spoiled, "a right checksum", "a wrong one", "RFC2784-2.5-1")
        peer.check(not found.reserved, "zeros behind the checksum", found.reserved, "RFC2784-2.6-1")
    asked = way.question()
    way.must_drop(CHECKSUM, (asked, replace(way.header(asked), spoiled=True)))


@gre("data-gre-key", "RFC2890-2.1-1", KEYED, SIZE, connection=through_gre(key=KEY))
def test_key(peer: Peer, dut: Dut) -> None:
    """A tunnel with a key: the device answers with the same one, and takes no packet with another one, or the key 0.

    The Child SA is the right one for them, so they are decrypted; it is the end of the tunnel that drops them.
    """
    way = Way.first(peer.establish(), dut)
    for size in (56, 57):
        one, found = way.ping("RFC2890-2.1-1", size=size)
        measured(peer, one, 28 + size, way.arithmetic(found), SIZE)
    others = [(asked, replace(way.header(asked), key=key)) for key in (KEY + 1, 0) for asked in [way.question()]]
    way.must_drop(KEYED, *others)


def two_keys(pixit: Pixit) -> Connection:
    """Two tunnels between the same hosts, told apart by their keys, each for a part of our network."""
    found = through_gre()(pixit)
    tunnels = (replace(found.tunnels[0], local_networks=(part(pixit, at),), key=key) for at, key in ((0, 1), (1, 2)))
    return replace(found, tunnels=tuple(tunnels))


@gre("data-gre-two-keys", "RFC2890-2.1-1", KEYED, connection=two_keys)
def test_two_keys(peer: Peer, dut: Dut) -> None:
    """Two tunnels over one Child SA, told apart by their keys: each answer comes in the tunnel that leads to us.

    What comes with a third key is for neither.
    """
    sa = peer.establish()
    first, second = (Way.first(sa, dut, number) for number in (0, 1))
    for way in (first, second, first, second):
        way.ping("RFC2890-2.1-1")
    asked = first.question()
    first.must_drop(KEYED, (asked, replace(first.header(asked), key=3)))


COUNTED, LATE = "RFC2890-2.2-3", "RFC2890-2.2-4"


@gre("data-gre-sequence", COUNTED, LATE, "RFC2890-2.2-1", connection=through_gre(sequence=True))
def test_sequence(peer: Peer, dut: Dut) -> None:
    """A tunnel with sequence numbers: the device counts its packets, and drops one of ours that comes late.

    Ours begin at 0; then comes one with the number of a packet that it has taken before.
    """
    way = Way.first(peer.establish(), dut)
    for _ in range(4):
        way.ping("RFC2890-2.2-1")
    counts(peer, way)
    asked = way.question()
    way.must_drop(LATE, (asked, replace(way.header(asked), sequence=1)))


def counts(peer: Peer, way: Way) -> None:
    """Each packet that came through the tunnel has a number of its own, and none is left out.

    GRE and ESP may number them in different orders, where several processors work. Packets may get lost on the way:
    then ESP's numbers have a gap, and nothing is known of those of GRE.
    """
    came = [(one.sequence, found) for one in peer.traffic.arrived if (found := way.came(one)) is not None]
    told = [found.sequence for _, found in came]
    said = ", ".join(map(str, told))
    numbers = sorted(number for number in told if number is not None)
    peer.check(len(set(numbers)) == len(told), "a number of its own in each packet", said, COUNTED)
    esp = {number for number, _ in came if number is not None}
    if max(esp) - min(esp) + 1 == len(told):
        whole = numbers[-1] - numbers[0] + 1 == len(told)
        peer.check(whole, f"numbers without a gap from {numbers[0]}", said, COUNTED)


@gre("data-gre-reserved", "RFC2784-2.3-3", "RFC2784-2.3-2", "RFC2784-2.3.1-1", connection=through_gre())
def test_reserved(peer: Peer, dut: Dut) -> None:
    """Bits 6 to 12 of the header, each alone and all of them, change nothing; the device itself leaves them zero."""
    way = opened(peer, dut)
    bits = [1 << at for at in range(3, 10)]
    for flags in (*bits, IGNORED):
        asked = way.question()
        _, found = way.answer(asked, "RFC2784-2.3-3", replace(way.header(asked), flags=flags))
        peer.check(not found.flags & IGNORED, "bits 6 to 12 zero", f"{found.flags:#06x}", "RFC2784-2.3-2")
        peer.check(not found.flags & VERSION, "version 0", found.flags & VERSION, "RFC2784-2.3.1-1")


@gre("data-gre-routing", BITS, connection=through_gre())
def test_routing(peer: Peer, dut: Dut) -> None:
    """A header that says Routing Present is no packet of RFC 2784: it is dropped.

    Who implements RFC 1701 finds no routing in it, but the packet where a checksum and routing should be.
    """
    way = opened(peer, dut)
    asked = way.question()
    way.must_drop(BITS, (asked, replace(way.header(asked), flags=ROUTING)))


# --- what it carries --------------------------------------------------------------------------------------------------


@gre("data-gre-both-families", BETWEEN, "RFC2784-3-1", "RFC7676-3.1-1", connection=through_gre())
def test_both_families(peer: Peer, dut: Dut) -> None:
    """One tunnel, and one Child SA, for IPv4 and IPv6: its selectors say nothing of what GRE carries."""
    way = opened(peer, dut)
    for version in (6, 4, 6, 4):
        one, found = way.ping(version=version)
        measured(peer, one, {4: 84, 6: 104}[version], way.arithmetic(found), SIZE)


@gre("data-gre-multicast", "RFC4443-4.2-1", connection=through_gre())
def test_multicast(peer: Peer, dut: Dut) -> None:
    """Multicast comes through GRE, which no selectors for networks would let pass: all nodes of the link are pinged.

    The link is the tunnel, and the device answers from its address there.
    """
    way = opened(peer, dut)
    way.ping(version=6)
    asked = inner.ping(LINK_LOCAL, ALL_NODES, ident=0x67F)

    def answers(one: Arrived) -> bool:
        found = way.came(one)
        return found is not None and bool(found.payload) and says_hello(found.payload, asked)

    def send() -> None:
        way.send(way.header(asked))

    send()
    peer.traffic.expect(answers, "an answer to the ping for all nodes", requirement="RFC4443-4.2-1", again=send)


def says_hello(packet: bytes, asked: bytes) -> bool:
    """An echo reply with the data of that request, to whoever sent it."""
    found, sent = parse(packet), parse(asked)
    body = packet[found.payload_at : found.length]
    right = found.protocol == ICMPV6 and found.destination == sent.source
    return right and body[:1] == b"\x81" and body[4:] == asked[sent.payload_at + 4 : sent.length]


@gre("data-gre-protocol-types", "RFC2784-2.4-1", connection=through_gre())
def test_protocol_types(peer: Peer, dut: Dut) -> None:
    """What is no IP harms nobody: MPLS, NHRP and a type that nobody has registered, then nothing behind the header.

    With the unregistered type comes an ordinary ping, which must not be taken for what it looks like.
    """
    way = opened(peer, dut)
    asked = way.question()
    way.must_drop(
        "RFC2784-2.4-1",
        (asked, GrePacket(asked, UNLISTED)),
        (asked, GrePacket(b"\0\0\x11\x40" + asked, MPLS)),
        (asked, GrePacket(bytes((0, 1, 8)) + bytes(21), NHRP)),
        (asked, GrePacket(b"", IPV4)),
    )
