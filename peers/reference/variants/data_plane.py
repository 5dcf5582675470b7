"""How a device fills and sends its packets, and how it takes ours."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

from conformance.crypto import Random
from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Connection, Mode
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.esp import EspBend
from conformance.ipsec.flow import flow_of
from conformance.ipsec.fragments import Reassembler
from conformance.ipsec.gre import GrePacket
from conformance.ipsec.ip import AH, NO_NEXT_HEADER, IpHeader, parse
from conformance.ipsec.overhead import Encapsulation
from conformance.ipsec.packets import Bend
from conformance.ipsec.replay import ReplayWindow
from conformance.ipsec.sad import DfPolicy, InboundSa, OutboundSa, OuterHeader, SaParameters
from conformance.net.link import Datagram
from conformance.script import inner
from conformance.wire import ProtocolID
from peers.capabilities import Capability
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.tunnels import End, TunnelHost
from peers.reference.variants.pace import Delaying
from peers.reference.variants.registry import variant

_PADDING = "RFC 4303, 2.4: a sender may add 0 to 255 octets of padding"


@variant(_PADDING)
class MorePadding(OutboundSa):
    """Adds 4 to 16 octets more padding to ESP packets than are needed."""

    def padding_size(self, size: int) -> int:
        blocks = max(1, 16 // self.alignment)
        return super().padding_size(size) + self.alignment * (1 + self.sequence % blocks)


@variant(_PADDING)
class MostPadding(OutboundSa):
    """Adds as much padding to ESP packets as Pad Length can say."""

    def padding_size(self, size: int) -> int:
        least = super().padding_size(size)
        return least + (255 - least) // self.alignment * self.alignment


@variant("RFC 4303, 2.7: a sender may add TFC padding behind a payload that tells its own length")
class TfcPadding(DeviceHost):
    """Makes every packet in tunnel mode at least 300 octets long by TFC padding, unless its peer wants none."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        padded = child.mode == Mode.TUNNEL and child.protocol == ProtocolID.ESP and not child.no_tfc
        return {**super().fields(child), **({"tfc": 300} if padded else {})}


@variant("RFC 4303, 2.6: a sender may insert dummy packets at any time")
class DummyPackets(DeviceHost):
    """Sends a dummy packet after each ESP packet."""

    def send(self, packet: bytes, now: float, *, bend: Bend | None = None) -> list[bytes]:
        found = super().send(packet, now, bend=bend)
        if found and bend is None and parse(found[0]).protocol != AH:
            found += super().send(packet, now, bend=EspBend(next_header=NO_NEXT_HEADER))
        return found


NEIGHBOUR = "10.2.0.9"


@variant("RFC 4301, 4.4.1: an SA carries what its selectors allow, whoever sends it", about=("data_plane",))
class BusyNetwork(DeviceHost):
    """Has another host behind it, which sends a UDP datagram of its own after each answer to a peer of IPv4."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        found = super().receive(packet, now)
        asked = parse(self.delivered[-1]) if found else None
        if asked is None or asked.version != 4:
            return found
        own = inner.udp(NEIGHBOUR, str(ip_address(asked.source)), dport=514)
        allowed = any(sa.selects(flow_of(own, parse(own))) for sa in self.sad.outbound)
        return [*found, *(self.send(own, now) if allowed else ())]


@variant(
    "RFC 4303, 3.4.3: 32 packets are the least that a replay window must have, 64 should be the default",
    advice={"RFC4303-3.4.3-5": "that is what it does not follow"},
)
class SmallWindow(DeviceHost):
    """Has a replay window of 32 packets."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "window": 32}


@variant("RFC 4303, 3.4.3: a receiver may have a larger replay window")
class LargeWindow(DeviceHost):
    """Has a replay window of 1024 packets."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "window": 1024}


@variant(
    "RFC 4301, 4.4.2.1: octets are counted to which the algorithm is applied, before it shows what they are",
    about=("data_plane",),
)
class CountsWhatItDrops(InboundSa):
    """Counts the octets of each packet for an SA, whatever its integrity check and its number lead to."""

    def check_sequence(self, sequence: int) -> None:
        self.octets += 64
        super().check_sequence(sequence)


class _FromZero(ReplayWindow):
    def check(self, sequence: int) -> None:
        if sequence or self.top >= self.size or self._bits[0] & 1:
            super().check(sequence)


@variant("RFC 4303, 3.4.3: what falls within the window and is no duplicate is accepted", about=("data_plane",))
class TakesNumberZero(InboundSa):
    """Has zero for a number like any other, as long as its window reaches there."""

    def __init__(self, parameters: SaParameters, created: float = 0.0) -> None:
        super().__init__(parameters, created)
        if self.window is not None:
            self.window = _FromZero(self.window.size, esn=self.esn)


@variant("RFC 4301, 8.1: whether the DF bit of a tunnel's outer header is set, cleared or copied is configured")
class ClearsDf(DeviceHost):
    """Clears the DF bit of outer headers."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "outer": OuterHeader(df=DfPolicy.CLEAR)}


@variant("RFC 4301, 8.1: whether the DF bit of a tunnel's outer header is set, cleared or copied is configured")
class SetsDf(DeviceHost):
    """Sets the DF bit of outer headers."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "outer": OuterHeader(df=DfPolicy.SET)}


@variant("RFC 4301, 4.4.2.1: whether the DSCP is bypassed, or mapped, is configured", about=("data_plane",))
class FixedDscp(DeviceHost):
    """Has the DSCP zero in all outer headers."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "outer": OuterHeader(dscp=0)}


@variant(
    "RFC 4301, 8.2.1: fragments are made before or after encryption, as configured",
    advice={"RFC4301-8.2.1-3": "what it cannot make small enough before encryption it drops"},
    about=("data_plane",),
)
class FragmentsInsideOnly(DeviceHost):
    """Makes fragments of IPv4 packets before a tunnel encrypts them, and none thereafter."""

    def _pieces(self, sa: OutboundSa, packet: bytes, sent: IpHeader, limit: int | None) -> list[bytes]:
        found = super()._pieces(sa, packet, sent, limit)
        if not sa.tunnel or limit is None or sent.version != 4:
            return found
        largest = Encapsulation.of(sa).largest(limit)
        return [one for one in found if len(one) <= largest]


class _Buffer(Reassembler):
    most = 2048

    def add(self, packet: bytes, now: float) -> bytes | None:
        whole = super().add(packet, now)
        return whole if whole is packet or whole is None or len(whole) <= self.most else None


@variant(
    "RFC 1122, 3.3.2 (RFC 8200, 5): a host puts together what its link carries whole; more need not be",
    about=("data_plane",),
)
class SmallBuffers(DeviceHost):
    """Puts fragments together that are 2048 octets at most, as hardware with buffers of that size does."""

    def __init__(self, connection: Connection, random: Random) -> None:
        super().__init__(connection, random)
        self._reassembler = _Buffer()


@variant("RFC 791, 2.3: networks carry packets of different sizes", about=("data_plane",))
class LinkOf1400(DeviceHost):
    """Has a link that carries 1400 octets."""

    link = 1400

    def __init__(self, connection: Connection, random: Random) -> None:
        super().__init__(connection, random)
        self.mtu = self.link


@variant(
    "RFC 791, 3.2: networks carry packets of different sizes, and 576 octets are many enough for IPv4",
    lacks=(Capability.IPV6, Capability.GRE_TUNNELS),
    about=("data_plane",),
)
class LinkOf576(LinkOf1400):
    """Has a link for IPv4 that carries 576 octets."""

    link = 576


class _Unsummed(TunnelHost):
    def header(self, end: End, packet: bytes, kind: int) -> GrePacket:
        return replace(super().header(end, packet, kind), checksum=False)


@variant("RFC 2784, 2.2: a checksum must be taken; whether to send one is left open", about=("data_plane",))
class WritesNoGreChecksums(DeviceHost):
    """Looks at the checksums of GRE, and sends none."""

    tunnels_class = _Unsummed


@variant("RFC 4301, 5: nothing says how soon a packet is forwarded")
class SlowTraffic(Delaying):
    """Needs 20 ms for each packet that is no IKE message."""

    takes = 0.02

    def receive(self, datagram: Datagram, now: float) -> None:
        if self.host is not None and self.host.is_esp(datagram):
            self.later(now, datagram)
        else:
            self.take(datagram, now)

    def receive_packet(self, packet: bytes, now: float) -> None:
        self.later(now, packet)


@variant("RFC 7296, 1.4.1: no time is specified within which what is closed has to be gone", about=("informational",))
class LateRemoval(DeviceHost):
    """Has SAs in hardware, which removes them 300 ms after they have ended."""

    ended: tuple[tuple[float, Carried], ...] = ()
    at: float = 0.0

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        self.at = now
        super().follow(sas, now)
        for due, one in self.ended:
            if due <= now:
                super().withdraw(one)
        self.ended = tuple((due, one) for due, one in self.ended if due > now)

    def withdraw(self, one: Carried) -> None:
        self.ended = (*self.ended, (self.at + 0.3, one))

    def next_timer(self) -> float | None:
        timers = [super().next_timer(), *(due for due, _ in self.ended)]
        return min((timer for timer in timers if timer is not None), default=None)
