"""How a device fills its ESP packets."""

from conformance.ipsec.sad import OutboundSa
from peers.reference.variants.registry import variant


@variant("RFC 4303, 2.4: a sender may add 0 to 255 octets of padding")
class MorePadding(OutboundSa):
    """Adds 4 to 16 octets more padding to ESP packets than are needed."""

    def padding_size(self, size: int) -> int:
        blocks = max(1, 16 // self.alignment)
        return super().padding_size(size) + self.alignment * (1 + self.sequence % blocks)
