"""Defects of how sessions end, and of what is told and counted then (RFC 2866)."""

from collections.abc import Iterable

from conformance.ike.core.sending import State
from conformance.net.link import Datagram
from conformance.radius.ledger import STOP
from conformance.radius.packet import Attribute, Packet
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect
from peers.reference.nas.client import Asked
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa, Session
from peers.reference.nas.sessions import USER_REQUEST


@defect("aaa-end-timeout", "aaa-end-idle", "aaa-end-disconnect", "aaa-end-operator", "aaa-end-lost")
class AllAtTheirRequest(Nas):
    """Says of every session that the user has ended it."""

    def cause(self, session: Session) -> int:
        return USER_REQUEST


@defect("aaa-end-unheard")
class TellsOfProperEndsOnly(Nas):
    """Forgets sessions whose Delete nobody answers."""

    def stop(self, session: Session) -> None:
        if session.closed in ("deleted by us", "deleted by the peer"):
            super().stop(session)
        else:
            self.sessions.remove(session)


@defect("aaa-acct-name")
class TellsOfOwnName(Nas):
    """Tells of a user under the name that he has given."""

    def called(self, sa: GatewaySa, grant: Packet) -> bytes:
        return sa.user


@defect("aaa-acct-address")
class TellsAnotherAddress(Nas):
    """Tells in the end that a session had another address than it has."""

    def record(self, session: Session, status: int) -> list[Attribute]:
        found = super().record(session, status)
        if status != STOP:
            return found
        return [(name, "10.77.9.250" if name == "Framed-IP-Address" else value) for name, value in found]


@defect("aaa-acct-pairs")
class AuditsEachRecord(Nas):
    """Names each record by itself."""

    def pairs(self, session: Session) -> list[Attribute]:
        found = super().pairs(session)
        return [("Cisco-AVPair", f"audit-session-id={session.name}/{session.told}/{session.closed}"), *found[1:]]


@defect("aaa-acct-contents")
class RepeatsState(Nas):
    """Puts the State of the permission into its records."""

    def record(self, session: Session, status: int) -> list[Attribute]:
        return [*super().record(session, status), *(("State", one) for one in session.grant.raw(24))]


@defect("aaa-acct-named-before")
class NamesAnew(Nas):
    """Tells of a session under another name than that under which it has asked."""

    def about(self, sa: GatewaySa, packet: bytes) -> list[Attribute]:
        found = super().about(sa, packet)
        return [(name, f"A{value}" if name == "Acct-Session-Id" else value) for name, value in found]


@defect("aaa-acct-unproved")
class BeginsWithPermission(Nas):
    """Tells of a session as soon as the server has accepted the user."""

    def has_begun(self, sa: GatewaySa) -> bool:
        return sa.state in (State.HALF_OPEN, State.ESTABLISHED)


@defect("aaa-acct-beside")
class OneStopForAll(Nas):
    """Takes the end of one session for that of all sessions of the user."""

    def stop(self, session: Session) -> None:
        super().stop(session)
        for one in [one for one in self.sessions if one.user == session.user]:
            super().stop(one)


@defect("aaa-acct-dropped")
class CountsAllThatComes(Nas):
    """Counts what it drops."""

    def count(self, session: Session, holders: Iterable[GatewaySa], host: DeviceHost) -> None:
        super().count(session, holders, host)
        for child, (octets_in, octets_out, packets_in, packets_out) in session.counted.items():
            if child in host.carried:
                dropped = sum(host.carried[child].inbound.drops.values())
                session.counted[child] = (octets_in, octets_out, packets_in + dropped, packets_out)


@defect("aaa-acct-sum")
class CountsAnew(Nas):
    """Forgets what a Child SA has carried when another one takes its place."""

    def count(self, session: Session, holders: Iterable[GatewaySa], host: DeviceHost) -> None:
        holders = list(holders)
        super().count(session, holders, host)
        current = {child for one in holders for child in one.children}
        if current:
            session.counted = {child: found for child, found in session.counted.items() if child in current}


@defect("aaa-acct-code")
class AnythingAcknowledges(Nas):
    """Takes any answer for an acknowledgement."""

    def objection(self, answer: Packet, asked: Asked, datagram: Datagram) -> str:
        found = super().objection(answer, asked, datagram)
        return "" if found == answer.words[0] else found
