"""Fragments of a request in any order, doubled, damaged (RFC 7383, section 2.6)."""

from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import ExchangeType, NotifyType
from peers.capabilities import Capability
from suites.choices import ENCR, each
from suites.connections import usual
from suites.dut import Dut
from suites.fragmentation.split import Split, attempts, spoiled
from suites.ike_sa_init.steps import each_taken
from suites.purpose import purpose

NEEDS = (Capability.FRAGMENTATION,)
SMALL = 150
"""Octets of an IP datagram into which a third of our IKE_AUTH request fits."""


@purpose("frag-request", "RFC7383-2.6-7", role="responder", needs=NEEDS)
def test_request(peer: Peer) -> None:
    """An IKE_AUTH request comes in fragments, and the handshake completes."""
    sa = peer.sa(fragment_size=SMALL)
    sa.init()
    sa.auth()
    sa.must_be_established()


@purpose(
    "frag-each-cipher", "RFC7383-2.5-2", "RFC7383-2.6-7", role="responder", needs=NEEDS,
    connection=usual(proposals=each(ENCR)),
)  # fmt: skip
def test_each_cipher(peer: Peer) -> None:
    """An IKE_AUTH request comes in fragments under each cipher that the device takes: each has padding of its own.

    The IKE SA is up then, and a liveness check is answered.
    """
    for sa in each_taken(peer, fragment_size=SMALL):
        sa.auth()
        sa.must_be_established("RFC7383-2.5-2")
        sa.must_be_up("RFC7383-2.5-2")
        sa.delete()


@purpose("frag-reordered", "RFC7383-2.6-7", role="responder", needs=NEEDS)
def test_reordered(peer: Peer) -> None:
    """The fragments of an IKE_AUTH request come in reverse order, and the handshake completes."""
    sa = peer.sa(fragment_size=SMALL)
    sa.init()
    sa.auth(bend.datagrams(lambda found: found[::-1], "fragments in reverse order"))
    sa.must_be_established()


@purpose("frag-uneven", "RFC7383-2.6-7", role="responder", needs=NEEDS)
def test_uneven(peer: Peer) -> None:
    """Fragments of any size belong together: one octet, almost everything, the rest.

    Where a message is cut is the sender's choice; the pieces need not be equal, nor the last one the smallest.
    """
    for split in attempts(peer):
        with split:
            text = split.plaintext
            split.send(
                *(split.fragment(at, 3, piece) for at, piece in enumerate((text[:1], text[1:-20], text[-20:]), 1))
            )
            split.must_be_answered_once("RFC7383-2.6-7")


@purpose("frag-single", "RFC7383-2.6-7", role="responder", needs=NEEDS)
def test_single(peer: Peer) -> None:
    """A message in fragment 1 of 1 is a message like any other."""
    for split in attempts(peer):
        with split:
            split.send_numbers(1)
            split.must_be_answered_once("RFC7383-2.6-7")


@purpose("frag-then-whole", "RFC7296-1.4-4", "RFC7383-2.4-2", role="responder", needs=NEEDS)
def test_then_whole(peer: Peer) -> None:
    """After fragments were agreed upon and used, whole messages are still answered, and fragments after them.

    The initiator of each exchange decides whether it fragments its request.
    """
    peer.establish(fragment_size=SMALL).must_be_up(
        "RFC7296-1.4-4", "a whole request after a fragmented one is answered"
    )
    for split in attempts(peer, fragment_size=SMALL):
        with split:
            split.send_numbers(3)
            split.must_be_answered_once("RFC7383-2.6-7")


@purpose("frag-incomplete", "RFC7383-4-2", "RFC7383-2.6-7", role="responder", needs=NEEDS)
def test_incomplete(peer: Peer) -> None:
    """Nothing is answered before the last fragment is there, and there is only one response then.

    Two of three fragments are sent; then, as after a loss, all three are sent again.
    """
    for split in attempts(peer):
        with split:
            split.send_numbers(3, 1, 2)
            split.must_be_unanswered("RFC7383-4-2")
            split.send_numbers(3)
            split.must_be_answered_once("RFC7383-2.6-7")


@purpose("frag-duplicate", "RFC7383-2.6-4", role="responder", needs=NEEDS)
def test_duplicate(peer: Peer) -> None:
    """A fragment that comes twice counts once."""
    sa = peer.sa(fragment_size=SMALL)
    sa.init()
    sa.auth(bend.datagrams(lambda found: [found[0], *found], "the first fragment twice"))
    sa.must_be_established()


@purpose("frag-replay-other", "RFC7383-2.6-4", "RFC7383-2.6.1-1", role="responder", needs=NEEDS)
def test_replay_other(peer: Peer) -> None:
    """A fragment with the numbers of a stored one is discarded whatever it holds: the first one counts.

    After fragments 1 and 2 another fragment 2 comes, authentic but with octets that make no sense.
    """
    for split in attempts(peer):
        with split:
            split.send(split.fragment(1, 3), split.fragment(2, 3))
            split.must_be_unanswered("RFC7383-4-2")
            split.send(split.fragment(2, 3, b"\xff" * 100))
            split.must_be_unanswered("RFC7383-4-2")
            split.send_numbers(3, 3)
            split.must_be_answered_once("RFC7383-2.6-4")


@purpose("frag-bad-icv", "RFC7383-2.6-5", "RFC7383-2.5-2", role="responder", needs=NEEDS)
def test_bad_icv(peer: Peer) -> None:
    """A fragment with a wrong ICV is discarded, and the correct one with the same number takes its place."""
    sa = peer.sa(fragment_size=SMALL)
    sa.init()
    sa.auth(bend.datagrams(lambda found: [spoiled(found[1]), *found], "first fragment 2 with a flipped ICV bit"))
    sa.must_be_established()


@purpose("frag-retransmit-first", "RFC7383-2.6.1-2", role="responder", needs=NEEDS)
def test_retransmit_first(peer: Peer) -> None:
    """When fragment 1 of an answered request comes again, the response is sent again."""
    for split in attempts(peer):
        with split:
            split.send_numbers(3)
            answer = split.response()
            split.send_numbers(3, 1)
            again = split.response()
            peer.check(again.message == answer.message, "the same response again", again)
            split.sa.must_be_up()


@purpose("frag-retransmit-other", "RFC7383-2.6.1-3", role="responder", needs=NEEDS)
def test_retransmit_other(peer: Peer) -> None:
    """When another fragment than the first of an answered request comes again, it is ignored."""
    for split in attempts(peer):
        with split:
            split.send_numbers(3)
            split.response()
            with split.sa.silence("RFC7383-2.6.1-3"):
                split.send_numbers(3, 2, 3)


@purpose("frag-next-after-repetition", "RFC7383-2.6-7", "RFC7383-2.6.1-3", role="responder", needs=NEEDS)
def test_next_after_repetition(peer: Peer) -> None:
    """Of an answered request the last two of three fragments come again; the next request in fragments is answered."""
    for split in attempts(peer, ExchangeType.INFORMATIONAL):
        with split:
            split.send_numbers(3)
            split.response()
            split.send_numbers(3, 2, 3)
            following = split.following()
            following.send_numbers(3)
            following.must_be_answered_once("RFC7383-2.6-7")


def _two_of_three(sa: ScriptedSa, wait: float) -> Split:
    split = Split(sa)
    split.send_numbers(3, 1, 2)
    sa.peer.idle(wait)
    return split


@purpose(
    "frag-timeout", "RFC7383-2.6-8", "RFC7383-2.6-9", "RFC7383-2.6-10", role="responder", needs=NEEDS,
    device={"retransmit_timeout": 0.5, "retransmit_tries": 1}, waits=7.0,
)  # fmt: skip
def test_timeout(peer: Peer, dut: Dut) -> None:
    """A request whose last fragment does not come in time is forgotten, and the IKE SA lives on.

    The device should wait as long for fragments as it would wait for a response as an initiator, 1.25 s if that can be
    configured. The third one comes later and completes nothing. Then all of them are sent again.
    """
    patience = dut.retransmission.patience
    sa = peer.establish()
    split = _two_of_three(sa, max(5.0, 2 * patience))
    if sa.successor is not None:  # it has been rekeyed meanwhile
        split = _two_of_three(sa.rekeyed, max(5.0, 2 * patience))
    split.send_numbers(3, 3)
    peer.idle(peer.response_timeout)
    split.must_be_unanswered("RFC7383-2.6-10")
    split.send_numbers(3)
    split.must_be_answered_once("RFC7383-2.6-9")


@purpose("frag-next-exchange", "RFC7383-2.6-7", "RFC7296-2.2-5", role="responder", needs=NEEDS)
def test_next_exchange(peer: Peer) -> None:
    """Fragments of one message do not mix with those of the next one: the Message ID tells them apart."""
    for first in attempts(peer):
        with first:
            for total in (3, 2, 4):
                split = first if total == 3 else Split(first.sa)
                split.send_numbers(total)
                answer = split.response().message
                peer.check(not answer.notify(NotifyType.INVALID_SYNTAX), "a response to the whole request", answer)


@purpose("frag-informational", "RFC7383-2.6-7", "RFC7296-1.4-4", role="responder", needs=NEEDS)
def test_informational(peer: Peer) -> None:
    """An INFORMATIONAL request comes in fragments like any other protected message, and is answered."""
    for split in attempts(peer, ExchangeType.INFORMATIONAL):
        with split:
            split.send_numbers(3)
            split.must_be_answered_once("RFC7383-2.6-7")
