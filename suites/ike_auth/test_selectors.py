"""Traffic selectors and the mode of the first Child SA (RFC 7296, sections 1.3.1 and 2.9)."""

from dataclasses import replace

from conformance.ike.core.connection import Connection, Mode
from conformance.ike.core.selectors import covered, selector, selectors
from conformance.ipsec.ip import ICMP
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    AUTH,
    SA,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    TrafficSelector,
    TSi,
    TSr,
    UnknownSelector,
)
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import two_children, usual
from suites.create_child_sa.answers import kept
from suites.dut import Dut
from suites.ike_auth.steps import host_to_host, must_be_accepted_by, must_succeed
from suites.purpose import purpose

_WIDE = selectors(("10.0.0.0/8",))


def offer(ours: tuple[object, ...], theirs: tuple[object, ...]) -> Bend:
    """TSi and TSr with these selectors."""
    return bend.change(TSi, selectors=ours) | bend.change(TSr, selectors=theirs)


def refuses(dut: Dut, answer: Message) -> bool:
    """True if a device that does not claim to narrow takes none of the selectors, or all of them."""
    unacceptable = answer.notify(NotifyType.TS_UNACCEPTABLE) is not None and answer.first(SA) is None
    return unacceptable and Capability.NARROWING not in dut.device.capabilities


def within(peer: Peer, answer: Message, ours: tuple[TrafficSelector, ...], theirs: tuple[TrafficSelector, ...]) -> None:
    """TSi and TSr of the response are not empty and lie within what was offered."""
    peer.check(answer.first(SA), "a Child SA for a part of what was offered", answer, "RFC7296-2.9-13")
    found_i, found_r = peer.expect(answer, TSi, "RFC7296-2.9-1"), peer.expect(answer, TSr, "RFC7296-2.9-1")
    peer.check(found_i.selectors and found_r.selectors, "selectors in both", answer, "RFC7296-2.9-3")
    peer.check(covered(found_i.selectors, ours), "TSi within the offer", found_i, "RFC7296-1.3.1-5")
    peer.check(covered(found_r.selectors, theirs), "TSr within the offer", found_r, "RFC7296-1.3.1-5")


@purpose(
    "auth-ts-narrow", "RFC7296-2.9-3", "RFC7296-5.1-1", "RFC7296-2.9-13", "RFC7296-2.9-2", role="responder",
    connection=usual(narrowing=True),
)  # fmt: skip
def test_narrow(peer: Peer, dut: Dut) -> None:
    """A responder whose policy is smaller than the offer narrows it.

    We offer 10.0.0.0/8 on both sides. What comes back must lie within what the device is configured for. One that does
    not claim to narrow may refuse.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offer(_WIDE, _WIDE))
    if refuses(dut, answer):
        return
    ours, theirs = peer.expect(answer, TSi, "RFC7296-2.9-13"), peer.expect(answer, TSr, "RFC7296-2.9-13")
    policy = dut.connection.children[0]
    peer.check(ours.selectors and theirs.selectors, "selectors in both", answer, "RFC7296-2.9-3")
    for kind, found, allowed in (("TSr", theirs, policy.local_ts), ("TSi", ours, policy.remote_ts)):
        inside = covered(found.selectors, selectors(allowed))
        peer.check(inside, f"{kind} within the policy", found, "RFC7296-5.1-1", bypass=True)


@purpose(
    "auth-ts-subset", "RFC7296-1.3.1-5", "RFC7296-2.9-3", "RFC7296-2.9-1", role="responder", ordinary=True,
    connection=usual(narrowing=True),
)  # fmt: skip
def test_subset(peer: Peer, dut: Dut) -> None:
    """A responder never widens: we offer a part of its policy, one protocol and one port."""
    policy = dut.connection.children[0]
    ours, theirs = part(policy.remote_ts[0]), part(policy.local_ts[0])
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offer((ours,), (theirs,)))
    if refuses(dut, answer):
        raise NotApplicable("the device takes its own selectors as a whole only")
    within(peer, answer, (ours,), (theirs,))


@purpose(
    "auth-ts-port-range", "RFC7296-1.3.1-5", "RFC7296-2.9-3", role="responder", ordinary=True,
    connection=usual(narrowing=True),
)  # fmt: skip
def test_port_range(peer: Peer, dut: Dut) -> None:
    """We offer the TCP ports 1024 to 2047 of both sides: the device returns these or a part of them, or refuses.

    Not every device has a policy for a range of ports.
    """
    policy = dut.connection.children[0]
    ours, theirs = (
        replace(part(one), start_port=1024, end_port=2047) for one in (policy.remote_ts[0], policy.local_ts[0])
    )
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offer((ours,), (theirs,)))
    if answer.notify(NotifyType.TS_UNACCEPTABLE) is not None and answer.first(SA) is None:
        raise NotApplicable("the device takes no ranges of ports")
    within(peer, answer, (ours,), (theirs,))


def of_one_type(pixit: Pixit) -> Connection:
    """A Child SA for ICMP echo requests only: type 8, any code."""
    ours, theirs = (f"{net}[icmp/2048-2303]" for net in (pixit.tester_networks[0], pixit.device_networks[0]))
    return usual(local_ts=(ours,), remote_ts=(theirs,))(pixit)


def typed(peer: Peer, message: Message) -> None:
    """Its selectors are for the ICMP type 8: the type stands in the upper eight bits of the ports, the code below."""
    for kind in (TSi, TSr):
        for one in peer.expect(message, kind).selectors:
            right = isinstance(one, TrafficSelector) and one.protocol == ICMP and one.start_port >> 8 == 8
            right = right and isinstance(one, TrafficSelector) and one.start_port <= one.end_port <= 0x8FF
            peer.check(right, f"{kind.__name__} for ICMP, ports 2048 to 2303", one, "RFC7296-3.13.1-4")


@purpose("auth-ts-icmp", "RFC7296-3.13.1-4", role="responder", connection=of_one_type, ordinary=True)
def test_icmp(peer: Peer) -> None:
    """A Child SA for one type of ICMP: the device's selectors say type and code as one port number."""
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT and IKE_AUTH"):
        sa.init()
        answer = sa.auth()
        peer.expect(answer, TSi)
        peer.expect(answer, TSr)
    typed(peer, answer)
    sa.must_be_established()


@purpose("auth-ts-icmp-initiator", "RFC7296-3.13.1-4", role="initiator", connection=of_one_type, ordinary=True)
def test_icmp_initiator(peer: Peer, dut: Dut) -> None:
    """The same in the request of a device that opens such a Child SA."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    typed(peer, request.message)
    sa.answer(request)
    must_be_accepted_by(sa)


def part(network: str) -> TrafficSelector:
    """The first host of a network that is not the network itself, TCP port 80."""
    whole = selector(network)
    host = (int.from_bytes(whole.start, "big") + 1).to_bytes(len(whole.start), "big")
    return TrafficSelector(whole.type, 6, 80, 80, host, host)


@purpose(
    "auth-ts-first", "RFC7296-2.9-8", "RFC7296-1.3.1-5", role="responder", ordinary=True,
    connection=usual(narrowing=True), needs=(Capability.NARROWING,),
)  # fmt: skip
def test_first(peer: Peer, dut: Dut) -> None:
    """The first selectors, those of the packet that asked for the SA, are in the narrowed set.

    First comes one host and one TCP port on each side, within the device's policy, then 10.0.0.0/8.
    """
    policy = dut.connection.children[0]
    ours, theirs = part(policy.remote_ts[0]), part(policy.local_ts[0])
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offer((ours, *_WIDE), (theirs, *_WIDE)))
    within(peer, answer, (ours, *_WIDE), (theirs, *_WIDE))
    for kind, wanted in ((TSi, ours), (TSr, theirs)):
        found = [one for one in peer.expect(answer, kind).selectors if isinstance(one, TrafficSelector)]
        peer.check(covered((wanted,), tuple(found)), f"{kind.__name__} with {wanted}", answer, "RFC7296-2.9-8")


@purpose(
    "auth-ts-first-policy", "RFC7296-2.9-8", "RFC7296-1.3.1-5", role="responder", ordinary=True,
    connection=two_children(narrowing=True), needs=(Capability.NARROWING, Capability.MULTIPLE_CHILDREN), canary=False,
)  # fmt: skip
def test_first_policy(peer: Peer, dut: Dut) -> None:
    """Of two policies the one counts that allows the first selectors, whichever the device looks at first.

    The offer begins with one host of the one policy and goes on with everything; then the same with the other one.
    """
    for policy in dut.connection.children:
        ours, theirs = part(policy.remote_ts[0]), part(policy.local_ts[0])
        sa = peer.sa()
        sa.init()
        answer = sa.auth(offer((ours, *_WIDE), (theirs, *_WIDE)))
        within(peer, answer, (ours, *_WIDE), (theirs, *_WIDE))
        sa.delete()
        found = [one for one in peer.expect(answer, TSi).selectors if isinstance(one, TrafficSelector)]
        peer.check(covered((ours,), tuple(found)), f"TSi with {ours}", answer, "RFC7296-2.9-8")


@purpose(
    "auth-ts-others", "RFC7296-2.9-9", "RFC7296-1.3.1-5", role="responder", ordinary=True,
    connection=usual(narrowing=True), needs=(Capability.NARROWING,),
)  # fmt: skip
def test_others(peer: Peer, dut: Dut) -> None:
    """First selectors outside of the policy do not matter where others are inside."""
    policy = dut.connection.children[0]
    outside = selectors(("198.51.100.0/24",))
    ours, theirs = selectors(policy.remote_ts), selectors(policy.local_ts)
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offer((*outside, *ours), (*outside, *theirs)))
    within(peer, answer, ours, theirs)


@purpose("auth-ts-unknown-type", "RFC7296-2.9-4", role="responder")
def test_unknown_type(peer: Peer) -> None:
    """A selector of a type that nobody knows is passed over and does not come back."""
    strange = UnknownSelector(200, bytes(12))
    sa = peer.sa()
    sa.init()
    answer = sa.auth(
        bend.replace(TSi, lambda one: TSi((strange, *one.selectors)), "TSi with a selector of type 200")
        | bend.replace(TSr, lambda one: TSr((strange, *one.selectors)), "TSr with a selector of type 200")
    )
    for kind in (TSi, TSr):
        found = peer.expect(answer, kind).selectors
        peer.check(all(one.type != 200 for one in found), "no selector of type 200", answer, "RFC7296-2.9-4")
    must_succeed(peer, sa, "RFC7296-2.9-4")


@purpose("auth-child-ts", "RFC7296-2.9-6", "RFC7296-1.2-16", "RFC7296-1.2-17", "RFC7296-2.21.2-8", role="responder")
def test_unacceptable(peer: Peer) -> None:
    """Selectors that the device allows no part of cost the Child SA, not the IKE SA."""
    sa = peer.sa()
    sa.init()
    outside = selectors(("198.51.100.0/24",))
    answer = sa.auth(offer(outside, outside))
    peer.expect(answer, AUTH, "RFC7296-1.2-16")
    peer.expect_notify(answer, NotifyType.TS_UNACCEPTABLE, "RFC7296-2.9-6")
    peer.check(answer.first(SA) is None, "no SA payload", answer)
    kept(peer, sa, "RFC7296-1.2-16")


@purpose("auth-transport-accepted", "RFC7296-1.3.1-7", role="responder", connection=host_to_host())
def test_transport_accepted(peer: Peer) -> None:
    """A device that is configured for transport mode says so when it is asked for it."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    peer.expect_notify(answer, NotifyType.USE_TRANSPORT_MODE, "RFC7296-1.3.1-7")
    must_succeed(peer, sa)
    peer.check(sa.child.mode == Mode.TRANSPORT, "transport mode", sa.child.mode)


@purpose(
    "auth-transport-declined", "RFC7296-1.3.1-8", "RFC7296-1.3.1-10", "RFC7296-1.2-16", role="responder", ordinary=True
)
def test_transport_declined(peer: Peer) -> None:
    """A device that is configured for tunnel mode does not say yes to transport mode.

    Without N(USE_TRANSPORT_MODE) in the response the Child SA is one in tunnel mode. It may be refused as well.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth(bend.append(Notify(NotifyType.USE_TRANSPORT_MODE)))
    peer.expect(answer, AUTH, "RFC7296-1.2-16")
    peer.check(not answer.notify(NotifyType.USE_TRANSPORT_MODE), "no N(USE_TRANSPORT_MODE)", answer)
    kept(peer, sa, "RFC7296-1.2-16")


@purpose("auth-transport-unasked", "RFC7296-1.3.1-10", role="responder", connection=host_to_host())
def test_transport_unasked(peer: Peer) -> None:
    """A device that would like transport mode does not say so to a peer that did not ask for it."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth(
        bend.order(
            lambda found: [one for one in found if one != Notify(NotifyType.USE_TRANSPORT_MODE)],
            "without N(USE_TRANSPORT_MODE)",
        )
    )
    peer.expect(answer, AUTH, "RFC7296-1.2-16")
    peer.check(not answer.notify(NotifyType.USE_TRANSPORT_MODE), "no N(USE_TRANSPORT_MODE)", answer)
    kept(peer, sa, "RFC7296-1.2-16")
