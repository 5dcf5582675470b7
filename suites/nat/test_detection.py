"""NAT detection and what follows from it at once: digests that do not fit, port 4500, the non-ESP marker."""

from conformance.ike.core.nat import nat_hash
from conformance.ike.core.sending import State
from conformance.script.message import Received, rekeys_child
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from suites.connections import usual
from suites.dut import Dut
from suites.ike_sa_init.test_addresses import check_nat_detection
from suites.nat.steps import (
    DESTINATION,
    SOURCE,
    established_behind,
    mismatch,
    opened,
    own_request,
    several_sources,
    without_detection,
)
from suites.purpose import purpose

NAT, DELETES = Capability.NAT_T, Capability.DELETE_IKE
FORCED = Capability.FORCED_ENCAPSULATION


# --- the device responds ----------------------------------------------------------------------------------------------


@purpose(
    "nat-source-mismatch", "RFC7296-2.23-4", "RFC7296-2.23-22", "RFC7296-2.23-16", role="responder",
    needs=(NAT, DELETES),
)  # fmt: skip
def test_source_mismatch(peer: Peer, dut: Dut) -> None:
    """A peer whose source digest does not fit is behind a NAT: all further messages go from and to port 4500."""
    sa = established_behind(peer, SOURCE)
    own_request(dut, sa, "RFC7296-2.23-4")


@purpose(
    "nat-destination-mismatch", "RFC7296-2.23-4", "RFC7296-2.23-16", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_destination_mismatch(peer: Peer, dut: Dut) -> None:
    """A device whose destination digest does not fit is behind a NAT itself: it goes on from port 4500."""
    sa = established_behind(peer, DESTINATION)
    own_request(dut, sa, "RFC7296-2.23-4")


@purpose(
    "nat-both-mismatch", "RFC7296-2.23-4", "RFC7296-2.23-16", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_both_mismatch(peer: Peer, dut: Dut) -> None:
    """Both digests do not fit: there is a NAT at either end, and IKE works on port 4500 nevertheless."""
    sa = established_behind(peer, SOURCE, DESTINATION)
    sa.rekey_child()
    own_request(dut, sa, "RFC7296-2.23-4")


@purpose("nat-no-detection", "RFC7296-2.11-2", "RFC7296-2.11-3", "RFC7296-1.2-16", role="responder")
def test_no_detection(peer: Peer) -> None:
    """A peer without NAT traversal, which is optional, gets its IKE SA on port 500.

    A device whose ESP is always in UDP makes no Child SA then, which is no reason to refuse the IKE SA (section 1.2).
    """
    sa = opened(peer, "RFC7296-2.11-2", without_detection())
    answer = sa.auth()
    peer.check(sa.state == State.ESTABLISHED, "an IKE SA", answer, "RFC7296-1.2-16")
    sa.must_be_up()


@purpose("nat-several-sources", "RFC7296-1.2-3", "RFC7296-2.23-13", role="responder", needs=(NAT,))
def test_several_sources(peer: Peer) -> None:
    """A request with three source digests, of which the second fits, comes from a peer with several networks."""
    sa = opened(peer, "RFC7296-1.2-3", several_sources(matching=True))
    sa.auth()
    sa.must_be_established()
    sa.must_be_up()


@purpose("nat-marker-missing", "RFC7296-2.23-22", role="responder", needs=(NAT,))
def test_marker_missing(peer: Peer) -> None:
    """Without the four zero octets a datagram on port 4500 is ESP of an unknown SPI, and not an IKE request."""
    sa = established_behind(peer, SOURCE)
    message = sa.message(ExchangeType.INFORMATIONAL, (), sa.next_id, response=False)
    bare = sa.encode(message)[0]
    with sa.silence("RFC7296-2.23-22"):
        peer.send_raw(bare, sa.local, sa.remote)


@purpose("nat-short-datagrams", "RFC7296-2.23-22", role="responder", needs=(NAT,))
def test_short_datagrams(peer: Peer) -> None:
    """Datagrams on port 4500 that are too short for anything are ignored: no octet, a few, a marker with little."""
    sa = established_behind(peer, SOURCE)
    with sa.silence("RFC7296-2.23-22"):
        for raw in (b"", b"\0", b"\0\0\0", b"\0\0\0\0", b"\xff\xff", bytes(4) + b"\xff", bytes(31)):
            peer.send_raw(raw, sa.local, sa.remote)


@purpose(
    "nat-forced-responder", "RFC7296-2.23-9", "RFC7296-2.23-10", role="responder", needs=(NAT, FORCED),
    device={"force_encapsulation": True},
)  # fmt: skip
def test_forced_responder(peer: Peer) -> None:
    """A device that forces encapsulation makes its peer see a NAT.

    Both sides encapsulate when one is detected, so its source digest must not fit; our side then moves to port 4500.
    """
    sa = peer.sa()
    answer = sa.init()
    digest = nat_hash(answer.spi_i, answer.spi_r, peer.remote)
    sources = [one.data for one in answer.notifies() if one.type == SOURCE]
    peer.check(sources, "N(NAT_DETECTION_SOURCE_IP)", answer, "RFC7296-2.23-10")
    peer.check(digest not in sources, "a source digest that does not fit", "one of its address", "RFC7296-2.23-9")
    sa.auth()
    sa.must_be_established()
    sa.must_be_up()


@purpose(
    "nat-ipv6", "RFC7296-2.11-4", "RFC7296-2.23-4", "RFC7296-2.23-10", "RFC7296-2.23-12", "RFC7296-2.23-14",
    role="responder", needs=(NAT, DELETES, Capability.IPV6), connection=usual(ipv6=True),
)  # fmt: skip
def test_ipv6(peer: Peer, dut: Dut) -> None:
    """NAT traversal works over IPv6 in the same way: digests of the IPv6 addresses, then port 4500."""
    check_nat_detection(peer, peer.sa().init(), peer.remote, peer.local)
    sa = established_behind(peer, SOURCE)
    own_request(dut, sa, "RFC7296-2.23-4")


# --- the device initiates ---------------------------------------------------------------------------------------------


def floated(dut: Dut, sa: ScriptedSa, requirement: str) -> Received:
    """The IKE_AUTH request, which must come from and to port 4500; a real NAT may have changed the first one."""
    auth = sa.expect_request(ExchangeType.IKE_AUTH)
    peer, translated = sa.peer, dut.nat is not None and dut.nat.behind == "device"
    ports = (auth.source.port, auth.destination.port)
    wanted = (ports[0] if translated else peer.connection.remote_ports[1], peer.connection.local_ports[1])
    text = f"IKE_AUTH from port {ports[0]} to {ports[1]}"
    peer.check(ports == wanted, f"IKE_AUTH from port {wanted[0]} to {wanted[1]}", text, requirement)
    return auth


@purpose("nat-initiator-ports", "RFC7296-2.23-1", role="initiator")
def test_initiator_ports(peer: Peer, dut: Dut) -> None:
    """A request to start an IKE SA comes from port 500 or 4500 and goes to one of them."""
    if dut.nat is not None and dut.nat.behind == "device":
        raise NotApplicable("a NAT changes the ports of the device")
    dut.initiate()
    first = peer.expect_init()
    theirs, ours = peer.connection.remote_ports, peer.connection.local_ports
    peer.check(first.source.port in theirs, f"source port {theirs[0]} or {theirs[1]}", first.source.port)
    peer.check(first.destination.port in ours, f"destination port {ours[0]} or {ours[1]}", first.destination.port)


@purpose("nat-float-destination", "RFC7296-2.23-21", "RFC7296-2.23-20", role="initiator", needs=(NAT,))
def test_float_destination(peer: Peer, dut: Dut) -> None:
    """An initiator that learns that it is behind a NAT itself goes on on port 4500."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), mismatch(DESTINATION))
    sa.answer(floated(dut, sa, "RFC7296-2.23-21"))
    sa.must_be_established()


@purpose("nat-float-several-sources", "RFC7296-2.23-21", "RFC7296-2.23-20", role="initiator", needs=(NAT,))
def test_float_several_sources(peer: Peer, dut: Dut) -> None:
    """None of three source digests fits: the responder is behind a NAT, and the initiator floats to port 4500."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), several_sources(matching=False))
    floated(dut, sa, "RFC7296-2.23-21")


@purpose(
    "nat-float-stays", "RFC7296-2.23-21", "RFC7296-2.23-4", role="initiator",
    needs=(NAT, DELETES, Capability.REKEY_CHILD),
)  # fmt: skip
def test_float_stays(peer: Peer, dut: Dut) -> None:
    """After an initiator has floated, everything that follows on the IKE SA stays on port 4500."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), mismatch(SOURCE))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()
    peer.pause()
    sa.liveness()
    dut.rekey_child()
    rekey = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child)
    ends = (rekey.source, rekey.destination)
    peer.check(ends == (sa.remote, sa.local), f"from {sa.remote} to {sa.local}", rekey.source, "RFC7296-2.23-21")
    sa.answer(rekey)
    sa.liveness()
    sa.liveness()
    own_request(dut, sa, "RFC7296-2.23-4")


@purpose("nat-no-detection-initiator", "RFC7296-2.23-20", role="initiator")
def test_no_detection_initiator(peer: Peer, dut: Dut) -> None:
    """A responder without NAT traversal, which is optional, sends no digests; the initiator goes on nevertheless."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), without_detection())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()
    peer.pause()
    sa.must_be_up()


@purpose(
    "nat-forced-initiator", "RFC7296-2.23-9", "RFC7296-2.23-22", role="initiator", needs=(NAT, FORCED),
    device={"force_encapsulation": True},
)  # fmt: skip
def test_forced_initiator(peer: Peer, dut: Dut) -> None:
    """A device that forces encapsulation makes its peer see a NAT, and goes on on port 4500 by itself."""
    dut.initiate()
    first = peer.expect_init()
    digest = nat_hash(first.message.spi_i, first.message.spi_r, first.source)
    sources = [one.data for one in first.message.notifies() if one.type == SOURCE]
    peer.check(
        sources and digest not in sources, "a source digest that does not fit", "one of its address", "RFC7296-2.23-9"
    )
    sa = peer.respond_init(first)
    sa.answer(floated(dut, sa, "RFC7296-2.23-9"))
    sa.must_be_established()


@purpose(
    "nat-ipv6-initiator", "RFC7296-2.11-4", "RFC7296-2.23-21", role="initiator", needs=(NAT, Capability.IPV6),
    connection=usual(ipv6=True),
)  # fmt: skip
def test_ipv6_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator floats to port 4500 over IPv6, too."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), mismatch(SOURCE))
    sa.answer(floated(dut, sa, "RFC7296-2.23-21"))
    sa.must_be_established()
