"""Fragment numbers and totals that make no sense, and sets that change (RFC 7383, sections 2.5.2 and 2.6)."""

from conformance.ike.core.protection import Fragment
from conformance.script.peer import Peer
from conformance.wire import ExchangeType, VendorID
from peers.capabilities import Capability
from suites.format.steps import BUSY, serves_others
from suites.fragmentation.split import Split, attempts, spoiled
from suites.purpose import purpose

NEEDS = (Capability.FRAGMENTATION,)
SOON = 0.05
"""Seconds in which a device with several threads has got to each datagram that has come, if it has no other work."""


@purpose("frag-number-zero", "RFC7383-2.6-1", role="responder", needs=NEEDS)
def test_number_zero(peer: Peer) -> None:
    """Fragment 0 of 3 and fragment 1 of 0 are discarded without an answer; the correct set is answered."""
    for split in attempts(peer):
        with split:
            split.send(split.fragment(0, 3), split.fragment(1, 0), split.fragment(0, 0))
            split.must_be_unanswered("RFC7383-2.6-1")
            split.send_numbers(3, 1, 2)
            split.must_be_unanswered("RFC7383-2.6-1")
            split.send_numbers(3, 3)
            split.must_be_answered_once("RFC7383-2.6-1")


@purpose("frag-number-beyond", "RFC7383-2.6-2", role="responder", needs=NEEDS)
def test_number_beyond(peer: Peer) -> None:
    """Fragment 4 of 3 is discarded without an answer; the correct set is answered."""
    for split in attempts(peer):
        with split:
            split.send(split.fragment(4, 3, b"\xff" * 40))
            split.send_numbers(3, 1, 2)
            split.must_be_unanswered("RFC7383-2.6-2")
            split.send_numbers(3, 3)
            split.must_be_answered_once("RFC7383-2.6-2")


@purpose("frag-nonsense-forged", "RFC7296-3.10.1-5", "RFC7383-2.6-1", "RFC7383-2.6-5", role="responder", needs=NEEDS)
def test_nonsense_forged(peer: Peer) -> None:
    """Fragments that make no sense and are not authentic either do nothing to an IKE SA.

    Anybody who sees the SPIs can send fragment 0 of 3, 4 of 3 or 1 of 0 with an ICV that is wrong.
    """
    for split in attempts(peer):
        with split:
            split.send(*(spoiled(split.fragment(number, total)) for number, total in ((0, 3), (4, 3), (1, 0), (0, 0))))
            split.must_be_unanswered("RFC7296-3.10.1-5")
            split.send_numbers(3)
            split.must_be_answered_once("RFC7383-2.6-1")


@purpose("frag-total-smaller", "RFC7383-2.6-3", role="responder", needs=NEEDS)
def test_total_smaller(peer: Peer) -> None:
    """While a set of four is being collected, fragments of a set of three are late ones and discarded.

    Those of a whole set come, of another request, so that an answer to that is another one, however late it comes.
    """
    for split in attempts(peer):
        with split:
            split.send_numbers(4, 1, 2)
            split.must_be_unanswered("RFC7383-4-2")
            split.rival().send_numbers(3)
            split.must_be_unanswered("RFC7383-2.6-3")
            split.send_numbers(4, 3, 4)
            split.must_be_answered_once("RFC7383-2.6-3")


@purpose("frag-total-larger", "RFC7383-2.6-6", "RFC7383-2.5.2-8", role="responder", needs=NEEDS)
def test_total_larger(peer: Peer) -> None:
    """A set that is cut into more pieces takes the place of an incomplete one.

    So does an initiator that looks for the path MTU: it sends 1 and 2 of 3, and then the message in four fragments.
    """
    for split in attempts(peer):
        with split:
            split.send_numbers(3, 1, 2)
            split.must_be_unanswered("RFC7383-4-2")
            split.send_numbers(4)
            split.must_be_answered_once("RFC7383-2.6-6")


@purpose("frag-total-mixed", "RFC7383-2.6-6", "RFC7383-2.6-3", role="responder", needs=NEEDS)
def test_total_mixed(peer: Peer) -> None:
    """When a larger set has begun, the fragments of the smaller one are forgotten: its last one completes nothing.

    1 and 2 of 3, 1 of 4, 3 of 3: no answer. Then 2, 3, 4 of 4 complete the newer set. The smaller set is that of
    another request, so that an answer to it is another one, however late it comes.
    """
    for split in attempts(peer):
        with split:
            rival = split.rival()
            rival.send_numbers(3, 1, 2)
            split.must_be_unanswered("RFC7383-4-2")
            split.send_numbers(4, 1)
            peer.idle(SOON)
            split.must_be_unanswered("RFC7383-2.6-6")
            rival.send_numbers(3, 3)
            split.must_be_unanswered("RFC7383-2.6-6")
            split.send_numbers(4, 2, 3, 4)
            split.must_be_answered_once("RFC7383-2.6-6")


@purpose("frag-limit", "RFC7383-5-1", role="responder", needs=NEEDS)
def test_limit(peer: Peer) -> None:
    """A message of 120 000 octets in 100 fragments is not put together.

    The receiver should bound what it stores, by 64 KB at most, and drop the IKE SA when there is more. Others are
    served all the same.
    """
    split = Split(peer.establish(), vendors=5, octets=24_000)
    split.send_numbers(100)
    serves_others(peer, BUSY)
    number = split.message.message_id
    answers = [one for one in peer.inbox if one.sa is split.sa and one.message.is_response and one.protected]
    late = [one for one in answers if one.message.message_id == number]
    peer.check(not late, "no response", "; ".join(map(str, late)), "RFC7383-5-1")


@purpose("frag-limit-drops", "RFC7383-5-2", role="responder", needs=NEEDS)
def test_limit_drops(peer: Peer) -> None:
    """A peer that sends more than is stored is broken or an attacker: its IKE SA is dropped, with all fragments."""
    split = Split(peer.establish(), vendors=5, octets=24_000)
    split.send_numbers(100)
    serves_others(peer, BUSY)
    split.sa.next_id = split.message.message_id  # what it waits for
    split.sa.must_be_gone("RFC7383-5-2")


@purpose("frag-flood", "RFC7296-5-1", "RFC7383-5-1", role="responder", needs=NEEDS)
def test_flood(peer: Peer) -> None:
    """100 fragments of an IKE_AUTH request that never becomes complete do not keep others out.

    Whoever completes IKE_SA_INIT can send them, without having proved who it is.
    """
    sa = peer.sa(fragment_size=150)
    with peer.preamble("IKE_SA_INIT"):
        sa.init()
    message = sa.message(ExchangeType.IKE_AUTH, [VendorID(bytes(60_000))] * 5, 1, response=False)
    inner, text = sa.plaintext(message)
    pieces = (sa.seal(message, inner if at == 1 else 0, text[:1200], Fragment(at, 1000)) for at in range(1, 101))
    sa.transmit(list(pieces), sa.local, sa.remote)
    serves_others(peer, BUSY)
