"""A packet asks for the Child SA: what the device makes of it (RFC 7296, sections 2.9, 2.9.2 and 2.23.1)."""

from ipaddress import ip_address

from conformance.script import bend
from conformance.script.message import Received, rekeys_child
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from conformance.wire import SA, ExchangeType, Message, Notify, NotifyType, TrafficSelector, TSi, TSr
from peers.capabilities import Capability
from suites.data_plane.steps import flows
from suites.dut import Dut
from suites.purpose import purpose

NEEDS = (Capability.ON_DEMAND,)
FIRST, PORTS, SINGLE, NOT_AGAIN = "RFC7296-2.9-5", "RFC7296-2.23.1-3", "RFC7296-2.9-12", "RFC7296-2.9.2-4"
PATIENCE = 6.0
"""Seconds until the device has seen the packet: its kernel may have asked in vain a moment ago."""
ECHO_REQUEST = 8 << 8
"""Type 8 and code 0 of ICMP as one number (RFC 7296, section 3.13.1)."""


def ends(message: Message) -> tuple[tuple[TrafficSelector, ...], tuple[TrafficSelector, ...]]:
    """The selectors of the device's side and of ours in a request of the device."""
    found = [one.selectors if one is not None else () for one in (message.first(TSi), message.first(TSr))]
    device, ours = (tuple(one for one in each if isinstance(one, TrafficSelector)) for each in found)
    return device, ours


def is_host(one: TrafficSelector, address: str) -> bool:
    """Whether a selector is for this address alone."""
    return one.start == one.end == ip_address(address).packed


def wanted(peer: Peer, dut: Dut) -> tuple[tuple[str, str], Received]:
    """A packet from behind the device needs a Child SA; its ends, and the device's IKE_AUTH request, held."""
    pair = dut.provoke()
    with peer.preamble("a packet opens the IKE SA"):
        sa = peer.respond_init(peer.expect_init(PATIENCE))
        return pair, sa.expect_request(ExchangeType.IKE_AUTH)


@purpose("auth-ts-packet", FIRST, PORTS, role="initiator", needs=NEEDS)
def test_packet(peer: Peer, dut: Dut) -> None:
    """The first selectors of both sides are the addresses of the packet, with its protocol and its ICMP type.

    A responder that narrows then knows which part is needed now.
    """
    pair, request = wanted(peer, dut)
    found = [each[0] for each in ends(request.message) if each]
    both = len(found) == 2 and all(is_host(one, address) for one, address in zip(found, pair, strict=True))
    said = ", ".join(map(str, found))
    peer.check(both, f"{' and '.join(pair)} as the first selectors", said, FIRST)
    exact = all(one.protocol == 1 and one.start_port <= ECHO_REQUEST <= one.end_port < 65535 for one in found)
    peer.check(exact, "ICMP and the type of the packet in both", said, PORTS)


@purpose(
    "child-rekey-without-packet", NOT_AGAIN, role="initiator", needs=(*NEEDS, Capability.REKEY_CHILD)
)  # fmt: skip
def test_rekey(peer: Peer, dut: Dut) -> None:
    """The Child SA that a packet has asked for is rekeyed: the selectors of the packet are not sent again."""
    pair, request = wanted(peer, dut)
    sa = request.sa
    assert sa is not None
    with peer.preamble("IKE_AUTH"):
        sa.answer(request)
        sa.must_be_established()
        sa.liveness()
    agreed = (sa.child.remote_ts, sa.child.local_ts)
    if any(any(is_host(one, address) for one in each) for each, address in zip(agreed, pair, strict=True)):
        raise NotApplicable("the Child SA is for the packet alone")
    dut.rekey_child()
    message = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child).message
    again = [
        str(one) for each, address in zip(ends(message), pair, strict=True) for one in each if is_host(one, address)
    ]
    peer.check(not again, "no selectors of the packet", ", ".join(again), NOT_AGAIN)


@purpose("auth-single-pair", SINGLE, role="initiator", needs=NEEDS)
def test_single_pair(peer: Peer, dut: Dut) -> None:
    """N(SINGLE_PAIR_REQUIRED) refuses the Child SA: if the device asks once more, then for the pair of the packet.

    It may ask at once, or when the next packet comes, a second or two later.
    """
    pair, request = wanted(peer, dut)
    sa = request.sa
    if sa is None:
        raise Inconclusive("the request belongs to no IKE SA")
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    refusal = bend.drop(SA, TSi, TSr) | bend.append(Notify(NotifyType.SINGLE_PAIR_REQUIRED))
    sa.answer(request, bend=refusal)
    try:
        again = sa.expect_request(ExchangeType.CREATE_CHILD_SA, timeout=PATIENCE)
    except Unexpected:
        peer.note("the device does not ask again, as it may")
        return
    asked = ends(again.message)
    exact = all(len(each) == 1 and is_host(each[0], address) for each, address in zip(asked, pair, strict=True))
    peer.check(exact, f"{' and '.join(pair)} alone", again, SINGLE)


@purpose(
    "data-on-demand", "RFC4301-4.4.1-1", "RFC4301-4.4.1-2", role="initiator", needs=(*NEEDS, Capability.DATA_PLANE)
)  # fmt: skip
def test_flows(peer: Peer, dut: Dut) -> None:
    """A packet from behind the device opens the IKE SA; it did not come in the clear, and traffic flows then."""
    _, request = wanted(peer, dut)
    sa = request.sa
    assert sa is not None
    sa.answer(request)
    sa.must_be_established()
    flows(peer, requirement="RFC4301-4.4.1-1")
