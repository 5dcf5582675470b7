"""NAT detection and what follows from it (RFC 7296, section 2.23; RFC 3948)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha1
from ipaddress import ip_address
from typing import Self

from conformance.ike.core.sending import State, Timer
from conformance.ike.core.spine import Spine, T
from conformance.net.link import NAT_KEEPALIVE, Address, Datagram
from conformance.wire import (
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    TrafficSelector,
    UnknownSelector,
)


def nat_hash(spi_i: bytes, spi_r: bytes, address: Address) -> bytes:
    """SHA-1 of SPIi | SPIr | IP address | port: the data of a NAT_DETECTION_*_IP notify, 20 octets."""
    data = spi_i + spi_r + _packed(address.host) + address.port.to_bytes(2, "big")
    return sha1(data, usedforsecurity=False).digest()


@lru_cache(maxsize=1024)
def _packed(host: str) -> bytes:
    return ip_address(host).packed


def detection(spi_i: bytes, spi_r: bytes, source: Address, destination: Address) -> list[Notify]:
    """The two notifies that a message from ``source`` to ``destination`` carries."""
    return [
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, nat_hash(spi_i, spi_r, source)),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, nat_hash(spi_i, spi_r, destination)),
    ]


def behind_nat(message: Message, source: Address, destination: Address) -> tuple[bool, bool] | None:
    """Whether (the sender, the receiver) of ``message`` is behind a NAT, as seen by the receiver.

    ``source`` and ``destination`` are the addresses of the datagram as it came. A sender may send several source
    hashes, of which one must fit. None if the sender does not do NAT detection.
    """
    sources = [n.data for n in message.notifies() if n.type == NotifyType.NAT_DETECTION_SOURCE_IP]
    destinations = [n.data for n in message.notifies() if n.type == NotifyType.NAT_DETECTION_DESTINATION_IP]
    if not sources or not destinations:
        return None
    seen_source = nat_hash(message.spi_i, message.spi_r, source)
    seen_destination = nat_hash(message.spi_i, message.spi_r, destination)
    return seen_source not in sources, seen_destination not in destinations


def at_address(found: Sequence[object], address: str) -> tuple[TrafficSelector | UnknownSelector, ...]:
    """Selectors with another address in those for one host of the same family (RFC 7296, section 2.23.1)."""
    packed = ip_address(address).packed

    def moved(one: object) -> TrafficSelector | UnknownSelector:
        assert isinstance(one, TrafficSelector | UnknownSelector)
        if not isinstance(one, TrafficSelector) or one.start != one.end or len(one.start) != len(packed):
            return one
        return replace(one, start=packed, end=packed)

    return tuple(map(moved, found))


class NatTraversal(Spine):
    """What an IKE SA does about NATs.

    ``local_nat`` and ``remote_nat`` say whether this side and the peer are behind one. ``sent_at`` is when the IKE SA
    sent anything last, in UNIX time.
    """

    local_nat: bool = False
    remote_nat: bool = False
    sent_at: float = 0.0

    def pass_on(self, new: Self) -> None:
        """The path stays what it was."""
        super().pass_on(new)
        new.local_nat, new.remote_nat = self.local_nat, self.remote_nat

    # --- detection ------------------------------------------------------------------------------------------------

    def init_notifies(self) -> list[Notify]:
        """The addresses as we see them."""
        return [*super().init_notifies(), *self.nat_notifies()]

    def init_announced(self, message: Message) -> None:
        """The addresses as the peer sees them."""
        super().init_announced(message)
        self.detect_nat(message)

    def nat_notifies(self) -> list[Notify]:
        """The two digests of an IKE_SA_INIT message; when encapsulation is forced the first one fits no address."""
        source, destination = self.nat_addresses()
        found = detection(self.spi_i, self.spi_r, source, destination)
        if self.connection.force_encapsulation:
            found[0] = Notify(NotifyType.NAT_DETECTION_SOURCE_IP, self.random(20))
        return found

    def nat_addresses(self) -> tuple[Address, Address]:
        """Source and destination of the message that is being made."""
        return (self.local, self.remote) if self.initiator else self.reply_path

    def detect_nat(self, message: Message) -> None:
        """See who is behind a NAT; the initiator then floats to the encapsulation port."""
        destination, source = self.reply_path
        found = behind_nat(message, source, destination)
        if found is None:
            return
        self.remote_nat, self.local_nat = found
        if self.initiator and (self.remote_nat or self.local_nat or self.connection.force_encapsulation):
            self.float_port()

    # --- addresses ------------------------------------------------------------------------------------------------

    def heard(self, message: Message, source: Address, destination: Address) -> None:
        """Follow the peer to where a new authentic message of it came from, never because of an old one."""
        if self.keys is not None and self.is_new(message) and self.follows():
            self.remote, self.local = source, destination

    def follows(self) -> bool:
        """Whether the peer's address may change: not where we are behind a NAT ourselves (RFC 7296, section 2.23).

        A responder always goes with IKE_AUTH, since that tells whether the initiator has floated.
        """
        return not self.local_nat or (self.state == State.HALF_OPEN and not self.initiator)

    def is_new(self, message: Message) -> bool:
        """A message that was not seen before: the next request, or the response that is awaited."""
        if message.exchange == ExchangeType.IKE_SA_INIT:
            return False
        if message.is_response:
            return self.pending is not None and self.is_awaited(message, self.pending)
        return message.message_id == self.expected_id

    def esp_ports(self) -> tuple[int, int] | None:
        """ESP goes where IKE goes if there is a NAT, or if there shall seem to be one."""
        nat = self.local_nat or self.remote_nat or self.connection.force_encapsulation
        return (self.local.port, self.remote.port) if nat else None

    # --- transport mode (RFC 7296, section 2.23.1) ----------------------------------------------------------------

    def local_selectors(self, found: T) -> T:
        """The peer's selectors for our side as we see ourselves, if a NAT stands between."""
        return replace(found, selectors=at_address(found.selectors, self.local.host)) if self.local_nat else found

    def remote_selectors(self, found: T) -> T:
        """The peer's selectors for its side as we see it, if it is behind a NAT."""
        return replace(found, selectors=at_address(found.selectors, self.remote.host)) if self.remote_nat else found

    # --- keepalives (RFC 3948, section 4) -------------------------------------------------------------------------

    def transmit(self, datagrams: Sequence[bytes], local: Address, remote: Address) -> None:
        """Send, and remember when: what was sent keeps the mapping of a NAT alive."""
        super().transmit(datagrams, local, remote)
        self.sent_at = self.now

    def keepalive_due(self) -> float | None:
        """When the next keepalive must be sent, if nothing else is sent before; None: never."""
        needed = self.local_nat and self.state == State.ESTABLISHED and self.encapsulated(self.local, self.remote)
        if not needed or self.connection.keepalive is None:
            return None
        return max(self.sent_at, self.created) + self.connection.keepalive

    def timers(self) -> Iterator[Timer]:
        """Keep the mapping alive."""
        yield from super().timers()
        due = self.keepalive_due()
        if due is not None:
            yield due, self.send_keepalive

    def send_keepalive(self) -> None:
        """One octet 0xFF between the ports of ESP in UDP (RFC 3948, section 2.3)."""
        self.outbox.append(Datagram(self.local, self.remote, NAT_KEEPALIVE))
        self.sent_at = self.now
