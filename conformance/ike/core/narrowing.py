"""Which of our policies a Child SA is made for, and what of the offered traffic it carries (RFC 7296, section 2.9)."""

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import ChildConfig, Mode
from conformance.ike.core.events import Refusal
from conformance.ike.core.selectors import covered, narrow
from conformance.ike.core.spine import Spine
from conformance.wire import NotifyType, TrafficSelector, TSi, TSr

Selected = tuple[ChildConfig, tuple[TrafficSelector, ...], tuple[TrafficSelector, ...]]
"""A policy, and the selectors of the peer's side and of ours."""


class Narrowing(Spine):
    """What a responder does with the traffic selectors of a request."""

    def select(self, ts_i: TSi, ts_r: TSr, old: ChildSa | None) -> Selected:
        """The configuration that fits, and its narrowed remote and local selectors (RFC 7296, section 2.9).

        One that allows the initiator's first selectors goes before one that allows some of the others. Raises Refusal.
        """
        fitting = []
        for config in [old.config] if old else self.connection.children:
            remote_ts = self.narrowed(ts_i, self.peer_selectors(config))
            local_ts = self.narrowed(ts_r, self.own_selectors(config))
            if remote_ts and local_ts:
                fitting.append((config, remote_ts, local_ts))
        if not fitting:
            raise Refusal(NotifyType.TS_UNACCEPTABLE, "no traffic selectors in common")
        if len(fitting) > 1:
            return next((one for one in fitting if self.allows_first(one[0], ts_i, ts_r)), fitting[0])
        return fitting[0]

    def allows_first(self, config: ChildConfig, ts_i: TSi, ts_r: TSr) -> bool:
        """True if the policy of ``config`` holds the first selectors of both, which the initiator needs most."""
        remote, local = self.peer_selectors(config), self.own_selectors(config)
        return covered(ts_i.selectors[:1], remote) and covered(ts_r.selectors[:1], local)

    def select_transport(self, ts_i: TSi, ts_r: TSr, old: ChildSa | None) -> Selected:
        """A configuration for transport mode with the addresses that we see, else any with those that the peer sent."""
        try:
            found = self.select(self.remote_selectors(ts_i), self.local_selectors(ts_r), old)
        except Refusal:
            return self.select(ts_i, ts_r, old)
        return found if found[0].mode == Mode.TRANSPORT else self.select(ts_i, ts_r, old)

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        """What of the offered selectors our policy allows."""
        return narrow(offered.selectors, policy)
