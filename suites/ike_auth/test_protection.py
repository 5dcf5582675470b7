"""What protects IKE_AUTH, and what may not come before it (RFC 7296, sections 1.2, 1.4, 2.1 and 3.14)."""

from contextlib import suppress

from conformance.crypto.ke import key_exchange
from conformance.ike.core.proposals import groups, parsed
from conformance.script import bend
from conformance.script.message import Sent
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import KE, SA, ExchangeType, Nonce, Notify, NotifyType, Payload, ProtocolID, encode_message
from peers.capabilities import Capability
from suites.dut import LONGEST, Dut
from suites.ike_auth.refusal import control
from suites.ike_auth.steps import hold_back, must_succeed, one_answer, release, send_bytes
from suites.purpose import purpose

MANY = 50
"""Forged requests."""


def held_auth(sa: ScriptedSa) -> Sent:
    """The right IKE_AUTH request, not sent yet."""
    sa.first_child = sa.connection.children[0].name
    return hold_back(sa, sa.start_auth)


def in_vain(peer: Peer, sa: ScriptedSa, request: Sent, raw: bytes, requirement: str) -> None:
    """``raw`` in place of the request gets no answer, however long the device verifies; then the request succeeds."""
    with peer.silence(lambda: control(peer), requirement):
        send_bytes(sa, raw)
        peer.idle(peer.response_timeout)
    release(sa)
    sa.response(request)
    must_succeed(peer, sa, requirement)
    one_answer(peer, sa)


@purpose("auth-bad-icv", "RFC7296-1.2-11", "RFC7296-3.10.1-5", "RFC7296-1.2-1", role="responder")
def test_bad_icv(peer: Peer) -> None:
    """A request whose integrity check fails is ignored, and the right one with the same message ID is not late."""
    sa = peer.sa()
    sa.init()
    request = held_auth(sa)
    raw = request.datagrams[0]
    in_vain(peer, sa, request, raw[:-1] + bytes((raw[-1] ^ 1,)), "RFC7296-3.10.1-5")


@purpose("auth-bad-icv-many", "RFC7296-3.10.1-5", "RFC7296-5-1", "RFC8019-4.6-1", role="responder")
def test_bad_icv_many(peer: Peer) -> None:
    """Fifty requests whose integrity check fails come for one half-open IKE SA: none is answered, the right one is.

    Anybody who sees the SPIs can send them.
    """
    sa = peer.sa()
    sa.init()
    request = held_auth(sa)
    whole = request.datagrams[0]
    with peer.silence(lambda: control(peer), "RFC7296-3.10.1-5"):
        for _ in range(MANY):
            send_bytes(sa, whole[:-16] + sa.random(16))
            peer.breathe()
    release(sa)
    try:
        sa.response(request)
    except Unexpected as silent:
        raise Unexpected("an answer to the right request", silent.got, "RFC8019-4.6-1") from None
    must_succeed(peer, sa, "RFC8019-4.6-1")
    one_answer(peer, sa)


@purpose("auth-late", "RFC7296-2.21.4-5", "RFC7296-2.21.4-4", "RFC7296-5-1", role="responder", waits=40.0)
def test_late(peer: Peer, dut: Dut) -> None:
    """IKE_AUTH comes after the device has given its half-open IKE SA up: N(INVALID_IKE_SPI) in clear, or silence.

    Where the device does not list what it has, it may have kept it; then the request succeeds.
    """
    sa = peer.sa()
    sa.init()
    request = held_auth(sa)
    given_up(peer, dut, sa)
    mark = len(peer.inbox)
    send_bytes(sa, request.datagrams[0])
    control(peer)
    answers = [one for one in peer.inbox[mark:] if one.sa is sa and one.message.is_response]
    if any(one.protected for one in answers):
        must_succeed(peer, sa, "RFC7296-2.21.4-4")
        return
    for one in answers:
        peer.expect_notify(one.message, NotifyType.INVALID_IKE_SPI, "RFC7296-2.21.4-5")


def given_up(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """Let time pass until the device lists a half-open IKE SA no more. Raises NotApplicable where that takes long."""
    listing = Capability.LIST_SAS in dut.device.capabilities
    patience = LONGEST if listing else 1.25 * dut.pixit.half_open_timeout
    until = peer.link.now() + patience
    while patience <= LONGEST and peer.link.now() < until:
        peer.idle(1.0)
        if listing and dut.state(sa.spi_i) is None:
            return
    if listing or patience > LONGEST:
        raise NotApplicable(f"the device keeps a half-open IKE SA for more than {LONGEST:g} s")


@purpose("auth-header-tampered", "RFC7296-1.2-1", "RFC7296-1.2-11", role="responder")
def test_header_tampered(peer: Peer) -> None:
    """The integrity check covers the header, its reserved flags as well: we flip one after the ICV was computed."""
    sa = peer.sa()
    sa.init()
    request = held_auth(sa)
    raw = request.datagrams[0]
    in_vain(peer, sa, request, raw[:19] + bytes((raw[19] ^ 0x40,)) + raw[20:], "RFC7296-1.2-1")


@purpose("auth-unprotected", "RFC7296-1.2-1", "RFC7296-1.2-11", role="responder")
def test_unprotected(peer: Peer) -> None:
    """The payloads of IKE_AUTH in clear, right as they may be, set up nothing; then the protected request succeeds."""
    sa = peer.sa()
    sa.init()
    request = held_auth(sa)
    send_bytes(sa, encode_message(request.message))
    peer.idle(peer.response_timeout)
    control(peer)
    taken = [one for one in peer.inbox if one.sa is sa and one.message.exchange == ExchangeType.IKE_AUTH]
    good = [one for one in taken if fatal(one.message) is None]
    peer.check(not good, "silence or an error notify", good[0] if good else "", "RFC7296-1.2-1", bypass=True)
    release(sa)
    sa.response(request)
    must_succeed(peer, sa, "RFC7296-1.2-1")


@purpose("auth-retransmit", "RFC7296-2.1-2", "RFC7296-2.1-4", "RFC7296-2.3-10", role="responder")
def test_retransmit(peer: Peer) -> None:
    """The same request twice gets the same response twice and makes one IKE SA."""
    sa = peer.sa(fragment_size=0)
    sa.init()
    sa.auth(bend.twice())
    sa.repeat()
    must_succeed(peer, sa, "RFC7296-2.1-2")
    one_answer(peer, sa)


def too_early(peer: Peer, sa: ScriptedSa, *payloads: Payload) -> None:
    """CREATE_CHILD_SA in place of IKE_AUTH makes no SA. It may be ignored, or take the device a while."""
    with suppress(Unexpected):
        sa.request(ExchangeType.CREATE_CHILD_SA, *payloads)
    control(peer)
    answers = [one.message for one in peer.inbox if one.sa is sa and one.message.message_id == 1]
    made = [one for one in answers if one.first(SA) is not None]
    peer.check(not made, "no SA before IKE_AUTH", made[0] if made else "", "RFC7296-1-5", bypass=True)


@purpose("auth-create-child-early", "RFC7296-1-5", "RFC7296-1-1", "RFC7296-1.4-1", role="responder")
def test_create_child_early(peer: Peer) -> None:
    """CREATE_CHILD_SA in place of IKE_AUTH makes no Child SA for a peer that nobody has authenticated."""
    sa = peer.sa()
    sa.init()
    offer = sa.make_offer(sa.connection.children[0], with_ke=True)
    too_early(peer, sa, *sa.child_request(offer))


@purpose("auth-rekey-early", "RFC7296-1-5", "RFC7296-1-1", role="responder")
def test_rekey_early(peer: Peer) -> None:
    """CREATE_CHILD_SA that rekeys the IKE SA before IKE_AUTH does not make an authenticated one of it."""
    sa = peer.sa()
    sa.init()
    method = groups(parsed(sa.connection.proposals))[0]
    exchange = key_exchange(method, peer.random)
    offered = SA(parsed(sa.connection.proposals, ProtocolID.IKE, peer.random(8)))
    too_early(peer, sa, offered, Nonce(peer.random(32)), KE(method, exchange.public))


@purpose("auth-informational-early", "RFC7296-1.4-1", "RFC7296-1-5", role="responder")
def test_informational_early(peer: Peer) -> None:
    """An INFORMATIONAL exchange in place of IKE_AUTH does not take place: the request is ignored or refused."""
    sa = peer.sa()
    sa.init()
    with suppress(Unexpected):
        sa.request(ExchangeType.INFORMATIONAL)
    control(peer)
    answers = [one.message for one in peer.inbox if one.sa is sa and one.message.message_id == 1]
    taken = [one for one in answers if one.is_response and fatal(one) is None]
    peer.check(not taken, "silence or an error notify", taken[0] if taken else "")


@purpose("auth-unprotected-error", "RFC7296-1.2-1", "RFC7296-1.4-1", "RFC7296-2.4-7", role="responder")
def test_unprotected_error(peer: Peer) -> None:
    """Unprotected bad news about a half-open IKE SA, which anybody can send, do not end it."""
    sa = peer.sa()
    sa.init()
    for kind in (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX, NotifyType.INVALID_IKE_SPI):
        for exchange in (ExchangeType.INFORMATIONAL, ExchangeType.IKE_AUTH):
            message = sa.message(exchange, [Notify(kind)], 1, response=False)
            send_bytes(sa, encode_message(message))
    peer.pause()
    sa.auth()
    must_succeed(peer, sa, "RFC7296-1.2-1")
