"""A root file system for a daemon, made of packages without installing anything.

They are those of this host's distribution, or of a release of Debian, which may be newer than this host. apt works out,
for an imagined empty system, what the wanted packages need; the archives are unpacked into a folder. No maintainer
script runs, nothing of the host is changed, and no privileges are needed. The folder is made once for each list of
packages and release, in ten to fifty seconds, and used again by every later run.
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

SUITES = ("bookworm", "trixie", "forky")
"""The releases of Debian whose packages a root may be made of, by the names of their suites."""
BASE = (
    *("base-files", "bash", "coreutils", "dash", "findutils", "grep", "hostname", "iproute2", "iputils-ping", "mawk"),
    *("mount", "procps", "sed", "util-linux"),
)
"""What any root needs to be entered and to run scripts; the essential packages as far as a daemon meets them."""
_MIRROR = "http://deb.debian.org/debian"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
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


def rootfs_problem(suite: str = "") -> str | None:
    """Why no root file system can be made here, in a few words; None if it can. ``suite`` is a release of Debian."""
    missing = [name for name in _TOOLS if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is missing: this is no Debian or Ubuntu"
    if suite and not _KEYRING.exists():
        return "the package debian-archive-keyring is missing: it holds the keys of Debian's releases"
    return None


def existing_root(name: str, packages: Sequence[str], suite: str = "") -> Path | None:
    """The root with these packages, if it has been made already."""
    path = _path(name, (*BASE, *packages), suite)
    return path if path.is_dir() else None


def root_file_system(name: str, packages: Sequence[str], suite: str = "", *, base: Sequence[str] = BASE) -> Path:
    """The folder of a root with these packages and all that they need, made now if it is not there.

    ``name`` is the device's, for the folder and for messages; ``suite`` is one of `SUITES`, or empty for what this host
    has. ``base`` are packages that a root needs to be entered: a folder to take files from needs none. Progress is one
    line on standard error. The root belongs to nobody: mount what is written to over it. Raises DeviceError in one line
    where it cannot be made.
    """
    packages = (*base, *packages)
    path = _path(name, packages, suite)
    if path.is_dir():
        return path
    name = f"{name}@{suite}" if suite else name
    problem = rootfs_problem(suite)
    if problem is not None:
        raise DeviceError(name, f"cannot make a root file system: {problem}", f"use Docker: --dut {name}:docker")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several workers start at once; one of them makes it
            if not path.is_dir():
                _make(name, packages, path, suite)
    except OSError as error:
        mend = f"set {CACHE_VARIABLE} to a folder with 300 MB of space"
        raise DeviceError(name, f"cannot make a root file system in {path.parent}: {error.strerror}", mend) from error
    return path


def _path(name: str, packages: Sequence[str], suite: str) -> Path:
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    # What a release of Debian gives does not depend on this host's.
    source = (suite,) if suite else (release.get("ID", ""), release.get("VERSION_ID", ""))
    made_of = (_VERSION, platform.machine(), *source, *packages)
    digest = hashlib.sha256(chr(0).join(made_of).encode()).hexdigest()[:12]
    return cache_directory() / (f"{name}@{suite}-{digest}" if suite else f"{name}-{digest}")


def _make(name: str, packages: Sequence[str], path: Path, suite: str) -> None:
    for left in path.parent.glob(f"{name}-*.new"):
        shutil.rmtree(left, ignore_errors=True)  # we hold the lock, so whoever made it is dead
    _say(f"making a root file system for {name}, once, in {path} ...")
    root = Path(f"{path}.new")
    root.mkdir()
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{name}-", suffix=".apt.new") as scratch:
            archives = _download(name, packages, Path(scratch), suite)
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


def _download(name: str, packages: Sequence[str], scratch: Path, suite: str) -> list[Path]:
    """Fetch the packages and all that they need, as for an empty system.

    The lists of this host may be old, and know nothing of another release.
    """
    (scratch / "status").touch()
    (scratch / "archives" / "partial").mkdir(parents=True)
    options: dict[str, object] = {
        "Dir::State::status": scratch / "status",
        "Dir::Cache": scratch,
        "Dir::Cache::archives": scratch / "archives",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "Acquire::Retries": 2,
    }
    if suite:
        (scratch / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {suite} main\n")
        options |= {"Dir::Etc::sourcelist": scratch / "sources.list", "Dir::Etc::sourceparts": "/dev/null"}
        options |= {"Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null"}
    install = ["install", "--download-only", "--yes", "--no-install-recommends", *packages]
    failed = "another release" if suite else _apt(install, options)
    if failed is not None:
        (scratch / "lists" / "partial").mkdir(parents=True)
        options["Dir::State::lists"] = scratch / "lists"
        failed = _apt(["update"], options) or _apt(install, options)
    if failed is not None:
        problem = f"cannot fetch the packages of its root file system: {failed}"
        raise DeviceError(name, problem, "check the network and /etc/apt, or use Docker")
    return sorted((scratch / "archives").glob("*.deb"))


def _mirror() -> str:
    """Where this host gets Debian from, else where everybody can."""
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN)", "Created-By: Packages"]
    done = subprocess.run(query, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"})
    for line in done.stdout.splitlines():
        uri, _, origin = line.strip().partition(" ")
        if (origin == "Debian" or uri.rstrip("/").endswith("/debian")) and "security" not in uri:
            return uri.rstrip("/")
    return _MIRROR


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
