"""Networks that the device announces by CFG_SET once the IKE SA is up (RFC 7296, section 3.15.1)."""

from ipaddress import ip_address, ip_network

from conformance.ike.core.subnets import network_of, subnet
from conformance.script import inner
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType, Message, Payload
from peers.capabilities import Capability
from suites.configuration.routes import BEHIND, GIVEN, OURS, ROUTES, SUBNET, WIDE
from suites.configuration.steps import LENGTHS
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.purpose import purpose

TELLS = {"local_routes": (BEHIND,)}
MANY_NETWORKS = (BEHIND, *(f"10.{9 + number // 200}.{number % 200}.0/24" for number in range(249)))


def pushes(message: Message) -> bool:
    """Whether this is a CFG_SET."""
    return any(one.cfg_type == CfgType.SET for one in message.all(CP))


def told(peer: Peer, sa: ScriptedSa) -> Received:
    """The CFG_SET of the device: networks and what else, each as its table says; it is held."""
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=pushes, requirement=GIVEN)
    found = [each for one in request.message.all(CP) for each in one.attributes]
    for one in found:
        peer.check(not one.reserved, "reserved bits of zero", request.message, "RFC7296-3.15.1-1")
        if one.type in (SUBNET, CfgAttribute.INTERNAL_IP6_SUBNET):
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
    "cp-routes-told", LENGTHS, GIVEN, "RFC7296-3.15.1-1", role="initiator", needs=ROUTES, connection=WIDE, device=TELLS
)
def test_told(peer: Peer, dut: Dut) -> None:
    """A device that opens an IKE SA announces its networks by CFG_SET afterwards; we acknowledge them."""
    sa = opened(peer, dut)
    sa.answer(told(peer, sa), CP(CfgType.ACK, (CfgAttr(SUBNET),)))
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
        identifier, "RFC7296-3.15.1-19", GIVEN, role="initiator", needs=ROUTES, connection=WIDE, device=TELLS
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


@purpose(
    "cp-routes-told-responder", GIVEN, LENGTHS, "RFC7296-3.15.1-1",
    role="responder", needs=ROUTES, connection=WIDE, device=TELLS,
)  # fmt: skip
def test_told_by_responder(peer: Peer) -> None:
    """A client has asked for nothing: its gateway announces its networks by CFG_SET, and takes our CFG_ACK."""
    sa = peer.establish()
    sa.answer(told(peer, sa), CP(CfgType.ACK, (CfgAttr(SUBNET),)))
    sa.must_be_up(GIVEN)


@purpose(
    "cp-routes-told-unanswered", "RFC7296-2.1-8", "RFC7296-2.1-7",
    role="initiator", needs=ROUTES, connection=WIDE, device=TELLS, waits=10,
)  # fmt: skip
def test_unanswered(peer: Peer, dut: Dut) -> None:
    """We never answer the device's CFG_SET: it comes again, some times, and then the IKE SA has failed."""
    own = dut.retransmission
    sa = opened(peer, dut)
    request = told(peer, sa)
    peer.idle(1.1 * own.patience + 1)
    peer.check(request.copies > 1, "the request repeated", f"{request.copies} copy", "RFC7296-2.1-7")
    sa.must_be_gone("RFC7296-2.1-8")


@purpose("cp-routes-told-crossing", "RFC7296-2.3-5", role="initiator", needs=ROUTES, connection=WIDE, device=TELLS)
def test_crossing(peer: Peer, dut: Dut) -> None:
    """While the device waits for our CFG_ACK we announce a network and ask for its life: both are answered."""
    sa = opened(peer, dut)
    request = told(peer, sa)
    sa.informational(CP(CfgType.SET, (subnet(OURS),)))
    sa.liveness()
    sa.answer(request, CP(CfgType.ACK, (CfgAttr(SUBNET),)))
    sa.must_be_up("RFC7296-2.3-5")


@purpose(
    "cp-routes-told-many", GIVEN, LENGTHS, role="initiator", needs=(*ROUTES, Capability.FRAGMENTATION),
    connection=WIDE, device={"local_routes": MANY_NETWORKS},
)  # fmt: skip
def test_told_many(peer: Peer, dut: Dut) -> None:
    """A device with 250 networks announces all of them, in fragments or in several messages, which we acknowledge."""
    sa = opened(peer, dut)
    missing = {ip_network(one) for one in MANY_NETWORKS}
    while missing:
        request = sa.expect_request(ExchangeType.INFORMATIONAL, where=pushes, requirement=GIVEN)
        found = [each for one in request.message.all(CP) for each in one.attributes]
        networks = {network_of(one) for one in found if one.type == SUBNET}
        peer.check(None not in networks, "networks and their masks", request.message, LENGTHS)
        peer.check(missing & networks, "networks that we have not heard of yet", request.message, GIVEN)
        missing -= {one for one in networks if one is not None}
        sa.answer(request, CP(CfgType.ACK, (CfgAttr(SUBNET),)))
    sa.must_be_up(GIVEN)


@purpose(
    "cp-routes-told-traffic", "RFC4301-4.4.1-2", "RFC7296-3.15.2-1",
    role="initiator", needs=(*ROUTES, DATA), connection=WIDE, device=TELLS,
)  # fmt: skip
def test_told_traffic(peer: Peer, dut: Dut) -> None:
    """What the device has announced is behind it: a host of the first such network answers, through the Child SA."""
    sa = opened(peer, dut)
    sa.answer(told(peer, sa), CP(CfgType.ACK, (CfgAttr(SUBNET),)))
    sa.informational(CP(CfgType.SET, (subnet("10.1.0.0/24"),)))
    sa.traffic.ask(inner.ping("10.1.0.1", str(ip_network(BEHIND)[1])), sa.child, "RFC7296-3.15.2-1")
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")
