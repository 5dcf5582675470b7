"""The reference device in this process: no socket, no real waiting, no privileges. The default device under test."""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from conformance import version
from conformance.eap.making import KNOWN
from conformance.ike.core.connection import Connection
from conformance.net import Link
from conformance.net.fetching import WebClient
from conformance.net.http import WebServer
from conformance.net.memory import MemoryLink
from peers.algorithms import ALL, computable
from peers.byhand import as_configured
from peers.capabilities import Capability
from peers.contract import Death, Device, DeviceError, Pixit, SaStatus
from peers.reference.engine import ReferenceEngine
from peers.reference.model import model
from peers.reference.mortal import Mortal

CAPABILITIES = frozenset(
    {
        Capability.INITIATOR,
        Capability.RESPONDER,
        Capability.ON_DEMAND,
        Capability.CONFIGURABLE,
        Capability.PSK,
        Capability.PSK_EACH_WAY,
        Capability.RSA,
        Capability.RSA_PSS,
        Capability.ECDSA,
        Capability.ECDSA_384,
        Capability.ECDSA_521,
        Capability.ED25519,
        Capability.ED448,
        Capability.BRAINPOOL,
        Capability.RFC7427,
        Capability.COOKIE,
        Capability.COOKIE_ALWAYS,
        Capability.FRAGMENTATION,
        Capability.IKE_PATH_MTU,
        Capability.NAT_T,
        Capability.FORCED_ENCAPSULATION,
        Capability.CHILDLESS,
        Capability.CHILDLESS_INITIATOR,
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
        Capability.ANY_IDENTITY,
        Capability.SEVERAL_CONNECTIONS,
        Capability.LOG,
        Capability.IPV6,
        Capability.DATA_PLANE,
        Capability.PATH_MTU,
        Capability.GRE,
        Capability.GRE_TUNNELS,
        Capability.DROP_COUNTERS,
        Capability.SEQUENCE_PRESET,
        Capability.ECHO,
        Capability.VIRTUAL_IP,
        Capability.VIRTUAL_IP6,
        Capability.VIRTUAL_IPS,
        Capability.CONFIG_DNS,
        Capability.CONFIG_NBNS,
        Capability.CONFIG_SUBNETS,
        Capability.SPLIT_DNS,
        Capability.ENCRYPTED_DNS,
        Capability.RESOLVER_DIGEST,
        Capability.ADDRESS_FAMILIES,
        Capability.IPV6_LINK,
        Capability.PRIVATE_ATTRIBUTES,
        Capability.ROUTE_EXCHANGE,
        Capability.ROUTES_IN_AUTH,
        Capability.ROUTE_UPDATES,
        Capability.EAP,
        Capability.AAA,
        Capability.AAA_KEYS,
        Capability.AAA_AUTHORIZATION,
        Capability.ACCOUNTING,
        Capability.ACCOUNTING_INTERIM,
        Capability.COA,
        Capability.COA_CLIENTS,
        Capability.IDENTITY_DOMAIN,
        Capability.IDENTITY_NETWORK,
        Capability.IDENTITY_SUBJECT,
        Capability.SESSION_CHANGE,
        Capability.SESSION_TIMEOUT,
        Capability.IDLE_TIMEOUT,
        Capability.AAA_DNS,
        Capability.AAA_ADDRESS6,
        Capability.AAA_NETMASK,
        Capability.AAA_NBNS,
        Capability.AAA_POOLS,
        Capability.AAA_ROUTES,
        Capability.AAA_FILTERS,
        Capability.CISCO_PAIRS,
        Capability.EAP_PEER,
        Capability.EAP_ONLY,
        Capability.MULTIPLE_AUTH,
        Capability.NULL_AUTH,
        Capability.RAW_PUBLIC_KEYS,
        Capability.CERTIFICATE_CHOICE,
        Capability.CRL,
        Capability.CRL_OF_ANCHOR,
        Capability.CRL_IN_IKE,
        Capability.OCSP,
        Capability.OCSP_IN_IKE,
        Capability.MAKE_BEFORE_BREAK,
        Capability.BREAK_BEFORE_MAKE,
        Capability.AUTH_LIFETIME,
        Capability.AUTH_LIFETIME_LATER,
        Capability.AUTH_LIFETIME_CHANGE,
        Capability.AUTH_LIFETIME_CLIENT,
        Capability.REAUTH_LIFETIME,
        Capability.CHILD_LIFETIME,
        Capability.LIFETIME_PACKETS,
        Capability.LIFETIME_OCTETS,
        Capability.CHILD_IDLE,
        Capability.IKE_LIMIT,
        Capability.CHILD_LIMIT,
        Capability.PFS_DEMANDED,
        Capability.REOPENS,
        Capability.REOPENS_CHILD,
        Capability.ANSWERS_ONLY,
        Capability.ANSWERS_PACKETS,
        Capability.UNIQUE_REPLACE,
        Capability.UNIQUE_KEEP,
        Capability.DPD_ON_DEMAND,
        Capability.BACKUP_GATEWAYS,
        Capability.BACKUP_ON_REFUSAL,
        Capability.GATEWAY_RETURN,
        Capability.REDIRECT,
        Capability.REDIRECT_INIT,
        Capability.REDIRECT_AUTH,
        Capability.REDIRECT_LATER,
        Capability.HASH_AND_URL,
    }
)

ALGORITHMS = ALL.having(lambda one, protocol: computable(one))

PIXIT = Pixit(
    device_address="192.0.2.2",
    tester_address="192.0.2.1",
    device_address6="2001:db8::2",
    tester_address6="2001:db8::1",
    tester_spare="192.0.2.9",
    tester_spare6="2001:db8::9",
    tester_spare_name="spare.tester.ikespec.example",
    algorithms=ALGORITHMS,
    eap=KNOWN,
    device_networks=("10.2.0.0/24", "fd02::/64"),
    tester_networks=("10.1.0.0/24", "fd01::/64"),
)


class ReferenceDevice(Device):
    """Our own implementation on a link with a virtual clock.

    ``kind`` says which relative of it: a defect, variants, or both (``DEFECT+variant``); empty: as it is.
    """

    name = "reference"
    real_time = False

    def __init__(self, kind: str = "", *, seed: int = 1, pixit: Pixit = PIXIT) -> None:
        """A device that is not started yet."""
        self.kind, self.seed = kind, seed
        self.model = model(kind)
        self.capabilities = CAPABILITIES - self.model.lacks
        self.pixit = replace(pixit, **{"algorithms": ALGORITHMS, **self.model.pixit})
        self.backend = "in this process, virtual clock"
        self._engine: ReferenceEngine | None = None
        self._mortal: Mortal | None = None

    def start(self) -> None:
        """Make the engine."""
        self.version = version.number()
        if self.kind:
            self.version += f" with {self.kind}"
        self._engine = self.model.engine(self.seed, time.time())
        if self.pixit.tester_spare is not None and self.pixit.tester_spare_name is not None:
            self._engine.names[self.pixit.tester_spare_name] = self.pixit.tester_spare
        self._mortal = Mortal(self._engine)

    def stop(self) -> None:
        """Nothing is left."""
        self._engine = self._mortal = None

    @property
    def engine(self) -> ReferenceEngine:
        """The engine. Raises DeviceError before `start`."""
        if self._engine is None:
            raise DeviceError(self.name, "is not started")
        return self._engine

    def open_link(self, *, ipv6: bool = False) -> Link:
        """A link in memory; one serves both address families."""
        engine = self.engine
        assert self._mortal is not None
        return self.model.reached(MemoryLink(self._mortal, engine.now), self.seed)

    def open_web(self, server: WebServer) -> AbstractContextManager[object]:
        """Its client asks the server itself: no socket, and no real waiting."""
        return self._reaching(server)

    @contextmanager
    def _reaching(self, server: WebServer) -> Iterator[None]:
        engine = self._engine
        if engine is None:
            raise DeviceError(self.name, "is not started")
        engine.web = WebClient(server.connect)
        try:
            yield
        finally:
            engine.web = None

    def apply(self, connection: Connection) -> None:
        """Start anew with a connection; one that was configured by hand has the same one for all."""
        by_hand = Capability.CONFIGURABLE not in self.capabilities
        self.engine.apply(as_configured(self, connection) if by_hand else connection)

    def clear(self) -> None:
        """Forget everything."""
        self.engine.clear()

    def initiate(self, child: str | None = None) -> None:
        """Open an IKE SA."""
        self.engine.initiate(child)

    def provoke(self, source: str, target: str) -> None:
        """A host behind the device pings another."""
        self.engine.provoke(source, target)

    def rekey_ike(self) -> None:
        """Rekey the IKE SA."""
        self.engine.rekey_ike()

    def rekey_child(self, name: str) -> None:
        """Rekey a Child SA."""
        self.engine.rekey_child(name)

    def reauthenticate(self) -> None:
        """Delete the IKE SA and open another."""
        self.engine.reauthenticate()

    def limit_authentication(self, seconds: float) -> None:
        """Demand of the peer of the IKE SA that it authenticates again."""
        self.engine.limit_authentication(seconds)

    def redirect(self, gateway: str) -> None:
        """Send the peer of the IKE SA to another gateway."""
        self.engine.redirect(gateway)

    def delete_ike(self) -> None:
        """Delete the IKE SA."""
        self.engine.delete_ike()

    def delete_child(self, name: str) -> None:
        """Delete a Child SA."""
        self.engine.delete_child(name)

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs."""
        return self.engine.list_sas()

    def count_from(self, name: str, sequence: int) -> None:
        """Set the sequence number of a Child SA."""
        self.engine.count_from(name, sequence)

    def drops(self) -> int:
        """How many packets its IPsec has dropped."""
        return self.engine.drops()

    def log(self) -> str:
        """The log since `apply`."""
        return self.engine.log()

    def logged(self, mark: int = 0) -> tuple[str, int]:
        """The lines of the log from one on."""
        return self.engine.log(mark), self.engine.lines()

    def kept(self) -> Mapping[str, int]:
        """How many values it keeps in each of its lists and tables."""
        return {} if self._engine is None else self._engine.kept()

    def alive(self) -> bool:
        """True between `start` and `stop`, unless it has died."""
        return self._mortal is not None and not self._mortal.dead

    def obituary(self) -> Death | None:
        """The exception that it died of."""
        return self._mortal.obituary() if self._mortal is not None else None
