"""What all adapters of daemons have in common: how one lives and dies in its place, whatever it is told there."""

from abc import abstractmethod
from contextlib import AbstractContextManager, suppress

from conformance.ike.core.connection import Connection
from conformance.net import Link
from conformance.net.http import WebServer
from peers.capabilities import Capability
from peers.contract import Death, Device, DeviceError, Vitals
from peers.places.place import Place


class Daemon(Device):
    """A daemon in a place. An adapter says how it is prepared, asked for a sign of life, and how it ended."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.pixit = place.pixit
        self._connection: Connection | None = None
        self._log_from = 0
        self._death: Death | None = None
        self._told: set[str] = set()
        self._leaks = ""

    # --- what an adapter says

    @abstractmethod
    def _running(self) -> bool:
        """Whether there is a connection to the daemon's control interface."""

    @abstractmethod
    def _start(self) -> None:
        """Prepare the place, start the daemon, and ask it what it is. Raises DeviceError."""

    @abstractmethod
    def _let_go(self) -> None:
        """Let go of the control interface and of all that was known of the daemon."""

    @abstractmethod
    def _ask(self) -> None:
        """Ask for a sign of life. Raises DeviceError where there is none."""

    @abstractmethod
    def _epitaph(self) -> str:
        """How the daemon ended, in words; it has."""

    def _is_dying(self) -> bool:
        """Whether it has said that it crashes; where that is so, this waits for its end."""
        return False

    # --- life

    def start(self) -> None:
        """Prepare the place, start the daemon, and ask it what it is."""
        if self._running():
            return
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the daemon and remove the place."""
        self._let_go()
        self._connection = self._death = None
        self._leaks = ""
        self._place.close()

    def _halt(self) -> None:
        """End the daemon; what it reports at its end is kept for `farewell`."""
        self._place.halt()
        self._leaks = self._leaks or self._place.complaint()

    def farewell(self) -> Death | None:
        """End the daemon; the leaks that it and those before it have found then.

        One in a place that is too slow to say how it ended has nothing more to say.
        """
        with suppress(DeviceError):
            self._halt()
        words = self._leaks
        self.stop()
        return Death(f"{words}, at its end", reported=True) if words else None

    def alive(self) -> bool:
        """Whether the daemon's process exists and answers a request."""
        if not self._running():
            return False
        words = self._place.complaint()
        if words and words not in self._told and self._place.running():
            self._told.add(words)  # each new process would find it again
            self._death = self._death or Death(words, reported=True)
        try:
            if self._place.running() and not self._is_dying():
                self._ask()
                return True
        except DeviceError:
            pass
        if not self._place.running():
            self._death = self._death or Death(self._epitaph())
        return False

    def obituary(self) -> Death | None:
        """How the daemon died since this was asked last."""
        found, self._death = self._death, None
        return found

    def vitals(self) -> Vitals | None:
        """What its process uses, where that is seen from here."""
        return self._place.vitals()

    def coverage(self) -> bytes:
        """What the place knows of its process."""
        return self._place.coverage()

    def condition(self) -> str:
        """Whether its process is stopped, spins or waits."""
        return self._place.condition()

    @property
    def namespace(self) -> str:
        """The network namespace of the daemon, empty where it has none that ``ip netns`` knows."""
        return getattr(self._place, "device_namespace", "")

    # --- what can be seen

    def count_from(self, name: str, sequence: int) -> None:
        """Set the sequence number in the kernel, for the newest Child SA of that name."""
        self.require(Capability.SEQUENCE_PRESET)
        found = [child.spi_out for sa in self.list_sas() for child in sa.children if child.name == name]
        if not found:
            raise DeviceError(self.name, f"has no Child SA {name!r}")
        self._place.count_from(self.pixit.tester_address, found[-1], sequence)

    def drops(self) -> int:
        """How many packets the kernel's IPsec has dropped."""
        self.require(Capability.DROP_COUNTERS)
        return self._place.drops()

    def ping(self, source: str, destination: str) -> bool:
        """Send an echo request from an inner address; whether the answer comes within a second."""
        self.require(Capability.DATA_PLANE)
        return self._place.ping(source, destination)

    def open_link(self, *, ipv6: bool = False) -> Link:
        """The link between the scripted peer and the daemon."""
        return self._place.open_link(ipv6=ipv6)

    def open_web(self, server: WebServer) -> AbstractContextManager[object]:
        """Sockets at the tester's end."""
        return self._place.open_web(server)

    def _logged(self, name: str, since: int | None = None) -> bytes:
        """A file of the run directory from an offset on, by default from where the log of the connection begins."""
        try:
            with (self._place.directory / name).open("rb") as file:
                file.seek(self._log_from if since is None else since)
                return file.read()
        except (OSError, AttributeError):
            return b""

    def _loaded(self) -> Connection:
        if self._connection is None:
            raise DeviceError(self.name, "has no connection", "apply one first")
        return self._connection
