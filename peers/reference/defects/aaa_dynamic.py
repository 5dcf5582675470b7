"""Defects of dynamic authorization (RFC 5176)."""

from collections.abc import Iterable, Sequence

from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram
from conformance.radius.packet import Attribute, Code, MalformedError, Packet, read, seal
from peers.reference.defects.registry import defect
from peers.reference.nas.dynamic import Known
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa, Session

# --- which session ----------------------------------------------------------------------------------------------------


@defect(
    "aaa-disconnect", "aaa-disconnect-session", "aaa-disconnect-user", "aaa-disconnect-address",
    "aaa-disconnect-audit", "aaa-disconnect-bare",
)  # fmt: skip
class SaysItIsGone(Nas):
    """Says that a session is ended, and lets it go on."""

    def end(self, session: Session, sas: Iterable[GatewaySa], cause: int) -> None:
        session.cause = 0


@defect(
    "aaa-disconnect-unknown", "aaa-disconnect-unknown-user", "aaa-disconnect-mismatch-session",
    "aaa-disconnect-mismatch-user", "aaa-change-unknown", "aaa-disconnect-one",
)  # fmt: skip
class EndsWhateverThereIs(Nas):
    """Takes a request for one about all sessions, whatever it names."""

    def fits(self, session: Session, request: Packet, sas: Sequence[GatewaySa]) -> bool:
        return True


@defect(
    "aaa-disconnect-nobody", "aaa-disconnect-other-nas", "aaa-disconnect-strange", "aaa-change-service",
    "aaa-change-strange", "aaa-change-authorize-only", "aaa-change-stateless",
)  # fmt: skip
class SeesNoObstacle(Nas):
    """Does not look at anything but what names a session."""

    def obstacle(self, request: Packet, ending: bool) -> int:
        return 0


@defect("aaa-disconnect-twice", "aaa-disconnect-half-open")
class AcknowledgesNothing(Nas):
    """Says that a session is ended which is not there."""

    def judged(self, request: Packet, sas: Sequence[GatewaySa]) -> tuple[Code, list[Attribute]]:
        code, given = super().judged(request, sas)
        return (Code.DISCONNECT_ACK, []) if code == Code.DISCONNECT_NAK else (code, given)


@defect("aaa-disconnect-all")
class EndsOneOfSeveral(Nas):
    """Ends one of the sessions that fit, and says that this was all."""

    def matching(self, request: Packet, sas: Sequence[GatewaySa]) -> list[Session]:
        return super().matching(request, sas)[:1]


@defect("aaa-disconnect-return")
class RemembersGrants(Nas):
    """Goes by what the server has said of a user for the first time."""

    def accepted(self, sa: GatewaySa, answer: Packet) -> None:
        super().accepted(sa, answer)
        before = next((one.grant for one in self.ended if one.user == sa.user), None)
        sa.grant = before or sa.grant

    @property
    def ended(self) -> list[Session]:
        """Sessions from before."""
        found: list[Session] = self.__dict__.setdefault("_ended", [])
        return found

    def end(self, session: Session, sas: Iterable[GatewaySa], cause: int) -> None:
        self.ended.append(session)
        super().end(session, sas, cause)


@defect("aaa-change-again")
class FirstChangeCounts(Nas):
    """Takes no second change of a session."""

    def change(self, session: Session, request: Packet) -> None:
        if session.until is None:
            super().change(session, request)


@defect("aaa-change-traffic")
class ChangesByDeleting(Nas):
    """Ends a session that is to be changed, so that it comes back as it should be."""

    def change(self, session: Session, request: Packet) -> None:
        session.until = self.now


@defect("aaa-disconnect-proxy")
class KeepsProxyState(Nas):
    """Does not send Proxy-State back."""

    def reply(self, request: Packet, code: Code, given: Sequence[Attribute]) -> bytes:
        octets = super().reply(request, code, given)
        states = sum(len(one) + 2 for one in request.raw(33))
        cut = octets[:2] + (len(octets) - states).to_bytes(2, "big") + octets[4 : len(octets) - states]
        return seal(cut, request.authenticator, self.secret)


@defect("aaa-disconnect-repeated")
class ForgetsRequests(Nas):
    """Takes a request that comes again for another one."""

    def is_repetition(self, before: Known, request: Packet) -> bool:
        return False


# --- whose request ----------------------------------------------------------------------------------------------------


@defect("aaa-disconnect-secret", "aaa-disconnect-authenticator", "aaa-change-secret")
class ObeysAnybody(Nas):
    """Does not look at the Authenticator of a request."""

    def is_sealed(self, answer: Packet) -> bool:
        return answer.code in (Code.DISCONNECT_REQUEST, Code.COA_REQUEST) or super().is_sealed(answer)

    def is_proved(self, request: Packet) -> bool:
        return True


@defect("aaa-disconnect-proof")
class IgnoresProofOfRequests(Nas):
    """Does not look at the Message-Authenticator of a request."""

    def is_proved(self, request: Packet) -> bool:
        return True


@defect("aaa-disconnect-old")
class IgnoresEventTimestamp(Nas):
    """Obeys what was ordered at any time."""

    def is_current(self, request: Packet) -> bool:
        return True


class Mends(Nas):
    """Reads requests in its own way."""

    def mended(self, octets: bytes) -> bytes:
        """What it takes a request for."""
        raise NotImplementedError

    def obey(self, datagram: Datagram, sas: Iterable[IkeSa]) -> None:
        octets = datagram.payload
        if len(octets) > 20 and seal(octets, bytes(16), self.secret) == octets:
            try:
                read(octets, self.secret)
            except MalformedError:
                octets = seal(self.mended(octets), bytes(16), self.secret)
        super().obey(Datagram(datagram.source, datagram.destination, octets), sas)

    def is_proved(self, request: Packet) -> bool:
        return True


@defect("aaa-disconnect-short")
class ReadsShortRequests(Mends):
    """Reads a request that is shorter than its Length."""

    def mended(self, octets: bytes) -> bytes:
        return octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]


@defect("aaa-disconnect-code")
class AnyCodeDisconnects(Mends):
    """Takes a request that it does not know for a Disconnect-Request."""

    def mended(self, octets: bytes) -> bytes:
        return bytes([Code.DISCONNECT_REQUEST]) + octets[1:]


# --- what the client is told ------------------------------------------------------------------------------------------


@defect("auth-lifetime-change", "auth-lifetime-change-rekeyed", "auth-lifetime-change-in-time")
class ChangesInSecret(Nas):
    """Claims to tell a client that its time has been changed, and does not."""

    def announce(self, session: Session, sas: Sequence[GatewaySa]) -> None:
        pass


@defect("auth-lifetime-change-in-time")
class TimeOfTheUser(Nas):
    """Lets the time of a session go on in the next one of the same user."""

    def start(self, sa: GatewaySa, grant: Packet) -> None:
        before = [one.until for one in self.sessions if one.until is not None]
        super().start(sa, grant)
        if before and sa.session is not None:
            sa.session.until = min(before)


@defect("aaa-disconnect-source")
class ObeysWhoeverKnowsTheSecret(Nas):
    """Obeys orders from any address."""

    def is_trusted(self, source: Address) -> bool:
        return True


@defect("aaa-change-authorize")
class OnlySaysThatItAsks(Nas):
    """Says that it has asked about a session once more, and does not."""

    def authorize_again(self, session: Session, request: Packet, sas: Sequence[GatewaySa]) -> None:
        pass


@defect("aaa-locked")
class KnowsWhoWasHere(Nas):
    """Lets in whom the server refuses, if he has been here before."""

    def rejected(self, sa: GatewaySa, answer: Packet) -> None:
        before = self.__dict__.get("_before")
        if before is None:
            super().rejected(sa, answer)
        else:
            sa.relay_success(bytes((3, sa.relay.identifier, 0, 4)), None, before)

    def accepted(self, sa: GatewaySa, answer: Packet) -> None:
        self.__dict__["_before"] = answer
        super().accepted(sa, answer)
