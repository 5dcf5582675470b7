"""The core that a daemon leaves when a signal ends it, and the backtrace in it."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

_PATTERN = Path("/proc/sys/kernel/core_pattern")
_LARGEST = 2 << 30
_PATIENCE = 30.0
_FRAMES = 40


def allow() -> None:
    """Let the process that calls this, and what it becomes, leave a core. Never raises."""
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        size = _LARGEST if hard == resource.RLIM_INFINITY else min(_LARGEST, hard)
        resource.setrlimit(resource.RLIMIT_CORE, (size, hard))
    except (OSError, ValueError):
        pass


def is_written(pid: int) -> bool:
    """Whether the kernel writes the core of this process just now: it is dead, and does not answer. Never raises."""
    try:
        return "CoreDumping:\t1" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def backtrace(program: str, pid: int, directory: Path, root: Path | None = None) -> str:
    """What the core of a process says of its end, to read: gdb's backtrace, or why there is none. Never raises.

    ``directory`` is where the process was when it died. ``program`` is its path as it saw it, in ``root``. The core is
    removed, for it is large.
    """
    try:
        pattern = _PATTERN.read_text().strip()
    except OSError:
        return "no core: this is no Linux"
    if pattern.startswith("|"):
        return _from_collector(pattern, pid)
    core = _find(pattern, pid, directory, root)
    if core is None:
        return f"no core: none is where core_pattern ({pattern}) says"
    try:
        return _read(program, core, root)
    finally:
        core.unlink(missing_ok=True)


def _find(pattern: str, pid: int, directory: Path, root: Path | None) -> Path | None:
    """The core of this process: in its name are what the pattern says, and its number where the system adds that."""
    folder = directory
    if pattern.startswith("/"):
        folder = Path(f"{root or ''}{pattern}").parent
    try:
        named = [one for one in folder.iterdir() if one.is_file() and _of(one.name, Path(pattern).name, pid)]
        return max(named, key=lambda one: one.stat().st_mtime, default=None)
    except OSError:
        return None


def _of(name: str, pattern: str, pid: int) -> bool:
    if "%p" not in pattern:
        return name == f"{pattern}.{pid}" or ("%" not in pattern and name == pattern)
    before = pattern.partition("%")[0]
    return name.startswith(before) and str(pid) in "".join(one if one.isdigit() else " " for one in name).split()


def _from_collector(pattern: str, pid: int) -> str:
    """Where a program takes all cores: systemd's can be asked."""
    if "systemd-coredump" not in pattern or shutil.which("coredumpctl") is None:
        return f"no core: they go to {pattern[1:].split()[0]} (/proc/sys/kernel/core_pattern)"
    return _run(["coredumpctl", "--no-pager", "info", str(pid)], "coredumpctl")


def _read(program: str, core: Path, root: Path | None) -> str:
    if shutil.which("gdb") is None:
        return f"a core of {core.stat().st_size} octets, and no gdb to read it (apt-get install gdb)"
    inside = ["-iex", f"set sysroot {root}"] if root is not None else []
    orders = ["-iex", "set debuginfod enabled off", "-ex", f"bt {_FRAMES}"]
    # The program goes first: a sysroot has no effect on what is named here.
    return _run(["gdb", "-batch", "-nx", *inside, *orders, f"{root or ''}{program}", str(core)], "gdb")


def _run(command: list[str], name: str) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"LC_ALL": "C", "DEBUGINFOD_URLS": ""},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"a core that {name} cannot read: {error}"
    lines = [line for line in done.stdout.splitlines() if line.startswith("#") or "terminated with signal" in line]
    if lines:
        return "\n".join(dict.fromkeys(lines))  # gdb shows the innermost frame twice
    complaint = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
    return f"a core that {name} cannot read: {complaint}"
