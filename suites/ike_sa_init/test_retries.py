"""What makes an initiator ask again, without an end or without sense (RFC 7296, sections 1.2, 2.5, 2.6 and 2.21.1)."""

from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.wire import ExchangeType, Notify, NotifyType
from suites.choices import two_groups
from suites.connections import usual
from suites.dut import Dut
from suites.ike_sa_init.steps import (
    ask_for_group,
    asked_for,
    asks_again,
    goes_on_if_it_asks,
    group_of,
    next_request,
    offers,
    other_group,
)
from suites.purpose import purpose

TWO_GROUPS = usual(proposals=two_groups)
MANY = 50
"""More rounds than any initiator needs."""
AGAIN, WHOLE, TRIES = "RFC7296-1.2-14", "RFC7296-1.2-15", "RFC7296-2.21.1-2"
RETURNS = "RFC7296-2.6-8"


def whole(peer: Peer, first: Received, request: Received) -> None:
    """A further request has the whole offer of the first one, and KE of a group out of it."""
    kept = set(offers(first.message)) <= set(offers(request.message))
    peer.check(kept, "the whole offer again", request.message, WHOLE)
    offered = {each.id for one in offers(request.message) for each in one}
    peer.check(group_of(request) in offered, "KE of an offered group", request.message, "RFC7296-3.4-2")


@purpose("init-ke-endless", WHOLE, AGAIN, "RFC7296-3.4-2", role="initiator", connection=TWO_GROUPS)
def test_ke_endless(peer: Peer, dut: Dut) -> None:
    """A responder wants the other group fifty times: each request has the whole offer, and no harm comes of it.

    The device may give up, or begin anew with another SPI; no RFC says when. Where it still asks, the true response
    leads on.
    """
    dut.initiate()
    first = last = peer.expect_init()
    for _ in range(MANY):
        peer.refuse_init(last, ask_for_group(other_group(peer, last)))
        found = next_request(peer, last)
        if found is None:
            return
        last = found
        whole(peer, first, last)
    goes_on_if_it_asks(peer, AGAIN)


@purpose("init-ke-retry-data", "RFC7296-3.4-2", WHOLE, AGAIN, role="initiator", connection=TWO_GROUPS)
def test_ke_retry_data(peer: Peer, dut: Dut) -> None:
    """INVALID_KE_PAYLOAD has no data, one octet, three, and very many: no request with another group than offered.

    The device may ignore that, ask again, or give up. Where it still asks, it takes the true response.
    """
    dut.initiate()
    first = peer.expect_init()
    group = int(other_group(peer, first)).to_bytes(2, "big")
    for data in (b"", group[1:], bytes(1) + group, group + bytes(500)):
        peer.refuse_init(first, Notify(NotifyType.INVALID_KE_PAYLOAD, data))
    asks_again(peer)
    for one in asked_for(peer):
        whole(peer, first, one)
    goes_on_if_it_asks(peer, TRIES)


def odd_cookie(peer: Peer, dut: Dut, octets: int) -> None:
    """A cookie of a forbidden size comes back whole, or not at all; the device takes the true response."""
    cookie = Notify(NotifyType.COOKIE, peer.random(octets))
    dut.initiate()
    first = peer.expect_init()
    peer.refuse_init(first, cookie)
    asks_again(peer)
    for one in asked_for(peer):
        found = one.message.notify(NotifyType.COOKIE)
        peer.check(found is None or found.data == cookie.data, "the cookie whole or not at all", one.message, RETURNS)
    goes_on_if_it_asks(peer, TRIES)


@purpose("init-cookie-length-0", RETURNS, TRIES, role="initiator")
def test_cookie_length_0(peer: Peer, dut: Dut) -> None:
    """A cookie without any octet, which is forbidden, is returned or ignored."""
    odd_cookie(peer, dut, 0)


@purpose("init-cookie-length-65", RETURNS, TRIES, role="initiator")
def test_cookie_length_65(peer: Peer, dut: Dut) -> None:
    """A cookie of 65 octets, one more than is allowed, is returned whole or ignored."""
    odd_cookie(peer, dut, 65)


@purpose("init-cookie-length-1000", RETURNS, TRIES, role="initiator")
def test_cookie_length_1000(peer: Peer, dut: Dut) -> None:
    """A cookie of a thousand octets is returned whole or ignored."""
    odd_cookie(peer, dut, 1000)


@purpose("init-response-version-refused", "RFC7296-2.21.1-1", "RFC7296-3.1-10", "RFC7296-2.21-2", role="initiator")
def test_version_refused(peer: Peer, dut: Dut) -> None:
    """N(INVALID_MAJOR_VERSION) answers the device: it goes no further, says nothing about it, and stays with version 2.

    Anybody can send it, so the true response is worth waiting for. Other exchanges have version 2 as well.
    """
    dut.initiate()
    first = peer.expect_init()
    peer.refuse_init(first, Notify(NotifyType.INVALID_MAJOR_VERSION))
    asks_again(peer)
    others = [one for one in peer.inbox if one.message.version >> 4 != 2 or one.message.is_response]
    peer.check(not others, "requests of version 2 only", "; ".join(map(str, others)), "RFC7296-3.1-10")
    went_on = [one for one in peer.inbox if one.message.exchange == ExchangeType.IKE_AUTH]
    peer.check(not went_on, "no IKE_AUTH request", "; ".join(map(str, went_on)), "RFC7296-2.21.1-1")
    goes_on_if_it_asks(peer, TRIES)
