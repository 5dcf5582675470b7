"""Responses to an initiator with what is unknown, missing, or was not offered (RFC 7296, sections 2.5, 3.3.6, 3.10)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.crypto.keywords import keyword
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import (
    KE,
    SA,
    ExchangeType,
    Notify,
    NotifyType,
    Transform,
    TransformType,
    UnknownPayload,
)
from suites.choices import separate, two_groups
from suites.connections import usual
from suites.dut import Dut
from suites.foreign import unoffered
from suites.ike_auth.steps import must_be_accepted_by
from suites.ike_sa_init.steps import (
    ask_for_group,
    goes_no_further,
    group_of,
    next_request,
    no_auth,
    other_group,
    settle,
    those_with,
)
from suites.purpose import purpose

UNKNOWN_ERROR, UNKNOWN_STATUS = NotifyType(8191), NotifyType(40001)
CONSISTENT = "RFC7296-3.3.6-6"
TWO_GROUPS = usual(proposals=two_groups)
MANY_COOKIES = 50


def goes_on(peer: Peer, dut: Dut, how: Bend, requirement: str) -> None:
    """The device initiates, and takes our bent IKE_SA_INIT response: its IKE SA comes up."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), how)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    must_be_accepted_by(sa, requirement)


@purpose("init-response-unknown-payload", "RFC7296-2.5-13", "RFC7296-3.10.1-3", role="initiator")
def test_unknown_payload(peer: Peer, dut: Dut) -> None:
    """Unknown payloads that are not critical, and status notifies of unknown types, are skipped in the response."""
    strange = bend.insert(UnknownPayload(200, b"ikespec")) | bend.append(UnknownPayload(127, b""))
    goes_on(peer, dut, strange | bend.append(Notify(UNKNOWN_STATUS, b"status")), "RFC7296-2.5-13")


@purpose("init-response-unknown-critical", "RFC7296-2.5-10", "RFC7296-2.21-2", role="initiator")
def test_unknown_critical(peer: Peer, dut: Dut) -> None:
    """A response with an unknown critical payload is rejected: the device does not go on with it."""
    goes_no_further(peer, dut, bend.append(UnknownPayload(200, b"ikespec", critical=True)), "RFC7296-2.5-10")


@purpose("init-response-unknown-error", "RFC7296-3.10.1-1", "RFC7296-2.21-2", "RFC7296-2.21.1-1", role="initiator")
def test_unknown_error(peer: Peer, dut: Dut) -> None:
    """An error notify of an unassigned type means failure, though SA, KEr and Nr stand beside it."""
    goes_no_further(peer, dut, bend.append(Notify(UNKNOWN_ERROR)), "RFC7296-3.10.1-1")


@purpose("init-response-minor-version", "RFC7296-2.5-1", "RFC7296-3.1-13", role="initiator")
def test_minor_version(peer: Peer, dut: Dut) -> None:
    """A response of version 2.5 is taken as one of version 2.0."""
    goes_on(peer, dut, bend.header(version=0x25), "RFC7296-2.5-1")


@purpose("init-response-major-version", "RFC7296-2.5-2", "RFC7296-3.1-11", role="initiator")
def test_major_version(peer: Peer, dut: Dut) -> None:
    """A response of version 3.0 is dropped, though all the rest of it is right.

    N(INVALID_MAJOR_VERSION) may answer it: what the Response flag means in version 3 nobody knows.
    """
    dut.initiate()
    first = peer.expect_init()
    peer.respond_init(first, bend.header(version=0x30))
    settle(peer, dut, first)
    went_on = [str(one) for one in peer.inbox if one.message.exchange == ExchangeType.IKE_AUTH]
    peer.check(not went_on, "no IKE_AUTH request", "; ".join(went_on), "RFC7296-2.5-2")


@purpose("init-response-without-ke", "RFC7296-1.2-3", "RFC7296-2.21-2", role="initiator")
def test_without_ke(peer: Peer, dut: Dut) -> None:
    """A response without KEr makes no IKE SA: there is no secret."""
    goes_no_further(peer, dut, bend.drop(KE), "RFC7296-1.2-3")


@purpose("init-response-without-sa", "RFC7296-1.2-3", "RFC7296-2.21-2", role="initiator")
def test_without_sa(peer: Peer, dut: Dut) -> None:
    """A response without SAr1 makes no IKE SA: nothing was agreed on, however little was offered."""
    goes_no_further(peer, dut, bend.drop(SA), "RFC7296-1.2-3")


def _chosen(peer: Peer, dut: Dut, kind: TransformType, find: Callable[[SA], Transform | None]) -> None:
    """The device initiates; in SAr1 another transform stands for that of one type, or none, and it must stop."""
    dut.initiate()
    first = peer.expect_init()
    offered = peer.expect(first.message, SA)
    if not any(one.type == kind for each in offered.proposals for one in each.transforms):
        raise Inconclusive(f"the device offers no {kind.name}")
    other = find(offered)
    extra = () if other is None else (other,)

    def changed(sa: SA) -> SA:
        one = sa.proposals[0]
        kept = tuple(each for each in one.transforms if each.type != kind)
        return replace(sa, proposals=(replace(one, transforms=(*kept, *extra)),))

    said = f"SAr1 with {keyword(other)}" if other else f"SAr1 without {kind.name}"
    peer.respond_init(first, bend.replace(SA, changed, said))
    no_auth(peer, dut, first, CONSISTENT)


@purpose("init-sar-without-prf", CONSISTENT, "RFC7296-3.3.6-5", role="initiator")
def test_sar_without_prf(peer: Peer, dut: Dut) -> None:
    """A responder that chooses no PRF has accepted none of the proposals, though only one PRF was offered."""
    _chosen(peer, dut, TransformType.PRF, lambda _: None)


@purpose("init-sar-other-prf", CONSISTENT, "RFC7296-3.3.6-5", role="initiator")
def test_sar_other_prf(peer: Peer, dut: Dut) -> None:
    """A responder that chooses a PRF which was never offered gets no IKE_AUTH request."""
    _chosen(peer, dut, TransformType.PRF, lambda offer: unoffered(offer, TransformType.PRF))


@purpose(
    "init-sar-without-integ", CONSISTENT, "RFC7296-3.3.6-5", "RFC7296-5-3", role="initiator",
    connection=usual(proposals=separate),
)  # fmt: skip
def test_sar_without_integ(peer: Peer, dut: Dut) -> None:
    """A responder that chooses a plain cipher and no integrity algorithm has accepted none of the proposals."""
    _chosen(peer, dut, TransformType.INTEG, lambda _: None)


@purpose("init-sar-other-integ", CONSISTENT, "RFC7296-3.3.6-5", role="initiator", connection=usual(proposals=separate))
def test_sar_other_integ(peer: Peer, dut: Dut) -> None:
    """A responder that chooses an integrity algorithm which was never offered gets no IKE_AUTH request."""
    _chosen(peer, dut, TransformType.INTEG, lambda offer: unoffered(offer, TransformType.INTEG))


@purpose("init-cookie-spi", "RFC7296-3.1-9", "RFC7296-2.6-8", "RFC7296-2.6-5", role="initiator")
def test_cookie_spi(peer: Peer, dut: Dut) -> None:
    """A cookie comes in a response whose responder SPI is not zero: it is returned all the same, to nobody's SPI."""
    cookie = Notify(NotifyType.COOKIE, peer.random(20))
    dut.initiate()
    peer.refuse_init(peer.expect_init(), cookie, bend=_with_spi(peer))
    second = _again(peer, lambda found: found.message.notify(NotifyType.COOKIE), "a request with the cookie")
    peer.check(not any(second.message.spi_r), "a responder SPI of zero", second.message.spi_r.hex(), "RFC7296-3.1-9")
    sa = peer.respond_init(second)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established("RFC7296-2.6-8")


@purpose("init-ke-retry-spi", "RFC7296-1.2-14", "RFC7296-2.6-5", role="initiator", connection=TWO_GROUPS)
def test_ke_retry_spi(peer: Peer, dut: Dut) -> None:
    """INVALID_KE_PAYLOAD comes in a response whose responder SPI is not zero: the device uses the other group."""
    dut.initiate()
    first = peer.expect_init()
    wanted = other_group(peer, first)
    peer.refuse_init(first, ask_for_group(wanted), bend=_with_spi(peer))
    second = _again(peer, lambda found: group_of(found) == wanted, f"a request with KE of {wanted.name}")
    sa = peer.respond_init(second, proposals=those_with(peer, wanted))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established("RFC7296-1.2-14")


def _with_spi(peer: Peer) -> Bend:
    return bend.header("a responder SPI that is not zero", spi_r=b"\1" + peer.random(7))


def _again(peer: Peer, fits: Callable[[Received], object], expected: str) -> Received:
    """The next IKE_SA_INIT request of the device of this kind; it may repeat the one before in the meantime."""

    def wanted(found: Received) -> bool:
        asks = found.message.exchange == ExchangeType.IKE_SA_INIT and not found.message.is_response
        return asks and bool(fits(found))

    try:
        return peer.wait(wanted, expected)
    except Unexpected as nothing:
        raise Unexpected(nothing.expected, nothing.got, "RFC7296-2.6-5") from None


@purpose("init-cookie-endless", "RFC7296-2.6-14", role="initiator")
def test_cookie_endless(peer: Peer, dut: Dut) -> None:
    """A responder wants another cookie each time: the device gives up, though it may begin anew with another SPI."""
    dut.initiate()
    last = peer.expect_init()
    for _ in range(MANY_COOKIES):
        peer.refuse_init(last, Notify(NotifyType.COOKIE, peer.random(20)))
        found = next_request(peer, last)
        if found is None:
            return
        last = found
    peer.check(False, f"no more than {MANY_COOKIES} requests", last.message, "RFC7296-2.6-14")
