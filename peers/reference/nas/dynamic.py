"""The server of dynamic authorization in a gateway (RFC 5176): it ends sessions or changes them when it is told to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from typing import Any

from pyrad.packet import CoAPacket

from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram
from conformance.radius.packet import DICTIONARY, Attribute, Code, MalformedError, Packet, put, read, seal
from peers.credentials import AAA_PORTS
from peers.reference.nas.sa import GatewaySa, Session
from peers.reference.nas.sessions import ADMIN_RESET, Sessions

WINDOW = 300
"""Seconds within which an Event-Timestamp must be, and a repetition is known (RFC 5176, section 6.3)."""

UNSUPPORTED, MISSING, OTHER_NAS, UNSUPPORTED_SERVICE, NO_CONTEXT, INITIATED = 401, 402, 403, 405, 503, 507
"""Error-Cause (RFC 5176, section 3.5)."""
AUTHORIZE_ONLY = 17
"""Service-Type of a request to ask about a session once more (RFC 5176, section 3.2)."""

NAMES = ("User-Name", "Acct-Session-Id", "Framed-IP-Address", "Calling-Station-Id", "Cisco-AVPair")
"""What names a session."""
OURS = ("NAS-IP-Address", "NAS-Identifier")
"""What names us."""
BESIDE = ("Message-Authenticator", "Event-Timestamp", "Proxy-State", "State", "Acct-Terminate-Cause", "Reply-Message")
"""What says something about the request itself."""


@dataclass(slots=True)
class Known:
    """A request that was answered."""

    octets: bytes
    answer: bytes
    until: float = field(default=0.0)


class Dynamic(Sessions):
    """Obeys the client of dynamic authorization on the AAA server's host."""

    known: dict[tuple[Address, int], Known]

    def is_order(self, datagram: Datagram) -> bool:
        """Whether it came to the port of dynamic authorization."""
        return datagram.destination == Address(self.here.host, AAA_PORTS[2])

    def obey(self, datagram: Datagram, sas: Iterable[IkeSa]) -> None:
        """Answer a request, if it is one; the same one again gets the same answer (RFC 5176, section 2.3)."""
        try:
            request = read(datagram.payload, self.secret)
        except MalformedError as error:
            self.log.append(f"malformed: {error}")
            return
        if why := self.distrust(request, datagram):
            self.log.append(f"not believed: {why}")
            return
        key = (datagram.source, request.identifier)
        before = self.known.get(key)
        if before is not None and self.is_repetition(before, request):
            answer = before.answer
        else:
            code, given = self.judged(request, self.gateway_sas(sas))
            answer = self.reply(request, code, given)
            self.known[key] = Known(request.octets, answer, self.now + WINDOW)
        self.outbox.append(Datagram(datagram.destination, datagram.source, answer))

    def is_repetition(self, before: Known, request: Packet) -> bool:
        """Whether this was answered before."""
        return before.octets == request.octets and self.now < before.until

    def distrust(self, request: Packet, datagram: Datagram) -> str:
        """Why a request is silently discarded, empty where it is not."""
        if request.code not in (Code.DISCONNECT_REQUEST, Code.COA_REQUEST):
            return request.words[0]
        if not self.is_trusted(datagram.source):
            return f"from {datagram.source}"
        if not self.is_sealed(request):
            return "wrong Authenticator"
        if not self.is_proved(request):
            return "wrong Message-Authenticator"
        if not self.is_current(request):
            return "of another time"
        return ""

    def is_trusted(self, source: Address) -> bool:
        """Whether somebody may send orders (RFC 5176, section 6.1)."""
        return source.host in {one.host for pair in self.servers for one in pair}

    def is_proved(self, request: Packet) -> bool:
        """Whether a Message-Authenticator is right where there is one (RFC 5176, section 3.4)."""
        return request.authenticated is not False

    def is_current(self, request: Packet) -> bool:
        """Whether it was sent about now, if it says when (RFC 5176, section 6.3)."""
        return not request.raw(55) or abs(request.number("Event-Timestamp") - self.now) <= WINDOW

    # --- what is asked for ----------------------------------------------------------------------------------------

    def judged(self, request: Packet, sas: Sequence[GatewaySa]) -> tuple[Code, list[Attribute]]:
        """What comes of a request that is believed."""
        ending = request.code == Code.DISCONNECT_REQUEST
        yes, no = (Code.DISCONNECT_ACK, Code.DISCONNECT_NAK) if ending else (Code.COA_ACK, Code.COA_NAK)
        cause = self.obstacle(request, ending)
        found = [] if cause else self.matching(request, sas)
        if not found:
            return no, [("Error-Cause", cause or NO_CONTEXT)]
        if request.number("Service-Type") == AUTHORIZE_ONLY:
            for session in found:
                self.authorize_again(session, request, sas)
            return no, [("Service-Type", AUTHORIZE_ONLY), ("Error-Cause", INITIATED)]
        for session in found:
            if ending:
                self.end(session, sas, ADMIN_RESET)
            else:
                self.change(session, request)
                self.announce(session, sas)
        return yes, []

    def change(self, session: Session, request: Packet) -> None:
        """Do to a session what a CoA-Request wants; of several the last one counts."""
        session.until = session.began + request.number("Session-Timeout")

    def authorize_again(self, session: Session, request: Packet, sas: Sequence[GatewaySa]) -> None:
        """Ask the server about a session that there is (RFC 5176, section 3.2)."""
        sa = next(one for one in sas if one.session is session)
        about = [(name, AUTHORIZE_ONLY if name == "Service-Type" else one) for name, one in self.where(sa)]
        given = [("User-Name", session.user), ("Acct-Session-Id", session.name), *about]
        states = [("State", one) for one in request.raw(24)]
        self.ask(Code.ACCESS_REQUEST, [*given, *states], partial(self.authorized_again, session))

    def authorized_again(self, session: Session, answer: Packet | None) -> None:
        """Who is refused then goes; who is not may stay as long as the server says now."""
        if answer is None:
            return
        accepted = answer.code == Code.ACCESS_ACCEPT
        session.until = self.time_limit(answer) if accepted else self.now

    def announce(self, session: Session, sas: Sequence[GatewaySa]) -> None:
        """Tell the client by when it must authenticate again (RFC 4478, section 2)."""
        if session.until is not None:
            for sa in [one for one in sas if one.session is session]:
                sa.start_auth_lifetime(max(session.until - self.now, 0))
                self.changed.append(sa)

    def obstacle(self, request: Packet, ending: bool) -> int:
        """Why nothing is done, whatever sessions there are, as Error-Cause; 0: nothing is against it."""
        here = [*(one.decode(errors="replace") for one in request.raw(32)), *map(str, request.all("NAS-IP-Address"))]
        if any(one != self.here.host for one in here):
            return OTHER_NAS
        again = not ending and request.number("Service-Type") == AUTHORIZE_ONLY
        if not ending and request.raw(6) and not again:
            return UNSUPPORTED_SERVICE
        further = () if ending else ("Service-Type",) if again else ("Session-Timeout",)
        if self.strange(request, {*NAMES, *OURS, *BESIDE, *further}):
            return UNSUPPORTED
        needed = () if ending else (24,) if again else (27,)
        return 0 if self.named(request) and all(request.raw(one) for one in needed) else MISSING

    def strange(self, request: Packet, known: set[str]) -> bool:
        """Whether there is an attribute that we do not have: each is mandatory (RFC 5176, section 2.3)."""
        return any(name not in known for name in request.coded.keys())  # noqa: SIM118 - pyrad's keys are names there

    def named(self, request: Packet) -> bool:
        """Whether it says which session."""
        return any(request.all(name) for name in NAMES)

    def matching(self, request: Packet, sas: Sequence[GatewaySa]) -> list[Session]:
        """The sessions that fit to all that names them."""
        return [one for one in self.sessions if not one.cause and self.fits(one, request, sas)]

    def fits(self, session: Session, request: Packet, sas: Sequence[GatewaySa]) -> bool:
        """Whether it is this one."""
        holders = [sa for sa in sas if sa.session is session]
        own = {
            "User-Name": session.user.decode(errors="replace"),
            "Acct-Session-Id": session.name,
            "Framed-IP-Address": _ipv4(session.address),
            "Calling-Station-Id": holders[0].remote.host if holders else "",
            "Cisco-AVPair": f"audit-session-id={session.name}",
        }
        return all(str(one) == own[name] for name in NAMES for one in request.all(name))

    def reply(self, request: Packet, code: Code, given: Sequence[Attribute]) -> bytes:
        """The octets of an answer (RFC 5176, sections 2.3 and 3.1)."""
        answer: Any = CoAPacket(int(code), request.identifier, self.secret, request.authenticator, dict=DICTIONARY)
        answer.request_authenticator = request.authenticator
        put(answer, [*given, *(("Proxy-State", one) for one in request.raw(33))])
        return seal(answer.ReplyPacket(), request.authenticator, self.secret)


def _ipv4(address: bytes | None) -> str:
    """An IPv4 address as text, empty where there is none, or one of IPv6."""
    return str(IPv4Address(address)) if address and len(address) == 4 else ""
