"""Fragments that the device sends, and those that it gets as an initiator (RFC 7383, sections 2.4 to 2.6)."""

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import ExchangeType
from peers.contract import Capability
from suites.connections import certificates
from suites.dut import Dut
from suites.fragmentation.split import check_form, received_fragments, renumbered, spoiled
from suites.purpose import purpose

NEEDS = (Capability.FRAGMENTATION,)
LIMIT = 576
FORM = (
    "RFC7383-2.5-3", "RFC7383-2.5-5", "RFC7383-2.5-6", "RFC7383-2.5-7", "RFC7383-2.5-10", "RFC7383-2.5.1-1",
    "RFC7383-2.4-6",
)  # fmt: skip


@purpose(
    "frag-response",
    *FORM,
    "RFC7383-2.5-1",
    "RFC7383-2.5-4",
    "RFC7383-2.5-8",
    "RFC7383-2.5-9",
    "RFC7383-2.5.3-2",
    role="responder",
    needs=NEEDS,
    connection=certificates(),
    device={"fragment_size": LIMIT},
)
def test_response(peer: Peer) -> None:
    """A fragmented request gets a large response in fragments, which are numbered and headed as they must be.

    The device is configured for datagrams of 576 octets, which every IPv4 host takes and which not every device lets
    be changed. Its response carries a certificate.
    """
    sa = peer.sa(fragment_size=LIMIT)
    sa.init()
    answer = sa.auth()
    sa.must_be_established("RFC7383-2.5-2")
    found = received_fragments(peer, ExchangeType.IKE_AUTH)
    peer.check(len(found) > 1, "a response in several fragments", f"{len(found)} message", "RFC7383-2.4-6")
    check_form(peer, found, answer, LIMIT)


@purpose(
    "frag-request-by-device", "RFC7383-2.5-3", *FORM[1:6], "RFC7383-2.4-3", "RFC7383-2.5-1", "RFC7383-2.5-4",
    "RFC7383-2.5-8", "RFC7383-2.5-9", "RFC7383-2.5.3-2", role="initiator", needs=NEEDS,
    connection=certificates(), device={"fragment_size": LIMIT},
)  # fmt: skip
def test_request_by_device(peer: Peer, dut: Dut) -> None:
    """A large request of the device comes in fragments, which are numbered and headed as they must be."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    found = received_fragments(peer, ExchangeType.IKE_AUTH)
    peer.check(len(found) > 1, "a request in several fragments", f"{len(found)} message", "RFC7383-2.4-3")
    check_form(peer, found, request.message, LIMIT)
    sa.answer(request)
    sa.must_be_established()


def _answer_in_fragments(peer: Peer, dut: Dut, how: Bend, requirement: str) -> None:
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), fragment_size=150)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=how)
    sa.last_response = None  # what it asks for again it gets no more
    sa.must_be_up(requirement, "the device takes the response and its IKE SA is up")


@purpose("frag-response-accepted", "RFC7383-2.6-7", role="initiator", needs=NEEDS)
def test_response_accepted(peer: Peer, dut: Dut) -> None:
    """An initiator puts the fragments of a response together that come in reverse order."""
    how = bend.datagrams(lambda found: found[::-1], "fragments in reverse order")
    _answer_in_fragments(peer, dut, how, "RFC7383-2.6-7")


@purpose("frag-response-replay", "RFC7383-2.6-4", role="initiator", needs=NEEDS)
def test_response_replay(peer: Peer, dut: Dut) -> None:
    """A fragment of a response that comes twice counts once for an initiator."""
    how = bend.datagrams(lambda found: [found[0], *found], "the first fragment twice")
    _answer_in_fragments(peer, dut, how, "RFC7383-2.6-4")


@purpose("frag-response-bad-icv", "RFC7383-2.6-5", role="initiator", needs=NEEDS)
def test_response_bad_icv(peer: Peer, dut: Dut) -> None:
    """An initiator discards a fragment of a response with a wrong ICV and takes the correct one after it."""
    how = bend.datagrams(lambda found: [found[0], spoiled(found[1]), *found[1:]], "fragment 2 with a bad ICV as well")
    _answer_in_fragments(peer, dut, how, "RFC7383-2.6-5")


@purpose("frag-response-nonsense", "RFC7383-2.6-1", "RFC7383-2.6-2", "RFC7383-2.6-5", role="initiator", needs=NEEDS)
def test_response_nonsense(peer: Peer, dut: Dut) -> None:
    """An initiator discards fragments 0, 4 of 3 and 1 of 0 of a response, which are not authentic either.

    They come before the correct ones. Anybody who sees the request can send them.
    """

    def nonsense(found: list[bytes]) -> list[bytes]:
        total = len(found)
        return [*(renumbered(found[0], *each) for each in ((0, total), (total + 1, total), (1, 0))), *found]

    _answer_in_fragments(peer, dut, bend.datagrams(nonsense, "nonsense first"), "RFC7383-2.6-1")
