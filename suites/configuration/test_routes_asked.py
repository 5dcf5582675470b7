"""Networks that are asked for and told in IKE_AUTH, without any inner address (RFC 7296, sections 2.19 and 3.15.1).

FlexVPN routers do that: the initiator asks for INTERNAL_IP4_SUBNET and INTERNAL_IP6_SUBNET, the responder tells what is
behind it, and the initiator announces its own networks by CFG_SET afterwards.
"""

from ipaddress import ip_network

from conformance.ike.core.subnets import network_of, subnet
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import AUTH, CP, CfgAttr, CfgAttribute, CfgType, ExchangeType
from peers.capabilities import Capability
from suites.configuration.client import right_form
from suites.configuration.routes import BEHIND, CLEAR, OURS, ROUTES, SUBNET, WIDE, reached, taken
from suites.configuration.steps import A4, A6, IGNORED, LENGTHS, attributes, requested, values, well_formed
from suites.configuration.test_routes_forms import SUBNET6
from suites.configuration.test_set_stays import LEAVES, ends
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

TIER = "full"
NEEDS = (*ROUTES, Capability.ROUTES_IN_AUTH)
FORM = "RFC7296-3.15.1-24"
THROUGH = "RFC7296-3.15.2-1"
ASKED = CP(CfgType.REQUEST, (CfgAttr(SUBNET), CfgAttr(SUBNET6), CfgAttr(CfgAttribute.APPLICATION_VERSION, b"ikespec")))
TELLS = {"local_routes": (BEHIND,), "remote_routes": (OURS,), "routes_in_auth": True}


@purpose(
    "cp-routes-asked", FORM, LENGTHS, "RFC7296-3.15.1-1", role="responder", needs=NEEDS, connection=WIDE, device=TELLS,
    ordinary=True,
)  # fmt: skip
def test_asked(peer: Peer) -> None:
    """We ask for networks in IKE_AUTH, and for no address: the device tells those behind it, and assigns nothing."""
    sa, answer = requested(peer, bend.insert(ASKED, 1))
    peer.expect(answer, AUTH, FORM)
    well_formed(peer, answer)
    networks = [network_of(one) for one in attributes(answer)]
    peer.check(ip_network(BEHIND) in networks, f"{BEHIND} among its networks", answer, FORM)
    peer.check(not values(answer, A4) and not values(answer, A6), "no address", answer, "RFC7296-3.15.1-5")
    sa.must_be_up(FORM)


@purpose(
    "cp-routes-asked-traffic", FORM, THROUGH, role="responder", needs=(*NEEDS, DATA), connection=WIDE, device=TELLS,
    ordinary=True,
)  # fmt: skip
def test_asked_traffic(peer: Peer) -> None:
    """We get the networks of the device in IKE_AUTH and announce ours by CFG_SET: there is traffic between the two."""
    sa, answer = requested(peer, bend.insert(ASKED, 1))
    peer.expect(answer, AUTH, FORM)
    taken(peer, sa, OURS)
    reached(peer, sa, OURS)
    sa.traffic.must_not_leak(CLEAR)


@purpose(
    "cp-routes-unasked", "RFC7296-2.19-8", role="responder", needs=NEEDS, connection=WIDE, device=TELLS, ordinary=True
)
def test_unasked(peer: Peer) -> None:
    """We ask for nothing in IKE_AUTH: the device tells nothing there."""
    sa, answer = requested(peer)
    peer.expect(answer, AUTH, "RFC7296-2.19-8")
    told = [one for one in answer.all(CP) if one.cfg_type == CfgType.REPLY]
    peer.check(not told, "no CFG_REPLY", answer, "RFC7296-2.19-8")
    sa.must_be_up("RFC7296-2.19-8")


# --- the device asks --------------------------------------------------------------------------------------------------


def asks(peer: Peer, dut: Dut, *told: CfgAttr) -> ScriptedSa:
    """The device opens an IKE SA and asks for networks; we tell these, or say nothing."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    asked = peer.expect(request.message, CP, "RFC7296-2.19-2")
    right_form(peer, asked)
    wanted = any(one.type == SUBNET and not one.value for one in asked.attributes)
    peer.check(wanted, "INTERNAL_IP4_SUBNET without a value", asked, LENGTHS)
    sa.answer(request, bend=bend.insert(CP(CfgType.REPLY, told), 2) if told else None)
    must_be_accepted_by(sa, IGNORED)
    return sa


@purpose(
    "cp-routes-asks", LENGTHS, IGNORED, "RFC7296-2.19-2", role="initiator", needs=NEEDS, connection=WIDE, device=TELLS
)
def test_asks(peer: Peer, dut: Dut) -> None:
    """The device asks for networks in IKE_AUTH; we tell two, and things that it has not asked for: it goes on."""
    more = CfgAttr(CfgAttribute.INTERNAL_IP4_DNS, bytes((10, 1, 0, 53)))
    sa = asks(peer, dut, subnet(OURS), subnet("fd08::/64"), more, CfgAttr(CfgAttribute(28672), b"Welcome"))
    sa.must_be_up(IGNORED)


@purpose("cp-routes-asks-none", IGNORED, LENGTHS, role="initiator", needs=NEEDS, connection=WIDE, device=TELLS)
def test_asks_none(peer: Peer, dut: Dut) -> None:
    """The device asks for networks in IKE_AUTH, and we have none to tell: there is no CFG_REPLY, and it goes on."""
    sa = asks(peer, dut)
    sa.must_be_up(IGNORED)


@purpose(
    "cp-routes-asks-traffic", CLEAR, THROUGH, role="initiator", needs=(*NEEDS, DATA), connection=WIDE, device=TELLS
)
def test_asks_traffic(peer: Peer, dut: Dut) -> None:
    """What goes to a network that we have told in our CFG_REPLY comes to us, through our Child SA."""
    sa = asks(peer, dut, subnet(OURS))
    reached(peer, sa, OURS)
    sa.traffic.must_not_leak(CLEAR)


@purpose(
    "cp-routes-asks-own-end", LEAVES, CLEAR, THROUGH, "RFC7296-1.4-4", role="initiator", needs=(*NEEDS, DATA),
    connection=WIDE, device=TELLS,
)  # fmt: skip
def test_asks_own_end(peer: Peer, dut: Dut) -> None:
    """Our CFG_REPLY has networks in which the outer ends of the tunnel are: it does not go into itself."""
    sa = asks(peer, dut, subnet(OURS), *map(subnet, ends(peer)))
    reached(peer, sa, OURS)
    with sa.traffic.silence(LEAVES, lambda: reached(peer, sa, OURS)):
        sa.liveness()
    sa.traffic.must_not_leak(CLEAR)
    sa.must_be_up("RFC7296-1.4-4")
