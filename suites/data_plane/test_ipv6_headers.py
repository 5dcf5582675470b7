"""Fragments and Routing headers of IPv6 around protected packets (RFC 8200, sections 4.4 and 4.5)."""

import struct
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address

from conformance.ipsec.fragments import fragment
from conformance.ipsec.ip import ESP, FRAGMENT, ROUTING, parse, with_length
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import SentPacket
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from suites.data_plane.headers import EXTENSIONS, arrives, in_front, some
from suites.data_plane.steps import DATA, discarded, inside6, unanswered, up
from suites.purpose import purpose

PASSED_OVER, LEFT = "RFC8200-4.4-1", "RFC8200-4.4-2"
TOGETHER, ODD, OVERLAP = "RFC8200-4.5-1", "RFC8200-4.5-3", "RFC8200-4.5-4"
INSIDE, BOTH = "RFC4303-3.3.4-2", "RFC4301-7.1-1"
NEEDS = (DATA, Capability.IPV6)
ATTEMPTS = 3
UNHEEDED = (253, 0)
"""Types of Routing headers that are unknown to all, the second one since RFC 5095, section 3."""
FIRST = 320
"""Octets in the first fragment of two."""

Cut = Callable[[bytes, int], Sequence[bytes]]
"""The fragments of a packet, with this identification, in the order in which they are sent."""


def part(wire: bytes, start: int, end: int | None, identification: int) -> bytes:
    """A fragment with these octets behind the IPv6 header, the last one where ``end`` is None."""
    header = struct.pack("!BBHI", wire[6], 0, start & 0xFFF8 | (end is not None), identification)
    body = wire[40:][start:end]
    return with_length(wire[:6] + bytes((FRAGMENT,)) + wire[7:40] + header + body, 40)


def in_order(wire: bytes, identification: int) -> Sequence[bytes]:
    """Two fragments."""
    return part(wire, 0, FIRST, identification), part(wire, FIRST, None, identification)


def padding(following: int) -> bytes:
    """Options that say nothing (PadN, RFC 8200, section 4.2), in front of a header of this type."""
    return bytes((following, 0, 1, 4)) + bytes(4)


def whole_behind_options(sent: SentPacket, kind: int) -> bytes:
    """The ESP packet in one piece, with options in front of it. Raises NotApplicable under UDP."""
    if parse(sent.wire).protocol != ESP:
        raise NotApplicable("ESP goes in UDP")
    return in_front(sent.wire, padding(ESP), kind)


def behind_options(wire: bytes, identification: int, kind: int) -> Sequence[bytes]:
    """Two fragments, each with options in front of the fragment header."""
    return [in_front(one, padding(FRAGMENT), kind) for one in in_order(wire, identification)]


def reversed_order(wire: bytes, identification: int) -> Sequence[bytes]:
    """Many fragments, the last one first."""
    return fragment(wire, 200, identification)[::-1]


def odd_before(wire: bytes, identification: int) -> Sequence[bytes]:
    """A first fragment with 3 octets too few, and then two as they should be."""
    return part(wire, 0, FIRST - 3, identification), *in_order(wire, identification)


def overlapping(wire: bytes, identification: int) -> Sequence[bytes]:
    """Two fragments, the second of which begins 8 octets before the end of the first and says the same there."""
    return part(wire, 0, FIRST, identification), part(wire, FIRST - 8, None, identification)


def send(sa: ScriptedSa, cut: Cut, number: int, said: str) -> bytes:
    """A ping in the fragments of its ESP packet; returns the ping. Raises NotApplicable under UDP."""
    asked = sa.traffic.echo_request(size=700)
    sent = sa.traffic.make(asked)
    if parse(sent.wire).protocol != ESP:
        raise NotApplicable("ESP in UDP goes through a socket, which makes fragments as it likes")
    for one in cut(sent.wire, number):
        sa.traffic.resend(sent, one, said)
    return asked


def must_come(sa: ScriptedSa, cut: Cut, said: str, requirement: str) -> None:
    """In one of three attempts a ping in such fragments is answered."""
    came = any(not unanswered(sa.peer, [send(sa, cut, 4711 + number, said)]) for number in range(ATTEMPTS))
    sa.peer.check(came, f"an answer to {said}", "none in three attempts", requirement)


@purpose("data-fragments-outside-ipv6", TOGETHER, role="responder", needs=NEEDS, connection=inside6(ipv6=True))
def test_fragments_outside(peer: Peer) -> None:
    """Fragments of an ESP packet between IPv6 addresses are put together, in whatever order they come."""
    sa = up(peer)
    must_come(sa, in_order, "two fragments", TOGETHER)
    must_come(sa, reversed_order, "small fragments, the last one first", TOGETHER)


@purpose("data-fragments-options-ipv6", TOGETHER, role="responder", needs=NEEDS, connection=inside6(ipv6=True))
def test_fragments_options(peer: Peer) -> None:
    """Fragments whose fragment header stands behind options are put together where such options are taken at all.

    A device may drop packets with options by policy (RFC 7045, section 2.2).
    """
    sa = up(peer)
    found = []
    for name, kind in EXTENSIONS.items():
        found.append(arrives(sa, partial(whole_behind_options, kind=kind), f"{name} options"))
        if found[-1]:
            must_come(sa, partial(behind_options, kind=kind), f"two fragments behind {name} options", TOGETHER)
    some(peer, found)


@purpose("data-fragments-odd-ipv6", ODD, TOGETHER, role="responder", needs=NEEDS, connection=inside6(ipv6=True))
def test_fragments_odd(peer: Peer) -> None:
    """A fragment that is not the last and no multiple of 8 octets is discarded, and takes no other's place."""
    sa = up(peer)
    with peer.preamble("two fragments"):
        must_come(sa, in_order, "two fragments", TOGETHER)
    must_come(sa, odd_before, "two fragments behind an odd one", ODD)


@purpose("data-fragments-overlap-ipv6", OVERLAP, role="responder", needs=NEEDS, connection=inside6(ipv6=True))
def test_fragments_overlap(peer: Peer) -> None:
    """Fragments of an ESP packet that overlap by 8 octets are discarded, though both say the same there."""
    sa = up(peer)
    with peer.preamble("two fragments"):
        must_come(sa, in_order, "two fragments", TOGETHER)
    for number in (4721, 4722):
        with discarded(sa, OVERLAP):
            send(sa, overlapping, number, "two fragments that overlap")


@purpose("data-fragments-inside-ipv6", INSIDE, BOTH, role="responder", needs=NEEDS, connection=inside6(ipv6=True))
def test_fragments_inside(peer: Peer) -> None:
    """Fragments of an inner IPv6 packet, each in an ESP packet of its own and the last one first, reach the host."""
    sa = up(peer)
    missing = {0}
    for number in range(ATTEMPTS):
        asked = sa.traffic.echo_request(size=1100)  # the answer fits into 1280 octets
        for one in reversed(fragment(asked, 600, 77 + number)):
            sa.traffic.send(one)
        missing = unanswered(peer, [asked])
        if not missing:
            break
    peer.check(not missing, "an answer to fragments inside", "none in three attempts", INSIDE)


def routed(kind: int, left: int) -> Callable[[SentPacket], bytes]:
    """Behind a Routing header of this type, with so many segments left."""
    header = bytes((ESP, 2, kind, left)) + bytes(4) + ip_address("2001:db8::1").packed

    def made(sent: SentPacket) -> bytes:
        if parse(sent.wire).protocol != ESP:
            raise NotApplicable("ESP goes in UDP")
        return in_front(sent.wire, header, ROUTING)

    return made


@purpose("data-ipv6-routing", LEFT, PASSED_OVER, role="responder", needs=NEEDS, connection=inside6(ipv6=True))
def test_routing(peer: Peer) -> None:
    """ESP behind a Routing header that no node heeds is taken if no segments are left, and else discarded.

    Filters drop type 0, from which attacks were made, whatever is left of it (RFC 5095, section 4.2). So there is one
    for experiments (RFC 4727, section 5), too, and one of them must pass.
    """
    sa = up(peer)
    taken = [kind for kind in UNHEEDED if arrives(sa, routed(kind, 0), f"type {kind}, no segments left")]
    peer.check(bool(taken), "an answer where no segments are left", "none", PASSED_OVER)
    with discarded(sa, LEFT):
        for kind in UNHEEDED:
            sent = sa.traffic.make(sa.traffic.echo_request())
            sa.traffic.resend(sent, routed(kind, 1)(sent), f"type {kind}, one segment left")
