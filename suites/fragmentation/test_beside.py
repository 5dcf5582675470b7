"""What stands beside a fragment, fragments where there should be none, and what a later one holds (RFC 7383)."""

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import (
    SKF,
    Delete,
    ExchangeType,
    NotifyType,
    Payload,
    PayloadType,
    ProtocolID,
    UnknownPayload,
    encode_payloads,
)
from peers.capabilities import Capability
from suites.dut import Dut
from suites.format.beside import beside
from suites.fragmentation.split import CRITICAL, Split, answer_in_fragments, attempts, received_fragments, said
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import control, is_taken_by, must_be_refused_by, none_the_worse
from suites.ike_sa_init.steps import goes_no_further, no_sa_for
from suites.purpose import purpose

NEEDS = (Capability.FRAGMENTATION,)
UNKNOWN = UnknownPayload(200, b"ikespec")
MANY = (UNKNOWN,) * 40
"""More payloads than a device may have room for in one message."""
WHOLE, TOGETHER, REJECTED, AGREED = "RFC7383-2.2-1", "RFC7383-2.6-7", "RFC7296-2.5-10", "RFC7383-2.4-1"
LAST, PROTECTED = "RFC7383-2.5-3", "RFC7296-1.2-1"


@purpose("frag-beside-unknown", TOGETHER, "RFC7383-2.5.3-1", "RFC7296-2.5-13", role="responder", needs=NEEDS)
def test_unknown(peer: Peer) -> None:
    """In front of fragment 1 stands an unknown payload in clear, not critical: the message is put together.

    It comes last: while a device works on it, it may take the others for repetitions of the same request.
    """
    for split in attempts(peer):
        with split:
            split.send(split.fragment(2, 3), split.fragment(3, 3), split.beside(1, 3, UNKNOWN))
            split.must_be_answered_once(TOGETHER)


@purpose("frag-response-beside-unknown", TOGETHER, "RFC7383-2.5.3-1", "RFC7296-2.5-13", role="initiator", needs=NEEDS)
def test_response_unknown(peer: Peer, dut: Dut) -> None:
    """An initiator puts our IKE_AUTH response together where an unknown payload stands in front of fragment 1.

    It comes last: while a device works on it, it may take the others for repetitions of the same response.
    """
    last = bend.datagrams(lambda found: [*found[1:], found[0]], "fragment 1 last")
    answer_in_fragments(peer, dut, lambda sa: beside(sa, UNKNOWN) | last, TOGETHER)


@purpose("frag-beside-many", TOGETHER, "RFC7296-2.5-13", role="responder", needs=NEEDS)
def test_many(peer: Peer) -> None:
    """In front of each fragment stand forty unknown payloads in clear: it counts or not, and the right ones do then."""
    for split in attempts(peer):
        with split:
            split.send(*(split.beside(number, 3, *MANY) for number in (2, 3, 1)))
            peer.pause()
            split.send_numbers(3)
            if split.response().message.notify(NotifyType.INVALID_SYNTAX):
                control(peer)
                return
            split.sa.must_be_up(TOGETHER)


@purpose("frag-response-beside-many", TOGETHER, "RFC7296-2.5-13", role="initiator", needs=NEEDS)
def test_response_many(peer: Peer, dut: Dut) -> None:
    """Forty unknown payloads in clear stand in front of fragment 1 of our IKE_AUTH response: it counts, or not."""
    attempt = begun(peer, dut, fragment_size=150)
    last = bend.datagrams(lambda found: [*found[1:], found[0]], "fragment 1 last")
    attempt.sa.answer(attempt.request, bend=beside(attempt.sa, *MANY) | last)
    peer.note("it takes that" if is_taken_by(dut, peer, attempt.sa) else "it does not take that")
    if attempt.beside is not None:
        none_the_worse(peer, attempt.beside)


def _behind(raw: bytes, clear: bytes) -> bytes:
    """A protected message with more behind its last payload, and the Length of both in its header."""
    return raw[:24] + (len(raw) + len(clear)).to_bytes(4, "big") + raw[28:] + clear


def _goes_on(split: Split, *strange: bytes) -> None:
    """What is odd comes first; then the right fragments are answered, and the IKE SA is up."""
    split.send(*strange)
    split.sa.peer.pause()
    split.send_numbers(3)
    split.response()
    split.sa.must_be_up(PROTECTED, "the IKE SA survives what stands behind a fragment")


@purpose("frag-not-last", PROTECTED, LAST, role="responder", needs=NEEDS)
def test_not_last(peer: Peer) -> None:
    """Behind the Encrypted Fragment payload stands a Delete of the IKE SA in clear: it has no effect."""
    for split in attempts(peer):
        with split:
            clear = encode_payloads([Delete(ProtocolID.IKE)])[1]
            _goes_on(split, _behind(split.fragment(1, 3), clear))


@purpose("frag-and-whole", PROTECTED, LAST, "RFC7296-3.1-5", role="responder", needs=NEEDS)
def test_and_whole(peer: Peer) -> None:
    """Behind the Encrypted Fragment payload stands an Encrypted payload that deletes the IKE SA: it has no effect.

    It is taken out of a message of its own, so it is not authentic where it stands.
    """
    for split in attempts(peer):
        with split:
            sa = split.sa
            number = split.message.message_id
            delete = sa.message(ExchangeType.INFORMATIONAL, [Delete(ProtocolID.IKE)], number, response=False)
            whole = sa.seal(delete, *sa.plaintext(delete), None)[28:]
            _goes_on(split, _behind(split.fragment(1, 3), whole))


@purpose("frag-unnegotiated", AGREED, PROTECTED, role="responder", needs=NEEDS)
def test_unnegotiated(peer: Peer) -> None:
    """We send fragments and have not announced it: they are ignored, refused, or answered in one whole message."""
    split = Split(peer.establish(fragment_size=0))
    split.send_numbers(3)
    peer.idle(peer.response_timeout / 4)
    found = received_fragments(peer, ExchangeType.CREATE_CHILD_SA)
    cut = [one for one in found if one[0].first(SKF)]
    peer.check(not cut, "no fragments", said(cut), AGREED)
    answers = [one.message for one in peer.inbox if one.sa is split.sa and one.protected and one.message.is_response]
    if any(one.notify(NotifyType.INVALID_SYNTAX) for one in answers):
        return
    if not any(one.message_id == split.message.message_id for one in answers):
        split.sa.next_id = split.message.message_id
    split.sa.must_be_up(PROTECTED, "the IKE SA survives")


def _as_fragment() -> Bend:
    """All payloads of IKE_SA_INIT in clear inside of an Encrypted Fragment payload, 1 of 1."""

    def wrapped(found: list[Payload]) -> list[Payload]:
        first, octets = encode_payloads(found)
        return [SKF(PayloadType(first), 1, 1, octets)]

    return bend.order(wrapped, "all in fragment 1 of 1")


@purpose("frag-in-init", WHOLE, role="responder", needs=NEEDS)
def test_in_init(peer: Peer) -> None:
    """An IKE_SA_INIT request comes as fragment 1 of 1, in clear, since there are no keys: no IKE SA comes of it."""
    no_sa_for(peer, _as_fragment(), WHOLE)


@purpose("frag-in-init-response", WHOLE, "RFC7296-2.21-2", role="initiator", needs=NEEDS)
def test_in_init_response(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response comes as fragment 1 of 1, in clear: the device does not go on with it."""
    goes_no_further(peer, dut, _as_fragment(), WHOLE)


@purpose("frag-critical", REJECTED, "RFC7296-2.5-11", "RFC7296-2.5-12", TOGETHER, role="responder", needs=NEEDS)
def test_critical(peer: Peer) -> None:
    """The last payload, in the last of three fragments, is unknown and critical: the whole request is rejected."""
    for split in attempts(peer, more=(CRITICAL,)):
        with split:
            split.send_numbers(3)
            answer = split.response().message
            notify = peer.expect_notify(answer, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "RFC7296-2.5-11")
            peer.check(
                notify.data == bytes((200,)), "the payload type 200 as data", notify.data.hex(), "RFC7296-2.5-12"
            )


@purpose("frag-response-critical", REJECTED, "RFC7296-1.2-18", role="initiator", needs=NEEDS)
def test_response_critical(peer: Peer, dut: Dut) -> None:
    """The last payload of our IKE_AUTH response in fragments is unknown and critical: the device rejects it all."""
    attempt = begun(peer, dut, fragment_size=150)
    attempt.sa.answer(attempt.request, bend=bend.append(CRITICAL))
    must_be_refused_by(dut, peer, attempt)
