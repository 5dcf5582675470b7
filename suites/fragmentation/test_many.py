"""Messages in many fragments: their number has no limit but its 16 bits (RFC 7383, sections 2.5 and 2.6).

On a path of 576 octets an IKE_AUTH request with certificates is 17 fragments and more, and clients do send it so. A
device may bound the size of what it puts together (section 5), not the number of pieces.
"""

from contextlib import suppress

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Sent
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import NotifyType
from peers.capabilities import Capability
from suites.format.steps import BUSY
from suites.fragmentation.split import TRIES, Split
from suites.ike_auth.steps import chained
from suites.purpose import purpose

NEEDS = (Capability.FRAGMENTATION,)
TOGETHER = "RFC7383-2.6-7"
SPELL = 16
"""Datagrams that any socket has room for."""


def must_be_put_together(peer: Peer, total: int, *numbers: int) -> None:
    """A request in so many fragments, sent in this order, must get its response.

    Without one all of it is sent again, as an initiator does it, but in spells: of so many datagrams one may get lost,
    and of a burst always the same ones, for which the buffer of a socket has no room. A device that takes them one by
    one may need its time, and between the spells, too.
    """
    split = Split(peer.establish(initial_contact=False))
    sent = Sent(split.message, (), encrypted=True)
    order = numbers or range(1, total + 1)
    for attempt in range(TRIES):
        spell = SPELL if attempt else len(order)
        for at in range(0, len(order), spell):
            split.send_numbers(total, *order[at : at + spell])
            peer.idle(attempt * peer.response_timeout / 20)
        with suppress(Unexpected):
            answer = split.sa.response(sent, peer.response_timeout * BUSY / TRIES).message
            readable = answer.notify(NotifyType.INVALID_SYNTAX) is None
            break
    else:
        raise Unexpected(f"a response to a request in {total} fragments", "nothing", TOGETHER)
    peer.check(readable, "a response to the whole request", answer, TOGETHER)


@purpose("frag-many", TOGETHER, role="responder", needs=NEEDS)
def test_many(peer: Peer) -> None:
    """Requests in 17, 33 and 64 fragments are put together and answered."""
    for total in (17, 33, 64):
        must_be_put_together(peer, total)


@purpose("frag-many-reversed", TOGETHER, role="responder", needs=NEEDS)
def test_many_reversed(peer: Peer) -> None:
    """A request in 64 fragments, the last one first, every second one twice, is put together and answered."""
    must_be_put_together(peer, 64, *(number for at in range(64, 0, -1) for number in [at] * (1 + at % 2)))


def counted(sizes: list[int]) -> Bend:
    """Write down in how many datagrams a message goes."""

    def count(found: list[bytes]) -> list[bytes]:
        sizes.append(len(found))
        return found

    return bend.datagrams(count, "in many fragments")


@purpose("frag-many-auth", TOGETHER, role="responder", needs=NEEDS, connection=chained(3))
def test_many_auth(peer: Peer) -> None:
    """An IKE_AUTH request with a chain of four certificates comes in more than 16 fragments: all goes well."""
    sizes: list[int] = []
    sa = peer.sa(fragment_size=160)
    sa.init()
    sa.auth(counted(sizes))
    peer.check(sizes[0] > 16, "more than 16 fragments of ours", sizes[0])
    sa.must_be_established(TOGETHER)
