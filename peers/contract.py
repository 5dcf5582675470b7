"""What every device under test offers to the suites: the contract between a test purpose and an adapter.

A device is described by what it claims (`Capability`, the PICS of ISO/IEC 9646) and by how it is reached (`Pixit`), and
is driven by the few methods of `Device`. Everything that an adapter cannot do it says with `Unsupported`, so that a
purpose which needs it is *not applicable* for a stated reason.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from conformance.crypto import CryptoError
from conformance.ike.core.connection import Connection, Mode
from conformance.net import Link
from conformance.net.http import WebServer
from conformance.net.web import WebLink
from peers.algorithms import MUSTS, Algorithms, Limits
from peers.capabilities import Capability
from peers.credentials import USUAL, Credentials


class DeviceError(Exception):
    """A device cannot be used: one line with which device, what happened, and what to do about it."""

    def __init__(self, device: str, problem: str, mend: str = "") -> None:
        self.device = device
        self.problem = problem
        self.mend = mend
        super().__init__(f"{device}: {problem}" + (f"; {mend}" if mend else ""))


class Unsupported(DeviceError):  # noqa: N818 - reads as a statement about the device
    """The device cannot do this; `capability` says what a purpose would have needed."""

    def __init__(self, capability: Capability, device: str = "device", detail: str = "") -> None:
        self.capability = capability
        super().__init__(device, f"does not support {capability} ({detail or capability.description})")


@dataclass(frozen=True, slots=True)
class Retransmission:
    """How a device repeats a request that nobody answers.

    First after ``timeout`` seconds, then after intervals each ``base`` times as long as the last, ``tries`` times.
    """

    timeout: float
    base: float
    tries: int

    def until(self, number: int) -> float:
        """Seconds from the request to its repetition with this number, the first one is 1."""
        return self.timeout * sum(self.base**at for at in range(number))

    @property
    def patience(self) -> float:
        """Seconds after which it gives up."""
        return self.until(self.tries + 1)


@dataclass(frozen=True, slots=True)
class Pixit:
    """How a device is reached: addresses, ports, inner networks, timers. All times in seconds.

    ``device_networks`` are prefixes behind the device, ``tester_networks`` those the scripted peer speaks for; inside
    each device network the first host address exists. ``response_timeout`` is how long the suites wait for any answer.
    ``retransmission`` is how it repeats its requests where no connection can say so, None: nobody knows.
    At ``tester_spare_name`` the device finds ``tester_spare``, None: it finds no names.
    ``half_open_timeout`` is how long it keeps an IKE SA whose IKE_AUTH never comes. ``tester_spare`` is a second IPv4
    address that the tester can send from, as a NAT may get one in mid-session, ``tester_spare6`` one of IPv6. Behind a
    real NAT the device sees the tester at ``tester_outer``, and has the address ``device_inner`` itself. ``algorithms``
    are those that it takes, ``credentials`` those that both know. From ``device_pool`` the device assigns inner
    addresses to us, from ``tester_pool`` we to it. ``eap`` are the EAP methods that it takes, in words of
    `conformance.eap`. At ``web_port`` of the tester's address the device finds over HTTP what certificates name.
    """

    device_address: str
    tester_address: str
    device_address6: str | None = None
    tester_address6: str | None = None
    device_ports: tuple[int, int] = (500, 4500)
    tester_ports: tuple[int, int] = (500, 4500)
    device_networks: tuple[str, ...] = ("10.2.0.0/24",)
    tester_networks: tuple[str, ...] = ("10.1.0.0/24",)
    response_timeout: float = 2.0
    retransmission: Retransmission | None = None
    half_open_timeout: float = 30.0
    tester_spare: str | None = None
    tester_spare6: str | None = None
    tester_spare_name: str | None = None
    tester_outer: str | None = None
    device_inner: str | None = None
    algorithms: Algorithms = MUSTS
    credentials: Credentials = USUAL
    device_pool: str | None = None
    tester_pool: str | None = None
    eap: tuple[str, ...] = ()
    web_port: int = 8880

    def swapped(self) -> "Pixit":
        """The same with the device in the tester's place: how a second device is reached that is the first one's peer.

        Only who has which address, port and network is exchanged; the timers stay.
        """
        return replace(
            self,
            device_address=self.tester_address,
            tester_address=self.device_address,
            device_address6=self.tester_address6,
            tester_address6=self.device_address6,
            device_ports=self.tester_ports,
            tester_ports=self.device_ports,
            device_networks=self.tester_networks,
            tester_networks=self.device_networks,
            device_pool=self.tester_pool,
            tester_pool=self.device_pool,
            tester_spare_name=None,
            tester_outer=None,
            device_inner=None,
        )


class SaState(StrEnum):
    """The life of an SA as a device reports it, coarse enough to be true of every implementation."""

    CONNECTING = "connecting"
    ESTABLISHED = "established"
    REKEYING = "rekeying"
    REKEYED = "rekeyed"
    DELETING = "deleting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """A Child SA of the device. SPIs are 4 octets, selectors are written as in `ChildConfig`, counters in octets.

    ``spi_in`` is the SPI that the device chose (packets to it carry it). A counter is None where the device has none.
    """

    name: str
    spi_in: bytes
    spi_out: bytes
    local_ts: tuple[str, ...] = ()
    remote_ts: tuple[str, ...] = ()
    mode: Mode = Mode.TUNNEL
    state: SaState = SaState.ESTABLISHED
    bytes_in: int | None = None
    bytes_out: int | None = None


@dataclass(frozen=True, slots=True)
class SaStatus:
    """An IKE SA of the device; SPIs are 8 octets, all zero while the responder's is not known yet."""

    spi_i: bytes
    spi_r: bytes
    state: SaState
    children: tuple[ChildStatus, ...] = ()


class RealNat(Protocol):
    """A NAT between tester and device that can be told to behave badly."""

    @property
    def behind(self) -> str:
        """``tester`` or ``device``."""

    def rebind(self, outer: str | None = None) -> None:
        """Drop all mappings; new ones get other ports, and another address if ``outer`` names one."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a device ended, in words (``killed by SIGSEGV``); ``hung``: it was ended since it did nothing any more.

    ``reported``: it has not ended, but what was built into it to find faults has found one. ``backtrace`` are the
    frames where it ended, innermost first, as far as anybody knows.
    """

    words: str
    hung: bool = False
    reported: bool = False
    backtrace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a device uses of its machine: octets of memory, and numbers of others.

    ``cpu`` is the time that its threads have computed so far, in seconds, ``waited`` the time for which they could have
    computed and others did, 0 where nobody knows.
    """

    memory: int
    descriptors: int = 0
    threads: int = 0
    cpu: float = 0.0
    waited: float = 0.0


HUNG = "its control interface does not answer: "
"""How an adapter begins to say that a device hangs; its `Device.condition` follows."""


class Device(ABC):
    """A device under test. A context manager: entering starts it, leaving stops it whatever happened.

    Methods that make the device act (`initiate`, `rekey_ike` ...) only give the order and return at once; what comes
    of it is seen on the link. All of them raise `Unsupported` where the adapter has no means, and `DeviceError` where
    the device is gone or refuses.
    """

    name: str
    """Short name, as used in reports and on the command line."""
    version: str = ""
    """The device's own version, empty until it is started."""
    backend: str = ""
    """Where and how it runs, in words (``netns, kernel-netlink with shim``)."""
    capabilities: frozenset[Capability] = frozenset()
    """The PICS: what the device claims. May depend on where it runs, so read it after `start`."""
    pixit: Pixit
    nat: RealNat | None = None
    """The real NAT between tester and device where there is one; known after `start`."""
    deviations_file: Path | None = None
    """The known deviations of this device (`peers.deviations`), if somebody wrote them down."""
    restarts: bool = True
    """Whether `stop` and `start` really end and start it, so that one that died or hangs comes back."""
    real_time: bool = True
    """Whether time really passes for it, so that one has to wait for what it does later."""
    described_in: Path | None = None
    """The device file, if there is one."""
    limits: Limits = Limits()
    """To which of its algorithms the suites shall keep."""

    @property
    def profile(self) -> Pixit:
        """The PIXIT with no more algorithms than `limits` allow; read it after `start`.

        Raises DeviceError where they name what the device does not take.
        """
        try:
            return replace(self.pixit, algorithms=self.pixit.algorithms.within(self.limits))
        except CryptoError as error:
            raise DeviceError(self.name, str(error)) from None

    @abstractmethod
    def start(self) -> None:
        """Start the device or connect to it; returns when it answers. Raises DeviceError."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it and remove every trace of it on this host. Safe to call twice and after a failed start."""

    @abstractmethod
    def open_link(self, *, ipv6: bool = False) -> Link:
        """Open the link on which the scripted peer reaches the device; the caller closes it."""

    def open_web(self, server: WebServer) -> AbstractContextManager[object]:
        """Let the device reach this server at its address, which is one of the tester, inside of ``with``.

        Raises LinkError where it cannot be bound.
        """
        return WebLink(server)

    @abstractmethod
    def apply(self, connection: Connection) -> None:
        """Load the device's own view of a connection in place of whatever was loaded, and drop all SAs.

        A device may send a last Delete for a dropped SA, but not after this has returned: open the link afterwards, or
        throw away what has arrived on it. Starts a new section of the log. Raises Unsupported where the device cannot
        express the connection.
        """

    @abstractmethod
    def clear(self) -> None:
        """Forget connections, secrets and SAs; what `apply` says about a last Delete holds here too."""

    def initiate(self, child: str | None = None) -> None:
        """Open the IKE SA and the named Child SA (None: the connection's first one, or none when it is childless)."""
        raise Unsupported(Capability.INITIATOR, self.name)

    def provoke(self, source: str, target: str) -> None:
        """A host behind the device pings one behind us, for whom there must be a Child SA and is none."""
        raise Unsupported(Capability.ON_DEMAND, self.name)

    def rekey_ike(self) -> None:
        """Rekey the IKE SA now."""
        raise Unsupported(Capability.REKEY_IKE, self.name)

    def rekey_child(self, name: str) -> None:
        """Rekey the named Child SA now."""
        raise Unsupported(Capability.REKEY_CHILD, self.name)

    def reauthenticate(self) -> None:
        """Reauthenticate: replace the IKE SA by a new one with all its Child SAs."""
        raise Unsupported(Capability.REAUTH, self.name)

    def limit_authentication(self, seconds: float) -> None:
        """Demand of the peer that has opened the IKE SA that it authenticates again within so many seconds."""
        raise Unsupported(Capability.AUTH_LIFETIME_LATER, self.name)

    def redirect(self, gateway: str) -> None:
        """Send the peer of the IKE SA, of which it is the responder, to another gateway now (RFC 5685, section 5)."""
        raise Unsupported(Capability.REDIRECT_LATER, self.name)

    def delete_ike(self) -> None:
        """Delete the IKE SA now, telling the peer."""
        raise Unsupported(Capability.DELETE_IKE, self.name)

    def delete_child(self, name: str) -> None:
        """Delete the named Child SA now, telling the peer."""
        raise Unsupported(Capability.DELETE_CHILD, self.name)

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs that the device holds, with their Child SAs."""
        raise Unsupported(Capability.LIST_SAS, self.name)

    def ping(self, source: str, destination: str) -> bool:
        """Send an echo request from an inner address behind the device; whether the answer comes within a second.

        Returns only then, so somebody else must carry the packets meanwhile.
        """
        raise Unsupported(Capability.DATA_PLANE, self.name)

    def count_from(self, name: str, sequence: int) -> None:
        """Give the next packet that it sends on the named Child SA this sequence number."""
        raise Unsupported(Capability.SEQUENCE_PRESET, self.name)

    def drops(self) -> int:
        """How many packets its IPsec has dropped so far, for whatever reason."""
        raise Unsupported(Capability.DROP_COUNTERS, self.name)

    def log(self) -> str:
        """What the device logged since the last `apply`; empty where its log cannot be read."""
        return ""

    def logged(self, mark: int = 0) -> tuple[str, int]:
        """What the log has since a mark of an earlier call, 0: since the last `apply`; and the next mark."""
        text = self.log()
        return text[mark:], len(text)

    @abstractmethod
    def alive(self) -> bool:
        """Whether the device still runs and answers its control interface; never raises."""

    def obituary(self) -> Death | None:
        """How the device has died since this was asked last; None if it has not, or if nobody can tell.

        Cheap: nothing is asked of the device. A death that the adapter has mended by itself is told here, too. Never
        raises.
        """
        return None

    def farewell(self) -> Death | None:
        """Stop the device; what it reports of itself only at its end, such as memory that it has leaked."""
        self.stop()
        return None

    def vitals(self) -> Vitals | None:
        """What the device uses of its machine, None where nobody knows. Cheap; never raises."""
        return None

    def kept(self) -> Mapping[str, int]:
        """How much it keeps, by the place where it does; empty where nobody can tell. Cheap; never raises."""
        return {}

    def coverage(self) -> bytes:
        """Which places of its code it has reached since this was asked last: an octet for each, not 0 where it has.

        Empty where it was not built to tell. Cheap; never raises.
        """
        return b""

    def condition(self) -> str:
        """What can be said from outside about a device that runs and does not answer, in words; never raises."""
        return ""

    def require(self, *needed: Capability) -> None:
        """Raise Unsupported for the first capability that the device does not claim."""
        for capability in needed:
            if capability not in self.capabilities:
                raise Unsupported(capability, self.name)

    def __enter__(self) -> Self:
        """Start the device; a failed start leaves nothing behind."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the device."""
        self.stop()
