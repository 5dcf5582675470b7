"""Starting a daemon that cannot outlive us."""

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
# The kernel sends the parent-death signal when the *thread* that forked ends, so one thread that lives as long as this
# process starts all daemons; a device may then be started from any short-lived thread.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="daemons")
_starter_lock = threading.Lock()
_starter_pid = os.getpid()


def start_daemon(argv: Sequence[str], environment: Mapping[str, str], output: Path) -> "subprocess.Popen[bytes]":
    """Start a command in its own session (Ctrl-C does not reach it) that is killed when this process dies.

    ``environment`` is added to ours; standard output and error go to the file ``output``. Raises OSError.
    """
    global _starter, _starter_pid
    with _starter_lock:
        if _starter_pid != os.getpid():  # after a fork the thread is gone
            _starter, _starter_pid = ThreadPoolExecutor(max_workers=1, thread_name_prefix="daemons"), os.getpid()
    return _starter.submit(_start, list(argv), dict(environment), output, os.getpid()).result()


def _start(argv: list[str], environment: dict[str, str], output: Path, owner: int) -> "subprocess.Popen[bytes]":
    def die_with_owner() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != owner:  # it died in between
            os._exit(1)

    with output.open("ab") as file:
        return subprocess.Popen(
            argv,
            env=os.environ | environment,
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
