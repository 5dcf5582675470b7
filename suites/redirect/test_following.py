"""The device as initiator is sent away in IKE_SA_INIT (RFC 5685, sections 3 and 7)."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle

from conformance.ike.core.connection import Identity
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ExchangeType, Notify, NotifyType
from conformance.wire.gateway import Gateway
from peers.capabilities import Capability
from suites.dut import Dut
from suites.ike_auth.initiating import Attempt
from suites.ike_auth.refusal import must_be_refused_by
from suites.purpose import purpose
from suites.redirect.steps import (
    GOES,
    arrival,
    asked,
    first,
    following,
    must_name,
    must_stay,
    nonce_of,
    redirect,
    rekeyed_by,
    second,
    send_away,
    served,
)

FOLLOWS = (Capability.REDIRECT,)
DISCARDS = ("RFC5685-3-7", "RFC5685-3-6")


@purpose(
    "redirect-announced", "RFC5685-3-1", "RFC5685-9.1-1", role="initiator", needs=FOLLOWS, connection=following(),
    ordinary=True,
)  # fmt: skip
def test_announced(peer: Peer, dut: Dut) -> None:
    """A device that follows redirects says so in its first request, and is served where nobody redirects it."""
    served(peer, dut, asked(peer, dut), "RFC5685-3-1")


@purpose(
    "redirect-init", GOES, "RFC5685-3-9", "RFC5685-3-10", "RFC5685-9.3-1", "RFC5685-9.3-2", role="initiator",
    needs=FOLLOWS, connection=following(),
)  # fmt: skip
def test_init(peer: Peer, dut: Dut) -> None:
    """Sent away in IKE_SA_INIT, the device opens its IKE SA with the new gateway and names the old one."""
    led(peer, dut)


@purpose(
    "redirect-init-ipv6", GOES, "RFC5685-3-9", "RFC5685-3-10", "RFC5685-9.3-2", role="initiator",
    needs=(*FOLLOWS, Capability.IPV6), connection=following(ipv6=True),
)  # fmt: skip
def test_init6(peer: Peer, dut: Dut) -> None:
    """The same over IPv6: the gateway has sixteen octets, and so has the one that is named."""
    led(peer, dut)


def led(peer: Peer, dut: Dut) -> None:
    """Sent to the second gateway in IKE_SA_INIT, the device is served there."""
    there = second(peer, dut)
    send_away(peer, asked(peer, dut), there)
    served(peer, dut, arrival(peer, there, first(dut)))


@purpose("redirect-init-again", "RFC5685-3-10", GOES, role="initiator", needs=FOLLOWS, connection=following())
def test_again(peer: Peer, dut: Dut) -> None:
    """The new gateway sends the device back: REDIRECTED_FROM now names the new one.

    A device need not let itself be redirected twice; with one that goes on asking there is nothing to judge.
    """
    there, back = second(peer, dut), first(dut)
    send_away(peer, asked(peer, dut), there)
    send_away(peer, arrival(peer, there, back), back)
    try:
        request = next_request(peer, back)
    except Unexpected:
        raise NotApplicable("it does not let itself be redirected twice") from None
    must_name(peer, request, there)
    served(peer, dut, request)


def unmoved(peer: Peer, dut: Dut, wrong: Sequence[Notify], request: Received) -> None:
    """None of these leads the device away, and it still takes the right answer."""
    for notify in wrong:
        peer.refuse_init(request, notify)
        must_stay(peer, second(peer, dut), "RFC5685-3-7")
    sa = peer.respond_init(request)
    sa.answer_auth()
    sa.must_be_established("RFC5685-3-7")
    peer.pause()
    sa.liveness()
    must_stay(peer, second(peer, dut), "RFC5685-3-7")


@purpose("redirect-init-nonce", *DISCARDS, role="initiator", needs=FOLLOWS, connection=following())
def test_nonce(peer: Peer, dut: Dut) -> None:
    """A REDIRECT with another nonce, a part of it, more than it or none is not believed; the real answer is.

    Whoever cannot see the request of the device could otherwise send it where he likes.
    """
    there, request = second(peer, dut), asked(peer, dut)
    nonce = nonce_of(request)
    other = bytes((nonce[0] ^ 1,)) + nonce[1:]
    wrong = (other, bytes(len(nonce)), nonce[:-1], nonce[:16] if len(nonce) > 16 else b"", nonce + bytes(1), b"")
    unmoved(peer, dut, [redirect(there, one) for one in wrong], request)


@purpose(
    "redirect-init-malformed", "RFC5685-3-8", role="initiator", needs=FOLLOWS, connection=following(),
)  # fmt: skip
def test_malformed(peer: Peer, dut: Dut) -> None:
    """A REDIRECT whose gateway is cut short, of a wrong size or of no known type leads nowhere.

    Whether the device goes on waiting for a better answer or gives up is its own affair.
    """
    there, request = second(peer, dut), asked(peer, dut)
    nonce, identity = nonce_of(request), Gateway.of(there).identity
    datas = (
        b"", bytes((1,)), bytes((1, 4)), bytes((1, 4)) + identity[:3],
        bytes((0, 4)) + identity + nonce, bytes((4, 4)) + identity + nonce, bytes((255, 4)) + identity + nonce,
        bytes((2, 4)) + identity + nonce, bytes((1, 3)) + identity[:3] + nonce, bytes((1, 0)) + nonce,
        bytes((3, 0)) + nonce,
    )  # fmt: skip
    for data in datas:
        peer.refuse_init(request, Notify(NotifyType.REDIRECT, data))
    must_stay(peer, there, GOES, peer.response_timeout / 4)


@purpose("redirect-loop", "RFC5685-7-1", role="initiator", needs=FOLLOWS, connection=following())
def test_loop(peer: Peer, dut: Dut) -> None:
    """Two gateways that send the device to each other: it gives up after some redirects.

    The RFC advises five in 300 s; how many it are is configurable, and twice as many are no loop yet.
    """
    here, there = first(dut), second(peer, dut)
    request = asked(peer, dut)
    for hops, gateway in enumerate(cycle((there, here)), 1):
        peer.check(hops <= 10, "an end of the redirects, after five or some more", f"{hops} redirects", "RFC5685-7-1")
        send_away(peer, request, gateway)
        try:
            request = next_request(peer, gateway)
        except Unexpected:
            break


PERIOD = 300.0
"""Seconds in which redirects count together (RFC 5685, section 7)."""


@purpose(
    "redirect-loop-over", "RFC5685-5-7", "RFC5685-7-1", role="initiator", needs=FOLLOWS, connection=following(),
    waits=PERIOD + 5,
)  # fmt: skip
def test_loop_over(peer: Peer, dut: Dut) -> None:
    """After five redirects and then 300 s with one gateway the device follows again: those before are no loop any more.

    With a device that is configured for fewer redirects there is nothing to judge.
    """
    here, there = first(dut), second(peer, dut)
    request = asked(peer, dut)
    for gateway in (there, here, there, here, there):
        send_away(peer, request, gateway)
        try:
            request = next_request(peer, gateway)
        except Unexpected:
            raise NotApplicable("it does not let itself be redirected five times") from None
    sa = served(peer, dut, request)
    peer.idle(PERIOD + 5)
    sa.must_be_up()
    sa.informational(redirect(here))
    served(peer, dut, arrival(peer, here, there, "RFC5685-5-7"), "RFC5685-5-7")


def next_request(peer: Peer, where: str) -> Received:
    """The next IKE_SA_INIT request of the device at this address."""
    while True:
        found = peer.expect_init()
        if found.destination.host == where:
            return found


@purpose("redirect-to-itself", "RFC5685-7-1", role="initiator", needs=FOLLOWS, connection=following())
def test_itself(peer: Peer, dut: Dut) -> None:
    """A gateway that sends the device to itself, again and again: it does not go on for ever."""
    here, request, rounds = first(dut), asked(peer, dut), 0
    answered: set[bytes] = set()
    while True:
        if nonce_of(request) + request.message.spi_i not in answered:
            answered.add(nonce_of(request) + request.message.spi_i)
            send_away(peer, request, here)
            rounds += 1
        peer.check(
            rounds <= 12, "an end of the redirects, after five or some more", f"{rounds} redirects", "RFC5685-7-1"
        )
        try:
            request = peer.expect_init()
        except Unexpected:
            return


@purpose(
    "redirect-other-gateway", "RFC5685-3-13", "RFC5685-3-14", role="initiator", needs=FOLLOWS, connection=following()
)
def test_other_identity(peer: Peer, dut: Dut) -> None:
    """At the new gateway somebody else answers, with the right secret and another name: the device does not take him.

    A redirect must not change whom the device trusts.
    """
    dut.looks_at_identities()
    there = second(peer, dut)
    send_away(peer, asked(peer, dut), there)
    other = replace(peer.connection.local, identity=Identity.of("gateway.other.example"))
    sa = peer.respond_init(arrival(peer, there, first(dut)), local=other)
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    sa.answer(request)
    must_be_refused_by(dut, peer, Attempt(sa, request, None))


@purpose(
    "redirect-responder", "RFC5685-10-1", role="responder", needs=FOLLOWS, connection=following(),
)  # fmt: skip
def test_responder(peer: Peer) -> None:
    """Who has opened the IKE SA cannot send its responder away."""
    must_not_follow(peer, peer.establish())


@purpose(
    "redirect-responder-rekeyed", "RFC5685-10-1", role="responder", needs=(*FOLLOWS, Capability.REKEY_IKE),
    connection=following(),
)  # fmt: skip
def test_responder_rekeyed(peer: Peer, dut: Dut) -> None:
    """The same where the device has rekeyed the IKE SA, and so is the initiator of the new one."""
    must_not_follow(peer, rekeyed_by(peer, dut, peer.establish()))


def must_not_follow(peer: Peer, sa: ScriptedSa) -> None:
    """The device does not let us send it away."""
    sa.informational(redirect("203.0.113.77"))
    peer.idle(peer.response_timeout / 2)
    came = [one for one in peer.inbox if one.sa is None and not one.message.is_response]
    peer.check(not came, "no IKE_SA_INIT request of the device", came[0] if came else "", "RFC5685-10-1")
    sa.must_be_up()
