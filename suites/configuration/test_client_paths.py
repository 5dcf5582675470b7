"""Where a client with an assigned address sends its traffic (RFC 7296, section 3.15.2).

Into the tunnel goes what its Child SA is for. If its gateway names networks, traffic to them should go through that
gateway; whether the rest does is for the client to choose.
"""

from ipaddress import ip_address

from conformance.ike.core.subnets import subnet
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from suites.configuration.client import adding, opened
from suites.configuration.steps import INNER, VALID, asking
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

TIER = "full"
CLEAR = "RFC4301-4.4.1-2"
NAMED = "RFC7296-3.15.2-1"
FAR = "198.51.100.7"
"""A host that is neither behind us nor behind the device."""
EVERYTHING = asking(local_ts=("0.0.0.0/0",))


def address_of(sa: ScriptedSa) -> str:
    """The address that the device has been assigned."""
    assert sa.virtual_address is not None
    return str(ip_address(sa.virtual_address))


def reaches(sa: ScriptedSa, peer: Peer, host: str) -> None:
    """A host behind us pings the device at its inner address: the answer comes through the Child SA, if at all.

    Raises Inconclusive where no answer comes at all: a device may have no route to anything beyond its own network.
    """
    packet = inner.ping(host, address_of(sa))
    try:
        sa.traffic.ask(packet, sa.child)
    except Unexpected:
        sa.traffic.must_not_leak(CLEAR)
        raise Inconclusive(f"it answers {host} neither through the tunnel nor beside it") from None
    sa.traffic.must_not_leak(CLEAR)


@purpose("cp-client-everything", CLEAR, VALID, role="initiator", needs=(*INNER, DATA), connection=EVERYTHING)
def test_everything(peer: Peer, dut: Dut) -> None:
    """The device gets an address, and no networks: what it sends to anybody goes through its Child SA."""
    dut.initiate()
    sa = peer.accept()
    if not any(one.start == bytes(4) and one.end == b"\xff" * 4 for one in sa.child.local_ts):
        raise NotApplicable("it asks for a part of everything only")
    reaches(sa, peer, FAR)


@purpose("cp-client-named", CLEAR, VALID, NAMED, role="initiator", needs=(*INNER, DATA), connection=EVERYTHING)
def test_named(peer: Peer, dut: Dut) -> None:
    """The reply names one network, and the Child SA is for everything: what the device sends there goes through it."""
    sa, request, _ = opened(peer, dut)
    sa.answer(request, bend=adding(subnet("10.1.0.0/24")))
    must_be_accepted_by(sa, VALID)
    sa.traffic.ask(inner.ping("10.1.0.1", address_of(sa)), sa.child, NAMED)
    sa.traffic.must_not_leak(CLEAR)
