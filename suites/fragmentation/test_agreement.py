"""Agreeing upon fragmentation, and not using it where it was not agreed upon (RFC 7383, sections 2.2 to 2.4)."""

from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import SA, SK, SKF, ExchangeType, Message, Notify, NotifyType, ProtocolID
from peers.capabilities import Capability
from suites.choices import everything
from suites.connections import certificates
from suites.dut import Dut
from suites.fragmentation.split import received_fragments, said
from suites.purpose import purpose

NEEDS = (Capability.FRAGMENTATION,)
SMALL = {"fragment_size": 400}
"""The device is to fragment IP datagrams of more octets: any IKE_AUTH message with a certificate."""


def _check_announced(peer: Peer, message: Message, requirement: str) -> None:
    notify = peer.expect_notify(message, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED, requirement)
    peer.check(notify.protocol == ProtocolID.NONE, "Protocol ID 0", notify.protocol, "RFC7383-2.3-3")
    peer.check(not notify.spi, "no SPI", notify.spi.hex(), "RFC7383-2.3-4")
    peer.check(not notify.data, "no data", notify.data.hex(), "RFC7383-2.3-6")


@purpose(
    "frag-announce",
    "RFC7383-2.3-2",
    "RFC7383-2.3-3",
    "RFC7383-2.3-4",
    "RFC7383-2.3-6",
    "RFC7383-2.3-5",
    role="responder",
    needs=NEEDS,
)
def test_announce(peer: Peer) -> None:
    """A responder that is asked says that it supports fragmentation, by a notify with nothing in it."""
    _check_announced(peer, peer.sa().init(), "RFC7383-2.3-2")


@purpose(
    "frag-announce-initiator", "RFC7383-2.3-1", "RFC7383-2.3-3", "RFC7383-2.3-4", "RFC7383-2.3-6", "RFC7383-2.3-5",
    role="initiator", needs=NEEDS,
)  # fmt: skip
def test_announce_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator announces fragmentation in its IKE_SA_INIT request, by a notify with nothing in it."""
    dut.initiate()
    _check_announced(peer, peer.expect_init().message, "RFC7383-2.3-1")


@purpose(
    "frag-announce-unasked", "RFC7383-2.4-1", role="responder", needs=NEEDS, connection=certificates(), device=SMALL
)
def test_announce_unasked(peer: Peer) -> None:
    """Without our announcement the device's IKE_AUTH response is one whole message, however large."""
    sa = peer.sa(fragment_size=0)
    sa.init()
    sa.auth()
    found = received_fragments(peer, ExchangeType.IKE_AUTH)
    peer.check(
        [one.first(SKF) for one, _ in found] == [None],
        "one whole message",
        said(found),
    )
    sa.must_be_established()


@purpose(
    "frag-request-not-supported", "RFC7383-2.4-1", role="initiator", needs=NEEDS, connection=certificates(),
    device=SMALL,
)  # fmt: skip
def test_request_not_supported(peer: Peer, dut: Dut) -> None:
    """When we do not announce fragmentation, the device's IKE_AUTH request is one whole message, however large."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), fragment_size=0)
    request = peer.wait(lambda one: one.message.exchange == ExchangeType.IKE_AUTH, "an IKE_AUTH request")
    peer.check(not request.message.first(SKF), "one whole message", request)
    sa.answer(request)
    sa.must_be_established()


@purpose(
    "frag-announced-unasked", "RFC7383-2.4-1", role="initiator", needs=NEEDS, connection=certificates(),
    device={"fragment_size": 0},
)  # fmt: skip
def test_announced_unasked(peer: Peer, dut: Dut) -> None:
    """The device is told not to fragment, and we announce it all the same: its request comes whole, however large."""
    dut.initiate()
    first = peer.expect_init()
    if first.message.notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED):
        raise NotApplicable("the device announces fragmentation though it is told not to")
    sa = peer.respond_init(first, bend.append(Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)), fragment_size=0)
    request = peer.wait(lambda one: one.message.exchange == ExchangeType.IKE_AUTH, "an IKE_AUTH request")
    peer.check(not request.message.first(SKF), "one whole message", request)
    sa.answer(request)
    sa.must_be_established()


@purpose(
    "frag-init-whole", "RFC7383-2.2-1", role="initiator", needs=NEEDS,
    connection=certificates(proposals=everything), device=SMALL,
)  # fmt: skip
def test_init_whole(peer: Peer, dut: Dut) -> None:
    """An IKE_SA_INIT request is never fragmented, even if it is larger than the threshold of the device.

    The device offers all that it can, which makes a large request.
    """
    dut.initiate()
    request = peer.expect_init()
    if request.message.first(SA) and len(request.raw) <= SMALL["fragment_size"]:
        raise NotApplicable(f"all that the device offers makes a request of {len(request.raw)} octets only")
    peer.check(not request.message.first(SKF), "one whole message", request)
    sa = peer.respond_init(request)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()


@purpose("frag-liveness-whole", "RFC7383-2.4-5", role="responder", needs=NEEDS)
def test_liveness_whole(peer: Peer) -> None:
    """The answer to a liveness check, which fits into any datagram, is not fragmented."""
    sa = peer.establish(fragment_size=150)
    sa.liveness()
    found = received_fragments(peer, ExchangeType.INFORMATIONAL)
    peer.check(
        found and all(one.first(SK) for one, _ in found),
        "one whole message",
        said(found),
    )
