"""What this machine can and cannot do for a conformance run, and how to mend it.

The rest of the suite is imported only where it is used: the doctor must work where a package is missing.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

_PACKAGES = ("allure-pytest", "cryptography", "docker", "jinja2", "pytest", "pytest-xdist", "rich", "typer", "vici")
_OLDEST_PYTHON = (3, 11)
_CAPABILITIES = {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is there, what was seen, what that is for, and how to mend it if it is not."""

    what: str
    ok: bool
    seen: str
    means: str
    mend: str = ""


def diagnose() -> list[Finding]:
    """Look at everything; takes about a second, changes nothing, needs no privileges.

    Without the Python packages it ends after them, since nothing else can be tried then.
    """
    packages = _packages()
    findings = [_python(), packages, _root(), _own_ports()]
    if not packages.ok:
        return findings
    findings += _namespaces()
    findings += [_tun(), _compiler(), _docker(), _virtual_machine(), _strongswan(), _libreswan(), _releases()]
    findings.append(_tool("nft", "nftables", _NAT_MEANS))
    findings.append(_tool("conntrack", "conntrack", _NAT_MEANS))
    findings.append(_tool("tshark", "tshark", _TSHARK_MEANS))
    return findings


_NAT_MEANS = "a real NAT in front of tester or device: --dut strongswan:netns-nat, strongswan:netns-natted"
_TSHARK_MEANS = "transcripts can be checked against an independent decoder"


def _python() -> Finding:
    wanted = ".".join(map(str, _OLDEST_PYTHON))
    mend = f"install Python {wanted} or newer"
    return Finding("Python", sys.version_info >= _OLDEST_PYTHON, sys.version.split()[0], f"{wanted} is needed", mend)


def _packages() -> Finding:
    missing, found = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    seen = "missing: " + ", ".join(missing) if missing else ", ".join(found)
    return Finding(
        "Python packages",
        not missing,
        seen,
        "the suite is built on them",
        f"{sys.executable} -m pip install {' '.join(missing)}",
    )


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _root() -> Finding:
    effective = _effective_capabilities()
    missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    root = os.geteuid() == 0
    seen = ("root" if root else f"user {os.geteuid()}") + (f", without {', '.join(missing)}" if missing else "")
    means = "real devices in network namespaces; the reference device needs nothing"
    return Finding("privileges", root and not missing, seen, means, "use sudo, or run in the container of the suite")


def _own_ports() -> Finding:
    lowest = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    start = int(lowest.read_text()) if lowest.exists() else 1024
    ok = start <= 500 or bool(_effective_capabilities() >> _CAPABILITIES["CAP_NET_BIND_SERVICE"] & 1)
    seen = "may be bound" if ok else f"ports below {start} are privileged"
    mend = "use sudo, or sysctl net.ipv4.ip_unprivileged_port_start=500"
    return Finding("UDP port 500", ok, seen, "the scripted peer speaks from the port that IKE uses", mend)


def _namespaces() -> list[Finding]:
    """Make a namespace and try ESP in it, so that nothing of the host is touched."""
    name = f"ikespec-doctor-{os.getpid()}"
    means = "strongSwan and libreswan beside the suite, without Docker"
    if shutil.which("ip") is None:
        return [Finding("network namespaces", False, "no command ip", means, "apt-get install iproute2")]
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        seen = (made.stderr.strip().splitlines() or ["refused"])[-1]
        unknown = Finding("kernel ESP", False, "not tried: no network namespace", _ESP_MEANS, "mend the line above")
        return [Finding("network namespaces", False, seen, means, "use sudo"), unknown]
    try:
        return [Finding("network namespaces", True, "can be made", means), _esp(name)]
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


_ESP_MEANS = "Child SAs of real devices carry packets; without it negotiation is still tested completely"


def _esp(namespace: str) -> Finding:
    from peers.places.dataplane import kernel_has_esp, kernel_has_xfrm

    if kernel_has_esp(namespace):
        return Finding("kernel ESP", True, "an ESP state can be added", _ESP_MEANS)
    seen = "XFRM, but no ESP" if kernel_has_xfrm(namespace) else "no XFRM"
    return Finding("kernel ESP", False, seen, _ESP_MEANS, "modprobe -a xfrm_user esp4 esp6, or a kernel that has them")


def _tun() -> Finding:
    from peers.places.dataplane import TUN_DEVICE

    there = TUN_DEVICE.exists()
    means = "strongSwan's ESP in user space"
    return Finding("TUN device", there, str(TUN_DEVICE) if there else "missing", means, "modprobe tun")


def _compiler() -> Finding:
    from peers.places.dataplane import compiler

    path = compiler()
    means = "stands in for a kernel without ESP (data plane shim)"
    return Finding("C compiler", path is not None, path or "missing", means, "apt-get install gcc libc6-dev")


def _docker() -> Finding:
    from peers.places.container import docker_problem

    problem = docker_problem()
    seen = problem or "the daemon answers"
    mend = "apt-get install docker.io and start it, or join the group docker"
    return Finding("Docker", problem is None, seen, "strongSwan and libreswan in a container", mend)


def _virtual_machine() -> Finding:
    from peers.places.rootfs import rootfs_problem
    from peers.places.uml import uml_problem

    problem = rootfs_problem() or uml_problem()
    seen = problem or "fetched with apt-get when it is used for the first time (about 20 s)"
    means = "real devices with kernel ESP and without any privileges: --dut strongswan:uml"
    return Finding(
        "virtual machine", problem is None, seen, means, "mount -o remount,exec /dev/shm, on Debian or Ubuntu"
    )


def _strongswan() -> Finding:
    from peers.registry import STRONGSWAN_PACKAGES
    from peers.strongswan.settings import DAEMON

    means = "strongSwan beside the suite, without Docker"
    if not Path(DAEMON).exists():
        return Finding("strongSwan", False, f"no {DAEMON}", means, STRONGSWAN_PACKAGES)
    # The daemon has no option that only prints its version; its control program heads its help with it.
    return Finding("strongSwan", True, _version_of("swanctl", "--help") or DAEMON, means)


def _libreswan() -> Finding:
    from peers.libreswan.settings import PACKAGES
    from peers.places.rootfs import existing_root, rootfs_problem

    means = "libreswan beside the suite, without Docker and without installing it"
    found = existing_root("libreswan", PACKAGES)
    if found is not None:
        return Finding("libreswan", True, f"in {found}", means)
    problem = rootfs_problem()
    seen = problem or "fetched with apt-get when it is used for the first time (about 10 s, 170 MB)"
    return Finding("libreswan", problem is None, seen, means, "--dut libreswan:docker")


def _releases() -> Finding:
    from peers.places.rootfs import SUITES, cache_directory, rootfs_problem

    means = "the daemons of other releases of Debian: --dut strongswan@trixie, libreswan@forky:uml"
    problem = rootfs_problem(SUITES[0])
    made = [suite for suite in SUITES if next(cache_directory().glob(f"*@{suite}-*"), None) is not None]
    there = f"; here already: {', '.join(made)}" if made else ""
    seen = problem or f"{', '.join(SUITES)}: fetched with apt-get when used for the first time (about 20 s){there}"
    return Finding("releases", problem is None, seen, means, "apt-get install debian-archive-keyring")


def _tool(command: str, package: str, means: str) -> Finding:
    path = shutil.which(command)
    seen = "missing" if path is None else (_version_of(command, "--version") or path)
    return Finding(command, path is not None, seen, means, f"apt-get install {package}")


def _version_of(command: str, option: str) -> str:
    """The first line that a command prints about itself, empty if it does not."""
    try:
        done = subprocess.run([command, option], capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip()[:60] if lines else ""


def print_findings(findings: list[Finding], out: TextIO | None = None) -> None:
    """Print a table for a terminal, or plain lines for a file or a pipe."""
    out = out or sys.stdout
    if out.isatty() and find_spec("rich"):
        _rich(findings, out)
    else:
        _plain(findings, out)


def _rich(findings: list[Finding], out: TextIO) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for one in findings:
        lines = [escape(one.seen), f"[dim]{escape(one.means)}[/]"]
        if not one.ok and one.mend:
            lines.append(f"[cyan]mend: {escape(one.mend)}[/]")
        table.add_row(f"[bold]{escape(one.what)}[/]", "[green]ok[/]" if one.ok else "[yellow]no[/]", "\n".join(lines))
    Console(file=out).print(table)


def _plain(findings: list[Finding], out: TextIO) -> None:
    width = max((len(one.what) for one in findings), default=0)
    for one in findings:
        print(f"{one.what:<{width}}  {'ok' if one.ok else 'no'}  {one.seen} ({one.means})", file=out)
        if not one.ok and one.mend:
            print(f"{'':<{width}}      mend: {one.mend}", file=out)
