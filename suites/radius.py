"""The AAA server of the tester during one purpose: the fixture ``aaa`` of connections by `suites.connections.by_aaa`.

It lives on the link of the conversation, so it answers whenever the script waits for something, and the clock is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import count

from conformance.crypto import Random
from conformance.crypto.pki import Leaf
from conformance.eap.making import Means, server_method
from conformance.eap.server import EapServer
from conformance.ike.core.connection import Connection, Eap, Psk, PublicKey
from conformance.net.link import Address, Datagram, Link
from conformance.radius import grant
from conformance.radius.bend import STRAIGHT, Answer, RadiusBend
from conformance.radius.beside import BesideLink, beside
from conformance.radius.dynamic import Asked, DynamicClient, Told
from conformance.radius.ledger import START, Record
from conformance.radius.packet import Attribute, Code, MalformedError, Packet, chunks, read
from conformance.radius.server import Decision, Origin, RadiusServer
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from peers.contract import Pixit
from peers.credentials import AAA_PORTS, AAA_SECOND_PORTS, AAA_SECOND_SECRET, AAA_SECRET

OWN_PORTS = range(20000, 30000, 2)
"""From one of them we send requests of dynamic authorization."""
_TURNS = count(time.monotonic_ns() // 10**6)
"""A device knows a repeated request by port and Identifier (RFC 5176, 2.3.1): each purpose asks from the next port."""
SETTLED = 0.1
"""Seconds in which a device is done with what it has answered last: until then it may not find the session."""
GENUINE = 0.3
"""Seconds after a false answer until the true one."""


class Server(RadiusServer):
    """Grants each session an address of its own, and may let a false answer go before the true one.

    Attributes:
        pool: from which the addresses of users with EAP are, unless others are granted.
        plain: what is granted to a name that is asked about without EAP, usually ``usual``; `grants` has other
            answers by name.
        unknown: the names that are rejected then.
        refusing: a user whom EAP has let in is rejected all the same.
        false: what is wrong with an answer that says the contrary of the true one, and comes before it.
        muted: nothing at all is answered.
    """

    def __init__(self, random: Random, make: Callable[[], EapServer], pool: str, secret: bytes) -> None:
        super().__init__(secret, random=random, make=make)
        self.pool = pool
        self.usual: list[Attribute] = []
        self.plain = self.usual
        self.unknown: set[str] = set()
        self.refusing = False
        self.false: RadiusBend | None = None
        self.muted = False
        self.origin: Origin = ("", 0)
        self._contrary: Decision | None = None
        self._given = 0

    def receive(self, octets: bytes, origin: Origin, now: float) -> Sequence[Answer]:
        """Remember who has asked."""
        self.origin = origin
        answers = super().receive(octets, origin, now)
        return [] if self.muted else answers

    def decide(self, request: Packet, now: float) -> Decision | None:
        """What is known of a name for which somebody asks without EAP: whatever password comes with it."""
        if request.eap is not None:
            return super().decide(request, now)
        name = request.text("User-Name")
        accept = Decision(Code.ACCESS_ACCEPT, self.grants.get(name, self.plain))
        reject = Decision(Code.ACCESS_REJECT)
        refused = self.refusing or name in self.unknown
        self._contrary = accept if refused else reject
        return reject if refused else accept

    def grant(self, request: Packet) -> list[Attribute]:
        """With an address that nobody else has; whoever asks for hundreds gets those of before."""
        found = super().grant(request)
        if any(name == "Framed-IP-Address" for name, _ in found):
            return found
        self._given += 1
        pool = ip_network(self.pool)
        return [("Framed-IP-Address", str(pool[9 + self._given % (pool.num_addresses - 10)])), *found]

    def conclude(self, request: Packet, server: EapServer, following: bytes, state: bytes) -> Decision:
        """The true decision, with another State for each challenge; the contrary of it is kept."""
        self.conversations.pop(state, None)
        decision = super().conclude(request, server, following, self.begin(server))
        failure = self.failure(following)
        contrary = Decision(Code.ACCESS_REJECT, [("EAP-Message", one) for one in chunks(failure)])
        if decision.code == Code.ACCESS_ACCEPT and self.refusing:
            decision, contrary = contrary, decision
        self._contrary = contrary
        return decision

    def send(self, request: Packet, decision: Decision) -> Sequence[Answer]:
        """The true answer, perhaps after a false one."""
        false, contrary = self.false, self._contrary
        if false is None or contrary is None or false.of not in (None, decision.code):
            return super().send(request, decision)
        self.false = None
        self.bends.insert(0, replace(false, of=None))
        first = super().send(request, contrary)
        genuine = super().send(request, decision)
        return [*first, *(replace(one, delay=one.delay + GENUINE) for one in genuine)]


@dataclass(frozen=True, slots=True)
class Request:
    """What came to a server: when, from where to where."""

    at: float
    source: Address
    destination: Address
    packet: Packet


def keys_for(connection: Connection) -> list[Attribute]:
    """The shared keys of a connection whose device asks for them: one for both sides, or one for each."""
    ours, theirs = connection.local.auth, connection.remote.auth
    if not isinstance(ours, Psk) or not isinstance(theirs, Psk) or not ours.aaa:
        return []
    if ours.secret == theirs.secret:
        return grant.tunnel_password(ours.secret)
    pairs = (("ikev2-password-remote", ours.secret), ("ikev2-password-local", theirs.secret))
    return [grant.pair(name, value.decode()) for name, value in pairs]


class Aaa:
    """The servers of a conversation, and our client of dynamic authorization.

    Attributes:
        servers: those that the device is to ask, in this order.
        notices: texts for the user before the method, each in a challenge of its own.
        client: makes requests for `ask`.
    """

    def __init__(self, connection: Connection, pixit: Pixit, random: Random) -> None:
        """The servers for our view of a connection."""
        self.connection, self.pixit, self.random = connection, pixit, random
        auth = connection.local.auth
        assert connection.local_address is not None
        self.auth = auth if isinstance(auth, Eap) else Eap((), identity=str(connection.local.identity))
        pool = connection.remote_pool or "10.77.9.0/24"
        host = connection.local_address
        secrets = (AAA_SECRET, AAA_SECOND_SECRET)[: connection.mirrored().aaa_servers]
        self.servers = [Server(random, self.eap_server, pool, one) for one in secrets]
        for one in self.servers:
            one.usual = one.plain = keys_for(connection)
        self.notices: list[bytes] = []
        self.client = DynamicClient(AAA_SECRET)
        self._places: dict[Address, Server] = {}
        for server, ports in zip(self.servers, (AAA_PORTS, AAA_SECOND_PORTS), strict=False):
            self._places |= {Address(host, port): server for port in ports[:2]}
        self.own = Address(host, 0)
        self.link: BesideLink | None = None
        self._peer: Peer | None = None
        self._before: frozenset[str] = frozenset()
        self._found: dict[str, ScriptedSa] = {}
        self._mark = 0.0

    def eap_server(self) -> EapServer:
        """What is behind the pass-through."""
        shown = self.connection.remote.auth
        leaf = None
        if isinstance(shown, PublicKey) and shown.chain and shown.key is not None:
            leaf = Leaf(shown.key, shown.chain[0], shown.chain)  # type: ignore[arg-type]
        name = str(self.connection.local.identity) if self.auth.identity is None else self.auth.identity
        now = datetime.fromtimestamp(self.now(), UTC)
        means = Means(name.encode(), self.auth.secret, now, leaf, self.connection.trust)
        methods = [server_method(one, means) for one in self.auth.methods]
        return EapServer(methods, random=self.random, notices=self.notices)

    def on(self, link: Link) -> Link:
        """The link with the servers on it. Raises LinkError where their ports are taken."""
        self.own = Address(self.own.host, OWN_PORTS[next(_TURNS) % len(OWN_PORTS)])
        self.link = beside(link, self._places, self.own)
        return self.link

    def begin(self, peer: Peer, *, settled: bool) -> None:
        """What came so far is not of this purpose; ``settled``: a session before it is to be told of, too."""
        self._peer = peer
        if settled:
            self.wait(lambda: bool(self.server.ledger.records), peer.response_timeout)
        self._before, self._mark = frozenset(self.server.ledger.sessions), self.now()
        assert self.link is not None
        self.link.note = peer.note

    # --- what purposes use ----------------------------------------------------------------------------------------

    @property
    def server(self) -> Server:
        """The first server."""
        return self.servers[0]

    @property
    def peer(self) -> Peer:
        """The script that waits."""
        assert self._peer is not None
        return self._peer

    def be_honest(self) -> None:
        """From now on all answers are right."""
        for one in self.servers:
            one.refusing, one.false, one.always, one.muted = False, None, STRAIGHT, False
            one.bends.clear()
            one.plain = one.usual
            one.unknown.clear()
        self.notices.clear()

    def now(self) -> float:
        """The time of the link."""
        assert self.link is not None
        return self.link.now()

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until something is so; whether it is, within that many seconds."""
        end = self.now() + seconds
        while not done() and self.now() < end:
            self.peer.idle(min(0.05, end - self.now()))
        return done()

    def requests(self, code: Code = Code.ACCESS_REQUEST, server: int = 0) -> list[Request]:
        """What has come to a server since the purpose began, repetitions included."""
        assert self.link is not None
        found = []
        for one in self.link.came:
            datagram = one.datagram
            if one.at < self._mark or self._places[datagram.destination] is not self.servers[server]:
                continue
            try:
                packet = read(datagram.payload, self.servers[server].secret)
            except MalformedError as error:
                raise Unexpected("a packet of RADIUS", str(error), "RFC2865-3-3") from None
            if packet.code == code:
                found.append(Request(one.at, datagram.source, datagram.destination, packet))
        return found

    def elsewhere(self, host: str) -> RadiusBend:
        """From another address of ours than the one that was asked."""

        def away(found: list[Answer]) -> list[Answer]:
            source = Address(host, AAA_PORTS[0])
            for one in found:
                self.send(Datagram(source, Address(*self.server.origin), one.octets), one.delay)
            return []

        return RadiusBend("from another address", answers=away)

    def send(self, datagram: Datagram, delay: float = 0.0) -> None:
        """Send any datagram, now or later."""
        assert self.link is not None
        self.link.send_later(datagram, delay)

    # --- accounting -----------------------------------------------------------------------------------------------

    def find(self, sa: ScriptedSa) -> str:
        """The name of this running session in accounting, empty as long as nothing was told of it."""
        running = set(self.server.ledger.running())
        new = [one for one in self.server.ledger.sessions if one not in self._before and one in running]
        address = ".".join(map(str, sa.virtual_address or b""))
        others = {name for name, whose in self._found.items() if whose is not sa}
        fitting = [one for one in new if self.fits(one, address, others)]
        return fitting[-1] if fitting else ""

    def fits(self, session: str, address: str, others: set[str]) -> bool:
        """Whether a session has an address; one that tells of none must not be one of ``others`` of ours."""
        said = self.records(session)[0].address
        return said == address or (not said and session not in others)

    def session(self, sa: ScriptedSa) -> str:
        """The same once its Start has come. Raises Unexpected."""
        self.wait(lambda: bool(self.find(sa)), self.peer.response_timeout)
        name = self.find(sa)
        started = bool(name) and self.records(name)[0].status == START
        self.peer.check(started, "Accounting-Request Start of the session", name or "none", "RFC2866-2-1")
        self._found.setdefault(name, sa)
        return name

    def records(self, session: str) -> list[Record]:
        """What has been told of a session."""
        return self.server.ledger.of(session)

    # --- dynamic authorization ------------------------------------------------------------------------------------

    def ask(self, asked: Asked, timeout: float | None = None, source: Address | None = None) -> Told | None:
        """Send a request to the settled device, perhaps from another address of ours; its answer, or None."""
        assert self.link is not None
        self.peer.idle(SETTLED)
        self.link.hear(source or self.own)
        where = Address(self.pixit.device_address, AAA_PORTS[2])
        self.peer.note(f"RADIUS out: {'; '.join(asked.packet.words)} {asked.said}".rstrip())
        for one in asked.datagrams:
            self.send(Datagram(source or self.own, where, one.octets), one.delay)
        return self.answer_to(asked, self.peer.response_timeout if timeout is None else timeout)

    def answer_to(self, asked: Asked, timeout: float) -> Told | None:
        """Wait for the answer to a request."""
        assert self.link is not None
        told: list[Told] = []

        def looked() -> bool:
            assert self.link is not None
            while self.link.told:
                found = self.client.receive(self.link.told.popleft().payload, asked)
                if found is not None:
                    self.peer.note(f"RADIUS in: {'; '.join(found.words)}")
                    told.append(found)
            return bool(told)

        return told[0] if self.wait(looked, timeout) else None
