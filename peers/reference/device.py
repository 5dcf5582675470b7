"""The reference device in this process: no socket, no real waiting, no privileges. The default device under test."""

import time
from importlib.metadata import PackageNotFoundError, version

from conformance.ike.core.connection import Connection
from conformance.ike.endpoint import Endpoint
from conformance.net import Link
from conformance.net.memory import MemoryLink
from peers.algorithms import ALL, computable
from peers.contract import Capability, Device, DeviceError, Pixit, SaStatus
from peers.reference.dataplane import DeviceHost
from peers.reference.defects import all_defects
from peers.reference.engine import ReferenceEngine

CAPABILITIES = frozenset(
    {
        Capability.INITIATOR,
        Capability.RESPONDER,
        Capability.CONFIGURABLE,
        Capability.PSK,
        Capability.RSA,
        Capability.RSA_PSS,
        Capability.ECDSA,
        Capability.ED25519,
        Capability.RFC7427,
        Capability.COOKIE,
        Capability.COOKIE_ALWAYS,
        Capability.FRAGMENTATION,
        Capability.NAT_T,
        Capability.FORCED_ENCAPSULATION,
        Capability.CHILDLESS,
        Capability.CHILDLESS_REFUSAL,
        Capability.MULTIPLE_CHILDREN,
        Capability.NARROWING,
        Capability.PFS,
        Capability.TUNNEL,
        Capability.TRANSPORT,
        Capability.AH,
        Capability.ESN,
        Capability.REKEY_IKE,
        Capability.REKEY_CHILD,
        Capability.REAUTH,
        Capability.DELETE_IKE,
        Capability.DELETE_CHILD,
        Capability.LIFETIME,
        Capability.TIMERS,
        Capability.DPD,
        Capability.LIST_SAS,
        Capability.LOG,
        Capability.IPV6,
        Capability.DATA_PLANE,
        Capability.PATH_MTU,
        Capability.GRE,
        Capability.DROP_COUNTERS,
        Capability.ECHO,
        Capability.VIRTUAL_IP,
    }
)

PIXIT = Pixit(
    device_address="192.0.2.2",
    tester_address="192.0.2.1",
    device_address6="2001:db8::2",
    tester_address6="2001:db8::1",
    tester_spare="192.0.2.9",
    algorithms=ALL.having(computable),
)


def endpoint_class(defect: str | None) -> type[Endpoint]:
    """The correct endpoint, or the one with a named defect. Raises DeviceError for an unknown name."""
    if defect is None:
        return Endpoint
    known = all_defects()
    if defect not in known:
        raise DeviceError("reference", f"unknown defect {defect!r}", f"known are {', '.join(sorted(known)) or 'none'}")
    return known[defect].endpoint


def host_class(defect: str | None) -> type[DeviceHost]:
    """The correct data plane, or the one with a named defect."""
    return all_defects()[defect].host if defect is not None else DeviceHost


class ReferenceDevice(Device):
    """Our own implementation on a link with a virtual clock. ``defect`` names what is wrong with it, None: nothing."""

    name = "reference"

    def __init__(self, defect: str | None = None, *, seed: int = 1, pixit: Pixit = PIXIT) -> None:
        """A device that is not started yet."""
        self.defect, self.seed = defect, seed
        endpoint_class(defect)
        self.capabilities = CAPABILITIES
        self.pixit = pixit
        self.backend = "in this process, virtual clock"
        self._engine: ReferenceEngine | None = None

    def start(self) -> None:
        """Make the engine."""
        try:
            self.version = version("ikespec")
        except PackageNotFoundError:
            self.version = "source tree"
        if self.defect:
            self.version += f" with defect {self.defect}"
        self._engine = ReferenceEngine(endpoint_class(self.defect), self.seed, time.time(), host_class(self.defect))

    def stop(self) -> None:
        """Nothing is left."""
        self._engine = None

    @property
    def engine(self) -> ReferenceEngine:
        """The engine. Raises DeviceError before `start`."""
        if self._engine is None:
            raise DeviceError(self.name, "is not started")
        return self._engine

    def open_link(self, *, ipv6: bool = False) -> Link:
        """A link in memory; one serves both address families."""
        return MemoryLink(self.engine, self.engine.now)

    def apply(self, connection: Connection) -> None:
        """Start anew with a connection."""
        self.engine.apply(connection)

    def clear(self) -> None:
        """Forget everything."""
        self.engine.clear()

    def initiate(self, child: str | None = None) -> None:
        """Open an IKE SA."""
        self.engine.initiate(child)

    def rekey_ike(self) -> None:
        """Rekey the IKE SA."""
        self.engine.rekey_ike()

    def rekey_child(self, name: str) -> None:
        """Rekey a Child SA."""
        self.engine.rekey_child(name)

    def reauthenticate(self) -> None:
        """Delete the IKE SA and open another."""
        self.engine.reauthenticate()

    def delete_ike(self) -> None:
        """Delete the IKE SA."""
        self.engine.delete_ike()

    def delete_child(self, name: str) -> None:
        """Delete a Child SA."""
        self.engine.delete_child(name)

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs."""
        return self.engine.list_sas()

    def drops(self) -> int:
        """How many packets its IPsec has dropped."""
        return self.engine.drops()

    def log(self) -> str:
        """The log since `apply`."""
        return self.engine.log()

    def alive(self) -> bool:
        """True between `start` and `stop`."""
        return self._engine is not None
