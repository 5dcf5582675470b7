"""Fragments that the device sends, and those that it gets as an initiator (RFC 7383, sections 2.4 to 2.6)."""

from collections.abc import Callable

from conformance.script import bend
from conformance.script.message import rekeys_ike
from conformance.script.peer import Peer
from conformance.wire import SKF, ExchangeType
from peers.capabilities import Capability
from suites.choices import including
from suites.connections import certificates
from suites.dut import Dut
from suites.fragmentation.split import (
    FITS,
    answer_in_fragments,
    check_form,
    must_be_large,
    octets,
    received_fragments,
    renumbered,
    said,
    spoiled,
)
from suites.purpose import purpose

NEEDS = (Capability.FRAGMENTATION,)
LIMIT, LIMIT6 = 576, 1280
FORM = (
    "RFC7383-2.5-3", "RFC7383-2.5-5", "RFC7383-2.5-6", "RFC7383-2.5-7", "RFC7383-2.5-10", "RFC7383-2.5.1-1",
    "RFC7383-2.4-6", "RFC7383-2.5.1-4",
)  # fmt: skip
SIX = tuple("RFC7383-2.5.1-3" if one == "RFC7383-2.5.1-4" else one for one in FORM)


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
    _response(peer, LIMIT)


def _response(peer: Peer, limit: int) -> None:
    sa = peer.sa(fragment_size=limit)
    sa.init()
    answer = sa.auth()
    sa.must_be_established("RFC7383-2.5-2")
    found = received_fragments(peer, ExchangeType.IKE_AUTH)
    must_be_large(peer, found)
    peer.check(len(found) > 1, "a response in several fragments", f"{len(found)} message", "RFC7383-2.4-6")
    check_form(peer, found, answer, limit)


@purpose(
    "frag-response-ipv6", *SIX, role="responder", needs=(*NEEDS, Capability.IPV6),
    connection=certificates("rsa", ipv6=True), device={"fragment_size": LIMIT6},
)  # fmt: skip
def test_response_ipv6(peer: Peer) -> None:
    """Over IPv6 the datagrams of a response have at most 1280 octets, which every link carries."""
    _response(peer, LIMIT6)


@purpose(
    "frag-request-by-device", "RFC7383-2.5-3", *FORM[1:6], "RFC7383-2.4-3", "RFC7383-2.5.1-4",
    "RFC7383-2.5-1", "RFC7383-2.5-4",
    "RFC7383-2.5-8", "RFC7383-2.5-9", "RFC7383-2.5.3-2", role="initiator", needs=NEEDS,
    connection=certificates(), device={"fragment_size": LIMIT},
)  # fmt: skip
def test_request_by_device(peer: Peer, dut: Dut) -> None:
    """A large request of the device comes in fragments, which are numbered and headed as they must be."""
    _request(peer, dut, LIMIT)


@purpose(
    "frag-request-by-device-ipv6", *SIX[:6], "RFC7383-2.4-3", "RFC7383-2.5.1-3", role="initiator",
    needs=(*NEEDS, Capability.IPV6), connection=certificates("rsa", ipv6=True), device={"fragment_size": LIMIT6},
)  # fmt: skip
def test_request_by_device_ipv6(peer: Peer, dut: Dut) -> None:
    """Over IPv6 the datagrams of a request have at most 1280 octets, which every link carries."""
    _request(peer, dut, LIMIT6)


def _request(peer: Peer, dut: Dut, limit: int) -> None:
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    found = received_fragments(peer, ExchangeType.IKE_AUTH)
    must_be_large(peer, found)
    peer.check(len(found) > 1, "a request in several fragments", f"{len(found)} message", "RFC7383-2.4-3")
    check_form(peer, found, request.message, limit)
    sa.answer(request)
    sa.must_be_established()


def _answered(peer: Peer, dut: Dut, how: Callable[[list[bytes]], list[bytes]], text: str, requirement: str) -> None:
    answer_in_fragments(peer, dut, lambda sa: bend.datagrams(how, text), requirement)


@purpose("frag-response-accepted", "RFC7383-2.6-7", role="initiator", needs=NEEDS)
def test_response_accepted(peer: Peer, dut: Dut) -> None:
    """An initiator puts the fragments of a response together that come in reverse order."""
    _answered(peer, dut, lambda found: found[::-1], "fragments in reverse order", "RFC7383-2.6-7")


@purpose("frag-response-replay", "RFC7383-2.6-4", role="initiator", needs=NEEDS)
def test_response_replay(peer: Peer, dut: Dut) -> None:
    """Fragments of a response that come twice count once for an initiator."""
    _answered(peer, dut, lambda found: [one for each in found for one in (each, each)], "each twice", "RFC7383-2.6-4")


@purpose("frag-response-bad-icv", "RFC7383-2.6-5", role="initiator", needs=NEEDS)
def test_response_bad_icv(peer: Peer, dut: Dut) -> None:
    """An initiator discards fragments of a response with a wrong ICV, and keeps the correct ones before and after.

    Whoever discards those as well never has all of them at a time: there is a wrong one in front of each.
    """

    def wrong(found: list[bytes]) -> list[bytes]:
        return [one for each in found for one in (spoiled(each), each)]

    _answered(peer, dut, wrong, "in front of each a copy with a bad ICV", "RFC7383-2.6-5")


@purpose("frag-response-nonsense", "RFC7383-2.6-1", "RFC7383-2.6-2", "RFC7383-2.6-5", role="initiator", needs=NEEDS)
def test_response_nonsense(peer: Peer, dut: Dut) -> None:
    """An initiator discards fragments 0, 4 of 3 and 1 of 0 of a response, which are not authentic either.

    They come before the correct ones. Anybody who sees the request can send them.
    """

    def nonsense(found: list[bytes]) -> list[bytes]:
        total = len(found)
        return [*(renumbered(found[0], *each) for each in ((0, total), (total + 1, total), (1, 0))), *found]

    _answered(peer, dut, nonsense, "nonsense first", "RFC7383-2.6-1")


LATER = {"fragment_size": LIMIT}
LARGE = certificates(proposals=including("modp4096"))
"""The public value alone has 512 octets."""


def _must_go_on(peer: Peer, exchange: ExchangeType) -> None:
    """What the device sent in this exchange came in fragments, if it is larger than its threshold in IKE_AUTH."""
    before = [raw for one, raw in received_fragments(peer, ExchangeType.IKE_AUTH) if one.first(SKF)]
    found = received_fragments(peer, exchange)
    must_be_large(peer, found, max((octets(peer, raw) for raw in before), default=FITS))
    cut = all(one.first(SKF) for one, _ in found)
    peer.check(cut, "fragments, as in IKE_AUTH", said(found), "RFC7383-2.4-4")


@purpose(
    "frag-later-response", "RFC7383-2.4-4", role="responder", needs=(*NEEDS, Capability.REKEY_IKE),
    connection=LARGE, device=LATER,
)  # fmt: skip
def test_later_response(peer: Peer) -> None:
    """After an IKE_AUTH exchange in fragments the response to a rekey of the IKE SA, if it is large, is cut as well."""
    sa = peer.establish(fragment_size=LIMIT)
    sa.rekey()
    _must_go_on(peer, ExchangeType.CREATE_CHILD_SA)


@purpose(
    "frag-later-request", "RFC7383-2.4-4", role="initiator", needs=(*NEEDS, Capability.REKEY_IKE),
    connection=LARGE, device=LATER,
)  # fmt: skip
def test_later_request(peer: Peer, dut: Dut) -> None:
    """After an IKE_AUTH exchange in fragments the device's request to rekey the IKE SA, if large, is cut as well."""
    dut.initiate()
    sa = peer.accept()
    dut.rekey_ike()
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike)
    _must_go_on(peer, ExchangeType.CREATE_CHILD_SA)
    sa.answer(request)
