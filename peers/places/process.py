"""Starting a daemon that cannot outlive us."""

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from peers.contract import DeviceError, Vitals
from peers.places import core
from peers.places.shell import Shell

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
# The kernel sends the parent-death signal when the *thread* that forked ends, so one thread that lives as long as this
# process starts all daemons; a device may then be started from any short-lived thread.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="daemons")
_starter_lock = threading.Lock()
_starter_pid = os.getpid()


def start_daemon(
    argv: Sequence[str], environment: Mapping[str, str], output: Path, directory: Path | None = None
) -> "subprocess.Popen[bytes]":
    """Start a command in its own session (Ctrl-C does not reach it) that is killed when this process dies.

    ``environment`` is added to ours; standard output and error go to the file ``output``. It starts in ``directory``,
    where its core will be. Raises OSError.
    """
    global _starter, _starter_pid
    with _starter_lock:
        if _starter_pid != os.getpid():  # after a fork the thread is gone
            _starter, _starter_pid = ThreadPoolExecutor(max_workers=1, thread_name_prefix="daemons"), os.getpid()
    return _starter.submit(_start, list(argv), dict(environment), output, directory, os.getpid()).result()


def _start(
    argv: list[str], environment: dict[str, str], output: Path, directory: Path | None, owner: int
) -> "subprocess.Popen[bytes]":
    def die_with_owner() -> None:
        if directory is not None:
            core.allow()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != owner:  # it died in between
            os._exit(1)

    with output.open("ab") as file:
        return subprocess.Popen(
            argv,
            env=os.environ | environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_owner,
        )


def stop_daemon(process: "subprocess.Popen[bytes]", patience: float = 3.0) -> None:
    """Ask a daemon to end, kill it after ``patience`` seconds, and wait for it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def ending(code: int | None) -> str:
    """An exit status in words, negative for a signal as in `subprocess`; empty for None: it has not ended."""
    if code is None:
        return ""
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def shell_ending(status: int) -> str:
    """The same for an exit status as a shell tells it: a signal is 128 and its number."""
    return ending(128 - status if 128 < status < 193 else status)


SPELL = 0.25
"""Seconds over which the use of the processor is measured."""


def condition(first: str, second: str) -> str:
    """What two readings of ``/proc/PID/stat``, `SPELL` apart, say of a process that does not answer; empty: nothing."""
    try:
        before, after = (_fields(one) for one in (first, second))
    except (IndexError, ValueError):
        return ""
    if after[0] in "Tt":
        return "its process is stopped"
    if after[0] == "Z":
        return "its process is dead"
    share = (after[1] - before[1]) / os.sysconf("SC_CLK_TCK") / SPELL
    return f"its process spins, at {share:.0%} of a processor" if share > 0.7 else "its process waits"


def _fields(stat: str) -> tuple[str, int]:
    """The state and the time on the processor, in ticks; the name before them may hold anything."""
    words = stat.rpartition(")")[2].split()
    return words[0], int(words[11]) + int(words[12])


def process_vitals(pid: int) -> Vitals | None:
    """What a process of this host uses; None once it has ended."""
    place = Path(f"/proc/{pid}")
    try:
        descriptors = sum(1 for _ in (place / "fd").iterdir())
        delays = "".join(_read(task / "schedstat") for task in (place / "task").iterdir())
        return told_vitals((place / "stat").read_text(), (place / "statm").read_text(), descriptors, delays)
    except (OSError, ValueError, IndexError):
        return None


def _read(path: Path) -> str:
    """A file of a thread, which may have ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


def told_vitals(stat: str, statm: str, descriptors: int, delays: str = "") -> Vitals:
    """From what ``/proc/PID`` says: ``delays`` are the lines of ``schedstat`` of all threads, in nanoseconds.

    Raises ValueError and IndexError for anything else.
    """
    told = stat.rpartition(")")[2].split()
    resident = int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")
    ticks = int(told[11]) + int(told[12])
    waited = sum(int(line.split()[1]) for line in delays.splitlines() if len(line.split()) == 3)
    return Vitals(resident, descriptors, int(told[17]), ticks / os.sysconf("SC_CLK_TCK"), waited / 1e9)


def shell_vitals(shell: Shell, pid: str) -> Vitals | None:
    """The same of a process beside a shell, ``pid`` as that shell says it; None where it tells nothing."""
    # Nothing but the shell itself, for in a virtual machine a program takes many times as long.
    lines = 'for one in $p/stat $p/statm; do read -r line < $one && echo "$line"; done'
    told = f"p=/proc/{pid}; {lines}; set -- $p/fd/*; echo $#"
    try:
        stat, statm, descriptors = shell.run(told).output.splitlines()
        return told_vitals(stat, statm, int(descriptors))
    except (DeviceError, OSError, ValueError, IndexError):
        return None
