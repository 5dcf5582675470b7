"""The OpenIKED adapter: iked.conf and ikectl. iked needs PF_KEY, so it runs in a virtual machine."""

import contextlib
import re
import time
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import ClassVar

from conformance.ike.core.connection import Connection, PublicKey
from peers.capabilities import Capability, needs
from peers.contract import HUNG, ChildStatus, Death, DeviceError, SaState, SaStatus
from peers.daemon import Daemon
from peers.deviations import compare_versions
from peers.openiked import algorithms, kernel, settings, translate
from peers.openiked.control import Control
from peers.openiked.credentials import Credentials
from peers.openiked.status import peer_names, sa_statuses
from peers.places.place import Place
from peers.places.rootfs import PACKAGE_LIST

_START_PATIENCE = 60.0
_LOAD_PATIENCE = 5.0
_POLL = 0.005
_PORTS = (500, 4500)
_TAKES_CHAINS = "7.3"
_NOISE = re.compile(r"^(?:ikev2_info: called|control_\w+: |proc_dispatch|.*IMSG_CTL_SHOW_SA)")
_LOADED = "config_getcompile: compilation done"
_CERTIFICATES_LOADED = "ca_reload: local cert type"
_CERTIFICATES_TOLD = "ikev2_dispatch_cert: updated local CERTREQ"
_INITIATING = "ikev2_init_ike_sa: initiating"
_INITIATION_PATIENCE = 5.0
_CRASH = re.compile(r"iked\[\d+\]: ((?:segfault|trap)[^\n\[]*)")
_REFUSED = "failed to load config file"


class OpenIked(Daemon):
    """An iked under test. One process serves all purposes; it starts anew only where it has died."""

    name = "openiked"
    deviations_file = Path(__file__).with_name("deviations.toml")
    _CLAIMS: ClassVar[frozenset[Capability]] = frozenset(
        {
            *(Capability.INITIATOR, Capability.RESPONDER, Capability.CONFIGURABLE, Capability.PSK, Capability.RSA),
            *(Capability.ECDSA_384, Capability.ECDSA_521),
            *(Capability.ECDSA, Capability.BRAINPOOL, Capability.RFC7427, Capability.FRAGMENTATION, Capability.MOBIKE),
            *(
                Capability.NAT_T,
                Capability.NARROWING,
                Capability.PFS,
                Capability.TUNNEL,
                Capability.TRANSPORT,
                Capability.AH,
            ),
            *(Capability.REKEY_CHILD, Capability.DELETE_IKE, Capability.DELETE_CHILD, Capability.LIFETIME),
            *(Capability.LIST_SAS, Capability.LOG, Capability.VIRTUAL_IP, Capability.DATA_PLANE, Capability.PATH_MTU),
            *(Capability.CHILD_LIFETIME, Capability.LIFETIME_OCTETS, Capability.UNIQUE_REPLACE),
            *(Capability.DROP_COUNTERS, Capability.ECHO, Capability.IPV6, Capability.ANY_IDENTITY),
            *(Capability.EAP, Capability.VIRTUAL_IP6, Capability.CONFIG_DNS, Capability.CONFIG_SUBNETS),
        }
    )

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._control: Control | None = None
        self._credentials: Credentials | None = None

    # --- life

    def _running(self) -> bool:
        return self._control is not None

    def _start(self) -> None:
        place = self._place
        place.open()
        self.pixit = replace(
            place.pixit,
            algorithms=algorithms.TAKEN,
            eap=("mschapv2",),
            retransmission=settings.RETRANSMISSION,
            response_timeout=settings.RESPONSE_TIMEOUT,
            half_open_timeout=settings.HALF_OPEN_TIMEOUT,
        )
        self.backend = f"{place.description}, {place.data_plane}"
        self._credentials = Credentials(place.directory)
        (place.directory / "passwd").write_text(settings.passwords())
        done = place.shell().run(settings.prepare(place.inside))
        if done.status != 0:
            raise DeviceError(self.name, f"cannot prepare its guest: {done.output.strip()}")
        self._write(translate.NOTHING)
        self._launch()
        self.version = self._packaged()
        self.capabilities = self._CLAIMS

    def _packaged(self) -> str:
        """Its version: neither it nor its control program tells that."""
        listed = self._place.shell().run(f"cat /{PACKAGE_LIST}").output
        match = re.search(r"^openiked_([\d.]+)", listed, re.MULTILINE)
        return match[1] if match else ""

    def _launch(self) -> None:
        self._place.shell().run(f"dmesg -C; rm -f /run/{settings.SOCKET}; {settings.install(self._place.inside)}")
        self._place.launch(settings.command(), {})
        self._control = Control(self.name, self._place)
        if not self._control.wait(_START_PATIENCE):
            self._control = None
            complaint = " / ".join(self._place.console().strip().splitlines()[-2:]) or "it said nothing"
            raise DeviceError(self.name, f"the daemon did not start: {complaint}", "run ikespec doctor")

    def _write(self, configuration: str) -> None:
        (self._place.directory / settings.CONFIGURATION).write_text(configuration)

    def _let_go(self) -> None:
        self._control = None

    def _ask(self) -> None:
        self._orders().say("show sa")

    def _epitaph(self) -> str:
        """How it ended. Only the kernel tells of a signal: where one of its processes dies, the others just leave."""
        words = self._place.ending() or "gone"
        with contextlib.suppress(DeviceError):
            crash = _CRASH.findall(self._place.shell().run("dmesg").output)
            words += f": {crash[-1]}" if crash else ""
        return words

    # --- configuration

    def apply(self, connection: Connection) -> None:
        """Load a connection, in about 50 ms. Starts the daemon anew if it crashed."""
        self._orders()
        self.require(*sorted(needs(connection)))
        if connection.local_ports != _PORTS or connection.remote_ports != _PORTS:
            raise DeviceError(self.name, f"speaks on ports {_PORTS} only", "leave the ports of the connection alone")
        chain = connection.remote.auth.chain if isinstance(connection.remote.auth, PublicKey) else ()
        if len(chain) > 1 and compare_versions(self.version, _TAKES_CHAINS) < 0:
            raise algorithms.unsupported("of the peer's certificates it takes the first alone")
        text = translate.configuration(connection, self.pixit)
        self._forget(connection, text)
        self._connection = connection

    def clear(self) -> None:
        """Forget connections, secrets and SAs."""
        self._forget(None, translate.NOTHING)

    def _forget(self, connection: Connection | None, configuration: str) -> None:
        """Drop all SAs without a word to the peer, and load this in place of what there was."""
        assert self._credentials is not None
        self._connection = None
        self._credentials.write(connection)
        self._write(configuration)
        if not self.alive():
            self._death = self._death or Death(HUNG + self.condition(), hung=True)
            self._place.halt()
            self._launch()
        self._place.forget_told()
        self._load(Control.words("reset all"))
        self._start_log()

    def _load(self, first: str) -> None:
        """Let it read its configuration anew. Raises DeviceError where it refuses that.

        In a guest of a busy host one that has just started was seen not to heed the first order, so it gets two.
        """
        if not (self._loads(first) or self._loads(first)):
            raise DeviceError(self.name, "does not load the connection", "see its log")

    def _loads(self, first: str) -> bool:
        before = self._size()
        self._orders().script(
            f"{first} > /dev/null; {settings.install(self._place.inside)} && {Control.words('reload')}"
        )
        end = time.monotonic() + _LOAD_PATIENCE
        while time.monotonic() < end:
            said = self._said(before)
            if _REFUSED in said:
                lines = [line for line in said.splitlines() if settings.CONFIGURATION in line]
                raise DeviceError(
                    self.name, f"refuses the connection: {lines[0] if lines else _REFUSED}", "see its log"
                )
            if _is_loaded(said):
                # What an acquire left in the kernel would keep the next one away.
                self._place.shell().run("ip xfrm state flush; ip xfrm policy flush")
                return True
            time.sleep(_POLL)
        return False

    # --- orders

    def initiate(self, child: str | None = None) -> None:
        """Open the IKE SA and the Child SA: at once where traffic can do that, else it takes two seconds."""
        connection = self._loaded()
        config = translate.only_child(connection)
        if child not in (None, config.name):
            raise DeviceError(self.name, f"refuses initiate: there is no Child SA {child!r}")
        if translate.acquirable(connection):
            self._acquire(connection)
            return
        before = self._size()
        self._write(translate.configuration(connection, self.pixit, active=True))
        self._orders().script(f"{settings.install(self._place.inside)} && {Control.words('reload')}")
        end = time.monotonic() + _INITIATION_PATIENCE
        while _INITIATING not in self._said(before) and time.monotonic() < end:
            time.sleep(_POLL)

    def _acquire(self, connection: Connection) -> None:
        """Send a packet that needs the Child SA. iked puts its own policy in the place of the one that says so."""
        config = translate.only_child(connection)
        source, destination = config.local_ts[0], config.remote_ts[0]
        local = connection.local_address or self.pixit.device_address
        peer = connection.remote_address or self.pixit.tester_address
        protocol, _ = algorithms.child(config.proposals)
        selector = f"src {source} dst {destination} dir out"
        packet = f"ping -n -c 1 -W 0.01 -I {_host(source)} {_host(destination)}"
        self._place.shell().run(
            f"ip xfrm policy add {selector} tmpl src {local} dst {peer} proto {protocol} mode {config.mode.value}; "
            f"{packet}"
        )

    def rekey_child(self, name: str) -> None:
        """Rekey the Child SA now, as if its lifetime nearly were over."""
        self._expire(name, hard=False)

    def delete_child(self, name: str) -> None:
        """Delete the Child SA now, as if its lifetime were over."""
        self._expire(name, hard=True)

    def _expire(self, name: str, *, hard: bool) -> None:
        child = self._child(name)
        connection = self._loaded()
        protocol, _ = algorithms.child(translate.only_child(connection).proposals)
        address = connection.local_address or self.pixit.device_address
        message = kernel.expiry(address, child.spi_in, 51 if protocol == "ah" else 50, hard=hard)
        self._orders().script(kernel.script(message))

    def _child(self, name: str) -> ChildStatus:
        found = [
            one
            for sa in self.list_sas()
            for one in sa.children
            if sa.state is SaState.ESTABLISHED and one.state is SaState.ESTABLISHED and one.name == name
        ]
        if not found:
            raise DeviceError(self.name, f"has no established Child SA {name!r}")
        return found[-1]

    def delete_ike(self) -> None:
        """Delete the IKE SA now."""
        names = peer_names(self._orders().say("show sa"))
        if not names:
            raise DeviceError(self.name, "has no IKE SA")
        self._orders().say(f"reset id '{names[-1]}'")

    # --- what can be seen

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs."""
        orders = self._orders()
        children = self._connection.children if self._connection is not None else ()
        listed, _, states = orders.script(f"{Control.words('show sa')}; echo; echo =; ip -s xfrm state").partition(
            "\n=\n"
        )
        return sa_statuses(listed, states, children[0].name if children else "")

    def log(self) -> str:
        """What the daemon logged since the last `apply`."""
        lines = self._said(self._log_from).splitlines(keepends=True)
        return "".join(line for line in lines if not _NOISE.match(line))

    def _said(self, since: int) -> str:
        return self._logged("console", since).decode(errors="replace")

    def _size(self) -> int:
        return (self._place.directory / "console").stat().st_size

    def _start_log(self) -> None:
        self._log_from = self._size()

    def _orders(self) -> Control:
        if self._control is None:
            raise DeviceError(self.name, "is not started")
        return self._control


def _is_loaded(said: str) -> bool:
    """Whether nothing more comes of a reset and a reload, both of which make it read its certificates.

    An IKE SA that it opens before it has told itself of these is lost ("sa_free: reload").
    """
    read = said.count(_CERTIFICATES_LOADED) > 1
    return read and _LOADED in said and said.rfind(_CERTIFICATES_TOLD) > said.rfind(_CERTIFICATES_LOADED)


def _host(network: str) -> str:
    return str(ip_network(network)[1 if ip_network(network).num_addresses > 1 else 0])
