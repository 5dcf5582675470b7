"""When an IKE SA is to be replaced by one that is made from scratch (RFC 7296, section 2.8.3).

Who does so is the owner of the IKE SA, for there are two of them for a while.
"""

from collections.abc import Iterator
from typing import Self

from conformance.ike.core.events import ReauthenticationDue
from conformance.ike.core.sending import State, Timer
from conformance.ike.core.spine import Spine
from conformance.wire import Message


class Reauthentication(Spine):
    """The client authenticates again when it is time.

    ``authenticated_at`` is when the parties have proved who they are, which no rekey changes. ``renewing``: our owner
    has been told. ``renew_again`` is the instant before which he is not told once more.
    """

    authenticated_at: float = 0.0
    renewing: bool = False
    renew_again: float = 0.0

    def prepare(self) -> None:
        """Who opens an IKE SA is its client."""
        super().prepare()
        self.client = self.initiator

    def pass_on(self, new: Self) -> None:
        """A rekey proves nobody's identity."""
        super().pass_on(new)
        new.client, new.authenticated_at, new.renewing = self.client, self.authenticated_at, self.renewing

    def auth_announced(self, message: Message) -> None:
        """Now it is proved."""
        super().auth_announced(message)
        self.authenticated_at = self.now

    def reauthentication_due(self) -> float | None:
        """When our own policy says so."""
        lifetime = self.connection.reauth_lifetime
        return None if lifetime is None else self.authenticated_at + lifetime

    def timers(self) -> Iterator[Timer]:
        """Authenticate again."""
        due = self.reauthentication_due() if self.client and not self.renewing else None
        if due is not None and self.state == State.ESTABLISHED and not self.is_closing():
            yield max(due, self.renew_again), self.start_reauthentication
        yield from super().timers()

    def start_reauthentication(self) -> None:
        """Tell our owner."""
        self.renewing = True
        self.events.append(ReauthenticationDue(self))
