"""Transport mode through NATs: whose addresses stand in the traffic selectors (RFC 7296, section 2.23.1)."""

from dataclasses import replace

from conformance.ike.core.connection import Mode
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import ExchangeType, Message, NotifyType, TrafficSelector, TSi, TSr
from peers.capabilities import Capability
from suites.dut import Dut
from suites.ike_auth.steps import host_to_host
from suites.nat.steps import behind_nat, device_behind_nat
from suites.purpose import purpose

NEEDS = (Capability.NAT_T, Capability.TRANSPORT)


def host_selectors(peer: Peer) -> None:
    """The Child SA is between the two hosts as the script sees them."""
    child = replace(
        peer.connection.children[0], local_ts=(f"{peer.local.host}/32",), remote_ts=(f"{peer.remote.host}/32",)
    )
    peer.connection = replace(peer.connection, children=(child,))


def must_be_transport(peer: Peer, dut: Dut, answer: Message) -> None:
    """Transport mode is agreed, and the selectors that come back have the addresses that the device sees."""
    peer.expect_notify(answer, NotifyType.USE_TRANSPORT_MODE, "RFC7296-2.23.1-7")
    for kind, address in ((TSi, dut.connection.remote_address), (TSr, dut.connection.local_address)):
        found = peer.expect(answer, kind, "RFC7296-2.23.1-8")
        wanted = TrafficSelector.net(f"{address}/32")
        text = ", ".join(map(str, found.selectors))
        peer.check(found.selectors == (wanted,), f"{kind.__name__} {wanted}", text, "RFC7296-2.23.1-8")


@purpose("nat-transport", "RFC7296-2.23.1-7", "RFC7296-2.23.1-8", role="responder", needs=NEEDS,
         connection=host_to_host())  # fmt: skip
def test_transport(peer: Peer, dut: Dut) -> None:
    """A peer behind a NAT proposes transport mode for its inner address; the device puts the outer one in its place."""
    behind_nat(peer, dut)
    host_selectors(peer)
    sa = peer.sa()
    sa.init()
    must_be_transport(peer, dut, sa.auth())
    sa.must_be_established("RFC7296-2.23.1-8")
    peer.check(sa.child.mode == Mode.TRANSPORT, "transport mode", sa.child.mode, "RFC7296-2.23.1-7")


@purpose("nat-transport-device-behind", "RFC7296-2.23.1-7", "RFC7296-2.23.1-8", role="responder", needs=NEEDS,
         connection=host_to_host())  # fmt: skip
def test_transport_device_behind(peer: Peer, dut: Dut) -> None:
    """Transport mode is proposed to the outer address of the device's NAT; it puts its own address in its place."""
    device_behind_nat(peer, dut, forwarding=True)
    host_selectors(peer)
    sa = peer.sa()
    sa.init()
    must_be_transport(peer, dut, sa.auth())
    sa.must_be_established("RFC7296-2.23.1-8")


@purpose("nat-transport-both-ends", "RFC7296-2.23.1-7", "RFC7296-2.23.1-8", role="responder", needs=NEEDS,
         connection=host_to_host())  # fmt: skip
def test_transport_both_ends(peer: Peer, dut: Dut) -> None:
    """Transport mode with a NAT at either end, the complete picture of the RFC."""
    device_behind_nat(peer, dut, forwarding=True)
    behind_nat(peer, dut)
    host_selectors(peer)
    sa = peer.sa()
    sa.init()
    must_be_transport(peer, dut, sa.auth())
    sa.must_be_established("RFC7296-2.23.1-8")


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
