"""Repeated authentication: the responder says by when the initiator must authenticate again (RFC 4478)."""

from collections.abc import Iterator
from typing import Self

from conformance.ike.core.sending import State, Timer
from conformance.ike.core.spine import Spine
from conformance.wire import ExchangeType, Message, Notify, NotifyType, Payload

GRACE = 10.0
"""Seconds that a client has to authenticate again where it is told to do so at once."""
EARLY = 0.9
"""After this part of the time a client begins, so that it is done in time."""


class AuthLifetime(Spine):
    """AUTH_LIFETIME in both roles. It binds the client, whoever has rekeyed meanwhile (section 2).

    ``auth_until`` is when the responder ends an IKE SA whose client has not authenticated again, ``told_due`` when the
    client begins to do so.
    """

    auth_until: float | None = None
    told_due: float | None = None

    def pass_on(self, new: Self) -> None:
        """The limit applies to the new IKE SA (section 2)."""
        super().pass_on(new)
        new.auth_until, new.told_due = self.auth_until, self.told_due

    # --- as responder ---------------------------------------------------------------------------------------------

    def auth_notifies(self) -> list[Notify]:
        """The time goes with the last response of IKE_AUTH."""
        found, lifetime = super().auth_notifies(), self.connection.auth_lifetime
        if self.initiator or lifetime is None:
            return found
        return [*found, self.limit(lifetime)]

    def limit(self, lifetime: float) -> Notify:
        """From now on the client has so many seconds: the notify that says so."""
        self.auth_until = self.now + (lifetime or GRACE)
        return Notify(NotifyType.AUTH_LIFETIME, self.lifetime_data(lifetime))

    def lifetime_data(self, lifetime: float) -> bytes:
        """Four octets of seconds (section 3)."""
        return int(lifetime).to_bytes(4, "big")

    def start_auth_lifetime(self, lifetime: float) -> None:
        """Say it in the midst of a session (section 2)."""
        if not self.client and self.state == State.ESTABLISHED:
            self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [sa.limit(lifetime)], self.ignore)

    def timers(self) -> Iterator[Timer]:
        """When the time is over, the IKE SA is."""
        if self.auth_until is not None and self.state == State.ESTABLISHED and not self.is_closing():
            yield self.auth_until, self.start_delete
        yield from super().timers()

    # --- as client ------------------------------------------------------------------------------------------------

    def auth_announced(self, message: Message) -> None:
        """The responder, who has proved who it is, may limit the time."""
        super().auth_announced(message)
        self.heed(message)

    def informed(self, message: Message) -> list[Payload]:
        """It may do so at any time."""
        found = super().informed(message)
        self.heed(message)
        return found

    def heed(self, message: Message) -> None:
        """Take the time from a message; what has another size says nothing. The last word counts."""
        notify = message.notify(NotifyType.AUTH_LIFETIME)
        if notify is not None and self.client and len(notify.data) == 4:
            self.told_due = self.now + EARLY * int.from_bytes(notify.data, "big")

    def reauthentication_due(self) -> float | None:
        """Our own policy may be stricter (section 5)."""
        found = [one for one in (super().reauthentication_due(), self.told_due) if one is not None]
        return min(found, default=None)
