"""Everything that can be wrong with the fields of a method's packets, in both roles; the whole of it takes its time."""

from conformance.script.peer import Peer
from suites.dut import Dut
from suites.eap import roles
from suites.eap.preparing import preparation
from suites.eap.roles import NOBODY, UNCONVINCED, Way, as_peer, as_server
from suites.eap.sweeping import sweep, sweep_initiator

WAYS = (*roles.KEYLESS, roles.MSCHAPV2, *roles.CARDS, roles.TTLS, *roles.TUNNELS, roles.PEAP)
ASKING = tuple(one for one in WAYS if one not in (roles.TTLS_PAP, roles.TTLS_CHAP))
"""With PAP and CHAP the server says nothing in the tunnel."""
SHORT, LONG = 5.0, 20.0
"""Seconds that a real device takes for some of it, and for all of it, about."""


@as_server("eap-sweep-{}", *NOBODY, ways=WAYS, waits=SHORT, canary=False)
def some(peer: Peer, way: Way) -> None:
    """Some variations of the fields of our responses of {way.title} let nobody in."""
    sweep(peer)


@as_server("eap-sweep-{}-whole", *NOBODY, ways=WAYS, waits=LONG, canary=False)
def whole(peer: Peer, way: Way) -> None:
    """All variations of the fields of our responses of {way.title} let nobody in."""
    sweep(peer, whole=True)


@as_peer("eap-sweep-initiator-{}", *UNCONVINCED, ways=ASKING, waits=SHORT)
def some_initiator(peer: Peer, dut: Dut, way: Way) -> None:
    """Some variations of the fields of our requests of {way.title} convince nobody."""
    sweep_initiator(peer, dut, prepare=preparation(way))


@as_peer("eap-sweep-initiator-{}-whole", *UNCONVINCED, ways=ASKING, waits=LONG)
def whole_initiator(peer: Peer, dut: Dut, way: Way) -> None:
    """All variations of the fields of our requests of {way.title} convince nobody."""
    sweep_initiator(peer, dut, whole=True, prepare=preparation(way))
