"""An IKE SA of ours beside the conversation of a purpose: first it shows that the ordinary works, then that it lives.

It is set up with the very connection of the purpose before that begins, so it is the purpose's positive control: where
it does not come up, a refusal proves nothing. Afterwards it must still answer, unless the device has ended it properly:
a device that crashed and came back, or that threw its state away, has lost it.

It has no part in the script: `SharedLink` takes its datagrams out before the scripted peer sees them.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum
from functools import partial
from typing import ClassVar

from conformance.crypto import Random
from conformance.eap.peer import EapPeer
from conformance.ike.core.connection import Connection
from conformance.ike.core.events import Closed, Dropped, ExchangeFailed, SuccessorCreated
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram, IpPacket, Link, PacketLink, unwrap
from conformance.script.bendable import PatientEapPeer
from conformance.script.opening import LONGEST
from conformance.wire import Message

MOST_KEPT = 1000
"""More datagrams than that are not kept for the scripted peer while the canary is waiting."""


class Stage(IntEnum):
    """How far an ordinary handshake came."""

    SILENCE = 0
    ANSWERED = 1
    SUITE = 2
    AUTHENTICATED = 3
    CHILD = 4


class CanarySa(IkeSa):
    """An IKE SA that remembers what the device said last."""

    peer_class: ClassVar[type[EapPeer]] = PatientEapPeer
    said: Message | None = None
    """The last message that counts: protected, or of IKE_SA_INIT."""
    said_in_clear: Message | None = None
    """The last one that should have been protected and was not."""

    def heard(self, message: Message, source: Address, destination: Address) -> None:
        """Remember it."""
        self.said = message
        super().heard(message, source, destination)

    def unprotected(self, message: Message) -> None:
        """It changes nothing; remember it."""
        self.said_in_clear = message
        super().unprotected(message)


class _CanaryEndpoint(Endpoint):
    """Opens one IKE SA, and none in its place wherever the device sends us: its answers would be the script's."""

    sa_class: ClassVar[type[IkeSa]] = CanarySa
    begun = False

    def started(self, sa: IkeSa) -> None:
        """Only the first one says a word."""
        if not self.begun:
            self.begun = True
            super().started(sa)


class Canary:
    """One IKE SA with the connection of a purpose, on the link of its conversation.

    ``patience`` is how long any answer may take, in seconds; each request goes out three times within it. ``stage`` is
    how far the handshake came, ``problem`` why it came no further, ``closed`` how the IKE SA ended. ``heard``: the
    device has sent something for it, whatever it was. ``spis`` are ours, and those of initiators.
    """

    def __init__(self, link: Link, connection: Connection, random: Random, patience: float) -> None:
        """Nothing is sent before `open`."""
        self.base, self.patience = link, patience
        # The last of the three tries is given up when the patience ends.
        own = replace(
            connection, keepalive=None, retransmit_timeout=patience / 7, retransmit_base=2.0, retransmit_tries=2
        )
        self.endpoint = _CanaryEndpoint(own, random, link.now())
        self.spis: set[bytes] = set()
        self.kept: deque[Datagram | IpPacket] = deque(maxlen=MOST_KEPT)
        self.stage, self.problem, self.closed = Stage.SILENCE, "", ""
        self.heard = self.settled = False
        self._sa: CanarySa | None = None

    @property
    def sa(self) -> CanarySa:
        """The IKE SA; its successor, once the device has rekeyed it. Raises ValueError before `open`."""
        if self._sa is None:
            raise ValueError("the canary is not open")
        return self._sa

    @property
    def up(self) -> bool:
        """Whether it must still be there: it came up, was answered, and neither side has ended it."""
        return self.settled and not self.closed

    # --- what is done with it -------------------------------------------------------------------------------------

    def open(self) -> Stage:
        """An ordinary handshake with the first Child SA."""
        sa = self.endpoint.initiate()
        assert isinstance(sa, CanarySa)
        self._sa = sa
        self.spis.add(sa.own_spi)
        self._go(lambda: sa.state == State.ESTABLISHED)
        self.stage = self._reached()
        return self.stage

    def settle(self) -> bool:
        """Delete the Child SA, so that it is not in the way of others, and see whether the IKE SA lives without it."""
        if self.stage is Stage.CHILD:
            for child in list(self.sa.children):
                self._exchange(partial(self.sa.start_child_delete, child))
            self.settled = not self.closed and self.answers()
        return self.up

    def _reached(self) -> Stage:
        sa = self.sa
        if sa.state == State.ESTABLISHED:
            return Stage.CHILD if sa.children or sa.first_child is None else Stage.AUTHENTICATED
        if sa.keys is not None:
            return Stage.SUITE
        return Stage.ANSWERED if self.heard else Stage.SILENCE

    def answers(self) -> bool:
        """Whether the device answers a liveness check on it, or has ended it properly."""
        if not self.closed:
            self._exchange(self.sa.start_liveness)
        return not self.closed.startswith("no response")

    def retire(self) -> bool:
        """Delete it: from now on nothing is expected of it. True: the device has answered."""
        if self.stage < Stage.AUTHENTICATED or self.closed:
            return False
        self._exchange(self.sa.start_delete)
        answered = not self.closed.startswith("no response")
        self.closed = self.closed or "deleted by us"
        return answered

    def _exchange(self, start: Callable[[], None]) -> None:
        self.sa.now = self.base.now()  # the purpose has taken its time since anything has come for it
        start()
        self.endpoint.collect(self.sa)
        self._go(lambda: self.sa.pending is None)

    # --- datagrams ------------------------------------------------------------------------------------------------

    def takes(self, found: Datagram | IpPacket) -> bool:
        """Whether this is for the canary; then it has been dealt with."""
        if not isinstance(found, Datagram):
            return False
        ours, theirs = self.endpoint.connection.local_ports[1], self.endpoint.connection.remote_ports[1]
        shared = found.destination.port == ours or found.source.port == theirs
        raw = unwrap(found.payload, encapsulated=shared)[1]
        if raw[:8] not in self.spis and raw[8:16] not in self.spis:
            return False
        self.heard = True
        self.endpoint.receive(found, self.base.now())
        self._flush()
        return True

    def _go(self, done: Callable[[], bool]) -> None:
        """Carry datagrams until it is done, closed, or out of patience with one answer, or with all of them."""
        end, asked = self.base.now() + self.patience, self._asked()
        last = self.base.now() + LONGEST * self.patience
        self._flush()
        while not done() and not self.closed:
            if self._asked() != asked:
                end, asked = min(self.base.now() + self.patience, last), self._asked()
            found = self.base.receive(min(end, self.endpoint.next_timer() or end))
            if found is not None and not self.takes(found):
                self.kept.append(found)
            self.endpoint.tick(self.base.now())
            self._flush()
            if self.base.now() >= end and not done():
                self.closed = self.closed or "no response in time"

    def _asked(self) -> int | None:
        """The message ID of our request under way; rounds of EAP are many."""
        return self.sa.pending.message.message_id if self.sa.pending is not None else None

    def _flush(self) -> None:
        for datagram in self.endpoint.drain():
            self.base.send(datagram)
        for event in self.endpoint.events:
            if isinstance(event, SuccessorCreated) and isinstance(event.successor, CanarySa):
                self._sa = event.successor
                self.spis |= {event.successor.spi_i, event.successor.own_spi}
            elif isinstance(event, Closed) and event.sa is self._sa:
                self.closed = event.reason
            elif isinstance(event, ExchangeFailed | Dropped):
                self.problem = event.reason
        self.endpoint.events.clear()

    def link(self) -> Link:
        """What the scripted peer gets in place of the link."""
        return (SharedPacketLink if isinstance(self.base, PacketLink) else SharedLink)(self)


class SharedLink:
    """The link of a conversation without what is for its canary."""

    def __init__(self, canary: Canary) -> None:
        """The link that the canary is on."""
        self.canary = canary

    def now(self) -> float:
        """The time of the link's clock."""
        return self.canary.base.now()

    def send(self, datagram: Datagram) -> None:
        """Send a datagram."""
        self.canary.base.send(datagram)

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """The next one that is not for the canary."""
        if self.canary.kept:
            return self.canary.kept.popleft()
        while True:
            found = self.canary.base.receive(until)
            if found is None or not self.canary.takes(found):
                return found
            if self.now() >= until:
                return None

    def close(self) -> None:
        """Close the link."""
        self.canary.base.close()


class SharedPacketLink(SharedLink):
    """The same for a link that carries whole packets."""

    def send_packet(self, packet: IpPacket) -> None:
        """Send a packet."""
        base = self.canary.base
        assert isinstance(base, PacketLink)
        base.send_packet(packet)
