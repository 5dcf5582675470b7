"""A request in fragments that gets no answer (RFC 7296, section 2.1; RFC 7383, section 2.6)."""

from collections import Counter

from conformance.net.link import NON_ESP_MARKER
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import SKF, ExchangeType, Message, WireError, decode_message
from peers.capabilities import Capability
from suites.connections import certificates
from suites.dut import Dut
from suites.purpose import purpose

TIER = "full"

SAME, AGAIN = "RFC7296-2.1-9", "RFC7296-2.1-7"
REPETITIONS = 3
"""After which each fragment has come a second time, on a path that loses a few."""


@purpose(
    "frag-request-repeated", SAME, AGAIN, "RFC7296-2.2-1", role="initiator",
    needs=(Capability.FRAGMENTATION,), connection=certificates(), device={"fragment_size": 576}, waits=6,
)  # fmt: skip
def test_request_repeated(peer: Peer, dut: Dut) -> None:
    """An IKE_AUTH request in fragments gets no answer: each of its fragments comes again, with the same octets.

    A device that finds out the path MTU of IKE may cut it anew, into another number of fragments.
    """
    own = dut.retransmission
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    if not fragments(peer, request.message):
        raise NotApplicable("the device sends its IKE_AUTH request in one piece")
    for repetition in range(min(own.tries, REPETITIONS)):
        peer.idle(own.timeout * own.base**repetition * 1.2)
        if min(fragments(peer, request.message).values()) > 1:
            break
    found = fragments(peer, request.message)
    pieces: dict[tuple[int, int], set[bytes]] = {}
    for number, total, raw in found:
        pieces.setdefault((number, total), set()).add(raw)
    others = [f"{number} of {total}" for (number, total), raws in pieces.items() if len(raws) > 1]
    peer.check(not others, "the same octets each time", f"others as fragment {', '.join(others)}", SAME)
    if len({total for _, total, _ in found}) == 1:
        once = [str(number) for (number, _, _), times in found.items() if times == 1]
        peer.check(not once, "each fragment again", f"fragment {', '.join(once)} only once", AGAIN)
    sa.answer(request)
    sa.must_be_established(AGAIN)


def fragments(peer: Peer, request: Message) -> Counter[tuple[int, int, bytes]]:
    """How often each fragment of the device's IKE_AUTH request has come: its number, their number, its octets."""
    found = Counter[tuple[int, int, bytes]]()
    for entry in peer.trace.entries:
        if entry.datagram is None or entry.sent:
            continue
        raw = entry.datagram.payload.removeprefix(NON_ESP_MARKER)
        try:
            message = decode_message(raw, lenient=True)
        except WireError:
            continue
        piece = message.payloads[-1] if message.payloads else None
        if isinstance(piece, SKF) and message.exchange == ExchangeType.IKE_AUTH and message.spi_i == request.spi_i:
            found[piece.number, piece.total, raw] += 1
    return found
