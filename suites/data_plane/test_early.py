"""ESP on a new SA before the device has the response that makes it (RFC 7296, section 2.8).

Whoever answers a rekey may send on the new SA at once, and ESP may overtake IKE on the way.
"""

from collections.abc import Callable

from conformance.ike.core.child import ChildSa
from conformance.script.message import Received, rekeys_child
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive
from conformance.wire import ExchangeType, NotifyType, summary_message
from peers.capabilities import Capability
from suites.connections import usual
from suites.create_child_sa.answers import deleted, deletes_child, deletes_ike, deletion, own_requests
from suites.create_child_sa.test_races import held_back
from suites.data_plane.steps import DATA, moved, up
from suites.data_plane.test_overlap import none_lost
from suites.dut import Dut
from suites.purpose import purpose

REKEY = Capability.REKEY_CHILD
LOST, OLD_WORKS, STANDS = "RFC7296-2.8-19", "RFC7296-1.4.1-1", "RFC7296-2.8-5"
EARLY = 20
"""Packets that come too soon."""

Release = Callable[[ScriptedSa, Received, list[bytes], Callable[[], None]], None]


def early(peer: Peer, dut: Dut, release: Release, **changes: object) -> None:
    """The device rekeys; ESP on the new SA comes first, then our response as ``release`` wants it.

    The early packets may be lost. Those on the old SA may not, and the rekey must come to its usual end.
    """
    sa = up(peer, **changes)
    old = sa.child
    sa.hold(ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL)
    with peer.preamble("the device rekeys its Child SA"):
        dut.rekey_child()
        request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child)
    mark = len(peer.inbox)
    response = held_back(sa, request)
    new = sa.children[-1]
    peer.check(new is not old, "a new Child SA", sa.problem)

    def overtake() -> None:
        asked = [peer.traffic.echo_request(old) for _ in range(EARLY)]
        for packet in asked:
            peer.traffic.send(peer.traffic.echo_request(new), new)
            peer.traffic.send(packet, old)
        none_lost(peer, asked, OLD_WORKS)

    release(sa, request, response, overtake)
    deletion(sa, lambda message: deletes_child(message) or deletes_ike(message))
    peer.pause()
    keeps_new(peer, sa, new, mark)
    moved(peer, new, STANDS)
    sa.must_be_up(STANDS)
    keeps_new(peer, sa, new, mark)


def keeps_new(peer: Peer, sa: ScriptedSa, new: ChildSa, mark: int) -> None:
    """Since the inbox had ``mark`` messages the device has given up neither the new Child SA nor the IKE SA."""
    own = own_requests(peer, sa, mark)
    given_up = [one for one in own if new.spi_out in deleted(one) or deletes_ike(one)]
    peer.check(not given_up, "the rekey comes to its usual end", "; ".join(map(summary_message, given_up)), STANDS)
    if any(one.notify(NotifyType.INVALID_SPI) for one in own):
        peer.note("the device calls the SPI that it has asked for itself invalid, which alone does no harm")


def copies(peer: Peer, request: Received) -> int:
    """How often the device has sent a request."""
    return sum(
        not one.sent and one.datagram is not None and one.datagram.payload.endswith(request.raw)
        for one in peer.trace.entries
    )


@purpose("data-early", STANDS, OLD_WORKS, role="initiator", needs=(DATA, REKEY))
def test_early(peer: Peer, dut: Dut) -> None:
    """Twenty ESP packets on the new SA overtake our response to the device's rekey: the tunnel stays, old and new."""

    def release(sa: ScriptedSa, request: Received, response: list[bytes], overtake: Callable[[], None]) -> None:
        overtake()
        sa.transmit(response, sa.local, sa.remote)

    early(peer, dut, release)


@purpose(
    "data-early-repeated", LOST, STANDS, OLD_WORKS, role="initiator", needs=(DATA, REKEY),
    connection=usual(retransmit_timeout=1.0, retransmit_tries=4), waits=2.0,
)  # fmt: skip
def test_repeated(peer: Peer, dut: Dut) -> None:
    """ESP on the new SA comes although our response is lost: the device repeats its request, and then gets it."""
    own = dut.retransmission

    def release(sa: ScriptedSa, request: Received, response: list[bytes], overtake: Callable[[], None]) -> None:
        overtake()
        before, until = copies(peer, request), peer.link.now() + own.until(2) + peer.response_timeout
        while copies(peer, request) == before and peer.link.now() < until:
            peer.idle(peer.response_timeout / 10)
        peer.check(copies(peer, request) > before, "the request again", "nothing", LOST)
        sa.transmit(response, sa.local, sa.remote)

    early(peer, dut, release)


@purpose(
    "data-early-fragments", STANDS, OLD_WORKS, role="initiator", needs=(DATA, REKEY, Capability.FRAGMENTATION)
)  # fmt: skip
def test_fragments(peer: Peer, dut: Dut) -> None:
    """ESP on the new SA comes between two fragments of our response."""

    def release(sa: ScriptedSa, request: Received, response: list[bytes], overtake: Callable[[], None]) -> None:
        if len(response) < 2:
            raise Inconclusive("our response fits one datagram: the device has not agreed to fragmentation")
        sa.transmit(response[:1], sa.local, sa.remote)
        overtake()
        sa.transmit(response[1:], sa.local, sa.remote)

    early(peer, dut, release, fragment_size=150)
