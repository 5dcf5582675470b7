"""An engine that can die: an exception out of it is its death, not that of whoever talks with it."""

from collections.abc import Callable
from pathlib import Path
from traceback import extract_tb
from typing import TypeVar

from conformance.net.link import Datagram, IpPacket
from peers.contract import Death
from peers.reference.engine import ReferenceEngine

FRAMES = 12
"""So many frames are told, the innermost first."""

T = TypeVar("T")


class Mortal:
    """`conformance.net.memory.Engine` around another one; ``dead``: from its first exception on it does nothing."""

    def __init__(self, engine: ReferenceEngine) -> None:
        """It lives."""
        self.engine = engine
        self.dead = False
        self._death: Death | None = None

    def receive(self, datagram: Datagram, now: float) -> None:
        """Take a datagram."""
        self._live(lambda: self.engine.receive(datagram, now), None)

    def receive_packet(self, packet: bytes, now: float) -> None:
        """Take an IP packet."""
        self._live(lambda: self.engine.receive_packet(packet, now), None)

    def drain(self) -> list[Datagram | IpPacket]:
        """What is to be sent; nothing once it is dead."""
        return self._live(self.engine.drain, [])

    def next_timer(self) -> float | None:
        """When `tick` has something to do."""
        return self._live(self.engine.next_timer, None)

    def tick(self, now: float) -> None:
        """See the time."""
        self._live(lambda: self.engine.tick(now), None)

    def obituary(self) -> Death | None:
        """What it died of, once."""
        found, self._death = self._death, None
        return found

    def _live(self, act: Callable[[], T], nothing: T) -> T:
        if self.dead:
            return nothing
        try:
            return act()
        except Exception as error:
            self.dead, self._death = True, death_of(error)
            return nothing


def death_of(error: Exception) -> Death:
    """An exception as a death: what it says, and where it came from."""
    frames = [f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})" for frame in extract_tb(error.__traceback__)]
    backtrace = tuple(reversed(frames[1:]))[:FRAMES]  # the first one is ours
    said = " ".join(str(error).split())
    words = f"{type(error).__name__}" + (f": {said}" if said else "")
    return Death(f"{words} in {backtrace[0]}" if backtrace else words, backtrace=backtrace)
