"""Defects of ciphers: IVs, sizes and what an offer says of them; groups with other secrets."""

from conformance.ipsec.esp import EspBend
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


@defect(
    *("data-gcm", "data-gmac", "data-chacha", "data-ctr"),
    *("data-gcm-initiator", "data-gmac-initiator", "data-chacha-initiator", "data-ctr-initiator"),
)
class RepeatsTheIv(DeviceHost):
    """Uses the same IV in every second packet."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        size = sa.cipher.iv_size
        return super().protected(sa, packet, now, EspBend(iv=bytes(size)) if size and sa.sequence & 1 else bend)


@defect("data-cbc", "data-cbc-initiator")
class CountsIvs(DeviceHost):
    """Takes the number of the packet for its IV."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        number = (sa.sequence + 1).to_bytes(sa.cipher.iv_size, "big") if sa.cipher.iv_size else None
        return super().protected(sa, packet, now, EspBend(iv=number))
