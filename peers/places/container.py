"""A daemon in a container with a bridge network of its own; the tester uses the bridge's address on this host."""

import contextlib
import os
import select
import time
from collections.abc import Mapping, Sequence
from typing import Any

import docker
import docker.errors
from docker.types import IPAMConfig, IPAMPool

from conformance.net import Link, UdpLink
from peers.capabilities import Capability
from peers.contract import DeviceError, Pixit, Unsupported, Vitals
from peers.places.dataplane import PROBE, TUN_DEVICE
from peers.places.image import RELEASE_BASE, ensure_image
from peers.places.owner import Owner, RunDirectory, close_at_exit, closed, sweep
from peers.places.place import DataPlane, Place
from peers.places.process import shell_ending, shell_vitals
from peers.places.shell import Shell

_INSIDE = "/ikespec"
_LABEL = "ikespec"
_OWNER_LABEL = "ikespec.owner"
_SHIM = "/usr/local/lib/xfrmfake.so"
# The container lives as long as its standard input, which is a connection of ours: if we die, it ends and is removed.
_KEEPER = "for a in 10.2.0.1/32 fd02::1/128; do ip addr add $a dev lo; done; exec cat > /dev/null"
_DAEMON = f'echo $$ > {_INSIDE}/daemon.pid; exec "$@" >> {_INSIDE}/console 2>&1'
_PROBE_SCRIPT = "if ip {probe}; then echo kernel; elif ip xfrm state list > /dev/null; then echo shim; fi 2> /dev/null"
_STOP_PATIENCE = 3.0
_IPV6_PATIENCE = 4.0
_MEND = "start it (systemctl start docker), install it (apt-get install docker.io), or join the group docker"


def docker_problem() -> str | None:
    """Why Docker cannot be used here, in a few words; None if it can."""
    try:
        client = docker.from_env(timeout=5)
        try:
            client.ping()
        finally:
            client.close()
    except (docker.errors.DockerException, OSError) as error:
        return f"no Docker daemon answers ({_first_line(error)})"
    return None


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__


class ContainerPlace(Place):
    """A container and its network, both removed with us. Instances have different addresses.

    Its image is built on ``base``, else on that of the release of Debian ``suite``, else on the default one.
    """

    description = "docker"
    inside = _INSIDE

    def __init__(
        self,
        device: str,
        data_plane: DataPlane | None = None,
        base: str | None = None,
        *,
        suite: str = "",
        possible: Sequence[DataPlane] = tuple(DataPlane),
    ) -> None:
        self._device = device
        self._wanted = data_plane
        self._possible = possible
        self._base = base or (RELEASE_BASE.format(suite) if suite else None)
        self._client: Any = None
        self._network: Any = None
        self._container: Any = None
        self._life: Any = None
        self._exec: str | None = None
        self._shell: ContainerShell | None = None
        self._run: RunDirectory | None = None
        self.pixit = Pixit(device_address="", tester_address="")

    def open(self) -> None:
        """Remove what dead runs left, build the image if it is missing, make the network, start the container."""
        problem = docker_problem()
        if problem is not None:
            raise DeviceError(self._device, problem, _MEND)
        self._client = docker.from_env(timeout=30)
        sweep()
        sweep_docker(self._client)
        self._run = RunDirectory()
        close_at_exit(self)
        self.directory = self._run.path
        try:
            plain = ensure_image(self._device, self._client, "plain", self._base)
            self.data_plane = self._choose(plain)
            shim = self.data_plane is DataPlane.SHIM
            image = ensure_image(self._device, self._client, "shim", self._base) if shim else plain
            self._make_network(self._run)
            self._make_container(self._run, image)
        except docker.errors.DockerException as error:
            raise DeviceError(self._device, f"Docker refuses: {_first_line(error)}", "run ikespec doctor") from error

    def _labels(self) -> dict[str, str]:
        return {_LABEL: "1", _OWNER_LABEL: str(Owner.this())}

    def _choose(self, image: str) -> DataPlane:
        """Try what the kernel offers to a container."""
        if self._wanted is not None:
            return self._wanted
        # Words as the shell must see them: the algorithm's name has parentheses.
        probe = " ".join(f"'{word}'" for word in PROBE)
        output = self._client.containers.run(
            image,
            ["sh", "-c", _PROBE_SCRIPT.format(probe=probe)],
            cap_add=["NET_ADMIN"],
            network_mode="none",
            labels=self._labels(),
            remove=True,
        )
        word = output.decode().strip()
        if word:
            return DataPlane(word)
        if DataPlane.LIBIPSEC not in self._possible:
            raise DeviceError(self._device, "this kernel has no XFRM interface", "modprobe -a xfrm_user esp4 esp6")
        if TUN_DEVICE.exists():
            return DataPlane.LIBIPSEC
        raise DeviceError(self._device, f"this kernel has neither XFRM nor {TUN_DEVICE}", "modprobe -a xfrm_user tun")

    def _make_network(self, run: RunDirectory) -> None:
        name, pid = f"ikespec-{run.label}", run.owner.pid
        prefix = f"fd91:{pid >> 16:x}:{pid & 0xFFFF:x}:{run.index:x}:"
        pool = IPAMPool(subnet=f"{prefix}:/64", gateway=f"{prefix}:1")
        create = self._client.networks.create
        try:
            config = IPAMConfig(pool_configs=[pool])
            self._network = create(name, driver="bridge", labels=self._labels(), enable_ipv6=True, ipam=config)
        except docker.errors.APIError:  # a daemon without IPv6
            self._network = create(name, driver="bridge", labels=self._labels())
        self._network.reload()

    def _make_container(self, run: RunDirectory, image: str) -> None:
        libipsec = self.data_plane is DataPlane.LIBIPSEC
        self._container = self._client.containers.create(
            image,
            ["sh", "-c", _KEEPER],
            name=f"ikespec-{run.label}",
            labels=self._labels(),
            network=self._network.name,
            cap_add=["NET_ADMIN"],
            devices=[f"{TUN_DEVICE}:{TUN_DEVICE}"] if libipsec else [],
            sysctls={"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.rp_filter": "0"},
            volumes={str(run.path): {"bind": _INSIDE, "mode": "rw"}},
            stdin_open=True,
            auto_remove=True,
        )
        # Attached input that is open only once: it closes with this connection.
        self._life = self._container.attach_socket(params={"stdin": 1, "stream": 1})
        self._container.start()
        self._container.reload()
        self.pixit = self._addresses()

    def _addresses(self) -> Pixit:
        end = self._container.attrs["NetworkSettings"]["Networks"][self._network.name]
        return Pixit(
            device_address=end["IPAddress"],
            tester_address=end["Gateway"],
            device_address6=end["GlobalIPv6Address"] or None,
            tester_address6=end["IPv6Gateway"] or None,
            device_networks=("10.2.0.0/24", "fd02::/64"),
            tester_networks=("10.1.0.0/24", "fd01::/64"),
        )

    def launch(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the daemon beside the process that keeps the container."""
        extra = dict(environment)
        if self.data_plane is DataPlane.SHIM:
            extra["LD_PRELOAD"] = _SHIM
        command = ["sh", "-c", _DAEMON, "sh", *argv]
        try:
            api = self._opened().client.api
            created = api.exec_create(self._container.id, command, environment=extra)
            self._exec = str(created["Id"])
            api.exec_start(self._exec, detach=True)
        except docker.errors.DockerException as error:
            raise DeviceError(self._device, f"cannot start {argv[0]}: {_first_line(error)}") from error

    def shell(self) -> Shell:
        """The shell beside the daemon, opened anew if it has been closed."""
        container = self._opened()
        if self._shell is None or self._shell.closed:
            api = container.client.api
            try:
                created = api.exec_create(container.id, ["/bin/sh"], stdin=True)
                self._shell = ContainerShell(self._device, api.exec_start(created["Id"], socket=True))
            except docker.errors.DockerException as error:
                raise DeviceError(self._device, f"cannot open a shell: {_first_line(error)}") from error
        return self._shell

    def running(self) -> bool:
        """Whether the daemon's process exists."""
        if self._exec is None or self._container is None:
            return False
        try:
            return bool(self._client.api.exec_inspect(self._exec)["Running"])
        except docker.errors.DockerException:
            return False

    def ending(self) -> str:
        """How the daemon's process ended."""
        if self._exec is None or self._container is None:
            return ""
        try:
            state = self._client.api.exec_inspect(self._exec)
        except docker.errors.DockerException:
            return "gone with its container"
        return "" if state["Running"] else shell_ending(int(state["ExitCode"] or 0))

    def vitals(self) -> Vitals | None:
        """From ``/proc`` of the container."""
        return shell_vitals(self.shell(), f"$(cat {_INSIDE}/daemon.pid)") if self.running() else None

    def _stat(self) -> str:
        return self.shell().run(f"cat /proc/$(cat {_INSIDE}/daemon.pid)/stat").output

    def halt(self) -> None:
        """End the daemon; the container stays."""
        for signal in ("TERM", "KILL"):
            if not self.running():
                break
            with contextlib.suppress(docker.errors.DockerException):
                self._container.exec_run(["sh", "-c", f"kill -{signal} $(cat {_INSIDE}/daemon.pid)"])
            end = time.monotonic() + _STOP_PATIENCE
            while self.running() and time.monotonic() < end:
                time.sleep(0.01)
        self._exec = None

    def console(self) -> str:
        """What the daemon wrote to its standard output."""
        path = self.directory / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    def open_link(self, *, ipv6: bool = False, ports: tuple[int, ...] | None = None) -> Link:
        """Bind the bridge's address on this host."""
        self._opened()
        host = self.pixit.tester_address6 if ipv6 else self.pixit.tester_address
        if host is None:
            raise Unsupported(Capability.IPV6, self._device, "this Docker daemon has no IPv6")
        end = time.monotonic() + (_IPV6_PATIENCE if ipv6 else 0)
        while True:
            try:
                return UdpLink(host, ports=ports or self.pixit.tester_ports)
            except OSError as error:
                # A new IPv6 address cannot be bound while the host asks whether it is a duplicate.
                if time.monotonic() >= end:
                    raise DeviceError(self._device, str(error), "see ikespec doctor") from error
            time.sleep(0.05)

    def close(self) -> None:
        """Remove the container, its network and its directory."""
        if self._shell is not None:
            self._shell.close()
            self._shell = None
        if self._life is not None:
            with contextlib.suppress(OSError):
                self._life.close()
            self._life = None
        for thing in (self._container, self._network):
            if thing is not None:
                _remove(thing)
        self._container = self._network = self._exec = None
        if self._run is not None:
            self._run.remove()
            self._run = None
            closed(self)
        if self._client is not None:
            self._client.close()
            self._client = None

    def _opened(self) -> Any:
        if self._container is None:
            raise DeviceError(self._device, "is not started")
        return self._container


class ContainerShell(Shell):
    """A shell in a container: its connection to the Docker daemon carries input as it is and output in frames."""

    def __init__(self, device: str, connection: Any) -> None:
        super().__init__(device)
        # docker-py wraps the socket, and closes it with the wrapper.
        self._connection = connection
        self._descriptor: int = connection.fileno()
        self._frames = b""

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]

    def _read(self, seconds: float) -> bytes | None:
        end = time.monotonic() + seconds
        while select.select([self._descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            more = os.read(self._descriptor, 65536)
            self._frames += more
            output = b""
            # A frame: which stream, three octets of nothing, four octets of size, the data.
            while len(self._frames) >= _FRAME and len(self._frames) >= (stop := _FRAME + _size(self._frames)):
                output += self._frames[_FRAME:stop]
                self._frames = self._frames[stop:]
            if output or not more:
                return output
        return None

    def close(self) -> None:
        """Close the connection: the shell ends with its input."""
        if not self.closed:
            self.closed = True
            with contextlib.suppress(OSError):
                self._connection.close()


_FRAME = 8


def _size(frame: bytes) -> int:
    return int.from_bytes(frame[4:_FRAME], "big")


def _remove(thing: Any) -> None:
    """Remove a container or a network that may be on its way out already."""
    for _ in range(50):
        try:
            thing.remove(**({"force": True} if hasattr(thing, "exec_run") else {}))
        except docker.errors.NotFound:
            return
        except docker.errors.APIError:
            time.sleep(0.1)  # "removal is already in progress", or the network still has an endpoint


def sweep_docker(client: Any) -> list[str]:
    """Remove containers and networks of dead owners; returns their names. Those without our label are never touched."""
    removed = []
    found = [
        *client.containers.list(all=True, filters={"label": f"{_LABEL}=1"}, ignore_removed=True),
        *client.networks.list(filters={"label": f"{_LABEL}=1"}),
    ]
    for thing in found:
        labels = thing.attrs.get("Labels") or thing.attrs.get("Config", {}).get("Labels") or {}
        owner = Owner.parse(labels.get(_OWNER_LABEL, ""))
        if owner is not None and owner.dead():
            removed.append(str(thing.name))
            _remove(thing)
    return removed
