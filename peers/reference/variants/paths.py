"""What lies between a device and us: datagrams take time, and some of them never come."""

from conformance.net.impaired import Impairment
from peers.reference.variants.registry import variant

_DISTANCE = "RFC 7296, 2.1: the timers of the initiator must suit the round-trip time of the network"


@variant(_DISTANCE, path=Impairment(delay=0.025))
class FarAway:
    """Is 50 ms there and back away."""


@variant(_DISTANCE, path=Impairment(delay=0.15))
class OtherContinent:
    """Is 300 ms there and back away."""


@variant(
    "RFC 7296, 2.1: IKE must work over a path that loses datagrams",
    path=Impairment(loss=0.05, in_a_row=1),
    unclear=dict.fromkeys(("data-rekey-overlap", "data-rekey-overlap-device"), "packets get lost without a rekey, too"),
)
class LossyPath:
    """Is behind a path that loses every twentieth datagram."""
