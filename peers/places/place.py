"""What an adapter needs from the place where its daemon runs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from conformance.net import Link
from peers.contract import Pixit


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
    pixit: Pixit
    directory: Path
    """The private directory on this host, where configuration goes and control sockets and logs appear."""
    inside: str
    """The path of the same directory as the daemon sees it."""
    data_plane: DataPlane

    @abstractmethod
    def open(self) -> None:
        """Prepare the place, after removing what dead runs left. Raises DeviceError."""

    @abstractmethod
    def launch(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the daemon, which may not run yet; does not wait for it to be ready. Raises DeviceError."""

    @abstractmethod
    def running(self) -> bool:
        """Whether the daemon's process exists."""

    @abstractmethod
    def halt(self) -> None:
        """End the daemon and wait for its end; does nothing where it does not run."""

    @abstractmethod
    def console(self) -> str:
        """What the daemon wrote to its standard output, for error messages."""

    @abstractmethod
    def open_link(self, *, ipv6: bool = False, ports: tuple[int, ...] | None = None) -> Link:
        """Bind the tester's side, by default its usual ports. Raises DeviceError."""

    @abstractmethod
    def close(self) -> None:
        """End the daemon and remove everything; safe to call twice."""
