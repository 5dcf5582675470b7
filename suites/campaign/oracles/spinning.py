"""Whether a daemon computes although nothing is asked of it."""

from peers.contract import Device
from suites.campaign.case import Problem
from suites.pulse import spins

EVERY = 8
"""Of so many ordinary handshakes that worked one is followed by a look, since that is a quarter of a second of rest."""


class Spinning:
    """Looks at a device from time to time."""

    def __init__(self, device: Device) -> None:
        """Nobody has looked."""
        self.device, self.count = device, 0

    def look(self) -> Problem | None:
        """What is wrong: the device spins. Only where its clock is not ours."""
        self.count += 1
        if not self.device.real_time or self.count % EVERY:
            return None
        words = spins(self.device.vitals)
        return Problem("hang", "the device spins", f"the device answers, but {words}") if words else None
