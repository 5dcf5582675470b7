"""A daemon in a network namespace of its own, with the tester in another one, joined by a virtual cable."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from conformance.net import Link, UdpLink
from conformance.net.http import WebServer
from conformance.net.web import WebLink
from peers.contract import DeviceError, Pixit, Vitals
from peers.places import core, coverage, dataplane, sanitizers
from peers.places.frames import told
from peers.places.lastwords import last_words
from peers.places.owner import RunDirectory, close_at_exit, closed, sweep
from peers.places.place import DataPlane, Place
from peers.places.process import ending, process_vitals, start_daemon, stop_daemon
from peers.places.shell import PipeShell, Shell

PIXIT = Pixit(
    device_address="10.91.0.2",
    tester_address="10.91.0.1",
    device_address6="fd91::2",
    tester_address6="fd91::1",
    device_networks=("10.2.0.0/24", "fd02::/64"),
    tester_networks=("10.1.0.0/24", "fd01::/64"),
    tester_spare="10.91.0.9",
    tester_spare6="fd91::9",
)
SPARE_NAME = "spare.tester.ikespec.example"
"""The name of the tester's second address, where the daemon has a file of hosts of its own."""
_RESOLVER = "resolv.conf"
_SHOWN = "shown"
"""The file that lists the folders of `NetnsPlace.show`."""
SYSCTLS = (
    "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done; "
    "for f in /proc/sys/net/ipv6/conf/*/accept_dad /proc/sys/net/ipv6/conf/*/accept_ra; do echo 0 > $f; done; "
    "echo 1 > /proc/sys/net/ipv4/ip_forward"
)


def _own_names(root: str) -> str:
    """Words that give a daemon below a root files of its own in which it looks up and keeps names; ``$d`` has them.

    So does it get folders of ``$d`` that it looks for elsewhere.
    """
    return (
        f'mount --bind "$d/hosts" "{root}/etc/hosts" && '
        f'{{ [ ! -e "{root}/etc/resolv.conf" ] || mount --bind "$d/{_RESOLVER}" "{root}/etc/resolv.conf"; }} && '
        f'while read -r f at; do [ ! -d "{root}$at" ] || mount --bind "$d/$f" "{root}$at"; done < "$d/{_SHOWN}" && '
    )


# Words: the root, the run directory, the command. `ip netns exec` has given us mounts of our own already. The daemon's
# working directory is the run directory, for its core.
_ENTER = (
    'r=$1 d=$2; shift 2; mount --bind /dev "$r/dev" && mount -t proc proc "$r/proc" && '
    'mount -t tmpfs tmpfs "$r/run" && mount -t tmpfs tmpfs "$r/tmp" && mkdir -p "$r$d" && '
    f'mount --bind "$d" "$r$d" && {_own_names("$r")}'
    'exec chroot "$r" /bin/sh -c \'cd "$1" && shift && exec "$@"\' sh "$d" "$@"'
)
# The same words without a root: a /run of its own, where a build may want its pid file. What is to be preloaded is not
# there for a moment.
_ALONE = (
    f'd=$1 p=$LD_PRELOAD; shift; unset LD_PRELOAD; cd "$d" && {_own_names("")}'
    'mount -t tmpfs tmpfs /run && mkdir -p "$d" && '
    'mount --no-canonicalize --bind . "$d" && cd "$d" && exec env ${p:+"LD_PRELOAD=$p"} "$@"'
)
# What a daemon of the host gets, whose files are all those of the host.
_NAMED = f'd=$1 p=$LD_PRELOAD; shift; unset LD_PRELOAD; {_own_names("")}exec env ${{p:+"LD_PRELOAD=$p"}} "$@"'
_REPORT_PATIENCE = 10.0
_CORE_PATIENCE = 10.0
_PATIENCE, _END_PATIENCE = 3.0, 20.0
"""Seconds that a daemon may take to end: one that looks for leaks then is slow."""


def inner_hosts(pixit: Pixit) -> tuple[str, ...]:
    """The first address of each network behind the device, with its full prefix.

    These hosts must exist on the device for user-space ESP, and let any data plane be tested by an echo request.
    """
    networks = [ip_network(one) for one in pixit.device_networks]
    return tuple(f"{one[1]}/{one.max_prefixlen}" for one in networks)


class NetnsPlace(Place):
    """Two network namespaces of our own. Instances do not see each other, so all use the same addresses.

    With ``swapped`` the device has the tester's addresses, and the tester those of a device that is not swapped.
    With ``root`` the daemon runs in that root file system (`peers.places.rootfs`), which is made when the place opens;
    the run directory has the same path in it. ``possible`` are the data planes that the daemon knows. ``build`` says
    whose build it is, for reports; it gets a ``/run`` of its own.
    """

    description = "netns"

    def __init__(
        self,
        device: str,
        data_plane: DataPlane | None = None,
        *,
        root: Callable[[], Path] | None = None,
        possible: Sequence[DataPlane] = tuple(DataPlane),
        swapped: bool = False,
        build: str = "",
    ) -> None:
        self._device = device
        self.build = build
        self.pixit = PIXIT.swapped() if swapped else replace(PIXIT, tester_spare_name=SPARE_NAME)
        self._wanted = data_plane
        self._possible = possible
        self._make_root = root
        self._root: Path | None = None
        self._shell: PipeShell | None = None
        self._run: RunDirectory | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._program = ""
        self._core = ""
        self._complained: dict[str, bool] = {}
        self.tester_namespace = ""
        self.device_namespace = ""

    def open(self) -> None:
        """Remove what dead runs left, make the two namespaces, and choose the data plane."""
        if os.geteuid() != 0:
            raise DeviceError(self._device, "network namespaces need root", f"use sudo, or --dut {self._device}:docker")
        if shutil.which("ip") is None:
            raise DeviceError(self._device, "the command ip is missing", "apt-get install iproute2")
        sweep()
        if self._make_root is not None:
            self._root = self._make_root()
        self._run = run = RunDirectory()
        close_at_exit(self)
        self.directory = run.path
        (run.path / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{PIXIT.tester_spare} {SPARE_NAME}\n")
        (run.path / _RESOLVER).touch()
        (run.path / _SHOWN).touch()
        self.inside = str(run.path)
        self.tester_namespace = f"ikespec-{run.label}-t"
        self.device_namespace = f"ikespec-{run.label}-d"
        self._make_namespaces(run)
        self.data_plane = dataplane.choose(self._device, self.device_namespace, self._wanted, self._possible)

    def forget_told(self) -> None:
        """Clear the file into which a client writes what a gateway has told it of name servers, too."""
        super().forget_told()
        (self.directory / _RESOLVER).write_text("")

    def show(self, folder: str, at: str) -> bool:
        """Let the daemon find a folder of its run directory at another place, too, where it has one of that name."""
        with (self.directory / _SHOWN).open("a") as listed:
            listed.write(f"{folder} {at}\n")
        return True

    def _make_namespaces(self, run: RunDirectory) -> None:
        tester, device, pixit = self.tester_namespace, self.device_namespace, self.pixit
        run.note_namespace(tester)
        run.note_namespace(device)
        self._ip([], [f"netns add {tester}", f"netns add {device}"])
        self._ip(["-n", tester], [f"link add device0 type veth peer name tester0 netns {device}"])
        for namespace in (tester, device):
            command = ["ip", "netns", "exec", namespace, "sh", "-c", SYSCTLS]
            subprocess.run(command, capture_output=True, check=False)
        self._ip(
            ["-n", tester],
            [
                "link set lo up",
                f"addr add {pixit.tester_address}/24 dev device0",
                f"addr add {pixit.tester_address6}/64 dev device0 nodad",
                *([f"addr add {pixit.tester_spare}/24 dev device0"] if pixit.tester_spare else []),
                *([f"addr add {pixit.tester_spare6}/64 dev device0 nodad"] if pixit.tester_spare6 else []),
                "link set device0 up",
            ],
        )
        self._ip(
            ["-n", device],
            [
                "link set lo up",
                f"addr add {pixit.device_address}/24 dev tester0",
                f"addr add {pixit.device_address6}/64 dev tester0 nodad",
                "link set tester0 up",
                f"route add default via {pixit.tester_address}",
                f"route add default via {pixit.tester_address6}",
                *(f"addr add {address} dev lo" for address in inner_hosts(pixit)),
            ],
        )

    def _ip(self, options: list[str], commands: list[str]) -> None:
        """Run several ip commands in one process."""
        command = ["ip", *options, "-batch", "-"]
        done = subprocess.run(command, input="\n".join(commands), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            complaint = done.stderr.strip().replace("\n", "; ")
            raise DeviceError(self._device, f"cannot make network namespaces: {complaint}", "run ikespec doctor")

    def launch(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the daemon in the device's namespace."""
        run = self._opened()
        extra = sanitizers.environment(str(run.path), os.environ) | dict(environment)
        if self.build:
            extra |= coverage.environment(str(run.path))
        self._forget(run)
        self._program = argv[0]
        if self.data_plane is DataPlane.SHIM:
            library = run.path / "xfrmfake.so"
            extra["LD_PRELOAD"] = str(library if library.exists() else dataplane.build_shim(self._device, run.path))
        try:
            # Each of the programs before it replaces itself by the next, so this is the daemon's process.
            self._process = start_daemon([*self._inside(run), *argv], extra, run.path / "console", run.path)
        except OSError as error:
            raise DeviceError(self._device, f"cannot start {argv[0]}: {error}") from error
        run.note_process(self._process.pid)

    def _inside(self, run: RunDirectory) -> list[str]:
        """The words before a command that bring it to the daemon's place."""
        command = ["ip", "netns", "exec", self.device_namespace]
        if self._root is not None:
            command += ["sh", "-c", _ENTER, "sh", str(self._root), str(run.path)]
        elif self.build:
            command += ["sh", "-c", _ALONE, "sh", str(run.path)]
        else:
            command += ["sh", "-c", _NAMED, "sh", str(run.path)]
        return command

    def _forget(self, run: RunDirectory) -> None:
        """Remove what the process before has written of its end."""
        self._core, self._complained = "", {}
        sanitizers.remove(run.path)
        (run.path / "console").unlink(missing_ok=True)

    def shell(self) -> Shell:
        """The shell beside the daemon, opened anew if it has been closed."""
        run = self._opened()
        if self._shell is None or self._shell.closed:
            self._shell = PipeShell(self._device, [*self._inside(run), "/bin/sh"])
            run.note_process(self._shell.pid)
        return self._shell

    def running(self) -> bool:
        """Whether the daemon's process exists. One that writes its core is as good as gone; this waits for its end."""
        if self._process is None:
            return False
        if self._process.poll() is None and core.is_written(self._process.pid):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_CORE_PATIENCE)
        return self._process.poll() is None

    def ending(self) -> str:
        """How the daemon's process ended."""
        return ending(self._process.poll()) if self._process is not None else ""

    def epitaph(self, log: str) -> str:
        """How the daemon's process ended, with a sanitizer's report, else its own last words and what its core has."""
        self.complaint()
        reports = list(sanitizers.reports(self._reported()))
        words, places = "", ""
        if reports:
            words = reports[0].words
        else:
            words, places = last_words(log, self.console() if self._run else ""), told(self._backtrace())
            if places and words.startswith("SIG"):
                words = words.partition(" at ")[0]  # the core knows the functions, too
        return (self.ending() or "gone") + (f": {words}" if words else "") + places

    def complaint(self) -> str:
        """What sanitizers in the daemon have reported since this was asked last, in a line."""
        end = time.monotonic() + _REPORT_PATIENCE
        while self.running() and not sanitizers.complete(self._reported()) and time.monotonic() < end:
            time.sleep(0.02)
        new = [one for one in sanitizers.reports(self._reported()) if one.text not in self._complained]
        self._complained |= dict.fromkeys((one.text for one in new), True)
        return new[0].words + (f" (and {len(new) - 1} more)" if len(new) > 1 else "") if new else ""

    def testimony(self) -> str:
        """For the evidence: reports of sanitizers, and the backtrace of the core of a dead daemon."""
        parts = [text for text, new in self._complained.items() if new]
        if backtrace := self._backtrace():
            parts.append(backtrace)
        return "".join(f"\n{part}\n" for part in parts)

    def turn_page(self) -> None:
        """What was reported so far is no part of the evidence that follows."""
        self._complained = dict.fromkeys(self._complained, False)

    def _reported(self) -> str:
        """What the daemon's process has written, as far as sanitizers may have done it."""
        if self._run is None:
            return ""
        try:
            return sanitizers.written(self._run.path) + self.console()
        except OSError:
            return ""

    def _backtrace(self) -> str:
        """The backtrace in the core of the daemon's process where a signal has ended it; read once."""
        process = self._process
        if process is None or self._run is None or (process.poll() or 0) >= 0:
            return ""
        self._core = self._core or core.backtrace(self._program, process.pid, self._run.path, self._root)
        return self._core

    def vitals(self) -> Vitals | None:
        """From ``/proc``."""
        return process_vitals(self._process.pid) if self._process is not None else None

    def coverage(self) -> bytes:
        """What a build counts in its run directory."""
        return coverage.taken(self._run.path) if self.build and self._run is not None else b""

    def _stat(self) -> str:
        return Path(f"/proc/{self._process.pid if self._process is not None else 0}/stat").read_text()

    def halt(self) -> None:
        """End the daemon and wait for its end."""
        if self._process is not None:
            stop_daemon(self._process, _END_PATIENCE if self.build else _PATIENCE)
            if self._run is not None:
                self._run.forget_process(self._process.pid)
            self._process = None

    def console(self) -> str:
        """What the daemon wrote to its standard output."""
        path = self._opened().path / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    def open_link(self, *, ipv6: bool = False, ports: tuple[int, ...] | None = None) -> Link:
        """Bind the tester's address in the tester's namespace."""
        self._opened()
        host = self.pixit.tester_address6 if ipv6 else self.pixit.tester_address
        assert host is not None
        try:
            return UdpLink(host, ports=ports or self.pixit.tester_ports, netns=self.tester_namespace)
        except OSError as error:
            raise DeviceError(self._device, str(error)) from error

    def open_web(self, server: WebServer) -> AbstractContextManager[object]:
        """Serve at the tester's address in the tester's namespace."""
        self._opened()
        return WebLink(server, self.tester_namespace)

    def close(self) -> None:
        """End the daemon and delete both namespaces."""
        if self._run is not None:
            try:
                self.halt()
            finally:
                if self._shell is not None:
                    self._shell.close()
                    self._shell = None
                self._run.remove()
                self._run = None
            closed(self)

    def _opened(self) -> RunDirectory:
        if self._run is None:
            raise DeviceError(self._device, "is not started")
        return self._run
