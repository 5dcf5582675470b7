"""Requests that a device sends of its own accord: an IKE SA has no owner, either end may ask at any time."""

from collections.abc import Iterator
from typing import ClassVar, Self

from conformance.ike.core.sending import State, Timer
from conformance.ike.ikesa import IkeSa
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
