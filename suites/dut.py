"""The device under test as a purpose sees it: orders that stand in the trace."""

from collections.abc import Callable
from ipaddress import ip_network

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Connection, Psk
from conformance.script.message import rekeys_child, rekeys_ike
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, NotApplicable
from conformance.wire import Message
from peers.capabilities import Capability
from peers.contract import ChildStatus, Device, Pixit, RealNat, Retransmission, SaState, SaStatus
from suites.guard import Guard
from suites.radius import Aaa

OTHER_HOST = 9
"""The number of a host of our network that nothing else is about."""
LONGEST = 300.0
"""Seconds that a purpose may wait for a device to give up."""


class Dut:
    """The device during one purpose. An order returns at once; what comes of it is seen by the peer."""

    aaa: Aaa | None = None
    """The AAA server that the device asks, if its connection says so."""

    def __init__(self, device: Device, peer: Peer, connection: Connection, guard: Guard) -> None:
        """``connection`` is the device's own view, which is loaded already."""
        self.device, self.peer, self.connection, self.guard = device, peer, connection, guard

    def _order(self, text: str, *wanted: Callable[[Message], bool]) -> None:
        """What came before an order is no reaction to it. ``wanted`` are CREATE_CHILD_SA requests that may follow."""
        self.guard.retire()
        self.peer.forget()
        self.peer.ordered += wanted
        self.peer.note(text)

    @property
    def pixit(self) -> Pixit:
        """How the device is reached."""
        return self.device.pixit

    @property
    def nat(self) -> RealNat | None:
        """The real NAT between us and the device, if there is one."""
        return self.device.nat

    @property
    def retransmission(self) -> Retransmission:
        """How the device repeats its requests: as it is configured, or as it does anyhow.

        Raises NotApplicable where that is not known, and where nobody would wait so long.
        """
        own, found = self.connection, self.pixit.retransmission
        if Capability.TIMERS in self.device.capabilities:
            found = Retransmission(own.retransmit_timeout, own.retransmit_base, own.retransmit_tries)
        if found is None:
            raise NotApplicable("nobody has said how the device repeats its requests (timers of its file)")
        if found.patience > LONGEST:
            raise NotApplicable(f"the device repeats a request for {found.patience:.0f} s")
        return found

    def looks_at_identities(self) -> None:
        """Raises NotApplicable where the device is meant to take whoever has the shared key, under any name."""
        if self.pixit.credentials.any_identity and isinstance(self.connection.remote.auth, Psk):
            raise NotApplicable("the device takes whoever has the shared key (secrets.any_identity of its file)")

    def initiate(self, child: str | None = None) -> None:
        """Open the IKE SA and the named Child SA, by default the first one.

        Raises Inconclusive where that is known not to work.
        """
        if self.guard.mute:
            raise Inconclusive(self.guard.mute)
        self._order("the device is told to initiate", rekeys_child)
        self.device.initiate(child)

    def provoke(self) -> tuple[str, str]:
        """Let a host behind the device ping one behind us; returns the two. There is no Child SA for that yet."""
        if self.guard.mute:
            raise Inconclusive(self.guard.mute)
        theirs, ours = (ip_network(one[0]) for one in (self.pixit.device_networks, self.pixit.tester_networks))
        source, target = str(theirs[1]), str(ours[OTHER_HOST])
        self._order(f"{source} behind the device pings {target}")
        self.device.provoke(source, target)
        return source, target

    def rekey_ike(self) -> None:
        """Rekey the IKE SA."""
        self._order("the device is told to rekey the IKE SA", rekeys_ike)
        self.device.rekey_ike()

    def rekey_child(self, name: str = "net") -> None:
        """Rekey a Child SA."""
        self._order("the device is told to rekey the Child SA", rekeys_child)
        self.device.rekey_child(name)

    def reauthenticate(self) -> None:
        """Replace the IKE SA and its Child SAs by new ones."""
        self._order("the device is told to reauthenticate", rekeys_child)
        self.device.reauthenticate()

    def limit_authentication(self, seconds: float) -> None:
        """Demand by AUTH_LIFETIME that we authenticate again."""
        self._order(f"the device is told to demand that we authenticate again within {seconds:g} s")
        self.device.limit_authentication(seconds)

    def redirect(self, gateway: str) -> None:
        """Send us to another gateway."""
        self._order(f"the device is told to redirect us to {gateway}")
        self.device.redirect(gateway)

    def count_from(self, sequence: int, name: str = "net") -> None:
        """Give the next packet that it sends on a Child SA this sequence number: nobody waits for so many before."""
        self._order(f"the device's next packet gets the number {sequence}", rekeys_child)
        self.device.count_from(name, sequence)

    def delete_ike(self) -> None:
        """Delete the IKE SA."""
        self._order("the device is told to delete the IKE SA")
        self.device.delete_ike()

    def delete_child(self, name: str = "net") -> None:
        """Delete a Child SA."""
        self._order("the device is told to delete the Child SA")
        self.device.delete_child(name)

    def sas(self) -> list[SaStatus]:
        """The IKE SAs that the device holds, without the one that is there to see whether it lives."""
        return [sa for sa in self.device.list_sas() if not self.guard.is_canary(sa.spi_i)]

    def log(self) -> str:
        """What the device has logged of this purpose."""
        return self.device.log() if self.guard.log is None else self.guard.log

    def drops(self) -> int:
        """How many packets the IPsec of the device has dropped so far."""
        return self.device.drops()

    def state(self, spi_i: bytes) -> SaState | None:
        """The state in which the device lists the IKE SA with this SPI of its initiator.

        None: it does not, or it cannot list any.
        """
        if Capability.LIST_SAS not in self.device.capabilities:
            return None
        return next((one.state for one in self.sas() if one.spi_i == spi_i), None)

    def watch(
        self, spi_i: bytes, shown: Callable[[], object], meanwhile: Callable[[], None] | None = None
    ) -> SaState | None:
        """Let time pass until the device has ``shown`` what it makes of our last message; returns its state then.

        That, or its list says so: the IKE SA is up, or gone. A device may take its time over a message and drop what
        comes meanwhile, so all the time for an answer passes otherwise; now and then ``meanwhile`` is called.
        """
        listing = Capability.LIST_SAS in self.device.capabilities
        patience, started = self.peer.response_timeout, self.peer.link.now()
        step = patience / 100
        while True:
            self.peer.idle(step)
            waited, state = self.peer.link.now() - started, self.state(spi_i)
            gone = listing and state is None and waited > patience / 4  # a list may be a moment late
            if shown() or gone or state == SaState.ESTABLISHED or waited >= patience:
                return state
            if meanwhile is not None:
                meanwhile()
            step = min(2 * step, patience - waited)

    def established(self) -> list[SaStatus]:
        """Those that are up."""
        return [sa for sa in self.sas() if sa.state == SaState.ESTABLISHED]

    def child(self, ours: ChildSa) -> ChildStatus | None:
        """What the device says of a Child SA, None: it has none of these SPIs."""
        found = [child for sa in self.sas() for child in sa.children]
        return next((child for child in found if (child.spi_in, child.spi_out) == (ours.spi_out, ours.spi_in)), None)
