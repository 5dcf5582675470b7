"""The traffic of a conversation: packets into the Child SAs of our IKE SAs, and what comes out of them.

`Traffic` belongs to a `Peer` and knows the SAs of every Child SA from its birth on, those that were deleted included: a
packet that comes on one of them is decrypted and named all the same. What comes in the clear is kept, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from typing import TYPE_CHECKING

from conformance.ike.core.child import ChildSa, ChildState
from conformance.ike.core.selectors import selectors
from conformance.ipsec.errors import IpsecError
from conformance.ipsec.flow import Flow, flow_of, selected
from conformance.ipsec.fragments import Reassembler
from conformance.ipsec.ip import AH, ESP, parse, with_checksum
from conformance.ipsec.overhead import Encapsulation
from conformance.ipsec.packets import Bend, protect, unprotect
from conformance.ipsec.sad import InboundSa, OutboundSa, Sad, SecurityAssociation, child_parameters
from conformance.net.keylog import esp_line
from conformance.net.link import Datagram, IpPacket, PacketLink
from conformance.net.packets import ip_packet, udp_datagram
from conformance.script import inner
from conformance.script.trace import Entry
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ProtocolID

if TYPE_CHECKING:
    from conformance.script.bendable import BendableSa
    from conformance.script.peer import Peer


class _Open(InboundSa):
    """An SA that takes what its selectors forbid: what a device sends must be seen."""

    def selects(self, flow: Flow) -> bool:
        return True


@dataclass(slots=True, eq=False)
class Channel:
    """A Child SA with its two SAs. ``owner`` is the IKE SA that made it; its successors give the addresses."""

    owner: BendableSa
    child: ChildSa
    inbound: InboundSa
    outbound: OutboundSa

    @property
    def ours(self) -> str:
        """The inner address that we speak from."""
        return inner.host_of(self.child.local_ts)

    @property
    def theirs(self) -> str:
        """The inner address behind the device."""
        return inner.host_of(self.child.remote_ts)

    @property
    def encapsulation(self) -> Encapsulation:
        """The arithmetic of its packets."""
        return Encapsulation.of(self.outbound)

    def keeper(self) -> BendableSa:
        """The IKE SA that it belongs to now."""
        sa: BendableSa = self.owner
        while sa.successor is not None:
            sa = sa.successor
        return sa


@dataclass(frozen=True, slots=True)
class SentPacket:
    """A packet of ours: what it carries and the whole IP packet, UDP header included, that went out."""

    inner: bytes
    wire: bytes
    channel: Channel
    sequence: int

    def __str__(self) -> str:
        return f"{self.channel.outbound} seq {self.sequence}: {inner.summary(self.inner)}"


@dataclass(slots=True, eq=False)
class Arrived:
    """A packet from the device that is not IKE.

    ``channel`` is the Child SA that it came through, None: it came in the clear or cannot be opened, ``problem`` says
    why. ``inner`` is what it carries (itself, where it is in the clear), ``packet`` the same once fragments that were
    made inside are together. ``pieces`` are the sizes of the fragments that were made outside, empty: it came whole.
    ``tfc`` are the octets of padding against traffic analysis in it (RFC 4303, section 2.7).
    ``wire`` is the packet on the wire; of ESP in UDP its outer IP header was not seen, only its addresses and size.
    """

    wire: bytes
    time: float
    pieces: tuple[int, ...] = ()
    channel: Channel | None = None
    sequence: int | None = None
    inner: bytes | None = None
    packet: bytes | None = None
    problem: str = ""
    dummy: bool = False
    tfc: int = 0
    taken: bool = False

    def __str__(self) -> str:
        carried = "a dummy packet" if self.dummy else inner.summary(self.inner) if self.inner else self.problem
        return f"{self.channel.inbound} seq {self.sequence}: {carried}" if self.channel else carried


Fits = Callable[[Arrived], bool]


def _protected(fits: inner.Fits) -> Fits:
    """Whether a packet came through a Child SA and ``fits``."""
    return lambda one: one.channel is not None and one.packet is not None and fits(one.packet)


def said(bend: Bend | None) -> str:
    """What is wrong with a packet, in words."""
    if bend is None:
        return ""
    shown = ((each.name, getattr(bend, each.name), each.default) for each in fields(bend))
    return ", ".join(
        f"{name} {value.hex() if isinstance(value, bytes) else value}" for name, value, usual in shown if value != usual
    )


@dataclass(slots=True, eq=False)
class Traffic:
    """All packets of a conversation that are not IKE.

    ``arrived`` are the device's, in order, ``asked`` the inner packets of ours.
    """

    peer: Peer
    arrived: list[Arrived] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)
    _channels: dict[bytes, Channel] = field(default_factory=dict)
    _new: list[tuple[BendableSa, ChildSa, tuple[str, str, float]]] = field(default_factory=list)
    _sad: Sad = field(default_factory=Sad)
    _reassembler: Reassembler = field(default_factory=Reassembler)
    _number: int = 0
    _due: list[Fits] = field(default_factory=list)
    """Second answers that may come, as the question was sent twice."""

    # --- Child SAs ------------------------------------------------------------------------------------------------

    def add(self, sa: BendableSa, child: ChildSa) -> None:
        """A Child SA has come up."""
        self._new.append((sa, child, (sa.local.host, sa.remote.host, sa.now)))

    @property
    def channels(self) -> dict[bytes, Channel]:
        """All Child SAs by the SPI of the device's packets; made when the first packet comes or goes."""
        for sa, child, (local, remote, now) in self._new:
            inbound, outbound = child_parameters(child, local, remote)
            channel = Channel(sa, child, _Open(inbound, now), OutboundSa(outbound, now))
            self._channels[child.spi_in] = channel
            self._sad.add(channel.inbound)
        self._new.clear()
        return self._channels

    def channel(self, child: ChildSa | None = None) -> Channel:
        """That of a Child SA, by default the newest one that is up. Raises Unexpected where there is none."""
        found = list(self.channels.values()) if child is None else [self.channels[child.spi_in]]
        up = [one for one in found if one.child.state == ChildState.INSTALLED and one.child.replaced_by is None]
        if not found:
            raise Unexpected("a Child SA", "there is none")
        chosen = (up or found)[-1]
        self._move(chosen)
        return chosen

    def _move(self, channel: Channel) -> None:
        """Go where the IKE SA is now: a rekey, a NAT or a change of addresses may have moved it."""
        sa = channel.keeper()
        ports = sa.esp_ports()
        channel.outbound.move(sa.local.host, sa.remote.host, ports)
        channel.inbound.move(sa.remote.host, sa.local.host, ports[::-1] if ports else None)

    # --- out ------------------------------------------------------------------------------------------------------

    def make(self, packet: bytes, child: ChildSa | None = None, *, bend: Bend | None = None) -> SentPacket:
        """Protect an inner packet, perhaps wrongly, without sending it; `resend` does that."""
        return self._made(self.channel(child), packet, bend)

    def _made(self, channel: Channel, packet: bytes, bend: Bend | None = None) -> SentPacket:
        self._number += 1
        sequence = channel.outbound.sequence + 1 if bend is None or bend.sequence is None else bend.sequence
        wire = protect(
            channel.outbound, packet, self.peer.random, self.peer.link.now(), bend=bend, identification=self._number
        )
        self.asked.append(packet)
        return SentPacket(packet, wire, channel, sequence)

    def send(self, packet: bytes, child: ChildSa | None = None, *, bend: Bend | None = None) -> SentPacket:
        """Send an inner packet, perhaps wrongly protected, and wait for nothing."""
        sent = self.make(packet, child, bend=bend)
        self._put(sent.wire, str(sent), said(bend))
        return sent

    def resend(self, sent: SentPacket, wire: bytes | None = None, bent: str = "sent before") -> None:
        """Send the same octets again, or others that are made of them."""
        self._put(wire or sent.wire, str(sent), bent)

    def other_way(self, packet: bytes) -> SentPacket:
        """Protect an inner packet and send it in the other form: in UDP where the Child SA has none, else without.

        In UDP it goes between the ports for that. Raises NotApplicable where the link carries nothing but UDP.
        """
        channel = self.channel()
        own, connection = channel.outbound.parameters, self.peer.connection
        ports = None if own.udp else (connection.local_ports[1], connection.remote_ports[1])
        local, remote = channel.keeper().local.host, channel.keeper().remote.host
        channel.outbound.move(local, remote, ports)
        sent = self._made(channel, packet)
        self._put(sent.wire, str(sent), "in UDP" if ports else "without UDP")
        return sent

    def translated(self, packet: bytes, inside: str) -> SentPacket:
        """Protect an inner packet as a host with this IPv4 address does, whose address a NAT changes to ours."""
        channel = self.channel()
        here = channel.keeper().local.host
        channel.outbound.move(inside, channel.keeper().remote.host, None)
        sent = self._made(channel, packet)
        changed = sent.wire[:12] + ip_address(here).packed + sent.wire[16:]
        self._put(with_checksum(changed[:20]) + changed[20:], str(sent), f"from {inside}, changed on the way", raw=True)
        return sent

    def clear(self, packet: bytes) -> None:
        """Send a packet in the clear. Raises NotApplicable where the link carries nothing but UDP."""
        self.asked.append(packet)
        self._put(packet, f"in the clear: {inner.summary(packet)}", "", raw=True)

    def _put(self, wire: bytes, text: str, bent: str, *, raw: bool = False) -> None:
        peer = self.peer
        peer.flush()
        datagram = None if raw else udp_datagram(wire)
        if datagram is not None:
            peer.trace.add(Entry(peer.link.now(), "message", text, sent=True, datagram=datagram, bent=bent))
            peer.link.send(datagram)
            return
        if not isinstance(peer.link, PacketLink):
            raise NotApplicable("the link to this device carries UDP only, so no ESP or AH without UDP encapsulation")
        packet = IpPacket(wire)
        peer.trace.add(Entry(peer.link.now(), "message", text, sent=True, packet=packet, bent=bent))
        peer.link.send_packet(packet)

    # --- in -------------------------------------------------------------------------------------------------------

    def take_datagram(self, datagram: Datagram, entry: Entry) -> None:
        """ESP in UDP has come."""
        self._take(ip_packet(datagram), (), entry, encapsulated=True)

    def take_packet(self, packet: IpPacket, entry: Entry) -> None:
        """An IP packet has come that is not UDP to us."""
        self._take(packet.data, packet.pieces, entry)

    def _take(self, wire: bytes, pieces: tuple[int, ...], entry: Entry, *, encapsulated: bool = False) -> None:
        found = Arrived(wire, entry.time, pieces)
        try:
            opened = self._open(wire, found, encapsulated)
        except IpsecError as error:
            found.problem = entry.problem = str(error)
        else:
            if opened is not None:
                whole = self._reassembler.add(opened, entry.time)
                found.packet = whole
        due = next((fits for fits in self._due if fits(found)), None)
        if due is not None:
            found.taken = True
            self._due.remove(due)
        self.arrived.append(found)
        entry.text = str(found) if found.channel or not found.inner else f"in the clear: {found}"
        if pieces:
            entry.text += f" in fragments of {', '.join(map(str, pieces))} octets"

    def _open(self, wire: bytes, found: Arrived, encapsulated: bool) -> bytes | None:
        if not encapsulated and parse(wire).protocol not in (ESP, AH):
            found.inner = wire
            return wire
        channels = self.channels
        received = unprotect(self._sad, wire, found.time)
        found.channel = next(one for one in channels.values() if one.inbound is received.sa)
        found.sequence, found.inner = received.sequence, received.packet
        found.dummy, found.tfc = received.packet is None, received.tfc
        return received.packet

    # --- expectations ---------------------------------------------------------------------------------------------

    def expect(
        self, fits: Fits, what: str, timeout: float | None = None, requirement: str | None = None,
        again: Callable[[], object] | None = None,
    ) -> Arrived:  # fmt: skip
        """Wait for a packet; earlier ones that nobody took count. Raises Unexpected if none comes.

        Meanwhile ``again`` is called three times.
        """
        peer = self.peer
        limit = peer.response_timeout if timeout is None else timeout
        started, seen, parts = peer.link.now(), 0, 4 if again else 1
        for part in range(1, parts + 1):
            going = True
            while going:
                for one in self.arrived[seen:]:
                    if not one.taken and fits(one):
                        one.taken = True
                        return one
                seen = len(self.arrived)
                going = peer.pump(started + limit * part / parts)
            if again is not None and part < parts:
                again()
        peer.trace.expect(peer.link.now(), f"{what} within {limit:g} s", ok=False)
        got = "; ".join(str(one) for one in self.arrived[-4:] if not one.taken) or "nothing"
        raise Unexpected(f"{what} within {limit:g} s", got, requirement)

    def ask(self, packet: bytes, child: ChildSa | None = None, requirement: str | None = None) -> Arrived:
        """Send an inner packet and wait for its answer through any Child SA.

        Nobody promises that a packet arrives: without an answer it is sent again, as a host would do it.
        """
        fits, repeated = inner.answers(packet), list[Fits]()

        def again() -> None:
            repeated.append(_protected(fits))
            self.send(packet, child)

        self.send(packet, child)
        found = self.answer(packet, requirement, again=again)
        self._due += repeated
        return found

    def answer(
        self, packet: bytes, requirement: str | None = None, timeout: float | None = None,
        again: Callable[[], object] | None = None,
    ) -> Arrived:  # fmt: skip
        """Wait for the protected answer to an inner packet that was sent. What comes in the clear is none."""
        what = f"the answer to {inner.summary(packet)}"
        found = self.expect(_protected(inner.answers(packet)), what, timeout, requirement, again)
        for one in self.arrived:
            if one.channel is not None and one.inner is not None and parse(one.inner).fragment:
                one.taken = True
        return found

    def echo_request(self, child: ChildSa | None = None, *, size: int = 56, df: bool = False, tos: int = 0) -> bytes:
        """A new ping from our inner address to the device's."""
        channel = self.channel(child)
        self._number += 1
        number = self._number & 0xFFFF
        return inner.ping(channel.ours, channel.theirs, ident=0x1CE, sequence=number, size=size, df=df, tos=tos)

    def ping(
        self, child: ChildSa | None = None, *, size: int = 56, df: bool = False, requirement: str | None = None
    ) -> Arrived:
        """Ping the host behind the device and wait for the reply."""
        return self.ask(self.echo_request(child, size=size, df=df), child, requirement)

    def jump(self, sequence: int, child: ChildSa | None = None) -> None:
        """The next packet gets this sequence number."""
        self.channel(child).outbound.sequence = sequence - 1

    def leaks(self) -> list[Arrived]:
        """What came in the clear although one of our Child SAs, or of our policies, is for it."""
        return [one for one in self.arrived if one.channel is None and one.inner and self._leaked(one.inner)]

    def _leaked(self, packet: bytes) -> bool:
        with suppress(IpsecError):
            flow = flow_of(packet, parse(packet))
            kept = [(one.child.remote_ts, one.child.local_ts) for one in self.channels.values()]
            wanted = self.peer.connection.children
            kept += [(selectors(one.remote_ts), selectors(one.local_ts)) for one in wanted]
            return any(selected(flow, remote, local) for remote, local in kept)
        return False

    def must_not_leak(self, requirement: str | None = None) -> None:
        """Nothing that a Child SA is for may have come in the clear."""
        found = self.leaks()
        self.peer.check(not found, "nothing in the clear", "; ".join(map(str, found)), requirement, bypass=True)

    @contextmanager
    def silence(
        self, requirement: str | None = None, prove: Callable[[], object] | None = None, *, bypass: bool = False
    ) -> Iterator[None]:
        """What is sent inside must reach nobody: proved by a ping that is answered, and nothing else comes.

        ``prove`` is another proof than a ping through the newest Child SA. ``bypass``: what gets through has got round
        integrity, the replay check or policy.
        """
        self.peer.pause()
        mark, asked = len(self.arrived), len(self.asked)
        yield
        self.peer.pause()
        self._must_be_silent(mark, asked, requirement, bypass)
        (prove or self.ping)()
        self.peer.pause()
        self._must_be_silent(mark, asked, requirement, bypass)

    def _must_be_silent(self, mark: int, asked: int, requirement: str | None, bypass: bool) -> None:
        fits = [inner.answers(packet) for packet in self.asked[asked:]]

        def speaks(one: Arrived) -> bool:
            if one.inner is None or any(fit(one.inner) for fit in fits):
                return one.inner is not None
            if one.channel is None:
                return self._leaked(one.inner)
            # A device may have traffic of its own; what the host behind it says to us is a reaction.
            found = parse(one.inner)
            ends = (ip_address(one.channel.theirs).packed, ip_address(one.channel.ours).packed)
            return (found.source, found.destination) == ends

        found = [one for one in self.arrived[mark:] if not one.taken and speaks(one)]
        self.peer.check(not found, "no answer", "; ".join(map(str, found)), requirement, bypass=bypass)

    # --- evidence -------------------------------------------------------------------------------------------------

    def key_lines(self) -> list[str]:
        """Lines of Wireshark's ``esp_sa`` for all SAs that Wireshark can decrypt."""
        found = [sa for one in self.channels.values() for sa in (one.outbound, one.inbound)]
        return [line for sa in found if sa.protocol == ProtocolID.ESP and (line := _key_line(sa)) is not None]


def _key_line(sa: SecurityAssociation) -> str | None:
    chosen = sa.parameters
    suite = chosen.suite
    return esp_line(
        chosen.source, chosen.destination, sa.spi, suite.encr, chosen.encryption_key, suite.integ, chosen.integrity_key
    )
