"""Cookies against floods (RFC 7296, section 2.6)."""

from dataclasses import replace

from conformance.ike.core.connection import CookiePolicy
from conformance.net.link import Address
from conformance.script import bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from conformance.wire import KE, SA, ExchangeType, Message, Nonce, Notify, NotifyType, PayloadType, UnknownPayload
from peers.capabilities import Capability
from suites.choices import two_groups
from suites.connections import usual
from suites.dut import Dut
from suites.ike_sa_init.steps import (
    ask_for_group,
    finish,
    group_of,
    handshake,
    is_cookie,
    normal,
    other_group,
    those_with,
)
from suites.purpose import purpose

ALWAYS = {"cookies": CookiePolicy.ALWAYS}
TWO_GROUPS = usual(proposals=two_groups)


@purpose("init-cookie-echo", "RFC7296-2.6-8", "RFC7296-2.6-9", "RFC7296-2.6-10", "RFC7296-2.6-11", role="initiator")
def test_cookie_echo(peer: Peer, dut: Dut) -> None:
    """The initiator returns a cookie first and everything else unchanged.

    Its first request is answered with N(COOKIE). The second one must carry that cookie as its first payload, the same
    SPI and message ID, and otherwise the payloads of the first, octet by octet. Then the handshake goes on.
    """
    dut.initiate()
    first = peer.expect_init()
    cookie = Notify(NotifyType.COOKIE, peer.random(32))
    peer.refuse_init(first, cookie)
    second = peer.expect_init()
    payloads = second.message.payloads
    peer.check(payloads[0] == cookie, "the cookie as first payload", second.message, "RFC7296-2.6-9")
    peer.check(payloads[1:] == first.message.payloads, "the other payloads unchanged", second.message, "RFC7296-2.6-10")
    peer.check(second.message.spi_i == first.message.spi_i, "the same SPI", second.message.spi_i.hex())
    sa = peer.respond_init(second)
    auth = sa.expect_request(ExchangeType.IKE_AUTH)
    peer.check(auth.message.message_id == 1, "IKE_AUTH with message ID 1", auth.message.message_id, "RFC7296-2.6-11")


@purpose(
    "init-cookie-required",
    "RFC7296-2.6-7",
    "RFC7296-1.2-3",
    "RFC7296-2.6-6",
    "RFC7296-2.6-4",
    role="responder",
    needs=(Capability.COOKIE_ALWAYS,),
    device=ALWAYS,
)
def test_cookie_required(peer: Peer) -> None:
    """A responder that wants cookies asks for one, keeps no state, and accepts the request that returns it."""
    sa = peer.sa()
    challenge = sa.init(follow=False)
    cookie = peer.expect_notify(challenge, NotifyType.COOKIE, "RFC7296-2.6-6")
    peer.check(1 <= len(cookie.data) <= 64, "a cookie of 1 to 64 octets", f"{len(cookie.data)}", "RFC7296-2.6-7")
    peer.check(not challenge.first(SA) and not challenge.first(KE), "neither SA nor KE", challenge, "RFC7296-2.6-4")
    answer = sa.obey(challenge)
    peer.check(answer.first(SA) and answer.first(Nonce), "SA, KE, Nr for the right cookie", answer, "RFC7296-1.2-3")


@purpose("init-half-open-flood", "RFC7296-2.6-6", role="responder")
def test_half_open_flood(peer: Peer, dut: Dut) -> None:
    """Fifty half-open IKE SAs do not keep a peer out that returns a cookie.

    A device may take only so many from one address; then it must go on answering others, which is tried from another
    address of ours. In the end all that are half-open are completed and deleted.
    """
    others = _another_address(peer, dut)
    opened: list[ScriptedSa] = []
    try:
        while len(opened) < 50:
            opened.append(peer.sa(initial_contact=False))
            opened[-1].init(follow=False)
    except Unexpected:
        _bounds_one_address(peer, others, len(opened) - 1)
    else:
        handshake(peer)
    finally:
        for one in opened:
            if one.keys is not None:
                finish(one)


def _another_address(peer: Peer, dut: Dut) -> Address | None:
    """Another address of ours that the device answers, be it by a refusal."""
    if dut.pixit.tester_spare is None or dut.nat is not None:  # the spare address of a NAT is not ours
        return None
    other = Address(dut.pixit.tester_spare, peer.local.port)
    return other if _answered_at(peer, other) else None


def _answered_at(peer: Peer, address: Address) -> bool:
    sa = peer.new_sa(peer.connection, initiator=True, local=address, remote=peer.remote)
    try:
        sa.init(follow=False)
    except Unexpected:
        return False
    finally:
        sa.pending = None
    return True


def _bounds_one_address(peer: Peer, others: Address | None, count: int) -> None:
    if others is None:
        raise Inconclusive(f"no answer after {count} half-open IKE SAs; we have no other address to see whom it serves")
    served = _answered_at(peer, others)
    peer.check(served, "an answer to another address", f"none, with {count} half-open IKE SAs", "RFC7296-2.6-6")
    raise NotApplicable(f"the device takes {count} half-open IKE SAs from one address, and serves others meanwhile")


# --- as initiator -----------------------------------------------------------------------------------------------------


def returned(peer: Peer, cookie: Notify, request: Received) -> Message:
    """The request must begin with the cookie."""
    payloads = request.message.payloads
    back = bool(payloads) and isinstance(payloads[0], Notify) and payloads[0].type == NotifyType.COOKIE
    peer.check(back, "N(COOKIE) as first payload", request.message, "RFC7296-2.6-9")
    same = isinstance(payloads[0], Notify) and payloads[0].data == cookie.data
    peer.check(same, "the cookie as it was sent", request.message, "RFC7296-2.6-8")
    return request.message


def _challenge(peer: Peer, dut: Dut, octets: int) -> None:
    """A cookie of some length must come back, and the handshake must complete with it."""
    cookie = Notify(NotifyType.COOKIE, peer.random(octets))
    dut.initiate()
    peer.refuse_init(peer.expect_init(), cookie)
    second = peer.expect_init()
    returned(peer, cookie, second)
    sa = peer.respond_init(second)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()


@purpose("init-cookie-length-1", "RFC7296-2.6-8", "RFC7296-2.6-7", role="initiator")
def test_cookie_length_1(peer: Peer, dut: Dut) -> None:
    """A cookie of a single octet is returned."""
    _challenge(peer, dut, 1)


@purpose("init-cookie-length-64", "RFC7296-2.6-8", "RFC7296-2.6-7", role="initiator")
def test_cookie_length_64(peer: Peer, dut: Dut) -> None:
    """A cookie of 64 octets, the longest, is returned whole."""
    _challenge(peer, dut, 64)


@purpose("init-cookie-unchanged", "RFC7296-2.6-10", role="initiator")
def test_cookie_unchanged(peer: Peer, dut: Dut) -> None:
    """Behind the cookie the request is the same: the cookie may be a hash over nonce and SPI."""
    dut.initiate()
    first = peer.expect_init()
    peer.refuse_init(first, Notify(NotifyType.COOKIE, peer.random(20)))
    second = peer.expect_init()
    rest = tuple(one for one in second.message.payloads if not is_cookie(one))
    peer.check(rest == first.message.payloads, "the other payloads unchanged", second.message, "RFC7296-2.6-10")
    peer.check(second.message.spi_i == first.message.spi_i, "the same SPI", second.message.spi_i.hex())


@purpose("init-cookie-signed", "RFC7296-2.15-6", "RFC7296-2.6-8", role="initiator")
def test_cookie_signed(peer: Peer, dut: Dut) -> None:
    """The AUTH payload of the initiator covers its last request, the one with the cookie."""
    dut.initiate()
    peer.refuse_init(peer.expect_init(), Notify(NotifyType.COOKIE, peer.random(20)))
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established("RFC7296-2.15-6")


@purpose(
    "init-cookie-and-ke",
    "RFC7296-1.2-14", "RFC7296-2.6-8", "RFC7296-2.6.1-1",
    role="initiator",
    connection=TWO_GROUPS,
)  # fmt: skip
def test_cookie_and_ke(peer: Peer, dut: Dut) -> None:
    """A cookie, then another group: the third request has that group and should still have the cookie."""
    cookie = Notify(NotifyType.COOKIE, peer.random(20))
    dut.initiate()
    first = peer.expect_init()
    wanted = other_group(peer, first)
    peer.refuse_init(first, cookie)
    second = peer.expect_init()
    returned(peer, cookie, second)
    peer.refuse_init(second, ask_for_group(wanted))
    third = peer.expect_init()
    peer.check(group_of(third) == wanted, f"KE of {wanted.name}", third.message, "RFC7296-1.2-14")
    sa = peer.respond_init(third, proposals=those_with(peer, wanted))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established("RFC7296-2.15-6")
    kept = third.message.payloads[0]
    same = isinstance(kept, Notify) and (kept.type, kept.data) == (cookie.type, cookie.data)
    peer.check(same, "the cookie as first payload", third.message, "RFC7296-2.6.1-1")


@purpose(
    "init-cookie-again",
    "RFC7296-2.6.1-2", "RFC7296-2.6-8", "RFC7296-2.6-9",
    role="initiator",
    connection=TWO_GROUPS,
)  # fmt: skip
def test_cookie_again(peer: Peer, dut: Dut) -> None:
    """A cookie, another group, and a new cookie, as from a responder whose cookie depends on KE: all are obeyed."""
    old, new = (Notify(NotifyType.COOKIE, peer.random(20)) for _ in range(2))
    dut.initiate()
    first = peer.expect_init()
    wanted = other_group(peer, first)
    for answer in (old, ask_for_group(wanted), new):
        peer.refuse_init(first, answer)
        try:
            first = peer.expect_init()
        except Unexpected as silent:
            raise Unexpected("another request", silent.got, "RFC7296-2.6.1-2") from None
    returned(peer, new, first)
    sa = peer.respond_init(first, proposals=those_with(peer, wanted))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()


# --- as responder -----------------------------------------------------------------------------------------------------


@purpose("init-cookie-wrong", "RFC7296-2.6-13", role="responder", needs=(Capability.COOKIE_ALWAYS,), device=ALWAYS)
def test_cookie_wrong(peer: Peer) -> None:
    """A cookie with one bit changed counts as none: the device asks again, and takes the right one then."""

    def flip(one: Notify) -> Notify:
        return replace(one, data=bytes((one.data[0] ^ 1,)) + one.data[1:]) if is_cookie(one) else one

    sa = peer.sa()
    challenge = sa.init(follow=False)
    with peer.preamble("the device asks for a cookie"):
        peer.expect_notify(challenge, NotifyType.COOKIE)
    again = sa.obey(challenge, bend.replace(Notify, flip, "one bit of the cookie flipped"))
    peer.check(again.first(SA) is None, "no SA payload for a wrong cookie", again, "RFC7296-2.6-13")
    peer.expect_notify(again, NotifyType.COOKIE, "RFC7296-2.6-13")
    normal(peer, sa.obey(again))


@purpose("init-cookie-unasked", "RFC7296-2.6-13", role="responder")
def test_cookie_unasked(peer: Peer) -> None:
    """A cookie that nobody asked for is ignored: the request counts as one without cookie.

    A device that wants cookies just now asks for its own.
    """
    sa = peer.sa()
    answer = sa.init(bend.insert(Notify(NotifyType.COOKIE, peer.random(20))), follow=False)
    if answer.notify(NotifyType.COOKIE):
        answer = sa.obey(answer)
    normal(peer, answer, "RFC7296-2.6-13")
    sa.auth()
    sa.must_be_established("RFC7296-2.6-13")


@purpose(
    "init-cookie-signed-responder",
    "RFC7296-2.15-6", "RFC7296-2.15-1",
    role="responder", ordinary=True,
    needs=(Capability.COOKIE_ALWAYS,),
    device=ALWAYS,
)  # fmt: skip
def test_cookie_signed_responder(peer: Peer) -> None:
    """After a cookie round our AUTH payload covers the request with the cookie, and the device accepts it."""
    sa = peer.sa()
    challenge = sa.init(follow=False)
    with peer.preamble("the device asks for a cookie"):
        peer.expect_notify(challenge, NotifyType.COOKIE)
    normal(peer, sa.obey(challenge))
    sa.auth()
    sa.must_be_established("RFC7296-2.15-6")


@purpose("init-cookie-puzzle", "RFC8019-7.1.2-1", "RFC7296-2.6-8", role="initiator")
def test_cookie_puzzle(peer: Peer, dut: Dut) -> None:
    """With the cookie comes a puzzle of RFC 8019: who knows none returns the cookie, as if there were no puzzle."""
    dut.initiate()
    first = peer.expect_init()
    cookie = Notify(NotifyType.COOKIE, peer.random(32))
    puzzle = Notify(NotifyType.PUZZLE, b"\0\2\x08")  # PRF_HMAC_SHA1, 8 bits: no more than a moment's work
    peer.refuse_init(first, cookie, puzzle)
    second = peer.expect_init()
    peer.check(cookie in second.message.payloads, "the cookie", second.message, "RFC8019-7.1.2-1")
    sa = peer.respond_init(second)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established("RFC8019-7.1.2-1")


@purpose("init-solution-unasked", "RFC8019-7.1.4-1", "RFC7296-2.5-13", role="responder")
def test_solution_unasked(peer: Peer) -> None:
    """A solution to a puzzle that nobody has set, in a payload that is not critical, is ignored."""
    handshake(peer, bend.append(UnknownPayload(int(PayloadType.PS), peer.random(64))))
