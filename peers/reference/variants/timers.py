"""When a device repeats a request, and when it gives up: RFC 7296, section 2.4, leaves both open."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import ClassVar

from conformance.ike.core.connection import Connection
from conformance.ike.ikesa import IkeSa
from conformance.wire import Notify
from peers.capabilities import Capability
from peers.contract import Retransmission
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant

_TIMERS = "RFC 7296, 2.4: number and length of the timeouts are not covered, since they affect nobody else"


class OwnTimers(ReferenceEngine):
    """Has timers of its own, whatever the connection says."""

    repeats: ClassVar[Retransmission]

    def apply(self, connection: Connection) -> None:
        own = self.repeats
        super().apply(
            replace(connection, retransmit_timeout=own.timeout, retransmit_base=own.base, retransmit_tries=own.tries)
        )


def _repeating(timeout: float, base: float, tries: int) -> Callable[[type[OwnTimers]], type]:
    repeats = Retransmission(timeout, base, tries)

    def register(cls: type[OwnTimers]) -> type:
        cls.repeats = repeats
        return variant(_TIMERS, lacks=(Capability.TIMERS,), pixit={"retransmission": repeats})(cls)

    return register


@_repeating(4.0, 1.8, 5)
class SlowTimers(OwnTimers):
    """Repeats a request after 4 s, then 1.8 times later each time, five times: the defaults of strongSwan."""


@_repeating(0.5, 2.0, 7)
class QuickTimers(OwnTimers):
    """Repeats a request after half a second, then twice as late each time, seven times: the defaults of libreswan."""


@_repeating(10.0, 1.2, 6)
class LazyTimers(OwnTimers):
    """Repeats a request after 10 s, then 1.2 times later each time, six times."""


@_repeating(30.0, 1.2, 4)
class VeryLazyTimers(OwnTimers):
    """Repeats a request after 30 s, then 1.2 times later each time, four times."""


@variant("RFC 7296, 2.8: each end enforces its own lifetime policy", about=("create_child_sa", "session_life"))
class CoarseLifetimes(IkeSa):
    """Looks every eight seconds only whether an IKE SA is to be rekeyed."""

    def rekey_due(self) -> float | None:
        due = super().rekey_due()
        return None if due is None else self.created + 8.0 * ceil((due - self.created) / 8.0)


@variant("RFC 4478, 2: the responder limits the time, and says how much of it there is", about=("session_life", "aaa"))
class DemandsSooner(IkeSa):
    """Leaves by AUTH_LIFETIME two seconds less than it is configured to, and keeps to that."""

    def limit(self, lifetime: float) -> Notify:
        return super().limit(lifetime - 2 if lifetime > 2 else lifetime)
