"""Two devices that each know only the tester's address, made to talk to each other by carrying their datagrams."""

import time
from collections.abc import Callable

from conformance.net import Address, Datagram, Link
from peers.contract import Device

_STEP = 0.005


class Relay:
    """Carries what one device sends to the tester on to the other, from the tester's port to the device's.

    For both it looks like a NAT. ``carried`` counts the datagrams.
    """

    def __init__(self, one: Device, other: Device) -> None:
        self._devices = (one, other)
        self._links: tuple[Link, Link] = (one.open_link(), other.open_link())
        self.carried = 0

    def until(self, done: Callable[[], bool], patience: float = 5.0) -> bool:
        """Carry datagrams until ``done`` holds; False if it does not within ``patience`` seconds."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            quiet = not any([self._carry(0), self._carry(1)])
            if quiet and done():
                return True
        return False

    def _carry(self, side: int) -> bool:
        here, there, device = self._links[side], self._links[1 - side], self._devices[1 - side]
        arrived = here.receive(here.now() + _STEP)
        if not isinstance(arrived, Datagram):
            return False
        port = arrived.destination.port
        source = Address(device.pixit.tester_address, port)
        there.send(Datagram(source, Address(device.pixit.device_address, port), arrived.payload))
        self.carried += 1
        return True

    def close(self) -> None:
        for link in self._links:
            link.close()
