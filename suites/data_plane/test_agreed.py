"""What was agreed upon about a Child SA is what its packets look like (RFC 7296, sections 1.3.1, 2.22, 2.23, 3.13)."""

from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from conformance.ike.core.connection import Connection
from conformance.ipsec.ip import parse
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ExchangeType, Notify, NotifyType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import Setup, usual
from suites.create_child_sa.test_further_payloads import DEFLATE, asking, ending
from suites.data_plane.steps import DATA, flows
from suites.dut import Dut
from suites.ike_auth.refusal import is_taken_by
from suites.purpose import purpose

UNPADDED, WHOLE, FORMS = "RFC7296-1.3.1-11", "RFC7296-1.3.1-12", "RFC7296-2.23-8"
NO_TFC = Notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED)


def unpadded(peer: Peer, sa: ScriptedSa) -> None:
    """Answers of several sizes come without padding against traffic analysis."""
    for size in (0, 56, 1000):
        found = sa.traffic.ping(size=size)
        peer.check(not found.tfc, "no TFC padding", f"{found.tfc} octets of it", UNPADDED)


@purpose("data-tfc-unwanted", UNPADDED, role="responder", needs=(DATA,))
def test_tfc_unwanted(peer: Peer) -> None:
    """We say in IKE_AUTH that we take no padding against traffic analysis: there is none in what comes."""
    sa = peer.sa()
    with peer.preamble("IKE_AUTH"):
        sa.init()
        sa.auth(asking(NO_TFC))
        sa.must_be_established()
    unpadded(peer, sa)


@purpose("data-tfc-unwanted-initiator", UNPADDED, role="initiator", needs=(DATA,))
def test_tfc_unwanted_initiator(peer: Peer, dut: Dut) -> None:
    """The same in our response to a device that initiates."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    with peer.preamble("IKE_AUTH"):
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=ending(NO_TFC))
        sa.must_be_established()
    unpadded(peer, sa)


def echoes(pixit: Pixit) -> Connection:
    """A Child SA for ICMP of the types 0 to 8 only, echo requests and their replies among them."""
    found = (f"{net}[icmp/0-2303]" for net in (pixit.tester_networks[0], pixit.device_networks[0]))
    ours, theirs = found
    return usual(local_ts=(ours,), remote_ts=(theirs,))(pixit)


def unfragmented(peer: Peer, sa: ScriptedSa) -> None:
    """A large reply comes in fragments that were made outside, if it may be sent at all."""
    sa.traffic.ping()
    with suppress(Unexpected):
        sa.traffic.ping(size=3000)
    later = [one for one in peer.traffic.arrived if one.channel and one.inner and parse(one.inner).fragment_offset]
    peer.check(not later, "no fragments on this SA but first ones", "; ".join(map(str, later)), WHOLE)


@purpose("data-fragments-unagreed", WHOLE, role="responder", needs=(DATA,), connection=echoes)
def test_fragments_unagreed(peer: Peer) -> None:
    """A Child SA is for some types of ICMP, and nobody has spoken of fragments, which have no type: none go there.

    What is too long for a packet is encrypted first, and cut then.
    """
    unfragmented(peer, peer.establish())


@purpose("data-fragments-unagreed-initiator", WHOLE, role="initiator", needs=(DATA,), connection=echoes)
def test_fragments_unagreed_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device has asked for that Child SA."""
    dut.initiate()
    unfragmented(peer, peer.accept())


@purpose("data-uncompressed", "RFC7296-2.22-8", role="responder", needs=(DATA,))
def test_uncompressed(peer: Peer) -> None:
    """We offer compression with DEFLATE, and a device that declines does not compress what would become far shorter."""
    sa = peer.sa()
    with peer.preamble("IKE_AUTH"):
        sa.init()
        answer = sa.auth(asking(Notify(NotifyType.IPCOMP_SUPPORTED, DEFLATE)))
        sa.must_be_established()
    if answer.notify(NotifyType.IPCOMP_SUPPORTED):
        raise NotApplicable("the device compresses, which our side does not")
    packet = inner.ping(sa.traffic.channel().ours, sa.traffic.channel().theirs, ident=0x222, size=1000)
    mark = len(peer.traffic.arrived)
    sa.traffic.ask(packet, requirement="RFC7296-2.22-8")
    octets = sum(len(one.wire) for one in peer.traffic.arrived[mark:])  # in one piece or in several
    peer.check(octets > 1000, "more than 1000 octets in answer", octets, "RFC7296-2.22-8")


@purpose("data-udp-unagreed", FORMS, "RFC7296-2.23-23", role="responder", needs=(DATA, Capability.NAT_T))
def test_udp_unagreed(peer: Peer) -> None:
    """Nobody has found a NAT, and a packet of ours comes in UDP all the same: it is processed."""
    sa = peer.establish()
    if sa.traffic.channel().outbound.parameters.udp is not None:
        raise NotApplicable("ESP goes in UDP here")
    flows(peer)
    packet = sa.traffic.echo_request()
    sa.traffic.other_way(packet)
    sa.traffic.answer(packet, "RFC7296-2.23-23")


@purpose(
    "data-udp-left-out", FORMS, role="responder", needs=(DATA, Capability.NAT_T),
    connection=usual(force_encapsulation=True), device={"force_encapsulation": False},
)  # fmt: skip
def test_udp_left_out(peer: Peer) -> None:
    """There seems to be a NAT, so that ESP goes in UDP, and a packet of ours comes without: it is processed."""
    sa = peer.establish()
    flows(peer)
    packet = sa.traffic.echo_request()
    sa.traffic.other_way(packet)
    sa.traffic.answer(packet, FORMS)


def part_of_ours(*prefixes: str, **changes: Any) -> Setup:
    """A connection for these parts of our network, written as an offset and a length: ``4/30``."""

    def setup(pixit: Pixit) -> Connection:
        start = ip_network(pixit.tester_networks[0]).network_address
        pairs = [one.split("/") for one in prefixes]
        return usual(local_ts=tuple(f"{start + int(at)}/{length}" for at, length in pairs), **changes)(pixit)

    return setup


def host(dut: Dut, number: int) -> str:
    """A host of our network by its number."""
    return str(ip_network(dut.pixit.tester_networks[0]).network_address + number)


def reachable(sa: ScriptedSa, source: str, requirement: str) -> None:
    """A ping from this host of ours is answered."""
    theirs = sa.traffic.channel().theirs
    sa.traffic.ask(inner.ping(source, theirs, ident=0x313), requirement=requirement)


@purpose(
    "data-range-ends", "RFC7296-3.13.1-8", "RFC4301-5.2-3", role="responder", needs=(DATA,),
    connection=part_of_ours("4/30"),
)  # fmt: skip
def test_range_ends(peer: Peer, dut: Dut) -> None:
    """Our side of the Child SA is four addresses: the first and the last come through, their neighbours do not."""
    sa = peer.establish()
    for number in (4, 5, 7):
        reachable(sa, host(dut, number), "RFC7296-3.13.1-8")

    def inside() -> None:
        reachable(sa, host(dut, 6), "RFC7296-3.13.1-8")

    with sa.traffic.silence("RFC4301-5.2-3", prove=inside, bypass=True):
        for number in (3, 8):
            sa.traffic.send(inner.ping(host(dut, number), sa.traffic.channel().theirs, ident=0x314))


@purpose(
    "data-narrowed-initiator", "RFC4301-5.2-3", "RFC4301-4.4.1-2", "RFC7296-2.9-3", role="initiator", needs=(DATA,),
    connection=part_of_ours("16/28", narrowing=True),
)  # fmt: skip
def test_narrowed_initiator(peer: Peer, dut: Dut) -> None:
    """We narrow what the device asks for to half of our network, and say that there could be more in another SA.

    The device may refuse that. If it does not, the Child SA is for this half only: what comes from the other half
    there is dropped, and what the device has to say to that half does not go there.
    """
    dut.initiate()
    first, children = peer.expect_init(), peer.connection.children
    half = next(iter(ip_network(children[0].local_ts[0]).subnets()))
    sa = peer.respond_init(first, children=(replace(children[0], local_ts=(str(half),)), *children[1:]))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=ending(Notify(NotifyType.ADDITIONAL_TS_POSSIBLE)))
    if not is_taken_by(dut, peer, sa):
        raise NotApplicable("the device takes no narrower selectors")
    channel, outside = sa.traffic.channel(), host(dut, 25)
    reachable(sa, host(dut, 17), "RFC7296-2.9-3")
    with sa.traffic.silence("RFC4301-5.2-3", bypass=True):
        sa.traffic.send(inner.ping(outside, channel.theirs, ident=0x315))
    sa.traffic.clear(inner.ping(outside, channel.theirs, ident=0x316))
    reachable(sa, host(dut, 18), "RFC7296-2.9-3")
    beyond = [
        one for one in peer.traffic.arrived
        if one.channel is channel and one.inner and parse(one.inner).destination == ip_address(outside).packed
    ]  # fmt: skip
    peer.check(not beyond, f"nothing to {outside} there", "; ".join(map(str, beyond)), "RFC4301-4.4.1-2")


@purpose(
    "data-selectors-several", "RFC7296-3.13-4", role="responder", needs=(DATA,),
    connection=part_of_ours("16/29", "64/29"),
)  # fmt: skip
def test_selectors_several(peer: Peer, dut: Dut) -> None:
    """Two selectors for our side and one for the device's: hosts of both parts reach the network behind it."""
    sa = peer.establish()
    if len(sa.child.local_ts) < 2:
        raise NotApplicable(f"the device narrows to {', '.join(map(str, sa.child.local_ts))}")
    for number in (17, 65):
        source = host(dut, number)
        packed = ip_address(source).packed
        covered = any(one.start <= packed <= one.end for one in sa.child.local_ts)
        if not covered:
            raise NotApplicable(f"the device leaves {source} out")
        reachable(sa, source, "RFC7296-3.13-4")
