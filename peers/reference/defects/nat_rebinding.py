"""Defects of keepalives, of following a peer whose mapping has changed, and of telling peers behind one NAT apart."""

from collections.abc import Sequence
from typing import Self

from conformance.ike.core.child import ChildSa
from conformance.ike.core.sending import Handler, Pending
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NAT_KEEPALIVE, Address, Datagram
from conformance.wire import ExchangeType, Header, Message
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect

# --- keepalives -------------------------------------------------------------------------------------------------------


@defect("nat-keepalive-ignored")
class EchoesKeepalives(Endpoint):
    """Answers a keepalive with an IKE message."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if datagram.payload == NAT_KEEPALIVE:
            self.refuse(Header(bytes(8), bytes(8), 0, 0x20, ExchangeType.INFORMATIONAL, 0, 0, 28), datagram)


@defect("nat-keepalive-moves-nothing")
class FollowsKeepalives(Endpoint):
    """Takes the source of a keepalive for the new address of the peer."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if datagram.payload == NAT_KEEPALIVE:
            for sa in self.sas.values():
                if sa.remote.host == datagram.source.host:
                    sa.remote = datagram.source


@defect("nat-keepalive-no-liveness")
class TakesKeepalivesForLife(Endpoint):
    """Thinks that the peer is alive when a keepalive comes."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if datagram.payload == NAT_KEEPALIVE:
            for sa in self.sas.values():
                sa.last_heard = now


@defect("nat-keepalive-sent", "nat-keepalive-sent-initiator")
class SendsNoKeepalives(IkeSa):
    """Lets the mapping of its NAT expire."""

    def keepalive_due(self) -> float | None:
        return None


@defect("nat-keepalive-sent", "nat-keepalive-sent-initiator")
class KeepaliveOfTwoOctets(IkeSa):
    """Sends two octets as keepalive."""

    def send_keepalive(self) -> None:
        super().send_keepalive()
        last = self.outbox.pop()
        self.outbox.append(Datagram(last.source, last.destination, b"\xff\xff"))


@defect("nat-keepalive-sent", "nat-keepalive-sent-initiator")
class KeepaliveOnPort500(IkeSa):
    """Keeps the mapping of the wrong port alive."""

    def send_keepalive(self) -> None:
        super().send_keepalive()
        last = self.outbox.pop()
        source, destination = (Address(one.host, 500) for one in (last.source, last.destination))
        self.outbox.append(Datagram(source, destination, last.payload))


# --- following --------------------------------------------------------------------------------------------------------


@defect("nat-masquerade", "nat-4500-first", "nat-rekey")
class AssumesPort4500(IkeSa):
    """Sends its own requests to the peer's port 4500, whatever a NAT has made of that."""

    def start(self, message: Message, handler: Handler) -> None:
        if not self.initiator:
            self.remote = Address(self.remote.host, 4500)
        super().start(message, handler)


@defect(
    "nat-rebind-port", "nat-rebind-address", "nat-rebind-rekeyed", "nat-rebind-child", "nat-rebind-retransmission",
    "nat-appears-rekey",
)  # fmt: skip
class FollowsNobody(IkeSa):
    """Sends its requests to where IKE_AUTH came from for ever."""

    def heard(self, message: Message, source: Address, destination: Address) -> None:
        if not self.children:
            super().heard(message, source, destination)

    def follows(self) -> bool:
        return not self.children and super().follows()


@defect(
    "nat-rebind-port", "nat-response-port", "nat-rebind-address", "nat-rebind-behind-nat", "nat-rebind-both-behind",
    "nat-appears-rekey",
)  # fmt: skip
class AnswersToOldMapping(IkeSa):
    """Sends responses to the address that it knows and not to where the request came from."""

    def transmit(self, datagrams: Sequence[bytes], local: Address, remote: Address) -> None:
        if self.children:
            local, remote = self.local, self.remote
        super().transmit(datagrams, local, remote)

    def follows(self) -> bool:
        return not self.children


@defect("nat-rebind-address")
class FollowsPortsOnly(IkeSa):
    """Follows the IKE messages of the peer to another port, but not to another address."""

    def heard(self, message: Message, source: Address, destination: Address) -> None:
        super().heard(message, Address(self.remote.host, source.port), destination)
        if self.children and self.is_new(message):
            self.remote = Address(self.remote.host, source.port)

    def follows(self) -> bool:
        return not self.children and super().follows()


@defect("nat-rebind-rekeyed", "nat-rekey")
class HeirForgetsAddress(IkeSa):
    """The successor of a rekeyed IKE SA begins on port 500 again."""

    def make_heir(self, *, initiator: bool) -> Self:
        new = super().make_heir(initiator=initiator)
        new.local, new.remote = Address(self.local.host, 500), Address(self.remote.host, 500)
        new.local_nat = True
        return new


@defect("nat-rebind-forged")
class FollowsBeforeChecking(IkeSa):
    """Follows the source of a message before its integrity is checked."""

    def receive(self, raw: bytes, source: Address, destination: Address, now: float) -> None:
        if self.children and self.remote_nat:
            self.remote, self.local = source, destination
        super().receive(raw, source, destination, now)


@defect("nat-rebind-unprotected")
class InitMovesThePeer(Endpoint):
    """A repeated IKE_SA_INIT request moves the IKE SA to where it came from."""

    def unknown(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        for sa in self.sas.values():
            if sa.spi_i == header.spi_i:
                sa.remote, sa.local = datagram.source, datagram.destination
                return
        super().unknown(header, raw, datagram)


@defect("nat-rebind-replayed")
class FollowsReplays(IkeSa):
    """Follows an old message to where it came from."""

    def is_new(self, message: Message) -> bool:
        return True


@defect("nat-rebind-behind-nat", "nat-rebind-both-behind")
class FollowsBehindNat(IkeSa):
    """Follows the peer although it is behind a NAT itself."""

    def follows(self) -> bool:
        return True


@defect("nat-rebind-retransmission")
class RetransmitsToOldMapping(IkeSa):
    """Repeats a request to where it went first, though the peer has moved."""

    first: tuple[Address, Address] | None = None

    def start(self, message: Message, handler: Handler) -> None:
        self.first = self.local, self.remote
        super().start(message, handler)

    def retransmit(self, pending: Pending) -> None:
        assert self.first is not None
        self.transmit(pending.datagrams, *self.first)


# --- several peers behind one NAT -------------------------------------------------------------------------------------


@defect("nat-two-peers", "nat-two-peers-at-once", "nat-two-peers-same-spi")
class OneSaPerHost(Endpoint):
    """A new IKE SA replaces that of any other peer with the same address."""

    def register(self, sa: IkeSa) -> None:
        for spi, other in list(self.sas.items()):
            if other.remote.host == sa.remote.host:
                del self.sas[spi]
        super().register(sa)


@defect("nat-two-peers-traffic")
class OnePortPerHost(DeviceHost):
    """Sends all ESP in UDP for one address to the port of the peer that came last."""

    last: IkeSa | None = None

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        self.last = sa
        return super().bring(child, sa, udp, now)

    def move(self, one: Carried, sa: IkeSa) -> None:
        super().move(one, sa)
        if self.last is not None and self.last.remote.host == sa.remote.host:
            one.outbound.move(sa.local.host, sa.remote.host, self.ports(self.last))


@defect("nat-two-peers-same-spi")
class OneSaPerInitiatorSpi(Endpoint):
    """Takes a request with a known initiator SPI for the repetition of another one."""

    def answered(self, header: Header, raw: bytes, datagram: Datagram) -> IkeSa | None:
        return next((sa for sa in self.sas.values() if sa.spi_i == header.spi_i), None)


# --- the device behind a NAT ------------------------------------------------------------------------------------------


@defect("nat-device-rebind")
class SpeaksOnlyOnce(IkeSa):
    """Behind a NAT it sends nothing by itself after IKE_AUTH."""

    def start(self, message: Message, handler: Handler) -> None:
        if not (self.children and self.local_nat):
            super().start(message, handler)
