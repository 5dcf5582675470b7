"""Two devices that each know only the address of a tester, joined: what one sends to the tester reaches the other.

Everything between them passes here, so it can be recorded, and a NAT or a bad line put in its way.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Protocol

from conformance.net.link import Address, Datagram, IpPacket, Link, PacketLink

_STEP = 0.005


@dataclass(frozen=True, slots=True)
class Side:
    """A device and the link to it. ``peer`` are the addresses that stand for the other device where this one lives.

    Both tuples have the families in the same order: the address of a datagram tells which one is meant. The ports are
    those for plain IKE and for IKE and ESP in UDP, of the device and of whom it takes for its peer.
    """

    link: Link
    device: tuple[str, ...]
    peer: tuple[str, ...]
    device_ports: tuple[int, int] = (500, 4500)
    peer_ports: tuple[int, int] = (500, 4500)


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that a device sent. ``left`` is None for what did not reach the other side, ``why`` says why."""

    time: float
    side: int
    arrived: Datagram | IpPacket
    left: Datagram | IpPacket | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Third:
    """A third device, and the address under which both others find it."""

    link: Link
    address: str


class Path(Protocol):
    """What lies between the devices."""

    name: str
    """For people: ``NAT before device 0``."""
    further: tuple[str, ...]
    """Addresses beside its own under which a device is reached through it."""

    def carry(self, side: int, item: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """What becomes of a packet from the device of this side, None: it is lost."""


class Plain:
    """A path on which nobody has further addresses."""

    further: tuple[str, ...] = ()


class Wire(Plain):
    """Nothing happens to packets."""

    name = "wire"

    def carry(self, side: int, item: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """All as it is."""
        return item


class PortNat(Plain):
    """A NAT with the device ``inside`` behind it: that one's ports are others outside, and only UDP passes."""

    shift = 40000

    def __init__(self, inside: int) -> None:
        self.inside = inside
        self.name = "NAT"
        self._known: dict[int, int] = {}

    def carry(self, side: int, item: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """Translate a port; nothing comes in to a port from which nothing went out."""
        if isinstance(item, IpPacket):
            return None
        if side == self.inside:
            outside = (item.source.port + self.shift) % 65536 or 1
            self._known[outside] = item.source.port
            return replace(item, source=Address(item.source.host, outside))
        inside = self._known.get(item.destination.port)
        return None if inside is None else replace(item, destination=Address(item.destination.host, inside))


class LosesFirst(Plain):
    """A line that loses each datagram when it comes for the first time: only what is repeated arrives."""

    name = "loses each datagram once"

    def __init__(self) -> None:
        self._seen: set[Datagram] = set()

    def carry(self, side: int, item: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """Lose it, or let it pass if it is a copy."""
        if isinstance(item, IpPacket) or item in self._seen:
            return item
        self._seen.add(item)
        return None


class Cut(Plain):
    """A wire that is cut."""

    name = "cut"

    def carry(self, side: int, item: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """Nothing arrives."""
        return None


class SecondGateway:
    """The gateway at ``first`` is dead for device ``client``; the same device is reached as ``second``, UDP only."""

    name = "the first gateway is dead"

    def __init__(self, client: int, first: str, second: str) -> None:
        self.client, self.first, self.second = client, first, second
        self.further: tuple[str, ...] = (second,)

    def carry(self, side: int, item: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """What goes to the first is lost, what goes to the second gets there, and what comes from there says so."""
        if isinstance(item, IpPacket):
            return None
        if side != self.client:
            return replace(item, source=item.source._replace(host=self.second))
        if item.destination.host != self.second:
            return None
        return replace(item, destination=item.destination._replace(host=self.first))


class Relay:
    """Carries packets between two sides in a thread of its own, from `start` until `close`.

    Where each device is the other one's peer, packets stay as they are. Elsewhere addresses are translated, as a NAT
    does. ``observer`` is told of every packet, in that thread. While there is a ``third`` device, what is for its
    address goes there, and what comes from it to whom it is for; for the observer it comes from the other side.
    """

    def __init__(self, sides: tuple[Side, Side], observer: Callable[[Passed], None] = lambda _: None) -> None:
        self.sides = sides
        self.path: Path = Wire()
        self.third: Third | None = None
        self.observer = observer
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._serve, args=(side,), daemon=True) for side in (0, 1)]
        self._threads.append(threading.Thread(target=self._serve_third, daemon=True))
        self._lock = threading.Lock()
        self._held: list[tuple[int, Datagram | IpPacket]] | None = None

    def start(self) -> None:
        """Begin to carry."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop carrying; closes the links."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for side in self.sides:
            side.link.close()

    @contextmanager
    def holding(self, patience: float = 1.0) -> Iterator[None]:
        """Hold everything back until both devices have sent something after the block, so that messages cross."""
        with self._lock:
            self._held = []
        try:
            yield
            end = time.monotonic() + patience
            while {side for side, _ in self._held} != {0, 1} and time.monotonic() < end:
                time.sleep(_STEP)
        finally:
            with self._lock:
                held, self._held = self._held, None
            for side, item in held:
                self._deliver(side, item)

    @property
    def translates(self) -> bool:
        """Whether packets cannot stay as they are since the devices know each other under other addresses."""
        one, other = self.sides
        addresses = one.device != other.peer or other.device != one.peer
        return addresses or one.device_ports != other.peer_ports or other.device_ports != one.peer_ports

    def _serve(self, side: int) -> None:
        link = self.sides[side].link
        while not self._ended.is_set():
            try:
                item = link.receive(link.now() + _STEP)
                if item is not None:
                    self._carry(side, item)
            except OSError:
                time.sleep(_STEP)  # the device starts anew, or has ended; whoever gives it orders will see

    def _serve_third(self) -> None:
        while not self._ended.is_set():
            third = self.third
            item = third.link.receive(third.link.now() + _STEP) if third is not None else None
            if item is None:
                time.sleep(_STEP)
                continue
            side = next((at for at, one in enumerate(self.sides) if _host(item) in one.device), None)
            if side is not None:
                self._hand(1 - side, item, self.sides[side].link)

    def _hand(self, side: int, item: Datagram | IpPacket, to: Link) -> None:
        """Give a packet to a link as it is."""
        self.observer(Passed(time.time(), side, item, item))
        if isinstance(item, Datagram):
            to.send(item)
        elif isinstance(to, PacketLink):
            to.send_packet(item)

    def _carry(self, side: int, item: Datagram | IpPacket) -> None:
        with self._lock:
            if self._held is not None:
                self._held.append((side, item))
                return
        self._deliver(side, item)

    def _deliver(self, side: int, item: Datagram | IpPacket) -> None:
        third = self.third
        if third is not None and _host(item) == third.address:
            self._hand(side, item, third.link)
            return
        now = time.time()
        to = self.sides[1 - side].link
        with self._lock:
            left, why = self._routed(side, item)
            if left is not None:
                left, why = self.path.carry(side, left), self.path.name
            if isinstance(left, IpPacket) and not isinstance(to, PacketLink):
                left, why = None, "the other device's link carries UDP only"
            self.observer(Passed(now, side, item, left, "" if left is not None else why))
        if isinstance(left, Datagram):
            to.send(left)
        elif left is not None and isinstance(to, PacketLink):
            to.send_packet(left)

    def _routed(self, side: int, item: Datagram | IpPacket) -> tuple[Datagram | IpPacket | None, str]:
        """The packet with the addresses that the other device knows."""
        here, there = self.sides[side], self.sides[1 - side]
        host = _host(item)
        if host not in (*here.peer, *self.path.further):
            return None, "is not for the other device"
        if not self.translates:
            return item, ""
        if isinstance(item, IpPacket):
            return None, "only UDP goes through address translation"
        family = _family(host, here.peer)
        if item.destination.port not in here.peer_ports:
            return None, f"goes to port {item.destination.port}, which stands for none of the other device"
        which = here.peer_ports.index(item.destination.port)
        source = Address(there.peer[family], there.peer_ports[which])
        return Datagram(source, Address(there.device[family], there.device_ports[which]), item.payload), ""


def _host(item: Datagram | IpPacket) -> str:
    """To whom it goes."""
    return item.destination.host if isinstance(item, Datagram) else item.destination


def _family(host: str, known: tuple[str, ...]) -> int:
    version = ip_address(host).version
    return next(index for index, one in enumerate(known) if ip_address(one).version == version)
