"""Orders to one pluto: its own control programs, run in the shell beside it."""

import re
import shlex
import time
from collections.abc import Sequence

from peers.contract import DeviceError
from peers.libreswan import settings
from peers.places.place import Place

_SUCCESS = range(10)  # below are informative codes of whack's protocol, which whack passes on as its exit status
_REFUSAL = re.compile(r"^(?:0[1-9]\d|[1-9]\d\d) (?P<text>.*)$", re.MULTILINE)
_POLL = 0.003


class Whack:
    """whack and addconn for the pluto in one place. Every failure is a DeviceError."""

    def __init__(self, device: str, place: Place, programs: str) -> None:
        """``programs`` is the folder where whack and addconn are."""
        self._device = device
        self._place = place
        self._programs = shlex.quote(programs)
        self._words = f"{self._programs}/whack --rundir {shlex.quote(place.inside)}"

    def say(self, *options: str) -> str:
        """One whack command; what it prints. Raises DeviceError where pluto refuses or does not answer."""
        return self.script([self.words(*options)])

    def order(self, *options: str) -> None:
        """One whack command that makes pluto act, without waiting for what comes of it. Raises DeviceError."""
        self.say(*options, "--asynchronous")

    def leave(self, *options: str) -> None:
        """The same for a command that pluto keeps waiting whatever it says; what pluto answers is lost."""
        self.script([f"{{ {self.words(*options, '--asynchronous')} > /dev/null 2>&1 & }}"])

    def words(self, *options: str) -> str:
        """One whack command for a script."""
        return f"{self._words} {shlex.join(options)}"

    def add(self, names: Sequence[str]) -> str:
        """Load sections of ipsec.conf; what the program says of mistakes. Whether pluto has them only its log tells."""
        inside = shlex.quote(self._place.inside)
        command = (
            f"{self._programs}/addconn --config {inside}/{settings.CONFIGURATION} "
            f"--ctlsocket {inside}/{settings.CONTROL_SOCKET} {shlex.join(names)}"
        )
        return self._place.shell().run(command).output

    def script(self, commands: Sequence[str]) -> str:
        """Several commands, in one go; the first that fails ends it. Returns what all of them print."""
        done = self._place.shell().run(" &&\n".join(commands))
        if done.status not in _SUCCESS:
            lines = [one["text"] for one in _REFUSAL.finditer(done.output)] or done.output.strip().splitlines()
            if not self._place.running():
                raise DeviceError(self._device, "no answer from its daemon", "it has crashed; see its log")
            raise DeviceError(self._device, f"refuses: {lines[-1] if lines else done.status}", "see its log")
        return done.output

    def wait(self, patience: float) -> bool:
        """Wait until pluto listens to whack; False if it ends or ``patience`` seconds pass before."""
        end = time.monotonic() + patience
        path = self._place.directory / settings.CONTROL_SOCKET
        while time.monotonic() < end and self._place.running():
            if path.exists() and self._place.shell().run(self.words("--listen")).status in _SUCCESS:
                return True
            time.sleep(_POLL)
        return False
