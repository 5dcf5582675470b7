"""Traffic from and to the inner address that was assigned, and from no other (RFC 4301, 5.2; RFC 7296, 2.19)."""

from ipaddress import ip_address

from conformance.ike.core.subnets import subnet
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import CP, CfgType
from suites.configuration.clients import MANY, served, small
from suites.configuration.steps import INNER, INNER6, VALID, inside, serving, serving6
from suites.data_plane.steps import DATA, flows
from suites.purpose import purpose

SELECTORS = "RFC4301-5.2-3"


def _text(address: bytes) -> str:
    return str(ip_address(address))


def carried(peer: Peer, sa: ScriptedSa) -> None:
    """A ping from the inner address is answered, protected."""
    with peer.preamble("a ping from the inner address"):
        sa.traffic.ping(sa.child)


@purpose("cp-traffic", VALID, "RFC4301-4.4.1-2", role="responder", needs=(*INNER, DATA), connection=serving())
def test_flows(peer: Peer) -> None:
    """Traffic flows between the inner address and the network behind the device."""
    sa = peer.establish()
    flows(peer, requirement=VALID)
    sa.liveness()
    flows(peer, requirement=VALID)


@purpose("cp-traffic6", VALID, "RFC4301-4.4.1-2", role="responder", needs=(*INNER6, DATA), connection=serving6)
def test_flows6(peer: Peer) -> None:
    """Traffic flows between the inner IPv6 address and the network behind the device."""
    peer.establish()
    flows(peer, requirement=VALID)


@purpose("cp-traffic-foreign", SELECTORS, VALID, role="responder", needs=(*INNER, DATA), connection=serving())
def test_foreign(peer: Peer) -> None:
    """Packets from other addresses of the pool and of elsewhere come through the client's Child SA: no way."""
    sa = peer.establish()
    carried(peer, sa)
    behind = sa.traffic.channel().theirs
    with sa.traffic.silence(SELECTORS, bypass=True):
        for at in (-3, -4):
            sa.traffic.send(inner.ping(_text(inside(peer.connection.remote_pool, at)), behind))
        for stranger in ("10.1.0.1", "192.0.2.77"):
            sa.traffic.send(inner.ping(stranger, behind))


@purpose("cp-traffic-foreign6", SELECTORS, VALID, role="responder", needs=(*INNER6, DATA), connection=serving6)
def test_foreign6(peer: Peer) -> None:
    """Packets from other IPv6 addresses than the client's come through its Child SA: they are dropped."""
    sa = peer.establish()
    flows(peer, requirement=VALID)
    behind = sa.traffic.channel().theirs
    with sa.traffic.silence(SELECTORS, bypass=True):
        sa.traffic.send(inner.ping(_text(inside(peer.connection.remote_pool6, 0x4321)), behind))
        sa.traffic.send(inner.ping("2001:db8::77", behind))


@purpose(
    "cp-traffic-clients", SELECTORS, VALID, role="responder", needs=(*INNER, DATA), connection=serving(), device=MANY
)
def test_clients(peer: Peer) -> None:
    """Two clients: each has the answers to its own packets, and none comes through with the address of the other."""
    first, second = served(peer), served(peer)
    for sa in (first, second):
        answer = sa.traffic.ping(sa.child, requirement=VALID)
        own = answer.channel is sa.traffic.channel(sa.child)
        peer.check(own, "the answer through the client's own Child SA", answer, VALID)
    behind = first.traffic.channel(first.child).theirs
    theirs = second.traffic.channel(second.child).ours
    with first.traffic.silence(SELECTORS, lambda: first.traffic.ping(first.child), bypass=True):
        first.traffic.send(inner.ping(theirs, behind), first.child)


@purpose("cp-traffic-heir", VALID, SELECTORS, role="responder", needs=(*INNER, DATA), connection=small, device=MANY)
def test_heir(peer: Peer) -> None:
    """A client has gone and another one has its address: that one has the answers, and the old Child SA is dead."""
    first = served(peer)
    carried(peer, first)
    packet = first.traffic.echo_request()
    late = first.traffic.make(packet)
    first.delete()
    peer.idle(peer.response_timeout / 4)
    heirs = [served(peer), served(peer)]
    [heir] = [one for one in heirs if one.virtual_address == first.virtual_address]
    answer = heir.traffic.ping(heir.child, requirement=VALID)
    peer.check(answer.channel is heir.traffic.channel(heir.child), "the answer through its own Child SA", answer, VALID)
    with heir.traffic.silence(VALID, lambda: heir.traffic.ping(heir.child), bypass=True):
        heir.traffic.resend(late)


@purpose(
    "cp-traffic-announced", "RFC4301-5.1-1", VALID,
    role="responder", needs=(*INNER, DATA), connection=serving(), device=MANY,
)  # fmt: skip
def test_announced(peer: Peer) -> None:
    """A client announces the address of another one by CFG_SET to a device that takes no routes: nothing changes."""
    other, thief = served(peer), served(peer)
    address = _text(other.virtual_address or b"")
    thief.informational(CP(CfgType.SET, (subnet(f"{address}/32"),)))
    answer = other.traffic.ping(other.child, requirement=VALID)
    own = answer.channel is other.traffic.channel(other.child)
    peer.check(own, "the answer through the client's own Child SA", answer, "RFC4301-5.1-1", bypass=True)
