"""A link to a device in the same process that lives by the clock of the world, beside devices that are real."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.net.link import Datagram, IpPacket
from conformance.net.memory import Engine


class LiveEngine:
    """Lets an engine see the time of day. Orders may come from any thread, inside of ``with live.ordered():``."""

    def __init__(self, engine: Engine) -> None:
        """An engine whose clock stands at the time of day, or is about to."""
        self.engine = engine
        self._epoch = time.time() - time.monotonic()
        self._changed = threading.Condition(threading.RLock())
        self._leaving: deque[Datagram | IpPacket] = deque()

    def now(self) -> float:
        """UNIX time in seconds when this was made, carried on by the monotonic clock."""
        return self._epoch + time.monotonic()

    @contextmanager
    def ordered(self) -> Iterator[None]:
        """Nobody else has the engine, and it knows what time it is."""
        with self._changed:
            self.engine.tick(self.now())
            yield
            self._leaving.extend(self.engine.drain())
            self._changed.notify_all()

    def take(self, until: float) -> Datagram | IpPacket | None:
        """What the engine sends next; None if that is nothing until then."""
        with self._changed:
            while True:
                now = self.now()
                timer = self.engine.next_timer()
                if timer is not None and timer <= now:
                    self.engine.tick(now)
                self._leaving.extend(self.engine.drain())
                if self._leaving:
                    return self._leaving.popleft()
                if now >= until:
                    return None
                self._changed.wait(max(0.0005, min(until, until if timer is None else timer) - now))


class LiveLink:
    """One end of the wire of a `LiveEngine`."""

    def __init__(self, live: LiveEngine) -> None:
        """What the engine sent before is on the wire still."""
        self.live = live

    def now(self) -> float:
        """The engine's time."""
        return self.live.now()

    def send(self, datagram: Datagram) -> None:
        """Give a datagram to the engine."""
        with self.live.ordered():
            self.live.engine.receive(datagram, self.now())

    def send_packet(self, packet: IpPacket) -> None:
        """Give an IP packet to the engine."""
        with self.live.ordered():
            self.live.engine.receive_packet(packet.data, self.now())

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram of the engine; None if none has come at ``until``."""
        return self.live.take(until)

    def close(self) -> None:
        """Nothing to close."""
