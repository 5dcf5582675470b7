"""Defects of traffic selectors of other shapes than prefixes of one family."""

from dataclasses import replace
from ipaddress import IPv4Address, ip_address, summarize_address_range

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal
from conformance.ike.core.narrowing import Selected
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.flow import Flow, selected
from conformance.ipsec.sad import InboundSa, OutboundSa, SaParameters
from conformance.wire import NotifyType, TrafficSelector, TSi, TSr
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


def as_prefix(one: TrafficSelector) -> TrafficSelector:
    """The smallest prefix around a range."""
    first, last = ip_address(one.start), ip_address(one.end)
    bits = (int(first) ^ int(last)).bit_length()
    low, size = int(first) >> bits << bits, len(one.start)
    return replace(one, start=low.to_bytes(size, "big"), end=(low + (1 << bits) - 1).to_bytes(size, "big"))


def is_everything(one: TrafficSelector) -> bool:
    """Whether a selector is for all addresses of a family."""
    return not any(one.start) and set(one.end) == {255}


@defect("auth-ts-range")
class RoundsRanges(IkeSa):
    """Knows prefixes only, and takes the one around a range."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return tuple(map(as_prefix, super().narrowed(offered, policy)))


@defect("auth-ts-range-initiator")
class AsksForPrefixes(IkeSa):
    """Asks for the prefix around the range that it is configured with."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        offer = super().make_offer(config, with_ke=with_ke, rekeys=rekeys)
        offer.local_ts, offer.remote_ts = (tuple(map(as_prefix, one)) for one in (offer.local_ts, offer.remote_ts))
        return offer


def in_prefixes(flow: Flow, chosen: SaParameters) -> bool:
    """Whether a packet lies within the prefixes around the selectors of an SA."""
    return selected(flow, *(tuple(map(as_prefix, one)) for one in (chosen.source_ts, chosen.destination_ts)))


class PrefixIn(InboundSa):
    """Takes whatever lies in the prefix."""

    def selects(self, flow: Flow) -> bool:
        return in_prefixes(flow, self.parameters)


class PrefixOut(OutboundSa):
    """Carries whatever lies in the prefix."""

    def selects(self, flow: Flow) -> bool:
        return in_prefixes(flow, self.parameters)


@defect("data-range")
class CarriesThePrefix(DeviceHost):
    """Carries the prefix around each range that was agreed upon."""

    inbound_class, outbound_class = PrefixIn, PrefixOut


@defect("data-range")
class FirstPrefixOfARange(InboundSa):
    """Puts the first of the prefixes that a range consists of in its place."""

    def selects(self, flow: Flow) -> bool:
        found = []
        for one in self.parameters.source_ts:
            ends = ip_address(one.start), ip_address(one.end)
            if isinstance(ends[0], IPv4Address) and isinstance(ends[1], IPv4Address):
                first = next(iter(summarize_address_range(ends[0], ends[1])))
                found.append(replace(one, end=first.broadcast_address.packed))
        return selected(flow, tuple(found), self.parameters.destination_ts)


@defect("auth-ts-any")
class EverythingIsTooMuch(IkeSa):
    """Agrees to no Child SA for everything, whatever its policy says."""

    def select(self, ts_i: TSi, ts_r: TSr, old: ChildSa | None) -> Selected:
        found = super().select(ts_i, ts_r, old)
        if any(is_everything(one) for one in (*found[1], *found[2])):
            raise Refusal(NotifyType.TS_UNACCEPTABLE, "everything")
        return found


@defect("auth-ts-any-initiator")
class NoPortsForEverything(IkeSa):
    """Writes no ports into the selectors of everything."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        offer = super().make_offer(config, with_ke=with_ke, rekeys=rekeys)
        bare = tuple(replace(one, end_port=0) if is_everything(one) else one for one in offer.local_ts)
        offer.local_ts = bare
        return offer


@defect("data-any")
class EverythingIsNothing(InboundSa):
    """Takes a selector for everything for one of the address zero."""

    def selects(self, flow: Flow) -> bool:
        return not any(map(is_everything, self.parameters.source_ts)) and super().selects(flow)
