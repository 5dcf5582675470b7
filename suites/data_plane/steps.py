"""Steps that purposes about traffic share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Connection, Mode
from conformance.ipsec.ip import UDP, parse
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived, Channel, SentPacket
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import Setup, usual

DATA = Capability.DATA_PLANE
THROUGH = "RFC4303-3.1.2-1"
"""In tunnel mode ESP protects the whole inner packet."""
NO_SA = "RFC4303-3.4.2-1"
"""What has no SA is discarded."""
TWICE = "RFC4303-3.4.3-1"
"""No sequence number is accepted twice on an SA."""


def up(peer: Peer, **changes: Any) -> ScriptedSa:
    """The preamble: a Child SA through which a ping is answered."""
    sa = peer.establish(**changes)
    with peer.preamble("a ping through the Child SA"):
        sa.traffic.ping()
    return sa


def flows(peer: Peer, child: ChildSa | None = None, requirement: str | None = None) -> Arrived:
    """A ping is answered, protected, and nothing comes in the clear; returns the answer."""
    found = peer.traffic.ping(child, requirement=requirement)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")
    return found


def transports(sa: ScriptedSa, requirement: str) -> None:
    """UDP and TCP are answered, too."""
    channel = sa.traffic.channel()
    sa.traffic.ask(inner.udp(channel.ours, channel.theirs), requirement=requirement)
    sa.traffic.ask(tcp_syn(channel), requirement=requirement)


def bent(wire: bytes, at: int, bits: int = 1) -> bytes:
    """A packet with some bits of an octet turned over; ``at`` is negative from its end."""
    at %= len(wire)
    return wire[:at] + bytes((wire[at] ^ bits,)) + wire[at + 1 :]


def moved(
    peer: Peer, child: ChildSa, requirement: str | None = None, ask: Callable[[], Arrived] | None = None
) -> Arrived:
    """Traffic flows, and from now on through ``child``; the first packets after a change may still go another way.

    ``ask`` gets an answer of the device, by default to a ping, for which the same requirement stands.
    """
    channel = peer.traffic.channel(child)
    for _ in range(3):
        found = ask() if ask else flows(peer, child, requirement)
        if found.channel is channel:
            return found
        peer.idle(peer.response_timeout / 10)
    peer.check(False, f"an answer through {channel.inbound}", found, requirement)
    return found


def unanswered(peer: Peer, asked: list[bytes]) -> set[int]:
    """Which of these pings, counted from 0, get no answer."""
    until, lost = peer.link.now() + peer.response_timeout, set[int]()
    for number, packet in enumerate(asked):
        try:
            peer.traffic.answer(packet, timeout=max(until - peer.link.now(), 0))
        except Unexpected:
            lost.add(number)
    return lost


def sequence_numbers(peer: Peer, channel: Channel) -> list[int]:
    """The numbers of all packets on the inbound SA, those that our side drops included, in the order of their arrival.

    SPI and number stand next to each other in ESP and in AH. A copy that the path has made counts once.
    """
    found: dict[bytes, int] = {}
    for one in peer.traffic.arrived:
        at = one.wire.find(channel.inbound.spi, parse(one.wire).payload_at)
        if at >= 0 and (one.channel is channel or one.inner is None):
            found[one.wire[at:]] = int.from_bytes(one.wire[at + 4 : at + 8], "big")
    return list(found.values())


def inside6(**changes: Any) -> Setup:
    """A connection for IPv6 networks behind both ends."""

    def setup(pixit: Pixit) -> Connection:
        ours, theirs = (
            [one for one in found if ":" in one][:1] for found in (pixit.tester_networks, pixit.device_networks)
        )
        if not ours or not theirs:
            raise NotApplicable("there is no IPv6 network behind the device, or none behind us")
        return usual(**{"local_ts": tuple(ours), "remote_ts": tuple(theirs), **changes})(pixit)

    return setup


def between(mode: Mode = Mode.TRANSPORT, protocol: str = "", *, ipv6: bool = False, **changes: Any) -> Setup:
    """A connection whose Child SA is for the two hosts themselves, between their IPv6 addresses if wished."""

    def setup(pixit: Pixit) -> Connection:
        bare = usual(mode=mode, ipv6=ipv6)(pixit)
        suffix = f"/{128 if ipv6 else 32}" + (f"[{protocol}]" if protocol else "")
        selectors = {"local_ts": (f"{bare.local_address}{suffix}",), "remote_ts": (f"{bare.remote_address}{suffix}",)}
        return usual(**{"mode": mode, "ipv6": ipv6, **selectors, **changes})(pixit)

    return setup


def offering(peer: Peer, words: str) -> Connection:
    """Our connection with a single proposal for the Child SA."""
    first, *others = peer.connection.children
    return replace(peer.connection, children=(replace(first, proposals=(words,)), *others))


def each_suite(peer: Peer) -> Iterator[tuple[str, ScriptedSa]]:
    """A Child SA with each of its proposals, one after the other; those that the device refuses are noted and left out.

    Raises Inconclusive if it refuses every one.
    """
    tried, suites = 0, peer.connection.children[0].proposals
    for words in suites:
        sa = peer.sa(children=offering(peer, words).children)
        sa.init()
        sa.auth()
        if not sa.children:
            peer.note(f"the device does not take {words}: {sa.problem}")
            if sa.keys is not None:
                sa.delete()
            continue
        tried += 1
        yield words, sa
        sa.delete()
    if not tried:
        raise Inconclusive(f"the device takes none of {', '.join(suites)}, which it claims to take")


@contextmanager
def discarded(sa: ScriptedSa, requirement: str | None = None) -> Iterator[None]:
    """What is sent inside must get no answer; a ping proves it.

    The device's counters are not asked. It may count what its algorithms are applied to (RFC 4301, section 4.4.2.1)
    before it finds out that it is to be dropped, and may be late with its counters.
    """
    with sa.traffic.silence(requirement, bypass=True):
        yield
        sa.peer.pause()


def recorded(sa: ScriptedSa) -> SentPacket:
    """A ping of ours that was answered, for whoever sends it again. Raises Inconclusive where the path loses each."""
    for _ in range(3):
        packet = sa.traffic.echo_request()
        sent = sa.traffic.send(packet)
        if not unanswered(sa.peer, [packet]):
            return sent
    raise Inconclusive("no ping was answered at the first attempt")


def visible(found: Arrived) -> None:
    """The outer header is about to be judged; a socket for UDP does not show it, nor fragments."""
    if parse(found.wire).protocol == UDP:
        raise NotApplicable("ESP in UDP arrives at a socket, which does not show the outer IP header")


CLOSED_PORT = 9
"""Nobody should listen there: a connection that opens would be closed by nobody."""


def tcp_syn(channel: Channel, dport: int = CLOSED_PORT) -> bytes:
    """A TCP SYN: a closed port answers with RST."""
    return inner.tcp(channel.ours, channel.theirs, "S", dport=dport, seq=1000, mss=1360)
