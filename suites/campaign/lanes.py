"""Many conversations on one link: each gets what belongs to its IKE SAs, whoever happens to read the link."""

from collections import deque

from conformance.net.link import NON_ESP_MARKER, Datagram, IpPacket, Link
from conformance.script.peer import Peer
from conformance.wire import FLAG_RESPONSE, PayloadType

_FIRST, _FLAGS = 16, 19
_PROTECTED = (PayloadType.SK, PayloadType.SKF)

REMEMBERED = 4096
"""Requests whose responses are given to who has sent them."""

HISTORY = 1000
"""Datagrams of both directions that are remembered, for what cannot be reproduced."""

Passed = tuple[float, bool, Datagram]
"""When a datagram went by, in UNIX time, whether we sent it, and what it was."""


class History(deque[Passed]):
    """The last datagrams of both directions, oldest first; ``total`` is how many there ever were."""

    def __init__(self) -> None:
        """None yet."""
        super().__init__(maxlen=HISTORY)
        self.total = 0

    def note(self, passed: Passed) -> None:
        """One more."""
        self.append(passed)
        self.total += 1


Asked = dict[bytes, tuple["Lane", ...]]
"""Who has sent a request, by what it has in common with its response; the last one last."""


class Lanes:
    """The link to a device, shared by any number of conversations.

    ``history`` has the last datagrams, oldest first. ``asked`` has what was asked on the link before this one, too: the
    device may answer that still. ``strangers`` have named an IKE SA of another conversation, which may ask the same: it
    gets what is protected, and they the rest. On the ``shared`` ports IKE has the marker that tells it from ESP.
    """

    def __init__(
        self,
        base: Link,
        history: History | None = None,
        asked: Asked | None = None,
        shared: tuple[int, ...] = (4500,),
    ) -> None:
        """No lanes yet."""
        self.base, self.shared = base, shared
        self.history = History() if history is None else history
        self.asked = {} if asked is None else asked
        self.lanes: list[Lane] = []
        self.strangers: dict[bytes, Lane] = {}

    def lane(self) -> "Lane":
        """A link for one more conversation; `Lane.close` ends it."""
        made = Lane(self)
        self.lanes.append(made)
        return made

    def take(self, until: float) -> Datagram | IpPacket | None:
        """The next datagram for anybody."""
        found = self.base.receive(until)
        if isinstance(found, Datagram):
            self.history.note((self.base.now(), False, found))
        return found

    def sent(self, lane: "Lane", datagram: Datagram) -> None:
        """Note whose request it is: its response may come when that conversation is over, and is nobody else's."""
        self.history.note((self.base.now(), True, datagram))
        if len(self.asked) >= REMEMBERED:
            del self.asked[next(iter(self.asked))]
        raw = self.octets(datagram)
        key = _request(raw)
        before = (one for one in self.asked.get(key, ()) if one is not lane and one in self.lanes)
        self.asked[key] = (*before, lane)
        known = self.known(raw)
        if known and lane not in known:
            self.strangers[key] = lane
            if len(self.strangers) > REMEMBERED:
                del self.strangers[next(iter(self.strangers))]

    def octets(self, datagram: Datagram) -> bytes:
        """A datagram without the marker; an SPI may begin as that does."""
        marked = any(one.port in self.shared for one in (datagram.source, datagram.destination))
        return datagram.payload.removeprefix(NON_ESP_MARKER) if marked else datagram.payload

    def owner(self, found: Datagram | IpPacket) -> "Lane | None":
        """Whose IKE SA this is for, or who has asked for it; None: it is for nobody that we know."""
        if not isinstance(found, Datagram):
            return None
        raw = self.octets(found)
        known = self.known(raw)
        if len(raw) <= _FLAGS or not raw[_FLAGS] & FLAG_RESPONSE:
            return next(iter(known), None)
        request = _request(raw)
        if raw[_FIRST] not in _PROTECTED and request in self.strangers:
            return self.strangers[request]
        askers = self.asked.get(request, ())
        # A request with an SPI of another conversation in it is answered to who has sent it.
        both = [one for one in known if one in askers]
        return next(iter((*both, *reversed(askers), *known)), None)

    def known(self, raw: bytes) -> list["Lane"]:
        """Whose IKE SA it names."""
        spis = raw[:8], raw[8:16]
        return [one for one in self.lanes if one.peer is not None and any(spi in one.peer.sas for spi in spis)]


def _request(raw: bytes) -> bytes:
    """What a request and its response have in common, whoever answers: SPI of the initiator, exchange, message ID."""
    return raw[:8] + raw[18:19] + raw[20:24]


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
        self.lanes.sent(self, datagram)
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
            if owner in self.lanes.lanes:
                owner.waiting.append(found)
            if self.now() >= until:
                return None

    def close(self) -> None:
        """Its conversation is over; the link stays."""
        self.peer = None
        if self in self.lanes.lanes:
            self.lanes.lanes.remove(self)
