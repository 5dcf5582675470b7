"""Conversations of two endpoints of which one lies: at all four places, with garbage and repetitions in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import ClassVar

from conformance.fuzz.making import chain, datagram
from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators import bend_all, draw
from conformance.ike.core import protection
from conformance.ike.core.connection import Connection, CookiePolicy
from conformance.ike.core.protection import Fragment
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.script.bend import STRAIGHT, Bend, Piece
from conformance.wire import ExchangeType, Message
from peers.reference.device import PIXIT
from suites.connections import certificates, eap, nobody, psk, two_children

START = 1_790_000_000.0
ROUNDS = 60
"""Datagrams go to and fro so often; two endpoints of which one lies need not come to rest by themselves."""

SETUPS = (
    *(psk(), psk(), psk(esp=("aes128gcm16-x25519",)), psk(proposals=("aes128-sha256-x25519",)), two_children()),
    *(psk(fragment_size=256), psk(cookies=CookiePolicy.ALWAYS), certificates("ed25519"), nobody(), eap("gtc")),
    *(eap("md5"), eap("mschapv2"), eap("sim"), eap("aka", only=True), eap("aka-prime", only=True)),
)
SLOW = (certificates(), eap("tls"), eap("peap"), eap("ttls"))
"""TLS and more signatures: a few of these among many of those above."""


@cache
def connection(number: int) -> Connection:
    """One of the connections; the slow ones come last."""
    return (*SETUPS, *SLOW)[number](PIXIT)


class Lying(IkeSa):
    """Bends what it sends, as a campaign does; ``told`` is what it did."""

    source: ClassVar[Random]
    rate: ClassVar[float]
    told: ClassVar[list[list[Mutation]]]
    bend: Bend = STRAIGHT

    def encode(self, message: Message) -> list[bytes]:
        random = type(self).source
        mutations: list[Mutation] = []
        if random.random() < self.rate:
            mutations = [draw(random, message) for _ in range(random.choice((1, 1, 1, 2, 3)))]
        type(self).told.append(mutations)
        self.bend = bend_all(mutations)
        if random.random() < self.rate / 4:
            message = Message(
                *(message.spi_i, message.spi_r, message.exchange, message.flags, message.message_id),
                chain(random, message.exchange),
            )
        bent = self.bend.payloads(message)
        encrypted = bent.exchange != ExchangeType.IKE_SA_INIT and self.keys is not None
        found = super().encode(bent)
        if not encrypted:
            found = [self.bend.ciphertext(raw) for raw in found]
        return list(self.bend.datagrams(found))

    def plaintext(self, message: Message) -> tuple[int, bytes]:
        inner, data = super().plaintext(message)
        return inner, self.bend.plaintext(data)

    def parts(self, plaintext: bytes) -> Sequence[Piece]:
        return self.bend.fragments(list(super().parts(plaintext)))

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        assert self.keys is not None
        scheme = self.keys.suite.cipher
        text = self.bend.padded(protection.padded(plaintext, scheme.block_size))
        if len(text) % scheme.block_size:
            text += bytes(-len(text) % scheme.block_size)
        return self.bend.ciphertext(protection.seal(message, inner, text, scheme, self.own_key, self.random, fragment))


@dataclass
class Conversation:
    """One conversation, all of it from a seed; ``liar`` is the end that lies, ``honest`` the one under test."""

    seed: int
    slow: bool = False
    told: list[list[Mutation]] = field(default_factory=list)

    def __post_init__(self) -> None:
        random = self.random = Random(f"conversation {self.seed}")
        count = len(SETUPS)
        number = count + random.randrange(len(SLOW)) if self.slow else random.randrange(count)
        ours = connection(number)
        self.now = START
        ends = (
            Endpoint(ours, Random(f"{self.seed} a").randbytes, START),
            Endpoint(ours.mirrored(), Random(f"{self.seed} b").randbytes, START),
        )
        self.initiator, self.responder = ends
        self.liar, self.honest = ends if random.random() < 0.6 else ends[::-1]
        traits = {"source": random, "rate": random.choice((0.1, 0.3, 0.3, 0.6, 1.0)), "told": self.told}
        self.liar.sa_class = type("Liar", (Lying,), traits)  # type: ignore[misc]
        self.wire: list[Datagram] = []

    def carry(self) -> None:
        """Until both are quiet, or for so many rounds; with garbage to the honest end and repetitions of all."""
        for _ in range(ROUNDS):
            moving = self.initiator.drain() + self.responder.drain()
            if not moving:
                return
            if self.random.random() < 0.1:
                moving.append(self.garbage())
            for one in moving:
                self.wire.append(one)
                end = self.responder if one.destination.host == PIXIT.device_address else self.initiator
                end.receive(one, self.now)

    def garbage(self) -> Datagram:
        """Something for the honest end: made up, its own, or one from before."""
        host = PIXIT.device_address if self.honest is self.responder else PIXIT.tester_address
        known = [one for one in self.wire if one.destination.host == host]
        sample = known[-1] if known else self.opening(host)
        roll = self.random.random()
        if roll < 0.5:
            data = datagram(self.random, self.random.choice(("valid", "near", "garbage")))
            sas = list(self.honest.sas.values())
            if sas and self.random.random() < 0.7:  # of an IKE SA that it has
                sa = self.random.choice(sas)
                data = sa.spi_i + sa.spi_r + data[16:]
            marker = NON_ESP_MARKER if sample.destination.port == 4500 else b""
            return Datagram(sample.source, sample.destination, marker + data)
        again = self.random.choice(self.wire) if self.wire else sample
        return Datagram(sample.source, sample.destination, again.payload)

    def opening(self, host: str) -> Datagram:
        """The first that ever comes to an end."""
        peer = PIXIT.tester_address if host == PIXIT.device_address else PIXIT.device_address
        return Datagram(Address(peer, 500), Address(host, 500), b"")

    def run(self) -> None:
        """An opening and some exchanges that either end begins; then all that either does by itself, for two days."""
        self.initiator.initiate()
        self.carry()
        for _ in range(self.random.randrange(5)):
            end = self.random.choice((self.liar, self.liar, self.honest))
            self.act(end)
            self.carry()
            if self.random.random() < 0.3:
                self.wait(self.random.choice((0.5, 4.0, 30.0, 400.0)))
        for seconds in (5.0, 60.0, 600.0, 86400.0, 86400.0):
            self.wait(seconds)

    def act(self, end: Endpoint) -> None:
        """An exchange of any kind, on any IKE SA that is up."""
        up = [sa for sa in end.sas.values() if sa.state in (State.ESTABLISHED, State.REKEYED)]
        if not up:
            end.initiate()
            return
        sa = self.random.choice(up)
        deeds: list[Callable[[], object]] = [
            sa.start_liveness,
            sa.start_rekey,
            sa.start_delete,
            lambda: sa.start_child("net"),
            lambda: sa.start_redirect("192.0.2.77"),
            *(lambda child=child: sa.start_child_rekey(child) for child in sa.children),
            *(lambda child=child: sa.start_child_delete(child) for child in sa.children),
        ]
        self.random.choice(deeds)()
        end.collect(sa)

    def wait(self, seconds: float) -> None:
        """Let time pass, and both do what is due."""
        until, steps = self.now + seconds, 0
        while self.now < until and steps < 40:
            due = [timer for end in (self.initiator, self.responder) if (timer := end.next_timer()) is not None]
            self.now = min(until, max(self.now + 0.001, min(due, default=until)))
            steps += 1
            for end in (self.initiator, self.responder):
                end.tick(self.now)
            self.carry()
        self.now = until

    def check_service(self) -> None:
        """The honest end still serves a third one that does not lie, under the same connection."""
        if self.honest is not self.responder:
            return
        guest = Endpoint(self.initiator.connection, Random(f"{self.seed} c").randbytes, self.now)
        self.initiator = self.liar = guest
        guest.initiate()
        for _ in range(ROUNDS):
            moving = guest.drain() + self.honest.drain()
            if not moving:
                break
            for one in moving:
                (self.honest if one.destination.host == PIXIT.device_address else guest).receive(one, self.now)
        assert guest.established(), "an honest peer is not served any more"
