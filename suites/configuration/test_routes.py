"""Routes by CFG_SET and CFG_ACK once the IKE SA is up, as FlexVPN exchanges them (RFC 7296, section 3.15.1)."""

from ipaddress import ip_address, ip_network

from conformance.ike.core.subnets import network_of, subnet
from conformance.script import inner
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType, Message, Payload
from peers.contract import Capability
from suites.configuration.steps import LENGTHS
from suites.configuration.test_exchanges import ACCEPTED, NOT_ACCEPTED, acknowledged
from suites.connections import usual
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.purpose import purpose

ROUTES = (Capability.ROUTE_EXCHANGE,)
GIVEN = "RFC7296-3.15.1-16"
OURS, OTHER = "10.8.0.0/16", "10.9.0.0/16"
BEHIND = "10.2.0.0/24"
_WIDE = usual(local_ts=("0.0.0.0/0",), remote_ts=("0.0.0.0/0",))
_SUBNET = CfgAttribute.INTERNAL_IP4_SUBNET
TAKES = {"remote_routes": (OURS,)}
"""The device expects routes of ours; our side sends them when the script says so."""
TELLS = {"local_routes": (BEHIND,)}


def announced(peer: Peer, sa: ScriptedSa, *routes: CfgAttr) -> list[CfgAttribute]:
    """What of these routes the device has accepted."""
    return acknowledged(peer, routes, sa.informational(CP(CfgType.SET, routes)))


def reached(peer: Peer, sa: ScriptedSa, network: str) -> None:
    """A ping from a host of the network is answered through our Child SA."""
    source, behind = str(ip_network(network)[1]), str(ip_network(peer.connection.children[0].remote_ts[0])[0])
    behind = str(ip_network(BEHIND)[1]) if behind == "0.0.0.0" else behind
    packet = inner.ping(source, behind)
    sa.traffic.ask(packet, requirement=GIVEN)


@purpose("cp-routes", GIVEN, ACCEPTED, NOT_ACCEPTED, role="responder", needs=ROUTES, connection=_WIDE, device=TAKES)
def test_taken(peer: Peer) -> None:
    """We announce two networks, one of them twice: the device acknowledges the kind of attribute, without values."""
    sa = peer.establish()
    accepted = announced(peer, sa, subnet("10.1.0.1/32"), subnet(OURS), subnet("10.1.0.1/32"))
    peer.check(_SUBNET in accepted, "INTERNAL_IP4_SUBNET accepted", accepted, GIVEN)
    sa.must_be_up(GIVEN)


@purpose(
    "cp-routes-traffic", GIVEN, "RFC7296-3.15.2-1",
    role="responder", needs=(*ROUTES, DATA), connection=_WIDE, device=TAKES,
)  # fmt: skip
def test_traffic(peer: Peer) -> None:
    """What goes to a network that we have announced comes to us, through our Child SA."""
    sa = peer.establish()
    announced(peer, sa, subnet(OURS))
    reached(peer, sa, OURS)


@purpose("cp-routes-changed", GIVEN, ACCEPTED, role="responder", needs=(*ROUTES, DATA), connection=_WIDE, device=TAKES)
def test_changed(peer: Peer) -> None:
    """We announce another network in place of the first one: what goes there comes to us now.

    Whether the first one is forgotten then is for the device to say: nothing describes how a route is withdrawn.
    """
    sa = peer.establish()
    announced(peer, sa, subnet(OURS))
    announced(peer, sa, subnet(OTHER))
    reached(peer, sa, OTHER)


@purpose(
    "cp-routes-own-end", "RFC7296-1.4-4", NOT_ACCEPTED, role="responder", needs=ROUTES, connection=_WIDE, device=TAKES
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
    "cp-routes-default", "RFC7296-1.4-4", NOT_ACCEPTED, role="responder", needs=ROUTES, connection=_WIDE, device=TAKES
)
def test_default(peer: Peer) -> None:
    """We announce the default route, as a hub may: IKE goes on, whether it is accepted or not."""
    sa = peer.establish()
    announced(peer, sa, subnet("0.0.0.0/0"))
    sa.must_be_up("RFC7296-1.4-4")


@purpose(
    "cp-routes-malformed", "RFC7296-1.4-4", ACCEPTED, NOT_ACCEPTED,
    role="responder", needs=(*ROUTES, DATA), connection=_WIDE, device=TAKES,
)  # fmt: skip
def test_malformed(peer: Peer) -> None:
    """Beside a good network stand one with bits behind its mask and one whose mask has holes: the good one is used."""
    sa = peer.establish()
    wrong = (bytes.fromhex(one) for one in ("0a090001ffff0000", "0a090000ff00ff00"))
    announced(peer, sa, subnet(OURS), *(CfgAttr(_SUBNET, one) for one in wrong))
    reached(peer, sa, OURS)


# --- what the device announces ----------------------------------------------------------------------------------------


def pushes(message: Message) -> bool:
    """Whether this is a CFG_SET."""
    return any(one.cfg_type == CfgType.SET for one in message.all(CP))


def told(peer: Peer, sa: ScriptedSa) -> Received:
    """The CFG_SET of the device: networks and what else, each as its table says; it is held."""
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=pushes, requirement=GIVEN)
    found = [each for one in request.message.all(CP) for each in one.attributes]
    for one in found:
        peer.check(not one.reserved, "reserved bits of zero", request.message, "RFC7296-3.15.1-1")
        if one.type in (_SUBNET, CfgAttribute.INTERNAL_IP6_SUBNET):
            peer.check(network_of(one) is not None, "a network and its mask", one.value.hex(), LENGTHS)
    networks = [network_of(one) for one in found]
    wanted = ip_network(BEHIND)
    peer.check(wanted in networks, f"{wanted} among the networks", ", ".join(map(str, networks)), GIVEN)
    return request


def opened(peer: Peer, dut: Dut) -> ScriptedSa:
    """The device opens an IKE SA."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer_auth()
    return sa


@purpose(
    "cp-routes-told", LENGTHS, GIVEN, "RFC7296-3.15.1-1", role="initiator", needs=ROUTES, connection=_WIDE, device=TELLS
)
def test_told(peer: Peer, dut: Dut) -> None:
    """A device that opens an IKE SA announces its networks by CFG_SET afterwards; we acknowledge them."""
    sa = opened(peer, dut)
    sa.answer(told(peer, sa), CP(CfgType.ACK, (CfgAttr(_SUBNET),)))
    sa.must_be_up(GIVEN)


def answered(identifier: str, title: str, *payloads: Payload) -> object:
    """A purpose: the device's CFG_SET is answered with these, and its IKE SA goes on."""

    def test(peer: Peer, dut: Dut) -> None:
        sa = opened(peer, dut)
        request = told(peer, sa)
        if payloads:
            sa.answer(request, *payloads)
        else:
            sa.answer(request)
        sa.must_be_up("RFC7296-3.15.1-19")

    test.__doc__ = title
    return purpose(
        identifier, "RFC7296-3.15.1-19", GIVEN, role="initiator", needs=ROUTES, connection=_WIDE, device=TELLS
    )(test)


test_ignored = answered("cp-routes-ignored", "We accept none of the device's routes, and say so by an empty response.")
test_replied = answered(
    "cp-routes-replied", "We answer the device's CFG_SET with a CFG_REPLY, which it is not: the IKE SA goes on.",
    CP(CfgType.REPLY, (subnet(OURS),)),
)  # fmt: skip
test_acknowledged_more = answered(
    "cp-routes-acknowledged-more", "We acknowledge what the device has not sent, with values: the IKE SA goes on.",
    CP(CfgType.ACK, (subnet(OURS), CfgAttr(CfgAttribute.INTERNAL_IP4_DNS, ip_address("10.1.0.53").packed))),
)  # fmt: skip
