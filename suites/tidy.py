"""What a conversation leaves behind on a device that nobody clears before the next one."""

from collections.abc import Callable
from functools import partial

from conformance.ike.core.events import Violation
from conformance.ike.core.sending import State
from conformance.net.link import LinkError
from conformance.script.mailbox import is_init_request
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import SA, ExchangeType

_AFTER_PROOF = 0.05
"""Of the time for an answer, how long one to a Delete may come after that to a later request."""


def tidy(peer: Peer, prove: Callable[[], bool] = lambda: False) -> None:
    """Delete the IKE SAs of a conversation, and complete those first that are half-open.

    A device may keep only a few half-open ones for an address, or one for an identity: without this the next purpose
    would find its door shut. What the device has begun itself is completed, too, or it would go on repeating it.

    Often it has forgotten an IKE SA that we still have, and says nothing. ``prove`` asks it for something else when all
    Deletes are sent: where that is answered, nobody waits any longer for answers that have not come. A device that
    answers no more is left alone.
    """
    for step in (_complete, _authenticate, partial(_delete, prove=prove)):
        try:
            step(peer)
        except (Unexpected, Inconclusive, LinkError) as silent:
            peer.note(f"not everything is tidied up: {silent}")


def _authenticate(peer: Peer) -> None:
    """Complete what we have left half-open; the newest first, which is the likeliest to be there still."""
    for sa in peer.sas.values():
        sa.pending = None
        sa.queue.clear()
    for sa in reversed(list(peer.sas.values())):
        if sa.initiator and sa.keys is None:
            _agree(sa)
        if sa.initiator and sa.state == State.HALF_OPEN and sa.next_id == 1 and sa.keys is not None:
            sa.auth()


def _delete(peer: Peer, prove: Callable[[], bool]) -> None:
    """Delete what is established."""
    left = [sa for sa in peer.sas.values() if sa.state == State.ESTABLISHED]
    sent = [(sa, sa.begin(sa.start_delete)) for sa in left]
    patience = peer.response_timeout * (_AFTER_PROOF if prove() else 1.0)
    end = peer.link.now() + patience
    for sa, request in sent:
        if sa.state != State.CLOSED:
            sa.response(request, max(0.0, end - peer.link.now()))


def _agree(sa: ScriptedSa) -> None:
    """Take what the device chose out of a bent offer, whatever it is: for it the IKE SA is half-open."""
    for received in sa.peer.inbox:
        message = received.message
        choice = message.first(SA)
        if received.sa is sa and message.exchange == ExchangeType.IKE_SA_INIT and choice is not None:
            sa.offered, sa.last_raw = choice.proposals, received.raw
            try:
                sa.accept_init_response(message)
            except Violation:
                continue
            return


def _complete(peer: Peer) -> None:
    """Answer what the device has begun: errors in IKE_SA_INIT would not end it at once (RFC 7296, section 2.21.1)."""
    for received in list(peer.inbox):
        if is_init_request(received.message) and received.sa is None and not received.answered:
            peer.respond_init(received).expect_request(ExchangeType.IKE_AUTH)
    for sa in list(peer.sas.values()):
        held = sa.held
        if held is not None and held.message.exchange == ExchangeType.IKE_AUTH and not held.answered:
            sa.answer(held)


def attempts(peer: Peer) -> list[bytes]:
    """The initiator's SPIs of the IKE SAs that the device has begun to open: it may repeat its requests for a while."""
    return [one.message.spi_i for one in peer.inbox if is_init_request(one.message)]
