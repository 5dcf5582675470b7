"""Networks that we announce by CFG_SET once the IKE SA is up, as FlexVPN does it (RFC 7296, section 3.15.1)."""

from ipaddress import ip_network

from conformance.ike.core.subnets import subnet
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import CfgAttr
from peers.capabilities import Capability
from suites.configuration.clients import MANY, named, served
from suites.configuration.exchanges import ACCEPTED, NOT_ACCEPTED
from suites.configuration.routes import (
    CLEAR,
    GIVEN,
    OTHER,
    OURS,
    ROUTES,
    SUBNET,
    TAKES,
    WIDE,
    announced,
    from_network,
    reached,
    taken,
)
from suites.configuration.steps import INNER, serving
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.purpose import purpose


@purpose("cp-routes", GIVEN, ACCEPTED, NOT_ACCEPTED, role="responder", needs=ROUTES, connection=WIDE, device=TAKES)
def test_taken(peer: Peer) -> None:
    """We announce two networks, one of them twice: the device acknowledges the kind of attribute, without values."""
    sa = peer.establish()
    accepted = announced(peer, sa, subnet("10.1.0.1/32"), subnet(OURS), subnet("10.1.0.1/32"))
    peer.check(SUBNET in accepted, "INTERNAL_IP4_SUBNET accepted", accepted, GIVEN)
    sa.must_be_up(GIVEN)


@purpose(
    "cp-routes-traffic", GIVEN, "RFC7296-3.15.2-1",
    role="responder", needs=(*ROUTES, DATA), connection=WIDE, device=TAKES,
)  # fmt: skip
def test_traffic(peer: Peer) -> None:
    """What goes to a network that we have announced comes to us, through our Child SA."""
    sa = peer.establish()
    taken(peer, sa, OURS)
    reached(peer, sa, OURS)


@purpose("cp-routes-changed", GIVEN, ACCEPTED, role="responder", needs=(*ROUTES, DATA), connection=WIDE, device=TAKES)
def test_changed(peer: Peer) -> None:
    """We announce another network in place of the first one: what goes there comes to us now.

    Whether the first one is forgotten then is for the device to say: nothing describes how a route is withdrawn.
    """
    sa = peer.establish()
    taken(peer, sa, OURS)
    taken(peer, sa, OTHER)
    reached(peer, sa, OTHER)


@purpose(
    "cp-routes-own-end", "RFC7296-1.4-4", NOT_ACCEPTED, role="responder", needs=ROUTES, connection=WIDE, device=TAKES
)
def test_own_end(peer: Peer) -> None:
    """We announce the outer addresses of both ends, and a network with both in it: the tunnel must not go into itself.

    Whether that is accepted or not, IKE goes on between these addresses.
    """
    sa = peer.establish()
    ends = [one for one in (peer.connection.local_address, peer.connection.remote_address) if one and ":" not in one]
    around = [str(ip_network(f"{one}/16", strict=False)) for one in ends[:1]]
    announced(peer, sa, *(subnet(f"{one}/32") for one in ends), *map(subnet, around))
    sa.must_be_up("RFC7296-1.4-4")
    sa.liveness()
    again = peer.sa(initial_contact=False)
    again.init()


@purpose(
    "cp-routes-default", "RFC7296-1.4-4", NOT_ACCEPTED, role="responder", needs=ROUTES, connection=WIDE, device=TAKES
)
def test_default(peer: Peer) -> None:
    """We announce the default route, as a hub may: IKE goes on, whether it is accepted or not."""
    sa = peer.establish()
    announced(peer, sa, subnet("0.0.0.0/0"))
    sa.must_be_up("RFC7296-1.4-4")


@purpose(
    "cp-routes-malformed", "RFC7296-1.4-4", ACCEPTED, NOT_ACCEPTED,
    role="responder", needs=(*ROUTES, DATA), connection=WIDE, device=TAKES,
)  # fmt: skip
def test_malformed(peer: Peer) -> None:
    """Beside a good network stand one with bits behind its mask and one whose mask has holes: IKE goes on.

    Where the device accepts what we announce, the good one is used.
    """
    sa = peer.establish()
    wrong = (bytes.fromhex(one) for one in ("0a090001ffff0000", "0a090000ff00ff00"))
    accepted = announced(peer, sa, subnet(OURS), *(CfgAttr(SUBNET, one) for one in wrong))
    if SUBNET in accepted:
        reached(peer, sa, OURS)
    sa.must_be_up("RFC7296-1.4-4")


@purpose(
    "cp-routes-many", GIVEN, ACCEPTED, role="responder", needs=(*ROUTES, Capability.FRAGMENTATION),
    connection=WIDE, device=TAKES,
)  # fmt: skip
def test_many(peer: Peer) -> None:
    """We announce 200 networks, more than one datagram holds: the CFG_SET comes in fragments, and nothing breaks."""
    sa = peer.establish()
    accepted = announced(peer, sa, *(subnet(f"10.8.{number}.0/24") for number in range(200)))
    sa.must_be_up(GIVEN)
    if SUBNET not in accepted:
        raise NotApplicable("it does not accept so many networks")


@purpose(
    "cp-routes-rekeyed", GIVEN, role="responder", needs=(*ROUTES, DATA, Capability.REKEY_IKE),
    connection=WIDE, device=TAKES,
)  # fmt: skip
def test_rekeyed(peer: Peer) -> None:
    """We announce a network and rekey the IKE SA: the network is ours all the same."""
    sa = peer.establish()
    taken(peer, sa, OURS)
    with peer.preamble("a rekey of the IKE SA"):
        sa.rekey()
        new = sa.rekeyed
        new.finish()
    reached(peer, new, OURS)


@purpose("cp-routes-withdrawn", CLEAR, ACCEPTED, NOT_ACCEPTED,
         role="responder", needs=(*ROUTES, DATA), connection=WIDE, device=TAKES)  # fmt: skip
def test_withdrawn(peer: Peer) -> None:
    """We announce a network, then by an empty CFG_SET none: what goes there comes protected, or not at all.

    Nothing describes how a route is withdrawn; a device may keep it.
    """
    sa = peer.establish()
    taken(peer, sa, OURS)
    reached(peer, sa, OURS)
    announced(peer, sa)
    sa.traffic.send(from_network(OURS))
    peer.idle(peer.response_timeout / 4)
    sa.traffic.must_not_leak(CLEAR)
    sa.must_be_up(NOT_ACCEPTED)


@purpose(
    "cp-routes-initiator", GIVEN, ACCEPTED, NOT_ACCEPTED,
    role="initiator", needs=ROUTES, connection=WIDE, device=TAKES,
)  # fmt: skip
def test_initiator(peer: Peer, dut: Dut) -> None:
    """A gateway announces networks to a device that has opened the IKE SA: it acknowledges them."""
    dut.initiate()
    sa = peer.accept()
    accepted = announced(peer, sa, subnet(OURS), subnet("10.1.0.1/32"))
    peer.check(SUBNET in accepted, "INTERNAL_IP4_SUBNET accepted", accepted, GIVEN)
    sa.must_be_up(GIVEN)


# --- several peers ----------------------------------------------------------------------------------------------------


def spoke(peer: Peer, number: int) -> ScriptedSa:
    """One of several peers, each with a name of its own."""
    return peer.establish(initial_contact=False, local=named(peer, number))


@purpose(
    "cp-routes-end", CLEAR, GIVEN, role="responder", needs=(*ROUTES, DATA), connection=WIDE, device={**TAKES, **MANY}
)
def test_end(peer: Peer) -> None:
    """A peer has announced a network and goes: what another makes the device send there does not go in the clear."""
    first, second = spoke(peer, 1), spoke(peer, 2)
    taken(peer, first, OURS)
    reached(peer, first, OURS)
    first.delete()
    peer.idle(peer.response_timeout / 4)
    second.traffic.send(from_network(OURS), second.child)
    peer.idle(peer.response_timeout / 4)
    second.traffic.must_not_leak(CLEAR)
    second.must_be_up(GIVEN)


@purpose(
    "cp-routes-two", GIVEN, CLEAR, role="responder", needs=(*ROUTES, DATA), connection=WIDE, device={**TAKES, **MANY}
)
def test_two(peer: Peer) -> None:
    """Two peers announce the same network: either may have it, and when the first one goes the second one has it.

    A device may also accept it from the first one only.
    """
    first, second = spoke(peer, 1), spoke(peer, 2)
    for sa in (first, second):
        taken(peer, sa, OURS)
    reached(peer, second, OURS)
    first.delete()
    peer.idle(peer.response_timeout / 4)
    answer = second.traffic.ask(from_network(OURS), second.child, GIVEN)
    through = answer.channel is second.traffic.channel(second.child)
    peer.check(through, "the answer through the Child SA of the peer that is left", answer, GIVEN)
    second.traffic.must_not_leak(CLEAR)


@purpose(
    "cp-routes-other-client", "RFC4301-5.1-1", "RFC7296-3.15.1-6",
    role="responder", needs=(*ROUTES, *INNER, DATA), connection=serving(),
    device={**MANY, "remote_routes": ("10.77.0.0/24",)},
)  # fmt: skip
def test_other_client(peer: Peer) -> None:
    """A client announces the address of another one, and the pool: what is for the other does not come to it.

    Its Child SA is for its own address alone, so nothing else may be sent on it.
    """
    thief, other = served(peer), served(peer)
    assert other.virtual_address is not None and peer.connection.remote_pool is not None
    address = ".".join(map(str, other.virtual_address))
    announced(peer, thief, subnet(f"{address}/32"), subnet(peer.connection.remote_pool))
    answer = other.traffic.ping(other.child, requirement="RFC7296-3.15.1-6")
    own = answer.channel is other.traffic.channel(other.child)
    peer.check(own, "the answer through the client's own Child SA", answer, "RFC4301-5.1-1", bypass=True)
    other.traffic.must_not_leak(CLEAR)
