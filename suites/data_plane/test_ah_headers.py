"""AH between IPv6 addresses, and what its ICV covers of the headers in front of it (RFC 4302, 3.3.3.1, appendix A)."""

import struct
from ipaddress import ip_address

from conformance.ipsec.ah import AhBend, header_size
from conformance.ipsec.ip import AH, FRAGMENT, IPV6, ROUTING, parse
from conformance.script.peer import Peer
from conformance.script.traffic import SentPacket
from peers.capabilities import Capability
from suites.choices import ah
from suites.connections import usual
from suites.data_plane.headers import EXTENSIONS, Extra, arrives, in_front, must_cover, must_pass_over, sealed, some
from suites.data_plane.steps import DATA, bent, between, discarded, flows, inside6, tcp_syn, transports, up
from suites.purpose import purpose

COVERED, WRONG = "RFC4302-3.3.3-1", "RFC4302-3.4.4-1"
OPTIONS, MUTABLE6, OPTIONS6 = "RFC4302-3.3.3.1.1.2-1", "RFC4302-3.3.3.1.2.1-1", "RFC4302-3.3.3.1.2.2-1"
ROUTE, LEFT_OVER, ALONE = "RFC4302-A.2-1", "RFC4302-A.2-2", "RFC8200-4.5-2"
NEEDS, NEEDS6 = (DATA, Capability.AH), (DATA, Capability.AH, Capability.IPV6)
ROUTER = bytes((203, 0, 113, 1))

IMMUTABLE = [
    ("no operation", "01010100", "01000000"),
    ("basic security", "8204ab00", "82049600"),
    ("extended security", "85040100", "85040101"),
    ("commercial security", "8606000000010000", "8606000000020000"),
    ("router alert", "94040000", "94040001"),
    ("sender directed delivery", "9506cb0071010000", "9506cb0071020000"),
]
"""IPv4 options that nobody changes, and what they are after somebody has (RFC 4302, appendix A1)."""
MUTABLE = [
    ("record route", "07070400000000" + "00", "070708" + ROUTER.hex() + "00"),
    ("timestamp", "4408050000000000", "4408090000001234"),
    ("traceroute", "520c00010000ffff" + ROUTER.hex(), "520c00010001ffff" + ROUTER.hex()),
    ("stream identifier", "88040001", "88040002"),
    ("loose source route", "830708cb00710100", "830708cb00710900"),
]
"""Options that routers fill in or change. The source route has come to its end."""
KEPT_OPTION, CHANGING_OPTION, ANOTHER_OPTION = 0x1E, 0x3E, 0x3D
"""Options of IPv6 that nobody knows and that are to be skipped; the latter two may change (RFC 8200, section 4.2)."""


def options6(kind: int, data: str) -> bytes:
    """An extension header with one option of four octets, in front of AH."""
    return bytes((AH, 0, kind, 4)) + bytes.fromhex(data)


@purpose("data-ah-options", OPTIONS, COVERED, role="responder", needs=NEEDS, connection=usual(esp=ah))
def test_options(peer: Peer) -> None:
    """IPv4 options that nobody may change are covered by the ICV of AH: changed on the way, the packet is dropped.

    A device may drop packets with options by policy. It does so if no ICV makes it take them.
    """
    sa = up(peer)
    found = []
    for name, sent, changed in IMMUTABLE:
        octets = bytes.fromhex(sent)
        extra = Extra(name, octets, bytes.fromhex(changed), bytes(len(octets)))
        found.append(must_cover(peer, sa, extra, OPTIONS))
    some(peer, found)


@purpose("data-ah-options-mutable", OPTIONS, role="responder", needs=NEEDS, connection=usual(esp=ah))
def test_options_mutable(peer: Peer) -> None:
    """IPv4 options that routers fill in are zeros for the ICV of AH: the packet arrives, whatever they contain.

    A device may drop packets with options by policy. It does so if no ICV makes it take them.
    """
    sa = up(peer)
    found = []
    for name, sent, changed in MUTABLE:
        octets = bytes.fromhex(sent)
        found.append(must_pass_over(peer, sa, Extra(name, octets, bytes.fromhex(changed), octets), OPTIONS))
    some(peer, found)


@purpose(
    "data-ah-ipv6", COVERED, "RFC4302-2.2-1", "RFC4302-2.6-1", role="responder", needs=NEEDS6,
    connection=inside6(esp=ah, ipv6=True),
)  # fmt: skip
def test_ah_ipv6(peer: Peer) -> None:
    """AH in a tunnel of IPv6 between IPv6 addresses: its ICV fits, and its length is a multiple of 64 bits."""
    sa = peer.establish()
    for size in (56, 61):
        found = sa.traffic.ping(size=size, requirement=COVERED)
        at = parse(found.wire).payload_at
        peer.check(found.wire[at] == IPV6, "Next Header 41", found.wire[at])
        octets = len(found.wire) - at - 48 - size
        peer.check(
            found.wire[at + 1] == octets // 4 - 2, f"Payload Len {octets // 4 - 2}", found.wire[at + 1], "RFC4302-2.2-1"
        )
        wanted = header_size(sa.child.suite.cipher.icv_size, 6)
        peer.check(octets == wanted, f"an AH of {wanted} octets", octets, "RFC4302-2.6-1")
    sa.traffic.ask(tcp_syn(sa.traffic.channel()), requirement=COVERED)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "data-ah-ipv6-transport", COVERED, role="responder", needs=(*NEEDS6, Capability.TRANSPORT),
    connection=between(esp=ah, ipv6=True),
)  # fmt: skip
def test_ah_ipv6_transport(peer: Peer) -> None:
    """AH in transport mode between two IPv6 hosts: ICMPv6, UDP and TCP are authentic."""
    sa = peer.establish()
    flows(peer, requirement=COVERED)
    transports(sa, COVERED)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose("data-ah-ipv6-icv", WRONG, COVERED, role="responder", needs=NEEDS6, connection=inside6(esp=ah, ipv6=True))
def test_ah_ipv6_icv(peer: Peer) -> None:
    """Between IPv6 addresses AH with a wrong ICV, another payload or another source address is dropped."""
    sa = up(peer)
    with discarded(sa, WRONG):
        sa.traffic.send(sa.traffic.echo_request(), bend=AhBend(flip=0))
        sa.traffic.send(sa.traffic.echo_request(), bend=AhBend(flip=-1))
    for at, what in ((23, "the source address"), (-1, "the payload")):
        sent = sa.traffic.make(sa.traffic.echo_request())
        with discarded(sa, COVERED):
            sa.traffic.resend(sent, bent(sent.wire, at), f"{what} changed on the way")


@purpose("data-ah-ipv6-mutable", MUTABLE6, role="responder", needs=NEEDS6, connection=inside6(esp=ah, ipv6=True))
def test_ah_ipv6_mutable(peer: Peer) -> None:
    """Routers may change DSCP, ECN, flow label and hop limit of an IPv6 packet: AH does not cover them."""
    sa = up(peer)
    changes = {"DSCP": (0, 0x04), "flow label": (1, 0x05), "end of the flow label": (3, 0x77), "hop limit": (7, 0x06)}
    for name, (at, bits) in changes.items():
        taken = arrives(sa, lambda sent, at=at, bits=bits: bent(sent.wire, at, bits), f"another {name}")  # type: ignore[misc]
        peer.check(taken, f"an answer though the {name} was changed", "none", MUTABLE6)


@purpose("data-ah-ipv6-options", OPTIONS6, role="responder", needs=NEEDS6, connection=inside6(esp=ah, ipv6=True))
def test_ah_ipv6_options(peer: Peer) -> None:
    """AH covers IPv6 options that stay as they are, and the type of those that may change.

    A device may drop packets with such headers by policy. It does so if no ICV makes it take them.
    """
    sa = up(peer)
    found = []
    for name, protocol in EXTENSIONS.items():
        kept = Extra(
            f"a {name} option", options6(KEPT_OPTION, "01020304"), options6(KEPT_OPTION, "01020305"),
            options6(KEPT_OPTION, "00000000"), protocol,
        )  # fmt: skip
        changing = Extra(
            f"the type of a {name} option", options6(CHANGING_OPTION, "01020304"), options6(ANOTHER_OPTION, "01020304"),
            bytes(8), protocol,
        )  # fmt: skip
        found += [must_cover(peer, sa, one, OPTIONS6) for one in (kept, changing)]
    some(peer, found)


@purpose(
    "data-ah-ipv6-options-mutable", OPTIONS6, role="responder", needs=NEEDS6, connection=inside6(esp=ah, ipv6=True)
)
def test_ah_ipv6_options_mutable(peer: Peer) -> None:
    """The data of IPv6 options that may change on the way are zeros for the ICV of AH.

    A device may drop packets with such headers by policy. It does so if no ICV makes it take them.
    """
    sa = up(peer)
    found = []
    for name, protocol in EXTENSIONS.items():
        sent, changed = options6(CHANGING_OPTION, "01020304"), options6(CHANGING_OPTION, "deadbeef")
        found.append(must_pass_over(peer, sa, Extra(f"a {name} option", sent, changed, sent, protocol), OPTIONS6))
    some(peer, found)


@purpose("data-ah-ipv6-routing", ROUTE, role="responder", needs=NEEDS6, connection=inside6(esp=ah, ipv6=True))
def test_ah_ipv6_routing(peer: Peer) -> None:
    """AH covers a Routing header that has come to its end as it arrives: changed on the way, the packet is dropped."""
    sa = up(peer)
    sent, changed = (bytes((AH, 2, 0, 0)) + bytes(4) + ip_address(f"2001:db8::{last}").packed for last in (1, 2))
    some(peer, [must_cover(peer, sa, Extra("a Routing header", sent, changed, bytes(24), ROUTING), ROUTE)])


@purpose(
    "data-ah-ipv6-fragment-header",
    LEFT_OVER,
    ALONE,
    role="responder",
    needs=NEEDS6,
    connection=inside6(esp=ah, ipv6=True),
)
def test_ah_ipv6_fragment_header(peer: Peer) -> None:
    """AH behind a fragment header of the only fragment: the ICV is computed without it, and the packet arrives."""
    sa = up(peer)
    header = struct.pack("!BBHI", AH, 0, 0, 4711)

    def whole(sent: SentPacket) -> bytes:
        return in_front(sent.wire, header, FRAGMENT)

    if arrives(sa, whole, "with a fragment header"):
        return
    wrong = arrives(sa, lambda sent: sealed(sent, header, FRAGMENT, header), "with a fragment header that is covered")
    peer.check(
        not wrong, "a fragment header that is no matter to the ICV", "an answer only if it is covered", LEFT_OVER
    )
    peer.check(False, "an answer to the only fragment", "none, whatever the ICV covers", ALONE)
