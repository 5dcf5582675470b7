"""Selectors of tunnels within IPsec, GRE and IP in IP: each kind of tunnel is a policy of its own (RFC 4301, 4.1)."""

from collections.abc import Iterable
from functools import partial
from ipaddress import ip_network

from conformance.ike.core.selectors import covered, selectors
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import AUTH, SA, Message, Notify, NotifyType, TrafficSelector, TSi, TSr, VendorID
from peers.capabilities import Capability
from suites.create_child_sa.answers import kept
from suites.data_plane.steps import between
from suites.dut import Dut
from suites.ike_auth.steps import host_to_host, must_succeed
from suites.ike_auth.test_selectors import offer, within
from suites.purpose import purpose

TIER = "full"
NONE, OWN = "RFC7296-2.9-6", "RFC4301-4.1-2"
TRANSPORT = (Capability.TRANSPORT,)
GRE_MODE = b"CISCO-GRE-MODE\x02"
"""The Vendor ID of a client that would like GRE."""


def hosts(peer: Peer, protocol: str) -> tuple[tuple[TrafficSelector, ...], tuple[TrafficSelector, ...]]:
    """Selectors for one protocol between the two hosts, ours first."""
    ends = (peer.connection.local_address, peer.connection.remote_address)
    ours, theirs = (selectors((f"{one}/32[{protocol}]",)) for one in ends)
    return ours, theirs


def must_refuse(peer: Peer, sa: ScriptedSa, answer: Message) -> None:
    """The device authenticates itself and has no policy for these selectors; it keeps the IKE SA, or deletes it."""
    peer.expect(answer, AUTH, "RFC7296-1.2-16")
    peer.expect_notify(answer, NotifyType.TS_UNACCEPTABLE, NONE)
    peer.check(answer.first(SA) is None, "no SA payload", answer, NONE)
    kept(peer, sa, "RFC7296-1.2-16")


def covers(policy: Iterable[str], wanted: tuple[TrafficSelector, ...]) -> bool:
    """True if a policy allows all of these."""
    return covered(wanted, selectors(policy))


@purpose(
    "auth-ts-other-tunnel", NONE, "RFC7296-1.2-16", "RFC7296-1.2-17", role="responder", needs=TRANSPORT,
    connection=between(protocol="gre"),
)  # fmt: skip
def test_other_tunnel(peer: Peer, dut: Dut) -> None:
    """A device whose policy is GRE is asked for IP in IP (protocol 4), IPv6 in IPv4 (41), and a plain tunnel.

    None of them is for a packet of GRE between the two hosts, so there is nothing to narrow to.
    """
    networks = [selectors(one[:1]) for one in (dut.pixit.tester_networks, dut.pixit.device_networks)]
    for ours, theirs in (hosts(peer, "4"), hosts(peer, "41"), networks):
        sa = peer.sa()
        sa.init()
        must_refuse(peer, sa, sa.auth(offer(ours, theirs)))


@purpose("auth-ts-gre-unasked", NONE, "RFC7296-1.2-16", "RFC7296-1.2-17", role="responder", needs=TRANSPORT)
def test_gre_unasked(peer: Peer, dut: Dut) -> None:
    """A device whose policy is a plain tunnel between networks is asked for GRE between the two hosts.

    In transport mode, as GRE needs no more, and in tunnel mode.
    """
    ours, theirs = hosts(peer, "gre")
    policy = dut.connection.children[0]
    if covers(policy.remote_ts, ours) and covers(policy.local_ts, theirs):
        raise NotApplicable("its policy is for the two hosts, too")
    for further in (bend.append(Notify(NotifyType.USE_TRANSPORT_MODE)), None):
        asked = offer(ours, theirs)
        sa = peer.sa()
        sa.init()
        must_refuse(peer, sa, sa.auth(asked | further if further else asked))


def of_protocol(protocol: str, peer: Peer) -> None:
    """The device takes what it is configured for, as it is."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    must_succeed(peer, sa, "RFC7296-2.9-8")
    within(peer, answer, *hosts(peer, protocol))


agreed = partial(purpose, role="responder", needs=TRANSPORT, ordinary=True)


@agreed("auth-ts-ipip", "RFC7296-2.9-8", "RFC7296-1.3.1-5", connection=between(protocol="4"))
def test_ipip(peer: Peer) -> None:
    """A device whose policy is IP in IP between the two hosts, in transport mode, takes just that."""
    of_protocol("4", peer)


@agreed("auth-ts-ipv6-in-ipv4", "RFC7296-2.9-8", "RFC7296-1.3.1-5", connection=between(protocol="41"))
def test_ipv6_in_ipv4(peer: Peer) -> None:
    """A device whose policy is IPv6 in IPv4 between the two hosts, in transport mode, takes just that."""
    of_protocol("41", peer)


def network_of(address: str | None) -> tuple[TrafficSelector, ...]:
    """The 256 addresses around one."""
    return selectors((str(ip_network(f"{address}/24", strict=False)),))


@purpose(
    "auth-transport-network", OWN, "RFC4301-4.1-3", "RFC7296-2.9-3", role="responder", needs=TRANSPORT,
    connection=host_to_host(), ordinary=True,
)  # fmt: skip
def test_transport_network(peer: Peer) -> None:
    """Transport mode is asked for with networks around both hosts, the policy is one for the hosts.

    The device may refuse, use tunnel mode, or narrow to the hosts. In transport mode it has no other address.
    """
    connection = peer.connection
    ours, theirs = connection.local_address, connection.remote_address
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offer(network_of(ours), network_of(theirs)))
    peer.expect(answer, AUTH, "RFC7296-1.2-16")
    if answer.first(SA) is None:
        kept(peer, sa, "RFC7296-1.2-16")
        return
    within(peer, answer, network_of(ours), network_of(theirs))
    mode = answer.notify(NotifyType.USE_TRANSPORT_MODE)
    for kind, host in ((TSi, ours), (TSr, theirs)):
        found = peer.expect(answer, kind)
        alone = covered(found.selectors, selectors((f"{host}/32",)))
        expected = f"{kind.__name__} for {host} alone in transport mode"
        peer.check(mode is None or alone, expected, found, OWN)


@purpose("auth-ts-gre-vendor", "RFC7296-3.12-2", "RFC7296-3.12-5", "RFC7296-1.3.1-5", role="responder")
def test_gre_vendor(peer: Peer, dut: Dut) -> None:
    """One maker's Vendor ID, by which a client asks for GRE, changes no selectors: they lie within the request.

    Whoever does not know it ignores it. It comes in both requests.
    """
    told = bend.append(VendorID(GRE_MODE))
    policy = dut.connection.children[0]
    sa = peer.sa()
    sa.init(told)
    answer = sa.auth(told)
    must_succeed(peer, sa, "RFC7296-3.12-5")
    within(peer, answer, selectors(policy.remote_ts), selectors(policy.local_ts))
    others = [one for kind in (TSi, TSr) for one in peer.expect(answer, kind).selectors if _is_gre(one)]
    peer.check(not others, "no selectors for GRE, which nobody asked for", others, "RFC7296-3.12-2")


def _is_gre(one: object) -> bool:
    return isinstance(one, TrafficSelector) and one.protocol == 47
