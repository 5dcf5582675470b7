"""A policy that limits nothing: the selectors are those that the peer asks for (RFC 7296, section 2.9)."""

from ipaddress import ip_address, ip_network

from conformance.ike.core.connection import Connection
from conformance.script.peer import Peer
from conformance.wire import TrafficSelector, TSi, TSr
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import usual
from suites.create_child_sa.answers import carries
from suites.dut import OTHER_HOST, Dut
from suites.purpose import purpose

TIER = "full"

EVERYWHERE = ("0.0.0.0/0",)
INCLUDED, SUBSET = "RFC7296-2.9-8", "RFC7296-2.9-3"


def two_hosts(pixit: Pixit) -> Connection:
    """A Child SA between a host of our network and the first one behind the device."""
    ours, theirs = (ip_network(one[0]) for one in (pixit.tester_networks, pixit.device_networks))
    return usual(local_ts=(f"{ours[OTHER_HOST]}/32",), remote_ts=(f"{theirs[1]}/32",), narrowing=True)(pixit)


@purpose(
    "auth-ts-wide-policy", INCLUDED, SUBSET, "RFC7296-2.9-7", role="responder", needs=(Capability.NARROWING,),
    connection=two_hosts, device={"local_ts": EVERYWHERE, "remote_ts": EVERYWHERE}, ordinary=True,
)  # fmt: skip
def test_wide_policy(peer: Peer, dut: Dut) -> None:
    """The device's policy is any address on both sides, and we ask for two hosts: the Child SA is for just these."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    asked = [
        one[0].partition("/")[0] for one in (sa.connection.children[0].local_ts, sa.connection.children[0].remote_ts)
    ]
    for kind, address in zip((TSi, TSr), asked, strict=True):
        found = peer.expect(answer, kind, INCLUDED).selectors
        exact = [
            one
            for one in found
            if isinstance(one, TrafficSelector) and one.start == one.end == ip_address(address).packed
        ]
        peer.check(len(exact) == len(found) > 0, f"{kind.__name__} {address} alone", answer, INCLUDED)
    sa.must_be_established(INCLUDED)
    carries(peer, dut, sa.child, INCLUDED)
