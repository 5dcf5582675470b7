"""Sessions of a gateway: what accounting tells of them (RFC 2866, 2869), and when they end by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from ipaddress import ip_address

from conformance.ike.core.sending import State
from conformance.ike.core.spine import UP
from conformance.ike.ikesa import IkeSa
from conformance.radius.ledger import INTERIM, START, STOP
from conformance.radius.packet import Attribute, Code, Packet
from peers.reference.dataplane import DeviceHost
from peers.reference.nas.access import Access
from peers.reference.nas.sa import GatewaySa, Session

USER_REQUEST, LOST_CARRIER, IDLE, TIME_OUT, ADMIN_RESET = 1, 2, 4, 5, 6
"""Acct-Terminate-Cause (RFC 2866, section 5.10)."""


class Sessions(Access):
    """Keeps the sessions: `follow` is told after each step which IKE SAs there are."""

    sessions: list[Session]

    def follow(self, sas: Iterable[IkeSa], host: DeviceHost, now: float) -> None:
        """Ask for whoever waits, begin what has come up, end what is gone."""
        self.now = now
        found = self.gateway_sas(sas)
        self.look_for_questions(found)
        for sa in found:
            if sa.grant is not None and sa.session is None and self.has_begun(sa):
                self.start(sa, sa.grant)
        for session in list(self.sessions):
            holders = [one for one in found if one.session is session and one.state in UP]
            self.count(session, holders, host)
            if not holders:
                self.stop(session)

    def has_begun(self, sa: GatewaySa) -> bool:
        """Whether the user has his service: the server's permission alone does not make it so."""
        return sa.state == State.ESTABLISHED

    def start(self, sa: GatewaySa, grant: Packet) -> None:
        """A session begins."""
        session = Session(
            self.session_name(sa), self.called(sa, grant), grant, self.now, self.now, sa.virtual_address, told=self.now
        )
        session.identity = sa.claimed.data if sa.claimed is not None else b""
        session.origin = sa.remote.host
        session.until = self.time_limit(grant)
        session.idle = float(grant.number("Idle-Timeout")) or None
        session.interim = float(grant.number("Acct-Interim-Interval")) or None
        sa.session = session
        self.sessions.append(session)
        self.tell(session, sa, START)

    def called(self, sa: GatewaySa, grant: Packet) -> bytes:
        """Under which name a user is told of: that which the server gives him (RFC 2865, section 5.1)."""
        return next(iter(grant.raw(1)), sa.user)

    def time_limit(self, grant: Packet) -> float | None:
        """When a session ends (RFC 2865, section 5.27)."""
        seconds = grant.number("Session-Timeout")
        return self.now + seconds if seconds else None

    def count(self, session: Session, holders: Iterable[GatewaySa], host: DeviceHost) -> None:
        """See what the Child SAs have carried; those that are gone keep what they had."""
        before = session.totals
        for child in [child for one in holders for child in one.children]:
            carried = host.carried.get(child)
            if carried is not None:
                inbound, outbound = carried.inbound, carried.outbound
                session.counted[child] = (inbound.octets, outbound.octets, inbound.packets, outbound.packets)
        if session.totals != before:
            session.active = self.now

    def stop(self, session: Session) -> None:
        """A session has ended."""
        self.sessions.remove(session)
        self.tell(session, None, STOP)

    # --- accounting -----------------------------------------------------------------------------------------------

    def tell(self, session: Session, sa: GatewaySa | None, status: int) -> None:
        """Send a record, and repeat it until it is acknowledged."""
        session.told = self.now
        self.ask(Code.ACCOUNTING_REQUEST, self.record(session, status), partial(self.acknowledged, session))

    def acknowledged(self, session: Session, answer: Packet | None) -> None:
        """A session does not depend on it."""

    def record(self, session: Session, status: int) -> list[Attribute]:
        """What a record tells (RFC 2866, section 5)."""
        found: list[Attribute] = [
            ("Acct-Status-Type", status),
            ("Acct-Session-Id", session.name),
            ("NAS-IP-Address", self.here.host),
            ("NAS-Port-Type", "Virtual"),
            ("NAS-Port-Id", self.connection.name),
            *((("User-Name", session.user),) if session.user else ()),
            *(("Class", one) for one in self.classes(session)),
            *self.pairs(session),
        ]
        if session.address is not None:
            kind = "Framed-IP-Address" if len(session.address) == 4 else "Framed-IPv6-Address"
            found.append((kind, str(ip_address(session.address))))
        if status != START:
            found += self.counters(session)
        if status == STOP:
            found.append(("Acct-Terminate-Cause", self.cause(session)))
        return found

    def pairs(self, session: Session) -> list[Attribute]:
        """What gateways of Cisco's tell beside that."""
        told = {
            "audit-session-id": session.name,
            "isakmp-phase1-id": session.identity.decode(errors="backslashreplace"),
            "isakmp-initator-ip": session.origin,
        }
        return [("Cisco-AVPair", f"{name}={value}"[:247]) for name, value in told.items()]

    def cause(self, session: Session) -> int:
        """Who has ended a session, or what."""
        by_whom = {"deleted by the peer": USER_REQUEST, "deleted by us": ADMIN_RESET}
        return session.cause or by_whom.get(session.closed, LOST_CARRIER)

    def classes(self, session: Session) -> list[bytes]:
        """What the server wants to see again (RFC 2865, section 5.25)."""
        return session.grant.raw(25)

    def counters(self, session: Session) -> list[Attribute]:
        """What has been carried, and for how long the session lasts."""
        octets_in, octets_out, packets_in, packets_out = session.totals
        return [
            ("Acct-Input-Octets", octets_in & 0xFFFFFFFF),
            ("Acct-Output-Octets", octets_out & 0xFFFFFFFF),
            ("Acct-Input-Gigawords", octets_in >> 32),
            ("Acct-Output-Gigawords", octets_out >> 32),
            ("Acct-Input-Packets", packets_in),
            ("Acct-Output-Packets", packets_out),
            ("Acct-Session-Time", int(self.now - session.began)),
        ]

    # --- limits ---------------------------------------------------------------------------------------------------

    def dues(self) -> Iterator[tuple[float, Session, int]]:
        """When something is due, of which session, and what: a record, or a reason to end it."""
        for session in self.sessions:
            if session.interim is not None:
                yield session.told + session.interim, session, 0
            if not session.cause and session.until is not None:
                yield session.until, session, TIME_OUT
            if not session.cause and session.idle is not None:
                yield session.active + session.idle, session, IDLE

    def next_timer(self) -> float | None:
        """When there is something to do."""
        found = [super().next_timer(), *(at for at, _, _ in self.dues())]
        return min((one for one in found if one is not None), default=None)

    def watch(self, sas: Iterable[IkeSa], now: float) -> None:
        """Do what is due."""
        self.tick(now)
        for at, session, what in list(self.dues()):
            if at > now:
                continue
            if what == 0:
                self.tell(session, None, INTERIM)
            else:
                self.end(session, self.gateway_sas(sas), what)

    def end(self, session: Session, sas: Iterable[GatewaySa], cause: int) -> None:
        """Delete the IKE SAs of a session."""
        session.cause = cause
        for sa in sas:
            if sa.session is session and sa.state == State.ESTABLISHED:
                sa.start_delete()
                self.changed.append(sa)
