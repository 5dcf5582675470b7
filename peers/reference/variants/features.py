"""Features that a device lacks, or has always on."""

from dataclasses import replace

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import ChildConfig, Connection, CookiePolicy
from conformance.ike.core.events import Refusal
from conformance.ike.core.selectors import covered
from conformance.ike.ikesa import IkeSa
from conformance.wire import Message, Notify, NotifyType, TrafficSelector, TSi, TSr
from peers.contract import Capability
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant


@variant("RFC 7296, 2.6: when to ask for a cookie is up to the responder")
class CookiesAlways(ReferenceEngine):
    """Asks for a cookie from the first request on."""

    def apply(self, connection: Connection) -> None:
        super().apply(replace(connection, cookies=CookiePolicy.ALWAYS))


@variant(
    "RFC 7296, 4: NAT traversal can be omitted",
    lacks=(Capability.NAT_T, Capability.FORCED_ENCAPSULATION),
)
class NoNatTraversal(IkeSa):
    """Neither detects NATs nor moves to port 4500."""

    def nat_notifies(self) -> list[Notify]:
        return []

    def detect_nat(self, message: Message) -> None:
        pass


@variant("RFC 7383, 2.3: fragmentation is used only where both ends announce it", lacks=(Capability.FRAGMENTATION,))
class NoFragmentation(IkeSa):
    """Does not know IKE fragmentation."""

    def can_fragment(self) -> bool:
        return False


@variant(
    "RFC 7296, 2.9: a responder that cannot accept what is offered says TS_UNACCEPTABLE", lacks=(Capability.NARROWING,)
)
class NoNarrowing(IkeSa):
    """Takes the selectors that are offered as a whole, or not at all."""

    def select(
        self, ts_i: TSi, ts_r: TSr, old: ChildSa | None
    ) -> tuple[ChildConfig, tuple[TrafficSelector, ...], tuple[TrafficSelector, ...]]:
        config, remote_ts, local_ts = super().select(ts_i, ts_r, old)
        whole = covered(_known(ts_i), remote_ts) and covered(_known(ts_r), local_ts)
        if self.connection.local_pool is None and not whole:
            raise Refusal(NotifyType.TS_UNACCEPTABLE, "what is offered is more than what is allowed")
        return config, remote_ts, local_ts


def _known(payload: TSi | TSr) -> list[TrafficSelector]:
    return [one for one in payload.selectors if isinstance(one, TrafficSelector)]
