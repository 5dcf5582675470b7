"""Defects of looking for the path MTU with IKE fragments (RFC 7383, section 2.5.2)."""

from conformance.ike.core.sending import Handler
from conformance.ike.ikesa import IkeSa
from conformance.wire import Message
from peers.reference.defects.registry import defect


@defect("frag-probe-down", "frag-probe-timers", "frag-probe-later")
class NeverProbes(IkeSa):
    """Repeats the same large fragments, however often they are lost."""

    def try_again(self) -> None:
        self.tries_per_probe = self.connection.retransmit_tries + 1  # type: ignore[misc]
        super().try_again()


@defect("frag-probe-down")
class ShrinksAndCountsAlike(IkeSa):
    """Tries smaller fragments of which there are not more."""

    def probe(self, limit: int) -> bool:
        if self.pending is None or self.pmtu.threshold < self.connection.fragment_size:
            return super().probe(limit)
        self.pmtu.threshold -= 8
        self.pending.datagrams, self.pending.tries = self.encode(self.pending.message), 0
        self.pending.deadline = self.probe_deadline()
        self.retransmit(self.pending)
        return True


@defect("frag-probe-timers")
class WaitsOnAndOn(IkeSa):
    """Does not start its timers anew for a new probe."""

    def probe_deadline(self) -> float:
        return self.now + 4 * super().probe_deadline() - 4 * self.now


@defect("frag-probe-later")
class ForgetsThePath(IkeSa):
    """Begins with the largest fragments in each exchange."""

    def start(self, message: Message, handler: Handler) -> None:
        self.pmtu.threshold = self.connection.fragment_size
        super().start(message, handler)


@defect("frag-probe-told")
class DeafToRouters(IkeSa):
    """Does not heed what routers say about its datagrams."""

    def told_path_mtu(self, mtu: int) -> None:
        return
