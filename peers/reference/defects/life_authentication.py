"""Defects of repeated authentication (RFC 4478; RFC 7296, section 2.8.3)."""

from collections.abc import Iterator, Sequence
from typing import Self

from conformance.ike.core.sending import Timer
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.wire import ExchangeType, Message, Notify, NotifyType, Payload, ProtocolID
from peers.reference.defects.registry import defect

CLIENT = (
    "auth-lifetime-client",
    "auth-lifetime-client-later",
    "auth-lifetime-client-zero",
    "auth-lifetime-client-shorter",
    "auth-lifetime-client-rekeyed",
    "auth-lifetime-client-rekeyed-by-device",
    "auth-lifetime-client-eap",
)
ENDS = (*("auth-lifetime-end", "auth-lifetime-rekeyed", "auth-lifetime-rekeyed-by-device", "auth-lifetime-later"),)


@defect(
    "auth-lifetime-told", "auth-lifetime-later", "auth-lifetime-in-time", "auth-lifetime-change",
    "auth-lifetime-change-rekeyed", "auth-lifetime-change-in-time",
)  # fmt: skip
class AuthLifetimeOfIke(IkeSa):
    """Writes into AUTH_LIFETIME that it is about the IKE SA."""

    def limit(self, lifetime: float) -> Notify:
        found = super().limit(lifetime)
        return Notify(found.type, found.data, ProtocolID.IKE)


@defect("auth-lifetime-told", "auth-lifetime-eap")
class AuthLifetimeInMilliseconds(IkeSa):
    """Tells milliseconds in place of seconds."""

    def lifetime_data(self, lifetime: float) -> bytes:
        return super().lifetime_data(1000 * lifetime)


@defect("auth-lifetime-eap")
class AuthLifetimeFirst(IkeSa):
    """Says how long a client may stay before he has proved who he is."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        amid = request.exchange == ExchangeType.IKE_AUTH and request.message_id == 2
        if amid and self.connection.auth_lifetime is not None:
            payloads = [*payloads, self.limit(self.connection.auth_lifetime)]
        super().respond(request, payloads)


@defect(*ENDS)
class AuthLifetimeForever(IkeSa):
    """Ends nothing, whatever it has told."""

    def limit(self, lifetime: float) -> Notify:
        found = super().limit(lifetime)
        self.auth_until = None
        return found


@defect("auth-lifetime-end", "auth-lifetime-rekeyed")
class AuthLifetimeTooShort(IkeSa):
    """Ends an IKE SA after half of the time that it has told."""

    def limit(self, lifetime: float) -> Notify:
        found = super().limit(lifetime)
        self.auth_until = self.now + lifetime / 2
        return found


@defect("auth-lifetime-later-zero")
class NoGrace(IkeSa):
    """Deletes the IKE SA of a client that it has just told to authenticate again."""

    def limit(self, lifetime: float) -> Notify:
        found = super().limit(lifetime)
        self.auth_until = self.now + lifetime
        return found


@defect("auth-lifetime-rekeyed", "auth-lifetime-rekeyed-by-device")
class RekeyForgetsItsEnd(IkeSa):
    """Lets the time begin anew with each rekey."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        if self.auth_until is not None:
            new.auth_until = self.auth_until + 3600


@defect("auth-lifetime-in-time")
class EndsTheNewOne(Endpoint):
    """Knows the end of a session by who is there, so that of the old IKE SA ends the new one."""

    def came_up(self, sa: IkeSa) -> None:
        super().came_up(sa)
        ends = [one.auth_until for one in self.sas.values() if one is not sa and one.auth_until is not None]
        if ends and sa.auth_until is not None:
            sa.auth_until = min(ends)


@defect(*CLIENT)
class PassesOverAuthLifetime(IkeSa):
    """Claims to heed AUTH_LIFETIME, and does not."""

    def heed(self, message: Message) -> None:
        pass


@defect("auth-lifetime-client", "auth-lifetime-client-later", "auth-lifetime-client-shorter")
class AuthenticatesTooLate(IkeSa):
    """Begins to authenticate again when the time has been over for a while."""

    def reauthentication_due(self) -> float | None:
        due = super().reauthentication_due()
        return None if due is None else due + 5


@defect("auth-lifetime-client-rekeyed", "auth-lifetime-client-rekeyed-by-device")
class RekeyForgetsAuthLifetime(IkeSa):
    """Forgets with a rekey by when it must authenticate again."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.told_due = None


@defect("auth-lifetime-client-rekeyed")
class ClientOfTheLastRekey(IkeSa):
    """Takes whoever has rekeyed the IKE SA for its client."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.client = new.initiator


@defect("auth-lifetime-client-shorter")
class HeedsTheFirstWord(IkeSa):
    """Does not let a later AUTH_LIFETIME change an earlier one."""

    def heed(self, message: Message) -> None:
        if self.told_due is None:
            super().heed(message)


@defect("auth-lifetime-client-in-clear")
class HeedsInTheClear(IkeSa):
    """Takes AUTH_LIFETIME from messages that are not protected."""

    def unprotected(self, message: Message) -> None:
        super().unprotected(message)
        self.heed(message)


@defect("auth-lifetime-client-unknown")
class RefusesAuthLifetime(IkeSa):
    """Takes AUTH_LIFETIME for an error."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        told = message.notify(NotifyType.AUTH_LIFETIME) is not None
        return [*found, Notify(NotifyType.INVALID_SYNTAX)] if told else found


# --- reauthentication -------------------------------------------------------------------------------------------------


@defect("reauth-make-before-break")
class BreaksFirst(Endpoint):
    """Deletes the old IKE SA first, however it is configured."""

    def makes_before_break(self) -> bool:
        return False


@defect(
    "reauth-break-before-make", "reauth-make-before-break", "reauth-rekeyed", "reauth-by-responder", "reauth-fresh",
    "auth-lifetime-client",
)  # fmt: skip
class KeepsWhatItReplaces(Endpoint):
    """Never deletes the IKE SA whose place another one has taken."""

    def makes_before_break(self) -> bool:
        return True

    def take_over(self, sa: IkeSa, old: IkeSa) -> None:
        pass


@defect("reauth-fresh")
class ReusesItsNonce(Endpoint):
    """Takes the nonce of the old IKE SA for the new one."""

    def made(self, host: str, child: str | None) -> IkeSa:
        sa = super().made(host, child)
        old = next((one for one in self.sas.values() if one.client and one.nonce_i), None)
        if old is not None:
            nonce = old.nonce_i
            sa.choose_nonce = lambda: nonce  # type: ignore[method-assign]
        return sa


@defect("reauth-no-contact")
class ForgetsItsOwn(IkeSa):
    """Says INITIAL_CONTACT whatever IKE SAs it has."""

    def is_initial_contact(self) -> bool:
        return self.connection.initial_contact


@defect("reauth-children")
class BringsOneChild(Endpoint):
    """Makes only the first Child SA again."""

    def take_over(self, sa: IkeSa, old: IkeSa) -> None:
        old.start_delete()
        self.collect(old)


@defect("reauth-rekeyed")
class DeletesTheFirst(Endpoint):
    """Remembers the IKE SA that it has authenticated, and so lives on with what a rekey has made of it."""

    def take_over(self, sa: IkeSa, old: IkeSa) -> None:
        if old.initiator and not old.init_response_raw:
            return
        super().take_over(sa, old)


@defect("reauth-lifetime")
class NeverAgain(IkeSa):
    """Authenticates once and for all."""

    def timers(self) -> Iterator[Timer]:
        for due, action in super().timers():
            if action != self.start_reauthentication:
                yield due, action


@defect("reauth-by-us-make", "unique-both")
class OneForEachIdentity(Endpoint):
    """Drops the older IKE SA of an identity without a word, whoever says what."""

    def replace_older(self, sa: IkeSa) -> None:
        for other in self.established():
            if other is not sa and not sa.client and other.peer_identity == sa.peer_identity:
                other.close("replaced")
                self.collect(other)
