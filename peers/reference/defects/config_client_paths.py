"""Defects of clients that do not send everything where their Child SA leads."""

from ipaddress import ip_address, ip_network
from typing import ClassVar

from conformance.ipsec.ip import parse
from conformance.ipsec.packets import Bend
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


class _SendsBeside(DeviceHost):
    """Sends some packets beside its tunnel."""

    private: ClassVar[bool]

    def send(self, packet: bytes, now: float, *, bend: Bend | None = None) -> list[bytes]:
        private = ip_address(parse(packet).destination) in ip_network("10.0.0.0/8")
        return [packet] if private is self.private else super().send(packet, now, bend=bend)


@defect("cp-client-everything")
class SplitsItsTunnel(_SendsBeside):
    """Sends what is for public addresses beside its tunnel, which is for everything."""

    private = False


@defect("cp-client-named")
class SendsPrivateBeside(_SendsBeside):
    """Takes all private addresses for those of its own network, whoever names them."""

    private = True
