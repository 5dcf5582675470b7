"""What a device is configured with: its algorithms, and whether that can be changed at all."""

from peers.algorithms import MUSTS, Algorithms
from peers.contract import Capability
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant


@variant("RFC 8247, 2: everything else is SHOULD at most", pixit={"algorithms": MUSTS})
class OnlyMusts(ReferenceEngine):
    """Has no other algorithms than AES-CBC, HMAC-SHA2-256 and group 14, which everybody must have."""


ROUTER = Algorithms(
    ike=("aes256gcm16-prfsha384-ecp384", "aes256-aes128-sha256-modp2048-ecp256"),
    esp=("aes256gcm16", "aes256-sha256"),
    ah=("sha256",),
    refused=("aes192gcm16", "aes128ccm16", "aes192", "prfsha1", "sha1", "modp1024"),
)


@variant(
    "configuration is the affair of whoever runs a device",
    lacks=(Capability.CONFIGURABLE,),
    pixit={"algorithms": ROUTER},
)
class ConfiguredByHand(ReferenceEngine):
    """Has been configured once, for one connection, with a handful of algorithms."""
