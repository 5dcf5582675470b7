"""A host with IPsec: inner packets in, protected packets out, and the reverse (RFC 4301, section 5)."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from conformance.crypto import Random
from conformance.ike.core.child import ChildSa
from conformance.ipsec import icmp
from conformance.ipsec.errors import IpsecError, NoSa, PolicyViolation, Reason, TooBig
from conformance.ipsec.flow import Flow, flow_of
from conformance.ipsec.fragments import Reassembler, fragment
from conformance.ipsec.inner import InnerHost
from conformance.ipsec.ip import AH, ESP, UDP, IpHeader, header, parse, transport_checksum
from conformance.ipsec.overhead import Encapsulation
from conformance.ipsec.packets import Bend, insertion, protect, unprotect
from conformance.ipsec.sad import (
    DfPolicy,
    Expiry,
    InboundSa,
    OutboundSa,
    Sad,
    SaParameters,
    SecurityAssociation,
    child_parameters,
)
from conformance.ipsec.spd import Action, Direction, Policy, Spd
from conformance.net.link import NAT_KEEPALIVE, NON_ESP_MARKER, Datagram
from conformance.net.packets import ip_packet, udp_datagram

_SMALLEST_IPV6_MTU = 1280
_SMALLEST_IPV4_MTU = 68
_AUDIT_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Audited:
    """A packet that was dropped (RFC 4303, section 4): when, why, in words, and its first octets."""

    time: float
    reason: Reason
    text: str
    start: bytes


class IpsecHost:
    """An inner host behind its own SAD and SPD.

    Without policies everything is to be protected. ``delivered`` are the packets that have reached the inner host,
    messages about the path MTU among them, the answers that `InnerHost` gives go out by themselves. ``wanted`` are
    flows that found no SA: what IKE should negotiate. ``mtu`` in octets is that of the link, None sends packets of any
    size. ``fragment_first`` lets packets with DF clear be fragmented before encryption where the SA can carry that.
    SAs are of ``inbound_class`` and ``outbound_class``, so that a subclass may decide otherwise.
    """

    keepalive_interval = 20.0
    path_mtu_lasts = 600.0
    encapsulation_port = 4500
    inbound_class: ClassVar[type[InboundSa]] = InboundSa
    outbound_class: ClassVar[type[OutboundSa]] = OutboundSa

    def __init__(
        self,
        addresses: Iterable[str],
        random: Random,
        policies: Iterable[Policy] = (Policy(Action.PROTECT),),
        *,
        mtu: int | None = 1500,
        fragment_first: bool = True,
    ) -> None:
        self.random = random
        self.sad = Sad()
        self.spd = Spd(policies)
        self.inner = InnerHost(addresses, random)
        self.mtu = mtu
        self.fragment_first = fragment_first
        self.delivered: deque[bytes] = deque(maxlen=_AUDIT_ENTRIES)
        self.wanted: deque[Flow] = deque(maxlen=_AUDIT_ENTRIES)
        self.audit: deque[Audited] = deque(maxlen=_AUDIT_ENTRIES)
        self.drops: Counter[Reason] = Counter()
        self.dummies = 0
        self.keepalives = 0
        self._reassembler = Reassembler()
        self._identification = 0
        self._sent: dict[tuple[bytes, bytes, tuple[int, int]], float] = {}

    def install(
        self, inbound: SaParameters | None, outbound: SaParameters | None, now: float
    ) -> tuple[InboundSa | None, OutboundSa | None]:
        """Puts one SA or a pair into the SAD."""
        receiving = None if inbound is None else self.inbound_class(inbound, now)
        sending = None if outbound is None else self.outbound_class(outbound, now)
        for sa in (receiving, sending):
            if sa is not None:
                self.sad.add(sa)
        if sending is not None and sending.parameters.udp is not None:
            self._sent.setdefault(_path(sending, sending.parameters.udp), now)
        return receiving, sending

    def install_child(
        self, child: ChildSa, local: str, remote: str, now: float, udp: tuple[int, int] | None = None, **others: object
    ) -> tuple[InboundSa, OutboundSa]:
        """Puts the SAs of a Child SA into the SAD.

        ``udp`` are our port and the peer's, ``others`` more fields of `SaParameters`.
        """
        inbound, outbound = child_parameters(child, local, remote, udp, **others)
        receiving, sending = self.install(inbound, outbound, now)
        assert receiving is not None and sending is not None
        return receiving, sending

    def remove(self, *spis: bytes) -> None:
        """Takes the SAs of these SPIs away, whichever direction they have."""
        for sa in [*self.sad.inbound(), *self.sad.outbound]:
            if sa.spi in spis:
                self.sad.remove(sa)

    def send(self, packet: bytes, now: float, *, bend: Bend | None = None) -> list[bytes]:
        """The packets on the wire for an inner packet; none where policy or an error drops it (see ``drops``)."""
        try:
            return self._outbound(packet, now, bend)
        except TooBig as error:
            self._drop(error, packet, now)
            return self.report_too_big(packet, error.mtu, now)
        except IpsecError as error:
            self._drop(error, packet, now)
        return []

    def report_too_big(self, packet: bytes, mtu: int, now: float) -> list[bytes]:
        """Tell the inner host by ICMP what would fit (RFC 4301, section 8.2.1); what it then sends instead."""
        self.delivered.append(icmp.too_big(packet, mtu))
        return [each for smaller in self.inner.told_too_big(packet, mtu) for each in self.send(smaller, now)]

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        """Take a packet from the wire; what is returned answers it, on the wire as well."""
        try:
            whole = self._reassembler.add(packet, now)
            if whole is None:
                return []
            inner = self._inbound(whole, parse(whole), now)
            if inner is None:
                return []
            self.delivered.append(inner)
            answers = self.inner.answer(inner, now)
        except IpsecError as error:
            self._drop(error, packet, now)
            return []
        return [each for answer in answers for each in self.send(answer, now)]

    def receive_datagram(self, datagram: Datagram, now: float) -> list[Datagram]:
        """The same for the payload of a UDP datagram that a socket received, with answers for a socket to send.

        Answers that are not UDP, because the SA that takes them has no UDP encapsulation, are left out. The host needs
        ``mtu`` None: fragments are the socket's matter.
        """
        return datagrams(self.receive(ip_packet(datagram), now))

    def tick(self, now: float) -> list[bytes]:
        """NAT keepalives that are due: where nothing was sent for a while (RFC 3948, section 4)."""
        used = {_path(sa, sa.parameters.udp) for sa in self.sad.outbound if sa.parameters.udp is not None}
        self._sent = {path: since for path, since in self._sent.items() if path in used}
        due = [path for path in used if now - self._sent.setdefault(path, now) >= self.keepalive_interval]
        for path in due:
            self._sent[path] = now
        return [_keepalive(*path) for path in due]

    def next_tick(self) -> float | None:
        """When `tick` has something to send, None: never."""
        return min((since + self.keepalive_interval for since in self._sent.values()), default=None)

    def expired(self, now: float) -> list[tuple[SecurityAssociation, Expiry]]:
        """SAs of which a lifetime is over."""
        found = [(sa, sa.expiry(now)) for sa in (*self.sad.inbound(), *self.sad.outbound)]
        return [(sa, expiry) for sa, expiry in found if expiry != Expiry.NONE]

    def select(self, flow: Flow, now: float) -> OutboundSa:
        """The newest SA that may carry the flow. Raises NoSa."""
        for sa in self.sad.outbound:
            if sa.selects(flow) and sa.expiry(now) != Expiry.HARD:
                return sa
        self.wanted.append(flow)
        raise NoSa(f"no SA for {flow}")

    def _outbound(self, packet: bytes, now: float, bend: Bend | None) -> list[bytes]:
        sent = parse(packet)
        flow = flow_of(packet, sent)
        policy = self.spd.find(flow, Direction.OUT)
        if policy.action == Action.DISCARD:
            raise PolicyViolation(f"{flow} is to be discarded")
        if policy.action == Action.BYPASS:
            return self._fitting(packet, self.mtu)
        sa = self.select(flow, now)
        limit = self._limit(sa, now)
        # What must not be fragmented has been refused by now, unless the outer header alone forbids it.
        forced = sa.parameters.outer.df != DfPolicy.SET
        return [
            part
            for piece in self._pieces(sa, packet, sent, limit)
            for part in self._fitting(self.protected(sa, piece, now, bend), limit, forced)
        ]

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        """The packet for the wire. Raises subclasses of IpsecError."""
        self._identification = self._identification + 1 & 0xFFFF
        made = protect(sa, packet, self.random, now, bend=bend, identification=self._identification)
        if sa.parameters.udp is not None:
            self._sent[_path(sa, sa.parameters.udp)] = now
        return made

    def _fitting(self, packet: bytes, limit: int | None, forced: bool = False) -> list[bytes]:
        if limit is None:
            return [packet]
        self._identification = self._identification + 1 & 0xFFFF
        return fragment(packet, limit, self._identification, forced=forced)

    def _limit(self, sa: OutboundSa, now: float) -> int | None:
        """The largest packet that the SA may put on the wire."""
        if sa.path_mtu is None or now >= sa.path_mtu_until:
            return self.mtu
        return sa.path_mtu if self.mtu is None else min(self.mtu, sa.path_mtu)

    def _pieces(self, sa: OutboundSa, packet: bytes, sent: IpHeader, limit: int | None) -> list[bytes]:
        """The packet, or its fragments where it would be too large and may be fragmented before encryption.

        Raises TooBig for a packet that must not be fragmented (RFC 4301, section 8.2.1).
        """
        if limit is None:
            return [packet]
        encapsulation = Encapsulation.of(sa)
        if not sa.tunnel:
            encapsulation = replace(encapsulation, headers=insertion(packet)[1])
        largest = encapsulation.largest(limit)
        if sent.length <= largest:
            return [packet]
        if sent.version == 6:
            # Every IPv6 link carries 1280 octets; what is no larger goes through, in fragments outside if need be.
            if sent.length > _SMALLEST_IPV6_MTU:
                raise TooBig(f"{sent.length} octets of IPv6", max(largest, _SMALLEST_IPV6_MTU))
            return [packet]
        if sent.dont_fragment:
            raise TooBig(f"{sent.length} octets and the DF bit", largest)
        if self.fragment_first and sa.tunnel and largest >= _SMALLEST_IPV4_MTU:
            parts = fragment(packet, largest)
            if all(sa.selects(flow_of(part, parse(part))) for part in parts):
                return parts
        if sa.tunnel and sa.parameters.outer.df == DfPolicy.SET and len(sa.source) == 4:
            raise TooBig(f"{sent.length} octets and the DF bit outside", largest)
        return [packet]

    def _inbound(self, packet: bytes, outer: IpHeader, now: float) -> bytes | None:
        """The inner packet, None where there is nothing to deliver. Raises subclasses of IpsecError."""
        at = outer.payload_at
        if outer.protocol == UDP and self._for_us(outer) and len(packet) >= at + 8:
            port = packet[at + 2] << 8 | packet[at + 3]
            if port in self._encapsulation_ports():
                return self._from_udp(packet, packet[at + 8 : outer.length], now)
        if outer.protocol in (ESP, AH):
            return self.unprotected(packet, now)
        report = icmp.path_mtu(packet, outer)
        if report is not None and self.learn_path_mtu(report, now):
            return None
        flow = flow_of(packet, outer)
        if self.spd.find(flow, Direction.IN).action != Action.BYPASS:
            raise PolicyViolation(f"{flow} came without protection")
        return packet

    def _encapsulation_ports(self) -> set[int]:
        """The UDP ports on which ESP may come."""
        ports = {sa.parameters.udp[1] for sa in self.sad.inbound() if sa.parameters.udp is not None}
        return ports | {self.encapsulation_port}

    def _for_us(self, outer: IpHeader) -> bool:
        return any(sa.destination == outer.destination for sa in self.sad.inbound())

    def _from_udp(self, packet: bytes, payload: bytes, now: float) -> bytes | None:
        if payload == NAT_KEEPALIVE:
            self.keepalives += 1
            return None
        if payload.startswith(NON_ESP_MARKER):
            return None  # IKE is for others
        return self.unprotected(packet, now)

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        """The inner packet of one from the wire, None for a dummy. Raises subclasses of IpsecError."""
        received = unprotect(self.sad, packet, now)
        if received.packet is None:
            self.dummies += 1
        return received.packet

    def learn_path_mtu(self, report: icmp.PathMtu, now: float) -> bool:
        """Heeds a report about a packet of an SA of ours (RFC 4301, section 8.2); False: it is about none."""
        quoted, sent = report.quoted, report.header
        at = sent.payload_at + {ESP: 0, AH: 4, UDP: 8}.get(sent.protocol, len(quoted))
        spi = quoted[at : at + 4]
        known = [sa for sa in self.sad.outbound if sa.spi == spi and sa.destination == sent.destination]
        if not 0 < report.mtu < sent.length:
            return bool(known)  # what it quotes fits, or it does not say what would
        if sent.version == 6 and report.mtu < _SMALLEST_IPV6_MTU:
            return bool(known)  # no link is like that (RFC 8201, section 4)
        mtu = max(report.mtu, _SMALLEST_IPV4_MTU)
        for sa in known:
            if sa.path_mtu is None or now >= sa.path_mtu_until or mtu <= sa.path_mtu:
                sa.path_mtu, sa.path_mtu_until = mtu, now + self.path_mtu_lasts
        return bool(known)

    def _drop(self, error: IpsecError, packet: bytes, now: float) -> None:
        self.drops[error.reason] += 1
        self.audit.append(Audited(now, error.reason, str(error), packet[:64]))


def _path(sa: OutboundSa, udp: tuple[int, int]) -> tuple[bytes, bytes, tuple[int, int]]:
    return sa.source, sa.destination, udp


def _keepalive(source: bytes, destination: bytes, udp: tuple[int, int]) -> bytes:
    size = 8 + len(NAT_KEEPALIVE)
    bare = b"".join(each.to_bytes(2, "big") for each in (*udp, size, 0)) + NAT_KEEPALIVE
    value = transport_checksum(source, destination, UDP, bare)
    return header(source, destination, UDP, size) + bare[:6] + value.to_bytes(2, "big") + bare[8:]


def datagrams(packets: Iterable[bytes]) -> list[Datagram]:
    """What a UDP socket has to send for these packets; those that are not UDP, or are fragments, are left out."""
    return [each for each in map(udp_datagram, packets) if each is not None]
