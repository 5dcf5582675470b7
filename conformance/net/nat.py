"""A NAT of ours: a table of mappings, and links that stand on one of its sides.

The box may stand in front of the scripted peer (`Nat.inside` gives links to any number of hosts behind it, even with
the same address) or in front of the device (`DeviceNat`). It works on every link that sends from any source port.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from conformance.net.link import Address, Datagram, IpPacket, Link, LinkError

PORTS = range(20000, 21000)
"""Outer ports of new mappings unless others are wanted."""

Noted = Callable[[str], None]


@dataclass(slots=True)
class _Mapping:
    """An inner end with its outer one; ``remotes`` are those that it has sent to, None: all may send to it."""

    host: object
    inner: Address
    outer: Address
    used: float
    remotes: set[Address] | None = field(default_factory=set)


class Mappings:
    """The table of a NAT that maps each inner address and port to one outer port, whoever it sends to.

    Datagrams in pass only from where the inner end has sent to, and within ``timeout`` seconds of silence (None: for
    ever). ``note`` is told what happens, ``refused`` keeps what came in and had no mapping.
    """

    def __init__(
        self, outer: str, ports: range = PORTS, *, timeout: float | None = None, note: Noted = lambda text: None
    ) -> None:
        """An empty table; ``outer`` is the address of the outer side."""
        self.outer, self.timeout, self.note = outer, timeout, note
        self.refused: list[Datagram] = []
        self._ports: Iterator[int] = iter(ports)
        self._table: list[_Mapping] = []

    def outward(self, host: object, datagram: Datagram, now: float) -> Datagram:
        """A datagram on its way out, from its outer source. Raises `LinkError` when the ports are used up."""
        self._expire(now)
        found = next((one for one in self._table if one.host is host and one.inner == datagram.source), None)
        if found is None:
            found = self._add(host, datagram.source, now)
        found.used = now
        if found.remotes is not None:
            found.remotes.add(datagram.destination)
        return replace(datagram, source=found.outer)

    def inward(self, datagram: Datagram, now: float) -> tuple[object, Datagram] | None:
        """The host that a datagram in is for, and what that gets; None where there is no mapping."""
        self._expire(now)
        for one in self._table:
            admitted = one.remotes is None or datagram.source in one.remotes
            if one.outer == datagram.destination and admitted:
                one.used = now
                return one.host, replace(datagram, destination=one.inner)
        self.refused.append(datagram)
        self.note(f"the NAT has no mapping for {datagram.source} > {datagram.destination}")
        return None

    def forward(self, host: object, inner: Address, port: int) -> None:
        """A mapping for good that lets everybody in: port forwarding."""
        self._table.insert(0, _Mapping(host, inner, Address(self.outer, port), float("inf"), None))

    def forget(self) -> None:
        """Drop all mappings, as a NAT does that is started anew; port forwarding stays."""
        self._table = [one for one in self._table if one.remotes is None]
        self.note("the NAT forgets its mappings")

    def rebind(self, outer: str | None = None, ports: range | None = None) -> None:
        """Drop all mappings; new ones get other ports, and another address if ``outer`` names one."""
        self.forget()
        self.outer = outer or self.outer
        if ports is not None:
            self._ports = iter(ports)

    def _add(self, host: object, inner: Address, now: float) -> _Mapping:
        port = next(self._ports, None)
        if port is None:
            raise LinkError(f"the NAT has no port left for {inner}")
        new = _Mapping(host, inner, Address(self.outer, port), now)
        self._table.append(new)
        self.note(f"the NAT maps {new.inner} to {new.outer}")
        return new

    def _expire(self, now: float) -> None:
        if self.timeout is not None:
            self._table = [one for one in self._table if now - one.used <= self.timeout]


class Nat:
    """A NAT between hosts of ours and ``link``; its outer side has an address from which ``link`` can send."""

    def __init__(self, link: Link, mappings: Mappings) -> None:
        """A box without hosts behind it."""
        self.link, self.mappings = link, mappings

    def inside(self) -> "NatHost":
        """The link of a new host behind the NAT. Two hosts may have the same address."""
        return NatHost(self)

    def pump(self, until: float) -> bool:
        """Wait for one datagram and put it to its host's; False if none has come at ``until``."""
        found = self.link.receive(until)
        if isinstance(found, Datagram):
            taken = self.mappings.inward(found, self.link.now())
            if taken is not None:
                host, datagram = taken
                assert isinstance(host, NatHost)
                host.arrived.append(datagram)
        return found is not None


class NatHost:
    """The link of one host behind a `Nat`: it sees inner addresses only. Only UDP passes."""

    def __init__(self, nat: Nat) -> None:
        self.nat = nat
        self.arrived: deque[Datagram] = deque()

    def now(self) -> float:
        """The time of the link outside."""
        return self.nat.link.now()

    def send(self, datagram: Datagram) -> None:
        """Send through the NAT. Raises `LinkError`."""
        self.nat.link.send(self.nat.mappings.outward(self, datagram, self.now()))

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram for this host; None if none has come at ``until``."""
        while not self.arrived:
            if not self.nat.pump(until) and self.now() >= until:
                break
        return self.arrived.popleft() if self.arrived else None

    def close(self) -> None:
        """The link outside belongs to the NAT, which others may use."""


class DeviceNat:
    """A link with a NAT in front of the device: what the device sends seems to come from the NAT's outer address.

    What is sent to the outer address reaches the device through its mappings, or by port forwarding
    (`Mappings.forward` with this link as host).
    """

    def __init__(self, link: Link, mappings: Mappings) -> None:
        """A box in front of the device at the other end of ``link``."""
        self.link, self.mappings = link, mappings

    def now(self) -> float:
        """The time of the link."""
        return self.link.now()

    def send(self, datagram: Datagram) -> None:
        """Send to the outer address of the device, or past the NAT to any other."""
        if datagram.destination.host != self.mappings.outer:
            self.link.send(datagram)
            return
        taken = self.mappings.inward(datagram, self.now())
        if taken is not None:
            self.link.send(taken[1])

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram of the device, from its outer source."""
        found = self.link.receive(until)
        return self.mappings.outward(self, found, self.now()) if isinstance(found, Datagram) else found

    def close(self) -> None:
        """Close the link."""
        self.link.close()
