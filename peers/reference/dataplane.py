"""The data plane of the reference device: a host with IPsec whose SAs come and go with the Child SAs of an endpoint."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from math import inf
from typing import ClassVar

from conformance.crypto import Random
from conformance.ike.core.child import ChildSa, ChildState
from conformance.ike.core.connection import Connection, over
from conformance.ike.core.spine import UP
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.errors import NoSa, UnknownSpi
from conformance.ipsec.flow import Flow
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import Expiry, InboundSa, Lifetime, OutboundSa, child_parameters
from conformance.ipsec.stack import IpsecHost
from conformance.net.link import NON_ESP_MARKER, Datagram, IpPacket
from conformance.net.packets import ip_packet, udp_datagram
from peers.reference.tunnels import TunnelHost

GRE = 47
INNER_ADDRESSES = ("10.2.0.1", "fd02::1")
"""Where the host behind the device answers."""


@dataclass(slots=True, eq=False)
class Carried:
    """A Child SA in use with its two SAs; ``waiting``: nothing is sent on it yet. ``keeper``: its IKE SA now.

    ``counted`` are the packets that they have carried, as far as was looked, and ``active`` when there was one more.
    """

    child: ChildSa
    inbound: InboundSa
    outbound: OutboundSa
    waiting: bool = False
    keeper: IkeSa | None = None
    counted: int = 0
    active: float = 0.0


class DeviceHost(IpsecHost):
    """A host behind the device, and its SAD. `follow` is told after each step which IKE SAs there are."""

    inner_addresses: ClassVar[tuple[str, ...]] = INNER_ADDRESSES
    tunnels_class: ClassVar[type[TunnelHost]] = TunnelHost

    def __init__(self, connection: Connection, random: Random) -> None:
        """A host without SAs at the inner addresses and the connection's own one."""
        own = [connection.local_address] if connection.local_address else []
        super().__init__([*self.inner_addresses, *own], random)
        if connection.every_tunnel:
            self.inner = self.tunnels_class([*self.inner_addresses, *own], random, connection.every_tunnel)
        self.own_addresses = self.inner.addresses
        self.policies = {child.name: place for place, child in enumerate(connection.children)}
        self.takes_routes = bool(connection.remote_routes)
        self.encapsulation_port = connection.local_ports[1]
        self.carried: dict[ChildSa, Carried] = {}
        self.outbox: list[Datagram | IpPacket] = []
        self.strays: list[bytes] = []

    # --- Child SAs ------------------------------------------------------------------------------------------------

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        """Install new Child SAs, remove deleted ones, move with the addresses of their IKE SAs."""
        current = {child: sa for sa in sas for child in sa.children}
        for child in [child for child in self.carried if child not in current]:
            self.withdraw(self.carried.pop(child))
        for child, sa in current.items():
            if child not in self.carried:
                self.carried[child] = self.bring(child, sa, self.ports(sa), now)
            one = self.carried[child]
            one.keeper = sa
            self.move(one, sa)
        self.inner.addresses = self.own_addresses | self.assigned(current.values())
        self.release()

    def assigned(self, sas: Iterable[IkeSa]) -> frozenset[bytes]:
        """The inner addresses that peers have assigned to us: we have them as long as there are Child SAs for them."""
        return frozenset(address for sa in sas for address in sa.own_inner())

    def move(self, one: Carried, sa: IkeSa) -> None:
        """Go where the IKE SA goes."""
        udp = self.ports(sa)
        one.outbound.move(sa.local.host, sa.remote.host, udp)
        one.inbound.move(sa.remote.host, sa.local.host, udp and udp[::-1])

    def select(self, flow: Flow, now: float) -> OutboundSa:
        """The newest SA of the first policy that is for the flow, if it leads there. Raises NoSa."""
        if not self.takes_routes and len(self.policies) < 2:
            return super().select(flow, now)
        for sa in self.ordered(flow):
            if sa.expiry(now) != Expiry.HARD and (not self.takes_routes or self.routed(sa, flow)):
                return sa
        if not self.takes_routes:
            self.wanted.append(flow)
        raise NoSa(f"no SA or route for {flow}")

    def ordered(self, flow: Flow) -> list[OutboundSa]:
        """SAs that may carry the flow: first those of the first policy (RFC 4301, 4.4.1), of each the newest first."""
        places = {id(one.outbound): self.policies.get(one.child.config.name, 0) for one in self.carried.values()}
        found = [sa for sa in self.sad.outbound if sa.selects(flow)]
        return sorted(found, key=lambda sa: places.get(id(sa), 0))

    def routed(self, sa: OutboundSa, flow: Flow) -> bool:
        """Where peers tell which networks are behind them, an SA leads to these and to its inner addresses."""
        keeper = next((one.keeper for one in self.carried.values() if one.outbound is sa), None)
        if keeper is None:
            return False
        target = ip_address(flow.destination)
        return flow.destination in keeper.inner or any(target in one for one in keeper.routes or ())

    def release(self) -> None:
        """Send from now on on the SAs that had to wait and need not any more."""
        for one in self.carried.values():
            if one.waiting and self.may_send(one):
                one.waiting = False
                self.sad.add(one.outbound)

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        """The inner packet; what came through a new SA is answered there, and to where it came from."""
        before = {one: one.inbound.packets for one in self.carried.values() if one.keeper is not None}
        try:
            found = super().unprotected(packet, now)
        except UnknownSpi:
            self.strays.append(packet)
            raise
        for one, packets in before.items():
            if one.inbound.packets > packets and one.keeper is not None:
                self.lives(one.keeper, now)
        self.heard(packet)
        self.release()
        return found

    def heard(self, packet: bytes) -> None:
        """Follow the peer to where a validated new packet of ESP in UDP came from (RFC 7296, section 2.23)."""
        outer = udp_datagram(packet)
        if outer is None:
            return
        for one in [one for one in self.carried.values() if one.inbound.spi == outer.payload[:4]]:
            sa = one.keeper
            if sa is not None and sa.follows() and self.ports(sa) is not None:
                sa.remote, sa.local = outer.source, outer.destination
                for other in self.carried.values():
                    if other.keeper is sa:
                        self.move(other, sa)

    def ports(self, sa: IkeSa) -> tuple[int, int] | None:
        """Our port and the peer's for ESP in UDP, None: ESP goes by itself."""
        return sa.esp_ports()

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        """Receive on a new Child SA from now on, and send on it as soon as the peer surely receives."""
        inbound, outbound = child_parameters(child, sa.local.host, sa.remote.host, udp, **self.fields(child))
        receiving, _ = self.install(inbound, None, now)
        assert receiving is not None
        return Carried(child, receiving, self.outbound_class(outbound, now), waiting=True, active=now)

    def fields(self, child: ChildSa) -> dict[str, object]:
        """Further parameters of the SAs of a Child SA: what they may carry (RFC 4301, section 4.4.2.1)."""
        packets, octets = child.config.lifetime_packets, child.config.lifetime_octets
        ends = (None if one is None else int(over(one)) for one in (packets, octets))
        return {"soft": Lifetime(packets, octets), "hard": Lifetime(*ends)}

    def may_send(self, one: Carried) -> bool:
        """A responder goes on sending on the old SA until the new one, or the old one's end, is seen (2.8)."""
        replaced = any(other.child.replaced_by is one.child for other in self.carried.values())
        return one.child.initiator or not replaced or one.inbound.packets > 0

    def withdraw(self, one: Carried) -> None:
        """A deleted Child SA carries nothing any more."""
        self.sad.remove(one.inbound)
        self.sad.remove(one.outbound)

    # --- their ends -----------------------------------------------------------------------------------------------

    def attend(self, now: float) -> list[IkeSa]:
        """See what the SAs have carried, and act on it; the IKE SAs that have something to say."""
        spoken: list[IkeSa] = []
        for one in list(self.carried.values()):
            sa, child = one.keeper, one.child
            if sa is None or sa.state not in UP:
                continue
            self.see(one, now)
            if child.state != ChildState.INSTALLED or sa.is_closing():
                continue
            worn = self.worn(one, now)
            if worn == Expiry.HARD:
                sa.expire_child(child)
            elif self.idle_until(one) <= now:
                sa.start_child_delete(child)
            elif worn == Expiry.SOFT and self.may_rekey(one, sa, now):
                sa.start_child_rekey(child)
            else:
                continue
            spoken.append(sa)
        return spoken

    def may_rekey(self, one: Carried, sa: IkeSa, now: float) -> bool:
        """Whether it is for us to replace a Child SA, and nothing is in the way."""
        wanted = one.child.replaced_by is None and sa.renews()
        return wanted and one.child.rekey_again <= now and sa.is_idle()

    def worn(self, one: Carried, now: float) -> Expiry:
        """Whether one of the SAs has carried what it may."""
        found = [sa.expiry(now) for sa in (one.inbound, one.outbound)]
        return next((end for end in (Expiry.HARD, Expiry.SOFT) if end in found), Expiry.NONE)

    def see(self, one: Carried, now: float) -> None:
        """Note whether it has carried anything since it was looked at."""
        if one.outbound.packets + one.inbound.packets != one.counted:
            one.counted, one.active = one.outbound.packets + one.inbound.packets, now

    def idle_until(self, one: Carried) -> float:
        """When a Child SA that carries nothing is deleted, infinite: never."""
        timeout = one.child.config.idle_timeout
        return inf if timeout is None else one.active + timeout

    def next_timer(self) -> float | None:
        """When there may be something to do about one of them."""
        found = [self.idle_until(one) for one in self.carried.values() if one.child.state == ChildState.INSTALLED]
        return min((due for due in found if due < inf), default=None)

    # --- packets --------------------------------------------------------------------------------------------------

    def lives(self, sa: IkeSa, now: float) -> None:
        """A fresh protected packet of the peer shows that it is there (RFC 7296, section 2.4)."""
        sa.last_heard = now

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        """The packet for the wire; its IKE SA knows that there was one. Raises subclasses of IpsecError."""
        for one in self.carried.values():
            if one.outbound is sa and one.keeper is not None:
                one.keeper.carried_at = now
        return super().protected(sa, packet, now, bend)

    def is_esp(self, datagram: Datagram) -> bool:
        """ESP in UDP, or a NAT keepalive: on the encapsulation port, and no IKE."""
        to_port = datagram.destination.port == self.encapsulation_port
        return to_port and not datagram.payload.startswith(NON_ESP_MARKER)

    def take_datagram(self, datagram: Datagram, now: float) -> None:
        """Take ESP in UDP."""
        self.take(ip_packet(datagram), now)

    def take(self, packet: bytes, now: float) -> None:
        """Take an IP packet from the wire."""
        for answer in self.receive(packet, now):
            self.outbox.append(udp_datagram(answer) or IpPacket(answer))

    def drain(self) -> list[Datagram | IpPacket]:
        """What goes onto the wire, in order."""
        found, self.outbox = self.outbox, []
        return found

    def dropped(self) -> int:
        """How many packets were dropped, for whatever reason."""
        return sum(self.drops.values())

    def octets(self, child: ChildSa) -> tuple[int, int] | None:
        """What a Child SA has carried, in and out, None: it is not in use."""
        one = self.carried.get(child)
        return (one.inbound.octets, one.outbound.octets) if one else None
