"""What an adapter needs from the place where its daemon runs."""

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from enum import StrEnum
from pathlib import Path

from conformance.ike.core.connection import GreTunnel
from conformance.net import Link
from conformance.net.http import WebServer
from conformance.net.web import WebLink
from peers.contract import DeviceError, Pixit, RealNat, Vitals
from peers.places import counter
from peers.places.lastwords import last_words
from peers.places.process import SPELL, condition
from peers.places.shell import Shell

FLUSH = "ip xfrm state flush"


class DataPlane(StrEnum):
    """What protects the packets of a Child SA on this machine."""

    KERNEL = "kernel"
    """The kernel's own ESP: everything works."""
    SHIM = "shim"
    """Nothing: the kernel has no ESP and the daemon is made to believe otherwise. Negotiation is complete."""
    LIBIPSEC = "libipsec"
    """strongSwan's ESP in user space over a TUN device: tunnel mode in UDP only, and NAT detection is faked."""


class Place(ABC):
    """A place for one daemon: its addresses, its private directory, its life."""

    description: str
    """For reports: ``netns``, ``docker``."""
    build: str = ""
    """The same for a daemon that somebody built: which one it is, and with which sanitizers."""
    pixit: Pixit
    directory: Path
    """The private directory on this host, where configuration goes and control sockets and logs appear."""
    inside: str
    """The path of the same directory as the daemon sees it."""
    data_plane: DataPlane
    nat: RealNat | None = None
    """The NAT between tester and daemon, if this place has one; known once it is open."""
    just_booted: bool = False
    """Whether the daemon's clock starts with the place: its monotonic time is then a few seconds."""

    echoes: bool = False
    """Whether TCP port 7 of the inner address echoes."""
    reaches_web: bool = True
    """Whether the daemon reaches a web server at the tester's address (`open_web`)."""
    has_gre: bool = False
    """Whether GRE tunnels can be made."""

    counts_drops: bool = False
    """Whether `drops` works."""

    @abstractmethod
    def open(self) -> None:
        """Prepare the place, after removing what dead runs left. Raises DeviceError."""

    @abstractmethod
    def launch(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the daemon, which may not run yet; does not wait for it to be ready. Raises DeviceError."""

    def show(self, folder: str, at: str) -> bool:
        """Let the daemon find a folder of its run directory at another place, too; False: that is not possible here.

        For the place when it is open, before a shell or the daemon is.
        """
        return False

    @abstractmethod
    def running(self) -> bool:
        """Whether the daemon's process exists."""

    def ending(self) -> str:
        """How the daemon's process ended, in words; empty while it runs, or where nobody knows. Never raises."""
        return ""

    def epitaph(self, log: str) -> str:
        """How the daemon's process ended, with its own last words. Never raises."""
        try:
            words = last_words(log, self.console())
        except (DeviceError, OSError):
            words = last_words(log)
        return (self.ending() or "gone") + (f": {words}" if words else "")

    def complaint(self) -> str:
        """What sanitizers in the daemon have reported since this was asked last, in a line; mostly empty. Never raises.

        Waits for a report that is being written.
        """
        return ""

    def testimony(self) -> str:
        """For the evidence: new reports of sanitizers, and the backtrace of a dead daemon's core. Never raises.

        New are those since `turn_page`, as far as `complaint` has told them.
        """
        return ""

    def turn_page(self) -> None:
        """What was reported so far is no part of the evidence that follows."""
        return

    def condition(self) -> str:
        """Whether the daemon's process is stopped, spins or waits, in words; empty where nobody knows. Never raises."""
        try:
            first = self._stat()
            time.sleep(SPELL)
            return condition(first, self._stat())
        except (DeviceError, OSError):
            return ""

    def vitals(self) -> Vitals | None:
        """What the daemon's process uses, None where nobody knows. Never raises."""
        return None

    def coverage(self) -> bytes:
        """Which places of its code the daemon has reached (`peers.contract.Device.coverage`). Never raises."""
        return b""

    def _stat(self) -> str:
        """What ``/proc/PID/stat`` says of the daemon. Raises DeviceError, OSError."""
        raise DeviceError(self.description, "knows no process")

    @abstractmethod
    def halt(self) -> None:
        """End the daemon and wait for its end; does nothing where it does not run."""

    def shell(self) -> Shell:
        """A shell beside the daemon, for its control programs; the same one at every call. Raises DeviceError."""
        raise DeviceError(self.description, "has no shell for control programs")

    provoking: bool = False
    """Whether pings may still be under way."""

    def provoke(self, source: str, target: str) -> None:
        """Send a few pings that need a Child SA. What the kernel has asked for in vain keeps it for a second only."""
        pings = f"ping -n -c 4 -i 1 -W 1 -I {source} {target} >/dev/null 2>&1"
        self.hush()
        self.shell().run(f"echo 1 >/proc/sys/net/core/xfrm_acq_expires; {pings} & pings=$!")
        self.provoking = True

    def hush(self) -> None:
        """End the pings of `provoke`: without the connection they would go out in the clear. Never raises."""
        if not self.provoking:
            return
        self.provoking = False
        with suppress(DeviceError):
            self.shell().run('[ -z "$pings" ] || { kill -INT $pings; wait $pings; }; pings=')

    def counts_from(self) -> bool:
        """Whether it has what sets the sequence number of an SA."""
        try:
            return self.shell().run(counter.CHECK).status == 0
        except DeviceError:
            return False

    def count_from(self, address: str, spi: bytes, sequence: int) -> None:
        """Give the next ESP packet to ``address`` with this SPI this sequence number. Raises DeviceError."""
        done = self.shell().run(counter.script(address, spi, sequence))
        if done.status != 0:
            raise DeviceError(self.description, f"cannot set a sequence number: {done.output.strip()[-200:]}")

    def drops(self) -> int:
        """How many packets the kernel's IPsec has dropped. Raises DeviceError."""
        done = self.shell().run("cat /proc/net/xfrm_stat")
        if done.status != 0:
            raise DeviceError(self.description, "has no /proc/net/xfrm_stat", "CONFIG_XFRM_STATISTICS")
        return sum(int(line.split()[1]) for line in done.output.splitlines() if line.startswith("Xfrm"))

    def open_gre(self, tunnels: Sequence[GreTunnel]) -> None:
        """Make GRE tunnels and route the networks of the other side into them. Raises DeviceError."""
        raise DeviceError(self.description, "cannot make GRE tunnels")

    def close_gre(self) -> None:
        """Take the GRE tunnels away, if there are any."""
        return

    def forget_told(self) -> None:
        """Forget what earlier conversations have left: path MTUs, name servers, SAs in the kernel.

        No daemon can delete an SA whose SPI is 0: Linux finds none by that, but sends with it.
        """
        if self.data_plane is DataPlane.KERNEL:
            self.shell().run(FLUSH)

    def ping(self, source: str, destination: str) -> bool:
        """Send one echo request from an address beside the daemon; whether it is answered in a second.

        Raises DeviceError.
        """
        done = self.shell().run(f"ping -n -c 1 -W 1 -I {source} {destination}")
        if done.status not in (0, 1):
            complaint = (done.output.strip().splitlines() or ["it said nothing"])[-1]
            raise DeviceError(self.description, f"cannot ping: {complaint}", "apt-get install iputils-ping")
        return done.status == 0

    def control_path(self, name: str) -> str:
        """Where the daemon must make its control socket, as it sees it."""
        return f"{self.inside}/{name}"

    def connect(self, name: str) -> socket.socket:
        """A connection to the daemon's control socket. Raises OSError while that is not there."""
        found = socket.socket(socket.AF_UNIX)
        try:
            found.connect(str(self.directory / name))
        except OSError:
            found.close()
            raise
        return found

    @abstractmethod
    def console(self) -> str:
        """What the daemon wrote to its standard output, for error messages."""

    @abstractmethod
    def open_link(self, *, ipv6: bool = False, ports: tuple[int, ...] | None = None) -> Link:
        """Bind the tester's side, by default its usual ports. Raises DeviceError."""

    def open_web(self, server: WebServer) -> AbstractContextManager[object]:
        """Serve the tester's side of HTTP. Raises LinkError, DeviceError."""
        return WebLink(server)

    @abstractmethod
    def close(self) -> None:
        """End the daemon and remove everything; safe to call twice."""
