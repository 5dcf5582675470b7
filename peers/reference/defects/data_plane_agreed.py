"""Defects of the data plane: packets that look otherwise than agreed upon, or that must look as agreed upon."""

from dataclasses import replace

from conformance.ike.core.child import ChildSa
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.errors import PolicyViolation
from conformance.ipsec.esp import EspBend
from conformance.ipsec.flow import Flow, selected
from conformance.ipsec.ip import UDP, parse
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import InboundSa, OutboundSa
from conformance.wire import TrafficSelector
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect

IPCOMP = 108


@defect("data-tfc-unwanted", "data-tfc-unwanted-initiator")
class PadsForEverybody(DeviceHost):
    """Adds padding against traffic analysis whoever wants none."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "tfc": 300}


@defect("data-fragments-unagreed", "data-fragments-unagreed-initiator")
class SendsLaterFragments(OutboundSa):
    """Sends fragments on an SA for ports or types, which later ones do not show."""

    def selects(self, flow: Flow) -> bool:
        chosen = self.parameters
        return selected(flow, chosen.source_ts, chosen.destination_ts, fragments=True)


@defect("data-uncompressed")
class CompressesUnasked(DeviceHost):
    """Marks what is worth it as compressed, whatever was agreed upon."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        long = len(packet) > 500
        return super().protected(sa, packet, now, EspBend(next_header=IPCOMP) if long else bend)


@defect("data-udp-unagreed", "data-udp-left-out")
class OneFormOnly(DeviceHost):
    """Takes ESP in the form that was agreed upon and in no other."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        in_udp = parse(packet).protocol == UDP
        if all((one.inbound.parameters.udp is not None) != in_udp for one in self.carried.values()):
            raise PolicyViolation("the other form of ESP")
        return super().unprotected(packet, now)


@defect("data-range-ends", "data-range")
class LeavesTheLastOut(InboundSa):
    """Takes the end of a range for the first address beyond it."""

    def selects(self, flow: Flow) -> bool:
        ends = {one.end for one in self.parameters.source_ts}
        return flow.source not in ends and super().selects(flow)


@defect("data-selectors-several", "data-families", "data-families-initiator")
class LooksAtTheFirst(InboundSa):
    """Looks at the first selector of each side."""

    def selects(self, flow: Flow) -> bool:
        chosen = self.parameters
        return selected(flow, chosen.source_ts[:1], chosen.destination_ts[:1])


@defect("data-narrowed-initiator")
class UsesWhatItAskedFor(DeviceHost):
    """Installs the selectors that it has asked for, not those that it was given."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        local, remote = (
            tuple(map(TrafficSelector.net, wanted)) for wanted in (child.config.local_ts, child.config.remote_ts)
        )
        made = super().bring(replace(child, local_ts=local, remote_ts=remote), sa, udp, now)
        return replace(made, child=child)
