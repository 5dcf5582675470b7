"""A daemon in a virtual machine that needs no privileges: User-mode Linux, with a socket pair as its network cable.

The guest's kernel has ESP and AH whatever the host's has, so its data plane is always the kernel's. Its root file
system is a folder of this host (`peers.places.rootfs`); it writes to memory only. The kernel is the same whatever
release the daemon is of. The tester is the other end of the cable (`conformance.net.ethernet`). Control goes over two
serial lines: one has a shell, the other is joined to the daemon's control socket.
"""

import os
import select
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

from conformance.ike.core.connection import GreTunnel
from conformance.net import Link
from conformance.net.ethernet import EthernetLink
from conformance.net.http import WebServer
from peers.contract import DeviceError, Pixit, Vitals
from peers.places.netns import PIXIT, inner_hosts
from peers.places.owner import RunDirectory, close_at_exit, closed, sweep
from peers.places.place import FLUSH, DataPlane, Place
from peers.places.process import shell_ending, shell_vitals
from peers.places.rootfs import root_file_system, rootfs_problem
from peers.places.shell import Shell

PACKAGES = ("kmod", "socat", "iputils-ping")
"""What a root file system needs beside the daemon to be booted."""
KERNEL_PACKAGES = ("user-mode-linux",)
"""What holds the kernel and its modules, and the C library that it needs."""
KERNEL_SUITE = "forky"
"""Whose kernel that is: since 6.16 one needs no ptrace, and does the same in half the time of the processor."""

MEMORY = "192M"
BOOT_PATIENCE = 120.0
_HALT_PATIENCE = 30.0
"""Seconds until the shell must have ended the daemon: it gives that three itself, more on a busy host."""
_LAST_WORDS = 0.01
"""Seconds of quiet after which the device has sent its Deletes for the SAs that it was told to forget."""
_TESTER_MAC, _DEVICE_MAC = bytes.fromhex("02ab00000001"), bytes.fromhex("02ab00000002")
_UNCHANGED, _KERNEL, _MODULES = "usr/bin/linux.uml", "usr/bin/linux", "/usr/lib/uml/modules"
_LIBRARY = "usr/lib/*/libc.so.6"
_LOADER = b"/lib64/ld-linux-x86-64.so.2\0"
_READY = "IKESPEC-READY"
_GRE = "ikespec-gre"
# Kernels since 6.12 want the second form.
_HOSTFS = "mount -t hostfs none {point} -o {folder} || mount -t hostfs none {point} -o hostfs={folder}"
_PREPARE = "mount -t tmpfs run /run; mkdir /run/lab; {hostfs}; exec sh /run/lab/init.sh"
# The fifth number is that of the routes which IPv6 has remembered.
_FORGET_TOLD = (
    "echo -1 > /proc/sys/net/ipv4/route/flush; read -r _ _ _ _ paths _ < /proc/net/rt6_stats; "
    f'[ "$paths" = 0000 ] || ip -6 route flush cache; : > /run/resolv.conf; {FLUSH}'
)

_INIT = """\
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null; mount -t tmpfs tmp /tmp
mkdir -p /dev/pts /dev/shm /dev/net /run/lock /run/modules/lib/modules; {modules}
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
: > /run/resolv.conf; [ ! -e /etc/resolv.conf ] || mount --bind /run/resolv.conf /etc/resolv.conf
# The kernel asks twice for each algorithm that is made of others, cbc(aes) say: looking for a module costs 0.1 s.
printf '#!/bin/sh\\ncase "$*" in *"("*) exit 1;; esac\\nexec /sbin/modprobe -d /run/modules "$@"\\n' > /run/modprobe
chmod +x /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
/run/modprobe -a ipv6 xfrm_user esp4 esp6 ah4 ah6 ip_gre tun drbg authenc authencesn echainiv seqiv cbc ctr ecb \\
  crypto_null gcm crypto-ghash ccm cmac xcbc hmac crypto-sha512 chacha20poly1305 crypto-chacha20 crypto-poly1305 \\
  jitterentropy_rng 2>/dev/null
ip link set lo up; ip link set vec0 up
{addresses}
echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
for f in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $f; done
ln -s $(command -v socat) /run/echo && setsid /run/echo TCP6-LISTEN:7,fork,reuseaddr PIPE < /dev/null &
# A line keeps its settings, and what comes in early, only as long as somebody holds it open.
exec 8<> /dev/ttyS0 9<> /dev/ttyS1
stty -F /dev/ttyS0 raw -echo; stty -F /dev/ttyS1 raw -echo
setsid sh -c 'echo {ready}; exec sh' < /dev/ttyS1 > /dev/ttyS1 2> /dev/null &
while :; do sleep 3600; done
"""


def kernel_folder() -> Path:
    """The folder of the kernel, made now if it is not there. Who has no keys of Debian has the kernel of this host.

    The kernel is a program of this host, and may want a newer C library than the host has: it gets that of its own
    release. The path of its loader becomes one that begins where it is started, which is this folder.
    """
    suite = "" if rootfs_problem(KERNEL_SUITE) else KERNEL_SUITE
    folder = root_file_system("uml", KERNEL_PACKAGES, suite, base=())
    if not (folder / _KERNEL).exists():
        new = folder / f"{_KERNEL}.{os.getpid()}"  # others may do the same just now
        new.write_bytes((folder / _UNCHANGED).read_bytes().replace(_LOADER, _LOADER[1:] + b"\0", 1))
        new.chmod(0o755)
        new.rename(folder / _KERNEL)
    return folder


class SerialShell(Shell):
    """A shell at the other end of a serial line. A process of the guest costs 10 ms, more where others work, too."""

    patience = 30.0

    def __init__(self, device: str, line: socket.socket) -> None:
        super().__init__(device)
        self._line = line

    def _write(self, data: bytes) -> None:
        self._line.sendall(data)

    def _read(self, seconds: float) -> bytes | None:
        if not select.select([self._line], [], [], seconds)[0]:
            return None
        return self._line.recv(65536)

    def wait_for(self, word: bytes, seconds: float) -> bool:
        """Whether ``word`` comes within so many seconds."""
        end, seen = time.monotonic() + seconds, b""
        while word not in seen:
            more = self._read(max(0.0, end - time.monotonic()))
            if not more:
                return False
            seen += more
        return True

    def close(self) -> None:
        """The line stays; nothing more is expected of the shell."""
        self.closed = True


def _gre(name: str, tunnel: GreTunnel) -> str:
    """The commands that make a GRE tunnel. Over IPv6 nothing stands between the IPv6 header and that of GRE."""
    kind = "ip6gre encaplimit none" if ":" in tunnel.local else "gre"
    fields = f" key {tunnel.key}" * (tunnel.key is not None) + " csum" * tunnel.checksum + " seq" * tunnel.sequence
    made = f"ip link add {name} type {kind} local {tunnel.local} remote {tunnel.remote}{fields}"
    routes = (f"ip route replace {network} dev {name}" for network in tunnel.remote_networks)
    return " && ".join([made, f"ip link set {name} up", *routes])


class UmlPlace(Place):
    """One guest. ``root`` makes or finds its root file system, which must hold `PACKAGES`.

    ``kernel`` makes or finds the folder with `KERNEL_PACKAGES`.

    With ``swapped`` the guest has the tester's addresses, and the tester those of a guest that is not swapped.
    """

    description = "User-mode Linux"
    just_booted = True
    echoes = has_gre = counts_drops = True
    reaches_web = False

    def __init__(
        self, device: str, root: Callable[[], Path], kernel: Callable[[], Path], *, swapped: bool = False
    ) -> None:
        self._device, self._make_root, self._make_kernel = device, root, kernel
        self.pixit = PIXIT.swapped() if swapped else PIXIT
        self.data_plane = DataPlane.KERNEL
        self._run: RunDirectory | None = None
        self._guest: subprocess.Popen[bytes] | None = None
        self._shell: SerialShell | None = None
        self._resources = ExitStack()
        self._cable: socket.socket | None = None
        self._control: socket.socket | None = None
        self._daemon = 0
        self._sockets: set[str] = set()
        self._tunnels = 0

    # --- life -------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Make the root if need be, and boot the guest."""
        sweep()
        root, kernel = self._make_root(), self._make_kernel()
        self._run = run = RunDirectory()
        close_at_exit(self)
        self.directory, self.inside = run.path, "/run/lab"
        self._boot(root, kernel, run)

    def _boot(self, root: Path, kernel: Path, run: RunDirectory) -> None:
        pairs = [socket.socketpair(socket.AF_UNIX, kind) for kind in (socket.SOCK_DGRAM, *[socket.SOCK_STREAM] * 2)]
        for ours, theirs in pairs:
            self._resources.callback(ours.close)
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        (self._cable, cable), (self._control, vici), (line, tty) = pairs
        # The kernel takes its command line apart at blanks, which the folder of the root may have.
        (run.path / "root").symlink_to(root)
        (run.path / "kernel").symlink_to(kernel)
        (run.path / "uml").mkdir()
        (run.path / "init.sh").write_text(_init(self.pixit, run.path))
        prepare = _PREPARE.format(hostfs=_HOSTFS.format(point="/run/lab", folder=run.path))
        command = [str(kernel / _KERNEL), f"umid=guest-{run.label}", f"uml_dir={run.path}/uml"]
        command += [f"mem={MEMORY}", "seccomp=auto"]
        command += ["root=/dev/root", "rootfstype=hostfs", f"rootflags={run.path}/root/.", "rw"]
        command += ["con=null", "con0=null,fd:1", "quiet", "loglevel=3", f"ssl0=fd:{vici.fileno()},fd:{vici.fileno()}"]
        command += [f"ssl1=fd:{tty.fileno()},fd:{tty.fileno()}", "init=/bin/sh"]
        command += [f"vec0:transport=fd,fd={cable.fileno()},depth=128,gro=0,mac={_DEVICE_MAC.hex(':')}"]
        command += ["--", "-c", f'"{prepare}"']
        try:
            with (run.path / "console").open("ab") as console:
                self._guest = subprocess.Popen(
                    command,
                    cwd=kernel,
                    env=os.environ | {"LD_LIBRARY_PATH": ":".join(f"{one.parent}" for one in kernel.glob(_LIBRARY))},
                    pass_fds=[end.fileno() for end in (cable, vici, tty)],
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    start_new_session=True,
                )
        except OSError as error:
            problem = f"cannot start {kernel / _KERNEL}: {error.strerror}"
            raise DeviceError(self._device, problem, "run ikespec doctor") from error
        finally:
            for end in (cable, vici, tty):
                end.close()
        run.note_process(self._guest.pid)
        self._shell = SerialShell(self._device, line)
        if not self._shell.wait_for(_READY.encode(), BOOT_PATIENCE):
            complaint = " / ".join(self.console().strip().splitlines()[-2:]) or "it said nothing"
            raise DeviceError(self._device, f"the guest did not boot: {complaint}", "run ikespec doctor")

    def close(self) -> None:
        """End the guest and remove everything."""
        guest, self._guest, self._shell = self._guest, None, None
        if guest is not None:
            # Its file systems are memory and this host's: there is nothing to save. Each of the guest's processes is
            # one of this host, so the whole group has to go.
            with suppress(ProcessLookupError):
                os.killpg(guest.pid, signal.SIGKILL)
            guest.wait()
        self._resources.close()
        if self._run is not None:
            self._run.remove()
            self._run = None
        closed(self)

    # --- the daemon -------------------------------------------------------------------------------------------------

    def launch(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the daemon in the guest."""
        words = " ".join(map(shlex.quote, argv))
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        done = self.shell().run(f"{settings} setsid {words} >> {self.inside}/console 2>&1 & echo $!")
        self._daemon = int(done.output.split()[-1])

    def running(self) -> bool:
        """Whether the guest and the daemon in it exist."""
        if self._guest is None or self._guest.poll() is not None or not self._daemon:
            return False
        try:
            return self.shell().run(f"kill -0 {self._daemon}").status == 0
        except DeviceError:
            return False

    def ending(self) -> str:
        """How the daemon's process ended."""
        if not self._daemon or self.running():
            return ""
        if self._guest is None or self._guest.poll() is not None:
            return "gone with its guest"
        try:
            return shell_ending(self.shell().run(f"wait {self._daemon}").status)
        except DeviceError:
            return "gone with its guest"

    def vitals(self) -> Vitals | None:
        """From ``/proc`` of the guest."""
        return shell_vitals(self.shell(), f"{self._daemon}") if self._daemon else None

    def _stat(self) -> str:
        return self.shell().run(f"cat /proc/{self._daemon}/stat").output

    def halt(self) -> None:
        """End the daemon; the guest goes on."""
        if self._daemon and self.running():
            pid = self._daemon
            wait = f"i=0; while kill -0 {pid} && [ $i -lt 60 ]; do sleep 0.05; i=$((i+1)); done; kill -9 {pid}"
            self.shell().run(f"kill {pid}; {wait}; pkill socat; rm -f {' '.join(self._sockets)}", _HALT_PATIENCE)
        self._daemon = 0

    def open_gre(self, tunnels: Sequence[GreTunnel]) -> None:
        """Make GRE tunnels and route the networks of the other side into them."""
        done = self.shell().run(" && ".join(_gre(f"{_GRE}{number}", one) for number, one in enumerate(tunnels)))
        self._tunnels = len(tunnels)
        if done.status != 0:
            raise DeviceError(self._device, f"cannot make a GRE tunnel: {done.output.strip()}")

    def close_gre(self) -> None:
        """Take the GRE tunnels away, if there are any."""
        if self._tunnels:
            self.shell().run("; ".join(f"ip link del {_GRE}{number}" for number in range(self._tunnels)))
            self._tunnels = 0

    def forget_told(self) -> None:
        """Let kernel and resolver forget path MTUs, name servers and SAs."""
        # A process costs 10 ms here and more on a busy host: of path MTUs there are seldom any.
        self.shell().run(_FORGET_TOLD)

    def shell(self) -> SerialShell:
        """The shell on the second serial line."""
        if self._shell is None or self._guest is None or self._guest.poll() is not None:
            raise DeviceError(self._device, "its guest has ended", "see its console in the evidence")
        return self._shell

    def control_path(self, name: str) -> str:
        """Control sockets are in the guest's memory: they do not cross into a folder of the host."""
        return f"/run/{name}"

    def connect(self, name: str) -> socket.socket:
        """The first serial line, joined to a control socket of the daemon. Raises OSError before that is there."""
        path = self.control_path(name)
        if self.shell().run(f"pkill socat; [ -S {path} ]").status != 0:
            raise FileNotFoundError(path)
        self._sockets.add(path)
        assert self._control is not None
        while select.select([self._control], [], [], 0)[0] and self._control.recv(65536):
            pass
        self.shell().run(f"setsid socat -t 60 /dev/ttyS0,noctty UNIX-CONNECT:{path} < /dev/null > /dev/null 2>&1 &")
        return self._control.dup()

    def console(self) -> str:
        """What the guest and the daemon wrote."""
        path = self.directory / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- the tester -------------------------------------------------------------------------------------------------

    def open_link(self, *, ipv6: bool = False, ports: tuple[int, ...] | None = None) -> Link:
        """Our end of the cable, with the tester's addresses of both families and all ports."""
        if self._cable is None:
            raise DeviceError(self._device, "its guest is not started")
        pixit = self.pixit
        assert pixit.tester_address6 is not None
        spare = [one for one in (pixit.tester_spare, pixit.tester_spare6) if one is not None]
        addresses = (pixit.tester_address, pixit.tester_address6, *spare)
        link = EthernetLink(self._cable, addresses, _TESTER_MAC, _DEVICE_MAC)
        link.drop(_LAST_WORDS)
        return link

    def open_web(self, server: WebServer) -> AbstractContextManager[object]:
        """Nobody speaks TCP at our end of the cable."""
        raise DeviceError(self._device, "its guest reaches nobody over TCP", "use another place")


def _init(pixit: Pixit, folder: Path) -> str:
    """The script that the guest runs as its first process; ``folder`` is the run directory on this host."""
    assert pixit.device_address6 is not None and pixit.tester_address6 is not None
    lines = [
        f"ip addr add {pixit.device_address}/24 dev vec0",
        f"ip addr add {pixit.device_address6}/64 dev vec0 nodad",
    ]
    lines += [f"ip addr add {address} dev lo" for address in inner_hosts(pixit)]
    for tester in (pixit.tester_address, pixit.tester_address6):
        lines.append(f"ip neigh add {tester} lladdr {_TESTER_MAC.hex(':')} nud permanent dev vec0")
        lines.append(f"ip route add default via {tester}")
    modules = _HOSTFS.format(point="/run/modules/lib/modules", folder=f"{folder}/kernel{_MODULES}")
    return _INIT.format(modules=modules, addresses="\n".join(lines), ready=_READY)


def uml_problem() -> str | None:
    """Why no guest can be booted here, in a few words; None if it can, as far as one sees without trying."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, _, options, *_ = line.split()
        if point == "/dev/shm" and "noexec" in options.split(","):
            return "/dev/shm is mounted noexec"
    return None
