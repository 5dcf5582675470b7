"""Message IDs outside of the window, and responses to nothing (RFC 7296, sections 2.2, 2.3 and 3.1)."""

from conformance.ike.core.sending import State
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import Delete, ExchangeType, Message, Notify, NotifyType, ProtocolID
from peers.capabilities import Capability
from suites.create_child_sa.answers import deletes_child, must_count, successor
from suites.dut import Dut
from suites.message_ids.test_device_requests import goes_on
from suites.purpose import purpose

ONE_AGAIN = "RFC7296-2.3-11"
WINDOW = 5
"""Requests that we say that we keep state for."""
LAST = 0xFFFFFFFF
"""The largest message ID."""
MOST = 16
"""Requests that we send at once to a device that keeps state for more."""


@purpose("mid-ahead", "RFC7296-2.3-13", "RFC7296-2.3-12", role="responder")
def test_ahead(peer: Peer) -> None:
    """A request just beyond the window is not answered, the next one is.

    The window is one message, or as many as the device has announced.
    """
    sa = peer.establish()
    with peer.silence(sa.liveness, "RFC7296-2.3-13"):
        sa.send(ExchangeType.INFORMATIONAL, message_id=_beyond(peer, sa))


@purpose("mid-ahead-delete", "RFC7296-2.3-13", "RFC7296-2.3-12", role="responder")
def test_ahead_delete(peer: Peer) -> None:
    """A Delete for the IKE SA far beyond the window has no effect and gets no response."""
    sa = peer.establish()
    with sa.silence("RFC7296-2.3-13"):
        sa.send(ExchangeType.INFORMATIONAL, Delete(ProtocolID.IKE), message_id=_beyond(peer, sa, 100))


@purpose("mid-far", "RFC7296-2.3-13", role="responder")
def test_far(peer: Peer) -> None:
    """The largest message IDs are not answered and do not confuse the count; nor do those around the sign bit."""
    sa = peer.establish()
    first = _beyond(peer, sa)
    with sa.silence("RFC7296-2.3-13"):
        for number in (0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 0x7FFFFFFF):
            if number >= first:
                sa.send(ExchangeType.INFORMATIONAL, message_id=number)


@purpose("mid-zero-again", "RFC7296-2.3-13", "RFC7296-2.1-6", role="responder")
def test_zero_again(peer: Peer) -> None:
    """A protected request with message ID 0, that of IKE_SA_INIT, is in the past: it gets no response."""
    sa = peer.establish()
    sa.liveness()
    with sa.silence("RFC7296-2.3-13"):
        sa.send(ExchangeType.INFORMATIONAL, message_id=0)


@purpose("mid-reversed", "RFC7296-2.3-13", "RFC7296-2.3-2", role="responder")
def test_reversed(peer: Peer) -> None:
    """Two requests come in reverse order: both are answered in the end, when the early one is repeated."""
    sa = peer.establish()
    early = sa.send(ExchangeType.INFORMATIONAL, message_id=sa.next_id + 1)
    sa.must_be_up("RFC7296-2.3-13")
    sa.resend(early)
    answer = sa.response(early).message
    peer.check(answer.exchange == ExchangeType.INFORMATIONAL, "an INFORMATIONAL response", answer)
    sa.next_id = early.message.message_id + 1
    sa.must_be_up("RFC7296-2.3-13")


@purpose("mid-window-order", "RFC7296-2.3-10", "RFC7296-2.1-4", "RFC7296-2.1-2", role="responder")
def test_window_order(peer: Peer) -> None:
    """As many requests as the device has announced to keep state for, the last one first: each is answered, and again.

    Each is answered before those in front of it come, and keeps its response until the window has moved on. A device
    that has announced nothing gets one request.
    """
    sa = peer.establish()
    numbers = [sa.next_id + step for step in range(min(_window(peer), MOST))]
    sent = [sa.send(ExchangeType.INFORMATIONAL, message_id=number) for number in reversed(numbers)]
    first = {one: sa.response(one).raw for one in sent}
    for one in sent:
        peer.forget()
        sa.resend(one)
        again = sa.response(one)
        peer.check(again.raw == first[one], "the same response once more", again.message, "RFC7296-2.1-2")
    sa.next_id = numbers[-1] + 1
    sa.must_be_up("RFC7296-2.3-10")


@purpose(
    "mid-invalid-notify", "RFC7296-2.3-12", "RFC7296-2.3-14", "RFC7296-2.3-15", "RFC7296-2.3-16", role="responder"
)  # fmt: skip
def test_invalid_notify(peer: Peer) -> None:
    """Ten requests beyond the window: silence, or a few requests of the device with N(INVALID_MESSAGE_ID).

    Such a notify is never a response. Its data are the four octets of a message ID that we used.
    """
    sa = peer.establish()
    numbers = [_beyond(peer, sa, 50 + step) for step in range(10)]
    mark = len(peer.inbox)
    with sa.silence("RFC7296-2.3-12"):
        for number in numbers:
            sa.send(ExchangeType.INFORMATIONAL, message_id=number)
    for _ in numbers:
        sa.liveness()
    found = [one.message.notify(NotifyType.INVALID_MESSAGE_ID) for one in peer.inbox[mark:]]
    told = [one.data for one in found if one is not None]
    wrong = [data.hex() for data in told if data not in [number.to_bytes(4, "big") for number in numbers]]
    peer.check(not wrong, "four octets with an invalid message ID", ", ".join(wrong), "RFC7296-2.3-14")
    count = f"{len(told)} notifications for {len(numbers)} requests"
    peer.check(len(told) < len(numbers), "fewer notifications than requests", count, "RFC7296-2.3-16")


@purpose("mid-auth-two", "RFC7296-2.3-13", "RFC7296-2.2-3", "RFC7296-2.3-2", role="responder")
def test_auth_two(peer: Peer) -> None:
    """An IKE_AUTH request with message ID 2 gets no response, the same with message ID 1 does."""
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT"):
        sa.init()
    sa.first_child = peer.connection.children[0].name

    def correct() -> None:
        assert sa.pending is not None
        sa.pending.datagrams = sa.encode(sa.pending.message)
        assert sa.last_sent is not None
        sa.resend(sa.last_sent)
        sa.response(sa.last_sent)

    with peer.silence(correct, "RFC7296-2.3-13"):
        sa.begin(sa.start_auth, bend.header(message_id=2))
    sa.must_be_established("RFC7296-2.2-3")


@purpose("mid-unsolicited-response", "RFC7296-3.1-19", "RFC7296-2.21-2", role="responder")
def test_unsolicited_response(peer: Peer) -> None:
    """Protected responses to requests that the device never sent are not answered and have no effect.

    They come with message IDs that the device will not use soon, and a Delete for the IKE SA inside.
    """
    sa = peer.establish()
    with sa.silence("RFC7296-3.1-19"):
        for number in (sa.expected_id + 1, sa.expected_id + 2, 77, 0xFFFFFFFF):
            sa.send(ExchangeType.INFORMATIONAL, Delete(ProtocolID.IKE), message_id=number, response=True)
    sa.must_be_up("RFC7296-3.1-19")


@purpose("mid-premature-response", "RFC7296-2.21-4", "RFC7296-3.1-19", role="responder")
def test_premature_response(peer: Peer) -> None:
    """A protected response under the message ID of the request that the device would send next is not answered.

    The device may give up an IKE SA whose peer is so confused, but says so by a Delete payload.
    """
    sa = peer.establish()
    sa.send(ExchangeType.INFORMATIONAL, message_id=sa.expected_id, response=True)
    try:
        sa.must_be_up("RFC7296-2.21-4")
        sa.must_be_up("RFC7296-2.21-4")
    except Unexpected:
        if sa.state != State.CLOSED:
            raise
    answers = [one for one in peer.inbox if one.sa is sa and one.message.is_response and not one.taken]
    peer.check(not answers, "no answer to a response", "; ".join(map(str, answers)), "RFC7296-3.1-19")


@purpose("mid-wrong-initiator-flag", "RFC7296-3.1-22", "RFC7296-2.2-5", role="responder")
def test_wrong_initiator_flag(peer: Peer) -> None:
    """A request of ours without the Initiator flag is not one of the original initiator: it is not obeyed.

    It claims to come from the other end, whose keys it lacks. An unprotected INVALID_IKE_SPI may answer it, as the
    SPIs seem to be swapped, but nothing under the keys of the IKE SA.
    """
    sa = peer.establish()
    mark = len(peer.inbox)
    sa.send(ExchangeType.INFORMATIONAL, bend=bend.header("without the Initiator flag", flags=0))
    sa.must_be_up("RFC7296-2.2-5")
    sa.must_be_up("RFC7296-2.2-5")
    answers = [one for one in peer.inbox[mark:] if one.protected and one.message.is_response and not one.taken]
    peer.check(not answers, "no protected answer", "; ".join(map(str, answers)), "RFC7296-2.2-5")


@purpose(
    "mid-rekey-resets", "RFC7296-2.2-4", "RFC7296-2.18-8", "RFC7296-2.3-13",
    role="responder", needs=(Capability.REKEY_IKE,),
)  # fmt: skip
def test_rekey_resets(peer: Peer) -> None:
    """After a rekey of the IKE SA message IDs begin at 0 again, and the old count means nothing there."""
    sa = peer.establish()
    for _ in range(4):
        sa.liveness()
    with peer.preamble("the rekey"):
        new = successor(peer, sa)
    with new.silence("RFC7296-2.3-13"):
        new.send(ExchangeType.INFORMATIONAL, message_id=sa.next_id)
    new.must_be_up("RFC7296-2.2-4")


@purpose(
    "mid-rekey-resets-device", "RFC7296-2.2-4", "RFC7296-2.18-8",
    role="initiator", needs=(Capability.REKEY_IKE, Capability.REKEY_CHILD, Capability.DELETE_CHILD),
)  # fmt: skip
def test_rekey_resets_device(peer: Peer, dut: Dut) -> None:
    """The device's own count begins at 0 again, too: its first request on the new IKE SA shows it."""
    dut.initiate()
    sa = peer.accept()
    with peer.preamble("the rekey"):
        new = successor(peer, sa)
    new.must_be_up("RFC7296-2.18-8")
    dut.delete_child()
    new.answer(new.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child))
    must_count(peer, new, "RFC7296-2.2-4")


@purpose(
    "mid-rekey-window", ONE_AGAIN, "RFC7296-1.3.2-9", "RFC7296-2.3-13", role="responder",
    needs=(Capability.REKEY_IKE,),
)  # fmt: skip
def test_rekey_window(peer: Peer) -> None:
    """After a rekey the window is one message again, whatever it was before: a request beyond it is not answered.

    The next one is. A device that has announced a window on the new IKE SA has opened it there.
    """
    sa = peer.establish()
    with peer.preamble("the rekey"):
        new = successor(peer, sa)
    with peer.silence(new.liveness, ONE_AGAIN):
        new.send(ExchangeType.INFORMATIONAL, message_id=_beyond(peer, new, on=new))
    new.must_be_up(ONE_AGAIN)


@purpose(
    "mid-rekey-window-device", ONE_AGAIN, "RFC7296-1.3.2-9", "RFC7296-2.3-3", role="initiator",
    needs=(Capability.REKEY_IKE, Capability.REKEY_CHILD, Capability.DELETE_CHILD),
)  # fmt: skip
def test_rekey_window_device(peer: Peer, dut: Dut) -> None:
    """We announce a window of five, and the IKE SA is rekeyed: on the new one the device has one request under way.

    It wants two exchanges at once, and the second begins only after the response to the first.
    """
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    with peer.preamble("the device initiates"):
        window = Notify(NotifyType.SET_WINDOW_SIZE, WINDOW.to_bytes(4, "big"))
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bend.append(window))
        sa.must_be_established()
    peer.pause()
    with peer.preamble("the rekey"):
        new = successor(peer, sa)
    peer.pause()
    dut.delete_child()
    first = new.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    dut.rekey_ike()
    new.must_be_up()
    peer.idle(peer.response_timeout / 10)
    new.must_be_up()
    number = first.message.message_id
    early = [one for one in peer.inbox if one.sa is new and not one.message.is_response]
    early = [one for one in early if one.message.message_id > number]
    peer.check(not early, "no second request before our response", "; ".join(map(str, early)), ONE_AGAIN)
    goes_on(peer, new, first)


def _beyond(peer: Peer, sa: ScriptedSa, further: int = 0, *, on: ScriptedSa | None = None) -> int:
    """The first message ID behind the window that the device has announced, or a ``further`` one.

    Raises NotApplicable where it keeps state for as many requests as there are message IDs.
    """
    number = sa.next_id + _window(peer, on) + further
    if number > LAST:
        raise NotApplicable("the device announces so large a window that no message ID is beyond it")
    return number


def _window(peer: Peer, sa: ScriptedSa | None = None) -> int:
    """How many requests the device promised to keep state for, on any IKE SA or on this one."""
    sizes = [_window_size(one.message) for one in peer.inbox if sa is None or one.sa is sa]
    return max([1, *sizes])


def _window_size(message: Message) -> int:
    """What a message announces: in four octets, for the invariants see to others (RFC 7296, section 2.3)."""
    notify: Notify | None = message.notify(NotifyType.SET_WINDOW_SIZE)
    return int.from_bytes(notify.data, "big") if notify is not None and len(notify.data) == 4 else 1
