"""Transport mode through NATs: whose addresses stand in the traffic selectors (RFC 7296, section 2.23.1)."""

from dataclasses import replace

from conformance.ike.core.connection import Mode
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import SA, ExchangeType, Message, NotifyType, TrafficSelector, TSi, TSr
from peers.capabilities import Capability
from suites.dut import Dut
from suites.ike_auth.steps import host_to_host
from suites.nat.steps import behind_nat, device_behind_nat
from suites.purpose import purpose

NEEDS = (Capability.NAT_T, Capability.TRANSPORT)


def host_selectors(peer: Peer, ours: str | None = None, theirs: str | None = None) -> None:
    """The Child SA is between the two hosts as the script sees them, or at these addresses."""
    ends = f"{ours or peer.local.host}/32", f"{theirs or peer.remote.host}/32"
    child = replace(peer.connection.children[0], local_ts=ends[:1], remote_ts=ends[1:])
    peer.connection = replace(peer.connection, children=(child,))


def proposed(peer: Peer) -> tuple[ScriptedSa, Message]:
    """An IKE SA whose Child SA shall be one in transport mode, and the answer to that."""
    sa = peer.sa()
    sa.init()
    return sa, sa.auth()


def must_be_transport(peer: Peer, dut: Dut) -> None:
    """Transport mode is agreed, and the selectors that come back have the addresses that the device sees.

    A device may decline transport mode where there is a NAT, and make a tunnel or no Child SA (section 1.3.1). One that
    takes it when the selectors have these addresses already does not decline it, but puts no addresses in their place.
    """
    host_selectors(peer)
    sa, answer = proposed(peer)
    ends = dut.connection.remote_address, dut.connection.local_address
    if declined(answer):
        sa.delete()
        host_selectors(peer, *ends)
        if declined(proposed(peer)[1]):
            raise NotApplicable("the device declines transport mode through a NAT")
    peer.expect_notify(answer, NotifyType.USE_TRANSPORT_MODE, "RFC7296-2.23.1-7")
    for kind, address in zip((TSi, TSr), ends, strict=True):
        found = peer.expect(answer, kind, "RFC7296-2.23.1-8")
        wanted = TrafficSelector.net(f"{address}/32")
        text = ", ".join(map(str, found.selectors))
        peer.check(found.selectors == (wanted,), f"{kind.__name__} {wanted}", text, "RFC7296-2.23.1-8")
    sa.must_be_established("RFC7296-2.23.1-8")
    peer.check(sa.child.mode == Mode.TRANSPORT, "transport mode", sa.child.mode, "RFC7296-2.23.1-7")


def declined(answer: Message) -> bool:
    """The device makes a Child SA in tunnel mode, or none."""
    if answer.notify(NotifyType.USE_TRANSPORT_MODE):
        return False
    refusals = NotifyType.TS_UNACCEPTABLE, NotifyType.NO_PROPOSAL_CHOSEN
    return answer.first(SA) is not None or any(answer.notify(one) for one in refusals)


@purpose("nat-transport", "RFC7296-2.23.1-7", "RFC7296-2.23.1-8", role="responder", needs=NEEDS,
         connection=host_to_host())  # fmt: skip
def test_transport(peer: Peer, dut: Dut) -> None:
    """A peer behind a NAT proposes transport mode for its inner address; the device puts the outer one in its place."""
    behind_nat(peer, dut)
    must_be_transport(peer, dut)


@purpose("nat-transport-device-behind", "RFC7296-2.23.1-7", "RFC7296-2.23.1-8", role="responder", needs=NEEDS,
         connection=host_to_host())  # fmt: skip
def test_transport_device_behind(peer: Peer, dut: Dut) -> None:
    """Transport mode is proposed to the outer address of the device's NAT; it puts its own address in its place."""
    device_behind_nat(peer, dut, forwarding=True)
    must_be_transport(peer, dut)


@purpose("nat-transport-both-ends", "RFC7296-2.23.1-7", "RFC7296-2.23.1-8", role="responder", needs=NEEDS,
         connection=host_to_host())  # fmt: skip
def test_transport_both_ends(peer: Peer, dut: Dut) -> None:
    """Transport mode with a NAT at either end, the complete picture of the RFC."""
    device_behind_nat(peer, dut, forwarding=True)
    behind_nat(peer, dut)
    must_be_transport(peer, dut)


@purpose(
    "nat-transport-initiator", "RFC7296-2.23.1-5", "RFC7296-2.23.1-1", "RFC7296-2.23-24", "RFC7296-2.23.1-2",
    role="initiator",
    needs=(*NEEDS, Capability.LIST_SAS), connection=host_to_host(),
)  # fmt: skip
def test_transport_initiator(peer: Peer, dut: Dut) -> None:
    """A device behind a NAT proposes transport mode; what comes back has outer addresses and is right nevertheless.

    The device must have the Child SA then.
    """
    device_behind_nat(peer, dut, forwarding=False)
    host_selectors(peer)
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    auth = sa.expect_request(ExchangeType.IKE_AUTH)
    if not auth.message.notify(NotifyType.USE_TRANSPORT_MODE):
        raise NotApplicable("the device does not ask for transport mode through a NAT")
    check_proposed(peer, dut, auth)
    sa.answer(auth)
    must_have_child(peer, dut, sa)


def check_proposed(peer: Peer, dut: Dut, auth: Received) -> None:
    """TSi is the device's own address."""
    found = peer.expect(auth.message, TSi, "RFC7296-2.23.1-1")
    hosts = {(one.start, one.end) for one in found.selectors if isinstance(one, TrafficSelector)}
    own = TrafficSelector.net(f"{dut.connection.local_address}/32")
    text = ", ".join(map(str, found.selectors))
    peer.check(hosts == {(own.start, own.end)}, f"only {own} in TSi", text, "RFC7296-2.23.1-1")


def must_have_child(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """The device has taken our response: the Child SA is there."""
    sa.must_be_established("RFC7296-2.23.1-5")
    peer.pause()
    sa.must_be_up("RFC7296-2.23.1-5")
    peer.check(sa.child.mode == Mode.TRANSPORT, "transport mode", sa.child.mode, "RFC7296-2.23.1-5")
    children = [child for one in dut.established() for child in one.children]
    peer.check(len(children) == 1, "the device has the Child SA", f"{len(children)} Child SAs", "RFC7296-2.23.1-5")
