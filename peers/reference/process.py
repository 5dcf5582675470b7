"""The reference device in a process of its own, on loopback: real sockets, no privileges."""

import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from select import select
from typing import Any, ClassVar

from conformance.ike.core.connection import Connection
from conformance.net import Link, UdpLink
from conformance.net.http import WebServer
from conformance.net.web import WebLink
from peers.capabilities import Capability
from peers.contract import Death, DeviceError, SaStatus
from peers.places.process import ending
from peers.reference import channel
from peers.reference.device import PIXIT, ReferenceDevice

HOST = "127.0.0.1"
_PATIENCE = 5.0


class ReferenceProcess(ReferenceDevice):
    """The reference device behind UDP ports of loopback that the system chooses."""

    real_time = True
    program: ClassVar[str] = "peers.reference.server"
    """The module that is run."""

    def __init__(self, kind: str = "", *, seed: int = 1) -> None:
        """A device that is not started yet."""
        super().__init__(kind, seed=seed)
        # Packets that are not UDP need privileges that this device does without.
        self.capabilities -= {Capability.IPV6, Capability.DATA_PLANE, Capability.PATH_MTU, Capability.GRE}
        self.capabilities -= {Capability.GRE_TUNNELS, Capability.ECHO, Capability.DROP_COUNTERS, Capability.AAA}
        self.backend = "a process of its own on loopback"
        self._process: subprocess.Popen[bytes] | None = None
        self._link_ports: tuple[int, int] = (0, 0)

    def start(self) -> None:
        """Start the process and learn its ports."""
        super().start()
        command = [sys.executable, "-m", self.program, HOST, str(self.seed), self.kind]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        try:
            ports = channel.read(self._process.stdout)
        except EOFError:
            raise DeviceError(self.name, "its process ended at once", f"run python -m {self.program}") from None
        with UdpLink(HOST, (0, 0, 0)) as probe:
            self._link_ports = (probe.ports[0], probe.ports[1])
            web_port = probe.ports[2]
        self.pixit = replace(
            PIXIT,
            tester_spare=None,
            device_address=HOST,
            tester_address=HOST,
            device_address6=None,
            tester_address6=None,
            tester_spare6=None,
            device_ports=ports,
            tester_ports=self._link_ports,
            web_port=web_port,
        )

    def stop(self) -> None:
        """End the process: it ends by itself when its standard input does."""
        super().stop()
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None and process.stdout is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()

    def open_link(self, *, ipv6: bool = False) -> Link:
        """Sockets on the ports that were found free at the start."""
        return self.model.reached(UdpLink(HOST, self._link_ports), self.seed)

    def open_web(self, server: WebServer) -> AbstractContextManager[object]:
        """A socket on loopback."""
        return WebLink(server)

    def _order(self, name: str, *arguments: object) -> Any:
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            raise DeviceError(self.name, "is not started")
        try:
            channel.write(self._process.stdin, (name, arguments))
            if not select([self._process.stdout], [], [], _PATIENCE)[0]:
                raise DeviceError(self.name, f"does not obey {name} within {_PATIENCE:g} s")
            answer = channel.read(self._process.stdout)
        except (OSError, EOFError):
            raise DeviceError(self.name, "its process has ended") from None
        if isinstance(answer, tuple):
            raise DeviceError(self.name, *answer)
        return answer

    def apply(self, connection: Connection) -> None:
        """Start anew with a connection."""
        self._order("apply", connection)

    def clear(self) -> None:
        """Forget everything."""
        self._order("clear")

    def initiate(self, child: str | None = None) -> None:
        """Open an IKE SA."""
        self._order("initiate", child)

    def rekey_ike(self) -> None:
        """Rekey the IKE SA."""
        self._order("rekey_ike")

    def rekey_child(self, name: str) -> None:
        """Rekey a Child SA."""
        self._order("rekey_child", name)

    def reauthenticate(self) -> None:
        """Delete the IKE SA and open another."""
        self._order("reauthenticate")

    def delete_ike(self) -> None:
        """Delete the IKE SA."""
        self._order("delete_ike")

    def delete_child(self, name: str) -> None:
        """Delete a Child SA."""
        self._order("delete_child", name)

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs."""
        found: list[SaStatus] = self._order("list_sas")
        return found

    def log(self) -> str:
        """The log since `apply`."""
        return str(self._order("log"))

    def alive(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    def obituary(self) -> Death | None:
        """How the process ended."""
        words = ending(self._process.poll()) if self._process is not None else ""
        return Death(words) if words else None
