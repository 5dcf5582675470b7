"""Steps for GRE within Child SAs: connections with tunnels, packets into them, and what comes out."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Connection, GreTunnel, Mode
from conformance.ipsec.errors import IpsecError
from conformance.ipsec.gre import GRE, IPV4, IPV6, GrePacket
from conformance.ipsec.ip import header, parse
from conformance.ipsec.overhead import Encapsulation, Gre
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived
from conformance.script.verdict import NotApplicable
from peers.contract import Pixit
from suites.connections import Setup
from suites.data_plane.steps import between, moved
from suites.dut import Dut

BETWEEN = "RFC4303-3.1.1-1"
"""In transport mode ESP protects what is above the IP header."""
CLOSED = "RFC7296-1.4.1-4"
"""A Child SA that was deleted carries nothing any more."""


def through_gre(*, mode: Mode = Mode.TRANSPORT, ipv6: bool = False, **fields: Any) -> Setup:
    """A Child SA for GRE between the two hosts, and a tunnel with these fields for all networks behind us."""

    def setup(pixit: Pixit) -> Connection:
        bare = between(mode, "gre", ipv6=ipv6)(pixit)
        assert bare.local_address is not None and bare.remote_address is not None
        tunnel = GreTunnel(bare.local_address, bare.remote_address, pixit.tester_networks, **fields)
        return replace(bare, tunnels=(tunnel,))

    return setup


def for_ipv4(pixit: Pixit) -> Connection:
    """A GRE tunnel between the two hosts for a network of IPv4 behind us, as FlexVPN has it."""
    found = through_gre()(pixit)
    network = tuple(one for one in pixit.tester_networks if ":" not in one)[:1]
    return replace(found, tunnels=(replace(found.tunnels[0], local_networks=network),))


def host_of(networks: Iterable[str], version: int) -> str:
    """The first host of the first network of an IP version. Raises NotApplicable where there is none."""
    found = next((one for one in map(ip_network, networks) if one.version == version), None)
    if found is None:
        raise NotApplicable(f"there is no network of IPv{version} behind both ends")
    return str(found[1])


@dataclass(slots=True, eq=False)
class Way:
    """Our end of a GRE tunnel over a Child SA, by default the newest one. ``theirs`` are networks behind the device."""

    sa: ScriptedSa
    tunnel: GreTunnel
    theirs: tuple[str, ...]
    child: ChildSa | None = None
    next: int = 0
    asked: int = 0

    @classmethod
    def first(cls, sa: ScriptedSa, dut: Dut, number: int = 0, child: ChildSa | None = None) -> "Way":
        """One of the tunnels of our connection."""
        return cls(sa, sa.peer.connection.tunnels[number], dut.pixit.device_networks, child)

    def arithmetic(self, found: GrePacket) -> Encapsulation:
        """How large packets with a header like this one become: whether it has a checksum is its sender's choice."""
        plain = self.sa.traffic.channel(self.child).encapsulation
        fields = found.key is not None, found.checksum, found.sequence is not None
        return replace(plain, gre=Gre(ip_address(self.tunnel.local).version, *fields))

    def question(self, version: int = 4, size: int = 56) -> bytes:
        """A new ping from a host behind us to one behind the device."""
        self.asked += 1
        ours, theirs = (host_of(one, version) for one in (self.tunnel.local_networks, self.theirs))
        return inner.ping(ours, theirs, ident=0x67E, sequence=self.asked, size=size)

    def header(self, packet: bytes) -> GrePacket:
        """The right header for the next packet."""
        sequence = None
        if self.tunnel.sequence:
            sequence, self.next = self.next, self.next + 1
        kind = IPV4 if packet[0] >> 4 == 4 else IPV6
        return GrePacket(packet, kind, self.tunnel.key, sequence, self.tunnel.checksum)

    def delivered(self, made: GrePacket) -> bytes:
        """The IP packet that takes a GRE packet to the other end."""
        body = made.encode()
        ends = ip_address(self.tunnel.local).packed, ip_address(self.tunnel.remote).packed
        return header(*ends, GRE, len(body), identification=self.asked) + body

    def send(self, made: GrePacket) -> None:
        """Send a GRE packet through the Child SA, and wait for nothing."""
        self.sa.traffic.send(self.delivered(made), self.child)

    def came(self, one: Arrived) -> GrePacket | None:
        """The GRE packet from the other end of the tunnel that came through a Child SA, None: it is none."""
        if one.channel is None or one.packet is None:
            return None
        outer = parse(one.packet)
        ends = str(ip_address(outer.source)), str(ip_address(outer.destination))
        if outer.protocol != GRE or outer.fragment or ends != (self.tunnel.remote, self.tunnel.local):
            return None
        with suppress(IpsecError):
            return GrePacket.decode(one.packet[outer.payload_at : outer.length])
        return None

    def answer(self, asked: bytes, requirement: str, made: GrePacket | None = None) -> tuple[Arrived, GrePacket]:
        """The device's answer to a packet in the tunnel, protected, and its GRE header; ``made`` is another header.

        Nobody promises that a packet arrives: it is sent again, as a host would do it.
        """
        peer, fits = self.sa.peer, inner.answers(asked)

        def send() -> None:
            self.send(self.header(asked) if made is None else made)

        def answers(one: Arrived) -> bool:
            found = self.came(one)
            return found is not None and bool(found.payload) and fits(found.payload)

        send()
        what = f"the answer to {inner.summary(asked)} in GRE"
        one = self.sa.traffic.expect(answers, what, requirement=requirement, again=send)
        found = self.came(one)
        assert found is not None
        peer.check(found.key == self.tunnel.key, f"the key {self.tunnel.key}", found.key, "RFC2890-2.1-1")
        kind = IPV4 if found.payload[0] >> 4 == 4 else IPV6
        right = "RFC2784-3-1" if kind == IPV4 else "RFC7676-3.1-1"
        peer.check(found.protocol == kind, f"protocol type {kind:#06x}", f"{found.protocol:#06x}", right)
        return one, found

    def ping(self, requirement: str = BETWEEN, *, version: int = 4, size: int = 56) -> tuple[Arrived, GrePacket]:
        """A ping through the tunnel is answered."""
        return self.answer(self.question(version, size), requirement)

    def must_move(self) -> None:
        """Pings through the tunnel are answered, and from now on through its Child SA."""
        moved(self.sa.peer, self.child or self.sa.child, CLOSED, lambda: self.ping()[0])

    def must_drop(self, requirement: str, *wrong: tuple[bytes, GrePacket], bypass: bool = False) -> None:
        """None of these packets, with the headers that go before them, gets an answer; a ping proves it."""
        peer, traffic = self.sa.peer, self.sa.traffic
        peer.pause()
        mark = len(traffic.arrived)
        for _, made in wrong:
            self.send(made)
        peer.pause()
        self.ping(requirement)
        peer.pause()
        late = [each for one in traffic.arrived[mark:] for asked, _ in wrong for each in self._answers(one, asked)]
        said = "; ".join(dict.fromkeys(map(inner.summary, late)))
        peer.check(not late, "no answer", said, requirement, bypass=bypass)

    def _answers(self, one: Arrived, asked: bytes) -> list[bytes]:
        """What answers a ping of ours in a packet, in GRE or without it."""
        fits, found = inner.answers(asked), self.came(one)
        within = [one.inner] if found is None else [found.payload]
        answers = []
        for packet in within:
            with suppress(IpsecError):
                if packet and fits(packet):
                    answers.append(packet)
        return answers


def opened(peer: Peer, dut: Dut) -> Way:
    """The preamble: a Child SA, and a ping through the tunnel in it that is answered."""
    way = Way.first(peer.establish(), dut)
    with peer.preamble("a ping through the tunnel"):
        way.ping()
    return way
