"""The device's own requests: numbers, flags, repetition, and whose responses count (RFC 7296, 2.1 to 2.3, 3.1)."""

from itertools import pairwise

from conformance.script import bend
from conformance.script.message import Received, rekeys_child, rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import FLAG_INITIATOR, FLAG_RESPONSE, SA, ExchangeType
from peers.capabilities import Capability
from suites.create_child_sa.answers import deletes_child, deletes_ike, deleting, deletion, kept, must_count
from suites.dut import Dut
from suites.purpose import purpose

_ROLES = FLAG_INITIATOR | FLAG_RESPONSE


@purpose("mid-response-id", "RFC7296-2.2-6", "RFC7296-3.1-18", "RFC7296-3.1-14", "RFC7296-3.1-20", role="responder")
def test_response_id(peer: Peer) -> None:
    """Each response has the message ID, the SPIs and the exchange type of its request, and the right flags.

    Exchanges of all kinds: IKE_SA_INIT, IKE_AUTH, liveness, a new Child SA, deletion.
    """
    sa = peer.sa()
    for step in (sa.init, sa.auth, sa.liveness, sa.create_child, sa.liveness, sa.delete_child, sa.delete):
        answer = step()
        assert sa.last_sent is not None
        request, number = sa.last_sent.message, sa.last_sent.message.message_id
        peer.check(answer.message_id == number, f"message ID {number}", answer.message_id, "RFC7296-2.2-6")
        peer.check(answer.exchange == request.exchange, request.exchange.name, answer, "RFC7296-3.1-14")
        peer.check((answer.spi_i, answer.spi_r) == (sa.spi_i, sa.spi_r), "the SPIs of the IKE SA", answer)
        peer.check(answer.flags == FLAG_RESPONSE, "only the Response flag", f"{answer.flags:#04x}", "RFC7296-3.1-18")


@purpose(
    "mid-flags-original-initiator", "RFC7296-3.1-22", "RFC7296-3.1-17", "RFC7296-3.1-18",
    role="initiator", needs=(Capability.DELETE_CHILD,),
)  # fmt: skip
def test_flags_original_initiator(peer: Peer, dut: Dut) -> None:
    """A device that opened the IKE SA sets the Initiator flag in all that it sends, its responses included."""
    dut.initiate()
    sa = peer.accept()
    answer = sa.liveness()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    sa.answer(request)
    _check_flags(peer, request.message.flags, FLAG_INITIATOR, "RFC7296-3.1-17")
    _check_flags(peer, answer.flags, FLAG_INITIATOR | FLAG_RESPONSE, "RFC7296-3.1-22")


@purpose(
    "mid-flags-original-responder", "RFC7296-3.1-23", "RFC7296-3.1-17",
    role="initiator", needs=(Capability.RESPONDER, Capability.DELETE_CHILD),
)  # fmt: skip
def test_flags_original_responder(peer: Peer, dut: Dut) -> None:
    """A device that was asked to open the IKE SA sends its own requests with neither flag."""
    sa = peer.establish()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    _check_flags(peer, request.message.flags, 0, "RFC7296-3.1-23")
    sa.answer(request)


@purpose(
    "mid-flags-after-rekey", "RFC7296-3.1-24", "RFC7296-2.2-4",
    role="initiator", needs=(Capability.RESPONDER, Capability.REKEY_IKE, Capability.DELETE_CHILD),
)  # fmt: skip
def test_flags_after_rekey(peer: Peer, dut: Dut) -> None:
    """The device rekeys an IKE SA that we have opened: on the new one it is the original initiator."""
    sa = peer.establish()
    dut.rekey_ike()
    with peer.preamble("the device's rekey"):
        sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike))
        new = sa.rekeyed
    peer.pause()
    answer = new.liveness()
    _check_flags(peer, answer.flags, FLAG_INITIATOR | FLAG_RESPONSE, "RFC7296-3.1-24")
    dut.delete_child()
    request = new.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    _check_flags(peer, request.message.flags, FLAG_INITIATOR, "RFC7296-3.1-24")
    must_count(peer, new, "RFC7296-2.2-4")
    new.answer(request)


@purpose(
    "mid-independent", "RFC7296-2.2-5", "RFC7296-2.2-3",
    role="initiator", needs=(Capability.RESPONDER, Capability.DELETE_CHILD),
)  # fmt: skip
def test_independent(peer: Peer, dut: Dut) -> None:
    """Our five requests do not count for the device: the first request of its own has message ID 0."""
    sa = peer.establish()
    for _ in range(5):
        sa.liveness()
    dut.delete_child()
    sa.answer(sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child))
    must_count(peer, sa, "RFC7296-2.2-5")
    kept(peer, sa, "RFC7296-2.2-5")


@purpose("mid-device-increments", "RFC7296-2.2-3", "RFC7296-2.2-5", role="initiator", needs=(Capability.REKEY_CHILD,))
def test_device_increments(peer: Peer, dut: Dut) -> None:
    """The message IDs of the device's requests grow by one, from 0 in IKE_SA_INIT on.

    It rekeys its Child SA twice and deletes the old one each time: four requests.
    """
    dut.initiate()
    sa = peer.accept()
    for _ in range(2):
        dut.rekey_child()
        sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child))
        must_count(peer, sa, "RFC7296-2.2-3")
        deletion(sa, deletes_child)
        must_count(peer, sa, "RFC7296-2.2-3")
        sa.must_be_up()


@purpose(
    "mid-while-outstanding", "RFC7296-2.3-5", role="responder", needs=(Capability.INITIATOR, Capability.DELETE_CHILD)
)
def test_while_outstanding(peer: Peer, dut: Dut) -> None:
    """The device answers a request while it waits for a response itself: otherwise both might wait for ever."""
    dut.initiate()
    sa = peer.accept()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    sa.must_be_up("RFC7296-2.3-5", "an answer while the device itself waits for one")
    sa.answer(request)
    kept(peer, sa, "RFC7296-2.3-5")


@purpose(
    "mid-wait-for-response", "RFC7296-2.3-3", "RFC7296-2.3-7", "RFC7296-2.3-8",
    role="initiator", needs=(Capability.DELETE_CHILD, Capability.REKEY_IKE),
)  # fmt: skip
def test_wait_for_response(peer: Peer, dut: Dut) -> None:
    """The device wants two exchanges at once: the second begins only after the response to the first.

    We have announced no window, so that it is one.
    """
    sa, first = _two_wishes(peer, dut)
    sa.must_be_up()
    peer.idle(peer.response_timeout / 10)
    sa.must_be_up()
    _no_second_request(peer, sa, first, "RFC7296-2.3-3")
    goes_on(peer, sa, first)


@purpose(
    "mid-response-wrong-id", "RFC7296-2.2-6", "RFC7296-2.2-5",
    role="initiator", needs=(Capability.DELETE_CHILD, Capability.REKEY_IKE),
)  # fmt: skip
def test_response_wrong_id(peer: Peer, dut: Dut) -> None:
    """Correctly protected responses with other message IDs are not the one that the device waits for.

    A second exchange waits for its turn: the device may begin it only after the response with the right message ID.
    """
    sa, first = _two_wishes(peer, dut)
    for wrong in (first.message.message_id + 1, first.message.message_id - 1, 0, 0xFFFFFFFF):
        sa.send(ExchangeType.INFORMATIONAL, message_id=wrong, response=True)
    sa.must_be_up("RFC7296-2.2-6")
    sa.must_be_up("RFC7296-2.2-6")
    _no_second_request(peer, sa, first, "RFC7296-2.2-6")
    goes_on(peer, sa, first)


@purpose(
    "mid-response-replay", "RFC7296-2.2-6", "RFC7296-2.2-5",
    role="initiator", needs=(Capability.REKEY_CHILD, Capability.REKEY_IKE),
)  # fmt: skip
def test_response_replay(peer: Peer, dut: Dut) -> None:
    """Our response to the device's previous request comes again while it waits for the next one: that is ignored."""
    dut.initiate()
    sa = peer.accept()
    dut.rekey_child()
    old = sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA))
    request = deleting(sa, deletes_child)
    dut.rekey_ike()
    sa.resend(old)
    sa.must_be_up("RFC7296-2.2-6")
    sa.must_be_up("RFC7296-2.2-6")
    _no_second_request(peer, sa, request, "RFC7296-2.2-6")
    goes_on(peer, sa, request)


@purpose("mid-response-duplicate", "RFC7296-3.1-19", "RFC7296-2.2-6", role="initiator", needs=(Capability.REKEY_CHILD,))
def test_response_duplicate(peer: Peer, dut: Dut) -> None:
    """Each of our responses comes twice, as networks may do: the second one has no effect and gets no answer."""
    dut.initiate()
    sa = peer.accept()
    dut.rekey_child()
    sa.hold(ExchangeType.INFORMATIONAL)
    for request in (sa.expect_request(ExchangeType.CREATE_CHILD_SA), None):
        with sa.silence("RFC7296-3.1-19"):
            sa.answer(request or deleting(sa, deletes_child), bend=bend.twice())
    peer.check(len(sa.children) == 1, "one Child SA is left", len(sa.children), "RFC7296-2.2-6")


@purpose(
    "mid-retransmit-by-device", "RFC7296-2.1-9", "RFC7296-2.1-7", "RFC7296-2.2-1", "RFC7296-2.4-12", "RFC7296-1-3",
    "RFC7296-2.1-3",
    role="initiator", needs=(Capability.DELETE_CHILD,), waits=6,
)  # fmt: skip
def test_retransmit_by_device(peer: Peer, dut: Dut) -> None:
    """A request that gets no answer comes again, octet by octet the same, in growing intervals.

    The answer to the last repetition is as good as one to the first.
    """
    own = dut.retransmission
    if own.tries < 2:
        raise NotApplicable("the device repeats a request only once")
    number = min(own.tries, 3)
    dut.initiate()
    sa = peer.accept()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    peer.idle(own.until(number) + 0.3 * own.timeout * own.base**number)
    copies = _copies(peer, sa, request)
    peer.check(len(copies) > 2, "at least two repetitions", len(copies) - 1, "RFC7296-2.1-7")
    peer.check(len({one.raw for one in copies}) == 1, "the same octets each time", "others", "RFC7296-2.1-9")
    gaps = [later.time - earlier.time for earlier, later in pairwise(copies)]
    # 1, 1, 2, 4 grows as well: it is the time since the first transmission that doubles.
    growing = gaps[-1] > 1.1 * gaps[0] and all(later > 0.9 * earlier for earlier, later in pairwise(gaps))
    peer.check(growing, "growing intervals", " s, ".join(f"{gap:.2f}" for gap in gaps) + " s", "RFC7296-2.4-12")
    sa.answer(request)
    kept(peer, sa, "RFC7296-2.1-7")


@purpose(
    "mid-retransmit-create-child", "RFC7296-2.1-9", "RFC7296-2.1-7", "RFC7296-2.2-1", "RFC7296-2.3-9",
    role="initiator", needs=(Capability.REKEY_CHILD,), waits=2,
)  # fmt: skip
def test_retransmit_create_child(peer: Peer, dut: Dut) -> None:
    """A repeated CREATE_CHILD_SA request has the same octets: nonce, SPI and key exchange are not made anew."""
    own = dut.retransmission
    dut.initiate()
    sa = peer.accept()
    dut.rekey_child()
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    peer.idle(1.5 * own.timeout)
    copies = _copies(peer, sa, request)
    peer.check(len(copies) > 1, "a repetition", "none", "RFC7296-2.1-7")
    peer.check(len({one.raw for one in copies}) == 1, "the same octets each time", "others", "RFC7296-2.1-9")
    sa.answer(request)
    peer.expect(request.message, SA)
    sa.must_be_up("RFC7296-2.1-7")


@purpose(
    "mid-retransmit-auth", "RFC7296-2.1-9", "RFC7296-2.1-7", "RFC7296-2.3-9", role="initiator", waits=2,
)  # fmt: skip
def test_retransmit_auth(peer: Peer, dut: Dut) -> None:
    """An IKE_AUTH request that gets no answer comes again, octet by octet the same, until we answer it."""
    own = dut.retransmission
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    peer.idle(1.5 * own.timeout)
    copies = _copies(peer, sa, request)
    peer.check(sum(one.copies for one in copies) > 1, "a repetition", "none", "RFC7296-2.1-7")
    peer.check(len({one.raw for one in copies}) == 1, "the same octets each time", "others", "RFC7296-2.1-9")
    sa.answer(request)
    sa.must_be_established("RFC7296-2.1-7")


@purpose(
    "mid-give-up", "RFC7296-2.1-8", "RFC7296-2.1-7", "RFC7296-1-3",
    role="initiator", needs=(Capability.DELETE_CHILD,), waits=8,
)  # fmt: skip
def test_give_up(peer: Peer, dut: Dut) -> None:
    """A request that is never answered ends in the end: no further repetitions, and the IKE SA is gone."""
    own = dut.retransmission
    dut.initiate()
    sa = peer.accept()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    peer.idle(1.1 * own.patience + 1)
    known = len(_copies(peer, sa, request))
    peer.idle(2)
    peer.check(len(_copies(peer, sa, request)) == known, "no repetition any more", "more", "RFC7296-2.1-8")
    sa.must_be_gone("RFC7296-2.1-8")


def _check_flags(peer: Peer, flags: int, expected: int, requirement: str) -> None:
    """Initiator and Response flag must be as expected."""
    names = {FLAG_INITIATOR: "Initiator", FLAG_RESPONSE: "Response", _ROLES: "Initiator and Response", 0: "neither"}
    peer.check(flags & _ROLES == expected, f"flags: {names[expected]}", names[flags & _ROLES], requirement)


def _two_wishes(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received]:
    """The device deletes a Child SA and gets no answer; then it is told to rekey the IKE SA as well."""
    dut.initiate()
    sa = peer.accept()
    dut.delete_child()
    first = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    dut.rekey_ike()
    return sa, first


def goes_on(peer: Peer, sa: ScriptedSa, first: Received) -> None:
    """We answer ``first``, and the second exchange begins: without it nobody knows that the device has waited.

    Where the first one has closed the last Child SA, the device may delete the IKE SA in place of rekeying it.
    """
    sa.answer(first)

    def fits(found: Received) -> bool:
        message = found.message
        asked = found.sa is sa and found.protected and not message.is_response and not found.again
        return asked and (rekeys_ike(message) or deletes_ike(message))

    with peer.preamble("the second exchange"):
        second = peer.wait(fits, "a rekey of the IKE SA, or a Delete of it")
    if not second.answered:
        sa.answer(second)


def _copies(peer: Peer, sa: ScriptedSa, request: Received) -> list[Received]:
    """A request of the device with all its repetitions so far."""
    number = request.message.message_id
    return [
        one for one in peer.inbox if one.sa is sa and not one.message.is_response and one.message.message_id == number
    ]


def _no_second_request(peer: Peer, sa: ScriptedSa, first: Received, requirement: str) -> None:
    """After ``first`` the device must not have sent another request."""
    others = [
        one
        for one in peer.inbox
        if one.sa is sa and not one.message.is_response and one.message.message_id > first.message.message_id
    ]
    peer.check(not others, "no second request yet", "; ".join(map(str, others)), requirement)
