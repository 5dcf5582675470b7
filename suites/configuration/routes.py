"""Networks that both announce: who is behind, what was told, and what it is good for."""

from ipaddress import ip_network

from conformance.ike.core.subnets import subnet
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType
from peers.capabilities import Capability
from suites.configuration.exchanges import acknowledged
from suites.connections import usual

ROUTES = (Capability.ROUTE_EXCHANGE,)
GIVEN = "RFC7296-3.15.1-16"
OURS, OTHER = "10.8.0.0/16", "10.9.0.0/16"
BEHIND = "10.2.0.0/24"
WIDE = usual(local_ts=("0.0.0.0/0",), remote_ts=("0.0.0.0/0",))
SUBNET = CfgAttribute.INTERNAL_IP4_SUBNET
TAKES = {"remote_routes": (OURS,)}
"""The device expects routes of ours; our side sends them when the script says so."""
CLEAR = "RFC4301-4.4.1-2"


def announced(peer: Peer, sa: ScriptedSa, *routes: CfgAttr) -> list[CfgAttribute]:
    """What of these routes the device has accepted."""
    return acknowledged(peer, routes, sa.informational(CP(CfgType.SET, routes)))


def taken(peer: Peer, sa: ScriptedSa, *networks: str) -> None:
    """We announce these. Raises NotApplicable where the device does not accept them, which is for it to say."""
    if SUBNET not in announced(peer, sa, *map(subnet, networks)):
        raise NotApplicable(f"it does not accept {', '.join(networks)}")


def reached(peer: Peer, sa: ScriptedSa, network: str) -> None:
    """A ping from a host of the network is answered through our Child SA."""
    sa.traffic.ask(from_network(network), sa.child, GIVEN)


def from_network(network: str) -> bytes:
    """A ping from a host of our network to the one behind the device."""
    return inner.ping(str(ip_network(network)[1]), str(ip_network(BEHIND)[1]))
