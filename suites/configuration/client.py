"""What a device that asks for an address makes of our reply."""

from dataclasses import replace

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType
from suites.configuration.steps import A4, A6, LENGTHS
from suites.dut import Dut
from suites.ike_auth.refusal import refuses, requests
from suites.ike_auth.steps import must_be_accepted_by

D = CfgAttribute


def opened(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received, CP]:
    """The device opens an IKE SA, and asks for an address; its IKE_AUTH request with SA is held."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    return sa, request, peer.expect(request.message, CP, "RFC7296-2.19-2")


def right_form(peer: Peer, asked: CP) -> None:
    """What a CFG_REQUEST says, it says as it must."""
    peer.check(asked.cfg_type == CfgType.REQUEST, "CFG_REQUEST", asked, "RFC7296-2.19-2")
    peer.check(not asked.reserved2, "RESERVED of zero", asked, "RFC7296-3.15-1")
    sizes = {
        A4: (0, 4), D.INTERNAL_IP4_DNS: (0, 4), D.INTERNAL_IP4_NBNS: (0, 4), D.INTERNAL_IP4_DHCP: (0, 4),
        A6: (0, 17), D.INTERNAL_IP6_DNS: (0, 16), D.INTERNAL_IP6_DHCP: (0, 16), D.INTERNAL_IP4_SUBNET: (0, 8),
        D.INTERNAL_IP6_SUBNET: (0, 17),
    }  # fmt: skip
    for one in asked.attributes:
        peer.check(not one.reserved, f"the reserved bit of {one.type.name} is zero", asked, "RFC7296-3.15.1-1")
        allowed = sizes.get(one.type, (len(one.value),))
        peer.check(len(one.value) in allowed, f"{one.type.name} of {allowed} octets", one.value.hex(), LENGTHS)
        if one.type == D.INTERNAL_IP4_NETMASK:
            peer.check(not one.value, "a netmask without a value", one.value.hex(), "RFC7296-3.15.1-9")
        if one.type == D.SUPPORTED_ATTRIBUTES:
            peer.check(not one.value, "SUPPORTED_ATTRIBUTES without a value", one.value.hex(), "RFC7296-3.15.1-12")
        if one.type == D.INTERNAL_DNSSEC_TA:
            length = len(one.value)
            peer.check(not length or length > 4, "no anchor, or all of one", one.value.hex(), "RFC8598-3.1-7")
        if one.type == D.APPLICATION_VERSION:
            printable = all(0x20 <= octet < 0x7F for octet in one.value)
            peer.check(printable, "printable ASCII without terminator", one.value.hex(), "RFC7296-3.15.1-11")
    kinds = [one.type for one in asked.attributes]
    peer.check(kinds.count(D.INTERNAL_IP4_NETMASK) <= 1, "one netmask at most", asked, "RFC7296-3.15.1-7")
    servers = any(one in kinds for one in (D.INTERNAL_IP4_DNS, D.INTERNAL_IP6_DNS))
    if D.INTERNAL_DNS_DOMAIN in kinds:
        peer.check(servers, "name servers are asked for beside domains", asked, "RFC8598-3.1-1")
    if D.INTERNAL_DNSSEC_TA in kinds:
        peer.check(D.INTERNAL_DNS_DOMAIN in kinds, "domains are asked for beside anchors", asked, "RFC8598-3.1-4")


def adding(*attributes: CfgAttr, reserved: int = 0) -> Bend:
    """Our CFG_REPLY has these behind the address."""
    return bend.replace(
        CP, lambda one: replace(one, attributes=(*one.attributes, *attributes), reserved2=reserved),
        f"{len(attributes)} attributes more",
    )  # fmt: skip


def takes(peer: Peer, dut: Dut, bent: Bend, requirement: str) -> None:
    """With this reply the device goes on, and has its Child SA."""
    sa, request, _ = opened(peer, dut)
    sa.answer(request, bend=bent)
    must_be_accepted_by(sa, requirement)
    gone = [one for one in requests(peer, sa) if refuses(one)]
    peer.check(not gone, "the IKE SA goes on", gone[0] if gone else "", requirement)
