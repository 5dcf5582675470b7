"""Defects of what an AAA server grants, and of accounting (RFC 2548, 2865, 2866, 2869)."""

from collections.abc import Iterable, Sequence
from typing import Self

from conformance.radius.ledger import START
from conformance.radius.packet import Attribute, Code, Packet, seal
from conformance.wire import CfgAttr
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect
from peers.reference.nas.client import Asked
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa, Session
from peers.reference.nas.sessions import IDLE, TIME_OUT

# --- what is granted --------------------------------------------------------------------------------------------------


@defect("aaa-address")
class OwnAddresses(GatewaySa):
    """Gives out addresses of its own, whatever is granted."""

    def granted_address(self) -> bytes | None:
        return None


@defect("aaa-address-any", "aaa-address-own")
class TakesAddressesLiterally(GatewaySa):
    """Gives out 255.255.255.254 and .255."""

    def granted_address(self) -> bytes | None:
        return next(iter(self.grant.raw(8)), None) if self.grant is not None else None


@defect("aaa-dns", "aaa-dns-pair", "aaa-dns6")
class LastNameServerOnly(GatewaySa):
    """Tells of the last name server only."""

    def name_servers(self) -> list[CfgAttr]:
        return super().name_servers()[-1:]


@defect(
    "aaa-session-timeout", "aaa-session-timeout-rekeyed", "aaa-change-timeout", "auth-lifetime-change",
    "auth-lifetime-change-rekeyed",
)  # fmt: skip
class EndlessSessions(Nas):
    """Does not end a session when its time is over, whatever it has told the client."""

    def announce(self, session: Session, sas: Sequence[GatewaySa]) -> None:
        super().announce(session, sas)
        for one in sas:
            one.auth_until = None

    def end(self, session: Session, sas: Iterable[GatewaySa], cause: int) -> None:
        if cause == TIME_OUT:
            session.cause = cause
        else:
            super().end(session, sas, cause)


@defect("aaa-idle-timeout")
class NeverIdle(Nas):
    """Does not end a session that carries nothing."""

    def end(self, session: Session, sas: Iterable[GatewaySa], cause: int) -> None:
        if cause == IDLE:
            session.cause = cause
        else:
            super().end(session, sas, cause)


# --- accounting -------------------------------------------------------------------------------------------------------


@defect("aaa-acct-start", "aaa-acct-tls")
class NoStart(Nas):
    """Begins with the record of the end."""

    def tell(self, session: Session, sa: GatewaySa | None, status: int) -> None:
        if status != START:
            super().tell(session, sa, status)


@defect("aaa-acct-eap")
class ProvesAccounting(Nas):
    """Puts a Message-Authenticator into Accounting-Requests."""

    def record(self, session: Session, status: int) -> list[Attribute]:
        return [*super().record(session, status), ("Message-Authenticator", bytes(16))]


@defect("aaa-acct-stop")
class WrongCause(Nas):
    """Says of every session that somebody in charge has ended it."""

    def stop(self, session: Session) -> None:
        session.cause = 6
        super().stop(session)


@defect("aaa-acct-counters")
class SwapsDirections(Nas):
    """Counts what it sends as what has come."""

    def count(self, session: Session, holders: Iterable[GatewaySa], host: DeviceHost) -> None:
        super().count(session, holders, host)
        for child, (octets_in, octets_out, packets_in, _) in session.counted.items():
            session.counted[child] = (octets_out, octets_in, 2 * packets_in, packets_in)


@defect("aaa-acct-interim")
class NoInterim(Nas):
    """Tells nothing between beginning and end."""

    def start(self, sa: GatewaySa, grant: Packet) -> None:
        super().start(sa, grant)
        assert sa.session is not None
        sa.session.interim = None


@defect("aaa-acct-class")
class OneClass(Nas):
    """Keeps the first value of Class only."""

    def classes(self, session: Session) -> list[bytes]:
        return super().classes(session)[:1]


@defect("aaa-acct-rekey")
class SessionPerIkeSa(GatewaySa):
    """Takes the IKE SA that replaces another one for another session."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.session = None


@defect("aaa-acct-two")
class SameNames(Nas):
    """Names a session after its address in IKE."""

    def new_name(self) -> str:
        return f"{self.connection.remote_address}"


@defect("aaa-acct-unanswered")
class SameIdentifierForOther(Nas):
    """Repeats a changed record under the Identifier that it had before."""

    def anew(self, asked: Asked) -> None:
        if asked.code != Code.ACCOUNTING_REQUEST:
            super().anew(asked)
            return
        before = asked.packet.identifier
        super().anew(asked)
        octets = asked.packet.octets
        del self.under_way[octets[1]], self.outbox[-1:]
        changed = seal(octets[:1] + bytes([before]) + octets[2:], bytes(16), self.secret)
        asked.packet = Packet(changed, self.secret)
        self.under_way[before] = asked
        self.transmit(asked)


@defect("aaa-acct-false")
class BelievesAnyAcknowledgement(Nas):
    """Takes whatever comes under the right Identifier for an acknowledgement."""

    def is_sealed(self, answer: Packet) -> bool:
        return answer.code == Code.ACCOUNTING_RESPONSE or super().is_sealed(answer)


@defect("aaa-session-timeout-rekeyed")
class TimeBeginsWithRekey(GatewaySa):
    """Lets the time of a session begin anew with each rekey of its IKE SA."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        if self.session is not None and self.session.until is not None:
            self.session.until += 3600
