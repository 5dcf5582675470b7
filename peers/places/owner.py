"""Who owns what is left on a machine, and the removal of what dead owners left.

Everything that an instance creates on the host is noted in one directory per instance, together with its owner: a
process identifier, the time that process started, and the process namespace and boot in which both mean anything. A
later run removes only what belongs to an owner that is provably dead.
"""

import atexit
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

_RECORD = "owner.json"
_counter = itertools.count()


def process_start(pid: int) -> int | None:
    """The time a process started, in clock ticks since boot; None if there is no such process or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, identified so that a reused process identifier is not taken for it."""

    pid: int
    start: int
    namespace: str
    boot: str

    @classmethod
    def this(cls) -> "Owner":
        """The running process."""
        pid = os.getpid()
        return cls(pid, process_start(pid) or 0, *_world())

    @classmethod
    def parse(cls, text: str) -> "Owner | None":
        """Read what `str` wrote; None if it is something else."""
        parts = text.split(":")
        if len(parts) != 4 or not parts[0].isdigit() or not parts[1].isdigit():
            return None
        return cls(int(parts[0]), int(parts[1]), parts[2], parts[3])

    def __str__(self) -> str:
        return f"{self.pid}:{self.start}:{self.namespace}:{self.boot}"

    def dead(self) -> bool:
        """True only if it is certain that this process is gone: seen from the same process namespace, or rebooted."""
        namespace, boot = _world()
        if self.boot != boot:
            return True
        return self.namespace == namespace and process_start(self.pid) != self.start


@cache
def _world() -> tuple[str, str]:
    """The process namespace (its inode) and the boot in which process identifiers are valid."""
    namespace = str(Path("/proc/self/ns/pid").stat().st_ino)
    return namespace, Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def base_directory() -> Path:
    """Where the instances of this user are recorded. Short, since a Unix socket's path has at most 107 octets."""
    if os.geteuid() == 0:
        base = Path("/run/ikespec")
    elif runtime := os.environ.get("XDG_RUNTIME_DIR"):
        base = Path(runtime) / "ikespec"
    else:
        base = Path(tempfile.gettempdir()) / f"ikespec-{os.geteuid()}"
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    if base.stat().st_uid != os.geteuid():
        raise PermissionError(f"{base} belongs to somebody else")
    return base


class Closable(Protocol):
    """Something that must not outlive this process."""

    def close(self) -> None:
        """Remove it; safe to call twice."""


_open: list[Closable] = []


def close_at_exit(thing: Closable) -> None:
    """Close ``thing`` at the end of the process, even if nobody else remembers it; `closed` takes that back."""
    _open.append(thing)


def closed(thing: Closable) -> None:
    """``thing`` needs no closing at the end of the process any more."""
    _open[:] = [one for one in _open if one is not thing]


@atexit.register
def _close_all() -> None:
    for thing in list(_open):
        with contextlib.suppress(Exception):
            thing.close()


class RunDirectory:
    """The directory of one instance: its files, and the record of the namespaces and processes that it made."""

    def __init__(self) -> None:
        self.owner = Owner.this()
        self.index = next(_counter)
        self.path = base_directory() / f"{self.owner.pid}-{self.owner.start}-{self.index}"
        self.path.mkdir(mode=0o755)
        self._namespaces: list[str] = []
        self._processes: dict[int, int] = {}
        self._write()

    @property
    def label(self) -> str:
        """A short name that is unique on this host while the owner lives."""
        return f"{self.owner.pid}-{self.index}"

    def note_namespace(self, name: str) -> None:
        """Record a network namespace before it is made."""
        self._namespaces.append(name)
        self._write()

    def note_process(self, pid: int) -> None:
        """Record a process that was just started."""
        start = process_start(pid)
        if start is not None:
            self._processes[pid] = start
            self._write()

    def forget_process(self, pid: int) -> None:
        """The process has been waited for."""
        self._processes.pop(pid, None)
        self._write()

    def remove(self) -> None:
        """Kill recorded processes, delete recorded namespaces, remove the directory. Safe to call twice."""
        _remove(self.path, {"namespaces": self._namespaces, "processes": self._processes})
        self._namespaces.clear()
        self._processes.clear()

    def _write(self) -> None:
        record = {"owner": str(self.owner), "namespaces": self._namespaces, "processes": self._processes}
        temporary = self.path / (_RECORD + ".new")
        temporary.write_text(json.dumps(record))
        temporary.replace(self.path / _RECORD)


def kill_group(pid: int, start: int) -> None:
    """Kill a process and the group that it leads, which it may have left behind; never a stranger's.

    A number is not given to a new process while a group has it, so what is left of the group is ours. ``start`` tells
    our process from a later one with its number.
    """
    alive = process_start(pid)
    if alive not in (start, None):
        return
    for kill in (os.killpg, os.kill) if alive else (os.killpg,):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _remove(path: Path, record: dict[str, object]) -> None:
    processes = record.get("processes")
    for pid, start in processes.items() if isinstance(processes, dict) else ():
        kill_group(int(pid), start)
    namespaces = record.get("namespaces")
    for name in namespaces if isinstance(namespaces, list) else ():
        # The prefix is checked again: a damaged record must never make us delete a stranger's namespace.
        if str(name).startswith("ikespec-") and Path("/run/netns", str(name)).exists():
            subprocess.run(["ip", "netns", "del", str(name)], capture_output=True, check=False)
    shutil.rmtree(path, ignore_errors=True)


def sweep() -> list[str]:
    """Remove the leftovers of dead owners (a run ended by SIGKILL); returns the names of the directories removed."""
    removed = []
    for path in base_directory().iterdir():
        try:
            record = json.loads((path / _RECORD).read_text())
            owner = Owner.parse(str(record["owner"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if owner is not None and owner.dead():
            _remove(path, record)
            removed.append(path.name)
    return removed
