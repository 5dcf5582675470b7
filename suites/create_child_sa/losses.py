"""Messages that get lost the first time: they come late, as on a line that loses datagrams (RFC 7296, section 2.1)."""

from collections.abc import Callable
from dataclasses import replace
from math import inf

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received, Sent
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import Message
from suites.dut import Dut


def _away(into: list[bytes]) -> Bend:
    """Keep the datagrams of a message in place of sending them."""

    def keep(found: list[bytes]) -> list[bytes]:
        into.extend(found)
        return []

    return bend.datagrams(keep, "lost")


def _as_meant(peer: Peer, sa: ScriptedSa, datagrams: list[bytes]) -> Sent:
    """The message that has just been encoded, with the datagrams that did not go out."""
    assert sa.encoded is not None
    found = replace(sa.encoded, datagrams=tuple(datagrams), bent="", straight=None)
    peer.remember(found)
    peer.note(f"lost: {found.message.exchange.name} {found.message.message_id} of ours")
    return found


def lost(sa: ScriptedSa, start: Callable[[], None]) -> Sent:
    """Begin an exchange whose request does not reach the device before `arrive`."""
    kept: list[bytes] = []
    sa.begin(start, bend=_away(kept))
    assert sa.pending is not None
    sa.pending.deadline = inf
    return _as_meant(sa.peer, sa, kept)


def arrive(sa: ScriptedSa, sent: Sent) -> Message:
    """Repeat a lost request of ours, the same octets; returns the response."""
    assert sa.pending is not None
    sa.pending.datagrams = list(sent.datagrams)
    sa.pending.deadline = sa.peer.link.now() + sa.connection.retransmit_timeout
    sa.resend(sent)
    return sa.response(sent).message


def answer_lost(sa: ScriptedSa, request: Received) -> None:
    """Grant a request of the device; our response reaches it only when it asks again."""
    kept: list[bytes] = []
    sa.answer(request, bend=_away(kept))
    _as_meant(sa.peer, sa, kept)
    sa.last_response = kept


def asked_again(peer: Peer, dut: Dut, request: Received) -> bool:
    """Wait until the device repeats a request that has got no answer, or one that was lost; whether it does.

    Raises NotApplicable where nobody knows how it repeats its requests.
    """
    until = peer.link.now() + dut.retransmission.until(1) + peer.response_timeout

    def again() -> bool:
        return request.copies > 1 or any(one.raw == request.raw for one in peer.inbox if one is not request)

    while not again() and peer.pump(until):
        pass
    return again()
