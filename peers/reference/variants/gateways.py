"""How a gateway speaks with its AAA server: what it says of itself and when, and by what it finds a session."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from conformance.crypto import Random
from conformance.ike.core.connection import Connection
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.radius.ledger import INTERIM
from conformance.radius.packet import Attribute, Code, Packet
from conformance.wire import EapCode, EapPacket, Message, Payload
from peers.capabilities import Capability
from peers.reference.nas.client import Asked
from peers.reference.nas.dynamic import AUTHORIZE_ONLY
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa, Relay, Session
from peers.reference.variants.registry import variant

AAA = ("aaa",)
"""The subjects to which this makes a difference."""

SEVERAL, NO_EXTENSION = 508, 406
"""Error-Cause: Multiple Session Selection Unsupported, Unsupported Extension (RFC 5176, section 3.5)."""


@variant(
    "RFC 2865, 4.1 and 5.32: a gateway says its address or its name",
    about=AAA,
)
class NamesItself(Nas):
    """Says its name in place of its address."""

    name: ClassVar[Attribute] = ("NAS-Identifier", "gateway.example")

    def where(self, sa: GatewaySa) -> list[Attribute]:
        return [self.named_so(one) for one in super().where(sa)]

    def record(self, session: Session, status: int) -> list[Attribute]:
        return [self.named_so(one) for one in super().record(session, status)]

    def named_so(self, given: Attribute) -> Attribute:
        """The name in place of the address."""
        return self.name if given[0] == "NAS-IP-Address" else given


@variant(
    "RFC 3162, 2.1: a gateway may say its IPv6 address in place of that of IPv4",
    about=AAA,
)
class NamesItselfByIpv6(NamesItself):
    """Says an IPv6 address in place of that of IPv4."""

    name: ClassVar[Attribute] = ("NAS-IPv6-Address", "2001:db8::1")


@variant(
    "RFC 2865, 5 and RFC 3579, 3: which further attributes a request has is up to the gateway",
    about=AAA,
)
class SaysMoreOfItself(Nas):
    """Says more of itself and its user than it has to."""

    def where(self, sa: GatewaySa) -> list[Attribute]:
        return [
            *super().where(sa),
            ("NAS-Identifier", "gateway.example"),
            ("NAS-Port", 4500),
            ("Called-Station-Id", self.here.host),
            ("Framed-MTU", 1400),
            ("Connect-Info", "IKEv2"),
        ]


@variant(
    "RFC 2866, 5.5: Acct-Session-Id is for accounting, and need not be in an Access-Request",
    advice={"RFC5176-3-4": "says in an Access-Request nothing that names the session"},
    about=AAA,
)
class SaysLessOfTheSession(Nas):
    """Says in an Access-Request only who asks and where."""

    def about(self, sa: GatewaySa, packet: bytes) -> list[Attribute]:
        left = ("Acct-Session-Id", "NAS-Port-Type", "Calling-Station-Id")
        return [one for one in super().about(sa, packet) if one[0] not in left]


@variant(
    "RFC 2866, 2 and 5.2: a record may come later than what it tells of",
    about=AAA,
)
class TellsLate(Nas):
    """Takes 200 ms until it sends a record."""

    takes: ClassVar[float] = 0.2

    def __init__(self, connection: Connection, random: Random, now: float) -> None:
        super().__init__(connection, random, now)
        self.records: list[Asked] = []

    def begin(self, asked: Asked) -> None:
        if asked.code == Code.ACCOUNTING_REQUEST and not asked.tries and self.now == asked.began:
            self.records.append(asked)
        else:
            super().begin(asked)

    def next_timer(self) -> float | None:
        due = [one.began + self.takes for one in self.records[:1]]
        return min(filter(None, (super().next_timer(), *due)), default=None)

    def tick(self, now: float) -> None:
        super().tick(now)
        while self.records and self.records[0].began + self.takes <= now:
            super().begin(self.records.pop(0))


@variant(
    "RFC 2866, 5.1 and RFC 2869, 2.1: a gateway may tell of itself, and in between of each session",
    about=AAA,
)
class TellsMore(Nas):
    """Tells that it is ready, and of each session every two seconds."""

    def __init__(self, connection: Connection, random: Random, now: float) -> None:
        super().__init__(connection, random, now)
        if self.servers:
            said: list[Attribute] = [("Acct-Status-Type", "Accounting-On"), ("Acct-Session-Id", "0")]
            self.ask(Code.ACCOUNTING_REQUEST, [*said, ("NAS-IP-Address", self.here.host)], lambda answer: None)

    def start(self, sa: GatewaySa, grant: Packet) -> None:
        super().start(sa, grant)
        if sa.session is not None and sa.session.interim is None:
            sa.session.interim = 2.0


@variant(
    "RFC 2866, 2 and 5.13: of counters, times, causes and addresses a record may have none; to repeat it is advice",
    lacks=(Capability.ACCOUNTING_INTERIM,),
    advice={"RFC2866-2-2": "says everything once"},
    about=AAA,
)
class TellsLittle(Nas):
    """Tells who has come and gone, once, and nothing more, and has not heard of interim records."""

    def record(self, session: Session, status: int) -> list[Attribute]:
        left = ("Acct-Terminate-Cause", "Cisco-AVPair", "Framed-IP-Address")
        return [one for one in super().record(session, status) if one[0] not in left]

    def counters(self, session: Session) -> list[Attribute]:
        return []

    def start(self, sa: GatewaySa, grant: Packet) -> None:
        super().start(sa, grant)
        if sa.session is not None:
            sa.session.interim = None

    def try_again(self, asked: Asked) -> None:
        if asked.code == Code.ACCOUNTING_REQUEST:
            self.give_up(asked)
        else:
            super().try_again(asked)


@variant(
    "RFC 2865, 2.4: timers of retransmission are up to the gateway",
    about=AAA,
)
class QuickQuestions(Nas):
    """Repeats a question every 300 ms, and gives a server up after three seconds."""

    timeout = 0.3
    tries = 9


@variant(
    "RFC 2865, 2.4: timers of retransmission are up to the gateway",
    about=AAA,
)
class PatientQuestions(Nas):
    """Repeats a question after three seconds, and stays with the server that has answered last."""

    timeout = 3.0
    preferred: int = 0

    def first_server(self) -> int:
        return self.preferred

    def anew(self, asked: Asked) -> None:
        self.preferred = asked.server
        super().anew(asked)


@variant(
    "RFC 5176, 3: a gateway that cannot select several sessions at once says so by Error-Cause 508",
    about=AAA,
)
class OneSessionAtOnce(Nas):
    """Ends or changes one session at once only."""

    def judged(self, request: Packet, sas: Sequence[GatewaySa]) -> tuple[Code, list[Attribute]]:
        if len(self.matching(request, sas)) > 1:
            ending = request.code == Code.DISCONNECT_REQUEST
            return (Code.DISCONNECT_NAK if ending else Code.COA_NAK), [("Error-Cause", SEVERAL)]
        return super().judged(request, sas)


@variant(
    "RFC 5176, 3: which attributes name a session is up to the gateway",
    about=AAA,
)
class KnowsSessionsByNumber(Nas):
    """Finds a session by Acct-Session-Id only, and has not heard of other names."""

    def strange(self, request: Packet, known: set[str]) -> bool:
        return super().strange(request, known - {"Framed-IP-Address", "Calling-Station-Id", "Cisco-AVPair"})

    def named(self, request: Packet) -> bool:
        return bool(request.all("Acct-Session-Id"))


@variant(
    "RFC 5176, 3.5: a gateway may lack CoA, and says so by Error-Cause 406",
    lacks=(Capability.SESSION_CHANGE,),
    about=AAA,
)
class DisconnectsOnly(Nas):
    """Ends sessions, and changes none."""

    def obstacle(self, request: Packet, ending: bool) -> int:
        return super().obstacle(request, ending) if ending else NO_EXTENSION


@variant(
    "RFC 5176, 2.3: a Code that a gateway does not have is silently discarded",
    lacks=(Capability.SESSION_CHANGE,),
    about=AAA,
)
class HearsNoChanges(Nas):
    """Ends sessions, and has not heard of CoA-Request."""

    def distrust(self, request: Packet, datagram: Datagram) -> str:
        return request.words[0] if request.code == Code.COA_REQUEST else super().distrust(request, datagram)


@variant(
    "RFC 5176, 2.2, 2.3 and 3.2: Error-Cause in a NAK is advice at most",
    advice={
        "RFC5176-2.2-3": "does not say that it lacks the service",
        "RFC5176-3.2-2": "does not say that it lacks Authorize-Only",
    },
    about=AAA,
)
class NeverSaysWhy(Nas):
    """Refuses without a reason, and carries out no Authorize-Only."""

    def judged(self, request: Packet, sas: Sequence[GatewaySa]) -> tuple[Code, list[Attribute]]:
        if request.number("Service-Type") == AUTHORIZE_ONLY:
            return Code.COA_NAK, []
        code, given = super().judged(request, sas)
        return code, [one for one in given if one[0] != "Error-Cause"]


@variant(
    "RFC 3579, 2.1: a gateway may leave it to the server to ask for the name, and begin with EAP-Start",
    about=AAA,
)
class StartsEap(GatewaySa):
    """Sends the server an EAP-Start in the name of the address from which somebody comes."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        found = super().first_round(message)
        if isinstance(self.as_server, Relay) and self.forwarded is None:
            self.preface, self.user = found[:-1], self.remote.host.encode()
            self.forwarded = EapStart(EapCode.RESPONSE, 0)
            return []
        return found


class EapStart(EapPacket):
    """No packet at all."""

    def encode(self) -> bytes:
        return b""


@variant(
    "RFC 5176, 2.1: Disconnect-ACK says that the sessions are ended, so it may wait until they are",
    about=AAA,
)
class AcknowledgesTheEnd(Nas):
    """Says Disconnect-ACK only when the IKE SA is gone."""

    waiting: ClassVar[float] = 0.0

    def __init__(self, connection: Connection, random: Random, now: float) -> None:
        super().__init__(connection, random, now)
        self.held: list[Datagram] = []

    def obey(self, datagram: Datagram, sas: Iterable[IkeSa]) -> None:
        before = len(self.outbox)
        super().obey(datagram, sas)
        for one in self.outbox[before:]:
            if one.payload[0] == Code.DISCONNECT_ACK and any(session.cause for session in self.sessions):
                self.outbox.remove(one)
                self.held.append(one)

    def stop(self, session: Session) -> None:
        super().stop(session)
        if not any(one.cause for one in self.sessions):
            self.outbox += self.held
            self.held = []


@variant(
    "RFC 2869, 2.1: a gateway may add a random delay to interim records; RFC 2866, 5.1: it may send others between",
    about=AAA,
)
class TellsAtOdds(Nas):
    """Tells of a session once more right after its Start, and then a little later than it is told to."""

    def start(self, sa: GatewaySa, grant: Packet) -> None:
        super().start(sa, grant)
        if sa.session is not None:
            if sa.session.interim is not None:
                sa.session.interim += min(6.0, sa.session.interim / 10)
            self.tell(sa.session, sa, INTERIM)
