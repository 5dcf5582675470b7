"""Many conversations on one link: each gets what belongs to its IKE SAs, whoever happens to read the link."""

from collections import deque

from conformance.net.link import NON_ESP_MARKER, Datagram, IpPacket, Link
from conformance.script.peer import Peer

HISTORY = 1000
"""Datagrams of both directions that are remembered, for what cannot be reproduced."""

Passed = tuple[float, bool, Datagram]
"""When a datagram went by, in UNIX time, whether we sent it, and what it was."""


class Lanes:
    """The link to a device, shared by any number of conversations. ``history`` has the last datagrams, oldest first."""

    def __init__(self, base: Link, history: deque[Passed] | None = None) -> None:
        """No lanes yet."""
        self.base = base
        self.history = deque[Passed](maxlen=HISTORY) if history is None else history
        self.lanes: list[Lane] = []

    def lane(self) -> "Lane":
        """A link for one more conversation; `Lane.close` ends it."""
        made = Lane(self)
        self.lanes.append(made)
        return made

    def take(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram for anybody."""
        found = self.base.receive(until)
        if isinstance(found, Datagram):
            self.history.append((self.base.now(), False, found))
        return found

    def owner(self, found: Datagram | IpPacket) -> "Lane | None":
        """Whose IKE SA this is for, None: it is for nobody that we know."""
        if not isinstance(found, Datagram):
            return None
        raw = found.payload.removeprefix(NON_ESP_MARKER)
        spis = raw[:8], raw[8:16]
        for lane in self.lanes:
            if lane.peer is not None and (spis[0] in lane.peer.sas or spis[1] in lane.peer.sas):
                return lane
        return None


class Lane:
    """A `Link` that gives what is for the IKE SAs of its peer, and what is for nobody else."""

    def __init__(self, lanes: Lanes) -> None:
        """It has no peer yet, so that only what is for nobody comes."""
        self.lanes, self.peer = lanes, None
        self.waiting: deque[Datagram | IpPacket] = deque()

    peer: Peer | None

    def now(self) -> float:
        """The time of the link's clock."""
        return self.lanes.base.now()

    def send(self, datagram: Datagram) -> None:
        """Send a datagram. Raises LinkError."""
        self.lanes.history.append((self.now(), True, datagram))
        self.lanes.base.send(datagram)

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next one that is not for another lane; those wait there."""
        if self.waiting:
            return self.waiting.popleft()
        while True:
            found = self.lanes.take(until)
            owner = None if found is None else self.lanes.owner(found)
            if found is None or owner is None or owner is self:
                return found
            owner.waiting.append(found)
            if self.now() >= until:
                return None

    def close(self) -> None:
        """Its conversation is over; the link stays."""
        if self in self.lanes.lanes:
            self.lanes.lanes.remove(self)
