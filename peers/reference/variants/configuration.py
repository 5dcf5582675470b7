"""Whether what a device is configured with can be changed at all."""

from peers.algorithms import Algorithms
from peers.capabilities import Capability
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant

ROUTER = Algorithms(
    ike=("aes256gcm16-prfsha384-ecp384", "aes256-aes128-sha256-modp2048-ecp256"),
    esp=("aes256gcm16", "aes256-sha256"),
    ah=("sha256",),
    refused=("aes192gcm16", "aes128ccm16", "aes192", "prfsha1", "sha1", "modp1024"),
)


@variant(
    "RFC 7296, 4: an implementation may be configured with any restrictions of algorithms and authorities",
    lacks=(Capability.CONFIGURABLE,),
    pixit={"algorithms": ROUTER},
)
class ConfiguredByHand(ReferenceEngine):
    """Has been configured once, for one connection, with a handful of algorithms."""
