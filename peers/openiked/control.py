"""Orders to one iked: its control program, run in the shell beside it."""

import time

from peers.contract import DeviceError
from peers.openiked import settings
from peers.places.place import Place

_POLL = 0.01


class Control:
    """ikectl for the iked in one place. Every failure is a DeviceError."""

    def __init__(self, device: str, place: Place) -> None:
        self._device = device
        self._place = place

    @staticmethod
    def words(order: str) -> str:
        """One command for a script."""
        return f"{settings.CONTROL} -s /run/{settings.SOCKET} {order}"

    def say(self, order: str) -> str:
        """One order; what ikectl prints."""
        return self.script(self.words(order))

    def script(self, text: str) -> str:
        """Several commands in one go; what they print. Raises DeviceError where the last of them fails."""
        done = self._place.shell().run(text)
        if done.status != 0:
            lines = done.output.strip().splitlines() or [str(done.status)]
            if not self._place.running():
                raise DeviceError(self._device, "no answer from its daemon", "it has crashed; see its log")
            raise DeviceError(self._device, f"refuses: {lines[-1]}", "see its log")
        return done.output

    def wait(self, patience: float) -> bool:
        """Wait until iked answers; False if it ends or ``patience`` seconds pass before."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self._place.running():
            if self._place.shell().run(self.words("show sa")).status == 0:
                return True
            time.sleep(_POLL)
        return False
