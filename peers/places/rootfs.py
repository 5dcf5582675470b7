"""A root file system for a daemon, made of the packages of this host's distribution without installing anything.

apt works out, for an imagined empty system, what the wanted packages need; the archives are unpacked into a folder. No
maintainer script runs, nothing of the host is changed, and no privileges are needed. The folder is made once for each
list of packages and release of the distribution, in ten seconds or less, and used again by every later run.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from peers.contract import DeviceError

CACHE_VARIABLE = "XDG_CACHE_HOME"
PACKAGE_LIST = "ikespec-packages"
"""A file in the root that says what it was made of: one line ``NAME_VERSION_ARCHITECTURE`` per package."""

# What any root needs to be entered and to run scripts; the essential packages as far as a daemon meets them.
_BASE = (
    *("base-files", "bash", "coreutils", "dash", "findutils", "grep", "hostname", "iproute2", "iputils-ping", "mawk"),
    *("mount", "procps", "sed", "util-linux"),
)
_TOOLS = ("apt-get", "dpkg-deb", "tar")
_MERGED = ("bin", "sbin", "lib", "lib64")
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/resolv.conf": "",
    "etc/hostname": "device\n",
}
_VERSION = "1"  # to be raised when roots must be made differently


def cache_directory() -> Path:
    """Where roots are kept: ``$XDG_CACHE_HOME/ikespec``, else of root's ``/var/cache``, else of the home directory."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen) / "ikespec"
    return Path("/var/cache/ikespec") if os.geteuid() == 0 else Path.home() / ".cache" / "ikespec"


def rootfs_problem() -> str | None:
    """Why no root file system can be made here, in a few words; None if it can."""
    missing = [name for name in _TOOLS if shutil.which(name) is None]
    return f"{missing[0]} is missing: this is no Debian or Ubuntu" if missing else None


def existing_root(name: str, packages: Sequence[str]) -> Path | None:
    """The root with these packages, if it has been made already."""
    path = _path(name, packages)
    return path if path.is_dir() else None


def root_file_system(name: str, packages: Sequence[str]) -> Path:
    """The folder of a root with these packages and all that they need, made now if it is not there.

    ``name`` is the device's, for the folder and for messages. Progress is one line on standard error. The root belongs
    to nobody: mount what is written to over it. Raises DeviceError in one line where it cannot be made.
    """
    path = _path(name, packages)
    if path.is_dir():
        return path
    problem = rootfs_problem()
    if problem is not None:
        raise DeviceError(name, f"cannot make a root file system: {problem}", f"use Docker: --dut {name}:docker")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several workers start at once; one of them makes it
            if not path.is_dir():
                _make(name, packages, path)
    except OSError as error:
        mend = f"set {CACHE_VARIABLE} to a folder with 300 MB of space"
        raise DeviceError(name, f"cannot make a root file system in {path.parent}: {error.strerror}", mend) from error
    return path


def _path(name: str, packages: Sequence[str]) -> Path:
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    made_of = (_VERSION, platform.machine(), release.get("ID", ""), release.get("VERSION_ID", ""), *_BASE, *packages)
    return cache_directory() / f"{name}-{hashlib.sha256(chr(0).join(made_of).encode()).hexdigest()[:12]}"


def _make(name: str, packages: Sequence[str], path: Path) -> None:
    for left in path.parent.glob(f"{name}-*.new"):
        shutil.rmtree(left, ignore_errors=True)  # we hold the lock, so whoever made it is dead
    _say(f"making a root file system for {name}, once, in {path} ...")
    root = Path(f"{path}.new")
    root.mkdir()
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{name}-", suffix=".apt.new") as scratch:
            archives = _download(name, [*_BASE, *packages], Path(scratch))
            _unpack(name, archives, root)
        _furnish(root, archives)
        root.chmod(0o755)
        root.rename(path)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    _say(f"root file system for {name} is ready ({len(archives)} packages)")


def _say(text: str) -> None:
    # Past pytest's capture: whoever waits shall see what for.
    print(f"ikespec: {text}", file=sys.__stderr__ or sys.stderr, flush=True)


def _download(name: str, packages: Sequence[str], scratch: Path) -> list[Path]:
    """Fetch the packages and all that they need, as for an empty system; the lists of this host may be old."""
    (scratch / "status").touch()
    (scratch / "archives" / "partial").mkdir(parents=True)
    options: dict[str, object] = {
        "Dir::State::status": scratch / "status",
        "Dir::Cache": scratch,
        "Dir::Cache::archives": scratch / "archives",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "Acquire::Retries": 2,
    }
    install = ["install", "--download-only", "--yes", "--no-install-recommends", *packages]
    failed = _apt(install, options)
    if failed is not None:
        (scratch / "lists" / "partial").mkdir(parents=True)
        options["Dir::State::lists"] = scratch / "lists"
        failed = _apt(["update"], options) or _apt(install, options)
    if failed is not None:
        problem = f"cannot fetch the packages of its root file system: {failed}"
        raise DeviceError(name, problem, "check the network and /etc/apt, or use Docker")
    return sorted((scratch / "archives").glob("*.deb"))


def _apt(command: Sequence[str], options: dict[str, object]) -> str | None:
    """Run apt-get; what it complains about, None if it succeeded."""
    settings = [word for key, value in options.items() for word in ("-o", f"{key}={value}") if value != ""]
    done = subprocess.run(
        ["apt-get", "-q", *settings, *command],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
    )
    if done.returncode == 0:
        return None
    complaints = [line for line in done.stderr.splitlines() if line.startswith("E:")]
    return (complaints or done.stderr.strip().splitlines() or ["apt-get failed"])[0].strip()


def _unpack(name: str, archives: Sequence[Path], root: Path) -> None:
    """Unpack archives into ``root``, where /bin and the like are links into /usr as on any merged system."""
    for word in _MERGED:
        (root / "usr" / word).mkdir(parents=True)
        (root / word).symlink_to(f"usr/{word}")
    for archive in archives:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as reader:
            tar = ["tar", "-x", "-C", str(root), "--keep-directory-symlink", "--no-same-owner"]
            done = subprocess.run(tar, stdin=reader.stdout, capture_output=True, text=True, check=False)
        if reader.returncode != 0 or done.returncode != 0:
            complaint = (done.stderr.strip().splitlines() or ["it is damaged"])[0]
            raise DeviceError(name, f"cannot unpack {archive.name}: {complaint}", "check the space left on the disk")


def _furnish(root: Path, archives: Sequence[Path]) -> None:
    """Add what maintainer scripts would have made, as far as a daemon needs it."""
    for folder in ("dev", "proc", "sys", "run", "tmp", "root", "etc"):
        (root / folder).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for file, content in _FILES.items():
        (root / file).write_text(content)
    (root / PACKAGE_LIST).write_text("".join(f"{archive.stem}\n" for archive in archives))
