"""Cookies against floods (RFC 7296, section 2.6)."""

from conformance.ike.connection import CookiePolicy
from conformance.script.peer import Peer
from conformance.wire import KE, SA, ExchangeType, Nonce, Notify, NotifyType
from peers.contract import Capability
from suites.dut import Dut
from suites.purpose import purpose


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
    "RFC7296-2.6-6",
    "RFC7296-2.6-7",
    "RFC7296-2.6-4",
    role="responder",
    needs=(Capability.COOKIE_ALWAYS,),
    device={"cookies": CookiePolicy.ALWAYS},
)
def test_cookie_required(peer: Peer) -> None:
    """A responder that wants cookies asks for one, keeps no state, and accepts the request that returns it."""
    sa = peer.sa()
    challenge = sa.init(follow=False)
    cookie = peer.expect_notify(challenge, NotifyType.COOKIE)
    peer.check(1 <= len(cookie.data) <= 64, "a cookie of 1 to 64 octets", f"{len(cookie.data)}", "RFC7296-2.6-7")
    peer.check(not challenge.first(SA) and not challenge.first(KE), "neither SA nor KE", challenge, "RFC7296-2.6-4")
    answer = sa.obey(challenge)
    peer.check(answer.first(SA) and answer.first(Nonce), "SA, KE, Nr for the right cookie", answer)


@purpose("init-half-open-flood", "RFC7296-2.6-5", role="responder")
def test_half_open_flood(peer: Peer) -> None:
    """Fifty half-open IKE SAs do not keep a peer out that returns a cookie."""
    for _ in range(50):
        peer.sa().init(follow=False)
    sa = peer.sa()
    sa.init()
    sa.auth()
    sa.must_be_established()
