"""Requests that a device sends of its own accord: an IKE SA has no owner, either end may ask at any time."""

from collections.abc import Iterator
from typing import ClassVar, Self

from conformance.ike.core.child import ChildState
from conformance.ike.core.sending import State, Timer
from conformance.ike.ikesa import IkeSa
from conformance.wire import ExchangeType, Notify, NotifyType
from peers.capabilities import Capability
from peers.reference.variants.messages import STATUS
from peers.reference.variants.registry import variant

_LIVENESS = "RFC 7296, 2.4: either end may check at any time whether the other one is alive"


class Talkative(IkeSa):
    """Has something to say at ``speak_at``."""

    speak_at: float | None = None

    def speak(self) -> None:
        """Send a request of our own."""
        self.start_liveness()

    def timers(self) -> Iterator[Timer]:
        if self.speak_at is not None:
            yield self.speak_at, self.speak_once
        yield from super().timers()

    def speak_once(self) -> None:
        """The time has come."""
        self.speak_at = None
        if self.state == State.ESTABLISHED and not self.closing:
            self.speak()


class Greeting(Talkative):
    """Speaks 1 ms after IKE_AUTH."""

    after: ClassVar[float] = 0.001

    def establish(self) -> None:
        super().establish()
        self.speak_at = self.now + self.after


@variant(_LIVENESS)
class LivenessAtOnce(Greeting):
    """Sends a liveness check 1 ms after IKE_AUTH."""


@variant(_LIVENESS)
class LivenessAfterRekey(Talkative):
    """Sends a liveness check on a rekeyed IKE SA at once."""

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        new.speak_at = self.now


@variant(
    "RFC 7296, 2.4: liveness may be checked at any time; how often is local policy", lacks=(Capability.DPD_ON_DEMAND,)
)
class FrequentLiveness(Greeting):
    """Sends a liveness check every second."""

    after = 1.0

    def speak(self) -> None:
        super().speak()
        self.speak_at = self.now + self.after

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        new.speak_at = self.now + self.after


@variant("RFC 7296, 1.4 and 3.10.1: an INFORMATIONAL request may bring any notify, and unknown status is ignored")
class Chatty(Greeting):
    """Sends an unknown status notify 1 ms after IKE_AUTH, and another one on a rekeyed IKE SA at once."""

    def speak(self) -> None:
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [Notify(STATUS, b"something to say")], self.ignore)

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        new.speak_at = self.now


@variant(
    "RFC 4478, 3: the responder says in IKE_AUTH, and may say again, when the initiator must authenticate again",
    lacks=(Capability.AUTH_LIFETIME, Capability.AUTH_LIFETIME_LATER),
)
class AuthLifetime(Greeting):
    """Tells the initiator by AUTH_LIFETIME that the IKE SA lasts an hour, twice."""

    def lifetime(self) -> Notify:
        """AUTH_LIFETIME has four octets of seconds."""
        return Notify(NotifyType.AUTH_LIFETIME, (3600).to_bytes(4, "big"))

    def auth_notifies(self) -> list[Notify]:
        return [*super().auth_notifies(), *([] if self.initiator else [self.lifetime()])]

    def speak(self) -> None:
        if not self.initiator:
            self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [sa.lifetime()], self.ignore)


@variant(
    "RFC 7296, 2.8: each end has its own lifetimes and rekeys when it likes",
    lacks=(Capability.LIFETIME, Capability.ANSWERS_ONLY),
)
class RekeysChildSoon(Greeting):
    """Rekeys its first Child SA 50 ms after IKE_AUTH."""

    after = 0.05

    def speak(self) -> None:
        first = next(iter(self.children), None)
        if first is not None and first.state == ChildState.INSTALLED and self.now >= first.rekey_again:
            self.start_child_rekey(first)


@variant(
    "RFC 7296, 2.8: each end has its own lifetimes and rekeys when it likes",
    lacks=(Capability.LIFETIME, Capability.ANSWERS_ONLY),
)
class RekeysIkeSoon(Greeting):
    """Rekeys the IKE SA 50 ms after IKE_AUTH."""

    after = 0.05

    def speak(self) -> None:
        if not self.children_pending() and self.now >= self.rekey_again:
            self.start_rekey()


@variant(
    "RFC 7296, 2.8 and 2.12: each end rekeys when it likes, such as at once for a key exchange of the Child SA's own",
    lacks=(Capability.LIFETIME, Capability.ANSWERS_ONLY),
    about=("create_child_sa", "message_ids"),
)
class RekeysChildAtOnce(RekeysChildSoon):
    """Rekeys its first Child SA 1 ms after IKE_AUTH."""

    after = 0.001


@variant(
    "RFC 7296, 2.8: each end has its own lifetimes and rekeys when it likes",
    lacks=(Capability.LIFETIME, Capability.ANSWERS_ONLY),
    about=("create_child_sa", "message_ids"),
)
class RekeysIkeAtOnce(RekeysIkeSoon):
    """Rekeys the IKE SA 1 ms after IKE_AUTH, unless something else is under way."""

    after = 0.001

    def speak(self) -> None:
        if self.is_idle():
            super().speak()
