"""A link with a speed limit: what a probe may send and is willing to take."""

from collections import deque

from conformance.net.link import Datagram, IpPacket, Link


class ProbeError(Exception):
    """The probe cannot go on; one line that says why."""


class MeteredLink:
    """Sends at most ``rate`` datagrams a second and ``most_sent`` in all, takes at most ``most_taken``, until ``end``.

    Whoever would go beyond gets ProbeError. What arrives while a datagram waits for its turn is kept for `receive`;
    what does not come from the address ``host`` is nobody's answer.
    """

    def __init__(self, link: Link, host: str, rate: float, most_sent: int, most_taken: int, seconds: float) -> None:
        """Around another link, whose clock counts; ``seconds`` from now is the end."""
        self.link, self.host, self.interval = link, host, 1.0 / rate
        self.most_sent, self.most_taken = most_sent, most_taken
        self.started = link.now()
        self.end = self.started + seconds
        self.sent = self.taken = self.octets = 0
        self._next = self.started
        self._arrived: deque[Datagram | IpPacket] = deque()

    def now(self) -> float:
        """The clock of the link."""
        return self.link.now()

    @property
    def spent(self) -> bool:
        """Whether nothing more may be asked."""
        return self.sent >= self.most_sent or self.now() >= self.end

    def send(self, datagram: Datagram) -> None:
        """Send when it is its turn. Raises ProbeError when that is never, LinkError as the link does."""
        if self.spent:
            enough = f"{self.most_sent} datagrams" if self.sent >= self.most_sent else f"{self.end - self.started:g} s"
            raise ProbeError(f"the limit of {enough} is reached")
        while self.now() < self._next:
            found = self.link.receive(self._next)
            if found is not None:
                self._take(found)
        self._next = max(self._next, self.now()) + self.interval
        self.sent += 1
        self.octets += len(datagram.payload)
        self.link.send(datagram)

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram or packet, None if none comes until then. Raises ProbeError when too many have come."""
        if not self._arrived:
            found = self.link.receive(until)
            if found is not None:
                self._take(found)
        return self._arrived.popleft() if self._arrived else None

    def close(self) -> None:
        """Close the link."""
        self.link.close()

    def _take(self, found: Datagram | IpPacket) -> None:
        self.taken += 1
        if self.taken > self.most_taken:
            raise ProbeError(f"the device floods us: {self.taken} datagrams for {self.sent} of ours")
        if found.source == self.host or (isinstance(found, Datagram) and found.source.host == self.host):
            self._arrived.append(found)
