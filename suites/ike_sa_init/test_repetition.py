"""The same request again, and requests that only look the same (RFC 7296, sections 2.1 and 2.6)."""

from dataclasses import replace
from itertools import pairwise

from conformance.crypto.ke import key_exchange
from conformance.net.link import Address
from conformance.script.mailbox import MOMENT
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.trace import Entry
from conformance.script.verdict import Unexpected
from conformance.wire import KE, SA, Nonce, Notify, NotifyType
from suites.dut import Dut
from suites.ike_sa_init.steps import is_cookie, normal, our_groups
from suites.purpose import purpose

ENOUGH = 4
"""So many copies of a request show how its intervals grow."""


@purpose("init-retransmit", "RFC7296-2.1-10", "RFC7296-2.1-2", role="responder")
def test_retransmit(peer: Peer) -> None:
    """A repeated request gets the same response again, octet by octet."""
    sa = peer.sa()
    normal(peer, sa.init())
    first = sa.received
    again = sa.repeat()
    peer.check(first is not None and again.raw == first.raw, "the same octets as before", again, "RFC7296-2.1-10")
    sa.auth()
    sa.must_be_established()


@purpose("init-retransmit-after-auth", "RFC7296-2.1-12", role="responder")
def test_retransmit_after_auth(peer: Peer) -> None:
    """Once IKE_AUTH is through, the repeated request is ignored and the IKE SA lives on.

    A cookie challenge does not count as an answer: it needs no knowledge of any IKE SA.
    """
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT and IKE_AUTH"):
        normal(peer, sa.init())
        sent = sa.last_sent
        sa.auth()
        sa.must_be_established()
    mark = len(peer.inbox)
    sa.resend(sent)
    for _ in range(2):  # the first may overtake the repeated request in a device with several threads
        sa.must_be_up("RFC7296-2.1-12")
    answers = [one for one in peer.inbox[mark:] if not one.protected and one.message.first(SA)]
    peer.check(not answers, "no answer to the old request", "; ".join(map(str, answers)), "RFC7296-2.1-12")


@purpose("init-same-spi-other-peer", "RFC7296-2.6-2", "RFC7296-2.1-11", role="responder")
def test_same_spi_other_peer(peer: Peer) -> None:
    """Two peers behind one NAT may choose the same SPI: each gets an IKE SA and a response of its own.

    The second request comes from another port with another nonce and KE payload.
    """
    sa = peer.sa()
    first = normal(peer, sa.init())
    assert sa.last_sent is not None
    request, other = sa.last_sent.message, Address(peer.local.host, 31338)
    group = our_groups(peer)[0]
    fresh = (KE(group, key_exchange(group, peer.random).public), Nonce(peer.random(32)))
    kept = tuple(one for one in request.payloads if not isinstance(one, KE | Nonce) and not is_cookie(one))

    def ask(*cookie: Notify) -> Received:
        sent = peer.send_message(replace(request, payloads=(*cookie, *kept, *fresh)), source=other)
        try:
            return peer.wait(
                lambda found: found.destination == other and found.message.is_response,
                "a response to the other port",
                again=lambda: peer.send_raw(sent.datagrams[0], other),
            )
        except Unexpected as silent:
            raise Unexpected(silent.expected, silent.got, "RFC7296-2.1-11") from None

    second = ask()
    if (cookie := second.message.notify(NotifyType.COOKIE)) is not None:
        second = ask(cookie)
    normal(peer, second.message, "RFC7296-2.1-11")
    peer.check(second.message.spi_r != first.spi_r, "another SPI", second.message.spi_r.hex(), "RFC7296-2.1-11")
    nonces = [peer.expect(one, Nonce, "RFC7296-1.2-3").data for one in (first, second.message)]
    peer.check(nonces[0] != nonces[1], "another nonce", nonces[1].hex(), "RFC7296-2.1-11")


@purpose(
    "init-retransmit-initiator",
    "RFC7296-2.1-9", "RFC7296-2.1-7", "RFC7296-2.2-1", "RFC7296-2.4-12",
    role="initiator",
    waits=5.0,
)  # fmt: skip
def test_retransmit_initiator(peer: Peer, dut: Dut) -> None:
    """Without a response the initiator repeats its request, octet by octet, at growing intervals."""
    dut.initiate()
    first = peer.expect_init()

    def copies() -> list[Entry]:
        entries = (one for one in peer.trace.entries if not one.sent and one.message is not None)
        found = [one for one in entries if one.message and one.message.spi_i == first.message.spi_i]
        # What comes at once is a copy that the path has made.
        return found[:1] + [late for early, late in pairwise(found) if late.time > early.time + MOMENT]

    until = peer.link.now() + 2 * dut.retransmission.until(ENOUGH - 1)
    while len(copies()) < ENOUGH and peer.link.now() < until:
        peer.idle(peer.response_timeout / 10)
    mine = copies()
    changed = [entry for entry in mine if entry.datagram is not None and not entry.datagram.payload.endswith(first.raw)]
    peer.check(not changed, "the same octets each time", f"{len(changed)} changed requests", "RFC7296-2.1-9")
    peer.check(len(mine) >= 3, "at least two repetitions", f"{len(mine) - 1}", "RFC7296-2.1-7")
    gaps = [late.time - early.time for early, late in pairwise(mine)]
    # 1, 1, 2, 4 grows as well: it is the time since the first transmission that doubles.
    growing = gaps[-1] > 1.1 * gaps[0] and all(late > 0.9 * early for early, late in pairwise(gaps))
    shown = ", ".join(f"{gap:.2f} s" for gap in gaps)
    peer.check(growing or len(mine) < ENOUGH, "growing intervals", shown, "RFC7296-2.4-12")
