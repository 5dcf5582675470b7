"""Defects of the data plane: the wrong one of several SAs for a packet."""

from conformance.ike.core.child import ChildSa
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.flow import Flow
from conformance.ipsec.sad import OutboundSa
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.data_plane_packets import ChecksNoIcv
from peers.reference.defects.registry import defect


@defect("data-overlapping")
class NewestSaForAll(DeviceHost):
    """Sends on the newest SA that may carry a packet, whatever the order of its policies."""

    def ordered(self, flow: Flow) -> list[OutboundSa]:
        return [sa for sa in self.sad.outbound if sa.selects(flow)]


@defect("data-same-spi")
class OneSaForEachSpi(DeviceHost):
    """Takes a Child SA with a known SPI of the peer for another try of the first one."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        for one in [one for one in self.carried.values() if one.outbound.spi == child.spi_out]:
            self.withdraw(one)
        return super().bring(child, sa, udp, now)


@defect("nat-ah")
class TakesAhThroughNat(ChecksNoIcv):
    """Takes AH for intact whoever has changed its addresses."""
