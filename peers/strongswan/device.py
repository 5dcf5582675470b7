"""The strongSwan adapter: the same over vici wherever the daemon runs."""

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from conformance.ike.core.connection import Connection, CookiePolicy
from peers.capabilities import Capability, needs
from peers.contract import HUNG, Death, DeviceError, SaStatus
from peers.daemon import Daemon
from peers.places.lastwords import DYING
from peers.places.place import DataPlane, Place
from peers.strongswan import algorithms, settings, translate, triplets
from peers.strongswan.control import Control
from peers.strongswan.load import open_half
from peers.strongswan.settings import Runtime, Startup
from peers.strongswan.status import sa_status, text

_START_PATIENCE = 60.0
_LEASES_END = 1.0
_DEATH_PATIENCE = 5.0
_LOG_LIMIT = 8 * 1024 * 1024
# What our own questions leave in the log; with the shim there are no states whose counters could be read.
_NOISE = re.compile(r"\[CFG\] vici client \d+ |\[KNL\] querying SAD entry with SPI \w+ failed")
_ASKED_FOR_COOKIES = "sending COOKIE notify"


class StrongSwan(Daemon):
    """A charon daemon under test. One process serves all purposes; it starts anew only where a setting demands it."""

    name = "strongswan"
    deviations_file = Path(__file__).with_name("deviations.toml")
    _ALWAYS: ClassVar[frozenset[Capability]] = frozenset(
        {
            *(Capability.INITIATOR, Capability.RESPONDER, Capability.CONFIGURABLE, Capability.PSK),
            *(Capability.MAKE_BEFORE_BREAK, Capability.BREAK_BEFORE_MAKE, Capability.REAUTH_LIFETIME),
            *(Capability.AUTH_LIFETIME, Capability.AUTH_LIFETIME_CLIENT, Capability.UNIQUE_REPLACE),
            *(Capability.UNIQUE_KEEP,),
            *(Capability.RFC7427, Capability.REAUTH, Capability.COOKIE),
            *(Capability.COOKIE_ALWAYS, Capability.FRAGMENTATION, Capability.MOBIKE, Capability.CHILDLESS),
            *(Capability.CHILDLESS_REFUSAL, Capability.CHILDLESS_INITIATOR),
            *(Capability.FORCED_ENCAPSULATION, Capability.MULTIPLE_CHILDREN, Capability.NARROWING, Capability.PFS),
            *(Capability.TUNNEL, Capability.REKEY_IKE, Capability.REKEY_CHILD, Capability.DELETE_IKE),
            *(Capability.DELETE_CHILD, Capability.LIFETIME, Capability.DPD, Capability.LIST_SAS, Capability.LOG),
            *(Capability.VIRTUAL_IP, Capability.TIMERS, Capability.EAP, Capability.EAP_PEER, Capability.EAP_ONLY),
            *(Capability.VIRTUAL_IP6, Capability.VIRTUAL_IPS, Capability.CONFIG_DNS, Capability.CONFIG_SUBNETS),
            *(Capability.SPLIT_DNS, Capability.MULTIPLE_AUTH, Capability.RAW_PUBLIC_KEYS, Capability.ANY_IDENTITY),
            *(
                Capability.SEVERAL_CONNECTIONS,
                Capability.IDENTITY_DOMAIN,
                Capability.IDENTITY_NETWORK,
                Capability.IDENTITY_SUBJECT,
            ),
            *(Capability.CERTIFICATE_CHOICE, Capability.REDIRECT, Capability.REDIRECT_LATER),
            *(Capability.PRIVATE_ATTRIBUTES, Capability.CONFIG_NBNS, Capability.IKE_LIMIT, Capability.PFS_DEMANDED),
            *(Capability.REOPENS, Capability.REOPENS_CHILD),
        }
    )
    _NEEDS_A_KERNEL: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.TRANSPORT, Capability.ESN, Capability.NAT_T}
    )

    def __init__(self, place: Place, plugins: str = "", program: str = "") -> None:
        """``plugins`` is the name of one of `settings.PLUGIN_SETS`, ``program`` the daemon if it is not Debian's."""
        super().__init__(place)
        self._program = program
        self._plugins = settings.PLUGIN_SETS[plugins]
        self._control: Control | None = None
        self._startup = Startup(ports=place.pixit.device_ports)
        self._runtime = Runtime()
        self._load_spi: bytes | None = None

    # --- life

    def _running(self) -> bool:
        return self._control is not None

    def _start(self) -> None:
        self._place.open()
        self.pixit = self._place.pixit  # a container knows its addresses only now
        self.nat = self._place.nat
        plane = self._place.data_plane
        self.backend = ", ".join(one for one in (self._place.description, plane, self._place.build) if one)
        self.backend += self._plugins.note
        self._launch()
        answer = self._vici().request("version")
        self.version = text(answer["version"])
        loaded = self._vici().request("get-algorithms")
        plugins = {text(one) for one in self._vici().request("stats")["plugins"]}
        self.capabilities = self._claims(plane) | algorithms.claims(loaded, plugins)
        if not self._place.reaches_web:
            self.capabilities -= algorithms.FETCHING
        if "eap-radius" in plugins:
            self.capabilities |= {Capability.AAA, Capability.ACCOUNTING, Capability.COA}
            self.capabilities |= {Capability.AUTH_LIFETIME_CHANGE, Capability.ACCOUNTING_INTERIM}
            self.capabilities |= {Capability.SESSION_CHANGE, Capability.SESSION_TIMEOUT, Capability.AAA_DNS}
            self.capabilities |= {Capability.AAA_ADDRESS6, Capability.AAA_NETMASK, Capability.AAA_NBNS}
        if "curl" in plugins and self._place.reaches_web:
            self.capabilities |= {Capability.HASH_AND_URL}
        esn = Capability.ESN in self.capabilities
        taken = algorithms.taken(loaded, plane, esn=esn)
        self.pixit = replace(self.pixit, algorithms=taken, eap=algorithms.eap_methods(plugins))

    def _claims(self, plane: DataPlane) -> frozenset[Capability]:
        """What it can do wherever it comes from, in this place."""
        claims = set(self._ALWAYS)
        if plane is not DataPlane.LIBIPSEC:
            claims |= self._NEEDS_A_KERNEL
        if plane is not DataPlane.SHIM:
            # What a Child SA has lasted and carried is told by who carries it.
            claims |= {Capability.DATA_PLANE, Capability.CHILD_IDLE, Capability.CHILD_LIFETIME}
            claims |= {Capability.LIFETIME_PACKETS, Capability.LIFETIME_OCTETS}
        if plane is DataPlane.KERNEL:
            claims |= {Capability.AH, Capability.PATH_MTU, Capability.ON_DEMAND}
            if self._place.counts_from():
                claims.add(Capability.SEQUENCE_PRESET)
            if self._place.has_gre:
                claims |= {Capability.GRE, Capability.GRE_TUNNELS}
            if self._place.counts_drops:
                claims.add(Capability.DROP_COUNTERS)
            if self._place.echoes:
                claims.add(Capability.ECHO)
        if self.pixit.device_address6 is not None:
            claims.add(Capability.IPV6)
        if self._place.just_booted:
            # It subtracts ten seconds from a time since boot, unsigned, and then rejects its own cookies as too old.
            claims -= {Capability.COOKIE, Capability.COOKIE_ALWAYS}
        return frozenset(claims)

    def _launch(self) -> None:
        place = self._place
        (place.directory / settings.VICI_SOCKET).unlink(missing_ok=True)
        self._write_settings()
        if self._program:  # Debian has nothing that would read it
            triplets.write(place.directory / settings.TRIPLETS)
        place.launch([self._program or settings.DAEMON], {"STRONGSWAN_CONF": f"{place.inside}/strongswan.conf"})
        self._control = Control.connect(self.name, place, settings.VICI_SOCKET, _START_PATIENCE)
        if self._control is None:
            complaint = " / ".join(place.console().strip().splitlines()[-2:]) or "it said nothing"
            raise DeviceError(self.name, f"the daemon did not start: {complaint}", "run ikespec doctor")

    def _write_settings(self) -> None:
        place = self._place
        content = settings.render(
            self._startup,
            self._runtime,
            place.data_plane,
            f"{place.inside}/{settings.LOG}",
            place.control_path(settings.VICI_SOCKET),
            self._plugins,
            f"{place.inside}/{settings.TRIPLETS}",
        )
        # The daemon may read at any time, so the file is replaced in one step.
        temporary = place.directory / "strongswan.conf.new"
        temporary.write_text(content)
        temporary.replace(place.directory / "strongswan.conf")

    def _restart(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        self._halt()
        self._launch()

    def _let_go(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        self._load_spi = None

    def _ask(self) -> None:
        self._vici().request("version")

    def _epitaph(self) -> str:
        return self._place.epitaph(self.log())

    def _is_dying(self) -> bool:
        """Whether it has crashed; then this returns when it is gone, at the latest after some seconds."""
        if DYING not in self._raw_log():
            return False
        end = time.monotonic() + _DEATH_PATIENCE
        while self._place.running() and time.monotonic() < end:
            time.sleep(0.02)
        return True

    # --- configuration

    def apply(self, connection: Connection) -> None:
        """Load a connection; 3 ms with a shared key. Starts the daemon anew (0.1 s) if it crashed or must forget."""
        self._vici()
        self._place.turn_page()
        self._place.hush()
        self.require(*sorted(needs(connection)))
        if connection.local_ports != self._startup.ports:
            problem = f"listens on ports {self._startup.ports}, the connection wants {connection.local_ports}"
            raise DeviceError(self.name, problem, "open the device with ports=...")
        alone = not connection.beside
        sections = {
            one.name: translate.connection(one, self.pixit.tester_address, alone=alone) for one in connection.every
        }
        credentials = [each for one in connection.every for each in translate.credentials(one, alone=alone)]
        startup = settings.startup_for(connection, self._startup.ports, self.pixit.tester_address)
        runtime = settings.runtime_for(connection)
        # Once asked for, cookies stay on for ten seconds after the load is gone; only a new process forgets that.
        anew = startup != self._startup or _ASKED_FOR_COOKIES in self.log()
        if not self.alive():
            anew = True
            self._death = self._death or Death(HUNG + self.condition(), hung=True)
        reload = runtime != self._runtime
        self._startup, self._runtime = startup, runtime
        if anew:
            self._connection = self._load_spi = None
            self._restart()
        else:
            self.clear()
        self._place.forget_told()
        self._start_log()
        if reload and not anew:
            self._write_settings()
            self._vici().request("reload-settings")
        for command, message in credentials:
            self._vici().request(command, message)
        for name, pool in translate.pools(connection).items():
            self._vici().request("load-pool", {name: pool})
        for name, section in sections.items():
            self._vici().request("load-conn", {name: section})
        self._connection = connection
        if connection.every_tunnel:
            self._place.open_gre(connection.every_tunnel)
        if connection.cookies is CookiePolicy.ALWAYS:
            self._load_spi = open_half(self.name, self._place, connection)

    def clear(self) -> None:
        """Destroy all SAs, unload the connection, forget all credentials; 1 ms, or 1 s where addresses are lost."""
        control = self._vici()
        for identifier in {text(entry["uniqueid"]) for _, entry in control.list_sas()}:
            try:
                control.request("terminate", {"ike-id": identifier, "force": "yes"})
            except DeviceError:
                # It may have ended by itself in between; what is still there after this is a defect of the device.
                if any(text(entry["uniqueid"]) == identifier for _, entry in control.list_sas()):
                    raise
        connection, self._connection = self._connection, None
        if connection is not None:
            for one in connection.every:
                control.request("unload-conn", {"name": one.name})
            if translate.uri_base(connection):
                control.request("unload-authority", {"name": connection.name})
            if not all(map(self._unloaded, translate.pools(connection))):
                self._restart()
        self._vici().request("clear-creds")
        self._place.close_gre()
        self._load_spi = None

    def _unloaded(self, name: str) -> bool:
        """Forget the pool as soon as the SAs that are being destroyed have given their addresses back.

        False: some have not. It never gives back what it has assigned twice to one client.
        """
        end = time.monotonic() + _LEASES_END
        while True:
            try:
                self._vici().request("unload-pool", {"name": name})
                return True
            except DeviceError:
                if time.monotonic() > end:
                    return False
                time.sleep(0.01)

    def initiate(self, child: str | None = None) -> None:
        """Open the IKE SA and the named Child SA."""
        connection = self._loaded()
        message = {"ike": connection.name, "timeout": "-1"}
        if child is None and connection.children and not connection.childless:
            child = connection.children[0].name
        if child is not None:
            message["child"] = child
        self._vici().request("initiate", message)

    def provoke(self, source: str, target: str) -> None:
        """Have the kernel ask for the Child SA when a packet needs it, and send that packet."""
        connection = self._loaded()
        self._vici().request("install", {"ike": connection.name, "child": connection.children[0].name})
        self._place.provoke(source, target)

    def rekey_ike(self) -> None:
        """Rekey the IKE SA now."""
        self._vici().request("rekey", {"ike": self._loaded().name})

    def rekey_child(self, name: str) -> None:
        """Rekey the named Child SA now."""
        self._vici().request("rekey", {"ike": self._loaded().name, "child": name})

    def reauthenticate(self) -> None:
        """Replace the IKE SA and its Child SAs by new ones."""
        self._vici().request("rekey", {"ike": self._loaded().name, "reauth": "yes"})

    def redirect(self, gateway: str) -> None:
        """Send the peer of the IKE SA to another gateway."""
        self._vici().request("redirect", {"ike": self._loaded().name, "gateway": gateway})

    def delete_ike(self) -> None:
        """Delete the IKE SA now."""
        self._vici().request("terminate", {"ike": self._loaded().name, "timeout": "-1"})

    def delete_child(self, name: str) -> None:
        """Delete the named Child SA now."""
        self._vici().request("terminate", {"ike": self._loaded().name, "child": name, "timeout": "-1"})

    # --- what can be seen

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs, without the one that only keeps the daemon under load."""
        found = [sa_status(entry) for _, entry in self._vici().list_sas()]
        return [sa for sa in found if sa.spi_i != self._load_spi]

    def log(self) -> str:
        """What the daemon logged since the last `apply`."""
        lines = self._raw_log().decode(errors="replace").splitlines(keepends=True)
        return "".join(line for line in lines if not _NOISE.search(line)) + self._place.testimony()

    def _raw_log(self) -> bytes:
        return self._logged(settings.LOG)

    def _start_log(self) -> None:
        path = self._place.directory / settings.LOG
        size = path.stat().st_size if path.exists() else 0
        if size > _LOG_LIMIT:
            # charon appends, so it goes on at the new end.
            with path.open("r+b") as file:
                file.truncate()
            size = 0
        self._log_from = size

    def _vici(self) -> Control:
        if self._control is None:
            raise DeviceError(self.name, "is not started")
        return self._control
