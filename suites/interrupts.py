"""SIGTERM, as CI sends it at a time-out, ends a run like Ctrl-C: devices are stopped, results finished."""

import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest


class Terminated(KeyboardInterrupt):
    """The process was asked to end."""


def heed() -> Any:
    """From now on SIGTERM raises Terminated; returns what `restore` needs. Does nothing outside of the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, _terminate)


def restore(before: Any) -> None:
    """As it was before `heed`."""
    if before is not None:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    ignore()
    raise Terminated


def ignore() -> None:
    """The run is being ended: another SIGTERM must not disturb that."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Ctrl-C or SIGTERM: let the workers end, too, for they have devices to stop; xdist would only kill them."""
    ignore()
    if not isinstance(excinfo.value, pytest.exit.Exception):
        excinfo.traceback = excinfo.traceback[-1:]  # pytest formats it for seconds, and nobody wants to see it
    for pid in _workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodeready(node: Any) -> None:
    """Remember the process of a worker of pytest-xdist."""
    process = getattr(getattr(node.gateway, "_io", None), "popen", None)
    if process is not None:
        _workers.append(process.pid)


_workers: list[int] = []
