"""What a user reaches, and what reaches him, as the AAA server has it: Filter-Id, Framed-Route, Framed-IPv6-Route."""

from conformance.ike.core.connection import Connection
from conformance.radius import grant
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.aaa.steps import ASKS, SERVED, must_get_in
from suites.aaa.test_grants import SIX
from suites.configuration.steps import inner6
from suites.connections import by_aaa
from suites.data_plane.steps import DATA
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

ROUTES = (*ASKS, Capability.AAA_ROUTES, DATA)
FILTERS = (*ASKS, Capability.AAA_FILTERS, DATA)
NAMED = {"named_filters": (("open", "0.0.0.0/0"), ("elsewhere", "203.0.113.0/24"))}
ROUTE, CLASS, GATEWAY = "RFC2865-5.22-1", "RFC2865-5.22-2", "RFC2865-5.22-3"
FILTER, POLICY = "RFC2865-5.11-1", "RFC4301-5.2-3"


def six(pixit: Pixit) -> Connection:
    """An inner IPv6 address, and an IPv6 network behind the device."""
    networks = inner6(pixit.device_networks)
    return by_aaa(remote_pool=None, remote_pool6="fd77:9::/64", local_ts=("::/0",), remote_ts=networks)(pixit)


def behind(sa: ScriptedSa) -> str:
    """The host behind the device that answers."""
    return sa.traffic.channel(sa.child).theirs


def reached(sa: ScriptedSa, source: str, requirement: str) -> None:
    """A packet from this host on our side is answered, through our Child SA."""
    sa.traffic.ask(inner.ping(source, behind(sa)), sa.child, requirement)


def not_reached(sa: ScriptedSa, *sources: str) -> None:
    """Packets from these hosts on our side are not answered; those from our own address are."""
    with sa.traffic.silence(POLICY, lambda: sa.traffic.ping(sa.child), bypass=True):
        for one in sources:
            sa.traffic.send(inner.ping(one, behind(sa)), sa.child)


@purpose("aaa-framed-route", ROUTE, GATEWAY, POLICY, role="responder", needs=ROUTES, connection=SERVED)
def test_framed_route(peer: Peer, aaa: Aaa) -> None:
    """Two networks in Framed-Route are behind us: their hosts have answers as we have, and no others."""
    aaa.server.granted = [("Framed-Route", "10.79.5.0/25 0.0.0.0 1"), ("Framed-Route", "10.79.6.0/24 0.0.0.0 1 2")]
    sa = must_get_in(peer, ROUTE)
    sa.traffic.ping(sa.child, requirement=ROUTE)
    for one in ("10.79.5.7", "10.79.6.7"):
        reached(sa, one, ROUTE)
    not_reached(sa, "10.79.5.207", "10.79.7.7")


@purpose("aaa-framed-route-class", CLASS, GATEWAY, POLICY, role="responder", needs=ROUTES, connection=SERVED)
def test_framed_route_class(peer: Peer, aaa: Aaa) -> None:
    """A network in Framed-Route without the length of its prefix is one of class C."""
    aaa.server.granted = [("Framed-Route", "198.18.79.0 0.0.0.0 1"), ("Framed-Route", "203.0.113.0 0.0.0.0 1")]
    sa = must_get_in(peer, CLASS)
    for one in ("198.18.79.7", "203.0.113.7"):
        reached(sa, one, CLASS)
    not_reached(sa, "198.18.80.7", "203.0.114.7")


@purpose("aaa-framed-route-gateway", ROUTE, POLICY, role="responder", needs=ROUTES, connection=SERVED)
def test_framed_route_gateway(peer: Peer, aaa: Aaa) -> None:
    """A network whose gateway is our inner address is behind us, one whose gateway is another host is not."""
    address = "10.77.9.77"
    aaa.server.granted = [
        *grant.address(address),
        ("Framed-Route", f"10.79.5.0/24 {address} 1"),
        ("Framed-Route", "10.79.6.0/24 10.77.9.78 1"),
    ]
    sa = must_get_in(peer, ROUTE)
    reached(sa, "10.79.5.7", ROUTE)
    not_reached(sa, "10.79.6.7")


@purpose("aaa-framed-route-odd", ROUTE, POLICY, role="responder", needs=ROUTES, connection=SERVED)
def test_framed_route_odd(peer: Peer, aaa: Aaa) -> None:
    """What in Framed-Route is no route keeps nobody from another one, or lets nobody in; it opens nothing."""
    odd = ("nonsense", "10.79.7.0/99 0.0.0.0 1", "10.79.7.0/24", "::/0 0.0.0.0 1", "10.79.7.0/-1 0.0.0.0", "/ /")
    aaa.server.granted = [("Framed-Route", one) for one in (*odd, "10.79.5.0/24 0.0.0.0 1")]
    sa = peer.sa()
    sa.init()
    sa.auth()
    if not sa.children:
        peer.note("it refuses a grant that it cannot read")
        return
    reached(sa, "10.79.5.7", ROUTE)
    not_reached(sa, "10.79.7.7", "203.0.113.7")


@purpose("aaa-framed-route-other", POLICY, ROUTE, role="responder", needs=ROUTES, connection=SERVED)
def test_framed_route_other(peer: Peer, aaa: Aaa) -> None:
    """What was granted to the session before is not behind the next one, to whom nobody has granted it."""
    aaa.server.granted = [("Framed-Route", "10.79.5.0/24 0.0.0.0 1")]
    first = must_get_in(peer, ROUTE)
    reached(first, "10.79.5.7", ROUTE)
    first.delete()
    aaa.server.granted = []
    not_reached(must_get_in(peer, ROUTE), "10.79.5.7")


@purpose(
    "aaa-framed-route6", "RFC3162-2.5-1", "RFC3162-2.5-2", POLICY, role="responder",
    needs=(*ROUTES, Capability.AAA_ADDRESS6), connection=six,
)  # fmt: skip
def test_framed_route6(peer: Peer, aaa: Aaa) -> None:
    """A network in Framed-IPv6-Route, with the unspecified address for its gateway, is behind us, and no other."""
    aaa.server.granted = [("Framed-IPv6-Address", SIX), ("Framed-IPv6-Route", "fd79:5::/64 :: 1")]
    sa = must_get_in(peer, "RFC3162-2.5-1")
    reached(sa, "fd79:5::7", "RFC3162-2.5-1")
    not_reached(sa, "fd79:6::7")


# --- filters ----------------------------------------------------------------------------------------------------------


@purpose("aaa-filter", FILTER, POLICY, role="responder", needs=FILTERS, connection=SERVED, device=NAMED)
def test_filter(peer: Peer, aaa: Aaa) -> None:
    """With a filter that lets him do so a user reaches the device's network, with another one he does not."""
    aaa.server.granted = [("Filter-Id", "open")]
    sa = must_get_in(peer, FILTER)
    sa.traffic.ping(sa.child, requirement=FILTER)
    host = behind(sa)
    sa.delete()
    aaa.server.granted = [("Filter-Id", "elsewhere")]
    sa = peer.sa()
    sa.init()
    sa.auth()
    if not sa.children:
        peer.note("of what we have asked for the filter lets nothing through: no Child SA")
        return
    with sa.traffic.silence(FILTER, sa.liveness, bypass=True):
        sa.traffic.send(inner.ping(sa.traffic.channel(sa.child).ours, host), sa.child)


@purpose("aaa-filter-both", FILTER, role="responder", needs=FILTERS, connection=SERVED, device=NAMED)
def test_filter_both(peer: Peer, aaa: Aaa) -> None:
    """Of two filters for one user the second one counts, too."""
    aaa.server.granted = [("Filter-Id", "elsewhere"), ("Filter-Id", "open")]
    sa = must_get_in(peer, FILTER)
    sa.traffic.ping(sa.child, requirement=FILTER)
