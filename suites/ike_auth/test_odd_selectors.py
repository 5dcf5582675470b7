"""Traffic selectors of the first Child SA of other shapes: both families, ranges, everything (RFC 7296, 2.9, 3.13)."""

from ipaddress import ip_address, ip_network

from conformance.ike.core.connection import Connection
from conformance.ike.core.selectors import covered, ranges, selectors
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import ExchangeType, TrafficSelector, TSi, TSr
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import Setup, usual
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by, must_succeed
from suites.ike_auth.test_selectors import offer, refuses, within
from suites.purpose import purpose

SUBSET, NOT_EMPTY, OTHERS = "RFC7296-1.3.1-5", "RFC7296-2.9-3", "RFC7296-2.9-9"
INCLUSIVE, ANY, EITHER = "RFC7296-3.13.1-8", "RFC4301-5.2-3", "RFC7296-3.13-4"
EVERYWHERE = ("0.0.0.0/0",)


def part_of(network: str, first: int, last: int) -> str:
    """Hosts of a network by their numbers, as a range."""
    start = ip_network(network).network_address
    return f"{start + first}-{start + last}"


def hosts(first: int, last: int) -> Setup:
    """Our side is these hosts of our network."""
    return lambda pixit: usual(local_ts=(part_of(pixit.tester_networks[0], first, last),))(pixit)


def both_families(pixit: Pixit) -> Connection:
    """A Child SA for the IPv4 and the IPv6 networks of both ends. Raises NotApplicable where there are none."""
    sides = []
    for found in (pixit.tester_networks, pixit.device_networks):
        four, six = ([one for one in found if (":" in one) == wanted][:1] for wanted in (False, True))
        if not four or not six:
            raise NotApplicable("there is no IPv6 network behind the device, or none behind us")
        sides.append((*four, *six))
    return usual(local_ts=sides[0], remote_ts=sides[1])(pixit)


def told(peer: Peer, dut: Dut) -> tuple[ScriptedSa, tuple[TrafficSelector, ...], tuple[TrafficSelector, ...]]:
    """The device opens the IKE SA; its selectors, of its side and of ours, which are as they are configured."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    theirs, ours = (ranges(peer.expect(request.message, kind).selectors) for kind in (TSi, TSr))
    policy = dut.connection.children[0]
    for kind, found, allowed in (("TSi", theirs, policy.local_ts), ("TSr", ours, policy.remote_ts)):
        said = ", ".join(map(str, found))
        peer.check(covered(found, selectors(allowed)), f"{kind} within its policy", said, "RFC7296-2.9.1-1")
    sa.answer(request)
    must_be_accepted_by(sa)
    return sa, theirs, ours


# --- both families ----------------------------------------------------------------------------------------------------


@purpose(
    "auth-ts-families", OTHERS, SUBSET, NOT_EMPTY, role="responder", ordinary=True, connection=usual(narrowing=True),
    needs=(Capability.NARROWING,),
)  # fmt: skip
def test_families(peer: Peer, dut: Dut) -> None:
    """IPv6 comes first in both payloads, and the device's policy is for IPv4, which stands behind it: it takes that."""
    policy = dut.connection.children[0]
    ours, theirs = selectors(policy.remote_ts), selectors(policy.local_ts)
    six = selectors(("2001:db8:51::/48",))
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offer((*six, *ours), (*six, *theirs)))
    within(peer, answer, ours, theirs)
    must_succeed(peer, sa)


def six_of(found: tuple[TrafficSelector, ...]) -> TrafficSelector | None:
    """The first IPv6 selector."""
    return next((one for one in found if len(one.start) == 16), None)


def both_carried(sa: ScriptedSa) -> None:
    """Packets of each family pass. Raises NotApplicable where the device has agreed to one family only."""
    child = sa.child
    ours, theirs = six_of(child.local_ts), six_of(child.remote_ts)
    four = [one for each in (child.local_ts, child.remote_ts) for one in each if len(one.start) == 4]
    if ours is None or theirs is None or len(four) < 2:
        raise NotApplicable("the device narrows to one family")
    for side in ((ours, theirs), (four[0], four[-1])):
        source, target = (str(ip_address(one.start) + 1) for one in side)
        sa.traffic.ask(inner.ping(source, target, ident=0x315), requirement=EITHER)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose("data-families", EITHER, role="responder", needs=(DATA, Capability.IPV6), connection=both_families)
def test_families_carried(peer: Peer) -> None:
    """One Child SA is for networks of both families: IPv4 and IPv6 go through it."""
    both_carried(peer.establish())


@purpose("data-families-initiator", EITHER, role="initiator", needs=(DATA, Capability.IPV6), connection=both_families)
def test_families_carried_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device asks for the Child SA, or for one of each family."""
    dut.initiate()
    both_carried(peer.accept())


# --- ranges that are no prefixes --------------------------------------------------------------------------------------


@purpose(
    "auth-ts-range", SUBSET, NOT_EMPTY, INCLUSIVE, role="responder", ordinary=True, connection=usual(narrowing=True)
)
def test_range(peer: Peer, dut: Dut) -> None:
    """Hosts 5 to 20 of our network are offered, which no prefix describes: the device takes these or a part of them."""
    policy = dut.connection.children[0]
    ours, theirs = selectors((part_of(policy.remote_ts[0], 5, 20),)), selectors(policy.local_ts)
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offer(ours, theirs))
    if refuses(dut, answer):
        raise NotApplicable("the device takes its own selectors as a whole only")
    within(peer, answer, ours, theirs)
    must_succeed(peer, sa)


@purpose("auth-ts-range-initiator", "RFC7296-2.9.1-1", role="initiator", connection=hosts(5, 20), ordinary=True)
def test_range_initiator(peer: Peer, dut: Dut) -> None:
    """Our side is the hosts 5 to 20: a device that opens the IKE SA asks for no more than these."""
    told(peer, dut)


@purpose("data-range", INCLUSIVE, ANY, role="responder", needs=(DATA,), connection=hosts(5, 20))
def test_range_carried(peer: Peer, dut: Dut) -> None:
    """Our side is the hosts 5 to 20: these two and one between reach the device's network, 4 and 21 do not."""
    sa = peer.establish()
    start, theirs = ip_network(dut.pixit.tester_networks[0]).network_address, sa.traffic.channel().theirs

    def ping(number: int) -> bytes:
        return inner.ping(str(start + number), theirs, ident=0x316)

    def inside() -> None:
        sa.traffic.ask(ping(12), requirement=INCLUSIVE)

    for number in (5, 20):
        sa.traffic.ask(ping(number), requirement=INCLUSIVE)
    with sa.traffic.silence(ANY, prove=inside, bypass=True):
        for number in (4, 21):
            sa.traffic.send(ping(number))


# --- everything -------------------------------------------------------------------------------------------------------


@purpose(
    "auth-ts-any", NOT_EMPTY, SUBSET, role="responder", ordinary=True, canary=False,
    connection=usual(local_ts=EVERYWHERE, remote_ts=EVERYWHERE),
)  # fmt: skip
def test_any(peer: Peer) -> None:
    """A Child SA for everything, from everywhere to everywhere: the device agrees, and IKE goes on beside it."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    whole = selectors(EVERYWHERE)
    within(peer, answer, whole, whole)
    must_succeed(peer, sa)


@purpose(
    "auth-ts-any-initiator", "RFC7296-2.9.1-1", "RFC7296-3.13.1-6", role="initiator", ordinary=True, canary=False,
    connection=usual(local_ts=EVERYWHERE, remote_ts=EVERYWHERE),
)  # fmt: skip
def test_any_initiator(peer: Peer, dut: Dut) -> None:
    """The device asks for a Child SA for everything: all addresses, all ports; IKE goes on beside it."""
    _, theirs, ours = told(peer, dut)
    for one in (*theirs, *ours):
        ports = (one.start_port, one.end_port)
        peer.check(one.protocol or ports == (0, 65535), "ports 0 to 65535", one, "RFC7296-3.13.1-6")


@purpose(
    "data-any", "RFC7296-3.13.1-1", role="responder", needs=(DATA,), canary=False,
    connection=usual(local_ts=EVERYWHERE, remote_ts=EVERYWHERE),
)  # fmt: skip
def test_any_carried(peer: Peer, dut: Dut) -> None:
    """Everything goes into the tunnel: packets of our network pass, and IKE still reaches the device outside of it."""
    sa = peer.establish()
    ours, theirs = (ip_network(one[0])[1] for one in (dut.pixit.tester_networks, dut.pixit.device_networks))
    for number in range(2):
        sa.traffic.ask(inner.ping(str(ours + number), str(theirs), ident=0x317), requirement="RFC7296-3.13.1-1")
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")
    sa.must_be_up("RFC4301-4.4.1-2", "IKE goes on outside of the tunnel")
