"""One shell that stays open beside a daemon: starting its control program then costs a millisecond, not a container."""

import contextlib
import itertools
import os
import select
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from peers.contract import DeviceError

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Done:
    """What a script did: its exit status and all that it wrote."""

    status: int
    output: str


class Shell(ABC):
    """A POSIX shell with its input and output in our hands. ``patience``: seconds that a script may take."""

    patience: ClassVar[float] = 3.0

    def __init__(self, device: str) -> None:
        self._device = device
        self._left = b""
        self.closed = False

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """Send to the shell's input."""

    @abstractmethod
    def _read(self, seconds: float) -> bytes | None:
        """Whatever comes within ``seconds`` from its output; None if nothing came, empty at its end."""

    @abstractmethod
    def close(self) -> None:
        """End the shell; safe to call twice."""

    def run(self, script: str, patience: float | None = None) -> Done:
        """Run a script and wait for its end, at most ``patience`` seconds. Raises DeviceError if that does not come."""
        mark = f"ikespec-{os.getpid()}-{next(_numbers)}"
        end = time.monotonic() + (patience or self.patience)
        if self.closed:
            raise DeviceError(self._device, "its shell is closed")
        try:
            self._write(f"{{ {script}\n}} < /dev/null 2>&1; s=$?; echo; echo {mark} $s\n".encode())
            return self._collect(f"\n{mark} ".encode(), end)
        except OSError as error:
            self.close()
            raise DeviceError(self._device, f"its shell is gone: {error.strerror or error}", "see its log") from error

    def _collect(self, mark: bytes, end: float) -> Done:
        data = self._left
        while True:
            at = data.find(mark)
            stop = data.find(b"\n", at + len(mark)) if at >= 0 else -1
            if stop >= 0:
                self._left = data[stop + 1 :]
                return Done(int(data[at + len(mark) : stop]), data[:at].decode(errors="replace"))
            more = self._read(max(0.0, end - time.monotonic()))
            if not more:
                self.close()
                problem = "does not answer its control program" if more is None else "its shell has ended"
                raise DeviceError(self._device, problem, "it has crashed or hangs; see its log")
            data += more


class PipeShell(Shell):
    """A shell that is a process of this host; the words ``argv`` start it where it is wanted."""

    def __init__(self, device: str, argv: Sequence[str]) -> None:
        super().__init__(device)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise DeviceError(device, f"cannot start {argv[0]}: {error}") from error

    @property
    def pid(self) -> int:
        """Its process identifier."""
        return self._process.pid

    def _write(self, data: bytes) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        while data:
            data = data[os.write(pipe.fileno(), data) :]

    def _read(self, seconds: float) -> bytes | None:
        pipe = self._process.stdout
        assert pipe is not None
        if not select.select([pipe], [], [], seconds)[0]:
            return None
        return os.read(pipe.fileno(), 65536)

    def close(self) -> None:
        """Kill it with whatever it runs."""
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
