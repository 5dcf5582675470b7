"""The adapter for Cisco IOS XE: a router that somebody else owns, to which we add FlexVPN and take it away again.

The running configuration is never saved, and nothing that is not ours is changed for longer than a run.
"""

import re
import time
from collections import Counter
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

from conformance.crypto import CryptoError
from conformance.ike.core.connection import Connection
from conformance.net import Link
from peers.capabilities import Capability, needs
from peers.contract import ChildStatus, Death, Device, DeviceError, SaStatus, Unsupported
from peers.devicefile import DeviceFile, read_device
from peers.iosxe import algorithms, status, undo
from peers.iosxe.configuration import Block, Configuration, configuration
from peers.iosxe.console import Console
from peers.iosxe.pki import OWN, Dialogue, trustpoints
from peers.iosxe.settings import read_router
from peers.places.owner import close_at_exit, closed
from peers.thishost import bind_tester

CLAIMS = frozenset(
    {
        *(Capability.INITIATOR, Capability.RESPONDER, Capability.CONFIGURABLE, Capability.PSK, Capability.RSA),
        Capability.PSK_EACH_WAY,
        *(Capability.ECDSA_384, Capability.ECDSA_521),
        *(Capability.ECDSA, Capability.COOKIE, Capability.FRAGMENTATION, Capability.NAT_T, Capability.PFS),
        *(Capability.MULTIPLE_CHILDREN, Capability.NARROWING, Capability.TUNNEL, Capability.TRANSPORT),
        *(Capability.AH, Capability.GRE, Capability.DELETE_IKE, Capability.DELETE_CHILD, Capability.LIFETIME),
        *(Capability.CHILD_LIFETIME, Capability.IDENTITY_DOMAIN, Capability.IDENTITY_SUBJECT),
        *(Capability.DPD, Capability.LIST_SAS, Capability.LOG, Capability.DATA_PLANE, Capability.VIRTUAL_IP),
        *(Capability.ANY_IDENTITY, Capability.IPV6, Capability.CONFIG_DNS, Capability.ROUTE_EXCHANGE),
    }
)
"""What IOS XE 17 can do; a device file that names capabilities takes some of them away."""
_BY_ACCESS_LIST = frozenset({Capability.NARROWING, Capability.MULTIPLE_CHILDREN})
_RUNNING = "show running-config"
_PATIENCE = 60.0
"""Seconds that a router may take to print its whole configuration."""
_GOING = 0.5
"""Seconds that an SA may take to go when it has been cleared."""
_DELETES = 2.0
"""Seconds that an IKE SA may take to go: its Delete is repeated until it is answered, or until the router gives up."""
_VERSION = re.compile(r"Version (\d[\w.()]*)")
_RESTARTED = re.compile(r"^System restarted at (.*)$", re.MULTILINE)
_REASON = re.compile(r"^Last reload reason: (.*)$", re.MULTILINE)
_SUCCESS = re.compile(r"Success rate is ([1-9]\d*) percent")


class IosXe(Device):
    """A router that a device file with a table ``[iosxe]`` describes (`peers.iosxe.settings`)."""

    backend = "SSH"
    restarts = False

    def __init__(self, path: Path) -> None:
        self._file: DeviceFile = read_device(path, adapter="iosxe", claims=CLAIMS, takes=algorithms.TAKEN)
        assert self._file.adapter is not None
        self._router = read_router(self._file.adapter)
        self.name, self.version, self.pixit = self._file.name, self._file.version, self._file.pixit
        self.deviations_file, self.described_in = self._file.deviations, path
        self.capabilities = self._file.capabilities & CLAIMS
        if self._router.selectors == "any":
            self.capabilities -= _BY_ACCESS_LIST
        if self.pixit.device_address6 is None:
            self.capabilities -= {Capability.IPV6}
        _check_algorithms(self._file)
        self._console = Console(self.name, self._router)
        self._started = False
        self._told: Configuration | None = None
        self._connection: Connection | None = None
        self._ours: list[Block] | None = None  # what stands there of the connection; None: look
        self._aaa = False
        self._restarted = ""
        self._death: Death | None = None
        self._logged: list[str] = []

    # --- life

    def start(self) -> None:
        """Log in, take away what a run that crashed has left, and switch the defaults off."""
        if self._started:
            return
        self._console.open()
        self._started = True
        close_at_exit(self)
        said = self._console.ask("show version")
        self.version = (_VERSION.search(said) or [self.version, self.version])[1]
        self._restarted = _found(_RESTARTED, said)
        self._occupy()

    def _occupy(self) -> None:
        """From any state of the router to the one in which it takes a connection."""
        router, prefix = self._router, self._router.prefix
        self._take_away()
        found = self._running()
        if taken := undo.occupied(found, prefix, router.number):
            raise DeviceError(self.name, f"somebody else has the interface {taken}", "give another iosxe.number")
        self._aaa = any(block.header == "aaa new-model" for block in found)
        defaults = [] if router.smart_defaults else undo.smart_defaults(found)
        once = [*defaults, *router.global_lines]
        either = ("crypto ikev2 fragmentation", "crypto ikev2 cookie-challenge")
        self._console.configure([undo.remembered([*once, *either], found, prefix), *once, *self._loopback()])
        if router.debug:
            self._console.ask("debug crypto ikev2")

    def _running(self) -> list[Block]:
        return list(undo.blocks(self._console.ask(_RUNNING, patience=_PATIENCE)))

    def _forget(self) -> None:
        self._told = self._connection = self._ours = None

    def _loopback(self) -> list[Block]:
        if self._router.inside:
            return []
        network = ip_network(self.pixit.device_networks[0])
        lines = (f"description {self._router.prefix}", f"ip address {network[1]} 255.255.255.255")
        return [Block(f"interface {self._router.behind}", lines)]

    def _take_away(self) -> None:
        """Remove what is ours, found by its name, and put settings back. Raises DeviceError where something stays."""
        prefix = self._router.prefix
        found = self._running()
        lines = [*undo.removal(found, prefix), *undo.restoration(found, prefix)]
        self._forget()
        if lines:
            self._drop()
            self._remove(lines)
            if left := undo.removal(self._running(), prefix):
                raise DeviceError(self.name, f"the router does not take {left[0]!r}")

    def _remove(self, lines: list[str]) -> None:
        """Give lines that remove; what is still in use by an SA that is going gets a second chance."""
        if self._console.configure(lines, lenient=True):
            time.sleep(_GOING)
            self._console.configure(undo.removal(self._given_up(lines), self._router.prefix), lenient=True)
        own = f"{self._router.prefix}{OWN}"
        if f"no {undo.TRUSTPOINT}{own}" in lines:
            # The key that was imported has the name of its trustpoint; of which kind it was the router does not say.
            self._console.configure([f"crypto key zeroize {kind} {own}" for kind in ("rsa", "ec")], lenient=True)

    def _given_up(self, lines: list[str]) -> list[Block]:
        """Those of the blocks that lines were to remove which are still there."""
        return [one for one in self._running() if set(undo.removal([one], self._router.prefix)) & set(lines)]

    def stop(self) -> None:
        """Take away all that is ours and log out. Raises DeviceError where that cannot be done."""
        if not self._started:
            return
        closed(self)
        try:
            self._reach()
            if self._router.debug:
                self._console.ask("no debug crypto ikev2")
            self._take_away()
        except DeviceError as error:
            left = f"our configuration is still there, named {self._router.prefix}: {error.problem}"
            raise DeviceError(self.name, left, "the next run removes it, or do so by hand") from None
        finally:
            self._started = False
            self._console.close()

    def close(self) -> None:
        """What `stop` does, for `peers.places.owner`."""
        self.stop()

    def alive(self) -> bool:
        """Whether the router still answers on its console."""
        if not self._started:
            return False
        try:
            self._reach()
            self._console.ask("show clock")
        except DeviceError:
            return False
        return True

    def obituary(self) -> Death | None:
        """Whether the router has restarted since this was asked last, and why, as it says itself."""
        found, self._death = self._death, None
        return found

    def _reach(self) -> None:
        """Log in again where the session has ended; a router that has restarted has lost what it was told."""
        if self._console.open_now:
            return
        self._console.open()
        said = self._console.ask("show version")
        restarted = _found(_RESTARTED, said)
        if restarted != self._restarted:
            self._restarted = restarted
            self._death = Death(f"restarted: {_found(_REASON, said) or 'it does not say why'}")
            self._forget()
            if self._started:
                self._occupy()

    def _asked(self, command: str, *, patience: float | None = None) -> str:
        """What a command prints, tried once more where the session has ended meanwhile."""
        if not self._started:
            raise DeviceError(self.name, "is not started")
        self._reach()
        try:
            return self._console.ask(command, patience=patience)
        except DeviceError:
            if self._console.open_now:
                raise
            self._reach()
            return self._console.ask(command, patience=patience)

    # --- configuration

    def open_link(self, *, ipv6: bool = False) -> Link:
        """Bind the tester's address on this host."""
        return bind_tester(self.name, self.pixit, ipv6=ipv6)

    def apply(self, connection: Connection) -> None:
        """Give the router the connection in place of the one before; where that is the same, only drop its SAs."""
        self.require(*sorted(needs(connection)))
        wanted = configuration(connection, self.pixit, self._router)
        filled = list(trustpoints(connection, self._router.prefix))
        if not self._started:
            raise DeviceError(self.name, "is not started")
        self._reach()
        if wanted.needs_aaa and not self._aaa:
            missing = "the router has no aaa new-model, which changes how people log in and so is left to its owner"
            raise Unsupported(Capability.VIRTUAL_IP, self.name, missing)
        if connection == self._connection and self._ours == list(wanted.blocks):
            self._drop()
        else:
            self._tell(wanted, [(Block(f"{undo.TRUSTPOINT}{one.name}", one.lines), one.dialogue) for one in filled])
        self._told, self._connection = wanted, connection
        self._logged = self._log_buffer()

    def _tell(self, wanted: Configuration, pki: list[tuple[Block, Dialogue]]) -> None:
        self.clear()
        told: list[str | Block | Dialogue] = [one for pair in pki for one in pair]
        try:
            self._console.configure([*wanted.options, *told, *wanted.blocks])
        except DeviceError:
            with suppress(DeviceError):
                self._take_connection(self._running())
            raise
        self._ours = [*(block for block, _ in pki), *wanted.blocks]

    def clear(self) -> None:
        """Drop the SAs with the tester and take the connection away; the settings of the run stay."""
        if not self._started:
            return
        self._reach()
        self._drop()
        self._take_connection(self._running() if self._ours is None else self._ours)

    def _take_connection(self, ours: list[Block]) -> None:
        kept = f"interface Loopback{self._router.number}"
        self._forget()
        if lines := undo.removal((one for one in ours if one.header != kept), self._router.prefix):
            self._remove(lines)
        self._ours = []

    def _drop(self) -> None:
        """Forget the SAs with the tester, not anybody else's; a Delete that nobody answers is waited for a little."""
        for address in filter(None, (self.pixit.tester_address, self.pixit.tester_address6)):
            self._asked(f"clear crypto ikev2 sa remote {address}")
            self._asked(f"clear crypto sa peer {address}")
        end = time.monotonic() + _DELETES
        while self.list_sas() and time.monotonic() < end:
            time.sleep(_GOING)

    # --- orders

    def initiate(self, child: str | None = None) -> None:
        """Let the tunnel interface open the IKE SA, and send a packet into it that calls for the Child SA."""
        told = self._loaded()
        self.require(Capability.INITIATOR)
        name = child if child is not None else next(iter(told.pings))
        if name not in told.pings:
            raise DeviceError(self.name, f"refuses initiate: there is no Child SA {name!r}")
        if not told.initiator:
            raise Unsupported(Capability.INITIATOR, self.name, "a tunnel interface without a policy has any selectors")
        if not self.list_sas() and self._ours is not None:
            self._console.configure(told.initiator)
            self._ours.extend(told.initiator)
        self._asked(f"ping {told.pings[name]} source {self._router.behind} repeat 1 timeout 0")

    def delete_ike(self) -> None:
        """Delete the IKE SAs with the tester."""
        self._loaded()
        self._asked(f"clear crypto ikev2 sa remote {self.pixit.tester_address}")

    def delete_child(self, name: str) -> None:
        """Delete the newest Child SA of this name."""
        child = self._child(name)
        kind = "ah" if any("ah-" in block.header for block in self._loaded().blocks) else "esp"
        spi = int.from_bytes(child.spi_out, "big")
        self._asked(f"clear crypto sa spi {self.pixit.tester_address} {kind} {spi:#x}")

    def _child(self, name: str) -> ChildStatus:
        found = [one for sa in self.list_sas() for one in sa.children if one.name == name]
        if not found:
            raise DeviceError(self.name, f"has no Child SA {name!r}")
        return found[-1]

    def ping(self, source: str, destination: str) -> bool:
        """Send an echo request from an inner address; whether the answer comes within a second."""
        self.require(Capability.DATA_PLANE)
        said = self._asked(f"ping {destination} source {source} repeat 1 timeout 1")
        return _SUCCESS.search(said) is not None

    # --- what can be seen

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs with the tester."""
        shown = status.Shown(*(self._asked(command) for command in status.COMMANDS))
        children = self._connection.children if self._connection is not None else ()
        pixit = self.pixit
        both = [one for one in (pixit.tester_address, pixit.tester_address6) if one is not None]
        return status.sa_statuses(shown, children, both)

    def log(self) -> str:
        """What stands in the router's log buffer that was not there at the last `apply`."""
        with suppress(DeviceError):
            known = Counter(self._logged)
            new = []
            for line in self._log_buffer():
                if known[line]:
                    known[line] -= 1
                else:
                    new.append(f"{line}\n")
            return "".join(new)
        return ""

    def _log_buffer(self) -> list[str]:
        """The messages alone, behind the line that tells the size of the buffer."""
        printed = self._asked("show logging", patience=_PATIENCE)
        return re.split(r"^Log Buffer .*\n", printed, maxsplit=1, flags=re.MULTILINE)[-1].strip().splitlines()

    def _loaded(self) -> Configuration:
        if self._told is None:
            raise DeviceError(self.name, "has no connection", "apply one first")
        return self._told


def _check_algorithms(found: DeviceFile) -> None:
    """The file may name no more than there are words for."""
    taken = found.pixit.algorithms
    try:
        for text in taken.ike:
            algorithms.ike(text)
        for text in (*taken.esp, *taken.ah):
            algorithms.transform_sets((text,))
    except (Unsupported, CryptoError) as error:
        raise DeviceError(str(found.path), f"[algorithms]: {error}") from None


def _found(pattern: re.Pattern[str], said: str) -> str:
    match = pattern.search(said)
    return match[1].strip() if match else ""
